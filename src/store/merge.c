/* merge.c - a row whose id is stored already. First everything in the row that is stored alike is struck from it, and what is
 * stored otherwise is a conflict (or, with `update`, stays in the row); then what is left is written. So nothing is written when a
 * row is refused. Layer: store. */
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "store/import.h"

struct merge {
    zoo_import *im;
    zoo_key query;
    const char *split, *text, *extra;    /* as stored; split and extra may be NULL */
    size_t text_size;
    zoo_span new_split;                  /* text NULL: nothing to write */
    int has_new_text, has_new_extra;
    zoo_row_tag *tags;                   /* (tag_count): as stored, in order */
    size_t tag_count;
    int64_t next_position;
};

static zoo_span span(const char *text)
{
    return (zoo_span){ text, text ? strlen(text) : 0 };
}

/* The row says something else than the store about `what`: fine with `update`, else a conflict at `at`. */
static int differ(struct merge *m, const char *at, const char *what)
{
    zoo_row *row = &m->im->row;

    if (m->im->options->update)
        return ZOO_OK;
    zoo_scan_fail(&row->scan, at ? at : row->scan.line, "id '%.*s' is stored with another %s; --update replaces it",
                  (int)(row->id.size > 150 ? 150 : row->id.size), row->id.text, what);
    return m->im->err->code = ZOO_ECONFLICT;
}

/* ---- the query itself ---- */

/* 1: found. */
static int find_query(struct merge *m)
{
    zoo_import *im = m->im;
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(im->store, &st, im->err, "SELECT key, split, text, extra FROM queries WHERE id = ?1", "t",
                            im->row.id.text, im->row.id.size);

    if (!rc)
        rc = zoo_db_step(im->store, st, im->err);
    if (rc != 1)
        return rc;
    m->query = sqlite3_column_int64(st, 0);
    rc = zoo_db_copy_text(st, 1, &im->arena, &m->split, NULL, im->err);
    if (!rc)
        rc = zoo_db_copy_text(st, 2, &im->arena, &m->text, &m->text_size, im->err);
    if (!rc)
        rc = zoo_db_copy_text(st, 3, &im->arena, &m->extra, NULL, im->err);
    zoo_db_reset(st);
    return rc ? rc : 1;
}

static int strike_text(struct merge *m)
{
    zoo_row *row = &m->im->row;

    if (!row->query.text || zoo_span_equal(row->query, (zoo_span){ m->text, m->text_size }))
        return ZOO_OK;
    m->has_new_text = 1;
    return differ(m, row->at_query, "query text");
}

static int strike_split(struct merge *m)
{
    zoo_row *row = &m->im->row;
    zoo_span split = m->im->options->split ? span(m->im->options->split) : row->split;

    if (!split.text || (m->split && zoo_span_equal(split, span(m->split))))
        return ZOO_OK;
    m->new_split = split;
    return m->split ? differ(m, row->at_split, "split") : ZOO_OK;
}

/* ---- other fields ---- */

/* Two texts of JSON that mean the same. */
static int is_same_json(zoo_span a, zoo_span b)
{
    json_t *x, *y;
    int same;

    if (zoo_span_equal(a, b))
        return 1;
    x = zoo_json_parse(a.text, a.size, "", NULL);
    y = zoo_json_parse(b.text, b.size, "", NULL);
    same = x && y && json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}

static size_t find_field(const zoo_row *row, zoo_span key)
{
    size_t i = 0;

    while (i < row->field_count && !zoo_span_equal(row->fields[i].key, key))
        i++;
    return i;
}

static int add_member(zoo_buf *out, zoo_span key, zoo_span raw)
{
    if (zoo_buf_add(out, out->size > 1 ? ", " : "", out->size > 1 ? 2 : 0) || zoo_buf_add_json_str(out, key.text, key.size) ||
        zoo_buf_add(out, ": ", 2) || zoo_buf_add(out, raw.text, raw.size))
        return ZOO_ENOMEM;
    return ZOO_OK;
}

/* One stored field goes into im->extra, as it is or as the row has it; the row's is struck. */
static int merge_field(struct merge *m, zoo_span key, zoo_span raw)
{
    zoo_row *row = &m->im->row;
    size_t at = find_field(row, key);

    if (at < row->field_count) {
        zoo_row_field field = row->fields[at];
        memmove(&row->fields[at], &row->fields[at + 1], (--row->field_count - at) * sizeof field);
        if (!is_same_json(field.raw, raw)) {
            char what[120];
            snprintf(what, sizeof what, "'%.*s'", (int)(key.size > 100 ? 100 : key.size), key.text);
            m->has_new_extra = 1;
            raw = field.raw;
            if (differ(m, field.raw.text, what))
                return ZOO_ECONFLICT;
        }
    }
    return add_member(&m->im->extra, key, raw) ? zoo_fail_nomem(m->im->err) : ZOO_OK;
}

