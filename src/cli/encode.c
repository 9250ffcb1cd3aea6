/* encode.c - see encode.h. Layer: cli. */
#include "cli/encode.h"
#include <stdlib.h>
#include <string.h>
#include "base/lines.h"

/* ---- life ---- */

static size_t logit_count(const zoo_encode *e)
{
    return zoo_model_label_count(e->model);
}

int zoo_encode_open(zoo_encode **out, const zoo_command *command, const char *dir, const char *precision,
                    uint64_t threads, zoo_err *err)
{
    zoo_options options = { .size = sizeof options, .threads = threads ? (unsigned)threads : ZOO_ALL_THREADS };
    zoo_encode *e = *out = NULL;
    int rc;

    if (precision && !zoo_precision_parse(precision, &options.precision))
        return zoo_fail(err, ZOO_EUSAGE, "--precision: '%.40s' is none of auto, f32, bf16, int8", precision);
    if (!(e = calloc(1, sizeof *e)))
        return zoo_fail_nomem(err);
    e->command = command;
    e->row = (zoo_text_row)ZOO_TEXT_ROW_INIT;
    e->notes = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 4);
    e->out = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 4);
    rc = zoo_model_open(&e->model, dir, &options, err);
    if (!rc && !zoo_model_has_tokenizer(e->model))
        rc = zoo_fail(err, ZOO_EIO, "%s: has no tokenizer: neither tokenizer.json nor spm.model nor vocab.txt", dir);
    if (!rc)
        rc = zoo_session_new(&e->session, e->model, &options, err);
    if (rc)
        zoo_encode_free(e);
    else
        *out = e;
    return rc;
}

void zoo_encode_free(zoo_encode *e)
{
    if (!e)
        return;
    zoo_session_free(e->session);
    zoo_model_close(e->model);
    zoo_text_row_release(&e->row);
    zoo_buf_release(&e->notes);
    zoo_buf_release(&e->out);
    free(e->ids);
    free(e->types);
    free(e->logits);
    free(e->cls);
    free(e->mean);
    free(e);
}

static int make_outputs(zoo_encode *e, zoo_err *err)
{
    size_t H = zoo_model_hidden_size(e->model);

    if ((e->wants_logits && !(e->logits = calloc(ZOO_ENCODE_LINES * logit_count(e), sizeof *e->logits))) ||
        (e->wants_cls && !(e->cls = calloc(ZOO_ENCODE_LINES * H, sizeof *e->cls))) ||
        (e->wants_mean && !(e->mean = calloc(ZOO_ENCODE_LINES * H, sizeof *e->mean))))
        return zoo_fail_nomem(err);
    return ZOO_OK;
}

/* ---- lines ---- */

int zoo_encode_note(zoo_encode *e, const char *text, size_t size, size_t *at, zoo_err *err)
{
    *at = e->notes.size;
    return zoo_buf_add(&e->notes, text, size) ? zoo_fail_nomem(err) : ZOO_OK;
}

static int keep_tokens(zoo_encode *e, const zoo_tokens *t, zoo_err *err)
{
    size_t count = t->lengths[0], needed = e->tokens + count;

    if (needed > e->capacity) {
        size_t capacity = needed < 2 * ZOO_ENCODE_TOKENS ? 2 * ZOO_ENCODE_TOKENS : 2 * needed;
        uint32_t *ids = realloc(e->ids, capacity * sizeof *ids);
        uint8_t *types;
        if (!ids)
            return zoo_fail_nomem(err);
        e->ids = ids;
        types = realloc(e->types, capacity);
        if (!types)
            return zoo_fail_nomem(err);
        e->types = types;
        e->capacity = capacity;
    }
    memcpy(e->ids + e->tokens, t->ids, count * sizeof *t->ids);
    if (t->types)
        memcpy(e->types + e->tokens, t->types, count);
    else
        memset(e->types + e->tokens, 0, count);
    e->tokens = needed;
    return ZOO_OK;
}

/* The sentence takes the line's place in the output. */
static int spoil(zoo_encode *e, zoo_encoded *item, const zoo_err *why, zoo_err *err)
{
    zoo_cli_say(e->command, "%s", why->message);
    e->bad++;
    item->error_size = strlen(why->message);
    return zoo_encode_note(e, why->message, item->error_size, &item->error_at, err);
}

static int is_fatal(int code)
{
    return code == ZOO_ENOMEM || code == ZOO_EIO;
}

static int add_line(zoo_encode *e, const char *line, size_t size, zoo_err *err)
{
    zoo_encoded *item = &e->items[e->n];
    zoo_tokens tokens;
    char place[48];
    int rc;

    *item = (zoo_encoded){ .first = e->tokens };
    snprintf(place, sizeof place, "stdin:%zu", e->number);
    rc = e->tokenize(e, line, size, place, item, &tokens, err);
    if (!rc)
        rc = keep_tokens(e, &tokens, err);
    if (!rc) {
        item->count = tokens.lengths[0];
    } else if (!is_fatal(rc)) {
        zoo_err why = *err;
        if (strncmp(why.message, place, strlen(place)))
            zoo_fail_within(&why, "%s", place);
        rc = spoil(e, item, &why, err);
    }
    e->n += !rc;
    return rc;
}

