/* driver_postgres.c - the driver's table for PostgreSQL; postgres.h says how it is made. Layer: store. */
#include "store/postgres.h"

#ifdef ZOO_HAVE_LIBPQ
static int in_transaction(const zoo_db *db)
{
    return ((const zoo_pg *)db)->open != ZOO_PG_CLOSED;
}

static const zoo_pg_statement *statement_of(const zoo_db *db, enum zoo_sql id)
{
    return &((const zoo_pg *)db)->statements[id];
}

static int64_t number(zoo_db *db, enum zoo_sql id, int column)
{
    const zoo_pg_statement *st = statement_of(db, id);

    return zoo_pg_number_at((zoo_pg *)db, st->rows, st->row, column);
}

static double real(zoo_db *db, enum zoo_sql id, int column)
{
    const zoo_pg_statement *st = statement_of(db, id);

    return zoo_pg_real_at((zoo_pg *)db, st->rows, st->row, column);
}

static int is_null(zoo_db *db, enum zoo_sql id, int column)
{
    const zoo_pg_statement *st = statement_of(db, id);

    return !st->rows || ((zoo_pg *)db)->lib.PQgetisnull(st->rows, st->row, column);
}

static const char *text(zoo_db *db, enum zoo_sql id, int column, size_t *size)
{
    const zoo_pg_statement *st = statement_of(db, id);
    const zoo_pg_libpq *lib = &((zoo_pg *)db)->lib;
    const int is_none = is_null(db, id, column);

    if (size)
        *size = is_none ? 0 : (size_t)lib->PQgetlength(st->rows, st->row, column);
    return is_none ? NULL : lib->PQgetvalue(st->rows, st->row, column);
}

static int64_t changes(zoo_db *db)
{
    return ((zoo_pg *)db)->changes;
}

const zoo_driver zoo_driver_postgres = {
    .name = "PostgreSQL", .dialect = ZOO_DIALECT_POSTGRES, .copies = 1, .open = zoo_pg_open, .close = zoo_pg_close,
    .describe = zoo_pg_describe, .begin = zoo_pg_begin, .commit = zoo_pg_commit, .rollback = zoo_pg_rollback,
    .in_transaction = in_transaction, .savepoint = zoo_pg_savepoint, .release = zoo_pg_release,
    .rollback_to = zoo_pg_rollback_to,
    .bind = zoo_pg_bind, .step = zoo_pg_step, .reset = zoo_pg_reset, .number = number, .real = real, .text = text,
    .is_null = is_null,
    .changes = changes, .append = zoo_pg_append, .flush = zoo_pg_flush, .bulk_begin = zoo_pg_bulk_begin,
    .bulk_end = zoo_pg_bulk_end,
    .table_begin = zoo_pg_table_begin, .after_copy = zoo_pg_after_copy
};
#else
static int open_nothing(zoo_db **out, const char *where, enum zoo_store_mode mode, zoo_err *err)
{
    char name[512];

    (void)mode;
    *out = NULL;
    if (zoo_pg_describe(where, name, sizeof name, err))
        return ZOO_EUSAGE;
    return zoo_fail(err, ZOO_EUSAGE, "%s: this zooter was built without PostgreSQL: install libpq-dev and build again",
                    name);
}

/* Without open() there is no connection that the other members could be called with. */
const zoo_driver zoo_driver_postgres = {
    .name = "PostgreSQL", .dialect = ZOO_DIALECT_POSTGRES, .copies = 1, .open = open_nothing,
    .describe = zoo_pg_describe
};
#endif
