/* load.c - a selection as arrays (zoo_dataset), by a few scans in the order of queries: the queries, then what hangs on
 * them, each matched with the queries as it goes by. Rewards and costs are gathered a column an expert, because which
 * experts occur is known at the end. A query's reward is the mean over its samples and turns,
 * unless the filter names a sample.
 * Layer: store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "store/sql.h"

enum { NAMES_MAX = 1 << 24, MODELS_MAX = 1000 };

struct place { size_t row; uint32_t tag; };

/* Experts, or tags, by key: keys are small, because a new row takes the largest and one more. */
struct names {
    size_t size;                     /* largest key and one more */
    const char **values;             /* (size), NULL where there is no such key */
    uint32_t *numbers;               /* (size): number among those that occur; before that, the kind of a tag */
    unsigned char *occurs;           /* (size) */
};

/* Numbers of one kind by expert: rewards of a reward model, costs, tokens. */
struct columns {
    double **of;                     /* (expert_names.size): (n), NULL where the expert has none */
    double sum;                      /* of the cell that is being read */
    size_t count;
};

enum figure { COST, TOKENS_IN, TOKENS_OUT, FIGURES };

struct loading {
    zoo_store *store;
    const zoo_store_filter *filter;
    zoo_dataset *out;
    zoo_key *keys;                   /* (n): of the rows */
    size_t begin, end;               /* rows of the part that is being loaded, ascending keys */
    zoo_keys models;                 /* reward models; count 0: there are none */
    struct columns *rewards;         /* (models.count) */
    struct columns figures[FIGURES];
    struct place *tags;              /* (tag_count), in the order of rows */
    size_t tag_count, tag_capacity;
    struct names expert_names, tag_names;
    zoo_arena scratch;
};

/* ---- names ---- */

