/* jsonl_in.c - a JSONL file into the store: line by line where the back end tells by the insert whether an id is new;
 * in batches, whose ids are looked up together, where it takes rows in bulk. Either way a line of a known id sees all
 * lines before it. Layer: store. */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/lines.h"
#include "base/name.h"
#include "base/progress.h"
#include "store/import.h"

enum { BATCH_LINES = ZOO_AHEAD_LINES, BATCH_BYTES = 4 << 20 };
enum { NO_ID = UINT32_MAX };

struct line { size_t at, size, number; uint32_t id; };           /* id: its number among the batch's, or NO_ID */

/* What lines of this batch have written of a query so far: then it is asked of the store,
 * which has to have all of it. */
enum { BY_A_ROW = 1, BY_AN_ADDRESS = 2 };

/* Lines that were read and not yet imported. */
struct batch {
    zoo_buf text;
    struct line *lines;
    size_t count, capacity;
    const char **ids;                    /* (BATCH_LINES): of one look-up */
    zoo_key *keys;                       /* (BATCH_LINES): of each line's query */
    zoo_buf scratch;
};

/* ---- one line ---- */

static int flush(zoo_import *im)
{
    return im->store->db->driver->flush(im->store->db, im->err);
}

static int merge_row(zoo_import *im)
{
    int rc = flush(im);

    return rc ? rc : zoo_import_merge(im);
}

