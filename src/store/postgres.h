/* postgres.h - what the files of the PostgreSQL driver share: libpq's functions, a connection with its statements and
 * transaction, and what is done when the server goes away.
 *
 *     rc = zoo_pg_run(pg, &(zoo_pg_call){ .sql = "BEGIN" }, &result, &err);      // the one place that tries again
 *     pg->lib.PQclear(result);
 *
 * libpq is no link-time dependency: its functions are looked up in libpq.so.5 when a store on PostgreSQL is first
 * opened, so that the program starts as fast, and runs, where there is none. pg->conn may be NULL where there is no
 * connection; libpq takes that.
 *
 * A server that goes away: a statement outside a transaction is sent again on a new connection. A transaction that
 * writes is kept as a journal of its statements with their values, and done again from its beginning. What cannot be
 * done again (COPY, a cursor that is open, a snapshot, a journal that has grown too large, a key that the database gave
 * and would give otherwise now) is a sentence. ZOOTER_DB_WAIT in the environment: how many seconds a server is waited
 * for, and a lock of another import; 60. Layer: store; nobody but the driver includes it. Threads: a zoo_pg has one
 * owner. Refuses to know any table. */
#ifndef ZOO_STORE_POSTGRES_H
#define ZOO_STORE_POSTGRES_H
#include "base/buf.h"
#include "store/driver.h"

/* The name for sentences, as zoo_driver's describe. Needs no libpq. */
int zoo_pg_describe(const char *where, char *name, size_t size, zoo_err *err);

#ifdef ZOO_HAVE_LIBPQ
#include <libpq-fe.h>

enum { ZOO_PG_PARAMETERS = 16, ZOO_PG_SAVEPOINTS = 16, ZOO_PG_NAME = 512 };
/* Bytes at most: of a value, of all values of a statement or row (PostgreSQL has 1 GiB), of a journal. */
enum { ZOO_PG_VALUE_MAX = 1 << 29, ZOO_PG_ROW_MAX = 1000 << 20, ZOO_PG_JOURNAL_MAX = 64 << 20 };

/* Of PostgreSQL's pg_type, which libpq has no header for. */
enum zoo_pg_oid {
    ZOO_PG_BOOL = 16, ZOO_PG_BYTEA = 17, ZOO_PG_INT8 = 20, ZOO_PG_INT2 = 21, ZOO_PG_INT4 = 23, ZOO_PG_TEXT = 25,
                  ZOO_PG_FLOAT4 = 700,
    ZOO_PG_FLOAT8 = 701, ZOO_PG_TEXTS = 1009, ZOO_PG_INT8S = 1016, ZOO_PG_VARCHAR = 1043, ZOO_PG_VOID = 2278
};

#define ZOO_PG_FUNCTIONS(F) \
    F(PQclear) F(PQcmdStatus) F(PQcmdTuples) F(PQconnectPoll) F(PQconnectStartParams) F(PQconnectionNeedsPassword) \
    F(PQconninfo) F(PQconninfoFree) F(PQconninfoParse) F(PQdb) F(PQerrorMessage) F(PQexec) F(PQexecParams) \
    F(PQexecPrepared) F(PQfinish) F(PQfreemem) F(PQftype) F(PQgetResult) F(PQgetisnull) F(PQgetlength) F(PQgetvalue) \
    F(PQnfields) F(PQntuples) F(PQparameterStatus) F(PQprepare) F(PQputCopyData) F(PQputCopyEnd) \
    F(PQresultErrorField) F(PQresultMemorySize) F(PQresultStatus) F(PQserverVersion) F(PQsetErrorVerbosity) \
    F(PQsetNoticeProcessor) F(PQsocket) F(PQstatus) F(PQuser)
#define ZOO_PG_POINTER(name) __typeof__(&name) name;
typedef struct zoo_pg_libpq { ZOO_PG_FUNCTIONS(ZOO_PG_POINTER) } zoo_pg_libpq;

