/* open.c - a store over whatever driver its name means. Layer: store. */
#include <stdlib.h>
#include "store/sql.h"

static const zoo_store_advice no_advice;

/* Codes that only drivers use become public ones, with the caller's advice. */
static int advise(const char *where, const zoo_store_advice *advice, int rc, zoo_err *err)
{
    char name[ZOO_STORE_NAME_MAX];
    zoo_db db = { .name = name };
    zoo_store unopened = { .db = &db, .name = name, .advice = advice };
    const char *words = rc == ZOO_DB_MISSING || rc == ZOO_DB_EMPTY ? advice->missing : rc == ZOO_DB_OLD ? advice->old :
                        NULL;
    int public = rc == ZOO_DB_MISSING ? ZOO_EIO : rc == ZOO_DB_OLD || rc == ZOO_DB_EMPTY ? ZOO_EFORMAT : rc;

    if (public != rc && err)
        err->code = public;
    if (words && !zoo_store_describe(where, name, sizeof name, NULL))
        zoo_store_advise(&unopened, words, err);
    return public;
}

int zoo_store_open(zoo_store **out, const char *where, enum zoo_store_mode mode, const zoo_store_advice *advice,
                   zoo_err *err)
{
    const zoo_store_advice *words = advice ? advice : &no_advice;
    zoo_store *s = calloc(1, sizeof *s);
    int rc;

    *out = NULL;
    if (!s)
        return zoo_fail_nomem(err);
    s->advice = words;
    rc = *where ? zoo_driver_of(where)->open(&s->db, where, mode, err) :
         zoo_fail(err, ZOO_EUSAGE, "the store's name is empty");
    if (rc) {
        free(s);
        return advise(where, words, rc, err);
    }
    s->name = s->db->name;
    *out = s;
    return ZOO_OK;
}

void zoo_store_close(zoo_store *s)
{
    if (!s)
        return;
    zoo_store_rollback(s);
    zoo_store_leave(s);
    s->db->driver->close(s->db);
    free(s);
}

const char *zoo_store_name(const zoo_store *s)
{
    return s->name;
}

int zoo_store_describe(const char *where, char *name, size_t size, zoo_err *err)
{
    return zoo_driver_of(where)->describe(where, name, size, err);
}

int zoo_store_backup(zoo_store *s, const char *path, int force, zoo_progress *progress, zoo_err *err)
{
    if (!s->db->driver->backup)
        return zoo_fail(err, ZOO_EUSAGE,
                        "%s: a backup is a copy of a store's file, and a store in %s has none; copy its rows into a "
                        "file instead, or use the database's own tools", s->name, s->db->driver->name);
    return s->db->driver->backup(s->db, path, force, progress, err);
}
