/* import_new.c - rows whose queries are new are written straight away,
 * with keys of our own in ascending order. Layer: store. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/name.h"
#include "store/answers.h"
#include "store/stored.h"

enum { CACHED_NAMES = 1 << 16 };    /* keys of tags that are remembered; past that they are forgotten and found again */

void zoo_import_init(zoo_import *im, zoo_store *store, const zoo_import_options *options, zoo_import_counts *counts,
                     zoo_err *err)
{
    *im = (zoo_import){ .store = store, .options = options, .counts = counts, .err = err,
                        .extra = ZOO_BUF_INIT(SIZE_MAX / 4), .tag = ZOO_BUF_INIT(SIZE_MAX / 4) };
    zoo_row_init(&im->row);
    im->tags.names.limit = im->reward_models.names.limit = im->settings.names.limit = CACHED_NAMES;
}

void zoo_import_release(zoo_import *im)
{
    zoo_row_release(&im->row);
    zoo_buf_release(&im->extra);
    zoo_buf_release(&im->tag);
    zoo_arena_release(&im->arena);
    zoo_names_clear(&im->known);
    zoo_names_clear(&im->touched);
    zoo_ahead_release(&im->ahead);
    free(im->known_keys);
    free(im->known_states);
    zoo_names_clear(&im->tags.names);
    zoo_names_clear(&im->reward_models.names);
    zoo_names_clear(&im->settings.names);
    free(im->tags.keys);
    free(im->reward_models.keys);
    free(im->settings.keys);
    free(im->expert_keys);
}

/* ---- keys ---- */

/* As many as there may be names, so the limit is theirs. */
static int grow_keys(zoo_key **keys, size_t *capacity, size_t need)
{
    return zoo_array_grow(keys, capacity, need, sizeof **keys, UINT32_MAX);
}

/* 0: there is none of that name. */
static int find_named(zoo_import *im, enum zoo_sql id, const char *name, zoo_key *key)
{
    int rc = zoo_sql_bind(im->store, id, im->err, name);

    return rc ? rc : zoo_sql_single(im->store, id, key, NULL, im->err);
}

/* `make`: where it is not stored; else 0. */
static int expert_key(zoo_import *im, uint32_t number, int make, zoo_key *key)
{
    const char *name = im->row.experts.items[number].text;
    int rc = ZOO_OK;

    if (grow_keys(&im->expert_keys, &im->expert_capacity, (size_t)number + 1))
        return zoo_fail_nomem(im->err);
    if (!im->expert_keys[number] && make)
        rc = zoo_store_expert(im->store, name, &im->expert_keys[number], im->err);
    else if (!im->expert_keys[number])
        rc = find_named(im, ZOO_SQL_EXPERT_FIND, name, &im->expert_keys[number]);
    *key = im->expert_keys[number];
    return rc;
}

int zoo_import_expert(zoo_import *im, uint32_t number, zoo_key *key)
{
    return expert_key(im, number, 1, key);
}

int zoo_import_find_expert(zoo_import *im, uint32_t number, zoo_key *key)
{
    return expert_key(im, number, 0, key);
}

static void clear_keys(struct zoo_known_keys *k)
{
    zoo_names_clear(&k->names);
    if (k->capacity)
        memset(k->keys, 0, k->capacity * sizeof *k->keys);
}

/* The place of the name's key; a full table is emptied first. */
static int find_key(zoo_import *im, struct zoo_known_keys *k, const char *text, size_t size, zoo_key **key)
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
    const char *name = im->options->reward_model ? im->options->reward_model : ZOO_REWARD_MODEL_USUAL;

    return im->row.reward_model.text ? im->row.reward_model : (zoo_span){ name, strlen(name) };
}

static int reward_model_key(zoo_import *im, zoo_span name, int make, zoo_key *key)
{
    char text[ZOO_NAME_MAX + 1];
    zoo_key *known = NULL;
    int rc = find_key(im, &im->reward_models, name.text, name.size, &known);

    snprintf(text, sizeof text, "%.*s", (int)name.size, name.text);
    if (!rc && !*known)
        rc = make ? zoo_store_reward_model(im->store, text, known, im->err) :
             find_named(im, ZOO_SQL_REWARD_MODEL_FIND, text, known);
    if (!rc)
        *key = *known;
    return rc;
}

int zoo_import_named_reward_model(zoo_import *im, zoo_span name, zoo_key *key)
{
    return reward_model_key(im, name, 1, key);
}

int zoo_import_find_reward_model(zoo_import *im, zoo_span name, zoo_key *key)
{
    return reward_model_key(im, name, 0, key);
}

