/* info.c - what is in a store, counted. Layer: store. */
#include <string.h>
#include "store/db.h"

int zoo_store_count(zoo_store *s, zoo_store_totals *out, zoo_err *err)
{
    uint64_t *const numbers[] = { &out->queries, &out->experts, &out->responses, &out->reward_models, &out->rewards, &out->runs };
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT (SELECT count(*) FROM queries), (SELECT count(*) FROM experts),"
                            " (SELECT count(*) FROM responses), (SELECT count(*) FROM reward_models),"
                            " (SELECT count(*) FROM rewards), (SELECT count(*) FROM runs)", "");

    memset(out, 0, sizeof *out);
    if (!rc && (rc = zoo_db_step(s, st, err)) == 1) {
        for (int i = 0; i < 6; i++)
            *numbers[i] = (uint64_t)sqlite3_column_int64(st, i);
        rc = ZOO_OK;
        zoo_db_reset(st);
    }
    return rc;
}

/* Columns: name, expert, count, mean. */
static const char *const lists[] = {
    [ZOO_LIST_SPLITS] = "SELECT split, NULL, count(*), NULL FROM queries GROUP BY split ORDER BY split",
    [ZOO_LIST_KINDS] = "SELECT t.kind, NULL, count(DISTINCT q.query), NULL FROM query_tags q JOIN tags t ON t.key = q.tag"
                       " GROUP BY t.kind ORDER BY " ZOO_KIND_ORDER("t"),
    [ZOO_LIST_EXPERTS] = "SELECT e.name, NULL, count(r.key), NULL FROM experts e LEFT JOIN responses r ON r.expert = e.key"
                         " GROUP BY e.key ORDER BY e.key",
    [ZOO_LIST_REWARDS] = "SELECT m.name, e.name, w.n, w.mean FROM (SELECT reward_model, expert, count(*) AS n, avg(value) AS mean"
                         " FROM rewards GROUP BY reward_model, expert) w JOIN reward_models m ON m.key = w.reward_model"
                         " JOIN experts e ON e.key = w.expert ORDER BY m.key, e.key",
};

static int grow(zoo_store_item **items, size_t count, size_t *capacity, zoo_arena *arena, zoo_err *err)
{
    size_t n = *capacity ? *capacity * 2 : 64;
    zoo_store_item *more;

    if (count < *capacity)
        return ZOO_OK;
    more = zoo_arena_alloc(arena, n * sizeof *more);
    if (!more)
        return zoo_fail_nomem(err);
    if (count)
        memcpy(more, *items, count * sizeof *more);
    *items = more;
    *capacity = n;
    return ZOO_OK;
}

int zoo_store_list(zoo_store *s, enum zoo_store_list what, zoo_store_item **out, size_t *count, zoo_arena *arena, zoo_err *err)
{
    size_t capacity = 0;
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, lists[what], "");

    *out = NULL;
    *count = 0;
    if (rc)
        return rc;
    while (!rc && (rc = zoo_db_step(s, st, err)) == 1) {
        zoo_store_item *item;
        rc = grow(out, *count, &capacity, arena, err);
        if (rc)
            break;
        item = &(*out)[(*count)++];
        item->count = (uint64_t)sqlite3_column_int64(st, 2);
        item->mean = sqlite3_column_double(st, 3);
        rc = zoo_db_copy_text(st, 0, arena, &item->name, NULL, err);
        if (!rc)
            rc = zoo_db_copy_text(st, 1, arena, &item->expert, NULL, err);
    }
    zoo_db_reset(st);
    return rc;
}