static int import_query(zoo_import *im)
{
    int rc;

    if (!im->row.query.text)
        return merge_row(im);
    rc = zoo_import_new_or_known(im);
    return rc < 0 ? rc : rc == 1 ? ZOO_OK : merge_row(im);
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

/* ---- the same in a batch ---- */

static int import_query_of_batch(zoo_import *im, uint32_t id)
{
    int rc;

    if (im->known_keys[id] || !im->row.query.text)
        return zoo_import_merge(im);
    rc = zoo_import_new(im);
    if (!rc)
        im->known_keys[id] = im->next_query - 1;
    return rc;
}

/* Notes the address of the line's answer or judgement. 1: a line before it had the same. */
static int touch(zoo_import *im, uint32_t id)
{
    const zoo_row_answer *a = &im->row.answer;
    const zoo_row_judgement *j = &im->row.judgement;
    const size_t before = im->touched.count;
    char text[ZOO_NAME_MAX + 128];
    uint32_t number;

    if (im->row.kind == ZOO_ROW_ANSWER)
        snprintf(text, sizeof text, "%u %u %lld %lld", id, a->expert, (long long)a->sample, (long long)a->turn);
    else
        snprintf(text, sizeof text, "%u %u %lld %u %lld %lld %d %.*s", id, j->expert_a, (long long)j->sample_a,
                 j->expert_b, (long long)j->sample_b, (long long)j->turn, j->shown_ba, (int)im->row.reward_model.size,
                 im->row.reward_model.text);
    if (zoo_names_add(&im->touched, text, strlen(text), &number))
        return zoo_fail_nomem(im->err);
    return im->touched.count == before;
}

/* Whether a line before this one has written what this one compares itself with. */
static int is_written(zoo_import *im, uint32_t id)
{
    unsigned char *state = &im->known_states[id];
    int rc = im->row.kind == ZOO_ROW_QUERY ? *state != 0 : touch(im, id);

    if (rc >= 0)
        rc |= (*state & BY_A_ROW) != 0;
    *state |= im->row.kind == ZOO_ROW_QUERY ? BY_A_ROW : BY_AN_ADDRESS;
    return rc;
}

static int import_row_of_batch(zoo_import *im)
{
    uint32_t id;
    int rc = zoo_names_add(&im->known, im->row.id.text, im->row.id.size, &id) ? zoo_fail_nomem(im->err) :
             is_written(im, id);

    if (rc < 0)
        return rc;
    im->ahead.is_blind = rc;
    rc = rc ? flush(im) : ZOO_OK;
    if (rc)
        return rc;
    if (im->row.kind == ZOO_ROW_QUERY)
        return import_query_of_batch(im, id);
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
        rc = im->ahead.store ? import_row_of_batch(im) : import_row(im);
    if (rc == ZOO_EUSAGE) {   /* a limit of the store, met while the row was written: no row can be left out any more */
        zoo_fail_within(im->err, "%s:%zu", file, number);
        return im->err->code = ZOO_EFORMAT;
    }
    if (!rc)
        im->counts->mended += im->row.mended;
    return leave_out(im, rc);
}

/* ---- a batch of lines ---- */

/* The ids of the batch, each once, into im->known and b->ids. */
static int gather_ids(zoo_import *im, struct batch *b, zoo_texts *ids)
{
    *ids = (zoo_texts){ b->ids, 0 };
    zoo_names_clear(&im->known);
    zoo_names_clear(&im->touched);
    memset(im->known_keys, 0, BATCH_LINES * sizeof *im->known_keys);
    memset(im->known_states, 0, BATCH_LINES);
    for (size_t i = 0; i < b->count; i++) {
        struct line *line = &b->lines[i];
        zoo_span id;
        line->id = NO_ID;
        if (!zoo_row_peek_id(b->text.data + line->at, line->size, &id, &b->scratch))
            continue;                    /* what is wrong with the line is said when it is read */
        if (zoo_names_add(&im->known, id.text, id.size, &line->id))
            return zoo_fail_nomem(im->err);
        if (line->id == ids->count)
            b->ids[ids->count++] = im->known.items[line->id].text;
    }
    return ZOO_OK;
}

/* The keys of those that are stored, by id and by line. */
static int look_up(zoo_import *im, struct batch *b)
{
    const enum zoo_sql sql = ZOO_SQL_QUERIES_KNOWN;
    zoo_texts ids;
    uint32_t number;
    const char *id;
    size_t size;
    int rc = gather_ids(im, b, &ids);

    if (!rc)
        rc = zoo_sql_bind(im->store, sql, im->err, &ids);
    while (!rc && (rc = zoo_sql_step(im->store, sql, im->err)) == 1) {
        rc = zoo_sql_get(im->store, sql, 0, &id, &size, im->err);
        if (!rc && zoo_names_find(&im->known, id, size, &number))
            im->known_keys[number] = zoo_sql_number(im->store, sql, 1);
    }
    zoo_sql_reset(im->store, sql);
    for (size_t i = 0; !rc && i < b->count; i++)
        b->keys[i] = b->lines[i].id == NO_ID ? 0 : im->known_keys[b->lines[i].id];
    return rc;
}

static int import_batch(zoo_import *im, struct batch *b, const char *file)
{
    int rc = b->count ? flush(im) : ZOO_OK;

    if (!rc && b->count)
        rc = look_up(im, b);
    zoo_ahead_begin(&im->ahead, b->keys, b->count);
    for (size_t i = 0; !rc && i < b->count; i++) {
        im->ahead.at = i;
        rc = import_line(im, b->text.data + b->lines[i].at, b->lines[i].size, file, b->lines[i].number);
    }
    b->count = 0;
    zoo_buf_clear(&b->text);
    return rc;
}

static int add_to_batch(zoo_import *im, struct batch *b, const char *line, size_t size, const char *file, size_t number)
{
    if (zoo_array_grow(&b->lines, &b->capacity, b->count + 1, sizeof *b->lines, BATCH_LINES))
        return zoo_fail_nomem(im->err);
    b->lines[b->count++] = (struct line){ b->text.size, size, number, NO_ID };
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

/* What batches need, where the back end takes them. */
static int init_batches(zoo_import *im, struct batch *b)
{
    if (!im->store->db->driver->copies)
        return ZOO_OK;
    b->ids = malloc(BATCH_LINES * sizeof *b->ids);
    b->keys = malloc(BATCH_LINES * sizeof *b->keys);
    im->known_keys = malloc(BATCH_LINES * sizeof *im->known_keys);
    im->known_states = malloc(BATCH_LINES);
    im->known.limit = im->touched.limit = BATCH_LINES;
    if (!b->ids || !b->keys || !im->known_keys || !im->known_states)
        return zoo_fail_nomem(im->err);
    return zoo_ahead_init(&im->ahead, im->store, im->err);
}

static void release_batches(struct batch *b)
{
    zoo_buf_release(&b->text);
    zoo_buf_release(&b->scratch);
    free(b->lines);
    free(b->ids);
    free(b->keys);
}

static int import_file(zoo_import *im, zoo_lines *in)
{
    struct batch b = { .text = ZOO_BUF_INIT(SIZE_MAX / 4), .scratch = ZOO_BUF_INIT(SIZE_MAX / 4) };
    zoo_store *s = im->store;
    int rc = s->db->driver->bulk_begin(s->db, im->err);

    if (!rc)
        rc = init_batches(im, &b);
    if (!rc)
        rc = zoo_sql_bind(s, ZOO_SQL_QUERY_NEXT_KEY, im->err);
    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_QUERY_NEXT_KEY, &im->next_query, NULL, im->err);
    if (!rc)
        rc = import_lines(im, &b, in);
    if (rc)
        zoo_store_rollback(s);
    s->db->driver->bulk_end(s->db);
    release_batches(&b);
    return rc;
}

int zoo_store_import(zoo_store *store, const char *path, const zoo_import_options *options, zoo_import_counts *counts,
                     zoo_err *err)
{
    const zoo_import_counts before = *counts;
    zoo_import im;
    zoo_err own;
    zoo_lines in;
    int rc;

    if (!err)
        err = &own;
    if (options->reward_model && !zoo_name_is_valid(options->reward_model))
        return zoo_fail(err, ZOO_EUSAGE, "reward model '%.140s' should be 1 to %d characters of " ZOO_NAME_CHARACTERS,
                        options->reward_model, ZOO_NAME_MAX);
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
