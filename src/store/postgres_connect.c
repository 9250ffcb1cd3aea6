/* postgres_connect.c - loads libpq, connects, and brings an empty database to the schema.
 * Connecting goes through PQconnectPoll() only so that PQERRORS_VERBOSE is set before an error comes: else no SQLSTATE
 * is told. Layer: store. */
#include "store/postgres.h"
#ifdef ZOO_HAVE_LIBPQ
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "store/schema.h"

enum { CONNECT_SECONDS = 10, WAIT_SECONDS = 60, OLDEST_SERVER = 120000 };
/* Two processes that open an empty database at once: one makes the schema, the other waits and finds it. */
#define SCHEMA_LOCK "SELECT pg_advisory_xact_lock(1517252469)"

/* Kept for good: libpq's own libraries do not all bear to be unloaded. */
static int load_libpq(zoo_pg *pg, zoo_err *err)
{
#define ENTRY(name) { #name, offsetof(zoo_pg_libpq, name) },
    static const struct { const char *name; size_t at; } functions[] = { ZOO_PG_FUNCTIONS(ENTRY) };
    void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_NODELETE);
    int rc = ZOO_OK;

    if (!handle)
        return zoo_fail(err, ZOO_EUSAGE, "%s: PostgreSQL needs libpq (Debian: libpq5), and libpq.so.5 cannot be"
                        " loaded", pg->db.name);
    for (size_t i = 0; i < sizeof functions / sizeof *functions && !rc; i++) {
        void *function = dlsym(handle, functions[i].name);
        if (!function)
            rc = zoo_fail(err, ZOO_EUSAGE, "%s: libpq.so.5 is too old: it has no %s; install a newer libpq5",
                          pg->db.name, functions[i].name);
        memcpy((char *)&pg->lib + functions[i].at, &function, sizeof function);
    }
    dlclose(handle);
    return rc;
}

static void drop_notice(void *nobody, const char *message)
{
    (void)nobody;
    (void)message;
}

/* libpq's own reader has the last word on a URL, and on what in it is a password. Its message may repeat the URL, so it
 * is not shown. */
static int check_url(const zoo_pg *pg, zoo_err *err)
{
    char *message = NULL;
    PQconninfoOption *options = pg->lib.PQconninfoParse(pg->where, &message);
    int rc = ZOO_OK;

    if (!options)
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: libpq does not understand the rest of the URL; is there a parameter behind"
                      " the '?' that it does not know?",
                      pg->db.name);
    for (const PQconninfoOption *o = options; o && o->keyword && !rc; o++)
        if (strstr(o->keyword, "password") && o->val && *o->val)
            rc = zoo_fail(err, ZOO_EUSAGE, "%s: the URL holds a password: leave it out, and set PGPASSWORD or write it"
                          " to ~/.pgpass", pg->db.name);
    pg->lib.PQconninfoFree(options);
    pg->lib.PQfreemem(message);
    return rc;
}

static int timeout_of(const zoo_pg *pg, PGconn *conn)
{
    PQconninfoOption *options = pg->lib.PQconninfo(conn);
    long seconds = CONNECT_SECONDS;

    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (!strcmp(o->keyword, "connect_timeout") && o->val && *o->val)
            seconds = strtol(o->val, NULL, 10);
    pg->lib.PQconninfoFree(options);
    return seconds > 0 && seconds < 3600 ? (int)seconds : 3600;          /* 0 is libpq's "for ever" */
}

/* Waits until the connection is there or refused. ZOO_ECANCELED: the time is over. */
static int finish_connecting(const zoo_pg *pg, PGconn *conn, int seconds)
{
    const uint64_t end = zoo_clock_ns() + (uint64_t)seconds * 1000000000;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    while (pg->lib.PQstatus(conn) != CONNECTION_BAD && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        struct pollfd fd = { .fd = pg->lib.PQsocket(conn), .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT };
        const uint64_t now = zoo_clock_ns();
        const int ready = now < end ? poll(&fd, 1, (int)((end - now) / 1000000) + 1) : 0;
        if (!ready)
            return ZOO_ECANCELED;
        if (ready < 0 && errno != EINTR)
            return ZOO_EIO;
        if (ready > 0)
            next = pg->lib.PQconnectPoll(conn);
    }
    return ZOO_OK;
}

/* Values before "dbname" are defaults, which the URL may change; those behind it count. A dead peer is noticed within a
 * minute. */
static PGconn *start_connecting(const zoo_pg *pg)
{
    const char *const keys[] = { "application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
                                 "tcp_user_timeout",
                                 "dbname", "client_encoding", NULL };
    const char *const values[] = { "zooter", "20", "10", "4", "60000", pg->where, "UTF8", NULL };

    return pg->lib.PQconnectStartParams(keys, values, 1);
}

