/* db.c - SQLite for the rest of the store: statements, parameters, transactions, and a sentence for every error.
 * Refuses to know any table. Layer: store. */
#include "store/db.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "base/utf8.h"

/* SQLite does not keep the errno of a failed COMMIT; whoever calls SQLite here sets errno to 0 before. */
static int fail_io(zoo_store *s, zoo_err *err)
{
    int now = errno, kept = sqlite3_system_errno(s->db), why = kept ? kept : now;

    if (why == ENOSPC || why == EDQUOT)
        return zoo_fail(err, ZOO_EIO, "%s: the disk is full; make room and run the command again", s->path);
    if (why)
        return zoo_fail_errno(err, why, "%s", s->path);
    return zoo_fail(err, ZOO_EIO, "%s: %s", s->path, sqlite3_errmsg(s->db));
}

int zoo_db_fail(zoo_store *s, zoo_err *err)
{
    int code = sqlite3_errcode(s->db) & 0xff;

    s->was_busy = code == SQLITE_BUSY;
    switch (code) {
    case SQLITE_NOMEM:
        return zoo_fail_nomem(err);
    case SQLITE_FULL:
        return zoo_fail(err, ZOO_EIO, "%s: the disk is full; make room and run the command again", s->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return zoo_fail(err, ZOO_EIO, "%s: another process is writing to it; run the command again when that is done", s->path);
    case SQLITE_NOTADB:
        return zoo_fail(err, ZOO_EFORMAT, "%s: not a store: its content is of another format", s->path);
    case SQLITE_CORRUPT:
        return zoo_fail(err, ZOO_EFORMAT, "%s: damaged (%s); restore it from a backup", s->path, sqlite3_errmsg(s->db));
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return zoo_fail(err, ZOO_EIO, "%s: may not be written; check the permissions of the file and its folder", s->path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return fail_io(s, err);
    case SQLITE_TOOBIG:
        return zoo_fail(err, ZOO_EUSAGE, "%s: a text is too large to be stored", s->path);
    default:
        return zoo_fail(err, ZOO_EIO, "%s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

static int find_statement(zoo_store *s, sqlite3_stmt **out, const char *sql, zoo_err *err)
{
    size_t i = 0;

    while (i < ZOO_DB_STATEMENTS && s->cached[i].sql && s->cached[i].sql != sql)
        i++;
    if (i == ZOO_DB_STATEMENTS)
        return zoo_fail(err, ZOO_EUSAGE, "%s: more than %d kinds of statement", s->path, ZOO_DB_STATEMENTS);
    if (!s->cached[i].sql) {
        if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->cached[i].st, NULL))
            return zoo_db_fail(s, err);
        s->cached[i].sql = sql;
    }
    *out = s->cached[i].st;
    return ZOO_OK;
}

static int bind_next(sqlite3_stmt *st, int at, char type, va_list *values)
{
    const char *text;

    switch (type) {
    case 'k':
        return sqlite3_bind_int64(st, at, va_arg(*values, int64_t));
    case 'd':
        return sqlite3_bind_double(st, at, va_arg(*values, double));
    case 's':
        text = va_arg(*values, const char *);
        return sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
    default:
        text = va_arg(*values, const char *);
        return sqlite3_bind_text64(st, at, text, va_arg(*values, size_t), SQLITE_STATIC, SQLITE_UTF8);
    }
}

int zoo_db_prepare(zoo_store *s, sqlite3_stmt **out, zoo_err *err, const char *sql, const char *types, ...)
{
    va_list values;
    int rc = find_statement(s, out, sql, err);

    if (rc)
        return rc;
    va_start(values, types);
    for (int i = 0; !rc && types[i]; i++)
        if (bind_next(*out, i + 1, types[i], &values))
            rc = zoo_db_fail(s, err);
    va_end(values);
    return rc;
}

void zoo_db_reset(sqlite3_stmt *st)
{
    if (st)
        sqlite3_reset(st);
}

int zoo_db_step(zoo_store *s, sqlite3_stmt *st, zoo_err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        return 1;
    rc = rc == SQLITE_DONE ? ZOO_OK : zoo_db_fail(s, err);      /* before the reset, which repeats the code only */
    sqlite3_reset(st);
    return rc;
}

int zoo_db_run(zoo_store *s, sqlite3_stmt *st, zoo_err *err)
{
    int rc = zoo_db_step(s, st, err);

    if (rc == 1) {
        sqlite3_reset(st);
        rc = ZOO_OK;
    }
    return rc;
}

int zoo_db_exec(zoo_store *s, const char *sql, zoo_err *err)
{
    errno = 0;
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? zoo_db_fail(s, err) : ZOO_OK;
}

int zoo_db_count(zoo_store *s, sqlite3_stmt *st, uint64_t *count, zoo_err *err)
{
    int rc = zoo_db_step(s, st, err);

    *count = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    zoo_db_reset(st);
    return rc < 0 ? rc : ZOO_OK;
}

int zoo_db_number(zoo_store *s, const char *sql, int64_t *out, int *found, zoo_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc;

    *out = 0;
    if (found)
        *found = 0;
    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL))
        return zoo_db_fail(s, err);
    rc = zoo_db_step(s, st, err);
    if (rc == 1) {
        *out = sqlite3_column_int64(st, 0);
        if (found)
            *found = 1;
        rc = ZOO_OK;
    }
    sqlite3_finalize(st);
    return rc;
}

int zoo_db_copy_text(sqlite3_stmt *st, int column, zoo_arena *arena, const char **out, size_t *size, zoo_err *err)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    size_t n = (size_t)sqlite3_column_bytes(st, column);

    *out = NULL;
    if (size)
        *size = n;
    if (!text)
        return sqlite3_column_type(st, column) == SQLITE_NULL ? ZOO_OK : zoo_fail_nomem(err);
    *out = zoo_arena_copy(arena, (const char *)text, n);
    return *out ? ZOO_OK : zoo_fail_nomem(err);
}

