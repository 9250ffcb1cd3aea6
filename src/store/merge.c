/* merge.c - a row whose id is stored already. First everything in the row that is stored alike is struck from it, and
 * what is stored otherwise is a conflict (or, with `update`, stays in the row); then what is left is written. So
 * nothing is written when a row is refused. Layer: store. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/json.h"
#include "store/stored.h"

struct merge {
    zoo_import *im;
    zoo_key query;
    const char *split, *text, *extra;    /* as stored; split and extra may be NULL */
    size_t text_size;
    zoo_span new_split;                  /* text NULL: nothing to write */
    int has_new_text, has_new_extra, replaces_rewards, has_new_answers;
    zoo_row_tag *tags;                   /* (tag_count): as stored, in order */
    size_t tag_count, tag_capacity;
    int64_t next_position;
};

static zoo_span span(const char *text)
{
    return (zoo_span){ text, text ? strlen(text) : 0 };
}

int zoo_import_differ(zoo_import *im, const char *at, const char *what)
{
    zoo_row *row = &im->row;

    if (im->options->update)
        return ZOO_OK;
    zoo_scan_fail(&row->scan, at ? at : row->scan.line, "id '%.*s' is stored with another %s",
                  (int)(row->id.size > 150 ? 150 : row->id.size), row->id.text, what);
    im->err->code = ZOO_ECONFLICT;
    return zoo_store_advise(im->store, im->store->advice->conflict, im->err);
}

static int differ(struct merge *m, const char *at, const char *what)
{
    return zoo_import_differ(m->im, at, what);
}

/* ---- the query itself ---- */

