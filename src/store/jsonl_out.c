/* jsonl_out.c - a store out as JSONL. A line is built in memory, then written; all lines show the store at one moment.
 * Layer: store. Refuses to sort: lines come in the order of arrival, reward models and experts by name. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "base/name.h"
#include "base/progress.h"
#include "store/export.h"

/* ---- a line ---- */

const char *zoo_export_text(zoo_export *o, enum zoo_sql id, int column, size_t *size)
{
    const char *text;

    if (zoo_sql_get(o->store, id, column, &text, size, o->err))
        o->has_failed = 1;
    return text;
}

void zoo_export_add(zoo_export *o, const char *text)
{
    if (zoo_buf_add_str(&o->line, text))
        o->has_failed = 1;
}

void zoo_export_add_string(zoo_export *o, const char *text, size_t size)
{
    if (zoo_buf_add_json_str(&o->line, text ? text : "", text ? size : 0))
        o->has_failed = 1;
}

void zoo_export_add_column(zoo_export *o, enum zoo_sql id, int column)
{
    size_t size;
    const char *text = zoo_export_text(o, id, column, &size);

    zoo_export_add_string(o, text, size);
}

void zoo_export_add_number(zoo_export *o, double value)
{
    if (zoo_buf_add_number(&o->line, value))
        o->has_failed = 1;
}

void zoo_export_add_integer(zoo_export *o, int64_t value)
{
    if (zoo_buf_addf(&o->line, "%lld", (long long)value))
        o->has_failed = 1;
}

void zoo_export_begin_line(zoo_export *o, const char *id, size_t size)
{
    zoo_buf_clear(&o->line);
    zoo_export_add(o, "{\"id\": ");
    zoo_export_add_string(o, id, size);
}

int zoo_export_end_line(zoo_export *o)
{
    zoo_export_add(o, "}\n");
    if (o->has_failed)
        return zoo_fail_nomem(o->err);
    if (fwrite(o->line.data, 1, o->line.size, o->to) != o->line.size)
        return zoo_fail_errno(o->err, errno, "writing the export");
    return ZOO_OK;
}

/* ---- scans side by side ---- */

int zoo_side_next(zoo_export *o, zoo_side *side)
{
    int rc = o->has_failed ? zoo_fail_nomem(o->err) : zoo_sql_step(o->store, side->id, o->err);

    side->has_row = rc == 1;
    if (rc == 1)
        side->query = zoo_sql_number(o->store, side->id, 0);
    return rc < 0 ? rc : ZOO_OK;
}

int zoo_side_begin(zoo_export *o, zoo_side *side, enum zoo_sql id, int rc)
{
    side->id = id;
    return rc ? rc : zoo_side_next(o, side);
}

int zoo_side_at(zoo_export *o, zoo_side *side, zoo_key query)
{
    int rc = ZOO_OK;

    while (!rc && side->has_row && side->query < query)
        rc = zoo_side_next(o, side);
    return rc ? rc : side->has_row && side->query == query;
}

int zoo_export_wants(zoo_export *o, enum zoo_sql id, int column)
{
    const char *name = zoo_export_text(o, id, column, NULL);

    return name && zoo_store_wants_expert(o->options->filter, name);
}

/* ---- rows ---- */

/* A tag as import takes it apart again: kind "tag" is not written where it is understood. */
static void add_tag(zoo_export *o, zoo_span kind, zoo_span value)
{
    zoo_row_tag read = zoo_row_split_tag(value);
    int failed = 0;

    zoo_buf_clear(&o->text);
    if (!value.size || !zoo_span_equal(read.kind, kind) || !zoo_span_equal(read.value, value))
        failed = zoo_buf_add(&o->text, kind.text, kind.size) || zoo_buf_add(&o->text, ":", 1);
    if (failed || zoo_buf_add(&o->text, value.text, value.size) ||
        zoo_buf_add_str(&o->tags, o->tags.size ? ", " : "") ||
        zoo_buf_add_json_str(&o->tags, o->text.data, o->text.size))
        o->has_failed = 1;
}

