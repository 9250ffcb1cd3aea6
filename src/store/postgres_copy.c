/* postgres_copy.c - many rows at once: COPY in its binary format, from a buffer a table, and whole tables back through
 * a cursor. A COPY has the connection to itself until it ends; so rows are collected and sent as whole COPYs only.
 * Layer: store. */
#include "store/postgres.h"
#ifdef ZOO_HAVE_LIBPQ
#include <string.h>

enum { FLUSH_BYTES = 8 << 20, CHUNK_BYTES = 1 << 20, KEPT_BYTES = 16 << 20 };

/* The signature, and two empty fields of four bytes. */
static const char copy_head[19] = "PGCOPY\n\377\r\n";

void zoo_pg_forget_appended(zoo_pg *pg)
{
    for (size_t i = 0; i < ZOO_TABLES; i++) {
        if (pg->appended[i].capacity > KEPT_BYTES)
            zoo_buf_release(&pg->appended[i]);
        zoo_buf_clear(&pg->appended[i]);
    }
    pg->appended_size = 0;
}

static int add_row(zoo_pg *pg, zoo_buf *out, const char *types, const zoo_db_value *row, zoo_err *err)
{
    int rc = out->size ? ZOO_OK : zoo_buf_add(out, copy_head, sizeof copy_head);

    if (!rc)
        rc = zoo_pg_add_bytes(out, strlen(types), 2);
    if (rc)
        return zoo_fail_nomem(err);
    for (size_t i = 0; types[i] && !rc; i++)
        rc = zoo_pg_add_value(pg, out, types[i], &row[i], err);
    return rc;
}

int zoo_pg_append(zoo_db *db, enum zoo_table table, const zoo_db_value *row, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    zoo_buf *out = &pg->appended[table];
    const size_t before = out->size;
    int rc = zoo_pg_check_writing(pg, err);

    if (rc)
        return rc;
    if (pg->is_replayable)
        zoo_pg_journal_stop(pg);
    rc = add_row(pg, out, zoo_tables[table].types, row, err);
    if (rc) {
        out->size = before;
        return rc;
    }
    pg->appended_size += out->size - before;
    return pg->appended_size < FLUSH_BYTES ? ZOO_OK : zoo_pg_flush(db, err);
}

/* 1: all of them, and their end. */
static int send_rows(zoo_pg *pg, const zoo_buf *rows)
{
    int rc = 1;

    for (size_t at = 0; at < rows->size && rc == 1; at += CHUNK_BYTES) {
        const size_t left = rows->size - at;
        rc = pg->lib.PQputCopyData(pg->conn, rows->data + at, (int)(left < CHUNK_BYTES ? left : CHUNK_BYTES));
    }
    return rc == 1 ? pg->lib.PQputCopyEnd(pg->conn, NULL) : rc;
}

/* Reads every answer, so that the connection is free again; the first that is a failure has the sentence. Where rows
 * could not be sent, the answer says why: the server has ended the COPY. Of many rows no single one is to blame, which
 * a caller could leave out. */
static int end_copy(zoo_pg *pg, int sent, zoo_err *err)
{
    int rc = ZOO_OK;
    PGresult *result;

    while ((result = pg->lib.PQgetResult(pg->conn))) {
        const int is_stuck = pg->lib.PQresultStatus(result) == PGRES_COPY_IN;
        if (!rc && zoo_pg_fate_of(pg, result) != ZOO_PG_DONE)
            rc = zoo_pg_fail(pg, result, err);
        pg->lib.PQclear(result);
        if (is_stuck)
            break;
    }
    if (!rc && sent != 1)
        rc = zoo_pg_fail(pg, NULL, err);
    if (!rc)
        return ZOO_OK;
    pg->has_failed = 1;
    if (rc == ZOO_ECONFLICT || rc == ZOO_EFORMAT)
        rc = ZOO_EIO;
    if (err)
        err->code = rc;
    return rc;
}

static int copy_table(zoo_pg *pg, enum zoo_table table, zoo_err *err)
{
    const zoo_table_columns *t = &zoo_tables[table];
    zoo_buf *rows = &pg->appended[table];
    char sql[512];
    int rc;

    if (!rows->size)
        return ZOO_OK;
    snprintf(sql, sizeof sql, "COPY %s (%s) FROM STDIN (FORMAT binary)", t->name, t->columns);
    /* -1: the end */
    rc = zoo_pg_add_bytes(rows, UINT16_MAX, 2) ? zoo_fail_nomem(err) : zoo_pg_exec(pg, sql, err);
    return rc ? rc : end_copy(pg, send_rows(pg, rows), err);
}

int zoo_pg_flush(zoo_db *db, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    int rc = ZOO_OK;

    for (size_t i = 0; i < ZOO_TABLES && !rc; i++)
        rc = copy_table(pg, (enum zoo_table)i, err);
    zoo_pg_forget_appended(pg);                 /* after a failure the transaction has no use for them either */
    return rc;
}

int zoo_pg_bulk_begin(zoo_db *db, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    char sql[160];
    int rc = zoo_pg_begin(db, ZOO_BEGIN_WRITE, err);

    if (rc)
        return rc;
    snprintf(sql, sizeof sql, "SET LOCAL lock_timeout = '%ds'; LOCK TABLE queries IN SHARE ROW EXCLUSIVE MODE; SET"
             " LOCAL lock_timeout = DEFAULT",
             pg->wait_seconds ? pg->wait_seconds : 1);
    rc = zoo_pg_exec(pg, sql, err);
    if (rc)
        zoo_pg_rollback(db);
    zoo_pg_journal_stop(pg);                   /* another import may have come between by the time it were done again */
    return rc;
}

void zoo_pg_bulk_end(zoo_db *db)
{
    (void)db;                                   /* the lock went with the transaction */
}

int zoo_pg_table_begin(zoo_db *db, enum zoo_table table, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    char sql[1024];

    zoo_pg_reset(db, ZOO_SQL_COUNT);
    zoo_buf_clear(&pg->statements[ZOO_SQL_COUNT].values);
    snprintf(sql, sizeof sql, "SELECT %s FROM %s ORDER BY %s", zoo_tables[table].columns, zoo_tables[table].name,
             zoo_tables[table].order);
    return zoo_pg_declare(pg, ZOO_SQL_COUNT, sql, "", err);
}

/* Never backwards: a key that was given once is not given again. */
int zoo_pg_after_copy(zoo_db *db, zoo_err *err)
{
    zoo_pg *pg = (zoo_pg *)db;
    char sql[512];
    int rc = pg->open == ZOO_PG_WRITING ? zoo_pg_flush(db, err) : ZOO_OK;

    for (size_t i = 0; i < ZOO_TABLES && !rc; i++) {
        if (!zoo_tables[i].has_own_keys)
            continue;
        snprintf(sql, sizeof sql, "SELECT setval(s, greatest((SELECT coalesce(max(key), 0) FROM %s),"
                 " coalesce(pg_sequence_last_value(s), 0)) + 1, false)"
                 " FROM (SELECT pg_get_serial_sequence('%s', 'key')::regclass AS s) q", zoo_tables[i].name,
                 zoo_tables[i].name);
        rc = zoo_pg_exec(pg, sql, err);
    }
    return rc;
}
#endif
