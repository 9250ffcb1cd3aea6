/* tokenize.c - a tokenizer folder as a program, for tests and timings beside other people's.
 *
 *     tokenize DIR              stdin: {"text", "pair"?, "max_length"?, "plain"?} a line;
 *                               stdout, in the same order: {"ids", "types"}
 *     tokenize DIR --time N     reads all, then encodes it N times;
 *                               stdout: {"load_ms", "best_ms", "bytes", "tokens"} */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/lines.h"
#include "text/tokenizer.h"

enum { LINE_MAX_BYTES = 64 << 20 };

struct texts { json_t **rows; size_t n, capacity; };

static int fail(const zoo_err *err)
{
    fprintf(stderr, "tokenize: %s\n", err->message);
    return 1;
}

static int encode(const zoo_tokenizer *t, zoo_tokenization *work, const json_t *row, zoo_ids *ids, zoo_err *err)
{
    const json_t *text = json_object_get(row, "text"), *pair = json_object_get(row, "pair"),
                         *max = json_object_get(row, "max_length");
    size_t most = max ? (size_t)json_integer_value(max) : ZOO_UNTRUNCATED;

    if (json_is_true(json_object_get(row, "plain")))
        return zoo_tokenizer_encode_plain(t, work, json_string_value(text), json_string_length(text), most, ids, err);
    return zoo_tokenizer_encode(t, work, json_string_value(text), json_string_length(text), json_string_value(pair),
                                json_string_length(pair), most, ids, err);
}

static void print_ids(const zoo_ids *ids)
{
    printf("{\"ids\": [");
    for (size_t i = 0; i < ids->count; i++)
        printf(i ? ",%u" : "%u", ids->ids[i]);
    printf("], \"types\": [");
    for (size_t i = 0; i < ids->count; i++)
        printf(i ? ",%u" : "%u", ids->types[i]);
    puts("]}");
}

static int keep(struct texts *all, json_t *row)
{
    if (all->n == all->capacity) {
        all->capacity = all->capacity ? 2 * all->capacity : 1024;
        all->rows = realloc(all->rows, all->capacity * sizeof *all->rows);
        if (!all->rows)
            return 0;
    }
    all->rows[all->n++] = row;
    return 1;
}

static int time_all(const zoo_tokenizer *t, zoo_tokenization *work, const struct texts *all, long times, double load_ms)
{
    size_t bytes = 0, tokens = 0;
    double best = 1e30;
    zoo_err err;
    zoo_ids ids;

    for (long k = 0; k < times; k++) {
        uint64_t begin = zoo_clock_ns();
        double ms;
        bytes = tokens = 0;
        for (size_t i = 0; i < all->n; i++) {
            if (encode(t, work, all->rows[i], &ids, &err))
                return fail(&err);
            bytes += json_string_length(json_object_get(all->rows[i], "text"));
            tokens += ids.count;
        }
        ms = (double)(zoo_clock_ns() - begin) / 1e6;
        best = ms < best ? ms : best;
    }
    printf("{\"load_ms\": %.2f, \"best_ms\": %.3f, \"bytes\": %zu, \"tokens\": %zu}\n", load_ms, best, bytes, tokens);
    return 0;
}

int main(int argc, char **argv)
{
    long times = argc == 4 && !strcmp(argv[2], "--time") ? strtol(argv[3], NULL, 10) : 0;
    struct texts all = { 0 };
    uint64_t begin = zoo_clock_ns();
    zoo_tokenizer *t;
    zoo_tokenization *work;
    zoo_err err;
    zoo_lines in;
    zoo_ids ids;
    double load_ms;
    char *line;
    size_t size;
    int rc;

    if (argc != 2 && times < 1) {
        fprintf(stderr, "usage: tokenize DIR [--time N] <TEXTS.jsonl\n");
        return 2;
    }
    if (zoo_tokenizer_open(&t, argv[1], &err) || zoo_tokenization_new(&work, t, &err) ||
        zoo_lines_open(&in, "-", LINE_MAX_BYTES, &err))
        return fail(&err);
    load_ms = (double)(zoo_clock_ns() - begin) / 1e6;
    while ((rc = zoo_lines_next(&in, &line, &size, &err)) == 1) {
        json_t *row = zoo_json_parse(line, size, "stdin", &err);
        if (!row || (times ? !keep(&all, row) : encode(t, work, row, &ids, &err)))
            return fail(&err);
        if (!times) {
            print_ids(&ids);
            json_decref(row);
        }
    }
    rc = rc ? fail(&err) : times ? time_all(t, work, &all, times, load_ms) : 0;
    for (size_t i = 0; i < all.n; i++)
        json_decref(all.rows[i]);
    free(all.rows);
    zoo_lines_close(&in);
    zoo_tokenization_free(work);
    zoo_tokenizer_close(t);
    return rc;
}
