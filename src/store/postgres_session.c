/* postgres_session.c - sends what the others ask for, and again where that may help; transactions and savepoints.
 * Layer: store. */
#include "store/postgres.h"
#ifdef ZOO_HAVE_LIBPQ
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 2000 };

/* Whatever the server's default is: who waited for a lock has to see what was done under it. */
static const char begin_writing[] = "BEGIN ISOLATION LEVEL READ COMMITTED";

struct patience { uint64_t end; unsigned pause_ms; };

/* Bound values as libpq's three arrays. */
struct arrays { const char *values[ZOO_PG_PARAMETERS]; int sizes[ZOO_PG_PARAMETERS],
                formats[ZOO_PG_PARAMETERS]; int count; };

static void read_values(struct arrays *a, const zoo_buf *values)
{
    size_t at = 0;

    a->count = 0;
    while (values && at < values->size && a->count < ZOO_PG_PARAMETERS) {
        const int64_t size = zoo_pg_integer(values->data + at, 4);
        at += 4;
        a->values[a->count] = size < 0 ? NULL : values->data + at;
        a->sizes[a->count] = size < 0 ? 0 : (int)size;
        a->formats[a->count++] = 1;
        at += size < 0 ? 0 : (size_t)size;
    }
}

static int read_types(Oid types[ZOO_PG_PARAMETERS], const char *letters)
{
    int n = 0;

    for (; n < ZOO_PG_PARAMETERS && letters[n]; n++)
        types[n] = zoo_pg_oid_of(letters[n]);
    return n;
}

/* NULL: it is prepared on this connection; else the result that tells why not. */
static PGresult *prepare(zoo_pg *pg, enum zoo_sql id, const char *name)
{
    const zoo_statement *statement = &zoo_statements[id];
    zoo_buf sql = ZOO_BUF_INIT(1 << 16);
    Oid types[ZOO_PG_PARAMETERS];
    const int n = read_types(types, statement->types);
    PGresult *result = NULL;

    if (pg->statements[id].prepared_on == pg->connection)
        return NULL;
    if (!zoo_pg_rewrite(&sql, statement->text[ZOO_DIALECT_POSTGRES]))
        result = pg->lib.PQprepare(pg->conn, name, sql.data, n, types);
    zoo_buf_release(&sql);
    if (zoo_pg_fate_of(pg, result) != ZOO_PG_DONE)
        return result;
    pg->statements[id].prepared_on = pg->connection;
    pg->lib.PQclear(result);
    return NULL;
}

PGresult *zoo_pg_send(zoo_pg *pg, const zoo_pg_call *call)
{
    struct arrays a;
    Oid types[ZOO_PG_PARAMETERS];
    char name[32];
    PGresult *result;

    if (call->sql && !call->types)
        return pg->lib.PQexec(pg->conn, call->sql);
    read_values(&a, call->values);
    if (call->sql) {
        read_types(types, call->types);
        return pg->lib.PQexecParams(pg->conn, call->sql, a.count, types, a.values, a.sizes, a.formats, 1);
    }
    snprintf(name, sizeof name, "s_%d", (int)call->id);
    result = prepare(pg, call->id, name);
    if (result || pg->statements[call->id].prepared_on != pg->connection)
        return result;
    return pg->lib.PQexecPrepared(pg->conn, name, a.count, a.values, a.sizes, a.formats, 1);
}

/* The first try comes at once: a server that ends one connection is often there for the next. */
static void wait_a_little(struct patience *p)
{
    const struct timespec pause = { p->pause_ms / 1000, (long)(p->pause_ms % 1000) * 1000000 };

    if (p->pause_ms)
        nanosleep(&pause, NULL);
    p->pause_ms = !p->pause_ms ? PAUSE_FIRST_MS : p->pause_ms * 2 < PAUSE_MOST_MS ? p->pause_ms * 2 : PAUSE_MOST_MS;
}

static enum zoo_pg_fate send_plain(zoo_pg *pg, const char *sql)
{
    PGresult *result = zoo_pg_send(pg, &(zoo_pg_call){ .sql = sql });
    const enum zoo_pg_fate fate = zoo_pg_fate_of(pg, result);

    pg->lib.PQclear(result);
    return fate;
}

