/* info.c - what is in a store, counted. Layer: store. */
#include <string.h>
#include "store/sql.h"

int zoo_store_count(zoo_store *s, zoo_store_totals *out, zoo_err *err)
{
    uint64_t *const numbers[] = { &out->queries, &out->experts, &out->responses, &out->reward_models, &out->rewards,
                                  &out->runs, &out->failures, &out->judgements };
    int rc = zoo_sql_bind(s, ZOO_SQL_TOTALS, err);

    memset(out, 0, sizeof *out);
    if (!rc && (rc = zoo_sql_step(s, ZOO_SQL_TOTALS, err)) == 1) {
        for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
            *numbers[i] = (uint64_t)zoo_sql_number(s, ZOO_SQL_TOTALS, i);
        rc = ZOO_OK;
        zoo_sql_reset(s, ZOO_SQL_TOTALS);
    }
    return rc;
}

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

int zoo_store_list(zoo_store *s, enum zoo_store_list what, zoo_store_item **out, size_t *count, zoo_arena *arena,
                   zoo_err *err)
{
    static const enum zoo_sql lists[] = { [ZOO_LIST_SPLITS] = ZOO_SQL_LIST_SPLITS,
                                          [ZOO_LIST_KINDS] = ZOO_SQL_LIST_KINDS,
                                          [ZOO_LIST_EXPERTS] = ZOO_SQL_LIST_EXPERTS,
                                          [ZOO_LIST_REWARDS] = ZOO_SQL_LIST_REWARDS };
    const enum zoo_sql id = lists[what];
    size_t capacity = 0;
    int rc = zoo_sql_bind(s, id, err);

    *out = NULL;
    *count = 0;
    while (!rc && (rc = zoo_sql_step(s, id, err)) == 1) {
        zoo_store_item *item;
        rc = grow(out, *count, &capacity, arena, err);
        if (rc)
            break;
        item = &(*out)[(*count)++];
        item->count = (uint64_t)zoo_sql_number(s, id, 2);
        /* the statement scales the sum down */
        item->mean = zoo_sql_real(s, id, 3) / (double)item->count * 0x1p40;
        rc = zoo_sql_copy(s, id, 0, arena, &item->name, NULL, err);
        if (!rc)
            rc = zoo_sql_copy(s, id, 1, arena, &item->expert, NULL, err);
    }
    zoo_sql_reset(s, id);
    return rc;
}
