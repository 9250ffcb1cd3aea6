/* copy.c - a store's rows into another store, whatever back end each has: table by table, keys and all. Layer: store. */
#include <math.h>
#include <string.h>
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

static int read_row(zoo_store *from, const char *types, zoo_db_value *row, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_COUNT;
    int rc = ZOO_OK;

    for (int i = 0; !rc && types[i]; i++) {
        row[i] = (zoo_db_value){ 0 };
        if (types[i] == 'd')
            row[i].d = zoo_sql_real(from, id, i);
        else if (strchr("stb", types[i]))
            rc = zoo_sql_get(from, id, i, &row[i].text, &row[i].size, err);
        else
            row[i].k = types[i] == 'n' ? zoo_sql_count_or_none(from, id, i) : zoo_sql_number(from, id, i);
    }
    return rc;
}

static int copy_table(zoo_store *from, zoo_store *to, enum zoo_table table, zoo_progress *progress, uint64_t *done, zoo_err *err)
{
    zoo_db_value row[COLUMNS_MAX];
    int rc = from->db->driver->table_begin(from->db, table, err);

    while (!rc && (rc = zoo_sql_step(from, ZOO_SQL_COUNT, err)) == 1) {
        rc = read_row(from, zoo_tables[table].types, row, err);
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
