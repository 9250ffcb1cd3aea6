/* delete.c - takes things out of a store for good. Layer: store. */
#include "store/db.h"

/* Statements in order, each with the name as ?1; the last one tells by its changes whether there was such a thing. Tags, responses
 * and rewards of a query go with it: see ON DELETE CASCADE in schema.c. */
static const struct thing {
    const char *what;
    const char *sql[3];
} things[] = {
    [ZOO_THING_SPLIT] = { "queries in the split", { "DELETE FROM queries WHERE split = ?1" } },
    [ZOO_THING_QUERY] = { "query with the id", { "DELETE FROM queries WHERE id = ?1" } },
    [ZOO_THING_REWARD_MODEL] = { "reward model", {
        "DELETE FROM rewards WHERE reward_model = (SELECT key FROM reward_models WHERE name = ?1)",
        "DELETE FROM reward_models WHERE name = ?1" } },
    [ZOO_THING_EXPERT] = { "expert", {
        "DELETE FROM rewards WHERE expert = (SELECT key FROM experts WHERE name = ?1)",
        "DELETE FROM responses WHERE expert = (SELECT key FROM experts WHERE name = ?1)",
        "DELETE FROM experts WHERE name = ?1" } },
};

int zoo_store_delete(zoo_store *s, enum zoo_store_thing thing, const char *name, zoo_err *err)
{
    const struct thing *t = &things[thing];
    int own, rc = zoo_db_atomic_begin(s, &own, err);

    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < sizeof t->sql / sizeof *t->sql && t->sql[i]; i++) {
        sqlite3_stmt *st;
        rc = zoo_db_prepare(s, &st, err, t->sql[i], "s", name);
        if (!rc)
            rc = zoo_db_run(s, st, err);
    }
    if (!rc && !sqlite3_changes(s->db))
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: no %s '%.150s'; 'zooter store info --store %s' lists what there is", s->path, t->what,
                      name, s->path);
    return zoo_db_atomic_end(s, own, rc, err);
}
