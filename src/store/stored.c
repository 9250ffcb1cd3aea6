/* stored.c - see stored.h. Layer: store. */
#include "store/stored.h"
#include <string.h>

enum { COLUMNS_MAX = 12 };
enum { PLACE = 4, VERDICT = 8 };       /* columns of ahead.h before those of an answer or failure, and of a judgement */

/* ---- from a statement that was bound with `rc` ---- */

static int each(zoo_import *im, enum zoo_sql id, const char *types, int rc, zoo_stored_take take, void *context)
{
    zoo_db_value row[COLUMNS_MAX];

    while (!rc && (rc = zoo_sql_step(im->store, id, im->err)) == 1) {
        rc = zoo_sql_row(im->store, id, types, row, im->err);
        if (!rc)
            rc = take(context, row);
    }
    zoo_sql_reset(im->store, id);
    return rc;
}

static int keep(zoo_import *im, zoo_db_value *row, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        if (row[i].text && !(row[i].text = zoo_arena_copy(&im->arena, row[i].text, row[i].size)))
            return zoo_fail_nomem(im->err);
    return ZOO_OK;
}

/* The first row, kept. 1; 0: there is none. */
static int one(zoo_import *im, enum zoo_sql id, const char *types, int rc, const zoo_db_value **out)
{
    zoo_db_value *row = zoo_arena_alloc(&im->arena, COLUMNS_MAX * sizeof *row);

    if (!rc && !row)
        rc = zoo_fail_nomem(im->err);
    if (!rc && (rc = zoo_sql_step(im->store, id, im->err)) == 1) {
        rc = zoo_sql_row(im->store, id, types, row, im->err);
        if (!rc)
            rc = keep(im, row, strlen(types));
        *out = row;
        rc = rc ? rc : 1;
    }
    zoo_sql_reset(im->store, id);
    return rc;
}

/* ---- from what was read ahead ---- */

static zoo_span text_of(const zoo_db_value *value)
{
    return (zoo_span){ value->text, value->size };
}

static int is_first(const zoo_db_value *row)
{
    return row[1].k == 1 && row[2].k == 1;
}

static int is_at(const zoo_import *im, const zoo_db_value *row, size_t expert, const zoo_place *at)
{
    const struct zoo_name *name = &im->row.experts.items[at->expert];

    return row[1].k == at->sample && row[2].k == at->turn &&
           zoo_span_equal(text_of(&row[expert]), (zoo_span){ name->text, name->size });
}

/* The row at that address. 1: *row is it, or NULL where there is none; 0: it has to be asked of the store. */
static int find(zoo_import *im, enum zoo_ahead_kind kind, const zoo_place *at, const zoo_db_value **row)
{
    const size_t columns = zoo_ahead_columns(kind);
    const zoo_db_value *rows;
    size_t count;
    int rc = zoo_ahead_rows(&im->ahead, kind, at->query, &rows, &count, im->err);

    *row = NULL;
    for (size_t i = 0; rc == 1 && !*row && i < count; i++)
        if (is_at(im, &rows[i * columns], 3, at))
            *row = &rows[i * columns];
    return rc;
}

/* Rewards of that reward model, and perhaps others, as zoo_ahead_rows() gives them. */
static int find_rewards(zoo_import *im, zoo_key query, zoo_span model, const zoo_db_value **rows, size_t *count)
{
    int rc = zoo_ahead_add_model(&im->ahead, model.text, model.size, im->err);

    return rc ? rc : zoo_ahead_rows(&im->ahead, ZOO_AHEAD_REWARDS, query, rows, count, im->err);
}

/* ---- the query ---- */

int zoo_stored_key(zoo_import *im, zoo_key *query)
{
    int found = 0, rc = ZOO_OK;
    uint32_t number;

    if (im->ahead.store) {
        *query = zoo_names_find(&im->known, im->row.id.text, im->row.id.size, &number) ? im->known_keys[number] : 0;
        return *query > 0;
    }
    rc = zoo_sql_bind(im->store, ZOO_SQL_QUERY_BY_ID, im->err, im->row.id.text, im->row.id.size);
    if (!rc)
        rc = zoo_sql_single(im->store, ZOO_SQL_QUERY_BY_ID, query, &found, im->err);
    return rc ? rc : found;
}

static int key_alone(zoo_import *im, zoo_key query, const zoo_db_value **row)
{
    zoo_db_value *only = zoo_arena_alloc(&im->arena, 4 * sizeof *only);

    if (!only)
        return zoo_fail_nomem(im->err);
    only->k = query;
    *row = only;
    return 1;
}

