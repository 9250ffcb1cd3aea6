/* copy.c - a store's rows into another store, whatever back end each has: table by table,
 * keys and all. Layer: store. */
#include "store/sql.h"

enum { COLUMNS_MAX = 20 };

static int check_empty(zoo_store *to, zoo_err *err)
{
    zoo_store_totals t;
    int rc = zoo_store_count(to, &t, err);

    if (!rc && (t.queries || t.experts || t.reward_models || t.runs))
        rc = zoo_fail(err, ZOO_ECONFLICT, "%s: has rows already; a copy is made into an empty store", to->name);
    return rc;
}

static int copy_table(zoo_store *from, zoo_store *to, enum zoo_table table, zoo_progress *progress, uint64_t *done,
                      zoo_err *err)
{
    zoo_db_value row[COLUMNS_MAX];
    int rc = from->db->driver->table_begin(from->db, table, err);

    while (!rc && (rc = zoo_sql_step(from, ZOO_SQL_COUNT, err)) == 1) {
        rc = zoo_sql_row(from, ZOO_SQL_COUNT, zoo_tables[table].types, row, err);
        if (!rc)
            rc = to->db->driver->append(to->db, table, row, err);
        zoo_progress_set(progress, ++*done);
    }
    zoo_sql_reset(from, ZOO_SQL_COUNT);
    return rc ? rc : to->db->driver->flush(to->db, err);
}

int zoo_store_copy(zoo_store *from, zoo_store *to, zoo_progress *progress, zoo_err *err)
{
    uint64_t done = 0;
    int own, rc = zoo_sql_snapshot_begin(from, &own, err);

    if (rc)
        return rc;
    rc = to->db->driver->bulk_begin(to->db, err);
    if (!rc)
        rc = check_empty(to, err);
    for (size_t table = 0; !rc && table < ZOO_TABLES; table++)
        rc = copy_table(from, to, (enum zoo_table)table, progress, &done, err);
    if (!rc)
        rc = to->db->driver->after_copy(to->db, err);
    if (!rc)
        rc = zoo_store_commit(to, err);
    if (rc)
        zoo_store_rollback(to);
    to->db->driver->bulk_end(to->db);
    zoo_sql_snapshot_end(from, own);
    return rc;
}