static int seconds_left(const struct patience *p)
{
    const uint64_t now = zoo_clock_ns();

    return now < p->end ? (int)((p->end - now) / 1000000000) + 1 : 1;
}

/* Back to where the transaction was. REFUSED has the sentence in *err; for the others it is of no use. */
static enum zoo_pg_fate come_back(zoo_pg *pg, const struct patience *p, enum zoo_pg_fate fate, zoo_err *err)
{
    if (fate == ZOO_PG_LOST && zoo_pg_connect(pg, seconds_left(p), err))
        return ZOO_PG_LOST;
    if (fate == ZOO_PG_CLASHED && pg->open && send_plain(pg, "ROLLBACK") != ZOO_PG_DONE)
        return ZOO_PG_LOST;
    if (pg->open != ZOO_PG_WRITING)
        return ZOO_PG_DONE;
    if (send_plain(pg, begin_writing) != ZOO_PG_DONE)
        return ZOO_PG_LOST;
    return zoo_pg_journal_replay(pg, err);
}

static int give_up(const zoo_pg *pg, enum zoo_pg_fate fate, zoo_err *err)
{
    if (fate == ZOO_PG_CLASHED)
        return zoo_fail(err, ZOO_EIO, "%s: other processes write the same rows again and again; run the command again"
                        " when they are done", pg->db.name);
    return zoo_fail(err, ZOO_EIO, "%s: the server went away and did not come back within %d s; what was stored before"
                    " is kept; run the command again",
                    pg->db.name, pg->wait_seconds);
}

static int recover(zoo_pg *pg, struct patience *p, enum zoo_pg_fate fate, zoo_err *err)
{
    if (!p->end)
        p->end = zoo_clock_ns() + (pg->is_gone ? 0 : (uint64_t)pg->wait_seconds * 1000000000);
    do {
        zoo_err last = { 0 };
        wait_a_little(p);
        fate = come_back(pg, p, fate, &last);
        pg->is_gone = pg->is_gone && fate == ZOO_PG_LOST;
        if (fate == ZOO_PG_DONE)
            return ZOO_OK;
        if (fate == ZOO_PG_REFUSED)
            return zoo_fail(err, last.code, "%s", last.message);
    } while (zoo_clock_ns() < p->end);
    pg->is_gone = fate == ZOO_PG_LOST;
    return give_up(pg, fate, err);
}

static int may_recover(const zoo_pg *pg, const struct patience *p)
{
    if (p->end && zoo_clock_ns() >= p->end)
        return 0;
    return !pg->open || (pg->open == ZOO_PG_WRITING && pg->is_replayable && !pg->has_failed && !pg->cursors);
}

int zoo_pg_run(zoo_pg *pg, const zoo_pg_call *call, PGresult **result, zoo_err *err)
{
    struct patience patience = { 0 };
    int rc = ZOO_OK;

    *result = NULL;
    while (!rc) {
        PGresult *got = zoo_pg_send(pg, call);
        const enum zoo_pg_fate fate = zoo_pg_fate_of(pg, got);
        if (fate == ZOO_PG_DONE) {
            *result = got;
            return ZOO_OK;
        }
        if (fate == ZOO_PG_REFUSED || !may_recover(pg, &patience))
            rc = patience.end && fate != ZOO_PG_REFUSED ? give_up(pg, fate, err) : zoo_pg_fail(pg, got, err);
        else
            rc = recover(pg, &patience, fate, err);
        pg->lib.PQclear(got);
    }
    pg->has_failed = pg->open != ZOO_PG_CLOSED;
    return rc;
}

int zoo_pg_exec(zoo_pg *pg, const char *sql, zoo_err *err)
{
    PGresult *result;
    int rc = zoo_pg_run(pg, &(zoo_pg_call){ .sql = sql }, &result, err);

    pg->lib.PQclear(result);
    return rc;
}

int zoo_pg_check_writing(const zoo_pg *pg, zoo_err *err)
{
    return pg->open == ZOO_PG_WRITING ? ZOO_OK : zoo_fail(err, ZOO_EUSAGE, "%s: no transaction that writes is open",
                                                          pg->db.name);
}

void zoo_pg_end(zoo_pg *pg)
{
    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
        zoo_pg_drop_rows(pg, &pg->statements[i]);
    zoo_pg_forget_appended(pg);
    zoo_pg_journal_stop(pg);
    pg->depth = pg->has_failed = 0;
    pg->open = ZOO_PG_CLOSED;
}

