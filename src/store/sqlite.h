/* sqlite.h - what the files of the SQLite driver share. Layer: store; seen by sqlite_*.c and driver_sqlite.c alone. */
#ifndef ZOO_STORE_SQLITE_H
#define ZOO_STORE_SQLITE_H
#include <sqlite3.h>
#include "base/buf.h"
#include "store/driver.h"

enum { ZOO_SQLITE_BATCH = 16 };            /* rows of numbers that one INSERT writes: 1.3 times as fast as one by one */
enum { ZOO_SQLITE_COLUMNS = 16 };               /* of a table, at most */

/* Rows of one table that wait for their INSERT. */
struct zoo_sqlite_pending {
    sqlite3_stmt *one, *batch;
    zoo_db_value rows[ZOO_SQLITE_BATCH][ZOO_SQLITE_COLUMNS];
    size_t count;
};

struct zoo_sqlite {
    zoo_db base;
    sqlite3 *db;
    const char *path;                           /* base.name */
    int was_busy;                               /* the last failure was that of a lock somebody else holds */
    int is_bulk;                                /* foreign keys may be off */
    int is_open;                                /* begun, and neither committed nor rolled back by us */
    int has_failed;                             /* what should have been undone in it is still there */
    int64_t changes;
    sqlite3_stmt *statements[ZOO_SQL_COUNT + 1];        /* the last: of table_begin */
    struct zoo_sqlite_pending *pending[ZOO_TABLES];
    zoo_buf lists[2];                           /* texts of S and K parameters of the statement that is bound */
};

/* The sentence for SQLite's last error; returns its code (never ZOO_OK).
 * errno is to be 0 before the call that may fail. */
int zoo_sqlite_fail(struct zoo_sqlite *s, zoo_err *err);
/* Before anything is read or written: is SQLite's transaction the one we think it is? ZOO_EIO where it gave up ours, or
 * could not undo a part of it: what follows would be stored without what came before, or with what was refused. */
int zoo_sqlite_check_open(struct zoo_sqlite *s, zoo_err *err);
int zoo_sqlite_exec(struct zoo_sqlite *s, const char *sql, zoo_err *err);
/* A single number; 0 where there is no row. */
int zoo_sqlite_number(struct zoo_sqlite *s, const char *sql, int64_t *out, zoo_err *err);
int zoo_sqlite_bind_value(sqlite3_stmt *st, int at, char type, const zoo_db_value *value);

int zoo_sqlite_open(zoo_db **out, const char *where, enum zoo_store_mode mode, zoo_err *err);
void zoo_sqlite_close(zoo_db *db);
/* Creates or migrates the schema as `mode` allows. */
int zoo_sqlite_prepare_schema(struct zoo_sqlite *s, enum zoo_store_mode mode, zoo_err *err);
int zoo_sqlite_backup(zoo_db *db, const char *path, int force, zoo_progress *progress, zoo_err *err);

int zoo_sqlite_append(zoo_db *db, enum zoo_table table, const zoo_db_value *row, zoo_err *err);
int zoo_sqlite_flush(zoo_db *db, zoo_err *err);
void zoo_sqlite_forget(struct zoo_sqlite *s);           /* what was appended and not flushed */
void zoo_sqlite_release_bulk(struct zoo_sqlite *s);
#endif