/* Leaves the merged object in im->extra. */
static int strike_fields(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_scan stored = { 0 };
    zoo_span key, raw;
    int more, rc;

    if (!im->row.field_count)
        return ZOO_OK;
    zoo_buf_clear(&im->extra);
    rc = zoo_buf_add(&im->extra, "{", 1) ? zoo_fail_nomem(im->err) : ZOO_OK;
    if (!rc && m->extra) {
        rc = zoo_scan_begin(&stored, m->extra, strlen(m->extra), im->store->path, 1, im->err);
        for (more = rc ? rc : zoo_scan_open(&stored, '{', '}'); more == 1; more = zoo_scan_more(&stored, '}'))
            if ((rc = zoo_scan_key(&stored, &key)) || (rc = zoo_scan_skip(&stored, &raw)) || (rc = merge_field(m, key, raw)))
                break;
        if (!rc && more < 0)
            rc = more;
    }
    for (size_t i = 0; !rc && i < im->row.field_count; i++) {
        m->has_new_extra = 1;
        if (add_member(&im->extra, im->row.fields[i].key, im->row.fields[i].raw))
            rc = zoo_fail_nomem(im->err);
    }
    zoo_scan_release(&stored);
    if (!rc && zoo_buf_add(&im->extra, "}", 1))
        rc = zoo_fail_nomem(im->err);
    return rc;
}

/* ---- tags ---- */

static int read_tags(struct merge *m)
{
    zoo_import *im = m->im;
    sqlite3_stmt *st;
    int64_t n = 0;
    int rc = zoo_db_prepare(im->store, &st, im->err, "SELECT count(*), coalesce(max(position), -1) + 1 FROM query_tags"
                            " WHERE query = ?1", "k", m->query);

    if (!rc && (rc = zoo_db_step(im->store, st, im->err)) == 1) {
        n = sqlite3_column_int64(st, 0);
        m->next_position = sqlite3_column_int64(st, 1);
        zoo_db_reset(st);
        m->tags = zoo_arena_alloc(&im->arena, (size_t)n * sizeof *m->tags);
        rc = m->tags ? ZOO_OK : zoo_fail_nomem(im->err);
    }
    if (!rc)
        rc = zoo_db_prepare(im->store, &st, im->err, "SELECT t.kind, t.value FROM query_tags q JOIN tags t ON t.key = q.tag"
                            " WHERE q.query = ?1 ORDER BY q.position", "k", m->query);
    while (!rc && m->tag_count < (size_t)n && (rc = zoo_db_step(im->store, st, im->err)) == 1) {
        zoo_row_tag *tag = &m->tags[m->tag_count++];
        rc = zoo_db_copy_text(st, 0, &im->arena, &tag->kind.text, &tag->kind.size, im->err);
        if (!rc)
            rc = zoo_db_copy_text(st, 1, &im->arena, &tag->value.text, &tag->value.size, im->err);
    }
    zoo_db_reset(st);
    return rc;
}

/* dataset or subset: the first stored tag of that kind is the field. */
static int strike_single(struct merge *m, const char *kind, zoo_span *value, const char *at)
{
    for (size_t i = 0; value->text && i < m->tag_count; i++) {
        if (!zoo_span_equal(m->tags[i].kind, span(kind)))
            continue;
        if (!zoo_span_equal(m->tags[i].value, *value))
            return differ(m, at, kind);
        *value = (zoo_span){ NULL, 0 };
    }
    return ZOO_OK;
}

static int has_tag(const zoo_row_tag *tags, size_t n, zoo_row_tag tag)
{
    for (size_t i = 0; i < n; i++)
        if (zoo_span_equal(tags[i].kind, tag.kind) && zoo_span_equal(tags[i].value, tag.value))
            return 1;
    return 0;
}

/* 1: the row and the store have the same tags of this kind. */
static int is_same_kind(const struct merge *m, zoo_span kind)
{
    const zoo_row *row = &m->im->row;

    for (size_t i = 0; i < m->tag_count; i++)
        if (zoo_span_equal(m->tags[i].kind, kind) && !has_tag(row->tags, row->tag_count, m->tags[i]))
            return 0;
    for (size_t i = 0; i < row->tag_count; i++)
        if (zoo_span_equal(row->tags[i].kind, kind) && !has_tag(m->tags, m->tag_count, row->tags[i]))
            return 0;
    return 1;
}

