/* schema.c - the tables, as a list of steps from one version to the next, run in one transaction. docs/store.md shows them.
 * A step that has been released is never edited: what changes becomes a further step.
 * Refuses to touch a file that is no store, or one of a newer version. Layer: store. */
#include "store/db.h"
#include <stdio.h>

enum { APPLICATION_ID = 0x5a6f6f74 };           /* "Zoot": in the header of the file, see PRAGMA application_id */

/* rewards leads with the query so that a query's deletion finds its rewards; without a rowid, because its key is the whole row
 * but for the value. responses keeps a rowid: long texts in the leaves of a key tree would make that deep. */
static const char *const steps[] = {
    "CREATE TABLE queries (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, split TEXT, text TEXT NOT NULL, extra TEXT) STRICT;"
    "CREATE TABLE tags (key INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (kind, value)) STRICT;"
    "CREATE TABLE query_tags (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE, position INTEGER NOT NULL,"
    " tag INTEGER NOT NULL REFERENCES tags (key), PRIMARY KEY (query, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE experts (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE responses (key INTEGER PRIMARY KEY, query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " expert INTEGER NOT NULL REFERENCES experts (key), finish_reason TEXT, prompt_tokens INTEGER, completion_tokens INTEGER,"
    " seconds REAL, text TEXT NOT NULL, UNIQUE (query, expert)) STRICT;"
    "CREATE TABLE reward_models (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE rewards (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " reward_model INTEGER NOT NULL REFERENCES reward_models (key), expert INTEGER NOT NULL REFERENCES experts (key),"
    " value REAL NOT NULL, PRIMARY KEY (query, reward_model, expert)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE runs (key INTEGER PRIMARY KEY, command TEXT NOT NULL, settings TEXT NOT NULL, started TEXT NOT NULL,"
    " ended TEXT, status TEXT, summary TEXT) STRICT;",
};
enum { VERSION = sizeof steps / sizeof *steps };

enum kind { FRESH, OURS, FOREIGN };

static int read_marks(zoo_store *s, enum kind *kind, int64_t *version, zoo_err *err)
{
    int64_t id, objects;
    int rc = zoo_db_number(s, "PRAGMA application_id", &id, NULL, err);

    if (!rc)
        rc = zoo_db_number(s, "PRAGMA user_version", version, NULL, err);
    if (!rc)
        rc = zoo_db_number(s, "SELECT count(*) FROM sqlite_master", &objects, NULL, err);
    if (!rc)
        *kind = id == APPLICATION_ID ? OURS : id == 0 && *version == 0 && objects == 0 ? FRESH : FOREIGN;
    return rc;
}

/* All marks of one moment: another process may be making the store just now. */
static int inspect(zoo_store *s, enum kind *kind, int64_t *version, zoo_err *err)
{
    int own, rc = zoo_db_snapshot_begin(s, &own, err);

    if (rc)
        return rc;
    rc = read_marks(s, kind, version, err);
    zoo_db_snapshot_end(s, own);
    return rc;
}

static int refuse_unfit(zoo_store *s, enum kind kind, int64_t version, enum zoo_store_mode mode, zoo_err *err)
{
    if (kind == FOREIGN)
        return zoo_fail(err, ZOO_EFORMAT, "%s: not a store: an SQLite file of another program", s->path);
    if (kind == FRESH && mode != ZOO_STORE_CREATE)
        return zoo_fail(err, ZOO_EFORMAT, "%s: not a store: the file is empty", s->path);
    if (kind == OURS && version > VERSION)
        return zoo_fail(err, ZOO_EFORMAT, "%s: made by a newer zooter (version %lld of the store's format, this one knows %d); "
                        "use that one", s->path, (long long)version, VERSION);
    if (kind == OURS && version < VERSION && mode == ZOO_STORE_READ)
        return zoo_fail(err, ZOO_EFORMAT, "%s: made by an older zooter; 'zooter store upgrade --store %s' brings it up to date",
                        s->path, s->path);
    return ZOO_OK;
}

int zoo_schema_run(zoo_store *s, const char *const *list, int64_t from, int64_t to, zoo_err *err)
{
    char pragmas[96];
    int own, rc = zoo_db_atomic_begin(s, &own, err);

    if (rc)
        return rc;
    for (int64_t i = from; !rc && i < to; i++)
        rc = zoo_db_exec(s, list[i], err);
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %lld", APPLICATION_ID, (long long)to);
    if (!rc)
        rc = zoo_db_exec(s, pragmas, err);
    return zoo_db_atomic_end(s, own, rc, err);
}

/* Looks again inside the transaction: another process may have been faster. */
static int migrate(zoo_store *s, enum zoo_store_mode mode, zoo_err *err)
{
    enum kind kind;
    int64_t version;
    int own, rc = zoo_db_atomic_begin(s, &own, err);

    if (rc)
        return rc;
    rc = inspect(s, &kind, &version, err);
    if (!rc)
        rc = refuse_unfit(s, kind, version, mode, err);
    if (!rc && version < VERSION)
        rc = zoo_schema_run(s, steps, version, VERSION, err);
    return zoo_db_atomic_end(s, own, rc, err);
}

int zoo_schema_prepare(zoo_store *s, enum zoo_store_mode mode, zoo_err *err)
{
    enum kind kind;
    int64_t version;
    int rc = inspect(s, &kind, &version, err);

    if (!rc)
        rc = refuse_unfit(s, kind, version, mode, err);
    if (!rc && mode != ZOO_STORE_READ && version < VERSION)
        rc = migrate(s, mode, err);
    return rc;
}