int zoo_stored_query(zoo_import *im, int key_will_do, const zoo_db_value **row)
{
    size_t count = 0;
    zoo_key query;
    int rc;

    if (im->ahead.store) {
        rc = zoo_stored_key(im, &query);
        if (rc != 1 || key_will_do)
            return rc == 1 ? key_alone(im, query, row) : rc;
        rc = zoo_ahead_rows(&im->ahead, ZOO_AHEAD_QUERIES, query, row, &count, im->err);
        if (rc)
            return rc < 0 ? rc : count > 0;
    }
    return one(im, ZOO_SQL_QUERY_BY_ID, "kttt",
               zoo_sql_bind(im->store, ZOO_SQL_QUERY_BY_ID, im->err, im->row.id.text, im->row.id.size), row);
}

/* ---- what hangs on it ---- */

int zoo_stored_tags(zoo_import *im, zoo_key query, zoo_stored_take take, void *context)
{
    const size_t columns = zoo_ahead_columns(ZOO_AHEAD_TAGS);
    const zoo_db_value *rows;
    size_t count;
    int rc = zoo_ahead_rows(&im->ahead, ZOO_AHEAD_TAGS, query, &rows, &count, im->err);

    if (!rc)
        return each(im, ZOO_SQL_QUERY_TAGS, "kttk", zoo_sql_bind(im->store, ZOO_SQL_QUERY_TAGS, im->err, query), take,
                    context);
    rc = rc < 0 ? rc : ZOO_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = take(context, &rows[i * columns]);
    return rc;
}

int zoo_stored_rewards(zoo_import *im, zoo_key query, zoo_span model, zoo_stored_take take, void *context)
{
    const size_t columns = zoo_ahead_columns(ZOO_AHEAD_REWARDS);
    const zoo_db_value *rows;
    size_t count;
    int rc = find_rewards(im, query, model, &rows, &count);

    if (!rc)
        return each(im, ZOO_SQL_REWARDS_OF, "td",
                    zoo_sql_bind(im->store, ZOO_SQL_REWARDS_OF, im->err, query, model.text, model.size), take, context);
    rc = rc < 0 ? rc : ZOO_OK;
    for (size_t i = 0; !rc && i < count; i++, rows += columns)
        if (is_first(rows) && zoo_span_equal(text_of(&rows[3]), model))
            rc = take(context, &rows[4]);
    return rc;
}

int zoo_stored_responses(zoo_import *im, zoo_key query, zoo_stored_take take, void *context)
{
    const size_t columns = zoo_ahead_columns(ZOO_AHEAD_ANSWERS);
    const zoo_db_value *rows;
    size_t count;
    int rc = zoo_ahead_rows(&im->ahead, ZOO_AHEAD_ANSWERS, query, &rows, &count, im->err);

    if (!rc)
        return each(im, ZOO_SQL_RESPONSES_OF, "tb", zoo_sql_bind(im->store, ZOO_SQL_RESPONSES_OF, im->err, query), take,
                    context);
    rc = rc < 0 ? rc : ZOO_OK;
    for (size_t i = 0; !rc && i < count; i++, rows += columns)
        if (is_first(rows) && rows[15].text)
            rc = take(context, (const zoo_db_value[]){ rows[3], rows[15] });
    return rc;
}

int zoo_stored_figures(zoo_import *im, zoo_key query, zoo_stored_take take, void *context)
{
    const size_t columns = zoo_ahead_columns(ZOO_AHEAD_ANSWERS);
    const zoo_db_value *rows;
    size_t count;
    int rc = zoo_ahead_rows(&im->ahead, ZOO_AHEAD_ANSWERS, query, &rows, &count, im->err);

    if (!rc)
        return each(im, ZOO_SQL_FIGURES_OF, "tdnnnn", zoo_sql_bind(im->store, ZOO_SQL_FIGURES_OF, im->err, query), take,
                    context);
    rc = rc < 0 ? rc : ZOO_OK;
    for (size_t i = 0; !rc && i < count; i++, rows += columns)
        if (is_first(rows))
            rc = take(context, (const zoo_db_value[]){ rows[3], rows[10], rows[6], rows[7], rows[8], rows[9] });
    return rc;
}

/* ---- at one address ---- */

/* Of an expert that the store does not know there is nothing. */
static int ask(zoo_import *im, enum zoo_sql id, const char *types, const zoo_place *at, const zoo_db_value **row)
{
    zoo_key expert;
    int rc = zoo_import_find_expert(im, at->expert, &expert);

    if (rc || !expert)
        return rc;
    return one(im, id, types, zoo_sql_bind(im->store, id, im->err, at->query, expert, at->sample, at->turn), row);
}

