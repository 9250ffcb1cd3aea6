/* jsonl_in.c - a JSONL file into the store. New rows are written straight away with keys of our own in ascending order; rows
 * whose id is stored already go to merge.c. Layer: store. */
#include <stdlib.h>
#include <string.h>
#include "base/lines.h"
#include "base/name.h"
#include "base/progress.h"
#include "store/import.h"

enum { CACHED_TAGS = 1 << 16 };          /* keys of tags that are remembered; past that they are forgotten and found again */

/* ---- keys ---- */

static int grow_keys(zoo_key **keys, size_t *capacity, size_t need)
{
    size_t n = *capacity ? *capacity : 64;
    zoo_key *items;

    if (need <= *capacity)
        return ZOO_OK;
    while (n < need)
        n *= 2;
    items = realloc(*keys, n * sizeof *items);
    if (!items)
        return ZOO_ENOMEM;
    memset(items + *capacity, 0, (n - *capacity) * sizeof *items);
    *keys = items;
    *capacity = n;
    return ZOO_OK;
}

int zoo_import_expert(zoo_import *im, uint32_t number, zoo_key *key)
{
    if (grow_keys(&im->expert_keys, &im->expert_capacity, (size_t)number + 1))
        return zoo_fail_nomem(im->err);
    if (!im->expert_keys[number]) {
        int rc = zoo_store_expert(im->store, im->row.experts.items[number].text, &im->expert_keys[number], im->err);
        if (rc)
            return rc;
    }
    *key = im->expert_keys[number];
    return ZOO_OK;
}

static void clear_keys(struct zoo_keys *k)
{
    zoo_names_clear(&k->names);
    if (k->capacity)
        memset(k->keys, 0, k->capacity * sizeof *k->keys);
}

/* The place of the name's key; a full table is emptied first. */
static int find_key(zoo_import *im, struct zoo_keys *k, const char *text, size_t size, zoo_key **key)
{
    uint32_t number;
    int rc;

    if (k->names.count == k->names.limit)
        clear_keys(k);
    rc = zoo_names_add(&k->names, text, size, &number);
    if (!rc)
        rc = grow_keys(&k->keys, &k->capacity, (size_t)number + 1);
    if (rc)
        return zoo_fail_nomem(im->err);
    *key = &k->keys[number];
    return ZOO_OK;
}

zoo_span zoo_import_reward_model_name(const zoo_import *im)
{
    const char *name = im->options->reward_model ? im->options->reward_model : "default";

    return im->row.reward_model.text ? im->row.reward_model : (zoo_span){ name, strlen(name) };
}

int zoo_import_reward_model(zoo_import *im, zoo_key *key)
{
    zoo_span name = zoo_import_reward_model_name(im);
    char text[ZOO_NAME_MAX + 1];
    zoo_key *known = NULL;
    int rc = find_key(im, &im->reward_models, name.text, name.size, &known);

    if (!rc && !*known) {
        snprintf(text, sizeof text, "%.*s", (int)name.size, name.text);
        rc = zoo_store_reward_model(im->store, text, known, im->err);
    }
    if (!rc)
        *key = *known;
    return rc;
}

/* ---- writing ---- */

static int find_tag(zoo_import *im, zoo_span kind, zoo_span value, zoo_key *key)
{
    zoo_key *known = NULL;
    int rc;

    zoo_buf_clear(&im->tag);
    if (zoo_buf_add(&im->tag, kind.text, kind.size) || zoo_buf_add(&im->tag, ":", 1) ||
        zoo_buf_add(&im->tag, value.text, value.size))
        return zoo_fail_nomem(im->err);
    rc = find_key(im, &im->tags, im->tag.data, im->tag.size, &known);
    if (!rc && !*known)
        rc = zoo_db_tag(im->store, kind.text, kind.size, value.text, value.size, known, im->err);
    if (!rc)
        *key = *known;
    return rc;
}

int zoo_import_put_tag(zoo_import *im, zoo_key query, int64_t position, zoo_span kind, zoo_span value)
{
    zoo_key tag = 0;
    int rc = find_tag(im, kind, value, &tag);

    if (rc)
        return rc;
    sqlite3_bind_int64(im->put_tag, 1, query);
    sqlite3_bind_int64(im->put_tag, 2, position);
    sqlite3_bind_int64(im->put_tag, 3, tag);
    return zoo_db_run(im->store, im->put_tag, im->err);
}

