/* queries.c - queries, their splits and tags. Layer: store. */
#include <string.h>
#include "store/sql.h"

int zoo_sql_read_query(zoo_store *s, enum zoo_sql id, zoo_store_query *out, zoo_arena *arena, zoo_err *err)
{
    int rc;

    out->key = zoo_sql_number(s, id, 0);
    rc = zoo_sql_copy(s, id, 1, arena, &out->id, NULL, err);
    if (!rc)
        rc = zoo_sql_copy(s, id, 2, arena, &out->split, NULL, err);
    if (!rc)
        rc = zoo_sql_copy(s, id, 3, arena, &out->text, &out->text_size, err);
    if (!rc)
        rc = zoo_sql_copy(s, id, 4, arena, &out->extra, NULL, err);
    if (!rc && !out->extra)
        out->extra = "{}";
    return rc;
}

int zoo_store_queries(zoo_store *s, const zoo_selection *selection, zoo_key after, size_t limit, zoo_store_query *out,
                      size_t *count, zoo_arena *arena, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_QUERIES_PAGE;
    int rc = zoo_sql_bind(s, id, err, ZOO_SELECTED(selection), after, (int64_t)limit);

    *count = 0;
    while (!rc && *count < limit && (rc = zoo_sql_step(s, id, err)) == 1) {
        rc = zoo_sql_read_query(s, id, &out[*count], arena, err);
        *count += !rc;
    }
    zoo_sql_reset(s, id);
    return rc;
}

int zoo_store_count_queries(zoo_store *s, const zoo_selection *selection, uint64_t *count, zoo_err *err)
{
    int64_t n = 0;
    int rc = zoo_sql_bind(s, ZOO_SQL_QUERIES_COUNT, err, ZOO_SELECTED(selection));

    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_QUERIES_COUNT, &n, NULL, err);
    *count = (uint64_t)n;
    return rc;
}

int zoo_store_set_split(zoo_store *s, zoo_key query, const char *split, zoo_err *err)
{
    int rc = zoo_store_check_split_name(split, s->name, err);

    if (!rc)
        rc = zoo_sql_run(s, ZOO_SQL_QUERY_SET_SPLIT, err, query, split);
    if (!rc && !zoo_sql_changes(s))
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: no query with the key %lld", s->name, (long long)query);
    return rc;
}

static int grow_tags(zoo_store_tag **tags, size_t count, zoo_arena *arena, zoo_err *err)
{
    zoo_store_tag *larger = zoo_arena_alloc(arena, (count ? 2 * count : 8) * sizeof *larger);

    if (!larger)
        return zoo_fail_nomem(err);
    if (count)
        memcpy(larger, *tags, count * sizeof *larger);
    *tags = larger;
    return ZOO_OK;
}

int zoo_store_tags(zoo_store *s, zoo_key query, zoo_store_tag **out, size_t *count, zoo_arena *arena, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_QUERY_TAGS;
    size_t capacity = 0;
    int rc = zoo_sql_bind(s, id, err, query);

    *out = NULL;
    *count = 0;
    while (!rc && (rc = zoo_sql_step(s, id, err)) == 1) {
        rc = *count == capacity ? grow_tags(out, *count, arena, err) : ZOO_OK;
        if (rc)
            break;
        capacity = *count == capacity ? (capacity ? 2 * capacity : 8) : capacity;
        zoo_store_tag *tag = &(*out)[(*count)++];
        tag->key = zoo_sql_number(s, id, 0);
        rc = zoo_sql_copy(s, id, 1, arena, &tag->kind, NULL, err);
        if (!rc)
            rc = zoo_sql_copy(s, id, 2, arena, &tag->value, NULL, err);
    }
    zoo_sql_reset(s, id);
    return rc;
}

/* A kind more than the store has; ZOO_EUSAGE where it has the most already. */
static int check_new_kind(zoo_store *s, const char *kind, size_t size, zoo_err *err)
{
    int64_t count;
    int rc = zoo_sql_bind(s, ZOO_SQL_TAG_NEW_KIND, err, kind, size);

    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_TAG_NEW_KIND, &count, NULL, err);
    if (!rc && count >= ZOO_STORE_KINDS_MAX)
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: '%.*s' would be one more than %d kinds of tag; the kind stands before ':'",
                      s->name, (int)(size > 100 ? 100 : size), kind, ZOO_STORE_KINDS_MAX);
    return rc;
}

int zoo_store_tag_key(zoo_store *s, const char *kind, size_t kind_size, const char *value, size_t value_size,
                      zoo_key *key, zoo_err *err)
{
    const enum zoo_sql ways[] = { ZOO_SQL_TAG_FIND, ZOO_SQL_TAG_PUT, ZOO_SQL_TAG_FIND };
    int found = 0, rc = ZOO_OK;

    for (size_t i = 0; !rc && !found && i < sizeof ways / sizeof *ways; i++) {
        if (ways[i] == ZOO_SQL_TAG_PUT && (rc = check_new_kind(s, kind, kind_size, err)))
            return rc;
        rc = zoo_sql_bind(s, ways[i], err, kind, kind_size, value, value_size);
        if (!rc)
            rc = zoo_sql_single(s, ways[i], key, &found, err);
    }
    return rc || found ? rc : zoo_fail(err, ZOO_EIO, "%s: a tag came and went; run the command again", s->name);
}

static int check_tags(zoo_store *s, const char *kind, const char *const *values, size_t n, zoo_err *err)
{
    int rc = zoo_store_check_label(kind, strlen(kind), ZOO_STORE_KIND_MAX, s->name, "kind", err);

    if (!rc && (!*kind || strchr(kind, ':')))
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: a kind of tag should be a name without ':', not '%s'", s->name, kind);
    for (size_t i = 0; !rc && i < n; i++)
        rc = zoo_store_check_label(values[i], strlen(values[i]), ZOO_STORE_TAG_MAX, s->name, "tag", err);
    return rc;
}

static int append_tag(zoo_store *s, zoo_key query, const char *kind, const char *value, zoo_err *err)
{
    zoo_key tag;
    int rc = zoo_store_tag_key(s, kind, strlen(kind), value, strlen(value), &tag, err);

    return rc ? rc : zoo_sql_run(s, ZOO_SQL_QUERY_TAG_APPEND, err, query, tag);
}

int zoo_store_set_tags(zoo_store *s, zoo_key query, const char *kind, const char *const *values, size_t n, zoo_err *err)
{
    int own, rc = check_tags(s, kind, values, n, err);

    if (rc || (rc = zoo_sql_atomic_begin(s, &own, err)))
        return rc;
    rc = zoo_sql_run(s, ZOO_SQL_QUERY_TAGS_DELETE, err, query, kind, strlen(kind));
    for (size_t i = 0; !rc && i < n; i++)
        rc = append_tag(s, query, kind, values[i], err);
    return zoo_sql_atomic_end(s, own, rc, err);
}
