/* sqlite_bulk.c - many rows into SQLite. Rows of numbers alone wait until there are enough for one INSERT of several
 * rows; others are written at once, because their texts belong to the caller. Layer: store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "store/sqlite.h"

static int prepare(struct zoo_sqlite *s, enum zoo_table table, size_t rows, sqlite3_stmt **out, zoo_err *err)
{
    const zoo_table_columns *t = &zoo_tables[table];
    size_t columns = strlen(t->types);
    zoo_buf sql = ZOO_BUF_INIT(8192);
    int rc = zoo_buf_addf(&sql, "INSERT INTO %s (%s) VALUES ", t->name, t->columns);

    for (size_t row = 0; !rc && row < rows; row++) {
        rc = zoo_buf_add_str(&sql, row ? ", (" : "(");
        for (size_t i = 0; !rc && i < columns; i++)
            rc = zoo_buf_add_str(&sql, i ? ", ?" : "?");
        if (!rc)
            rc = zoo_buf_add_str(&sql, ")");
    }
    if (rc)
        rc = zoo_fail_nomem(err);
    else if (sqlite3_prepare_v3(s->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT, out, NULL))
        rc = zoo_sqlite_fail(s, err);
    zoo_buf_release(&sql);
    return rc;
}

static int run(struct zoo_sqlite *s, enum zoo_table table, sqlite3_stmt *st, const zoo_db_value *rows, size_t count,
               size_t stride, zoo_err *err)
{
    const char *types = zoo_tables[table].types;
    int at = 1, rc;

    for (size_t row = 0; row < count; row++)
        for (size_t i = 0; types[i]; i++)
            if (zoo_sqlite_bind_value(st, at++, types[i], &rows[row * stride + i]))
                return zoo_sqlite_fail(s, err);
    errno = 0;
    rc = sqlite3_step(st) == SQLITE_DONE ? ZOO_OK : zoo_sqlite_fail(s, err);
    sqlite3_reset(st);
    return rc;
}

static int find_pending(struct zoo_sqlite *s, enum zoo_table table, struct zoo_sqlite_pending **out, zoo_err *err)
{
    struct zoo_sqlite_pending *p = s->pending[table];

    if (!p && !(p = s->pending[table] = calloc(1, sizeof *p)))
        return zoo_fail_nomem(err);
    *out = p;
    return p->one ? ZOO_OK : prepare(s, table, 1, &p->one, err);
}

int zoo_sqlite_append(zoo_db *db, enum zoo_table table, const zoo_db_value *row, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    const char *types = zoo_tables[table].types;
    struct zoo_sqlite_pending *p = NULL;
    int rc = zoo_sqlite_check_open(s, err);

    if (rc || (rc = find_pending(s, table, &p, err)))
        return rc;
    if (strpbrk(types, "tb"))
        return run(s, table, p->one, row, 1, 0, err);
    if (!p->batch && (rc = prepare(s, table, ZOO_SQLITE_BATCH, &p->batch, err)))
        return rc;
    memcpy(p->rows[p->count++], row, strlen(types) * sizeof *row);
    if (p->count < ZOO_SQLITE_BATCH)
        return ZOO_OK;
    p->count = 0;
    return run(s, table, p->batch, p->rows[0], ZOO_SQLITE_BATCH, ZOO_SQLITE_COLUMNS, err);
}

int zoo_sqlite_flush(zoo_db *db, zoo_err *err)
{
    struct zoo_sqlite *s = (struct zoo_sqlite *)db;
    int rc = zoo_sqlite_check_open(s, err);

    for (size_t table = 0; table < ZOO_TABLES; table++) {
        struct zoo_sqlite_pending *p = s->pending[table];
        for (size_t i = 0; !rc && p && i < p->count; i++)
            rc = run(s, (enum zoo_table)table, p->one, p->rows[i], 1, 0, err);
        if (p)
            p->count = 0;
    }
    return rc;
}

void zoo_sqlite_forget(struct zoo_sqlite *s)
{
    for (size_t table = 0; table < ZOO_TABLES; table++)
        if (s->pending[table])
            s->pending[table]->count = 0;
}

void zoo_sqlite_release_bulk(struct zoo_sqlite *s)
{
    for (size_t table = 0; table < ZOO_TABLES; table++) {
        if (!s->pending[table])
            continue;
        sqlite3_finalize(s->pending[table]->one);
        sqlite3_finalize(s->pending[table]->batch);
        free(s->pending[table]);
    }
}