static int find_or_ask(zoo_import *im, enum zoo_ahead_kind kind, enum zoo_sql id, const char *types,
                       const zoo_place *at, const zoo_db_value **row)
{
    int rc = find(im, kind, at, row);

    if (!rc)
        return ask(im, id, types, at, row);
    if (rc < 0 || !*row)
        return rc < 0 ? rc : 0;
    *row += PLACE;
    return 1;
}

int zoo_stored_answer(zoo_import *im, const zoo_place *at, const zoo_db_value **row)
{
    return find_or_ask(im, ZOO_AHEAD_ANSWERS, ZOO_SQL_ANSWER_OF, "ttnnnndddtbb", at, row);
}

int zoo_stored_failure(zoo_import *im, const zoo_place *at, const zoo_db_value **row)
{
    return find_or_ask(im, ZOO_AHEAD_FAILURES, ZOO_SQL_FAILURE_OF, "ktkdt", at, row);
}

int zoo_stored_lacks_answer(zoo_import *im, const zoo_place *at)
{
    const zoo_db_value *row;
    int rc = find(im, ZOO_AHEAD_ANSWERS, at, &row);

    return rc < 0 ? rc : rc == 1 && !row;
}

int zoo_stored_reward(zoo_import *im, const zoo_place *at, zoo_span model, const zoo_db_value **row)
{
    const size_t columns = zoo_ahead_columns(ZOO_AHEAD_REWARDS);
    const zoo_db_value *rows;
    zoo_key expert;
    size_t count;
    int rc = find_rewards(im, at->query, model, &rows, &count);

    for (size_t i = 0; rc == 1 && i < count; i++, rows += columns) {
        if (!is_at(im, rows, 4, at) || !zoo_span_equal(text_of(&rows[3]), model))
            continue;
        *row = &rows[5];
        return 1;
    }
    if (rc)
        return rc < 0 ? rc : 0;
    rc = zoo_import_find_expert(im, at->expert, &expert);
    if (rc || !expert)
        return rc;
    return one(im, ZOO_SQL_REWARD_OF, "d", zoo_sql_bind(im->store, ZOO_SQL_REWARD_OF, im->err, at->query, expert,
                                                        at->sample, at->turn, model.text, model.size), row);
}

/* ---- a judgement ---- */

static int is_judged(const zoo_import *im, const zoo_db_value *row)
{
    const zoo_row_judgement *j = &im->row.judgement;
    const struct zoo_name *a = &im->row.experts.items[j->expert_a], *b = &im->row.experts.items[j->expert_b];

    return row[3].k == j->sample_a && row[5].k == j->sample_b && row[6].k == j->turn && row[7].k == j->shown_ba &&
           zoo_span_equal(text_of(&row[1]), im->row.reward_model) &&
               zoo_span_equal(text_of(&row[2]), (zoo_span){ a->text, a->size }) &&
                   zoo_span_equal(text_of(&row[4]), (zoo_span){ b->text, b->size });
}

static int ask_judgement(zoo_import *im, zoo_key query, const zoo_db_value **row)
{
    const enum zoo_sql id = ZOO_SQL_JUDGEMENT_OF;
    const zoo_row_judgement *j = &im->row.judgement;
    zoo_key model = 0, a = 0, b = 0;
    int rc = zoo_import_find_reward_model(im, im->row.reward_model, &model);

    if (!rc)
        rc = zoo_import_find_expert(im, j->expert_a, &a);
    if (!rc)
        rc = zoo_import_find_expert(im, j->expert_b, &b);
    if (rc || !model || !a || !b)
        return rc;
    return one(im, id, "tdb", zoo_sql_bind(im->store, id, im->err, query, model, a, j->sample_a, b, j->sample_b,
                                           j->turn, (int64_t)j->shown_ba), row);
}

int zoo_stored_judgement(zoo_import *im, zoo_key query, const zoo_db_value **row)
{
    const size_t columns = zoo_ahead_columns(ZOO_AHEAD_JUDGEMENTS);
    const zoo_db_value *rows;
    size_t count;
    int rc = zoo_ahead_rows(&im->ahead, ZOO_AHEAD_JUDGEMENTS, query, &rows, &count, im->err);

    if (!rc)
        return ask_judgement(im, query, row);
    for (size_t i = 0; rc == 1 && i < count; i++, rows += columns)
        if (is_judged(im, rows)) {
            *row = &rows[VERDICT];
            return 1;
        }
    return rc < 0 ? rc : 0;
}
