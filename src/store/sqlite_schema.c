/* sqlite_schema.c - which version a file has, and how it comes to this one: all steps in one transaction. The version
 * and the mark that the file is a store stand in its header. Layer: store. */
#include <stdio.h>
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/upgrade.h"

enum { APPLICATION_ID = 0x5a6f6f74 };           /* "Zoot": see PRAGMA application_id */

static int read_marks(struct zoo_sqlite *s, enum zoo_schema_kind *kind, int64_t *version, zoo_err *err)
{
    int64_t id, objects;
    int rc = zoo_sqlite_number(s, "PRAGMA application_id", &id, err);

    if (!rc)
        rc = zoo_sqlite_number(s, "PRAGMA user_version", version, err);
    if (!rc)
        rc = zoo_sqlite_number(s, "SELECT count(*) FROM sqlite_master", &objects, err);
    if (!rc)
        *kind = id == APPLICATION_ID ? ZOO_SCHEMA_OURS : id == 0 && *version == 0 && objects == 0 ? ZOO_SCHEMA_FRESH :
                ZOO_SCHEMA_FOREIGN;
    return rc;
}

/* All marks of one moment: another process may be making the store just now. */
static int inspect(struct zoo_sqlite *s, enum zoo_store_mode mode, int64_t *version, zoo_err *err)
{
    zoo_db *db = &s->base;
    enum zoo_schema_kind kind = ZOO_SCHEMA_FOREIGN;
    int own = !db->driver->in_transaction(db), rc = own ? db->driver->begin(db, ZOO_BEGIN_SNAPSHOT, err) : ZOO_OK;

    if (rc)
        return rc;
    rc = read_marks(s, &kind, version, err);
    if (own)
        db->driver->rollback(db);
    return rc ? rc : zoo_schema_check(s->path, kind, *version, mode, err);
}

static int run_steps(struct zoo_sqlite *s, int64_t from, zoo_err *err)
{
    char marks[96];
    int rc = ZOO_OK;

    for (int64_t i = from; !rc && i < ZOO_SCHEMA_VERSION; i++)
        rc = zoo_sqlite_exec(s, zoo_schema_sqlite[i], err);
    if (!rc && from == 1)
        rc = zoo_upgrade_figures(&s->base, err);
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
             ZOO_SCHEMA_VERSION);
    return rc ? rc : zoo_sqlite_exec(s, marks, err);
}

/* Looks again inside the transaction: another process may have been faster. */
static int migrate(struct zoo_sqlite *s, enum zoo_store_mode mode, zoo_err *err)
{
    zoo_db *db = &s->base;
    int64_t version;
    int rc = db->driver->begin(db, ZOO_BEGIN_WRITE, err);

    if (!rc)
        rc = inspect(s, mode, &version, err);
    if (!rc && version < ZOO_SCHEMA_VERSION)
        rc = run_steps(s, version, err);
    if (!rc)
        return db->driver->commit(db, err);
    db->driver->rollback(db);
    return rc;
}

int zoo_sqlite_prepare_schema(struct zoo_sqlite *s, enum zoo_store_mode mode, zoo_err *err)
{
    int64_t version;
    int rc = inspect(s, mode, &version, err);

    return rc || mode == ZOO_STORE_READ || version == ZOO_SCHEMA_VERSION ? rc : migrate(s, mode, err);
}
