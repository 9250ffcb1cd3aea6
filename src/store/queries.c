/* queries.c - queries, their splits and tags. Layer: store. */
#include <string.h>
#include "store/db.h"

int zoo_db_read_query(sqlite3_stmt *st, zoo_store_query *out, zoo_arena *arena, zoo_err *err)
{
    int rc;

    out->key = sqlite3_column_int64(st, 0);
    rc = zoo_db_copy_text(st, 1, arena, &out->id, NULL, err);
    if (!rc)
        rc = zoo_db_copy_text(st, 2, arena, &out->split, NULL, err);
    if (!rc)
        rc = zoo_db_copy_text(st, 3, arena, &out->text, &out->text_size, err);
    if (!rc)
        rc = zoo_db_copy_text(st, 4, arena, &out->extra, NULL, err);
    if (!rc && !out->extra)
        out->extra = "{}";
    return rc;
}

int zoo_db_read_queries(zoo_store *s, sqlite3_stmt *st, size_t limit, zoo_store_query *out, size_t *count, zoo_arena *arena,
                        zoo_err *err)
{
    int rc = ZOO_OK;

    *count = 0;
    while (*count < limit && (rc = zoo_db_step(s, st, err)) == 1) {
        rc = zoo_db_read_query(st, &out[*count], arena, err);
        if (rc)
            break;
        ++*count;
    }
    zoo_db_reset(st);
    return rc < 0 ? rc : ZOO_OK;
}

int zoo_store_queries(zoo_store *s, const char *split, zoo_key after, size_t limit, zoo_store_query *out, size_t *count,
                      zoo_arena *arena, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT " ZOO_QUERY_COLUMNS " FROM queries q"
                            " WHERE q.key > ?1 AND (?2 IS NULL OR q.split = ?2) ORDER BY q.key", "ks", after, split);

    *count = 0;
    return rc ? rc : zoo_db_read_queries(s, st, limit, out, count, arena, err);
}

int zoo_store_count_queries(zoo_store *s, const char *split, uint64_t *count, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT count(*) FROM queries WHERE ?1 IS NULL OR split = ?1", "s", split);

    return rc ? rc : zoo_db_count(s, st, count, err);
}

/* ZOO_EUSAGE unless the statement that has just run changed a query. */
static int check_changed(zoo_store *s, zoo_key query, zoo_err *err)
{
    if (sqlite3_changes(s->db) > 0)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EUSAGE, "%s: no query with the key %lld", s->path, (long long)query);
}

int zoo_db_check_split(zoo_store *s, const char *split, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc;

    if (!split)
        return ZOO_OK;
    rc = zoo_db_prepare(s, &st, err, "SELECT 1 FROM queries WHERE split = ?1 LIMIT 1", "s", split);
    if (!rc)
        rc = zoo_db_step(s, st, err);
    if (rc == 1) {
        zoo_db_reset(st);
        return ZOO_OK;
    }
    return rc ? rc : zoo_fail(err, ZOO_EUSAGE, "%s: no query is in the split '%.128s'; 'zooter store info --store %s' lists the splits",
                              s->path, split, s->path);
}

int zoo_db_check_split_name(const char *split, const char *place, zoo_err *err)
{
    if (!split)
        return ZOO_OK;
    if (!*split)
        return zoo_fail(err, ZOO_EUSAGE, "%s: the name of a split is empty", place);
    return zoo_store_check_label(split, strlen(split), ZOO_STORE_SPLIT_MAX, place, "split", err);
}

int zoo_store_set_split(zoo_store *s, zoo_key query, const char *split, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_check_split_name(split, s->path, err);

    if (!rc)
        rc = zoo_db_prepare(s, &st, err, "UPDATE queries SET split = ?2 WHERE key = ?1", "ks", query, split);
    if (!rc)
        rc = zoo_db_run(s, st, err);
    return rc ? rc : check_changed(s, query, err);
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
    size_t capacity = 0;
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT t.key, t.kind, t.value FROM query_tags q JOIN tags t ON t.key = q.tag"
                            " WHERE q.query = ?1 ORDER BY q.position", "k", query);

    *out = NULL;
    *count = 0;
    while (!rc && (rc = zoo_db_step(s, st, err)) == 1) {
        rc = *count == capacity ? grow_tags(out, *count, arena, err) : ZOO_OK;
        if (rc)
            break;
        capacity = *count == capacity ? (capacity ? 2 * capacity : 8) : capacity;
        zoo_store_tag *tag = &(*out)[(*count)++];
        tag->key = sqlite3_column_int64(st, 0);
        rc = zoo_db_copy_text(st, 1, arena, &tag->kind, NULL, err);
        if (!rc)
            rc = zoo_db_copy_text(st, 2, arena, &tag->value, NULL, err);
    }
    zoo_db_reset(st);
    return rc;
}