/* The first tag of kind dataset or subset is the field of that name. */
static void add_single(zoo_export *o, zoo_buf *field, const char *name, zoo_span value)
{
    if (zoo_buf_addf(field, ", \"%s\": ", name) || zoo_buf_add_json_str(field, value.text, value.size))
        o->has_failed = 1;
}

static int is_text(zoo_span span, const char *text)
{
    return span.text && span.size == strlen(text) && !memcmp(span.text, text, span.size);
}

static int read_tags(zoo_export *o, zoo_side *side, zoo_key query)
{
    int rc;

    zoo_buf_clear(&o->dataset);
    zoo_buf_clear(&o->subset);
    zoo_buf_clear(&o->tags);
    while ((rc = zoo_side_at(o, side, query)) == 1) {
        zoo_span kind, value;
        kind.text = zoo_export_text(o, side->id, 1, &kind.size);
        value.text = zoo_export_text(o, side->id, 2, &value.size);
        if (!kind.text || !value.text)
            return zoo_fail_nomem(o->err);
        if (!o->dataset.size && is_text(kind, "dataset"))
            add_single(o, &o->dataset, "dataset", value);
        else if (!o->subset.size && is_text(kind, "subset"))
            add_single(o, &o->subset, "subset", value);
        else
            add_tag(o, kind, value);
        if ((rc = zoo_side_next(o, side)))
            break;
    }
    return rc;
}

/* Rows say whose rewards they have where an import would not take that for granted. */
static void add_model(zoo_export *o, const char *name)
{
    if (!*name || !strcmp(name, ZOO_REWARD_MODEL_USUAL))
        return;
    zoo_export_add(o, ", \"reward_model\": ");
    zoo_export_add_string(o, name, strlen(name));
}

/* `"rewards": {expert: value, ...}` from the side, whose columns are query, reward model, expert, value: those of
 * `model`; NULL: it has those of one reward model alone, which is said too. */
static int add_rewards(zoo_export *o, zoo_side *side, zoo_key query, const char *model)
{
    char whose[ZOO_NAME_MAX + 1] = "";
    size_t n = 0;
    int rc;

    zoo_export_add(o, ", \"rewards\": {");
    while ((rc = zoo_side_at(o, side, query)) == 1) {
        const char *name = zoo_export_text(o, side->id, 1, NULL);
        if (model && (!name || strcmp(name, model) != 0))
            break;
        if (zoo_export_wants(o, side->id, 2)) {
            zoo_export_add(o, n++ ? ", " : "");
            zoo_export_add_column(o, side->id, 2);
            zoo_export_add(o, ": ");
            zoo_export_add_number(o, zoo_sql_real(o->store, side->id, 3));
            snprintf(whose, sizeof whose, "%s", model || !name ? "" : name);
        }
        if ((rc = zoo_side_next(o, side)))
            return rc;
    }
    zoo_export_add(o, "}");
    add_model(o, whose);
    return rc < 0 ? rc : ZOO_OK;
}

/* One expert's tokens: the number of those out, or an object where more is known. Columns 3 to 6 of the side. */
static void add_tokens(zoo_export *o, enum zoo_sql id, zoo_buf *to)
{
    static const char *const names[] = { "in", "out", "reasoning", "cached" };
    int64_t counts[4];
    int known = 0, failed = 0;

    for (int i = 0; i < 4; i++)
        known += (counts[i] = zoo_sql_count_or_none(o->store, id, 3 + i)) >= 0;
    if (known == 1 && counts[1] >= 0) {
        o->has_failed |= zoo_buf_addf(to, "%lld", (long long)counts[1]) != ZOO_OK;
        return;
    }
    failed = zoo_buf_add_str(to, "{");
    for (int i = 0, n = 0; i < 4; i++)
        if (counts[i] >= 0)
            failed |= zoo_buf_addf(to, "%s\"%s\": %lld", n++ ? ", " : "", names[i], (long long)counts[i]);
    if (failed || zoo_buf_add_str(to, "}"))
        o->has_failed = 1;
}

