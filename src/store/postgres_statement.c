/* postgres_statement.c - binds, steps and resets statements. Rows of a statement come at once; those of a scan through
 * a cursor, in portions that grow while they are small, so that a row of megabytes does not come with thousands of its
 * kind. Layer: store. */
#include "store/postgres.h"
#ifdef ZOO_HAVE_LIBPQ
#include <stdlib.h>
#include <string.h>

enum { PORTION_FIRST = 8, PORTION_GROWTH = 4, PORTION_MOST = 8192, PORTION_BYTES = 4 << 20, KEPT_BYTES = 1 << 20 };

int zoo_pg_rewrite(zoo_buf *out, const char *sql)
{
    int rc = ZOO_OK;

    for (; *sql && !rc; sql++)
        rc = zoo_buf_add(out, *sql == '?' && sql[1] >= '1' && sql[1] <= '9' ? "$" : sql, 1);
    return rc;
}

void zoo_pg_drop_rows(zoo_pg *pg, zoo_pg_statement *st)
{
    pg->lib.PQclear(st->rows);
    st->rows = NULL;
    pg->cursors -= st->is_cursor;
    st->row = st->is_bound = st->is_cursor = st->is_last = st->depth = 0;
    if (st->values.capacity > KEPT_BYTES)
        zoo_buf_release(&st->values);
}

void zoo_pg_reset(zoo_db *db, enum zoo_sql id)
{
    zoo_pg *pg = (zoo_pg *)db;
    char sql[32];

    if (pg->statements[id].is_cursor && !pg->has_failed) {
        snprintf(sql, sizeof sql, "CLOSE c_%d", (int)id);
        pg->lib.PQclear(zoo_pg_send(pg, &(zoo_pg_call){ .sql = sql }));
    }
    zoo_pg_drop_rows(pg, &pg->statements[id]);
}

int zoo_pg_bind(zoo_db *db, enum zoo_sql id, const zoo_db_value *values, size_t n, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    const char *types = zoo_statements[id].types;
    zoo_pg_statement *st = &pg->statements[id];
    int rc = ZOO_OK;

    zoo_pg_reset(db, id);
    if (n != strlen(types) || n > ZOO_PG_PARAMETERS)
        return zoo_fail(err, ZOO_EUSAGE, "%s: statement %d takes %zu values, not %zu", db->name, (int)id,
                        strlen(types), n);
    zoo_buf_clear(&st->values);
    for (size_t i = 0; i < n && !rc; i++)
        rc = zoo_pg_add_value(pg, &st->values, types[i], &values[i], err);
    st->is_bound = !rc;
    return rc;
}

int zoo_pg_declare(zoo_pg *pg, enum zoo_sql id, const char *sql, const char *types, zoo_err *err)
{
    zoo_pg_statement *st = &pg->statements[id];
    zoo_buf text = ZOO_BUF_INIT(1 << 16);
    PGresult *result = NULL;
    int rc;

    if (!pg->open)
        return zoo_fail(err, ZOO_EUSAGE, "%s: statement %d is a scan, and wants a transaction around it", pg->db.name,
                        (int)id);
    rc = zoo_buf_addf(&text, "DECLARE c_%d NO SCROLL CURSOR FOR ", (int)id);
    if (!rc)
        rc = zoo_pg_rewrite(&text, sql);
    rc = rc ? zoo_fail_nomem(err)
        : zoo_pg_run(pg, &(zoo_pg_call){ .sql = text.data, .types = types, .values = &st->values }, &result, err);
    pg->lib.PQclear(result);
    zoo_buf_release(&text);
    if (rc)
        return rc;
    st->is_cursor = 1;
    st->is_last = 0;
    st->portion = PORTION_FIRST;
    st->depth = pg->depth;
    pg->cursors++;
    return ZOO_OK;
}

/* As many as make a portion of a few MiB, judged by the last one. */
static int next_portion(const zoo_pg *pg, const PGresult *rows, int portion)
{
    const size_t bytes = pg->lib.PQresultMemorySize(rows) / (size_t)portion + 1;
    const size_t fitting = PORTION_BYTES / bytes, most = (size_t)portion * PORTION_GROWTH;

    if (fitting < 1)
        return 1;
    portion = (int)(fitting < most ? fitting : most);
    return portion < PORTION_MOST ? portion : PORTION_MOST;
}

static int fetch(zoo_pg *pg, enum zoo_sql id, zoo_err *err)
{
    zoo_pg_statement *st = &pg->statements[id];
    char sql[64];
    int rc;

    pg->lib.PQclear(st->rows);
    st->rows = NULL;
    st->row = 0;
    snprintf(sql, sizeof sql, "FETCH FORWARD %d FROM c_%d", st->portion, (int)id);
    rc = zoo_pg_run(pg, &(zoo_pg_call){ .sql = sql, .types = "" }, &st->rows, err);
    if (!rc)
        rc = zoo_pg_check_columns(pg, st->rows, err);
    if (rc)
        return rc;
    st->is_last = pg->lib.PQntuples(st->rows) < st->portion;
    if (!st->is_last)
        st->portion = next_portion(pg, st->rows, st->portion);
    return ZOO_OK;
}

static void note_changes(zoo_pg *pg, PGresult *result)
{
    const char *tag = pg->lib.PQcmdStatus(result);

    if (!strncmp(tag, "INSERT", 6) || !strncmp(tag, "UPDATE", 6) || !strncmp(tag, "DELETE", 6))
        pg->changes = strtoll(pg->lib.PQcmdTuples(result), NULL, 10);
}

static int run_bound(zoo_pg *pg, enum zoo_sql id, zoo_err *err)
{
    zoo_pg_statement *st = &pg->statements[id];
    const zoo_statement *statement = &zoo_statements[id];
    int rc;

    st->is_bound = 0;
    if (statement->is_scan) {
        rc = zoo_pg_declare(pg, id, statement->text[ZOO_DIALECT_POSTGRES], statement->types, err);
        return rc ? rc : fetch(pg, id, err);
    }
    rc = zoo_pg_run(pg, &(zoo_pg_call){ .id = id, .values = &st->values }, &st->rows, err);
    if (!rc)
        rc = zoo_pg_check_columns(pg, st->rows, err);
    if (rc)
        return rc;
    note_changes(pg, st->rows);
    if (pg->open == ZOO_PG_WRITING)
        zoo_pg_journal_add(pg, id, &st->values, st->rows);
    return ZOO_OK;
}

/* To the next row, if need be in the next portion. */
static int advance(zoo_pg *pg, enum zoo_sql id, zoo_err *err)
{
    zoo_pg_statement *st = &pg->statements[id];

    if (st->is_bound)
        return run_bound(pg, id, err);
    if (!st->rows && !st->is_cursor)
        return zoo_fail(err, ZOO_EUSAGE, "%s: statement %d is stepped and was not bound", pg->db.name, (int)id);
    if (st->rows && ++st->row < pg->lib.PQntuples(st->rows))
        return ZOO_OK;
    return st->is_cursor && !st->is_last ? fetch(pg, id, err) : ZOO_OK;
}

int zoo_pg_step(zoo_db *db, enum zoo_sql id, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    zoo_pg_statement *st = &pg->statements[id];
    int rc;

    if (id != ZOO_SQL_COUNT && !zoo_statements[id].text[ZOO_DIALECT_POSTGRES])
        return ZOO_OK;
    rc = advance(pg, id, err);
    if (!rc && st->row < pg->lib.PQntuples(st->rows))
        return 1;
    zoo_pg_reset(db, id);
    return rc;
}
#endif
