/* jsonl_in.c - a JSONL file into the store: line by line where the back end tells by the insert whether an id is new; in batches, whose ids are
 * looked up together, where it takes rows in bulk. Either way a line of a known id sees all lines before it. Layer: store. */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/lines.h"
#include "base/name.h"
#include "base/progress.h"
#include "store/import.h"

enum { BATCH_LINES = 4096, BATCH_BYTES = 4 << 20 };

struct line { size_t at, size, number; };

/* Lines that were read and not yet imported. */
struct batch {
    zoo_buf text;
    struct line *lines;
    size_t count, capacity;
    const char **ids;                    /* (BATCH_LINES): of one look-up */
    zoo_buf scratch;
    zoo_arena arena;                     /* the ids */
};

/* ---- one line ---- */

/* Makes what was appended visible to statements. */
static int flush(zoo_import *im)
{
    zoo_names_clear(&im->pending);
    return im->store->db->driver->flush(im->store->db, im->err);
}

static int note_pending(zoo_import *im)
{
    uint32_t number;

    return zoo_names_add(&im->pending, im->row.id.text, im->row.id.size, &number) ? zoo_fail_nomem(im->err) : ZOO_OK;
}

/* A merge reads what is stored of its id alone. Where rows go over in bulk, others' may wait: a flush for each would be most of the time. */
static int merge_row(zoo_import *im)
{
    int copies = im->store->db->driver->copies, rc = ZOO_OK;
    uint32_t number;

    if (!copies || zoo_names_find(&im->pending, im->row.id.text, im->row.id.size, &number))
        rc = flush(im);
    if (!rc)
        rc = zoo_import_merge(im);
    return rc || !copies ? rc : note_pending(im);
}

static int import_query(zoo_import *im)
{
    uint32_t number;
    int rc;

    if (!im->row.query.text)
        return merge_row(im);
    if (!im->store->db->driver->copies) {
        rc = zoo_import_new_or_known(im);
        return rc < 0 ? rc : rc == 1 ? ZOO_OK : merge_row(im);
    }
    if (zoo_names_find(&im->known, im->row.id.text, im->row.id.size, &number))
        return merge_row(im);
    if (zoo_names_add(&im->known, im->row.id.text, im->row.id.size, &number))
        return zoo_fail_nomem(im->err);
    return note_pending(im) ? ZOO_ENOMEM : zoo_import_new(im);
}

static int import_row(zoo_import *im)
{
    int rc;

    if (im->row.kind == ZOO_ROW_QUERY)
        return import_query(im);
    rc = flush(im);
    if (rc)
        return rc;
    return im->row.kind == ZOO_ROW_ANSWER ? zoo_import_answer(im) : zoo_import_judgement(im);
}

/* What failed with `rc` is left out and reported where it may be: then ZOO_OK. */
static int leave_out(zoo_import *im, int rc)
{
    if (!im->options->skip_bad || (rc != ZOO_EFORMAT && rc != ZOO_ECONFLICT))
        return rc;
    im->counts->skipped++;
    if (im->options->report)
        im->options->report(im->options->context, im->err);
    return ZOO_OK;
}

static int import_line(zoo_import *im, const char *line, size_t size, const char *file, size_t number)
{
    int rc = zoo_row_read(&im->row, line, size, file, number, im->err);

    if (!rc)
        rc = import_row(im);
    if (rc == ZOO_EUSAGE) {              /* a limit of the store, met while the row was written: no row can be left out any more */
        zoo_fail_within(im->err, "%s:%zu", file, number);
        return im->err->code = ZOO_EFORMAT;
    }
    if (!rc)
        im->counts->mended += im->row.mended;
    return leave_out(im, rc);
}

/* ---- a batch of lines ---- */

/* Which of the batch's ids are stored goes into im->known. */
static int look_up(zoo_import *im, struct batch *b)
{
    zoo_texts ids = { b->ids, 0 };
    uint32_t number;
    size_t size;
    int rc;

    zoo_names_clear(&im->known);
    for (size_t i = 0; i < b->count; i++) {
        zoo_span id;
        if (!zoo_row_peek_id(b->text.data + b->lines[i].at, b->lines[i].size, &id, &b->scratch))
            continue;                    /* what is wrong with the line is said when it is read */
        b->ids[ids.count] = zoo_arena_copy(&b->arena, id.text, id.size);
        if (!b->ids[ids.count++])
            return zoo_fail_nomem(im->err);
    }
    rc = zoo_sql_bind(im->store, ZOO_SQL_QUERIES_KNOWN, im->err, &ids);
    while (!rc && (rc = zoo_sql_step(im->store, ZOO_SQL_QUERIES_KNOWN, im->err)) == 1) {
        const char *id = zoo_sql_text(im->store, ZOO_SQL_QUERIES_KNOWN, 0, &size);
        rc = !id || zoo_names_add(&im->known, id, size, &number) ? zoo_fail_nomem(im->err) : ZOO_OK;
    }
    zoo_sql_reset(im->store, ZOO_SQL_QUERIES_KNOWN);
    return rc;
}

