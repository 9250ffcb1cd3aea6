/* demo_shuffle.c - hands each query's rewards to another query: what a router is trained
 * on that has nothing to learn. */
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/rng.h"
#include "cli/demo.h"

enum { MAX_LINE = 1 << 20, MAX_FILE = 64 << 20 };

/* The rows of a JSONL file as an array; NULL with a sentence. */
static json_t *read_rows(const char *path, zoo_err *err)
{
    json_t *rows = json_array();
    zoo_lines in;
    size_t size;
    char *line;
    int rc = rows ? zoo_lines_open(&in, path, MAX_LINE, err) : zoo_fail_nomem(err);

    if (!rc) {
        while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1) {
            json_t *row = zoo_json_parse(line, size, path, err);
            if (!row || json_array_append_new(rows, row)) {
                rc = row ? zoo_fail_nomem(err) : ZOO_EFORMAT;
                break;
            }
        }
        zoo_lines_close(&in);
    }
    if (!rc)
        return rows;
    json_decref(rows);
    return NULL;
}

static int fill(zoo_buf *out, const json_t *rows, const size_t *order)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_pack("{s:O, s:O}", "id", json_object_get(json_array_get(rows, i), "id"), "rewards",
                                json_object_get(json_array_get(rows, order[i]), "rewards"));
        int failed = !row || zoo_json_dump(out, row) || zoo_buf_add_str(out, "\n");
        json_decref(row);
        if (failed)
            return ZOO_ENOMEM;
    }
    return ZOO_OK;
}

int zoo_demo_shuffle(const char *from, const char *to, uint64_t seed, zoo_err *err)
{
    json_t *rows = read_rows(from, err);
    zoo_buf out = ZOO_BUF_INIT(MAX_FILE);
    size_t n = json_array_size(rows), *order;
    zoo_rng rng;
    int rc;

    if (!rows)
        return err->code;
    order = calloc(n + 1, sizeof *order);
    zoo_rng_init(&rng, seed);
    for (size_t i = 0; order && i < n; i++)
        order[i] = i;
    if (order)
        zoo_rng_shuffle(&rng, order, n);
    if (!order || fill(&out, rows, order))
        rc = zoo_fail_nomem(err);
    else
        rc = zoo_fs_write(to, out.data ? out.data : "", out.size, err);
    free(order);
    zoo_buf_release(&out);
    json_decref(rows);
    return rc;
}