static int strike_tags(struct merge *m)
{
    zoo_row *row = &m->im->row;
    size_t kept = 0;
    int rc = ZOO_OK;

    if (row->dataset.text || row->subset.text || row->tag_count)
        rc = read_tags(m);
    if (!rc)
        rc = strike_single(m, "dataset", &row->dataset, row->at_dataset);
    if (!rc)
        rc = strike_single(m, "subset", &row->subset, row->at_subset);
    if (rc)
        return rc;
    if (m->im->options->update) {        /* a kind is replaced whole, or not at all */
        unsigned char *is_known = zoo_arena_alloc(&m->im->arena, row->tag_count);
        if (!is_known)
            return zoo_fail_nomem(m->im->err);
        for (size_t i = 0; i < row->tag_count; i++)
            is_known[i] = (unsigned char)is_same_kind(m, row->tags[i].kind);
        for (size_t i = 0; i < row->tag_count; i++)
            if (!is_known[i])
                row->tags[kept++] = row->tags[i];
    } else {
        for (size_t i = 0; i < row->tag_count; i++)
            if (!has_tag(m->tags, m->tag_count, row->tags[i]))
                row->tags[kept++] = row->tags[i];
    }
    row->tag_count = kept;
    return ZOO_OK;
}

/* ---- rewards and responses ---- */

/* The number by which the row knows the expert in column 0; 0: it does not. */
static int find_expert(const zoo_row *row, sqlite3_stmt *st, uint32_t *number)
{
    const char *name = (const char *)sqlite3_column_text(st, 0);

    return name && zoo_names_find(&row->experts, name, (size_t)sqlite3_column_bytes(st, 0), number);
}

static int strike_reward(struct merge *m, sqlite3_stmt *st)
{
    zoo_row *row = &m->im->row;
    double stored = sqlite3_column_double(st, 1);
    uint32_t expert;
    size_t at;
    char what[300];

    if (!find_expert(row, st, &expert) || (at = zoo_row_find_reward(row, expert)) == SIZE_MAX)
        return ZOO_OK;
    if (row->rewards[at].value == stored) {
        row->rewards[at].at = NULL;                          /* struck */
        return ZOO_OK;
    }
    snprintf(what, sizeof what, "reward of %s (%.17g)", row->experts.items[expert].text, stored);
    return differ(m, row->rewards[at].at, what);
}

static int strike_rewards(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_row *row = &im->row;
    zoo_span model = zoo_import_reward_model_name(im);
    size_t kept = 0;
    sqlite3_stmt *st;
    int rc;

    if (!row->reward_count)
        return ZOO_OK;
    rc = zoo_db_prepare(im->store, &st, im->err, "SELECT e.name, w.value FROM rewards w CROSS JOIN experts e ON e.key = w.expert"
                        " WHERE w.query = ?1 AND w.reward_model = (SELECT key FROM reward_models WHERE name = ?2)", "kt", m->query,
                        model.text, model.size);
    while (!rc && (rc = zoo_db_step(im->store, st, im->err)) == 1)
        rc = strike_reward(m, st);
    zoo_db_reset(st);
    for (size_t i = 0; i < row->reward_count; i++)
        if (row->rewards[i].at)
            row->rewards[kept++] = row->rewards[i];
    row->reward_count = kept;
    return rc;
}

static int strike_response(struct merge *m, sqlite3_stmt *st)
{
    zoo_row *row = &m->im->row;
    zoo_span stored;
    uint32_t expert;
    size_t at;
    char what[200];

    if (!find_expert(row, st, &expert) || (at = zoo_row_find_response(row, expert)) == SIZE_MAX)
        return ZOO_OK;
    stored.text = (const char *)sqlite3_column_text(st, 1);
    stored.size = (size_t)sqlite3_column_bytes(st, 1);
    if (stored.text && zoo_span_equal(row->responses[at].text, stored)) {
        row->responses[at].at = NULL;                        /* struck */
        return ZOO_OK;
    }
    snprintf(what, sizeof what, "response of %s", row->experts.items[expert].text);
    return differ(m, row->responses[at].at, what);
}