/* The beginning of a member of an object that is built in `to`. */
static void add_name(zoo_export *o, zoo_buf *to, const char *name, size_t size)
{
    if (zoo_buf_add_str(to, to->size ? ", " : "") || zoo_buf_add_json_str(to, name, size) || zoo_buf_add_str(to, ": "))
        o->has_failed = 1;
}

/* Whether the row has a field of its own by this name: `costs` or `tokens` of another form. Its key stands there as
 * zoo_row_fields() wrote it. */
static int has_own_field(zoo_export *o, const char *key)
{
    size_t size;
    const char *text = zoo_export_text(o, ZOO_SQL_EXPORT_QUERIES, 4, &size);
    zoo_scan s = { 0 };
    zoo_span name, raw;
    int more, found = 0;

    if (!text || !strstr(text, key))
        return 0;
    more = zoo_scan_begin(&s, text, size, "", 1, NULL);
    o->has_failed |= more != ZOO_OK;
    for (more = more ? more : zoo_scan_open(&s, '{', '}'); more == 1 && !found; more = zoo_scan_more(&s, '}')) {
        if (zoo_scan_key(&s, &name) || zoo_scan_skip(&s, &raw))
            break;
        found = zoo_span_is(name, key);
    }
    zoo_scan_release(&s);
    return found;
}

/* Numbers that no line can have beside a field of its own by that name are left to the lines of answers. */
static void add_object(zoo_export *o, const char *key, const zoo_buf *members)
{
    if (!members->size || has_own_field(o, key))
        return;
    o->has_failed |= zoo_buf_addf(&o->line, ", \"%s\": {", key) != ZOO_OK;
    zoo_export_add(o, members->data);
    zoo_export_add(o, "}");
}

/* `"costs": {...}` and `"tokens": {...}`, where anything is known. They are built in the buffers of tags,
 * which are done with. */
static int add_figures(zoo_export *o, zoo_side *side, zoo_key query)
{
    zoo_buf *costs = &o->dataset, *tokens = &o->subset;
    int rc;

    zoo_buf_clear(costs);
    zoo_buf_clear(tokens);
    while ((rc = zoo_side_at(o, side, query)) == 1) {
        double cost = zoo_sql_real(o->store, side->id, 2);
        size_t size;
        const char *name = zoo_export_text(o, side->id, 1, &size);
        int wanted = zoo_export_wants(o, side->id, 1), has_tokens = 0;
        for (int i = 3; i < 7; i++)
            has_tokens |= zoo_sql_count_or_none(o->store, side->id, i) >= 0;
        if (wanted && !isnan(cost)) {
            add_name(o, costs, name, size);
            o->has_failed |= zoo_buf_add_number(costs, cost) != ZOO_OK;
        }
        if (wanted && has_tokens) {
            add_name(o, tokens, name, size);
            add_tokens(o, side->id, tokens);
        }
        if ((rc = zoo_side_next(o, side)))
            return rc;
    }
    add_object(o, "costs", costs);
    add_object(o, "tokens", tokens);
    return rc;
}

/* The members of the object in `extra`, which is {"a": 1, ...}. */
static void add_extra(zoo_export *o)
{
    size_t size;
    const char *text = zoo_export_text(o, ZOO_SQL_EXPORT_QUERIES, 4, &size);

    if (!text || size < 3)
        return;
    zoo_export_add(o, ", ");
    o->has_failed |= zoo_buf_add(&o->line, text + 1, size - 2) != ZOO_OK;
}