/* What the connection itself says: no statement is needed for it. */
static int check_server(const zoo_pg *pg, zoo_err *err)
{
    const int version = pg->lib.PQserverVersion(pg->conn);
    const char *encoding = pg->lib.PQparameterStatus(pg->conn, "server_encoding");

    if (version < OLDEST_SERVER)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the server is PostgreSQL %d; 12 is the oldest that will do",
                        pg->db.name, version / 10000);
    if (!encoding || strcmp(encoding, "UTF8"))
        return zoo_fail(err, ZOO_EFORMAT, "%s: the database's encoding is %s and has to be UTF8; 'createdb -T"
                        " template0 -E UTF8 NAME' makes such a one",
                        pg->db.name, encoding ? encoding : "not known");
    return ZOO_OK;
}

static int set_up(const zoo_pg *pg, zoo_err *err)
{
    PGresult *result;
    int rc = check_server(pg, err);

    if (rc || pg->mode != ZOO_STORE_READ)
        return rc;
    result = pg->lib.PQexec(pg->conn, "SET default_transaction_read_only = on");
    rc = zoo_pg_fate_of(pg, result) == ZOO_PG_DONE ? ZOO_OK : zoo_pg_fail(pg, result, err);
    pg->lib.PQclear(result);
    return rc;
}

int zoo_pg_connect(zoo_pg *pg, int seconds, zoo_err *err)
{
    PGconn *conn;
    int rc, most;

    pg->lib.PQfinish(pg->conn);
    pg->conn = NULL;
    conn = start_connecting(pg);
    if (!conn)
        return zoo_fail_nomem(err);
    pg->lib.PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    pg->lib.PQsetNoticeProcessor(conn, drop_notice, NULL);
    most = timeout_of(pg, conn);
    if (seconds > 0 && seconds < most)
        most = seconds;
    rc = finish_connecting(pg, conn, most);
    if (rc == ZOO_ECANCELED)
        rc = zoo_fail(err, ZOO_EIO, "%s: no answer within %d s; is the URL right, and does the way there let its port"
                      " through?", pg->db.name, most);
    else if (rc || pg->lib.PQstatus(conn) != CONNECTION_OK)
        rc = zoo_pg_fail_connect(pg, conn, err);
    if (rc) {
        pg->lib.PQfinish(conn);
        return rc;
    }
    pg->conn = conn;
    pg->connection++;
    return set_up(pg, err);
}

/* What there is in the schema of this connection, less what extensions brought. */
static const char what_is_there[] =
    "SELECT s.nspname IS NOT NULL, EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = s.oid AND c.relname = "
    "'zooter'), EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = s.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', "
    "'S') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND "
    "d.deptype = 'e')) FROM (SELECT current_schema() AS name) n LEFT JOIN pg_namespace s ON s.nspname = n.name";

/* A table named zooter: ours where it says so. One with other columns is somebody else's. */
static int read_version(const zoo_pg *pg, enum zoo_schema_kind *kind, int64_t *version, zoo_err *err)
{
    PGresult *result = pg->lib.PQexec(pg->conn, "SELECT version FROM zooter WHERE application = 'zooter'");
    const char *state = pg->lib.PQresultErrorField(result, PG_DIAG_SQLSTATE);
    int rc = ZOO_OK;

    *kind = ZOO_SCHEMA_FOREIGN;
    if (pg->lib.PQresultStatus(result) == PGRES_TUPLES_OK && pg->lib.PQntuples(result) == 1) {
        *kind = ZOO_SCHEMA_OURS;
        *version = strtoll(pg->lib.PQgetvalue(result, 0, 0), NULL, 10);
    } else if (pg->lib.PQresultStatus(result) != PGRES_TUPLES_OK && strcmp(state ? state : "", "42703")) {
        rc = zoo_pg_fail(pg, result, err);
    }
    pg->lib.PQclear(result);
    return rc;
}

static int look(const zoo_pg *pg, enum zoo_schema_kind *kind, int64_t *version, zoo_err *err)
{
    PGresult *result = pg->lib.PQexec(pg->conn, what_is_there);
    int rc = ZOO_OK, is_named = 0;

    if (zoo_pg_fate_of(pg, result) != ZOO_PG_DONE || pg->lib.PQntuples(result) != 1) {
        rc = zoo_pg_fail(pg, result, err);
    } else if (*pg->lib.PQgetvalue(result, 0, 0) != 't') {
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: the search_path of this user names no schema that exists; correct it with"
                      " ALTER ROLE", pg->db.name);
    } else {
        is_named = *pg->lib.PQgetvalue(result, 0, 1) == 't';
        *kind = *pg->lib.PQgetvalue(result, 0, 2) == 't' ? ZOO_SCHEMA_FOREIGN : ZOO_SCHEMA_FRESH;
    }
    pg->lib.PQclear(result);
    return rc || !is_named ? rc : read_version(pg, kind, version, err);
}