static int strike_responses(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_row *row = &im->row;
    size_t kept = 0;
    sqlite3_stmt *st;
    int rc;

    if (!row->response_count)
        return ZOO_OK;
    rc = zoo_db_prepare(im->store, &st, im->err, "SELECT e.name, r.text FROM responses r CROSS JOIN experts e ON e.key = r.expert"
                        " WHERE r.query = ?1", "k", m->query);
    while (!rc && (rc = zoo_db_step(im->store, st, im->err)) == 1)
        rc = strike_response(m, st);
    zoo_db_reset(st);
    for (size_t i = 0; i < row->response_count; i++)
        if (row->responses[i].at)
            row->responses[kept++] = row->responses[i];
    row->response_count = kept;
    return rc;
}

/* ---- writing what is left ---- */

static int write_query(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_span text = m->has_new_text ? im->row.query : (zoo_span){ m->text, m->text_size };
    zoo_span split = m->new_split.text ? m->new_split : span(m->split);
    zoo_span extra = m->has_new_extra ? (zoo_span){ im->extra.data, im->extra.size } : span(m->extra);
    sqlite3_stmt *st;
    int rc;

    if (!m->has_new_text && !m->new_split.text && !m->has_new_extra)
        return ZOO_OK;
    rc = zoo_db_prepare(im->store, &st, im->err, "UPDATE queries SET text = ?2, split = ?3, extra = ?4 WHERE key = ?1", "kttt", m->query,
                        text.text, text.size, split.text, split.size, extra.text, extra.size);
    return rc ? rc : zoo_db_run(im->store, st, im->err);
}

/* Takes away the stored tags of a kind that the row replaces. */
static int delete_kind(struct merge *m, zoo_span kind)
{
    zoo_import *im = m->im;
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(im->store, &st, im->err, "DELETE FROM query_tags WHERE query = ?1 AND"
                            " (SELECT kind FROM tags WHERE key = tag) = ?2", "kt", m->query, kind.text, kind.size);

    return rc ? rc : zoo_db_run(im->store, st, im->err);
}

static int write_tags(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_row *row = &im->row;
    const zoo_span dataset = { "dataset", 7 }, subset = { "subset", 6 };
    int update = im->options->update, rc = ZOO_OK;

    if (update && row->dataset.text)
        rc = delete_kind(m, dataset);
    if (!rc && update && row->subset.text)
        rc = delete_kind(m, subset);
    for (size_t i = 0; !rc && update && i < row->tag_count; i++)
        rc = delete_kind(m, row->tags[i].kind);
    if (!rc && row->dataset.text)
        rc = zoo_import_put_tag(im, m->query, m->next_position++, dataset, row->dataset);
    if (!rc && row->subset.text)
        rc = zoo_import_put_tag(im, m->query, m->next_position++, subset, row->subset);
    for (size_t i = 0; !rc && i < row->tag_count; i++)
        rc = zoo_import_put_tag(im, m->query, m->next_position++, row->tags[i].kind, row->tags[i].value);
    return rc;
}

static int strike(struct merge *m)
{
    int rc = strike_text(m);

    if (!rc)
        rc = strike_split(m);
    if (!rc)
        rc = strike_fields(m);
    if (!rc)
        rc = strike_tags(m);
    if (!rc)
        rc = strike_rewards(m);
    return rc ? rc : strike_responses(m);
}

static int write_rest(struct merge *m)
{
    const zoo_row *row = &m->im->row;
    int rc;

    if (!m->has_new_text && !m->new_split.text && !m->has_new_extra && !row->dataset.text && !row->subset.text && !row->tag_count &&
        !row->reward_count && !row->response_count) {
        m->im->counts->unchanged++;
        return ZOO_OK;
    }
    m->im->counts->updated++;
    rc = write_query(m);
    if (!rc)
        rc = write_tags(m);
    if (!rc)
        rc = zoo_import_put_rewards(m->im, m->query);
    return rc ? rc : zoo_import_put_responses(m->im, m->query);
}

int zoo_import_merge(zoo_import *im)
{
    struct merge m = { .im = im };
    zoo_row *row = &im->row;
    int rc = find_query(&m);

    if (rc == 0)
        rc = zoo_scan_fail(&row->scan, row->scan.line, "'query' is missing, and no query with the id '%.*s' is stored",
                           (int)(row->id.size > 150 ? 150 : row->id.size), row->id.text);
    else if (rc == 1)
        rc = strike(&m);
    if (!rc)
        rc = write_rest(&m);
    zoo_arena_release(&im->arena);
    return rc;
}