static int write_row(zoo_export *o, zoo_key query, const char *id, size_t size)
{
    const enum zoo_sql row = ZOO_SQL_EXPORT_QUERIES;
    int rc = read_tags(o, &o->sides[0], query);

    if (rc)
        return rc;
    zoo_export_begin_line(o, id, size);
    zoo_export_add(o, ", \"query\": ");
    zoo_export_add_column(o, row, 2);
    zoo_export_add(o, o->dataset.size ? o->dataset.data : "");
    zoo_export_add(o, o->subset.size ? o->subset.data : "");
    if (zoo_export_text(o, row, 3, NULL)) {
        zoo_export_add(o, ", \"split\": ");
        zoo_export_add_column(o, row, 3);
    }
    zoo_export_add(o, ", \"tags\": [");
    zoo_export_add(o, o->tags.size ? o->tags.data : "");
    zoo_export_add(o, "]");
    rc = add_rewards(o, &o->sides[1], query, NULL);
    if (!rc)
        rc = add_figures(o, &o->sides[2], query);
    add_extra(o);
    return rc ? rc : zoo_export_end_line(o);
}

/* ---- responses and rewards ---- */

static int write_responses(zoo_export *o, zoo_key query, const char *id, size_t size)
{
    zoo_side *side = &o->sides[0];
    size_t n = 0;
    int rc;

    zoo_export_begin_line(o, id, size);
    zoo_export_add(o, ", \"responses\": {");
    while ((rc = zoo_side_at(o, side, query)) == 1) {
        if (zoo_export_wants(o, side->id, 1)) {
            zoo_export_add(o, n++ ? ", " : "");
            zoo_export_add_column(o, side->id, 1);
            zoo_export_add(o, ": ");
            zoo_export_add_column(o, side->id, 2);
        }
        if ((rc = zoo_side_next(o, side)))
            break;
    }
    zoo_export_add(o, "}");
    return rc || !n ? rc : zoo_export_end_line(o);
}

/* A line a reward model. */
static int write_rewards(zoo_export *o, zoo_key query, const char *id, size_t size)
{
    zoo_side *side = &o->sides[0];
    int rc;

    while ((rc = zoo_side_at(o, side, query)) == 1) {
        char model[ZOO_STORE_NAME_MAX];
        const char *name = zoo_export_text(o, side->id, 1, NULL);
        snprintf(model, sizeof model, "%s", name ? name : "");
        zoo_export_begin_line(o, id, size);
        zoo_export_add(o, ", \"reward_model\": ");
        zoo_export_add_string(o, model, strlen(model));
        rc = add_rewards(o, side, query, model);
        if (!rc)
            rc = zoo_export_end_line(o);
        if (rc)
            break;
    }
    return rc;
}

/* ---- all kinds ---- */

/* What is scanned beside the queries; K: the statement takes reward models. */
static const struct kind {
    enum zoo_sql scans[3];
    size_t count;
    int (*write)(zoo_export *o, zoo_key query, const char *id, size_t size);
} kinds[] = {
    [ZOO_EXPORT_ROWS] = { { ZOO_SQL_EXPORT_TAGS, ZOO_SQL_EXPORT_REWARDS, ZOO_SQL_EXPORT_FIGURES }, 3, write_row },
    [ZOO_EXPORT_RESPONSES] = { { ZOO_SQL_EXPORT_RESPONSES }, 1, write_responses },
    [ZOO_EXPORT_REWARDS] = { { ZOO_SQL_EXPORT_REWARDS }, 1, write_rewards },
    [ZOO_EXPORT_ANSWERS] = { { ZOO_SQL_EXPORT_ANSWERS, ZOO_SQL_EXPORT_FAILURES, ZOO_SQL_EXPORT_SCORES }, 3,
                             zoo_export_answers },
    [ZOO_EXPORT_JUDGEMENTS] = { { ZOO_SQL_EXPORT_JUDGEMENTS }, 1, zoo_export_judgements },
};

static int begin_scans(zoo_export *o, const struct kind *kind)
{
    int rc = zoo_sql_bind(o->store, ZOO_SQL_EXPORT_QUERIES, o->err, ZOO_SELECTED(&o->selection));

    for (size_t i = 0; !rc && i < kind->count; i++) {
        enum zoo_sql id = kind->scans[i];
        int takes_models = zoo_statements[id].types[3] == 'K';
        rc = takes_models ? zoo_sql_bind(o->store, id, o->err, ZOO_SELECTED(&o->selection), &o->models)
                          : zoo_sql_bind(o->store, id, o->err, ZOO_SELECTED(&o->selection));
        rc = zoo_side_begin(o, &o->sides[i], id, rc);
    }
    return rc;
}

