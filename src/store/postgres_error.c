/* postgres_error.c - a sentence for everything that PostgreSQL and libpq refuse, by SQLSTATE: the codes are the same in
 * every language that a server speaks. Layer: store. */
#include "store/postgres.h"
#ifdef ZOO_HAVE_LIBPQ
#include <ctype.h>
#include <string.h>

static const char *state_of(const zoo_pg *pg, const PGresult *result)
{
    const char *state = result ? pg->lib.PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

    return state ? state : "";
}

static int is_in(const char *state, const char *beginning)
{
    return !strncmp(state, beginning, strlen(beginning));
}

enum zoo_pg_fate zoo_pg_fate_of(const zoo_pg *pg, const PGresult *result)
{
    const char *state = state_of(pg, result);

    switch (result ? pg->lib.PQresultStatus(result) : PGRES_FATAL_ERROR) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
        return ZOO_PG_DONE;
    default:
        break;
    }
    /* Every failure that a server tells has a code. One without is libpq's own: it could not send or read, and may not
     * have seen yet that the connection is closed (a server that is stopped at once says
     * goodbye with a notice alone). */
    if (pg->lib.PQstatus(pg->conn) != CONNECTION_OK || (result && !*state) || is_in(state, "57P") ||
        is_in(state, "08") || is_in(state, "25P03"))
        return ZOO_PG_LOST;
    return is_in(state, "40001") || is_in(state, "40P01") ? ZOO_PG_CLASHED : ZOO_PG_REFUSED;
}

int zoo_pg_fail_lost(const zoo_pg *pg, zoo_err *err)
{
    return zoo_fail(err, ZOO_EIO, "%s: the server went away; what was stored before is kept; run the command again",
                    pg->db.name);
}

/* By the beginning of the code, the first that fits. "%s" is the server's own message. */
static const struct { const char *state; int code; const char *before, *after; } sentences[] = {
    { "23502", ZOO_EIO, "what this belongs to was deleted meanwhile (", "); run the command again" },
    { "23503", ZOO_EIO, "what this belongs to was deleted meanwhile (", "); run the command again" },
    { "23", ZOO_ECONFLICT, "what another process has stored meanwhile says otherwise (", "); run the command again" },
    { "40", ZOO_EIO, "another process is writing the same rows (", "); run the command again when that is done" },
    { "55P03", ZOO_EIO, "another process is importing or writing to it (",
      "); run the command again when that is done" },
    { "53100", ZOO_EIO, "the server's disk is full (", "); make room there and run the command again" },
    { "53300", ZOO_EIO, "the server has too many connections (", "); try again later, or raise its max_connections" },
    { "53", ZOO_EIO, "the server has run out of what it needs (", "); run the command again when it has recovered" },
    { "57014", ZOO_EIO, "the server stopped a statement (",
      "); raise its statement_timeout and run the command again" },
    { "57P03", ZOO_EIO, "", "; run the command again in a moment" },
    { "3D000", ZOO_EIO, "", "; 'createdb NAME' makes one" },
    { "28P01", ZOO_EIO, "", "; set PGPASSWORD or write it to ~/.pgpass" },
    { "28", ZOO_EIO, "",
      "; name another user in the URL (postgresql://USER@HOST/NAME), or let this one in (the server's pg_hba.conf)" },
    { "42501", ZOO_EIO, "", "; the database's owner can allow it (GRANT), or connect as that user" },
    { "25006", ZOO_EIO, "may not be written here (", "); connect to the server that is not a standby" },
    { "25P02", ZOO_EIO, "an earlier statement of this transaction failed; run the command again (", ")" },
    { "22003", ZOO_EUSAGE, "a number is too large to be stored (", ")" },
    { "22", ZOO_EFORMAT, "a value cannot be stored (", "); texts have to be UTF-8 without NUL bytes" },
    { "54", ZOO_EUSAGE, "a text is too large to be stored (", ")" },
    { "42P01", ZOO_EFORMAT, "damaged (", "); restore it from a backup" },
    { "42703", ZOO_EFORMAT, "damaged (", "); restore it from a backup" },
    { "XX", ZOO_EFORMAT, "damaged (", "); restore it from a backup" },
    { "", ZOO_EIO, "", "" },
};

static int fail_state(const zoo_pg *pg, const char *state, const char *message, zoo_err *err)
{
    size_t i = 0;

    while (!is_in(state, sentences[i].state))
        i++;
    return zoo_fail(err, sentences[i].code, "%s: %s%.*s%s", pg->db.name, sentences[i].before, (int)strcspn(message,
                    "\n"), message,
                    sentences[i].after);
}

int zoo_pg_fail(const zoo_pg *pg, const PGresult *result, zoo_err *err)
{
    const char *message = result ? pg->lib.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    if (zoo_pg_fate_of(pg, result) == ZOO_PG_LOST)
        return zoo_pg_fail_lost(pg, err);
    message = message ? message : pg->lib.PQerrorMessage(pg->conn);
    /* libpq had none for its words */
    return *message ? fail_state(pg, state_of(pg, result), message, err) : zoo_fail_nomem(err);
}

/* libpq gives no code for a connection, but with PQERRORS_VERBOSE it stands in the text: "FATAL:  3D000: database ...".
 * */
static const char *find_state(const char *message, char state[6])
{
    for (const char *p = strstr(message, ":  "); p; p = strstr(p + 1, ":  ")) {
        size_t n = 0;
        while (n < 5 && (isdigit((unsigned char)p[3 + n]) || isupper((unsigned char)p[3 + n])))
            n++;
        if (n == 5 && p[8] == ':' && p[9] == ' ') {
            memcpy(state, p + 3, 5);
            return p + 10;
        }
    }
    return NULL;
}

int zoo_pg_fail_connect(const zoo_pg *pg, PGconn *conn, zoo_err *err)
{
    const char *message = pg->lib.PQerrorMessage(conn), *behind;
    char state[6] = "";

    if (pg->lib.PQconnectionNeedsPassword(conn))
        return zoo_fail(err, ZOO_EIO, "%s: the server asks for a password; set PGPASSWORD or write it to ~/.pgpass",
                        pg->db.name);
    behind = find_state(message, state);
    if (!behind)
        return zoo_fail(err, ZOO_EIO, "%s: %.*s; is a server running there, and is the URL right?", pg->db.name,
                        (int)strcspn(message, "\n"), message);
    if (!strcmp(state, "3D000"))
        return zoo_fail(err, ZOO_EIO, "%s: no such database; 'createdb %s' makes one", pg->db.name, pg->lib.PQdb(conn));
    return fail_state(pg, state, behind, err);
}
#endif
