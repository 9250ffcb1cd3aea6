/* load.c - a split as arrays (zoo_dataset). Row by row: the query, then its rewards and tags by key, which is as fast as scanning
 * the tables side by side and does not read what a small split does not need. Which experts and tags occur is known at the end,
 * so rewards and tags are kept as entries until then.
 * Layer: store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "store/db.h"

enum { NAMES_MAX = 1 << 24 };

struct entry { uint32_t row, key; float value; };
struct entries { struct entry *items; size_t count, capacity; };

/* Experts, or tags, by key: keys are small, because a new row takes the largest and one more. */
struct names {
    size_t size;                     /* largest key and one more */
    const char **values;             /* (size), NULL where there is no such key */
    uint32_t *numbers;               /* (size): number among those that occur; before that, the kind of a tag */
    unsigned char *occurs;           /* (size) */
};

struct loading {
    zoo_store *store;
    zoo_dataset *out;
    zoo_key reward_model;            /* 0: there is none */
    struct entries rewards, tags;    /* in the order of rows */
    struct names expert_names, tag_names;
    zoo_arena scratch;
};

/* ---- names ---- */

static int alloc_names(struct loading *l, struct names *t, const char *what, int64_t largest, zoo_err *err)
{
    if (largest < 0 || largest >= NAMES_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%s: more than %d %s", l->store->path, NAMES_MAX, what);
    t->size = (size_t)largest + 1;
    t->values = zoo_arena_alloc(&l->scratch, t->size * sizeof *t->values);
    t->numbers = zoo_arena_alloc(&l->scratch, t->size * sizeof *t->numbers);
    t->occurs = zoo_arena_alloc(&l->scratch, t->size);
    return t->values && t->numbers && t->occurs ? ZOO_OK : zoo_fail_nomem(err);
}

static int load_experts(struct loading *l, zoo_err *err)
{
    int64_t largest;
    sqlite3_stmt *st = NULL;
    int rc = zoo_db_number(l->store, "SELECT max(key) FROM experts", &largest, NULL, err);

    if (!rc)
        rc = alloc_names(l, &l->expert_names, "experts", largest, err);
    if (!rc)
        rc = zoo_db_prepare(l->store, &st, err, "SELECT key, name FROM experts WHERE key >= 0", "");
    while (!rc && (rc = zoo_db_step(l->store, st, err)) == 1)
        rc = zoo_db_copy_text(st, 1, &l->out->arena, &l->expert_names.values[sqlite3_column_int64(st, 0)], NULL, err);
    zoo_db_reset(st);
    return rc;
}

/* The kinds in their order: dataset, subset, then as the store first saw them. */
static int load_kinds(struct loading *l, zoo_err *err)
{
    zoo_dataset *d = l->out;
    sqlite3_stmt *st = NULL;
    int rc = ZOO_OK;

    d->kinds = zoo_arena_alloc(&d->arena, ZOO_STORE_KINDS_MAX * sizeof *d->kinds);
    if (!d->kinds)
        return zoo_fail_nomem(err);
    rc = zoo_db_prepare(l->store, &st, err, "SELECT t.kind FROM tags t GROUP BY t.kind ORDER BY " ZOO_KIND_ORDER("t"), "");
    while (!rc && (rc = zoo_db_step(l->store, st, err)) == 1) {
        if (d->kind_count == ZOO_STORE_KINDS_MAX)
            rc = zoo_fail(err, ZOO_EUSAGE, "%s: more than %d kinds of tag", l->store->path, ZOO_STORE_KINDS_MAX);
        else
            rc = zoo_db_copy_text(st, 0, &d->arena, &d->kinds[d->kind_count++].name, NULL, err);
    }
    zoo_db_reset(st);
    return rc;
}

static uint32_t kind_number(const zoo_dataset *d, const char *kind)
{
    for (size_t i = 0; i < d->kind_count; i++)
        if (!strcmp(d->kinds[i].name, kind))
            return (uint32_t)i;
    return 0;                            /* not reached: every kind was read in the same view of the store */
}

static int load_tag_names(struct loading *l, zoo_err *err)
{
    int64_t largest;
    sqlite3_stmt *st = NULL;
    int rc = zoo_db_number(l->store, "SELECT max(key) FROM tags", &largest, NULL, err);

    if (!rc)
        rc = alloc_names(l, &l->tag_names, "tags", largest, err);
    if (!rc)
        rc = zoo_db_prepare(l->store, &st, err, "SELECT key, value, kind FROM tags WHERE key >= 0", "");
    while (!rc && (rc = zoo_db_step(l->store, st, err)) == 1) {
        size_t key = (size_t)sqlite3_column_int64(st, 0);
        l->tag_names.numbers[key] = kind_number(l->out, (const char *)sqlite3_column_text(st, 2));
        rc = zoo_db_copy_text(st, 1, &l->out->arena, &l->tag_names.values[key], NULL, err);
    }
    zoo_db_reset(st);
    return rc;
}

/* ---- rows ---- */

static int add_entry(struct entries *e, struct names *t, size_t row, int64_t key, double value, zoo_err *err)
{
    if (key < 0 || (size_t)key >= t->size || !t->values[key])
        return zoo_fail(err, ZOO_EFORMAT, "the store is damaged: a row refers to what does not exist");
    if (e->count == e->capacity) {
        size_t capacity = e->capacity ? e->capacity + e->capacity / 2 : 4096;
        struct entry *items = realloc(e->items, capacity * sizeof *items);
        if (!items)
            return zoo_fail_nomem(err);
        e->items = items;
        e->capacity = capacity;
    }
    e->items[e->count++] = (struct entry){ (uint32_t)row, (uint32_t)key, (float)value };
    t->occurs[key] = 1;
    return ZOO_OK;
}

static int load_rewards(struct loading *l, size_t row, zoo_key query, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(l->store, &st, err, "SELECT expert, value FROM rewards WHERE query = ?1 AND reward_model = ?2", "kk",
                            query, l->reward_model);

    while (!rc && (rc = zoo_db_step(l->store, st, err)) == 1)
        rc = add_entry(&l->rewards, &l->expert_names, row, sqlite3_column_int64(st, 0), sqlite3_column_double(st, 1), err);
    return rc;
}

static int load_tags(struct loading *l, size_t row, zoo_key query, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(l->store, &st, err, "SELECT tag FROM query_tags WHERE query = ?1 ORDER BY position", "k", query);

    while (!rc && (rc = zoo_db_step(l->store, st, err)) == 1)
        rc = add_entry(&l->tags, &l->tag_names, row, sqlite3_column_int64(st, 0), 0, err);
    return rc;
}

static int alloc_rows(zoo_dataset *d, uint64_t n, zoo_err *err)
{
    if (n >= UINT32_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%llu queries are too many for one data set; choose a split", (unsigned long long)n);
    d->n = (size_t)n;
    d->ids = zoo_arena_alloc(&d->arena, d->n * sizeof *d->ids);
    d->queries = zoo_arena_alloc(&d->arena, d->n * sizeof *d->queries);
    d->query_sizes = zoo_arena_alloc(&d->arena, d->n * sizeof *d->query_sizes);
    return d->ids && d->queries && d->query_sizes ? ZOO_OK : zoo_fail_nomem(err);
}

/* Queries of `split` but those of `but`, from row *row on. */
static int load_split(struct loading *l, const char *split, const char *but, size_t *row, zoo_err *err)
{
    zoo_dataset *d = l->out;
    sqlite3_stmt *st = NULL;
    int rc = zoo_db_prepare(l->store, &st, err, "SELECT key, id, text FROM queries WHERE (?1 IS NULL OR split = ?1) AND "
                            "(?2 IS NULL OR split IS NOT ?2) ORDER BY key", "ss", split, but);

    for (; !rc && *row < d->n && (rc = zoo_db_step(l->store, st, err)) == 1; (*row)++) {
        zoo_key key = sqlite3_column_int64(st, 0);
        rc = zoo_db_copy_text(st, 1, &d->arena, &d->ids[*row], NULL, err);
        if (!rc)
            rc = zoo_db_copy_text(st, 2, &d->arena, &d->queries[*row], &d->query_sizes[*row], err);
        if (!rc && l->reward_model)
            rc = load_rewards(l, *row, key, err);
        if (!rc)
            rc = load_tags(l, *row, key, err);
    }
    zoo_db_reset(st);
    return rc;
}

static int load_rows(struct loading *l, const zoo_store_filter *filter, zoo_err *err)
{
    uint64_t n, aside = 0;
    size_t row = 0;
    int rc = zoo_store_count_queries(l->store, filter->split, &n, err);

    if (!rc && filter->aside)
        rc = zoo_store_count_queries(l->store, filter->aside, &aside, err);
    if (!rc)
        rc = alloc_rows(l->out, n + (filter->split ? aside : 0), err);
    if (!rc)
        rc = load_split(l, filter->split, filter->aside, &row, err);
    l->out->aside = l->out->n - row;
    return rc || !filter->aside ? rc : load_split(l, filter->aside, NULL, &row, err);
}

/* ---- arrays ---- */

static int make_rewards(struct loading *l, zoo_err *err)
{
    zoo_dataset *d = l->out;
    struct names *t = &l->expert_names;

    for (size_t key = 0; key < t->size; key++)
        if (t->occurs[key])
            t->numbers[key] = (uint32_t)d->k++;
    d->experts = zoo_arena_alloc(&d->arena, d->k * sizeof *d->experts);
    if (d->k && d->n > SIZE_MAX / sizeof *d->rewards / d->k)
        return zoo_fail_nomem(err);
    d->rewards = zoo_arena_alloc(&d->arena, d->n * d->k * sizeof *d->rewards);
    if (!d->experts || !d->rewards)
        return zoo_fail_nomem(err);
    for (size_t key = 0; key < t->size; key++)
        if (t->occurs[key])
            d->experts[t->numbers[key]] = t->values[key];
    for (size_t i = 0; i < d->n * d->k; i++)
        d->rewards[i] = NAN;
    for (size_t i = 0; i < l->rewards.count; i++) {
        const struct entry *e = &l->rewards.items[i];
        d->rewards[e->row * d->k + t->numbers[e->key]] = e->value;
    }
    return ZOO_OK;
}

/* kind_of (tags.size): the kind of each tag; numbers becomes the tag's number within its kind. */
static int number_tags(struct loading *l, uint32_t *kind_of, zoo_err *err)
{
    zoo_dataset *d = l->out;
    struct names *t = &l->tag_names;

    memcpy(kind_of, t->numbers, t->size * sizeof *kind_of);
    for (size_t key = 0; key < t->size; key++)
        if (t->occurs[key])
            t->numbers[key] = (uint32_t)d->kinds[kind_of[key]].values++;
    for (size_t i = 0; i < d->kind_count; i++) {
        zoo_tag_kind *kind = &d->kinds[i];
        kind->value_names = zoo_arena_alloc(&d->arena, kind->values * sizeof *kind->value_names);
        if (!kind->value_names)
            return zoo_fail_nomem(err);
    }
    for (size_t key = 0; key < t->size; key++)
        if (t->occurs[key])
            d->kinds[kind_of[key]].value_names[t->numbers[key]] = t->values[key];
    return ZOO_OK;
}

/* Entries come in the order of rows, so a kind's tags fill up from the front. */
static int fill_tags(struct loading *l, const uint32_t *kind_of, zoo_err *err)
{
    zoo_dataset *d = l->out;

    for (size_t i = 0; i < d->kind_count; i++) {
        zoo_tag_kind *kind = &d->kinds[i];
        if (!kind->values)
            continue;
        kind->offsets = zoo_arena_alloc(&d->arena, (d->n + 1) * sizeof *kind->offsets);
        if (!kind->offsets)
            return zoo_fail_nomem(err);
    }
    for (size_t i = 0; i < l->tags.count; i++)
        d->kinds[kind_of[l->tags.items[i].key]].offsets[l->tags.items[i].row + 1]++;
    for (size_t i = 0; i < d->kind_count; i++) {
        zoo_tag_kind *kind = &d->kinds[i];
        if (!kind->values)
            continue;
        for (size_t row = 0; row < d->n; row++)
            kind->offsets[row + 1] += kind->offsets[row];
        kind->tags = zoo_arena_alloc(&d->arena, kind->offsets[d->n] * sizeof *kind->tags);
        if (!kind->tags)
            return zoo_fail_nomem(err);
    }
    size_t filled[ZOO_STORE_KINDS_MAX] = { 0 };
    for (size_t i = 0; i < l->tags.count; i++) {
        const struct entry *e = &l->tags.items[i];
        uint32_t kind = kind_of[e->key];
        d->kinds[kind].tags[filled[kind]++] = l->tag_names.numbers[e->key];
    }
    return ZOO_OK;
}

static int make_tags(struct loading *l, zoo_err *err)
{
    zoo_dataset *d = l->out;
    size_t kept = 0;
    uint32_t *kind_of = zoo_arena_alloc(&l->scratch, l->tag_names.size * sizeof *kind_of);
    int rc = kind_of ? number_tags(l, kind_of, err) : zoo_fail_nomem(err);

    if (!rc)
        rc = fill_tags(l, kind_of, err);
    for (size_t i = 0; i < d->kind_count; i++)           /* kinds that do not occur are left out */
        if (d->kinds[i].values)
            d->kinds[kept++] = d->kinds[i];
    d->kind_count = kept;
    return rc;
}

static int load(struct loading *l, const zoo_store_filter *filter, zoo_err *err)
{
    int rc = zoo_db_check_split(l->store, filter->split, err);

    if (!rc)
        rc = zoo_db_check_split(l->store, filter->aside, err);
    if (!rc && filter->split && filter->aside && !strcmp(filter->split, filter->aside))
        rc = zoo_fail(err, ZOO_EUSAGE, "the split '%s' cannot be set aside from itself; name two splits", filter->split);
    if (!rc)
        rc = zoo_db_find_reward_model(l->store, filter->reward_model, &l->reward_model, err);
    if (!rc)
        rc = load_experts(l, err);
    if (!rc)
        rc = load_kinds(l, err);
    if (!rc)
        rc = load_tag_names(l, err);
    if (!rc)
        rc = load_rows(l, filter, err);
    if (!rc)
        rc = make_rewards(l, err);
    return rc ? rc : make_tags(l, err);
}

int zoo_store_load(zoo_store *s, const zoo_store_filter *filter, zoo_dataset *out, zoo_err *err)
{
    struct loading l = { .store = s, .out = out };
    int own, rc;

    memset(out, 0, sizeof *out);
    rc = zoo_db_snapshot_begin(s, &own, err);
    if (rc)
        return rc;
    rc = load(&l, filter, err);
    zoo_db_snapshot_end(s, own);
    free(l.rewards.items);
    free(l.tags.items);
    zoo_arena_release(&l.scratch);
    if (rc)
        zoo_dataset_release(out);
    return rc;
}