static int write_lines(zoo_export *o)
{
    const struct kind *kind = &kinds[o->options->what];
    zoo_progress progress;
    uint64_t total, done = 0;
    int rc = zoo_store_count_queries(o->store, &o->selection, &total, o->err);

    if (!rc)
        rc = begin_scans(o, kind);
    zoo_progress_begin(&progress, o->options->progress, "export", total);
    while (!rc && (rc = zoo_sql_step(o->store, ZOO_SQL_EXPORT_QUERIES, o->err)) == 1) {
        size_t size;
        const char *id = zoo_export_text(o, ZOO_SQL_EXPORT_QUERIES, 1, &size);
        rc = kind->write(o, zoo_sql_number(o->store, ZOO_SQL_EXPORT_QUERIES, 0), id, size);
        if (!rc && o->has_failed)
            rc = zoo_fail_nomem(o->err);
        zoo_progress_set(&progress, ++done);
    }
    zoo_sql_reset(o->store, ZOO_SQL_EXPORT_QUERIES);
    for (size_t i = 0; i < kind->count; i++)
        zoo_sql_reset(o->store, kind->scans[i]);
    if (!rc)
        zoo_progress_end(&progress);
    return rc;
}

/* Every reward model, where none is named and there may be several. */
static int all_models(zoo_export *o)
{
    const enum zoo_sql id = ZOO_SQL_REWARD_MODELS;
    size_t n = 0, capacity = 0;
    zoo_key *keys = NULL;
    int rc = zoo_sql_bind(o->store, id, o->err);

    while (!rc && (rc = zoo_sql_step(o->store, id, o->err)) == 1) {
        if (n == capacity) {
            zoo_key *more = zoo_arena_alloc(&o->arena, (capacity = capacity ? 2 * capacity : 64) * sizeof *more);
            if (more && n)
                memcpy(more, keys, n * sizeof *more);
            keys = more;
        }
        rc = keys ? ZOO_OK : zoo_fail_nomem(o->err);
        if (!rc)
            keys[n++] = zoo_sql_number(o->store, id, 0);
    }
    zoo_sql_reset(o->store, id);
    o->models = (zoo_keys){ keys, n };
    return rc;
}

static int export(zoo_export *o)
{
    const zoo_store_filter *filter = o->options->filter;
    int rc = zoo_store_select(o->store, filter, &o->selection, o->err);

    if (!rc)
        rc = zoo_store_check_experts(o->store, &filter->experts, o->err);
    if (!rc)
        rc = zoo_store_check_experts(o->store, &filter->without, o->err);
    if (!rc && (o->options->what == ZOO_EXPORT_ROWS || filter->reward_models.count))
        rc = zoo_store_find_reward_models(o->store, &filter->reward_models, &o->models, &o->arena, o->err);
    else if (!rc)
        rc = all_models(o);
    if (!rc)
        rc = write_lines(o);
    if (!rc && fflush(o->to))
        rc = zoo_fail_errno(o->err, errno, "writing the export");
    return rc;
}

int zoo_store_export(zoo_store *store, const zoo_export_options *options, FILE *to, zoo_err *err)
{
    zoo_export o = { .store = store, .options = options, .to = to, .err = err };
    zoo_buf *const bufs[] = { &o.line, &o.dataset, &o.subset, &o.tags, &o.text };
    int own, rc = zoo_sql_snapshot_begin(store, &own, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        bufs[i]->max = SIZE_MAX / 4;
    rc = export(&o);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        zoo_buf_release(bufs[i]);
    zoo_selection_release(&o.selection);
    zoo_arena_release(&o.arena);
    zoo_sql_snapshot_end(store, own);
    return rc;
}
