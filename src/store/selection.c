/* selection.c - which queries a filter means: its splits and tags, found once. Layer: store. */
#include <string.h>
#include "store/sql.h"

enum { TAGS_MAX = 10000 };               /* of a filter */

static int check_split(zoo_store *s, const char *split, zoo_err *err)
{
    char names[ZOO_STORE_NAMES_SIZE];
    int64_t one = 0;
    int found = 0, rc = zoo_sql_bind(s, ZOO_SQL_SPLIT_EXISTS, err, split);

    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_SPLIT_EXISTS, &one, &found, err);
    if (rc || found)
        return rc;
    return zoo_fail(err, ZOO_EUSAGE, "%s: no query is in the split '%.128s'; %s", s->name, split,
                    zoo_store_say_names(s, ZOO_LIST_SPLITS, names));
}

static size_t kind_size(const char *where)
{
    return (size_t)(strchr(where, '=') - where);
}

/* The tags of the same kind as `where`. */
static void find_others(zoo_store *s, const char *where, zoo_said *said)
{
    const enum zoo_sql id = ZOO_SQL_TAGS;
    size_t size = kind_size(where);
    int own = 0, rc = zoo_sql_snapshot_begin(s, &own, NULL);

    if (!rc)
        rc = zoo_sql_bind(s, id, NULL);
    while (!rc && !said->has_more && (rc = zoo_sql_step(s, id, NULL)) == 1) {
        const char *value = zoo_sql_text(s, id, 1, NULL), *kind = zoo_sql_text(s, id, 2, NULL);
        rc = 0;
        if (value && kind && strlen(kind) == size && !memcmp(kind, where, size))
            zoo_said_add(said, value);
    }
    zoo_sql_reset(s, id);
    zoo_sql_snapshot_end(s, own);
}

static int fail_tag(zoo_store *s, const char *where, zoo_err *err)
{
    char names[ZOO_STORE_NAMES_SIZE];
    size_t size = kind_size(where);
    zoo_said said = { 0 };

    find_others(s, where, &said);
    if (said.count)
        return zoo_fail(err, ZOO_EUSAGE, "%s: no query has the tag '%.300s'; of the kind '%.*s' %s", s->name, where,
                        (int)size, where, zoo_said_text(&said, names));
    return zoo_fail(err, ZOO_EUSAGE, "%s: no query has a tag of the kind '%.*s'; %s", s->name,
                    (int)(size < 128 ? size : 128), where, zoo_store_say_names(s, ZOO_LIST_KINDS, names));
}

/* "KIND=TAG" as the tag's key. */
static int find_tag(zoo_store *s, const char *where, zoo_key *key, zoo_err *err)
{
    const char *mark = strchr(where, '=');
    int found = 0, rc;

    if (!mark || mark == where)
        return zoo_fail(err, ZOO_EUSAGE, "a tag to choose by should be KIND=TAG, as subset=mmlu, not '%.300s'", where);
    rc = zoo_sql_bind(s, ZOO_SQL_TAG_FIND, err, where, (size_t)(mark - where), mark + 1, strlen(mark + 1));
    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_TAG_FIND, key, &found, err);
    return rc || found ? rc : fail_tag(s, where, err);
}

/* Whether an earlier one is of the same kind. */
static int is_kind_known(const zoo_texts *where, size_t at)
{
    size_t size = kind_size(where->items[at]);

    for (size_t i = 0; i < at; i++)
        if (kind_size(where->items[i]) == size && !memcmp(where->items[i], where->items[at], size))
            return 1;
    return 0;
}

static int select_tags(zoo_store *s, const zoo_texts *where, zoo_selection *out, zoo_err *err)
{
    zoo_key *keys;
    int rc = ZOO_OK;

    if (where->count > TAGS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "more than %d tags to choose by", TAGS_MAX);
    keys = zoo_arena_alloc(&out->arena, where->count * sizeof *keys);
    if (!keys)
        return zoo_fail_nomem(err);
    for (size_t i = 0; !rc && i < where->count; i++) {
        rc = find_tag(s, where->items[i], &keys[i], err);
        if (!rc)
            out->kinds += !is_kind_known(where, i);
    }
    out->tags = (zoo_keys){ keys, where->count };
    return rc;
}

int zoo_store_select(zoo_store *s, const zoo_store_filter *filter, zoo_selection *out, zoo_err *err)
{
    int rc = ZOO_OK;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; !rc && i < filter->splits.count; i++)
        rc = check_split(s, filter->splits.items[i], err);
    out->splits = filter->splits;
    if (!rc && filter->where.count)
        rc = select_tags(s, &filter->where, out, err);
    if (rc)
        zoo_selection_release(out);
    return rc;
}

void zoo_selection_release(zoo_selection *selection)
{
    zoo_arena_release(&selection->arena);
    memset(selection, 0, sizeof *selection);
}

static int fail_expert(zoo_store *s, const char *name, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_EXPERTS;
    char names[ZOO_STORE_NAMES_SIZE];
    zoo_said said = { 0 };
    int rc = zoo_sql_bind(s, id, err);

    while (!rc && (rc = zoo_sql_step(s, id, err)) == 1) {
        const char *known = zoo_sql_text(s, id, 1, NULL);
        zoo_said_add(&said, known ? known : "");
        rc = ZOO_OK;
    }
    return rc ? rc : zoo_fail(err, ZOO_EUSAGE, "%s: no expert '%.128s'; %s", s->name, name,
                              zoo_said_text(&said, names));
}

int zoo_store_check_experts(zoo_store *s, const zoo_texts *names, zoo_err *err)
{
    zoo_key key;
    int found = 1, rc = ZOO_OK;

    for (size_t i = 0; !rc && i < names->count; i++) {
        rc = zoo_sql_bind(s, ZOO_SQL_EXPERT_FIND, err, names->items[i]);
        if (!rc)
            rc = zoo_sql_single(s, ZOO_SQL_EXPERT_FIND, &key, &found, err);
        if (!rc && !found)
            rc = fail_expert(s, names->items[i], err);
    }
    return rc;
}

static int is_among(const zoo_texts *texts, const char *name)
{
    for (size_t i = 0; i < texts->count; i++)
        if (!strcmp(texts->items[i], name))
            return 1;
    return 0;
}

int zoo_store_wants_expert(const zoo_store_filter *filter, const char *name)
{
    return (!filter->experts.count || is_among(&filter->experts, name)) && !is_among(&filter->without, name);
}
