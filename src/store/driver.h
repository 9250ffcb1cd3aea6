/* driver.h - a database below the store: open, bind, step, commit. The one place where back ends differ; the records
 * above (queries.c, answers.c...) call zoo_sql_run() and its kin (sql.h) and know neither SQLite nor PostgreSQL.
 *
 *     rc = zoo_driver_of(where)->open(&db, where, ZOO_STORE_WRITE, &err);
 *     db->driver->bind(db, ZOO_SQL_QUERY_BY_ID, values, 1, &err);
 *     while ((rc = db->driver->step(db, ZOO_SQL_QUERY_BY_ID, &err)) == 1)
 *         ... db->driver->text(db, ZOO_SQL_QUERY_BY_ID, 1, &size) ...
 *
 * A back end is added by filling in this table, a column of statements.c and a row of zoo_drivers (driver.c); the
 * conformance suite (tests/unit/store/test_conformance_*.c) then says what is wrong with it.
 * Layer: store. Threads: a zoo_db has one owner. Errors are sentences that begin with db->name,
 * never with a password. */
#ifndef ZOO_STORE_DRIVER_H
#define ZOO_STORE_DRIVER_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/progress.h"
#include "store/statements.h"
#include "store/store.h"

typedef struct zoo_db zoo_db;

/* Codes of open() that the store puts its caller's advice behind, and gives out as ZOO_EIO and ZOO_EFORMAT. */
enum { ZOO_DB_MISSING = -101, ZOO_DB_OLD = -102, ZOO_DB_EMPTY = -103 };

/* A parameter. Which member counts says the statement's or table's type letter (statements.h). */
typedef struct zoo_db_value {
    int64_t k;
    double d;                                   /* NaN: NULL */
    const char *text;                           /* NULL: NULL; read before bind or append returns */
    size_t size;
    const zoo_texts *texts;                     /* NULL: NULL */
    const zoo_keys *keys;
} zoo_db_value;

enum zoo_db_begin {
    ZOO_BEGIN_WRITE,                            /* SQLite: the writer's lock at once */
    ZOO_BEGIN_SNAPSHOT                          /* reads only, of one moment */
};

typedef struct zoo_driver {
    const char *name;                           /* "SQLite" */
    enum zoo_dialect dialect;                   /* its column in statements.c */
    /* append() only collects, and what was appended is to be looked for in batches; else each append() is there at
     * once. */
    int copies;

    /* Connects and brings the schema to what `mode` allows; *out = NULL on failure. ZOO_EIO, ZOO_EFORMAT (no store, a
     * newer one, an older one where mode is READ), ZOO_EUSAGE (a name that cannot be; a password in it). */
    int (*open)(zoo_db **out, const char *where, enum zoo_store_mode mode, zoo_err *err);
    void (*close)(zoo_db *db);                  /* an open transaction is undone */
    /* How sentences, logs and reports call the store: a file's path, or postgresql://HOST/NAME, into name (size
     * bytes). Needs no connection. */
    int (*describe)(const char *where, char *name, size_t size, zoo_err *err);

    /* Transactions do not nest; savepoints do, in one. in_transaction: whether one is open (also one that has
     * failed). */
    int (*begin)(zoo_db *db, enum zoo_db_begin kind, zoo_err *err);
    int (*commit)(zoo_db *db, zoo_err *err);            /* a failure leaves nothing open and nothing stored */
    void (*rollback)(zoo_db *db);                    /* never fails; fine where none is open. Resets every statement. */
    int (*in_transaction)(const zoo_db *db);
    int (*savepoint)(zoo_db *db, zoo_err *err);
    int (*release)(zoo_db *db, zoo_err *err);
    void (*rollback_to)(zoo_db *db);          /* and releases it; where that fails, so does all else until rollback() */

    /* Statements are prepared at their first use and kept. bind() resets the statement first; values (n) as its types
     * say. step(): 1: a row; 0: the end, the statement is reset; negative: an error, reset as well. One that is left
     * early wants reset(). Several statements may be stepped side by side. Statements of kind SCAN need a transaction
     * around them. */
    int (*bind)(zoo_db *db, enum zoo_sql id, const zoo_db_value *values, size_t n, zoo_err *err);
    int (*step)(zoo_db *db, enum zoo_sql id, zoo_err *err);
    void (*reset)(zoo_db *db, enum zoo_sql id);
    /* Columns of the current row, valid until the next step or reset. text() gives NULL for NULL; is_null() tells for
     * numbers. */
    int64_t (*number)(zoo_db *db, enum zoo_sql id, int column);
    double (*real)(zoo_db *db, enum zoo_sql id, int column);
    /* NUL-terminated behind size bytes */
    const char *(*text)(zoo_db *db, enum zoo_sql id, int column, size_t *size);
    int (*is_null)(zoo_db *db, enum zoo_sql id, int column);
    int64_t (*changes)(zoo_db *db);                     /* rows that the last INSERT, UPDATE or DELETE to end touched */

    /* Bulk: rows that are known to be new, columns as zoo_tables[table] says, in a write transaction. flush() sends
     * what was collected, tables in the order of enum zoo_table; commit() does so by itself, rollback() forgets it. */
    int (*append)(zoo_db *db, enum zoo_table table, const zoo_db_value *row, zoo_err *err);
    int (*flush)(zoo_db *db, zoo_err *err);
    /* Before and after many rows: checks that cost more than they tell are off between them (SQLite: foreign keys), and
     * other imports wait (PostgreSQL: a lock on queries). begin opens the transaction; end comes after commit or
     * rollback. */
    int (*bulk_begin)(zoo_db *db, zoo_err *err);
    void (*bulk_end)(zoo_db *db);

    /* Every row of a table in the order of its key, as zoo_tables[table] has its columns, for copies into another back
     * end: begin, then next until 0 (the row is read with text() and its kin of ZOO_SQL_COUNT as id). In a snapshot. */
    int (*table_begin)(zoo_db *db, enum zoo_table table, zoo_err *err);
    /* After rows were appended with keys of their own: the next key that the database gives is behind them. */
    int (*after_copy)(zoo_db *db, zoo_err *err);

    /* A copy beside and renamed; NULL: this back end has none of its own (`store copy`, or its own tools). */
    int (*backup)(zoo_db *db, const char *path, int force, zoo_progress *progress, zoo_err *err);
} zoo_driver;

/* Every driver's connection begins with this. */
struct zoo_db {
    const zoo_driver *driver;
    char *name;                                 /* for sentences; see describe */
};

extern const zoo_driver zoo_driver_sqlite, zoo_driver_postgres;
/* By the form of `where`: postgresql:// and postgres:// are PostgreSQL, all else is a file for SQLite. With capitals,
 * or without the slashes, they are a URL that open() refuses, lest a password in it be shown as a file's name. */
const zoo_driver *zoo_driver_of(const char *where);

/* The schema, as steps from one version to the next. SQLite begins at version 1, whose steps[0] made the first released
 * stores; PostgreSQL has one step, to the same version. A step that has been released is never edited. */
enum { ZOO_SCHEMA_VERSION = 2 };

/* What a file or database turned out to be, and whether `mode` may use it: ZOO_OK,
 * or the sentence (both back ends say the same). */
enum zoo_schema_kind { ZOO_SCHEMA_FRESH, ZOO_SCHEMA_OURS, ZOO_SCHEMA_FOREIGN };
int zoo_schema_check(const char *name, enum zoo_schema_kind kind, int64_t version, enum zoo_store_mode mode,
                     zoo_err *err);
#endif