typedef struct zoo_pg_statement {
    unsigned prepared_on;                       /* the number of the connection; 0: not yet */
    zoo_buf values;                             /* as bound, see zoo_pg_add_value() */
    PGresult *rows;                             /* all of them, or a portion of a cursor's; NULL: none */
    int row, is_bound;
    int is_cursor, is_last;                     /* a cursor is open in the server; it has no further portion */
    int portion, depth;                         /* rows to fetch next; savepoints around the cursor */
} zoo_pg_statement;

enum zoo_pg_open { ZOO_PG_CLOSED, ZOO_PG_WRITING, ZOO_PG_SNAPSHOT };

typedef struct zoo_pg {
    zoo_db db;
    zoo_pg_libpq lib;
    PGconn *conn;
    unsigned connection;                        /* its number, from 1 */
    char *where;
    enum zoo_store_mode mode;
    int wait_seconds;
    int is_gone;                                /* it was waited for in vain: from now on one try, without waiting */
    int64_t changes;
    zoo_pg_statement statements[ZOO_SQL_COUNT + 1];      /* [ZOO_SQL_COUNT]: the rows of table_begin() */
    /* The transaction. */
    enum zoo_pg_open open;
    int has_failed;                             /* only an end, or a rollback to the savepoint, is possible */
    int is_replayable, depth, cursors;          /* the journal has all of it; savepoints; cursors that are open */
    zoo_buf journal;
    size_t marks[ZOO_PG_SAVEPOINTS];            /* (depth): the journal's size before each savepoint */
    zoo_buf appended[ZOO_TABLES];               /* rows in COPY's binary format, its header first */
    size_t appended_size;
} zoo_pg;

/* ---- postgres_connect.c ---- */
/* A connection in the place of pg->conn, set up for pg->mode, within `seconds` at most (0: as the URL says). */
int zoo_pg_connect(zoo_pg *pg, int seconds, zoo_err *err);
int zoo_pg_open(zoo_db **out, const char *where, enum zoo_store_mode mode, zoo_err *err);
void zoo_pg_close(zoo_db *db);

/* ---- postgres_error.c ---- */
enum zoo_pg_fate {
    ZOO_PG_DONE,
    ZOO_PG_REFUSED,
    ZOO_PG_CLASHED,                             /* with another process; may succeed when it is done again */
    ZOO_PG_LOST                                 /* the connection, and with it the open transaction */
};
enum zoo_pg_fate zoo_pg_fate_of(const zoo_pg *pg, const PGresult *result);
/* The sentence for a result that is not DONE (NULL: libpq has made none); returns its code. */
int zoo_pg_fail(const zoo_pg *pg, const PGresult *result, zoo_err *err);
int zoo_pg_fail_lost(const zoo_pg *pg, zoo_err *err);
/* The sentence for a connection that could not be made. */
int zoo_pg_fail_connect(const zoo_pg *pg, PGconn *conn, zoo_err *err);

/* ---- postgres_value.c ---- */
/* Appends a value as both Bind and COPY want it: its size in four bytes, -1 for NULL, and its bytes in PostgreSQL's
 * binary format. `type` as in statements.h. ZOO_EUSAGE: too large; ZOO_EFORMAT: a text with a NUL byte. */
int zoo_pg_add_value(const zoo_pg *pg, zoo_buf *out, char type, const zoo_db_value *value, zoo_err *err);
int zoo_pg_add_bytes(zoo_buf *out, uint64_t value, int bytes);         /* big-endian */
unsigned zoo_pg_oid_of(char type);
/* Big-endian, with a sign. */
int64_t zoo_pg_integer(const char *bytes, int size);
/* NULL, and what is no number: 0 */
int64_t zoo_pg_number_at(const zoo_pg *pg, const PGresult *rows, int row, int column);
double zoo_pg_real_at(const zoo_pg *pg, const PGresult *rows, int row, int column);
/* ZOO_EFORMAT where a column is of a type that nobody here reads. */
int zoo_pg_check_columns(const zoo_pg *pg, const PGresult *rows, zoo_err *err);

