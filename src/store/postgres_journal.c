/* postgres_journal.c - what a transaction has done so far, so that it can be done again on another connection: entries
 * of a head and the values that were bound. Rolling back to a savepoint cuts the journal there; so only savepoints and
 * their releases stand in it beside statements. Layer: store. */
#include "store/postgres.h"
#ifdef ZOO_HAVE_LIBPQ
#include <string.h>

enum { SAVEPOINT = ZOO_SQL_COUNT, RELEASE };

struct head {
    int64_t key;   /* the first number of the first row: a key that the database gave, and others may have used since */
    uint32_t id, size;          /* a statement, or SAVEPOINT or RELEASE; bytes that follow */
    int rows;
};

/* Reading leaves nothing behind that would have to be done again, but for a function called for what it does (a lock).
 * */
static int is_read(enum zoo_sql id)
{
    const char *sql = zoo_statements[id].text[ZOO_DIALECT_POSTGRES];

    return !strncmp(sql, "SELECT ", 7) && strncmp(sql, "SELECT pg_", 10);
}

void zoo_pg_journal_stop(zoo_pg *pg)
{
    pg->is_replayable = 0;
    if (pg->journal.capacity > 1 << 20)
        zoo_buf_release(&pg->journal);
    zoo_buf_clear(&pg->journal);
}

static void add(zoo_pg *pg, const struct head *head, const char *values)
{
    if (!pg->is_replayable)
        return;
    if (zoo_buf_add(&pg->journal, head, sizeof *head) || (head->size && zoo_buf_add(&pg->journal, values, head->size)))
        zoo_pg_journal_stop(pg);
}

void zoo_pg_journal_add(zoo_pg *pg, enum zoo_sql id, const zoo_buf *values, const PGresult *result)
{
    struct head head;

    if (is_read(id))
        return;
    memset(&head, 0, sizeof head);              /* its padding is copied too */
    head.id = id;
    head.size = (uint32_t)values->size;
    head.rows = pg->lib.PQntuples(result);
    head.key = head.rows ? zoo_pg_number_at(pg, result, 0, 0) : 0;
    add(pg, &head, values->data);
}

void zoo_pg_journal_savepoint(zoo_pg *pg)
{
    struct head head;

    memset(&head, 0, sizeof head);
    head.id = SAVEPOINT;
    pg->marks[pg->depth++] = pg->journal.size;
    add(pg, &head, NULL);
}

void zoo_pg_journal_release(zoo_pg *pg)
{
    struct head head;

    memset(&head, 0, sizeof head);
    head.id = RELEASE;
    pg->depth--;
    add(pg, &head, NULL);
}

static PGresult *send_entry(zoo_pg *pg, const struct head *head, char *values)
{
    const zoo_buf bound = { .data = values, .size = head->size };

    if (head->id == SAVEPOINT)
        return zoo_pg_send(pg, &(zoo_pg_call){ .sql = "SAVEPOINT zooter" });
    if (head->id == RELEASE)
        return zoo_pg_send(pg, &(zoo_pg_call){ .sql = "RELEASE SAVEPOINT zooter" });
    return zoo_pg_send(pg, &(zoo_pg_call){ .id = (enum zoo_sql)head->id, .values = &bound });
}

/* Whether it came out as it did the first time: later statements, and the caller, hold the key that it gave then. */
static int is_alike(const zoo_pg *pg, const struct head *head, const PGresult *result)
{
    const int rows = pg->lib.PQntuples(result);

    return rows == head->rows && (!rows || zoo_pg_number_at(pg, result, 0, 0) == head->key);
}

enum zoo_pg_fate zoo_pg_journal_replay(zoo_pg *pg, zoo_err *err)
{
    enum zoo_pg_fate fate = ZOO_PG_DONE;

    for (size_t at = 0; at < pg->journal.size && fate == ZOO_PG_DONE;) {
        struct head head;
        PGresult *result;
        memcpy(&head, pg->journal.data + at, sizeof head);
        at += sizeof head;
        result = send_entry(pg, &head, pg->journal.data + at);
        at += head.size;
        fate = zoo_pg_fate_of(pg, result);
        if (fate == ZOO_PG_REFUSED)
            zoo_pg_fail(pg, result, err);
        if (fate == ZOO_PG_DONE && !is_alike(pg, &head, result)) {
            fate = ZOO_PG_REFUSED;
            zoo_pg_fail_lost(pg, err);
        }
        pg->lib.PQclear(result);
    }
    return fate;
}
#endif