static int alloc_names(struct loading *l, struct names *t, enum zoo_sql largest_id, const char *what, zoo_err *err)
{
    int64_t largest = 0;
    int rc = zoo_sql_bind(l->store, largest_id, err);

    if (!rc)
        rc = zoo_sql_single(l->store, largest_id, &largest, NULL, err);
    if (rc)
        return rc;
    if (largest < 0 || largest >= NAMES_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%s: more than %d %s", l->store->name, NAMES_MAX, what);
    t->size = (size_t)largest + 1;
    t->values = zoo_arena_alloc(&l->scratch, t->size * sizeof *t->values);
    t->numbers = zoo_arena_alloc(&l->scratch, t->size * sizeof *t->numbers);
    t->occurs = zoo_arena_alloc(&l->scratch, t->size);
    return t->values && t->numbers && t->occurs ? ZOO_OK : zoo_fail_nomem(err);
}

static int fail_damaged(const struct loading *l, zoo_err *err)
{
    return zoo_fail(err, ZOO_EFORMAT, "%s: damaged: a row refers to what does not exist", l->store->name);
}

static int load_experts(struct loading *l, zoo_err *err)
{
    struct names *t = &l->expert_names;
    int rc = alloc_names(l, t, ZOO_SQL_EXPERTS_LARGEST, "experts", err);

    if (!rc)
        rc = zoo_sql_bind(l->store, ZOO_SQL_EXPERTS, err);
    while (!rc && (rc = zoo_sql_step(l->store, ZOO_SQL_EXPERTS, err)) == 1) {
        int64_t key = zoo_sql_number(l->store, ZOO_SQL_EXPERTS, 0);
        rc = key < 0 || (size_t)key >= t->size ? fail_damaged(l, err)
           : zoo_sql_copy(l->store, ZOO_SQL_EXPERTS, 1, &l->out->arena, &t->values[key], NULL, err);
    }
    zoo_sql_reset(l->store, ZOO_SQL_EXPERTS);
    if (!rc)
        rc = zoo_store_check_experts(l->store, &l->filter->experts, err);
    return rc ? rc : zoo_store_check_experts(l->store, &l->filter->without, err);
}

/* The kinds in their order: dataset, subset, then as the store first saw them. */
static int load_kinds(struct loading *l, zoo_err *err)
{
    zoo_dataset *d = l->out;
    int rc;

    d->kinds = zoo_arena_alloc(&d->arena, ZOO_STORE_KINDS_MAX * sizeof *d->kinds);
    if (!d->kinds)
        return zoo_fail_nomem(err);
    rc = zoo_sql_bind(l->store, ZOO_SQL_TAG_KINDS, err);
    while (!rc && (rc = zoo_sql_step(l->store, ZOO_SQL_TAG_KINDS, err)) == 1) {
        if (d->kind_count == ZOO_STORE_KINDS_MAX)
            rc = zoo_fail(err, ZOO_EUSAGE, "%s: more than %d kinds of tag", l->store->name, ZOO_STORE_KINDS_MAX);
        else
            rc = zoo_sql_copy(l->store, ZOO_SQL_TAG_KINDS, 0, &d->arena, &d->kinds[d->kind_count++].name, NULL, err);
    }
    zoo_sql_reset(l->store, ZOO_SQL_TAG_KINDS);
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
    struct names *t = &l->tag_names;
    int rc = alloc_names(l, t, ZOO_SQL_TAGS_LARGEST, "tags", err);

    if (!rc)
        rc = zoo_sql_bind(l->store, ZOO_SQL_TAGS, err);
    while (!rc && (rc = zoo_sql_step(l->store, ZOO_SQL_TAGS, err)) == 1) {
        int64_t key = zoo_sql_number(l->store, ZOO_SQL_TAGS, 0);
        const char *kind = NULL;
        rc = zoo_sql_get(l->store, ZOO_SQL_TAGS, 2, &kind, NULL, err);
        if (!rc && (key < 0 || (size_t)key >= t->size || !kind))
            rc = fail_damaged(l, err);
        if (rc)
            break;
        t->numbers[key] = kind_number(l->out, kind);
        rc = zoo_sql_copy(l->store, ZOO_SQL_TAGS, 1, &l->out->arena, &t->values[key], NULL, err);
    }
    zoo_sql_reset(l->store, ZOO_SQL_TAGS);
    return rc;
}

static int is_known(const struct names *t, int64_t key)
{
    return key >= 0 && (size_t)key < t->size && t->values[key];
}

/* ---- queries ---- */

static int alloc_rows(struct loading *l, uint64_t n, zoo_err *err)
{
    zoo_dataset *d = l->out;

    if (n > UINT32_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%llu queries are more than can be loaded at once", (unsigned long long)n);
    d->n = (size_t)n;
    d->ids = zoo_arena_alloc(&d->arena, d->n * sizeof *d->ids);
    d->queries = zoo_arena_alloc(&d->arena, d->n * sizeof *d->queries);
    d->query_sizes = zoo_arena_alloc(&d->arena, d->n * sizeof *d->query_sizes);
    l->keys = zoo_arena_alloc(&l->scratch, (d->n + 1) * sizeof *l->keys);
    return d->ids && d->queries && d->query_sizes && l->keys ? ZOO_OK : zoo_fail_nomem(err);
}

/* Queries of `part` but those of the split `but`, from row l->begin on; sets l->end. */
static int load_queries(struct loading *l, const zoo_selection *part, const char *but, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_LOAD_QUERIES;
    zoo_dataset *d = l->out;
    int rc = zoo_sql_bind(l->store, id, err, ZOO_SELECTED(part));

    l->end = l->begin;
    while (!rc && l->end < d->n && (rc = zoo_sql_step(l->store, id, err)) == 1) {
        const char *split = NULL;
        rc = but ? zoo_sql_get(l->store, id, 3, &split, NULL, err) : ZOO_OK;
        if (rc || (split && !strcmp(split, but)))
            continue;
        l->keys[l->end] = zoo_sql_number(l->store, id, 0);
        rc = zoo_sql_copy(l->store, id, 1, &d->arena, &d->ids[l->end], NULL, err);
        if (!rc)
            rc = zoo_sql_copy(l->store, id, 2, &d->arena, &d->queries[l->end], &d->query_sizes[l->end], err);
        l->end += !rc;
    }
    zoo_sql_reset(l->store, id);
    return rc;
}

/* Moves *row to the row of `key`, which is not below the last one's; 0: it is of no row. */
static int find_row(const struct loading *l, zoo_key key, size_t *row)
{
    while (*row < l->end && l->keys[*row] < key)
        ++*row;
    return *row < l->end && l->keys[*row] == key;
}

/* ---- numbers ---- */

static double *find_column(struct loading *l, struct columns *c, size_t expert, zoo_err *err)
{
    if (!c->of[expert]) {
        c->of[expert] = malloc((l->out->n + 1) * sizeof **c->of);
        if (!c->of[expert]) {
            zoo_fail_nomem(err);
            return NULL;
        }
        for (size_t i = 0; i < l->out->n; i++)
            c->of[expert][i] = NAN;
    }
    return c->of[expert];
}

/* Numbers of one cell come one after another; the cell is their mean,
 * also where their sum is more than a double holds. */
static int add_number(struct loading *l, struct columns *c, size_t row, int64_t expert, double value, int is_same_cell,
                      zoo_err *err)
{
    double *column;

    if (isnan(value))
        return ZOO_OK;
    column = find_column(l, c, (size_t)expert, err);
    if (!column)
        return ZOO_ENOMEM;
    if (!is_same_cell || isnan(column[row]))
        c->sum = 0, c->count = 0;
    c->sum += value;
    c->count++;
    if (c->count == 1)
        column[row] = value;
    else if (isfinite(c->sum))
        column[row] = c->sum / (double)c->count;
    else
        column[row] += value / (double)c->count - column[row] / (double)c->count;
    return ZOO_OK;
}

static size_t find_model(const struct loading *l, zoo_key model)
{
    size_t i = 0;

    while (i < l->models.count && l->models.items[i] != model)
        i++;
    return i;
}

static int wants(const struct loading *l, int64_t expert)
{
    return zoo_store_wants_expert(l->filter, l->expert_names.values[expert]);
}

static int load_rewards(struct loading *l, const zoo_selection *part, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_LOAD_REWARDS;
    size_t row = l->begin;
    zoo_key last[3] = { 0 };
    int rc = l->models.count ? zoo_sql_bind(l->store, id, err, ZOO_SELECTED(part), &l->models, l->filter->sample) :
             ZOO_OK;

    if (!l->models.count)
        return ZOO_OK;
    while (!rc && (rc = zoo_sql_step(l->store, id, err)) == 1) {
        zoo_key now[3] = { zoo_sql_number(l->store, id, 0), zoo_sql_number(l->store, id, 1),
                           zoo_sql_number(l->store, id, 2) };
        size_t model = find_model(l, now[1]);
        rc = !is_known(&l->expert_names, now[2]) || model == l->models.count ? fail_damaged(l, err) : ZOO_OK;
        if (!rc && find_row(l, now[0], &row) && wants(l, now[2]))
            rc = add_number(l, &l->rewards[model], row, now[2], zoo_sql_real(l->store, id, 3),
                            !memcmp(now, last, sizeof now), err);
        memcpy(last, now, sizeof now);
    }
    zoo_sql_reset(l->store, id);
    return rc;
}

static int load_figures(struct loading *l, const zoo_selection *part, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_LOAD_FIGURES;
    size_t row = l->begin;
    zoo_key last[2] = { 0 };
    int rc = zoo_sql_bind(l->store, id, err, ZOO_SELECTED(part), l->filter->sample);

    while (!rc && (rc = zoo_sql_step(l->store, id, err)) == 1) {
        zoo_key now[2] = { zoo_sql_number(l->store, id, 0), zoo_sql_number(l->store, id, 1) };
        int is_same = !memcmp(now, last, sizeof now);
        rc = is_known(&l->expert_names, now[1]) ? ZOO_OK : fail_damaged(l, err);
        if (!rc && find_row(l, now[0], &row) && wants(l, now[1]))
            for (int i = 0; !rc && i < FIGURES; i++)
                rc = add_number(l, &l->figures[i], row, now[1], zoo_sql_real(l->store, id, 2 + i), is_same, err);
        memcpy(last, now, sizeof now);
    }
    zoo_sql_reset(l->store, id);
    return rc;
}

/* ---- tags ---- */

static int add_tag(struct loading *l, size_t row, int64_t tag, zoo_err *err)
{
    if (!is_known(&l->tag_names, tag))
        return fail_damaged(l, err);
    if (zoo_array_grow(&l->tags, &l->tag_capacity, l->tag_count + 1, sizeof *l->tags, SIZE_MAX / sizeof *l->tags))
        return zoo_fail_nomem(err);
    l->tags[l->tag_count++] = (struct place){ row, (uint32_t)tag };
    l->tag_names.occurs[tag] = 1;
    return ZOO_OK;
}

static int load_tags(struct loading *l, const zoo_selection *part, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_LOAD_TAGS;
    size_t row = l->begin;
    int rc = zoo_sql_bind(l->store, id, err, ZOO_SELECTED(part));

    while (!rc && (rc = zoo_sql_step(l->store, id, err)) == 1) {
        zoo_key query = zoo_sql_number(l->store, id, 0);
        rc = find_row(l, query, &row) ? add_tag(l, row, zoo_sql_number(l->store, id, 1), err) : ZOO_OK;
    }
    zoo_sql_reset(l->store, id);
    return rc;
}

/* tag_names.numbers is the kind of each tag; becomes the tag's number within its kind,
 * and kind_of (tag_names.size) the kind. */
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

static int alloc_offsets(zoo_dataset *d, zoo_err *err)
{
    for (size_t i = 0; i < d->kind_count; i++) {
        zoo_tag_kind *kind = &d->kinds[i];
        if (!kind->values)
            continue;
        kind->offsets = zoo_arena_alloc(&d->arena, (d->n + 1) * sizeof *kind->offsets);
        if (!kind->offsets)
            return zoo_fail_nomem(err);
    }
    return ZOO_OK;
}

/* Tags come in the order of rows, so a kind's tags fill up from the front. */
static int fill_tags(struct loading *l, const uint32_t *kind_of, zoo_err *err)
{
    zoo_dataset *d = l->out;
    size_t filled[ZOO_STORE_KINDS_MAX] = { 0 };

    if (alloc_offsets(d, err))
        return ZOO_ENOMEM;
    for (size_t i = 0; i < l->tag_count; i++)
        d->kinds[kind_of[l->tags[i].tag]].offsets[l->tags[i].row + 1]++;
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
    for (size_t i = 0; i < l->tag_count; i++) {
        uint32_t kind = kind_of[l->tags[i].tag];
        d->kinds[kind].tags[filled[kind]++] = l->tag_names.numbers[l->tags[i].tag];
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

/* ---- arrays ---- */

/* (n,k) out of columns, which are freed as they go; experts without a column get NaN. */
static void fill_matrix(struct loading *l, struct columns *c, double *out)
{
    size_t n = l->out->n, k = l->out->k;

    for (size_t key = 0; key < l->expert_names.size; key++) {
        size_t j = l->expert_names.numbers[key];
        for (size_t i = 0; l->expert_names.occurs[key] && i < n; i++)
            out[i * k + j] = c->of[key] ? c->of[key][i] : (double)NAN;
        free(c->of[key]);
        c->of[key] = NULL;
    }
}

static double *alloc_matrices(struct loading *l, size_t count)
{
    zoo_dataset *d = l->out;

    if (d->k && d->n > SIZE_MAX / sizeof(double) / d->k / (count ? count : 1))
        return NULL;
    return zoo_arena_alloc(&d->arena, count * d->n * d->k * sizeof(double));
}

/* Experts are those with a reward of the first reward model. */
static int name_experts(struct loading *l, zoo_err *err)
{
    zoo_dataset *d = l->out;
    struct names *t = &l->expert_names;

    for (size_t key = 0; key < t->size; key++) {
        t->occurs[key] = l->models.count && l->rewards[0].of[key];
        if (t->occurs[key])
            t->numbers[key] = (uint32_t)d->k++;
    }
    d->experts = zoo_arena_alloc(&d->arena, d->k * sizeof *d->experts);
    if (!d->experts)
        return zoo_fail_nomem(err);
    for (size_t key = 0; key < t->size; key++)
        if (t->occurs[key])
            d->experts[t->numbers[key]] = t->values[key];
    return ZOO_OK;
}

static int has_any(const struct loading *l, const struct columns *c)
{
    for (size_t key = 0; key < l->expert_names.size; key++)
        if (l->expert_names.occurs[key] && c->of[key])
            return 1;
    return 0;
}

static int make_figures(struct loading *l, zoo_err *err)
{
    double **const out[FIGURES] = { &l->out->costs, &l->out->tokens_in, &l->out->tokens_out };

    for (int i = 0; i < FIGURES; i++) {
        if (!has_any(l, &l->figures[i]))
            continue;
        *out[i] = alloc_matrices(l, 1);
        if (!*out[i])
            return zoo_fail_nomem(err);
        fill_matrix(l, &l->figures[i], *out[i]);
    }
    return ZOO_OK;
}

static int make_rewards(struct loading *l, zoo_err *err)
{
    zoo_dataset *d = l->out;
    int rc = name_experts(l, err);

    if (rc)
        return rc;
    d->m = l->models.count;
    d->rewards = alloc_matrices(l, d->m);
    if (!d->rewards)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < d->m; i++) {
        size_t first = find_model(l, l->models.items[i]);        /* one that is named twice was read once */
        if (first == i)
            fill_matrix(l, &l->rewards[i], d->rewards + i * d->n * d->k);
        else
            memcpy(d->rewards + i * d->n * d->k, d->rewards + first * d->n * d->k, d->n * d->k * sizeof *d->rewards);
        d->reward_models[i] = d->reward_models[first];
    }
    return make_figures(l, err);
}

/* ---- the whole ---- */

static int alloc_columns(struct loading *l, struct columns *c, zoo_err *err)
{
    c->of = zoo_arena_alloc(&l->scratch, l->expert_names.size * sizeof *c->of);
    return c->of ? ZOO_OK : zoo_fail_nomem(err);
}

static int name_models(struct loading *l, zoo_err *err)
{
    zoo_dataset *d = l->out;
    int rc = ZOO_OK;

    d->reward_models = zoo_arena_alloc(&d->arena, l->models.count * sizeof *d->reward_models);
    l->rewards = zoo_arena_alloc(&l->scratch, l->models.count * sizeof *l->rewards);
    if (!d->reward_models || !l->rewards)
        return zoo_fail_nomem(err);
    for (size_t i = 0; !rc && i < l->models.count; i++)
        rc = alloc_columns(l, &l->rewards[i], err);
    for (int i = 0; !rc && i < FIGURES; i++)
        rc = alloc_columns(l, &l->figures[i], err);
    if (!rc)
        rc = zoo_sql_bind(l->store, ZOO_SQL_REWARD_MODELS, err);
    while (!rc && (rc = zoo_sql_step(l->store, ZOO_SQL_REWARD_MODELS, err)) == 1) {
        size_t i = find_model(l, zoo_sql_number(l->store, ZOO_SQL_REWARD_MODELS, 0));
        rc = i < l->models.count ? zoo_sql_copy(l->store, ZOO_SQL_REWARD_MODELS, 1, &d->arena, &d->reward_models[i],
                                                NULL, err) : ZOO_OK;
    }
    zoo_sql_reset(l->store, ZOO_SQL_REWARD_MODELS);
    return rc;
}

static int load_part(struct loading *l, const zoo_selection *part, const char *but, zoo_err *err)
{
    int rc = load_queries(l, part, but, err);

    if (!rc)
        rc = load_rewards(l, part, err);
    if (!rc)
        rc = load_figures(l, part, err);
    if (!rc)
        rc = load_tags(l, part, err);
    l->begin = l->end;
    return rc;
}

static int load_parts(struct loading *l, const zoo_selection *chosen, const zoo_selection *aside, zoo_err *err)
{
    uint64_t n, set_aside = 0;
    int rc = zoo_store_count_queries(l->store, chosen, &n, err);

    if (!rc && aside)
        rc = zoo_store_count_queries(l->store, aside, &set_aside, err);
    if (!rc)
        rc = alloc_rows(l, n + set_aside, err);
    if (!rc)
        rc = load_part(l, chosen, aside ? l->filter->aside : NULL, err);
    if (rc || !aside)
        return rc;
    rc = load_part(l, aside, NULL, err);
    l->out->aside = (size_t)set_aside;
    l->out->n = l->end;                  /* those of a selection of all splits were counted twice */
    return rc;
}

static int check_aside(const zoo_store_filter *filter, zoo_err *err)
{
    for (size_t i = 0; filter->aside && i < filter->splits.count; i++)
        if (!strcmp(filter->splits.items[i], filter->aside))
            return zoo_fail(err, ZOO_EUSAGE, "the split '%s' cannot be set aside from itself; name two splits",
                            filter->aside);
    return ZOO_OK;
}

static int load(struct loading *l, const zoo_selection *chosen, const zoo_selection *aside, zoo_err *err)
{
    int rc = zoo_store_find_reward_models(l->store, &l->filter->reward_models, &l->models, &l->scratch, err);

    if (!rc && l->models.count > MODELS_MAX)
        rc = zoo_fail(err, ZOO_EUSAGE, "more than %d reward models to load at once", MODELS_MAX);
    if (!rc)
        rc = load_experts(l, err);
    if (!rc)
        rc = name_models(l, err);
    if (!rc)
        rc = load_kinds(l, err);
    if (!rc)
        rc = load_tag_names(l, err);
    if (!rc)
        rc = load_parts(l, chosen, aside, err);
    if (!rc)
        rc = make_rewards(l, err);
    return rc ? rc : make_tags(l, err);
}

static void free_columns(const struct loading *l, struct columns *c)
{
    for (size_t key = 0; c->of && key < l->expert_names.size; key++)
        free(c->of[key]);
}

static void release(struct loading *l)
{
    for (size_t i = 0; l->rewards && i < l->models.count; i++)
        free_columns(l, &l->rewards[i]);
    for (int i = 0; i < FIGURES; i++)
        free_columns(l, &l->figures[i]);
    free(l->tags);
    zoo_arena_release(&l->scratch);
}

int zoo_store_load(zoo_store *s, const zoo_store_filter *filter, zoo_dataset *out, zoo_err *err)
{
    struct loading l = { .store = s, .filter = filter, .out = out };
    zoo_store_filter apart = *filter;
    zoo_selection chosen = { 0 }, aside = { 0 };
    int own, rc = check_aside(filter, err);

    memset(out, 0, sizeof *out);
    if (rc || (rc = zoo_sql_snapshot_begin(s, &own, err)))
        return rc;
    apart.splits = (zoo_texts){ &filter->aside, 1 };
    rc = zoo_store_select(s, filter, &chosen, err);
    if (!rc && filter->aside)
        rc = zoo_store_select(s, &apart, &aside, err);
    if (!rc)
        rc = load(&l, &chosen, filter->aside ? &aside : NULL, err);
    zoo_sql_snapshot_end(s, own);
    release(&l);
    zoo_selection_release(&chosen);
    zoo_selection_release(&aside);
    if (rc)
        zoo_dataset_release(out);
    return rc;
}