/* ---- postgres_session.c ---- */
/* What is sent: `sql` with parameters `types`, rows in binary; `sql` alone where types is NULL, rows as text; or
 * statement `id`. */
typedef struct zoo_pg_call {
    const char *sql, *types;
    enum zoo_sql id;
    const zoo_buf *values;
} zoo_pg_call;

/* Sends it and gives the result, which the caller PQclear()s; what the server's absence or another process made fail is
 * tried again as the head of this file says. On failure *result = NULL, and an open transaction has failed. */
int zoo_pg_run(zoo_pg *pg, const zoo_pg_call *call, PGresult **result, zoo_err *err);
int zoo_pg_exec(zoo_pg *pg, const char *sql, zoo_err *err);
/* Once, without another try. */
PGresult *zoo_pg_send(zoo_pg *pg, const zoo_pg_call *call);
/* ZOO_EUSAGE outside a transaction that writes. */
int zoo_pg_check_writing(const zoo_pg *pg, zoo_err *err);
/* Forgets what belongs to a transaction that has ended. */
void zoo_pg_end(zoo_pg *pg);
int zoo_pg_begin(zoo_db *db, enum zoo_db_begin kind, zoo_err *err);
int zoo_pg_commit(zoo_db *db, zoo_err *err);
void zoo_pg_rollback(zoo_db *db);
int zoo_pg_savepoint(zoo_db *db, zoo_err *err);
int zoo_pg_release(zoo_db *db, zoo_err *err);
void zoo_pg_rollback_to(zoo_db *db);

/* ---- postgres_journal.c ---- */
/* A statement that was done, `values` bound and `result` its rows. Never fails: where it does not fit, the transaction
 * is not replayable. */
void zoo_pg_journal_add(zoo_pg *pg, enum zoo_sql id, const zoo_buf *values, const PGresult *result);
void zoo_pg_journal_savepoint(zoo_pg *pg);
void zoo_pg_journal_release(zoo_pg *pg);
void zoo_pg_journal_stop(zoo_pg *pg);                   /* this transaction cannot be done again */
/* All of it once more, in a transaction that has just begun. REFUSED has the sentence in *err. */
enum zoo_pg_fate zoo_pg_journal_replay(zoo_pg *pg, zoo_err *err);

/* ---- postgres_statement.c ---- */
/* "?1" as "$1". */
int zoo_pg_rewrite(zoo_buf *out, const char *sql);
void zoo_pg_drop_rows(zoo_pg *pg, zoo_pg_statement *st);            /* reset() without the server: its cursor is gone */
int zoo_pg_bind(zoo_db *db, enum zoo_sql id, const zoo_db_value *values, size_t n, zoo_err *err);
int zoo_pg_step(zoo_db *db, enum zoo_sql id, zoo_err *err);
void zoo_pg_reset(zoo_db *db, enum zoo_sql id);
/* A cursor for statement `id`: its first step gives the first row. */
int zoo_pg_declare(zoo_pg *pg, enum zoo_sql id, const char *sql, const char *types, zoo_err *err);

/* ---- postgres_copy.c ---- */
int zoo_pg_append(zoo_db *db, enum zoo_table table, const zoo_db_value *row, zoo_err *err);
int zoo_pg_flush(zoo_db *db, zoo_err *err);
int zoo_pg_bulk_begin(zoo_db *db, zoo_err *err);
void zoo_pg_bulk_end(zoo_db *db);
int zoo_pg_table_begin(zoo_db *db, enum zoo_table table, zoo_err *err);
int zoo_pg_after_copy(zoo_db *db, zoo_err *err);
void zoo_pg_forget_appended(zoo_pg *pg);
#endif
#endif