/* ---- batches ---- */

static float *row_of(float *rows, size_t i, size_t width)
{
    return rows ? rows + i * width : NULL;
}

/* items[first..first+n), which lie back to back and are good. */
static int compute(zoo_encode *e, size_t first, size_t n, zoo_err *err)
{
    size_t H = zoo_model_hidden_size(e->model), at = e->items[first].first;
    zoo_tokens tokens = { .ids = e->ids + at, .types = e->types + at, .lengths = e->lengths, .n = n };
    zoo_outputs outputs = { .logits = row_of(e->logits, first, logit_count(e)), .cls = row_of(e->cls, first, H),
                            .mean = row_of(e->mean, first, H) };

    for (size_t i = 0; i < n; i++)
        e->lengths[i] = e->items[first + i].count;
    return zoo_model_run(e->model, e->session, &tokens, &outputs, err);
}

/* One after the other, to find which of them it is that cannot be computed. */
static int compute_alone(zoo_encode *e, size_t first, size_t n, zoo_err *err)
{
    int rc = ZOO_OK;

    for (size_t i = first; i < first + n && !rc; i++) {
        zoo_err why;
        rc = compute(e, i, 1, &why);
        if (is_fatal(rc)) {
            *err = why;
        } else if (rc) {
            zoo_fail_within(&why, "stdin:%zu", e->number - e->n + i + 1);
            rc = spoil(e, &e->items[i], &why, err);
        }
    }
    return rc;
}

/* Runs of good lines go through the network together. */
static int compute_all(zoo_encode *e, zoo_err *err)
{
    int rc = ZOO_OK;

    for (size_t first = 0, n; first < e->n && !rc; first += n) {
        for (n = 0; first + n < e->n && !e->items[first + n].error_size; n++)
            ;
        if (!n) {
            n = 1;
            continue;
        }
        rc = compute(e, first, n, err);
        if (rc && !is_fatal(rc))
            rc = compute_alone(e, first, n, err);
    }
    return rc;
}

static int add_error(zoo_encode *e, const zoo_encoded *item)
{
    return zoo_buf_add_str(&e->out, "{\"error\": ") ||
           zoo_buf_add_json_str(&e->out, e->notes.data + item->error_at, item->error_size) ||
               zoo_buf_add_str(&e->out, "}\n");
}

static int print_all(zoo_encode *e, zoo_err *err)
{
    zoo_buf_clear(&e->out);
    for (size_t i = 0; i < e->n; i++)
        if (e->items[i].error_size ? add_error(e, &e->items[i]) : e->print(e, &e->items[i], i, &e->out))
            return zoo_fail_nomem(err);
    if (e->out.size)
        fwrite(e->out.data, 1, e->out.size, stdout);
    /* Nothing more is read for a reader that has left. */
    return fflush(stdout) || ferror(stdout) ? zoo_fail(err, ZOO_EIO, "stdout cannot be written") : ZOO_OK;
}

/* Takes lines until the batch is full or the next one is not there yet. *more: 0 at the end of the input. */
static int gather(zoo_encode *e, zoo_lines *in, int *more, zoo_err *err)
{
    char *line;
    size_t size;
    int rc;

    e->n = e->tokens = 0;
    zoo_buf_clear(&e->notes);
    while (e->n < ZOO_ENCODE_LINES && e->tokens < ZOO_ENCODE_TOKENS && (!e->n || zoo_lines_ready(in))) {
        *more = zoo_lines_next(in, &line, &size, err);
        if (*more <= 0)
            return *more;
        e->number = in->number;
        if ((rc = add_line(e, line, size, err)))
            return rc;
    }
    return ZOO_OK;
}

int zoo_encode_stdin(zoo_encode *e)
{
    zoo_lines in;
    zoo_err err, reading;
    int more = 1, rc = zoo_lines_open(&in, "-", ROW_LINE_MAX, &err);

    rc = rc ? rc : make_outputs(e, &err);
    while (!rc && more > 0) {
        int broken = gather(e, &in, &more, &reading);
        rc = compute_all(e, &err);
        rc = rc ? rc : print_all(e, &err);       /* what came before a line that cannot be read is still answered */
        if (!rc && broken) {
            err = reading;
            rc = broken;
        }
    }
    zoo_lines_close(&in);
    if (rc)
        return zoo_cli_fail(e->command, &err);
    if (e->bad)
        zoo_cli_say(e->command, "%llu of %zu lines could not be read or computed", (unsigned long long)e->bad,
                    e->number);
    return e->bad ? EXIT_FAILED : EXIT_DONE;
}

/* ---- numbers ---- */

int zoo_encode_add_floats(zoo_buf *out, const float *x, size_t n)
{
    int failed = zoo_buf_add_str(out, "[");

    for (size_t i = 0; i < n && !failed; i++)
        failed = (i && zoo_buf_add_str(out, ", ")) || zoo_buf_add_float(out, x[i]);
    return failed || zoo_buf_add_str(out, "]") ? ZOO_ENOMEM : ZOO_OK;
}
