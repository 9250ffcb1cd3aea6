/* jsonl_out.c - a store out as JSONL. A line is built in memory, then written; all lines show the store at one moment.
 * Layer: store. Refuses to sort: lines come in the order of arrival, experts by name. */
#include <errno.h>
#include <string.h>
#include "base/progress.h"
#include "store/db.h"
#include "store/jsonl.h"
#include "store/row.h"

struct output {
    zoo_store *store;
    const zoo_export_options *options;
    FILE *to;
    zoo_key reward_model;                /* of rows; 0: there is none */
    zoo_buf line;                        /* its failures are found once, at the line's end */
    zoo_buf dataset, subset, tags, text; /* parts of a line */
    int has_failed;                      /* no memory for the line */
    zoo_err *err;
};

static void add(struct output *o, const char *text)
{
    if (zoo_buf_add_str(&o->line, text))
        o->has_failed = 1;
}

static void add_string(struct output *o, const char *text, size_t size)
{
    if (zoo_buf_add_json_str(&o->line, text ? text : "", text ? size : 0))
        o->has_failed = 1;
}

static void add_column(struct output *o, sqlite3_stmt *st, int column)
{
    const char *text = (const char *)sqlite3_column_text(st, column);

    add_string(o, text, (size_t)sqlite3_column_bytes(st, column));
}

static int write_line(struct output *o)
{
    add(o, "}\n");
    if (o->has_failed)
        return zoo_fail_nomem(o->err);
    if (fwrite(o->line.data, 1, o->line.size, o->to) != o->line.size)
        return zoo_fail_errno(o->err, errno, "writing the export");
    return ZOO_OK;
}

/* `"name": {expert: value, ...}` of what `st` returns as (expert, value). *count = how many. */
static int add_by_expert(struct output *o, sqlite3_stmt *st, const char *name, size_t *count)
{
    size_t n = 0;
    int rc;

    add(o, ", \"");
    add(o, name);
    add(o, "\": {");
    while ((rc = zoo_db_step(o->store, st, o->err)) == 1) {
        if (n++)
            add(o, ", ");
        add_column(o, st, 0);
        add(o, ": ");
        if (sqlite3_column_type(st, 1) == SQLITE_TEXT)
            add_column(o, st, 1);
        else if (zoo_buf_add_number(&o->line, sqlite3_column_double(st, 1)))
            o->has_failed = 1;
    }
    add(o, "}");
    if (count)
        *count = n;
    return rc;
}

static int prepare_rewards(struct output *o, zoo_key query, zoo_key model, sqlite3_stmt **st)
{
    return zoo_db_prepare(o->store, st, o->err, "SELECT e.name, w.value FROM rewards w CROSS JOIN experts e ON e.key = w.expert"
                          " WHERE w.query = ?1 AND w.reward_model = ?2 ORDER BY e.name", "kk", query, model);
}

/* ---- rows ---- */

static int is_kind(sqlite3_stmt *st, const char *kind)
{
    const char *text = (const char *)sqlite3_column_text(st, 0);

    return text && !strcmp(text, kind);
}

/* A tag as import takes it apart again: kind "tag" is not written where it is understood. */
static void add_tag(struct output *o, sqlite3_stmt *st)
{
    zoo_span kind = { (const char *)sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0) };
    zoo_span value = { (const char *)sqlite3_column_text(st, 1), (size_t)sqlite3_column_bytes(st, 1) };
    zoo_row_tag read = zoo_row_split_tag(value);
    int failed = 0;

    zoo_buf_clear(&o->text);
    if (!value.size || !zoo_span_equal(read.kind, kind) || !zoo_span_equal(read.value, value))
        failed = zoo_buf_add(&o->text, kind.text, kind.size) || zoo_buf_add(&o->text, ":", 1);
    if (failed || zoo_buf_add(&o->text, value.text, value.size) || zoo_buf_add_str(&o->tags, o->tags.size ? ", " : "") ||
        zoo_buf_add_json_str(&o->tags, o->text.data, o->text.size))
        o->has_failed = 1;
}

/* The first tag of kind dataset or subset is the field of that name. */
static void add_single(struct output *o, zoo_buf *field, const char *name, sqlite3_stmt *st)
{
    const char *value = (const char *)sqlite3_column_text(st, 1);

    if (zoo_buf_addf(field, ", \"%s\": ", name) || zoo_buf_add_json_str(field, value, (size_t)sqlite3_column_bytes(st, 1)))
        o->has_failed = 1;
}

static int read_tags(struct output *o, zoo_key query)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(o->store, &st, o->err, "SELECT t.kind, t.value FROM query_tags q CROSS JOIN tags t ON t.key = q.tag"
                            " WHERE q.query = ?1 ORDER BY q.position", "k", query);

    zoo_buf_clear(&o->dataset);
    zoo_buf_clear(&o->subset);
    zoo_buf_clear(&o->tags);
    if (rc)
        return rc;
    while ((rc = zoo_db_step(o->store, st, o->err)) == 1) {
        if (!o->dataset.size && is_kind(st, "dataset"))
            add_single(o, &o->dataset, "dataset", st);
        else if (!o->subset.size && is_kind(st, "subset"))
            add_single(o, &o->subset, "subset", st);
        else
            add_tag(o, st);
    }
    return rc;
}

