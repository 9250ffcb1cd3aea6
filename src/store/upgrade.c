/* upgrade.c - see upgrade.h. Layer: store. */
#include "store/upgrade.h"
#include <math.h>
#include <string.h>
#include "store/import.h"

enum { PAGE = 256 };

/* The query's other fields as a row again, which takes costs and tokens out of them. */
static int read_fields(zoo_import *im, const zoo_store_query *q, zoo_buf *line)
{
    zoo_buf_clear(line);
    if (zoo_buf_add_str(line, "{\"id\": \"x\", \"query\": \"\", \"rewards\": {}, ") ||
        zoo_buf_add_str(line, q->extra + 1))
        return zoo_fail_nomem(im->err);
    return zoo_row_read(&im->row, line->data, line->size, im->store->name, (size_t)q->key, im->err);
}

/* Fields that this version would refuse stay the text that they are. */
static int upgrade_query(zoo_import *im, const zoo_store_query *q, zoo_buf *line)
{
    int rc = ZOO_OK;

    if (!strstr(q->extra, "\"costs\"") && !strstr(q->extra, "\"tokens\""))
        return ZOO_OK;
    if (read_fields(im, q, line))
        return im->err->code == ZOO_ENOMEM ? ZOO_ENOMEM : ZOO_OK;
    if (!im->row.cost_count && !im->row.tokens_count)
        return ZOO_OK;
    zoo_buf_clear(&im->extra);
    if (im->row.field_count && zoo_row_fields(&im->row, &im->extra))
        return zoo_fail_nomem(im->err);
    rc = zoo_import_put_answers(im, q->key, 0);
    return rc ? rc : zoo_sql_run(im->store, ZOO_SQL_QUERY_UPDATE, im->err, q->key, q->text, q->text_size, q->split,
                                 q->split ? strlen(q->split) : 0, im->row.field_count ? im->extra.data : NULL,
                                 im->extra.size);
}

int zoo_upgrade_figures(zoo_db *db, zoo_err *err)
{
    static const zoo_store_advice none;
    const zoo_import_options options = { 0 };
    zoo_import_counts counts = { 0 };
    zoo_store store = { .db = db, .name = db->name, .advice = &none };
    zoo_store_query page[PAGE];
    zoo_arena arena = { 0 };
    zoo_buf line = ZOO_BUF_INIT(SIZE_MAX / 4);
    zoo_import im;
    zoo_err own;
    zoo_key after = 0;
    size_t count;
    int rc;

    zoo_import_init(&im, &store, &options, &counts, err ? err : &own);
    do {
        rc = zoo_store_queries(&store, NULL, after, PAGE, page, &count, &arena, im.err);
        for (size_t i = 0; !rc && i < count; i++)
            rc = upgrade_query(&im, &page[i], &line);
        after = count ? page[count - 1].key : after;
        zoo_arena_release(&arena);
    } while (!rc && count == PAGE);
    zoo_buf_release(&line);
    zoo_import_release(&im);
    return rc;
}