/* A kind more than the store has; ZOO_EUSAGE where it has the most already. */
static int check_new_kind(zoo_store *s, const char *kind, size_t size, zoo_err *err)
{
    uint64_t count;
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT CASE WHEN EXISTS (SELECT 1 FROM tags WHERE kind = ?1) THEN 0"
                            " ELSE (SELECT count(DISTINCT kind) FROM tags) END", "t", kind, size);

    if (!rc)
        rc = zoo_db_count(s, st, &count, err);
    if (!rc && count >= ZOO_STORE_KINDS_MAX)
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: '%.*s' would be one more than %d kinds of tag; the kind stands before ':'", s->path,
                      (int)(size > 100 ? 100 : size), kind, ZOO_STORE_KINDS_MAX);
    return rc;
}

int zoo_db_tag(zoo_store *s, const char *kind, size_t kind_size, const char *value, size_t value_size, zoo_key *key, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT key FROM tags WHERE kind = ?1 AND value = ?2", "tt", kind, kind_size, value,
                            value_size);

    if (!rc)
        rc = zoo_db_step(s, st, err);
    if (rc == 1) {
        *key = sqlite3_column_int64(st, 0);
        zoo_db_reset(st);
        return ZOO_OK;
    }
    if (!rc)
        rc = check_new_kind(s, kind, kind_size, err);
    if (!rc)
        rc = zoo_db_prepare(s, &st, err, "INSERT INTO tags (kind, value) VALUES (?1, ?2)", "tt", kind, kind_size, value,
                            value_size);
    if (!rc)
        rc = zoo_db_run(s, st, err);
    *key = sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int check_tags(zoo_store *s, const char *kind, const char *const *values, size_t n, zoo_err *err)
{
    int rc = zoo_store_check_label(kind, strlen(kind), ZOO_STORE_KIND_MAX, s->path, "kind", err);

    if (!rc && (!*kind || strchr(kind, ':')))
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: a kind of tag should be a name without ':', not '%s'", s->path, kind);
    for (size_t i = 0; !rc && i < n; i++)
        rc = zoo_store_check_label(values[i], strlen(values[i]), ZOO_STORE_TAG_MAX, s->path, "tag", err);
    return rc;
}

static int append_tag(zoo_store *s, zoo_key query, const char *kind, const char *value, zoo_err *err)
{
    zoo_key tag;
    sqlite3_stmt *st;
    int rc = zoo_db_tag(s, kind, strlen(kind), value, strlen(value), &tag, err);

    if (!rc)
        rc = zoo_db_prepare(s, &st, err, "INSERT INTO query_tags (query, position, tag)"
                            " SELECT ?1, coalesce(max(position) + 1, 0), ?2 FROM query_tags WHERE query = ?1"
                            " HAVING sum(tag = ?2) IS NOT TRUE", "kk", query, tag);
    return rc ? rc : zoo_db_run(s, st, err);
}

int zoo_store_set_tags(zoo_store *s, zoo_key query, const char *kind, const char *const *values, size_t n, zoo_err *err)
{
    sqlite3_stmt *st;
    int own, rc = check_tags(s, kind, values, n, err);

    if (rc || (rc = zoo_db_atomic_begin(s, &own, err)))
        return rc;
    rc = zoo_db_prepare(s, &st, err, "DELETE FROM query_tags WHERE query = ?1 AND"
                        " (SELECT kind FROM tags WHERE key = tag) = ?2", "ks", query, kind);
    if (!rc)
        rc = zoo_db_run(s, st, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = append_tag(s, query, kind, values[i], err);
    return zoo_db_atomic_end(s, own, rc, err);
}