/* 1: found; 0: it is not stored. */
static int find_query(struct merge *m)
{
    const zoo_row *row = &m->im->row;
    const int key_will_do = !row->query.text && !row->split.text && !m->im->options->split && !row->field_count;
    const zoo_db_value *stored = NULL;
    int rc = zoo_stored_query(m->im, key_will_do, &stored);

    if (rc != 1)
        return rc;
    m->query = stored[0].k;
    m->split = stored[1].text;
    m->text = stored[2].text;
    m->text_size = stored[2].size;
    m->extra = stored[3].text;
    return 1;
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

/* 1: two texts of JSON that mean the same; 0: they do not; ZOO_ENOMEM. */
static int is_same_json(zoo_span a, zoo_span b, zoo_err *err)
{
    zoo_err why = { 0 };
    json_t *x, *y;
    int same;

    if (zoo_span_equal(a, b))
        return 1;
    x = zoo_json_parse(a.text, a.size, "", &why);
    y = x ? zoo_json_parse(b.text, b.size, "", &why) : NULL;
    same = x && y ? json_equal(x, y) : why.code == ZOO_ENOMEM ? zoo_fail_nomem(err) : 0;
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
    if (zoo_buf_add(out, out->size > 1 ? ", " : "", out->size > 1 ? 2 : 0) ||
        zoo_buf_add_json_str(out, key.text, key.size) || zoo_buf_add(out, ": ", 2) ||
        zoo_buf_add(out, raw.text, raw.size))
        return ZOO_ENOMEM;
    return ZOO_OK;
}

/* One stored field goes into im->extra, as it is or as the row has it; the row's is struck. */
static int merge_field(struct merge *m, zoo_span key, zoo_span raw)
{
    zoo_row *row = &m->im->row;
    size_t at = find_field(row, key);
    int same = 1;

    if (at < row->field_count) {
        zoo_row_field field = row->fields[at];
        memmove(&row->fields[at], &row->fields[at + 1], (--row->field_count - at) * sizeof field);
        same = is_same_json(field.raw, raw, m->im->err);
        if (!same) {
            char what[120];
            snprintf(what, sizeof what, "'%.*s'", (int)(key.size > 100 ? 100 : key.size), key.text);
            m->has_new_extra = 1;
            raw = field.raw;
            if (differ(m, field.raw.text, what))
                return ZOO_ECONFLICT;
        }
    }
    if (same < 0)
        return same;
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
        rc = zoo_scan_begin(&stored, m->extra, strlen(m->extra), im->store->name, 1, im->err);
        for (more = rc ? rc : zoo_scan_open(&stored, '{', '}'); more == 1; more = zoo_scan_more(&stored, '}'))
            if ((rc = zoo_scan_key(&stored, &key)) || (rc = zoo_scan_skip(&stored, &raw)) ||
                (rc = merge_field(m, key, raw)))
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

static int grow_tags(struct merge *m)
{
    size_t n = m->tag_capacity ? 2 * m->tag_capacity : 16;
    zoo_row_tag *tags = zoo_arena_alloc(&m->im->arena, n * sizeof *tags);

    if (!tags)
        return zoo_fail_nomem(m->im->err);
    if (m->tag_count)
        memcpy(tags, m->tags, m->tag_count * sizeof *tags);
    m->tags = tags;
    m->tag_capacity = n;
    return ZOO_OK;
}

static int take_tag(void *context, const zoo_db_value *stored)
{
    struct merge *m = context;
    const char *kind, *value;
    int rc = m->tag_count < m->tag_capacity ? ZOO_OK : grow_tags(m);

    if (rc)
        return rc;
    kind = zoo_arena_copy(&m->im->arena, stored[1].text, stored[1].size);
    value = zoo_arena_copy(&m->im->arena, stored[2].text, stored[2].size);
    if (!kind || !value)
        return zoo_fail_nomem(m->im->err);
    m->tags[m->tag_count++] = (zoo_row_tag){ { kind, stored[1].size }, { value, stored[2].size } };
    m->next_position = stored[3].k + 1;
    return ZOO_OK;
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

/* 1: the row and the store have the same tags of this kind; field: what the row has of it as `dataset` or `subset`. */
static int is_same_kind(const struct merge *m, zoo_span kind, zoo_span field)
{
    const zoo_row *row = &m->im->row;

    for (size_t i = 0; i < m->tag_count; i++)
        if (zoo_span_equal(m->tags[i].kind, kind) && !has_tag(row->tags, row->tag_count, m->tags[i]) &&
            !(field.text && zoo_span_equal(m->tags[i].value, field)))
            return 0;
    for (size_t i = 0; i < row->tag_count; i++)
        if (zoo_span_equal(row->tags[i].kind, kind) && !has_tag(m->tags, m->tag_count, row->tags[i]))
            return 0;
    return 1;
}

/* The row's field of that kind; NULL: of another kind it has tags alone. */
static zoo_span *field_of(zoo_row *row, zoo_span kind)
{
    return zoo_span_is(kind, "dataset") ? &row->dataset : zoo_span_is(kind, "subset") ? &row->subset : NULL;
}

/* With `update` a kind is replaced whole, or not at all: where its tags stay in the row, so does its field,
 * although it was struck. */
static int strike_kinds(struct merge *m, zoo_span dataset, zoo_span subset)
{
    zoo_row *row = &m->im->row;
    unsigned char *is_known = zoo_arena_alloc(&m->im->arena, row->tag_count);
    size_t kept = 0;

    if (!is_known)
        return zoo_fail_nomem(m->im->err);
    for (size_t i = 0; i < row->tag_count; i++) {
        const zoo_span *field = field_of(row, row->tags[i].kind);
        zoo_span given = !field ? (zoo_span){ NULL, 0 } : field == &row->dataset ? dataset : subset;
        is_known[i] = (!field || !field->text) && is_same_kind(m, row->tags[i].kind, given);
    }
    for (size_t i = 0; i < row->tag_count; i++) {
        zoo_span *field = field_of(row, row->tags[i].kind);
        if (is_known[i])
            continue;
        if (field)
            *field = field == &row->dataset ? dataset : subset;
        row->tags[kept++] = row->tags[i];
    }
    row->tag_count = kept;
    return ZOO_OK;
}

static int strike_tags(struct merge *m)
{
    zoo_row *row = &m->im->row;
    const zoo_span dataset = row->dataset, subset = row->subset;
    size_t kept = 0;
    int rc = ZOO_OK;

    if (row->dataset.text || row->subset.text || row->tag_count)
        rc = zoo_stored_tags(m->im, m->query, take_tag, m);
    if (!rc)
        rc = strike_single(m, "dataset", &row->dataset, row->at_dataset);
    if (!rc)
        rc = strike_single(m, "subset", &row->subset, row->at_subset);
    if (rc || m->im->options->update)
        return rc ? rc : strike_kinds(m, dataset, subset);
    for (size_t i = 0; i < row->tag_count; i++)
        if (!has_tag(m->tags, m->tag_count, row->tags[i]))
            row->tags[kept++] = row->tags[i];
    row->tag_count = kept;
    return ZOO_OK;
}

/* ---- rewards, responses, costs and tokens ---- */

static int find_expert(const struct merge *m, const zoo_db_value *name, uint32_t *number)
{
    return name->text && zoo_names_find(&m->im->row.experts, name->text, name->size, number);
}

/* Columns: expert, value. */
static int strike_reward(void *context, const zoo_db_value *stored)
{
    struct merge *m = context;
    zoo_row *row = &m->im->row;
    uint32_t expert;
    size_t at;
    char what[300];

    if (!find_expert(m, &stored[0], &expert) || (at = zoo_row_find_reward(row, expert)) == SIZE_MAX)
        return ZOO_OK;
    if (row->rewards[at].value == stored[1].d) {
        row->rewards[at].at = NULL;                          /* struck */
        return ZOO_OK;
    }
    m->replaces_rewards = 1;
    snprintf(what, sizeof what, "reward of %s (%.17g)", row->experts.items[expert].text, stored[1].d);
    return differ(m, row->rewards[at].at, what);
}

/* Columns: expert, text. */
static int strike_response(void *context, const zoo_db_value *stored)
{
    struct merge *m = context;
    zoo_row *row = &m->im->row;
    uint32_t expert;
    size_t at;
    char what[200];

    if (!find_expert(m, &stored[0], &expert) || (at = zoo_row_find_response(row, expert)) == SIZE_MAX)
        return ZOO_OK;
    if (stored[1].text && zoo_span_equal(row->responses[at].text, (zoo_span){ stored[1].text, stored[1].size })) {
        row->responses[at].at = NULL;                        /* struck */
        return ZOO_OK;
    }
    snprintf(what, sizeof what, "response of %s", row->experts.items[expert].text);
    return differ(m, row->responses[at].at, what);
}

static int strike_cost(struct merge *m, uint32_t expert, double stored)
{
    zoo_row *row = &m->im->row;
    size_t at = zoo_row_find_cost(row, expert);
    char what[300];

    if (at == SIZE_MAX || isnan(stored))
        return ZOO_OK;
    if (row->costs[at].value == stored) {
        row->costs[at].at = NULL;                            /* struck */
        return ZOO_OK;
    }
    snprintf(what, sizeof what, "cost of %s (%.17g)", row->experts.items[expert].text, stored);
    return differ(m, row->costs[at].at, what);
}

/* A count that is known alike is struck; returns whether a stored one differs. */
static int strike_count(int64_t *count, int64_t stored)
{
    if (*count == stored)
        *count = -1;
    return *count >= 0 && stored >= 0;
}

/* stored: four counts. */
static int strike_tokens(struct merge *m, uint32_t expert, const zoo_db_value *stored)
{
    zoo_row *row = &m->im->row;
    size_t at = zoo_row_find_tokens(row, expert);
    int64_t *counts[4], differs = 0;
    char what[200];

    if (at == SIZE_MAX)
        return ZOO_OK;
    counts[0] = &row->tokens[at].in, counts[1] = &row->tokens[at].out;
    counts[2] = &row->tokens[at].reasoning, counts[3] = &row->tokens[at].cached;
    for (int i = 0; i < 4; i++)
        differs |= strike_count(counts[i], stored[i].k);
    snprintf(what, sizeof what, "number of tokens of %s", row->experts.items[expert].text);
    return differs ? differ(m, row->tokens[at].at, what) : ZOO_OK;
}

/* Columns: expert, cost, four counts. */
static int strike_figures(void *context, const zoo_db_value *stored)
{
    struct merge *m = context;
    uint32_t expert;
    int rc;

    if (!find_expert(m, &stored[0], &expert))
        return ZOO_OK;
    rc = strike_cost(m, expert, stored[1].d);
    return rc ? rc : strike_tokens(m, expert, &stored[2]);
}

/* Rewards that were not struck move up. Responses, costs and tokens keep their places,
 * by which they are found: struck ones lack `at`. */
static void count_rest(struct merge *m)
{
    zoo_row *row = &m->im->row;
    size_t kept = 0;

    for (size_t i = 0; i < row->reward_count; i++)
        if (row->rewards[i].at)
            row->rewards[kept++] = row->rewards[i];
    row->reward_count = kept;
    for (size_t i = 0; i < row->response_count; i++)
        m->has_new_answers |= row->responses[i].at != NULL;
    for (size_t i = 0; i < row->cost_count; i++)
        m->has_new_answers |= row->costs[i].at != NULL;
    for (size_t i = 0; i < row->tokens_count; i++) {
        zoo_row_tokens *t = &row->tokens[i];
        if (t->in < 0 && t->out < 0 && t->reasoning < 0 && t->cached < 0)
            t->at = NULL;
        m->has_new_answers |= t->at != NULL;
    }
}

static int strike_by_expert(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_row *row = &im->row;
    zoo_span model = zoo_import_reward_model_name(im);
    int rc = ZOO_OK;

    if (row->reward_count)
        rc = zoo_stored_rewards(im, m->query, model, strike_reward, m);
    if (!rc && row->response_count)
        rc = zoo_stored_responses(im, m->query, strike_response, m);
    if (!rc && (row->cost_count || row->tokens_count))
        rc = zoo_stored_figures(im, m->query, strike_figures, m);
    if (!rc)
        count_rest(m);
    return rc;
}

/* ---- writing what is left ---- */

static int write_query(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_span text = m->has_new_text ? im->row.query : (zoo_span){ m->text, m->text_size };
    zoo_span split = m->new_split.text ? m->new_split : span(m->split);
    zoo_span extra = m->has_new_extra ? (zoo_span){ im->extra.data, im->extra.size } : span(m->extra);

    if (!m->has_new_text && !m->new_split.text && !m->has_new_extra)
        return ZOO_OK;
    return zoo_sql_run(im->store, ZOO_SQL_QUERY_UPDATE, im->err, m->query, text.text, text.size, split.text, split.size,
                       extra.text, extra.size);
}

/* Takes away the stored tags of a kind that the row replaces. */
static int delete_kind(struct merge *m, zoo_span kind)
{
    return zoo_sql_run(m->im->store, ZOO_SQL_QUERY_TAGS_DELETE, m->im->err, m->query, kind.text, kind.size);
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
    return rc ? rc : strike_by_expert(m);
}

static int write_rest(struct merge *m)
{
    const zoo_row *row = &m->im->row;
    int rc;

    if (!m->has_new_text && !m->new_split.text && !m->has_new_extra && !row->dataset.text && !row->subset.text &&
        !row->tag_count && !row->reward_count && !m->has_new_answers) {
        m->im->counts->unchanged++;
        return ZOO_OK;
    }
    m->im->counts->updated++;
    rc = write_query(m);
    if (!rc)
        rc = write_tags(m);
    if (!rc)
        rc = zoo_import_put_rewards(m->im, m->query, !m->replaces_rewards);
    return rc ? rc : zoo_import_put_answers(m->im, m->query, 0);
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