int zoo_pg_begin(zoo_db *db, enum zoo_db_begin kind, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    int rc;

    if (pg->open)
        return zoo_fail(err, ZOO_EUSAGE, "%s: a transaction is open already", db->name);
    rc = zoo_pg_exec(pg, kind == ZOO_BEGIN_WRITE ? begin_writing : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                     err);
    if (rc)
        return rc;
    pg->open = kind == ZOO_BEGIN_WRITE ? ZOO_PG_WRITING : ZOO_PG_SNAPSHOT;
    pg->is_replayable = pg->open == ZOO_PG_WRITING;
    return ZOO_OK;
}

/* A transaction that failed answers COMMIT with ROLLBACK, and no error. */
static int commit_now(zoo_pg *pg, zoo_err *err)
{
    PGresult *result;
    int rc = zoo_pg_run(pg, &(zoo_pg_call){ .sql = "COMMIT" }, &result, err);

    if (!rc && strcmp(pg->lib.PQcmdStatus(result), "COMMIT"))
        rc = zoo_fail(err, ZOO_EIO, "%s: nothing of the transaction was stored, because a statement in it failed; run"
                      " the command again", pg->db.name);
    pg->lib.PQclear(result);
    return rc;
}

int zoo_pg_commit(zoo_db *db, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    int rc;

    if (!pg->open)
        return zoo_fail(err, ZOO_EUSAGE, "%s: no transaction is open", db->name);
    if (pg->open == ZOO_PG_SNAPSHOT) {
        zoo_pg_rollback(db);                    /* all was read; how it ends is nobody's concern */
        return ZOO_OK;
    }
    rc = zoo_pg_flush(db, err);
    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)          /* a cursor's rows need not be there again for COMMIT to be */
        zoo_pg_drop_rows(pg, &pg->statements[i]);
    if (!rc)
        rc = commit_now(pg, err);
    if (rc)
        zoo_pg_rollback(db);
    zoo_pg_end(pg);
    return rc;
}

void zoo_pg_rollback(zoo_db *db)
{
    zoo_pg *pg = (zoo_pg *)db;

    if (pg->open)
        send_plain(pg, "ROLLBACK");      /* where there is no connection any more, the server has undone it by itself */
    zoo_pg_end(pg);
}

int zoo_pg_savepoint(zoo_db *db, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    int rc = zoo_pg_check_writing(pg, err);

    if (!rc && pg->depth == ZOO_PG_SAVEPOINTS)
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: more than %d savepoints in one another", db->name, ZOO_PG_SAVEPOINTS);
    if (!rc)
        rc = zoo_pg_flush(db, err);             /* what was appended before is not undone with what comes */
    if (!rc)
        rc = zoo_pg_exec(pg, "SAVEPOINT zooter", err);
    if (rc)
        return rc;
    zoo_pg_journal_savepoint(pg);
    return ZOO_OK;
}

int zoo_pg_release(zoo_db *db, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    int rc;

    if (!pg->depth)
        return zoo_fail(err, ZOO_EUSAGE, "%s: there is no savepoint", db->name);
    rc = zoo_pg_exec(pg, "RELEASE SAVEPOINT zooter", err);
    if (rc)
        return rc;
    zoo_pg_journal_release(pg);
    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
        if (pg->statements[i].depth > pg->depth)
            pg->statements[i].depth = pg->depth;
    return ZOO_OK;
}

/* Where the connection is lost, the next statement makes a new one and replays what is left of the journal. */
void zoo_pg_rollback_to(zoo_db *db)
{
    zoo_pg *pg = (zoo_pg *)db;
    enum zoo_pg_fate fate;

    if (!pg->depth)
        return;
    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
        if (pg->statements[i].depth >= pg->depth)
            zoo_pg_drop_rows(pg, &pg->statements[i]);
    zoo_pg_forget_appended(pg);
    fate = send_plain(pg, "ROLLBACK TO SAVEPOINT zooter; RELEASE SAVEPOINT zooter");
    pg->depth--;
    if (pg->is_replayable)
        pg->journal.size = pg->marks[pg->depth];
    pg->has_failed = fate == ZOO_PG_DONE || (fate == ZOO_PG_LOST && pg->is_replayable) ? 0 : 1;
}
#endif
