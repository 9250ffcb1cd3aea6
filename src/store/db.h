/* db.h - what the files of the store share: the SQLite connection, its statements, its errors. Nothing outside src/store sees it.
 *
 *     rc = zoo_db_prepare(store, &st, err, "SELECT key FROM queries WHERE split = ?1 AND key > ?2", "sk", split, after);
 *     while (!rc && (rc = zoo_db_step(store, st, err)) == 1) ...
 *     zoo_db_reset(st);                       // where the loop was left early
 *
 * Statements are prepared once and kept by the address of their text: give string literals only. One that is left behind without
 * a reset holds a read transaction open, which keeps the WAL from shrinking.
 * Layer: store. Threads: those of the zoo_store. */
#ifndef ZOO_STORE_DB_H
#define ZOO_STORE_DB_H
#include <sqlite3.h>
#include "base/buf.h"
#include "store/store.h"

enum { ZOO_DB_STATEMENTS = 64 };                /* distinct texts; more are a programming error, reported as one */

struct zoo_store {
    sqlite3 *db;
    char *path;
    int was_busy;                                /* the last failure was that of a lock somebody else holds */
    struct { const char *sql; sqlite3_stmt *st; } cached[ZOO_DB_STATEMENTS];
};

/* The sentence for SQLite's last error on this store; returns its code (never ZOO_OK). */
int zoo_db_fail(zoo_store *store, zoo_err *err);

/* A statement ready to be stepped. types: one character a parameter, ?1 first: 'k' int64_t, 'd' double, 's' const char * or NULL,
 * 't' const char *, size_t (NULL is SQL's NULL). Texts must live until the statement is reset. */
int zoo_db_prepare(zoo_store *store, sqlite3_stmt **out, zoo_err *err, const char *sql, const char *types, ...);
int zoo_db_step(zoo_store *store, sqlite3_stmt *st, zoo_err *err);              /* 1: a row; 0: the end, st is reset; negative */
int zoo_db_run(zoo_store *store, sqlite3_stmt *st, zoo_err *err);               /* steps one that returns no rows, and resets it */
void zoo_db_reset(sqlite3_stmt *st);
int zoo_db_exec(zoo_store *store, const char *sql, zoo_err *err);               /* several statements without parameters or rows */
/* A single number; *found (may be NULL) = 0 and *out = 0 where there is no row. */
int zoo_db_number(zoo_store *store, const char *sql, int64_t *out, int *found, zoo_err *err);

/* The number in the only row of a statement that is ready; resets it. */
int zoo_db_count(zoo_store *store, sqlite3_stmt *st, uint64_t *count, zoo_err *err);

/* A column of the current row copied into `arena`; *out = NULL for SQL's NULL. size may be NULL. ZOO_ENOMEM. */
int zoo_db_copy_text(sqlite3_stmt *st, int column, zoo_arena *arena, const char **out, size_t *size, zoo_err *err);

/* Several statements as one: a transaction of their own, or a savepoint inside the caller's (*own tells `end` which). `end`
 * commits where rc is 0, else undoes, and returns rc or the failure to commit. */
int zoo_db_atomic_begin(zoo_store *store, int *own, zoo_err *err);
int zoo_db_atomic_end(zoo_store *store, int own, int rc, zoo_err *err);
/* A view that does not change while others write; inside a transaction it is that one's. */
int zoo_db_snapshot_begin(zoo_store *store, int *own, zoo_err *err);
void zoo_db_snapshot_end(zoo_store *store, int own);

/* Creates or migrates the schema as `mode` allows; see schema.c. */
int zoo_schema_prepare(zoo_store *store, enum zoo_store_mode mode, zoo_err *err);

/* Runs list[from..to) and notes version `to`, all of it or nothing. */
int zoo_schema_run(zoo_store *store, const char *const *list, int64_t from, int64_t to, zoo_err *err);

/* ORDER BY of kinds of tag, grouped by kind, of the table or alias `t` of tags: dataset, subset, then as they were first seen. */
#define ZOO_KIND_ORDER(t) t ".kind <> 'dataset', " t ".kind <> 'subset', min(" t ".key)"

/* Columns of a query that zoo_db_read_query() expects, of the table or alias `q`. */
#define ZOO_QUERY_COLUMNS "q.key, q.id, q.split, q.text, q.extra"
int zoo_db_read_query(sqlite3_stmt *st, zoo_store_query *out, zoo_arena *arena, zoo_err *err);
/* Steps through `st`, which returns these columns, for at most `limit` rows, and resets it. */
int zoo_db_read_queries(zoo_store *store, sqlite3_stmt *st, size_t limit, zoo_store_query *out, size_t *count, zoo_arena *arena,
                        zoo_err *err);

/* Text that reaches tables and terminals (ids, splits, tags): ZOO_EFORMAT where it is longer than `most` bytes, not UTF-8 or has
 * control characters. `what` ("id") and place begin the sentence. */
int zoo_store_check_label(const char *text, size_t size, size_t most, const char *place, const char *what, zoo_err *err);
/* The key of `name` in a table with the columns key and name: `select` finds it, `insert` makes it. */
int zoo_db_named_key(zoo_store *store, const char *select, const char *insert, const char *name, zoo_key *key, zoo_err *err);
/* A split that may be given to a query; NULL (none) is fine. */
int zoo_db_check_split_name(const char *split, const char *place, zoo_err *err);
/* ZOO_EUSAGE where no query is in the split; NULL is fine. */
int zoo_db_check_split(zoo_store *store, const char *split, zoo_err *err);
/* The reward model's key; NULL is the only one there is, 0 where there is none. ZOO_EUSAGE: several, or none of that name. */
int zoo_db_find_reward_model(zoo_store *store, const char *name, zoo_key *key, zoo_err *err);
/* The key of a tag; made where missing. */
int zoo_db_tag(zoo_store *store, const char *kind, size_t kind_size, const char *value, size_t value_size, zoo_key *key,
               zoo_err *err);
#endif