/* The members of the object in `extra`, which is {"a": 1, ...}. */
static void add_extra(struct output *o, sqlite3_stmt *row)
{
    const char *text = (const char *)sqlite3_column_text(row, 4);
    size_t size = (size_t)sqlite3_column_bytes(row, 4);

    if (!text || size < 3)
        return;
    add(o, ", ");
    o->has_failed |= zoo_buf_add(&o->line, text + 1, size - 2) != ZOO_OK;
}

static int write_row(struct output *o, sqlite3_stmt *row)
{
    zoo_key query = sqlite3_column_int64(row, 0);
    sqlite3_stmt *rewards;
    int rc = read_tags(o, query);

    if (rc)
        return rc;
    add(o, ", \"query\": ");
    add_column(o, row, 2);
    add(o, o->dataset.size ? o->dataset.data : "");
    add(o, o->subset.size ? o->subset.data : "");
    if (sqlite3_column_type(row, 3) != SQLITE_NULL) {
        add(o, ", \"split\": ");
        add_column(o, row, 3);
    }
    add(o, ", \"tags\": [");
    add(o, o->tags.size ? o->tags.data : "");
    add(o, "]");
    rc = prepare_rewards(o, query, o->reward_model, &rewards);
    if (!rc)
        rc = add_by_expert(o, rewards, "rewards", NULL);
    add_extra(o, row);
    return rc ? rc : write_line(o);
}

/* ---- responses and rewards ---- */

static int write_responses(struct output *o, sqlite3_stmt *row)
{
    sqlite3_stmt *st;
    size_t n = 0;
    int rc = zoo_db_prepare(o->store, &st, o->err, "SELECT e.name, r.text FROM responses r CROSS JOIN experts e ON e.key = r.expert"
                            " WHERE r.query = ?1 ORDER BY e.name", "k", sqlite3_column_int64(row, 0));

    if (!rc)
        rc = add_by_expert(o, st, "responses", &n);
    return rc || !n ? rc : write_line(o);
}

/* The query and one reward model: the columns 2 and 3. */
static int write_rewards(struct output *o, sqlite3_stmt *row)
{
    sqlite3_stmt *st;
    int rc = prepare_rewards(o, sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 2), &st);

    add(o, ", \"reward_model\": ");
    add_column(o, row, 3);
    if (!rc)
        rc = add_by_expert(o, st, "rewards", NULL);
    return rc ? rc : write_line(o);
}

/* ---- */

/* What is read for each line: key and id first. ?1 is the split, ?2 a reward model or 0. */
static const struct kind {
    const char *sql, *types;
    int (*write)(struct output *o, sqlite3_stmt *row);
} kinds[] = {
    [ZOO_EXPORT_ROWS] = { "SELECT key, id, text, split, extra FROM queries WHERE ?1 IS NULL OR split = ?1 ORDER BY key", "s",
                          write_row },
    [ZOO_EXPORT_RESPONSES] = { "SELECT key, id FROM queries q WHERE ?1 IS NULL OR split = ?1 ORDER BY key", "s", write_responses },
    [ZOO_EXPORT_REWARDS] = { "SELECT q.key, q.id, m.key, m.name FROM queries q CROSS JOIN reward_models m"
                             " WHERE (?1 IS NULL OR q.split = ?1) AND (?2 = 0 OR m.key = ?2) AND EXISTS"
                             " (SELECT 1 FROM rewards w WHERE w.query = q.key AND w.reward_model = m.key)"
                             " ORDER BY q.key, m.key", "sk", write_rewards },
};

static int write_lines(struct output *o)
{
    const zoo_export_options *options = o->options;
    zoo_progress progress;
    sqlite3_stmt *row = NULL;
    uint64_t total, done = 0;
    zoo_key last = 0;
    int rc = zoo_store_count_queries(o->store, options->split, &total, o->err);

    if (!rc)
        rc = zoo_db_prepare(o->store, &row, o->err, kinds[options->what].sql, kinds[options->what].types, options->split,
                            o->reward_model);
    zoo_progress_begin(&progress, options->progress, "export", total);
    while (!rc && (rc = zoo_db_step(o->store, row, o->err)) == 1) {
        zoo_buf_clear(&o->line);
        add(o, "{\"id\": ");
        add_column(o, row, 1);
        rc = kinds[options->what].write(o, row);
        done += sqlite3_column_int64(row, 0) != last;
        last = sqlite3_column_int64(row, 0);
        zoo_progress_set(&progress, done);
    }
    zoo_db_reset(row);
    zoo_progress_set(&progress, rc ? done : total);
    if (!rc)
        zoo_progress_end(&progress);
    return rc;
}

static int export(struct output *o)
{
    const zoo_export_options *options = o->options;
    int rc = zoo_db_check_split(o->store, options->split, o->err);

    if (!rc && (options->what == ZOO_EXPORT_ROWS || options->reward_model))
        rc = zoo_db_find_reward_model(o->store, options->reward_model, &o->reward_model, o->err);
    if (!rc)
        rc = write_lines(o);
    if (!rc && fflush(o->to))
        rc = zoo_fail_errno(o->err, errno, "writing the export");
    return rc;
}

int zoo_store_export(zoo_store *store, const zoo_export_options *options, FILE *to, zoo_err *err)
{
    struct output o = { .store = store, .options = options, .to = to, .err = err };
    zoo_buf *const bufs[] = { &o.line, &o.dataset, &o.subset, &o.tags, &o.text };
    int own, rc = zoo_db_snapshot_begin(store, &own, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        bufs[i]->max = SIZE_MAX / 4;
    rc = export(&o);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        zoo_buf_release(bufs[i]);
    zoo_db_snapshot_end(store, own);
    return rc;
}