static int make_tables(zoo_pg *pg, zoo_err *err)
{
    char note[128];
    int rc = zoo_pg_exec(pg, zoo_schema_postgres, err);

    snprintf(note, sizeof note, "INSERT INTO zooter (application, version) VALUES ('zooter', %d)", ZOO_SCHEMA_VERSION);
    return rc ? rc : zoo_pg_exec(pg, note, err);
}

static int create(zoo_pg *pg, enum zoo_schema_kind *kind, int64_t *version, zoo_err *err)
{
    int rc = zoo_pg_begin(&pg->db, ZOO_BEGIN_WRITE, err);

    zoo_pg_journal_stop(pg);
    if (!rc)
        rc = zoo_pg_exec(pg, SCHEMA_LOCK, err);
    if (!rc)
        rc = look(pg, kind, version, err);
    if (!rc && *kind == ZOO_SCHEMA_FRESH)
        rc = make_tables(pg, err);
    if (!rc)
        rc = zoo_pg_commit(&pg->db, err);
    if (rc) {
        zoo_pg_rollback(&pg->db);
        return rc;
    }
    return look(pg, kind, version, err);
}

static int prepare_schema(zoo_pg *pg, zoo_err *err)
{
    enum zoo_schema_kind kind = ZOO_SCHEMA_FOREIGN;
    int64_t version = 0;
    int rc = look(pg, &kind, &version, err);

    if (!rc && kind == ZOO_SCHEMA_FRESH && pg->mode == ZOO_STORE_CREATE)
        rc = create(pg, &kind, &version, err);
    if (!rc)
        rc = zoo_schema_check(pg->db.name, kind, version, pg->mode, err);
    if (!rc && version < ZOO_SCHEMA_VERSION)            /* PostgreSQL began with this version */
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: damaged: version %lld of the store's format has never been on PostgreSQL",
                      pg->db.name, (long long)version);
    return rc;
}

static int wait_of_environment(void)
{
    const char *text = getenv("ZOOTER_DB_WAIT");
    char *end = NULL;
    const long seconds = text ? strtol(text, &end, 10) : -1;

    return text && *text && !*end && seconds >= 0 && seconds <= 86400 ? (int)seconds : WAIT_SECONDS;
}

static zoo_pg *new_pg(const char *where, const char *name, enum zoo_store_mode mode)
{
    zoo_pg *pg = calloc(1, sizeof *pg);

    if (!pg)
        return NULL;
    pg->db.driver = &zoo_driver_postgres;
    pg->mode = mode;
    pg->wait_seconds = wait_of_environment();
    pg->journal.max = ZOO_PG_JOURNAL_MAX;
    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
        pg->statements[i].values.max = ZOO_PG_ROW_MAX;
    for (size_t i = 0; i < ZOO_TABLES; i++)
        pg->appended[i].max = ZOO_PG_ROW_MAX;
    pg->db.name = strdup(name);
    pg->where = strdup(where);
    if (pg->db.name && pg->where)
        return pg;
    free(pg->db.name);
    free(pg->where);
    free(pg);
    return NULL;
}

int zoo_pg_open(zoo_db **out, const char *where, enum zoo_store_mode mode, zoo_err *err)
{
    char name[ZOO_PG_NAME];
    zoo_pg *pg;
    int rc = zoo_pg_describe(where, name, sizeof name, err);

    *out = NULL;
    if (rc)
        return rc;
    pg = new_pg(where, name, mode);
    if (!pg)
        return zoo_fail_nomem(err);
    rc = load_libpq(pg, err);
    if (!rc)
        rc = check_url(pg, err);
    if (!rc)
        rc = zoo_pg_connect(pg, 0, err);
    if (!rc)
        rc = prepare_schema(pg, err);
    if (rc) {
        zoo_pg_close(&pg->db);
        return rc;
    }
    *out = &pg->db;
    return ZOO_OK;
}

void zoo_pg_close(zoo_db *db)
{
    zoo_pg *pg = (zoo_pg *)db;

    if (!pg)
        return;
    if (pg->lib.PQfinish) {                     /* else libpq has not been loaded */
        for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
            pg->lib.PQclear(pg->statements[i].rows);
        pg->lib.PQfinish(pg->conn);
    }
    for (size_t i = 0; i <= ZOO_SQL_COUNT; i++)
        zoo_buf_release(&pg->statements[i].values);
    for (size_t i = 0; i < ZOO_TABLES; i++)
        zoo_buf_release(&pg->appended[i]);
    zoo_buf_release(&pg->journal);
    free(pg->where);
    free(pg->db.name);
    free(pg);
}
#endif