int zoo_import_settings(zoo_import *im, zoo_span json, zoo_key *key)
{
    char digest[ZOO_DIGEST_SIZE];
    zoo_key *known = NULL;
    const char *text;
    int rc = zoo_store_digest(json.text, json.size, digest, im->err);

    if (!rc)
        rc = find_key(im, &im->settings, digest, strlen(digest), &known);
    if (!rc && !*known) {
        text = zoo_arena_copy(&im->arena, json.text, json.size);
        rc = text ? zoo_store_settings(im->store, text, known, im->err) : zoo_fail_nomem(im->err);
    }
    if (!rc)
        *key = *known;
    return rc;
}

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
        rc = zoo_store_tag_key(im->store, kind.text, kind.size, value.text, value.size, known, im->err);
    if (!rc)
        *key = *known;
    return rc;
}

/* ---- what hangs on a query ---- */

int zoo_import_put_tag(zoo_import *im, zoo_key query, int64_t position, zoo_span kind, zoo_span value)
{
    zoo_key tag = 0;
    int rc = find_tag(im, kind, value, &tag);
    const zoo_db_value row[] = { { .k = query }, { .k = position }, { .k = tag } };

    return rc ? rc : im->store->db->driver->append(im->store->db, ZOO_TABLE_QUERY_TAGS, row, im->err);
}

static int put_reward(zoo_import *im, zoo_key query, zoo_key model, const zoo_row_reward *r, int is_new)
{
    zoo_key expert = 0;
    int rc = zoo_import_expert(im, r->expert, &expert);
    const zoo_db_value row[] = { { .d = r->value }, { .k = query }, { .k = model }, { .k = expert }, { .k = 1 },
                                 { .k = 1 } };

    if (rc)
        return rc;
    if (is_new)
        return im->store->db->driver->append(im->store->db, ZOO_TABLE_REWARDS, row, im->err);
    return zoo_store_put_reward(im->store, model, &(zoo_address){ query, expert, 1, 1 }, r->value, im->err);
}

int zoo_import_put_rewards(zoo_import *im, zoo_key query, int is_new)
{
    zoo_key model = 0;
    int rc = ZOO_OK;

    if (im->row.reward_count)
        rc = zoo_import_named_reward_model(im, zoo_import_reward_model_name(im), &model);
    for (size_t i = 0; !rc && i < im->row.reward_count; i++)
        rc = put_reward(im, query, model, &im->row.rewards[i], is_new);
    im->counts->rewards += im->row.reward_count;
    return rc;
}

/* What the row says of one expert's answer; SIZE_MAX where it does not,
 * or what it says is stored already (merge.c takes `at` away). */
struct answer { uint32_t expert; size_t response, cost, tokens; };

static struct answer answer_of(const zoo_row *row, uint32_t expert)
{
    struct answer a = { expert, zoo_row_find_response(row, expert), zoo_row_find_cost(row, expert),
                        zoo_row_find_tokens(row, expert) };

    if (a.response != SIZE_MAX && !row->responses[a.response].at)
        a.response = SIZE_MAX;
    if (a.cost != SIZE_MAX && !row->costs[a.cost].at)
        a.cost = SIZE_MAX;
    if (a.tokens != SIZE_MAX && !row->tokens[a.tokens].at)
        a.tokens = SIZE_MAX;
    return a;
}

static zoo_row_tokens tokens_of(const zoo_row *row, const struct answer *a)
{
    static const zoo_row_tokens none = { .in = -1, .out = -1, .reasoning = -1, .cached = -1 };

    return a->tokens == SIZE_MAX ? none : row->tokens[a->tokens];
}

/* One row of the table, where there is none of that expert yet. */
static int append_answer(zoo_import *im, zoo_key query, zoo_key expert, const struct answer *a)
{
    const zoo_row *row = &im->row;
    const zoo_span *text = a->response == SIZE_MAX ? NULL : &row->responses[a->response].text;
    double cost = a->cost == SIZE_MAX ? (double)NAN : row->costs[a->cost].value;
    zoo_row_tokens t = tokens_of(row, a);
    const zoo_db_value columns[] = {
        { .k = query }, { .k = expert }, { .k = 1 }, { .k = 1 }, { .k = -1 }, { .text = NULL }, { .k = t.in },
            { .k = t.out }, { .k = t.reasoning },
        { .k = t.cached }, { .d = cost }, { .d = (double)NAN }, { .d = (double)NAN }, { .text = NULL },
            { .text = NULL },
        { .text = text ? text->text : NULL, .size = text ? text->size : 0 }
    };

    return im->store->db->driver->append(im->store->db, ZOO_TABLE_ANSWERS, columns, im->err);
}

