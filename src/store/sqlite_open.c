/* sqlite_open.c - opens a file as a store: checks that it is one before anything in it is changed,
 * then sets the connection up.
 * Layer: store. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/clock.h"
#include "store/sqlite.h"

/* A writer waits this long for another; an import of a million rows holds the lock for less. */
enum { BUSY_MS = 60000 };

static int check_path(const char *path, enum zoo_store_mode mode, zoo_err *err)
{
    struct stat st;

    if (stat(path, &st)) {
        if (errno != ENOENT)
            return zoo_fail_errno(err, errno, "%s", path);
        if (mode == ZOO_STORE_CREATE)
            return ZOO_OK;
        return zoo_fail(err, ZOO_DB_MISSING, "%s: no such store", path);
    }
    if (!S_ISREG(st.st_mode))
        return zoo_fail(err, ZOO_EFORMAT, "%s: not a store: not a regular file", path);
    return ZOO_OK;
}

/* Reading keeps a writable connection where it can get one, because only such a one removes the WAL when it is the last
 * to leave; SQLite falls back to a read-only one by itself. */
static int connect_file(struct zoo_sqlite *s, enum zoo_store_mode mode, zoo_err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (mode == ZOO_STORE_CREATE ? SQLITE_OPEN_CREATE : 0);

    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
        return s->db ? zoo_sqlite_fail(s, err) : zoo_fail_nomem(err);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    if (mode != ZOO_STORE_READ && sqlite3_db_readonly(s->db, "main") == 1)
        return zoo_fail(err, ZOO_EIO, "%s: may not be written; check its permissions", s->path);
    return ZOO_OK;
}

/* A file name as SQLite's URIs want it: "file:" and %XX for what has a meaning there. */
static int add_uri(zoo_buf *uri, const char *path)
{
    int rc = zoo_buf_add_str(uri, "file:");

    for (; !rc && *path; path++)
        rc = strchr("%?#", *path) ? zoo_buf_addf(uri, "%%%02X", (unsigned char)*path) : zoo_buf_add(uri, path, 1);
    return rc ? rc : zoo_buf_add_str(uri, "?immutable=1");
}

/* A store in a folder that may not be written: without a log nobody is writing, and it can be read as it lies there. */
static int connect_immutable(struct zoo_sqlite *s, zoo_err *err)
{
    zoo_buf uri = ZOO_BUF_INIT(3 * PATH_MAX);
    int rc;

    sqlite3_close(s->db);
    s->db = NULL;
    rc = add_uri(&uri, s->path) ? zoo_fail(err, ZOO_EUSAGE, "%s: name too long", s->path) : ZOO_OK;
    if (!rc && sqlite3_open_v2(uri.data, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL))
        rc = s->db ? zoo_sqlite_fail(s, err) : zoo_fail_nomem(err);
    zoo_buf_release(&uri);
    return rc;
}

static int has_log(const char *path)
{
    char log[PATH_MAX];
    struct stat st;

    return snprintf(log, sizeof log, "%s-wal", path) >= (int)sizeof log || !stat(log, &st);
}

static int set_up_now(struct zoo_sqlite *s, enum zoo_store_mode mode, zoo_err *err)
{
    int rc = zoo_sqlite_prepare_schema(s, mode, err);

    if (rc == ZOO_EIO && mode == ZOO_STORE_READ && sqlite3_db_readonly(s->db, "main") == 1 && !has_log(s->path)) {
        rc = connect_immutable(s, err);
        if (!rc)
            rc = zoo_sqlite_prepare_schema(s, mode, err);
    }
    if (!rc)
        rc = zoo_sqlite_check_open(s, err);
    if (!rc && mode == ZOO_STORE_READ)
        return zoo_sqlite_exec(s, "PRAGMA query_only = ON", err);
    if (!rc)
        rc = zoo_sqlite_exec(s, "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864; PRAGMA synchronous = "
                                "NORMAL;PRAGMA wal_autocheckpoint = 4000; PRAGMA foreign_keys = ON; PRAGMA cache_size "
                                "= -16000", err);
    return rc;
}

/* SQLite does not wait by itself where a journal's mode changes or the last connection is about to leave. */
static int set_up(struct zoo_sqlite *s, enum zoo_store_mode mode, zoo_err *err)
{
    const struct timespec pause = { 0, 10000000 };
    uint64_t end = zoo_clock_ns() + (uint64_t)BUSY_MS * 1000000;
    int rc;

    while ((rc = set_up_now(s, mode, err)) && s->was_busy && zoo_clock_ns() < end) {
        s->was_busy = 0;
        nanosleep(&pause, NULL);
    }
    return rc;
}

int zoo_sqlite_open(zoo_db **out, const char *where, enum zoo_store_mode mode, zoo_err *err)
{
    struct zoo_sqlite *s;
    int rc;

    *out = NULL;
    rc = check_path(where, mode, err);
    if (rc)
        return rc;
    s = calloc(1, sizeof *s);
    if (!s || !(s->base.name = strdup(where))) {
        free(s);
        return zoo_fail_nomem(err);
    }
    s->base.driver = &zoo_driver_sqlite;
    s->path = s->base.name;
    for (size_t i = 0; i < sizeof s->lists / sizeof *s->lists; i++)
        s->lists[i].max = SIZE_MAX / 4;
    rc = connect_file(s, mode, err);
    if (!rc)
        rc = set_up(s, mode, err);
    if (rc)
        zoo_sqlite_close(&s->base);
    else
        *out = &s->base;
    return rc;
}

void zoo_sqlite_close(zoo_db *db)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;

    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    zoo_sqlite_release_bulk(s);
    sqlite3_close(s->db);
    for (size_t i = 0; i < sizeof s->lists / sizeof *s->lists; i++)
        zoo_buf_release(&s->lists[i]);
    free(s->base.name);
    free(s);
}
