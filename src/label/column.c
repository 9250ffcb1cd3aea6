/* column.c - tags out of a field that the rows were imported with: "category", "topics"; see column.h. */
#include "label/column.h"
#include <string.h>
#include "base/buf.h"
#include "base/json.h"

enum { PAGE = 512, FIELDS_SIZE = 600, TEXT_MAX = 1 << 20 };

struct work {
    zoo_store *store;
    const zoo_column_options *o;
    zoo_column_counts *n;
    zoo_buf text;                               /* the tags of one query, each with its NUL */
    size_t offsets[ZOO_COLUMN_TAGS_MAX];        /* where in text */
    const char *values[ZOO_COLUMN_TAGS_MAX];
    size_t count;
    int is_field_met;
    char fields[FIELDS_SIZE];                   /* fields that were met, for the sentence about one that was not */
};

static void note_fields(struct work *w, const json_t *row)
{
    const char *key;
    json_t *value;
    char quoted[160];

    json_object_foreach((json_t *)(uintptr_t)row, key, value) {
        size_t used = strlen(w->fields);
        snprintf(quoted, sizeof quoted, "'%.150s'", key);
        if (!strstr(w->fields, quoted) && used + strlen(quoted) + 3 < sizeof w->fields)
            snprintf(w->fields + used, sizeof w->fields - used, "%s%s", used ? ", " : "", quoted);
    }
}

/* One tag more; "" and null are none. */
static int add_value(struct work *w, const json_t *value, zoo_err *err)
{
    size_t begin = w->text.size;
    int rc;

    if (json_is_null(value) || (json_is_string(value) && !json_string_length(value)))
        return ZOO_OK;
    if (json_is_array(value) || json_is_object(value))
        return zoo_fail(err, ZOO_EFORMAT, "%s cannot be a tag", zoo_json_kind(value));
    if (w->count == ZOO_COLUMN_TAGS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "over %d tags", ZOO_COLUMN_TAGS_MAX);
    rc = json_is_string(value) ? zoo_buf_add(&w->text, json_string_value(value), json_string_length(value))
                               : zoo_json_dump(&w->text, value);
    if (rc || zoo_buf_add(&w->text, "", 1))
        return zoo_fail(err, ZOO_EFORMAT, "tags of over %d bytes", TEXT_MAX);
    if (strlen(w->text.data + begin) + 1 != w->text.size - begin)
        return zoo_fail(err, ZOO_EFORMAT, "a tag with a NUL character");
    w->offsets[w->count++] = begin;
    return ZOO_OK;
}

static int read_values(struct work *w, const json_t *field, zoo_err *err)
{
    int rc = ZOO_OK;

    w->count = 0;
    zoo_buf_clear(&w->text);
    if (!json_is_array(field))
        rc = field ? add_value(w, field, err) : ZOO_OK;
    for (size_t i = 0; !rc && json_is_array(field) && i < json_array_size(field); i++)
        rc = add_value(w, json_array_get(field, i), err);
    for (size_t i = 0; i < w->count; i++)
        w->values[i] = w->text.data + w->offsets[i];
    return rc;
}

static int tag_query(struct work *w, const zoo_store_query *q, zoo_err *err)
{
    json_t *row = zoo_json_parse(q->extra, strlen(q->extra), "the row's other fields", err);
    const json_t *field = json_object_get(row, w->o->field);
    int rc = row ? read_values(w, field, err) : ZOO_EFORMAT;

    if (!rc)
        rc = zoo_store_set_tags(w->store, q->key, w->o->kind, w->values, w->count, err);
    w->n->queries++;
    w->n->tagged += w->count > 0;
    w->n->tags += w->count;
    w->is_field_met |= field != NULL;
    if (row && !w->is_field_met)
        note_fields(w, row);
    json_decref(row);
    return rc ? zoo_fail_within(err, "query '%.200s', field '%.100s'", q->id, w->o->field) : ZOO_OK;
}

static int check(const struct work *w, zoo_err *err)
{
    char names[ZOO_STORE_NAMES_SIZE];

    if (!w->n->queries && !w->o->split)
        return zoo_fail(err, ZOO_EUSAGE, "the store holds no query to tag");
    if (!w->n->queries)
        return zoo_fail(err, ZOO_EUSAGE, "no query is in the split '%.128s'; %s", w->o->split,
                        zoo_store_say_names(w->store, ZOO_LIST_SPLITS, names));
    if (!w->is_field_met)
        return zoo_fail(err, ZOO_EUSAGE, "no query has a field '%.128s' beside the usual ones; %s%s", w->o->field,
                        *w->fields ? "there are: " : "there is no such field at all", w->fields);
    return ZOO_OK;
}

int zoo_column_tag(zoo_store *store, const zoo_column_options *o, zoo_column_counts *counts, zoo_err *err)
{
    struct work w = { .store = store, .o = o, .n = counts, .text = ZOO_BUF_INIT(TEXT_MAX) };
    zoo_store_query queries[PAGE];
    zoo_arena page = { 0 };
    zoo_key after = 0;
    size_t count;
    int rc;

    memset(counts, 0, sizeof *counts);
    do {
        rc = zoo_store_queries(store, ZOO_IN_SPLIT(o->split), after, PAGE, queries, &count, &page, err);
        for (size_t i = 0; !rc && i < count; i++)
            rc = tag_query(&w, &queries[i], err);
        if (count)
            after = queries[count - 1].key;
        zoo_progress_set(o->progress, counts->queries);
        zoo_arena_release(&page);
    } while (!rc && count == PAGE);
    zoo_buf_release(&w.text);
    return rc ? rc : check(&w, err);
}