/* The statement for n rewards of a query and a reward model. */
static int prepare_rewards(zoo_import *im, size_t n, sqlite3_stmt **out)
{
    zoo_buf sql = ZOO_BUF_INIT(1000);
    int rc = ZOO_OK;

    if (!im->put_rewards[n]) {
        rc = zoo_buf_add_str(&sql, "INSERT OR REPLACE INTO rewards (query, reward_model, expert, value) VALUES ");
        for (size_t i = 0; !rc && i < n; i++)
            rc = zoo_buf_addf(&sql, "%s(?1, ?2, ?%zu, ?%zu)", i ? ", " : "", 2 * i + 3, 2 * i + 4);
        if (rc)
            zoo_fail_nomem(im->err);
        else if (sqlite3_prepare_v3(im->store->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT, &im->put_rewards[n], NULL))
            rc = zoo_db_fail(im->store, im->err);
        zoo_buf_release(&sql);
    }
    *out = im->put_rewards[n];
    return rc;
}

static int put_some_rewards(zoo_import *im, zoo_key query, zoo_key model, const zoo_row_reward *rewards, size_t n)
{
    sqlite3_stmt *st = NULL;
    zoo_key expert = 0;
    int rc = prepare_rewards(im, n, &st);

    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, query);
    sqlite3_bind_int64(st, 2, model);
    for (size_t i = 0; i < n; i++) {
        rc = zoo_import_expert(im, rewards[i].expert, &expert);
        if (rc)
            return rc;
        sqlite3_bind_int64(st, (int)(2 * i + 3), expert);
        sqlite3_bind_double(st, (int)(2 * i + 4), rewards[i].value);
    }
    return zoo_db_run(im->store, st, im->err);
}

int zoo_import_put_rewards(zoo_import *im, zoo_key query)
{
    size_t left = im->row.reward_count;
    const zoo_row_reward *next = im->row.rewards;
    zoo_key model = 0;
    int rc;

    if (!left)
        return ZOO_OK;
    rc = zoo_import_reward_model(im, &model);
    while (!rc && left) {
        size_t n = left < ZOO_IMPORT_REWARDS ? left : ZOO_IMPORT_REWARDS;
        rc = put_some_rewards(im, query, model, next, n);
        next += n;
        left -= n;
    }
    im->counts->rewards += im->row.reward_count;
    return rc;
}

int zoo_import_put_responses(zoo_import *im, zoo_key query)
{
    for (size_t i = 0; i < im->row.response_count; i++) {
        const zoo_row_response *r = &im->row.responses[i];
        sqlite3_stmt *st;
        zoo_key expert = 0;
        int rc = zoo_import_expert(im, r->expert, &expert);
        if (!rc)
            rc = zoo_db_prepare(im->store, &st, im->err, "INSERT OR REPLACE INTO responses (query, expert, text) VALUES (?1, ?2, ?3)",
                                "kkt", query, expert, r->text.text, r->text.size);
        if (!rc)
            rc = zoo_db_run(im->store, st, im->err);
        if (rc)
            return rc;
    }
    im->counts->responses += im->row.response_count;
    return ZOO_OK;
}

/* Tags of a new query; one that comes twice counts once. */
static int put_tags(zoo_import *im, zoo_key query)
{
    const zoo_row *row = &im->row;
    int64_t position = 0;
    int rc = ZOO_OK;

    if (row->dataset.text)
        rc = zoo_import_put_tag(im, query, position++, (zoo_span){ "dataset", 7 }, row->dataset);
    if (!rc && row->subset.text)
        rc = zoo_import_put_tag(im, query, position++, (zoo_span){ "subset", 6 }, row->subset);
    for (size_t i = 0; !rc && i < row->tag_count; i++)
        rc = zoo_import_put_tag(im, query, position++, row->tags[i].kind, row->tags[i].value);
    return rc;
}