int zoo_store_begin(zoo_store *s, zoo_err *err)
{
    return zoo_db_exec(s, "BEGIN IMMEDIATE", err);
}

int zoo_store_commit(zoo_store *s, zoo_err *err)
{
    return zoo_db_exec(s, "COMMIT", err);
}

void zoo_store_rollback(zoo_store *s)
{
    for (size_t i = 0; i < ZOO_DB_STATEMENTS && s->cached[i].sql; i++)
        sqlite3_reset(s->cached[i].st);
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int zoo_db_atomic_begin(zoo_store *s, int *own, zoo_err *err)
{
    *own = sqlite3_get_autocommit(s->db);
    return *own ? zoo_store_begin(s, err) : zoo_db_exec(s, "SAVEPOINT inner", err);
}

int zoo_db_atomic_end(zoo_store *s, int own, int rc, zoo_err *err)
{
    if (own) {
        if (!rc)
            rc = zoo_store_commit(s, err);
        if (rc)
            zoo_store_rollback(s);
    } else if (!rc) {
        rc = zoo_db_exec(s, "RELEASE inner", err);
    } else if (!sqlite3_get_autocommit(s->db)) {            /* else SQLite has given up the whole transaction */
        sqlite3_exec(s->db, "ROLLBACK TO inner; RELEASE inner", NULL, NULL, NULL);
    }
    return rc;
}

int zoo_db_snapshot_begin(zoo_store *s, int *own, zoo_err *err)
{
    *own = sqlite3_get_autocommit(s->db);
    return *own ? zoo_db_exec(s, "BEGIN", err) : ZOO_OK;
}

void zoo_db_snapshot_end(zoo_store *s, int own)
{
    if (own)
        zoo_store_rollback(s);
}

int zoo_store_check_label(const char *text, size_t size, size_t most, const char *place, const char *what, zoo_err *err)
{
    if (size > most)
        return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' has %zu bytes, at most %zu are allowed", place, what, size, most);
    if (zoo_utf8_valid(text, size) != size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' is not UTF-8", place, what);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' contains a control character", place, what);
    return ZOO_OK;
}
