/* delete.c - takes things out of a store for good. Layer: store. */
#include "store/sql.h"

/* Statements in order, each with the name; the last one tells by its changes whether there was such a thing. */
static const struct thing {
    const char *what;
    enum zoo_sql claims;                 /* counts what is at work on it */
    enum zoo_sql sql[6];
    size_t count;
} things[] = {
    [ZOO_THING_SPLIT] = { "queries in the split", ZOO_SQL_CLAIMS_IN_SPLIT, { ZOO_SQL_DELETE_SPLIT }, 1 },
    [ZOO_THING_QUERY] = { "query with the id", ZOO_SQL_CLAIMS_OF_QUERY, { ZOO_SQL_DELETE_QUERY }, 1 },
    [ZOO_THING_REWARD_MODEL] = { "reward model", ZOO_SQL_CLAIMS_OF_REWARD_MODEL,
                                 { ZOO_SQL_DELETE_REWARD_MODEL_REWARDS, ZOO_SQL_DELETE_REWARD_MODEL_JUDGEMENTS,
                                   ZOO_SQL_DELETE_REWARD_MODEL_CLAIMS, ZOO_SQL_DELETE_REWARD_MODEL }, 4 },
    [ZOO_THING_EXPERT] = { "expert", ZOO_SQL_CLAIMS_OF_EXPERT,
                           { ZOO_SQL_DELETE_EXPERT_REWARDS, ZOO_SQL_DELETE_EXPERT_JUDGEMENTS,
                             ZOO_SQL_DELETE_EXPERT_CLAIMS, ZOO_SQL_DELETE_EXPERT_FAILURES,
                             ZOO_SQL_DELETE_EXPERT_ANSWERS, ZOO_SQL_DELETE_EXPERT }, 6 },
};

/* What is asked or scored just now would have nowhere to go: it would be paid for and lost,
 * or refer to what does not exist. */
static int check_idle(zoo_store *s, const struct thing *t, const char *name, zoo_err *err)
{
    uint64_t others;
    int64_t claims = 0;
    int rc = zoo_store_count_others(s, 0, 0, &others, err);              /* ends the claims of the dead */

    if (!rc)
        rc = zoo_sql_run(s, ZOO_SQL_CLAIM_LOCK, err);
    if (!rc)
        rc = zoo_sql_bind(s, t->claims, err, name);
    if (!rc)
        rc = zoo_sql_single(s, t->claims, &claims, NULL, err);
    if (!rc && claims)
        rc = zoo_fail(err, ZOO_ECONFLICT,
                      "%s: another process is at work on the %s '%.150s' ('zooter collect' or 'reward'); delete it "
                      "when that is done or stopped", s->name, t->what, name);
    return rc;
}

int zoo_store_delete(zoo_store *s, enum zoo_store_thing thing, const char *name, zoo_err *err)
{
    const struct thing *t = &things[thing];
    int own, rc = zoo_sql_atomic_begin(s, &own, err);

    if (rc)
        return rc;
    rc = check_idle(s, t, name, err);
    for (size_t i = 0; !rc && i < t->count; i++)
        rc = zoo_sql_run(s, t->sql[i], err, name);
    if (!rc && !zoo_sql_changes(s)) {
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: no %s '%.150s'", s->name, t->what, name);
        zoo_store_advise(s, s->advice->unknown, err);
    }
    return zoo_sql_atomic_end(s, own, rc, err);
}