/* The same, beside or over what is there. */
static int merge_answer(zoo_import *im, zoo_key query, zoo_key expert, const struct answer *a)
{
    const zoo_row *row = &im->row;
    zoo_row_tokens t = tokens_of(row, a);
    double cost = a->cost == SIZE_MAX ? (double)NAN : row->costs[a->cost].value;
    int rc = ZOO_OK;

    if (a->response != SIZE_MAX)
        rc = zoo_sql_run(im->store, ZOO_SQL_ANSWER_TEXT, im->err, query, expert, (int64_t)1, (int64_t)1,
                         row->responses[a->response].text.text, row->responses[a->response].text.size);
    if (!rc && (a->cost != SIZE_MAX || a->tokens != SIZE_MAX))
        rc = zoo_sql_run(im->store, ZOO_SQL_ANSWER_FIGURES, im->err, query, expert, (int64_t)1, (int64_t)1, cost, t.in,
                         t.out, t.reasoning, t.cached);
    return rc;
}

static int put_answer(zoo_import *im, zoo_key query, struct answer a, int is_new)
{
    zoo_key expert = 0;
    int rc = zoo_import_expert(im, a.expert, &expert);

    if (!rc && !is_new)
        rc = is_new = zoo_stored_lacks_answer(im, &(zoo_place){ query, a.expert, 1, 1 });
    if (rc < 0)
        return rc;
    return is_new ? append_answer(im, query, expert, &a) : merge_answer(im, query, expert, &a);
}

int zoo_import_put_answers(zoo_import *im, zoo_key query, int is_new)
{
    const zoo_row *row = &im->row;
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < row->response_count; i++) {
        struct answer a = answer_of(row, row->responses[i].expert);
        if (a.response != SIZE_MAX)
            rc = put_answer(im, query, a, is_new);
        im->counts->responses += a.response != SIZE_MAX;
    }
    for (size_t i = 0; !rc && i < row->cost_count; i++) {
        struct answer a = answer_of(row, row->costs[i].expert);
        if (a.cost != SIZE_MAX && a.response == SIZE_MAX)
            rc = put_answer(im, query, a, is_new);
    }
    for (size_t i = 0; !rc && i < row->tokens_count; i++) {
        struct answer a = answer_of(row, row->tokens[i].expert);
        if (a.tokens != SIZE_MAX && a.response == SIZE_MAX && a.cost == SIZE_MAX)
            rc = put_answer(im, query, a, is_new);
    }
    return rc;
}

/* ---- a new query ---- */

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

/* The columns of the row's query; extra is the row's other fields. */
static int query_columns(zoo_import *im, zoo_db_value columns[5])
{
    const zoo_row *row = &im->row;
    const char *split = im->options->split ? im->options->split : row->split.text;

    columns[0] = (zoo_db_value){ .k = im->next_query };
    columns[1] = (zoo_db_value){ .text = row->id.text, .size = row->id.size };
    columns[2] = (zoo_db_value){ .text = split, .size = im->options->split ? strlen(split) : row->split.size };
    columns[3] = (zoo_db_value){ .text = row->query.text, .size = row->query.size };
    columns[4] = (zoo_db_value){ .text = NULL };
    if (!row->field_count)
        return ZOO_OK;
    zoo_buf_clear(&im->extra);
    if (zoo_row_fields(row, &im->extra))
        return zoo_fail_nomem(im->err);
    columns[4] = (zoo_db_value){ .text = im->extra.data, .size = im->extra.size };
    return ZOO_OK;
}

static int put_rest(zoo_import *im)
{
    zoo_key query = im->next_query++;
    int rc = put_tags(im, query);

    if (!rc)
        rc = zoo_import_put_rewards(im, query, 1);
    if (!rc)
        rc = zoo_import_put_answers(im, query, 1);
    im->counts->added++;
    return rc;
}

int zoo_import_new(zoo_import *im)
{
    zoo_db_value columns[5];
    int rc = query_columns(im, columns);

    if (!rc)
        rc = im->store->db->driver->append(im->store->db, ZOO_TABLE_QUERIES, columns, im->err);
    return rc ? rc : put_rest(im);
}

int zoo_import_new_or_known(zoo_import *im)
{
    zoo_db *db = im->store->db;
    zoo_db_value columns[5];
    int rc = query_columns(im, columns);

    if (!rc)
        rc = db->driver->bind(db, ZOO_SQL_QUERY_NEW, columns, 5, im->err);
    if (!rc)
        rc = db->driver->step(db, ZOO_SQL_QUERY_NEW, im->err);
    if (rc || !db->driver->changes(db))
        return rc;
    rc = put_rest(im);
    return rc ? rc : 1;
}
