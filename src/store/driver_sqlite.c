/* driver_sqlite.c - the driver for SQLite: statements, transactions, a sentence for every error. One file is one store:
 * WAL, foreign keys. Opening is in sqlite_open.c, versions in sqlite_schema.c,
 * many rows in sqlite_bulk.c. Layer: store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "store/sqlite.h"

/* ---- errors ---- */

/* SQLite does not keep the errno of a failed COMMIT; whoever calls SQLite here sets errno to 0 before. */
static int fail_io(struct zoo_sqlite *s, zoo_err *err)
{
    int now = errno, kept = sqlite3_system_errno(s->db), why = kept ? kept : now;

    if (why == ENOSPC || why == EDQUOT)
        return zoo_fail(err, ZOO_EIO, "%s: the disk is full; make room and run the command again", s->path);
    if (why)
        return zoo_fail_errno(err, why, "%s", s->path);
    return zoo_fail(err, ZOO_EIO, "%s: %s", s->path, sqlite3_errmsg(s->db));
}

int zoo_sqlite_fail(struct zoo_sqlite *s, zoo_err *err)
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
        return zoo_fail(err, ZOO_EIO, "%s: another process is writing to it; run the command again when that is done",
                        s->path);
    case SQLITE_NOTADB:
        return zoo_fail(err, ZOO_EFORMAT, "%s: not a store: its content is of another format", s->path);
    case SQLITE_CORRUPT:
        return zoo_fail(err, ZOO_EFORMAT, "%s: damaged (%s); restore it from a backup", s->path, sqlite3_errmsg(s->db));
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return zoo_fail(err, ZOO_EIO, "%s: may not be written; check the permissions of the file and its folder",
                        s->path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return fail_io(s, err);
    case SQLITE_CONSTRAINT:
        if (sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
            return zoo_fail(err, ZOO_EIO, "%s: what this belongs to was deleted meanwhile; run the command again",
                            s->path);
        return zoo_fail(err, ZOO_EIO, "%s: %s", s->path, sqlite3_errmsg(s->db));
    case SQLITE_TOOBIG:
        return zoo_fail(err, ZOO_EUSAGE, "%s: a text is too large to be stored", s->path);
    default:
        return zoo_fail(err, ZOO_EIO, "%s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

int zoo_sqlite_check_open(struct zoo_sqlite *s, zoo_err *err)
{
    const int is_open = !sqlite3_get_autocommit(s->db);

    if (is_open && !s->is_open)          /* there was no memory to roll back */
        return zoo_sqlite_exec(s, "ROLLBACK", err);
    if (!s->is_open || (is_open && !s->has_failed))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EIO, "%s: what was begun had to be given up after a failure; run the command again",
                    s->path);
}

int zoo_sqlite_exec(struct zoo_sqlite *s, const char *sql, zoo_err *err)
{
    errno = 0;
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? zoo_sqlite_fail(s, err) : ZOO_OK;
}

int zoo_sqlite_number(struct zoo_sqlite *s, const char *sql, int64_t *out, zoo_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc;

    *out = 0;
    errno = 0;
    rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? ZOO_OK : zoo_sqlite_fail(s, err);
    sqlite3_finalize(st);
    return rc;
}

/* ---- parameters ---- */

/* Lists go over as JSON. */
static int bind_texts(struct zoo_sqlite *s, sqlite3_stmt *st, int at, const zoo_texts *texts)
{
    zoo_buf *b = &s->lists[0];
    int failed;

    if (!texts)
        return sqlite3_bind_null(st, at);
    zoo_buf_clear(b);
    failed = zoo_buf_add_str(b, "[");
    for (size_t i = 0; !failed && i < texts->count; i++)
        failed = zoo_buf_add_str(b, i ? "," : "") || zoo_buf_add_json_str(b, texts->items[i], strlen(texts->items[i]));
    if (failed || zoo_buf_add_str(b, "]"))
        return SQLITE_NOMEM;
    return sqlite3_bind_text64(st, at, b->data, b->size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int bind_keys(struct zoo_sqlite *s, sqlite3_stmt *st, int at, const zoo_keys *keys)
{
    zoo_buf *b = &s->lists[1];
    int failed;

    if (!keys)
        return sqlite3_bind_null(st, at);
    zoo_buf_clear(b);
    failed = zoo_buf_add_str(b, "[");
    for (size_t i = 0; !failed && i < keys->count; i++)
        failed = zoo_buf_addf(b, "%s%lld", i ? "," : "", (long long)keys->items[i]);
    if (failed || zoo_buf_add_str(b, "]"))
        return SQLITE_NOMEM;
    return sqlite3_bind_text64(st, at, b->data, b->size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* Texts live until the statement ends, or are copied by whoever makes them live shorter. */
int zoo_sqlite_bind_value(sqlite3_stmt *st, int at, char type, const zoo_db_value *v)
{
    switch (type) {
    case 'd':
        return v->d == v->d ? sqlite3_bind_double(st, at, v->d) : sqlite3_bind_null(st, at);
    case 's':
    case 't':
    case 'b':
        return v->text ? sqlite3_bind_text64(st, at, v->text, v->size, SQLITE_STATIC, SQLITE_UTF8) :
               sqlite3_bind_null(st, at);
    case 'n':
        return v->k == -1 ? sqlite3_bind_null(st, at) : sqlite3_bind_int64(st, at, v->k);
    default:
        return sqlite3_bind_int64(st, at, v->k);
    }
}

/* ---- statements ---- */

/* Checks are on again after many rows. Without memory they cannot be switched on at once: then
 * before anything else is done. */
static int end_bulk(struct zoo_sqlite *s, zoo_err *err)
{
    int rc;

    if (!s->is_bulk || !sqlite3_get_autocommit(s->db))
        return ZOO_OK;
    rc = zoo_sqlite_exec(s, "PRAGMA foreign_keys = ON; PRAGMA cache_size = -2000", err);
    s->is_bulk = rc != ZOO_OK;
    return rc;
}

static int prepare(struct zoo_sqlite *s, enum zoo_sql id, zoo_err *err)
{
    const char *text = zoo_statements[id].text[ZOO_DIALECT_SQLITE];

    if (s->statements[id]) {
        sqlite3_reset(s->statements[id]);
        return ZOO_OK;
    }
    if (text && sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s->statements[id], NULL))
        return zoo_sqlite_fail(s, err);
    return ZOO_OK;
}

static int bind(zoo_db *db, enum zoo_sql id, const zoo_db_value *values, size_t n, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    const char *types = zoo_statements[id].types;
    int failed = 0, rc = zoo_sqlite_check_open(s, err);
    sqlite3_stmt *st;

    if (!rc)
        rc = end_bulk(s, err);
    if (!rc)
        rc = prepare(s, id, err);
    st = s->statements[id];

    for (size_t i = 0; !rc && st && !failed && i < n; i++) {
        int at = (int)i + 1;
        failed = types[i] == 'S' ? bind_texts(s, st, at, values[i].texts) : types[i] == 'K' ?
                 bind_keys(s, st, at, values[i].keys)
               : zoo_sqlite_bind_value(st, at, types[i], &values[i]);
    }
    if (failed)
        return failed == SQLITE_NOMEM ? zoo_fail_nomem(err) : zoo_sqlite_fail(s, err);
    return rc;
}

static int step(zoo_db *db, enum zoo_sql id, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    sqlite3_stmt *st = s->statements[id];
    int rc;

    if (!st)
        return 0;
    errno = 0;
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE && !sqlite3_stmt_readonly(st))
        s->changes = sqlite3_changes(s->db);
    rc = rc == SQLITE_DONE ? ZOO_OK : zoo_sqlite_fail(s, err);      /* before the reset, which repeats the code only */
    sqlite3_reset(st);
    return rc;
}

static void reset(zoo_db *db, enum zoo_sql id)
{
    sqlite3_reset(((struct zoo_sqlite *)db)->statements[id]);
}

static int64_t number(zoo_db *db, enum zoo_sql id, int column)
{
    return sqlite3_column_int64(((struct zoo_sqlite *)db)->statements[id], column);
}

static double real(zoo_db *db, enum zoo_sql id, int column)
{
    return sqlite3_column_double(((struct zoo_sqlite *)db)->statements[id], column);
}

static const char *text(zoo_db *db, enum zoo_sql id, int column, size_t *size)
{
    sqlite3_stmt *st = ((struct zoo_sqlite *)db)->statements[id];
    const char *t = (const char *)sqlite3_column_text(st, column);

    if (size)
        *size = (size_t)sqlite3_column_bytes(st, column);
    return t;
}

static int is_null(zoo_db *db, enum zoo_sql id, int column)
{
    return sqlite3_column_type(((struct zoo_sqlite *)db)->statements[id], column) == SQLITE_NULL;
}

static int64_t changes(zoo_db *db)
{
    return ((struct zoo_sqlite *)db)->changes;
}

/* ---- transactions ---- */

static int begin(zoo_db *db, enum zoo_db_begin kind, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    int rc = zoo_sqlite_check_open(s, err);

    if (!rc)
        rc = end_bulk(s, err);
    if (!rc)
        rc = zoo_sqlite_exec(s, kind == ZOO_BEGIN_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", err);
    s->is_open |= !rc;
    return rc;
}

static void rollback(zoo_db *db)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;

    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
        sqlite3_reset(s->statements[i]);
    zoo_sqlite_forget(s);
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);               /* without memory: before the next statement */
    s->is_open = s->has_failed = 0;
}

static int commit(zoo_db *db, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    int rc = zoo_sqlite_flush(db, err);

    if (!rc)
        rc = zoo_sqlite_exec(s, "COMMIT", err);
    if (rc)
        rollback(db);
    s->is_open = 0;
    return rc;
}

static int in_transaction(const zoo_db *db)
{
    return ((const struct zoo_sqlite *)db)->is_open;
}

static int savepoint(zoo_db *db, zoo_err *err)
{
    int rc = zoo_sqlite_flush(db, err);

    return rc ? rc : zoo_sqlite_exec((struct zoo_sqlite *)db, "SAVEPOINT inner", err);
}

static int release(zoo_db *db, zoo_err *err)
{
    int rc = zoo_sqlite_flush(db, err);

    return rc ? rc : zoo_sqlite_exec((struct zoo_sqlite *)db, "RELEASE inner", err);
}

static void rollback_to(zoo_db *db)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;

    zoo_sqlite_forget(s);
    if (!sqlite3_get_autocommit(s->db) && sqlite3_exec(s->db, "ROLLBACK TO inner; RELEASE inner", NULL, NULL, NULL))
        s->has_failed = 1;
}

/* ---- many rows ---- */

/* Foreign keys are not checked again: every key that an import writes was found or made in the same transaction, and
 * the checks take as long as all the rest. Pages are kept in memory because ids may come in any order. */
static int bulk_begin(zoo_db *db, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    int rc = end_bulk(s, err);

    if (!rc)
        rc = zoo_sqlite_exec(s, "PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536", err);
    if (!rc)
        rc = begin(db, ZOO_BEGIN_WRITE, err);
    s->is_bulk = 1;
    return rc;
}

static void bulk_end(zoo_db *db)
{
    end_bulk((struct zoo_sqlite *)db, NULL);             /* else before the next statement */
}

static int table_begin(zoo_db *db, enum zoo_table table, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    const zoo_table_columns *t = &zoo_tables[table];
    zoo_buf sql = ZOO_BUF_INIT(4096);
    int rc = zoo_buf_addf(&sql, "SELECT %s FROM %s ORDER BY %s", t->columns, t->name, t->order) ? zoo_fail_nomem(err) :
             ZOO_OK;

    sqlite3_finalize(s->statements[ZOO_SQL_COUNT]);
    s->statements[ZOO_SQL_COUNT] = NULL;
    if (!rc && sqlite3_prepare_v2(s->db, sql.data, -1, &s->statements[ZOO_SQL_COUNT], NULL))
        rc = zoo_sqlite_fail(s, err);
    zoo_buf_release(&sql);
    return rc;
}

static int after_copy(zoo_db *db, zoo_err *err)
{
    (void)db, (void)err;
    return ZOO_OK;                       /* a new row takes the largest key and one more */
}

static int describe(const char *where, char *name, size_t size, zoo_err *err)
{
    if (snprintf(name, size, "%s", where) >= (int)size)
        return zoo_fail(err, ZOO_EUSAGE, "%.100s...: name too long", where);
    return ZOO_OK;
}

const zoo_driver zoo_driver_sqlite = {
    .name = "SQLite", .dialect = ZOO_DIALECT_SQLITE, .open = zoo_sqlite_open, .close = zoo_sqlite_close,
    .describe = describe, .begin = begin, .commit = commit,
    .rollback = rollback, .in_transaction = in_transaction, .savepoint = savepoint, .release = release,
    .rollback_to = rollback_to,
    .bind = bind, .step = step, .reset = reset, .number = number, .real = real, .text = text, .is_null = is_null,
    .changes = changes,
    .append = zoo_sqlite_append, .flush = zoo_sqlite_flush, .bulk_begin = bulk_begin, .bulk_end = bulk_end,
    .table_begin = table_begin,
    .after_copy = after_copy, .backup = zoo_sqlite_backup
};