static int import_batch(zoo_import *im, struct batch *b, const char *file)
{
    int rc = b->count ? flush(im) : ZOO_OK;

    if (!rc && b->count)
        rc = look_up(im, b);
    for (size_t i = 0; !rc && i < b->count; i++)
        rc = import_line(im, b->text.data + b->lines[i].at, b->lines[i].size, file, b->lines[i].number);
    b->count = 0;
    zoo_buf_clear(&b->text);
    zoo_arena_release(&b->arena);
    return rc;
}

static int add_to_batch(zoo_import *im, struct batch *b, const char *line, size_t size, const char *file, size_t number)
{
    if (zoo_array_grow(&b->lines, &b->capacity, b->count + 1, sizeof *b->lines, BATCH_LINES))
        return zoo_fail_nomem(im->err);
    b->lines[b->count++] = (struct line){ b->text.size, size, number };
    if (zoo_buf_add(&b->text, line, size + 1))           /* with its NUL, which the reader stops at */
        return zoo_fail_nomem(im->err);
    return b->count < BATCH_LINES && b->text.size < BATCH_BYTES ? ZOO_OK : import_batch(im, b, file);
}

/* ---- the file ---- */

static int is_blank(const char *line, size_t size)
{
    return strspn(line, " \t\r") == size;
}

static int take_line(zoo_import *im, struct batch *b, const char *line, size_t size, const zoo_lines *in)
{
    if (in->number == 1 && size >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {          /* a byte order mark */
        line += 3;
        size -= 3;
    }
    if (is_blank(line, size))
        return ZOO_OK;
    if (im->store->db->driver->copies)
        return add_to_batch(im, b, line, size, in->name, in->number);
    return import_line(im, line, size, in->name, in->number);
}

/* A line that is too long, or reading fails: the lines before it come first. */
static int fail_line(zoo_import *im, struct batch *b, const zoo_lines *in)
{
    zoo_err why = *im->err;
    int rc = import_batch(im, b, in->name);

    if (rc)
        return rc;
    *im->err = why;
    return leave_out(im, why.code);
}

static int import_lines(zoo_import *im, struct batch *b, zoo_lines *in)
{
    zoo_progress progress;
    char *line;
    size_t size;
    int rc;

    zoo_progress_begin(&progress, im->options->progress, "import (bytes)", in->total);
    while ((rc = zoo_lines_next(in, &line, &size, im->err)) != 0) {
        rc = rc < 0 ? fail_line(im, b, in) : take_line(im, b, line, size, in);
        if (rc)
            break;
        zoo_progress_note(&progress, "%zu lines of %.60s", in->number, in->name);
        zoo_progress_set(&progress, in->offset);
    }
    if (!rc)
        rc = import_batch(im, b, in->name);
    if (!rc)
        rc = zoo_store_commit(im->store, im->err);
    if (!rc)
        zoo_progress_end(&progress);
    return rc;
}

static int import_file(zoo_import *im, zoo_lines *in)
{
    struct batch b = { .text = ZOO_BUF_INIT(SIZE_MAX / 4), .scratch = ZOO_BUF_INIT(SIZE_MAX / 4) };
    zoo_store *s = im->store;
    int rc = s->db->driver->bulk_begin(s->db, im->err);

    b.ids = malloc(BATCH_LINES * sizeof *b.ids);
    im->known.limit = im->pending.limit = 2 * BATCH_LINES;
    if (!rc && !b.ids)
        rc = zoo_fail_nomem(im->err);
    if (!rc)
        rc = zoo_sql_bind(s, ZOO_SQL_QUERY_NEXT_KEY, im->err);
    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_QUERY_NEXT_KEY, &im->next_query, NULL, im->err);
    if (!rc)
        rc = import_lines(im, &b, in);
    if (rc)
        zoo_store_rollback(s);
    s->db->driver->bulk_end(s->db);
    zoo_buf_release(&b.text);
    zoo_buf_release(&b.scratch);
    zoo_arena_release(&b.arena);
    free(b.lines);
    free(b.ids);
    return rc;
}

int zoo_store_import(zoo_store *store, const char *path, const zoo_import_options *options, zoo_import_counts *counts, zoo_err *err)
{
    const zoo_import_counts before = *counts;
    zoo_import im;
    zoo_err own;
    zoo_lines in;
    int rc;

    if (!err)
        err = &own;
    if (options->reward_model && !zoo_name_is_valid(options->reward_model))
        return zoo_fail(err, ZOO_EUSAGE, "reward model '%.140s' should be 1 to %d characters of " ZOO_NAME_CHARACTERS, options->reward_model,
                        ZOO_NAME_MAX);
    rc = zoo_store_check_split_name(options->split, path, err);
    if (!rc)
        rc = zoo_lines_open(&in, path, ZOO_JSONL_LINE_MAX, err);
    if (rc)
        return rc;
    zoo_import_init(&im, store, options, counts, err);
    rc = import_file(&im, &in);
    if (rc)
        *counts = before;
    if (rc == ZOO_EIO)
        zoo_fail_within(err, "%s: nothing of it is stored", path);
    zoo_import_release(&im);
    zoo_lines_close(&in);
    return rc;
}