/* 1: stored as new; 0: the id is there already. */
static int put_query(zoo_import *im)
{
    const zoo_row *row = &im->row;
    const char *split = im->options->split ? im->options->split : row->split.text;
    size_t split_size = im->options->split ? strlen(split) : row->split.size;
    sqlite3_stmt *st = im->put_query;
    int rc;

    sqlite3_bind_int64(st, 1, im->next_query);
    sqlite3_bind_text64(st, 2, row->id.text, row->id.size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(st, 3, split, split_size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(st, 4, row->query.text, row->query.size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_null(st, 5);
    if (row->field_count) {
        zoo_buf_clear(&im->extra);
        if (zoo_row_fields(row, &im->extra))
            return zoo_fail_nomem(im->err);
        sqlite3_bind_text64(st, 5, im->extra.data, im->extra.size, SQLITE_STATIC, SQLITE_UTF8);
    }
    rc = zoo_db_run(im->store, st, im->err);
    return rc ? rc : sqlite3_changes(im->store->db) == 1;
}

static int import_row(zoo_import *im)
{
    zoo_key query = im->next_query;
    int rc = im->row.query.text ? put_query(im) : 0;

    if (rc < 0)
        return rc;
    if (rc == 0)
        return zoo_import_merge(im);
    im->next_query++;
    rc = put_tags(im, query);
    if (!rc)
        rc = zoo_import_put_rewards(im, query);
    if (!rc)
        rc = zoo_import_put_responses(im, query);
    im->counts->added++;
    return rc;
}

/* ---- the file ---- */

static int is_blank(const char *line, size_t size)
{
    return strspn(line, " \t\r") == size;
}

static int import_line(zoo_import *im, const char *line, size_t size, const zoo_lines *in)
{
    int rc;

    if (in->number == 1 && size >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {          /* a byte order mark */
        line += 3;
        size -= 3;
    }
    if (is_blank(line, size))
        return ZOO_OK;
    rc = zoo_row_read(&im->row, line, size, in->name, in->number, im->err);
    if (!rc)
        rc = import_row(im);
    if (rc == ZOO_EUSAGE) {              /* a limit of the store, met while the row was written: no row can be left out any more */
        zoo_fail_within(im->err, "%s:%zu", in->name, in->number);
        return im->err->code = ZOO_EFORMAT;
    }
    if (!im->options->skip_bad || (rc != ZOO_EFORMAT && rc != ZOO_ECONFLICT))
        return rc;
    im->counts->skipped++;
    if (im->options->report)
        im->options->report(im->options->context, im->err);
    return ZOO_OK;
}

static int import_lines(zoo_import *im, zoo_lines *in)
{
    zoo_progress progress;
    char *line;
    size_t size;
    int rc;

    zoo_progress_begin(&progress, im->options->progress, "import (bytes)", in->total);
    while ((rc = zoo_lines_next(in, &line, &size, im->err)) == 1) {
        rc = import_line(im, line, size, in);
        if (rc)
            break;
        zoo_progress_note(&progress, "%zu lines of %.60s", in->number, in->name);
        zoo_progress_set(&progress, in->offset);
    }
    if (!rc)
        rc = zoo_store_commit(im->store, im->err);
    if (!rc)
        zoo_progress_end(&progress);
    return rc;
}

/* Foreign keys are not checked again: every key that is written was found or made in the same transaction, and the checks
 * take as long as all the rest. Pages are kept in memory because ids may come in any order. */
static int begin(zoo_import *im)
{
    zoo_store *s = im->store;
    int rc = zoo_db_exec(s, "PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536", im->err);

    if (!rc)
        rc = zoo_store_begin(s, im->err);

    if (!rc)
        rc = zoo_db_number(s, "SELECT coalesce(max(key), 0) + 1 FROM queries", &im->next_query, NULL, im->err);
    if (!rc)
        rc = zoo_db_prepare(s, &im->put_query, im->err, "INSERT INTO queries (key, id, split, text, extra)"
                            " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING", "");
    if (!rc)
        rc = zoo_db_prepare(s, &im->put_tag, im->err, "INSERT INTO query_tags (query, position, tag) VALUES (?1, ?2, ?3)", "");
    return rc;
}

static void release(zoo_import *im)
{
    for (size_t i = 0; i <= ZOO_IMPORT_REWARDS; i++)
        sqlite3_finalize(im->put_rewards[i]);
    zoo_row_release(&im->row);
    zoo_buf_release(&im->extra);
    zoo_buf_release(&im->tag);
    zoo_arena_release(&im->arena);
    zoo_names_clear(&im->tags.names);
    zoo_names_clear(&im->reward_models.names);
    free(im->tags.keys);
    free(im->reward_models.keys);
    free(im->expert_keys);
}

int zoo_store_import(zoo_store *store, const char *path, const zoo_import_options *options, zoo_import_counts *counts, zoo_err *err)
{
    zoo_import im = { .store = store, .options = options, .counts = counts, .err = err, .extra = ZOO_BUF_INIT(SIZE_MAX / 4),
                      .tag = ZOO_BUF_INIT(SIZE_MAX / 4) };
    const zoo_import_counts before = *counts;
    zoo_err own;
    zoo_lines in;
    int rc;

    if (!err)
        im.err = err = &own;
    if (options->reward_model && !zoo_name_is_valid(options->reward_model))
        return zoo_fail(err, ZOO_EUSAGE, "reward model '%.140s' should be 1 to %d characters of A-Z a-z 0-9 . _ : / -",
                        options->reward_model, ZOO_NAME_MAX);
    rc = zoo_db_check_split_name(options->split, path, err);
    if (rc)
        return rc;
    rc = zoo_lines_open(&in, path, ZOO_JSONL_LINE_MAX, err);
    if (rc)
        return rc;
    zoo_row_init(&im.row);
    im.tags.names.limit = im.reward_models.names.limit = CACHED_TAGS;
    rc = begin(&im);
    if (!rc)
        rc = import_lines(&im, &in);
    if (rc) {
        zoo_store_rollback(store);
        *counts = before;
    }
    release(&im);
    sqlite3_exec(store->db, "PRAGMA foreign_keys = ON; PRAGMA cache_size = -2000", NULL, NULL, NULL);
    zoo_lines_close(&in);
    return rc;
}
