/* trial.c - what an evaluation looks at: queries whose reward is known for every expert that is compared, parted
 * into subsets; see trial.h. */
#include "eval/trial.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

/* A query in one of its subsets, while the trial is built. */
struct place { uint64_t key; uint32_t row, shared_by; };

enum reward_state { COMPLETE, HOLES, EMPTY };

static enum reward_state state_of(const zoo_trial_input *in, size_t row)
{
    const double *rewards = in->data->rewards + row * in->data->k;
    size_t known = 0;

    for (size_t j = 0; j < in->k; j++)
        known += isfinite(rewards[in->columns[j]]) != 0;
    return known == in->k ? COMPLETE : known ? HOLES : EMPTY;
}

/* Why nothing is left: names the expert that has the fewest rewards. */
static int fail_empty(const zoo_trial *t, const zoo_trial_input *in, zoo_err *err)
{
    char advice[ZOO_HOLES_ADVICE];
    const zoo_holes *h = &t->holes;

    if (!in->k)
        return zoo_fail(err, ZOO_EUSAGE, "no expert is left to compare");
    if (!h->rewarded)
        return zoo_fail(err, ZOO_EUSAGE,
                        "none of the %zu queries has a reward for any of the %zu experts: collect their rewards",
                        in->data->n, in->k);
    zoo_holes_advise(h, in->data, in->columns, advice);
    if (h->kind)
        return zoo_fail(err, ZOO_EUSAGE, "none of the %zu queries has a reward for each of the %zu experts; %s",
                        h->rewarded, in->k, advice);
    return zoo_fail(err, ZOO_EUSAGE,
                    "none of the %zu queries has a reward for each of the %zu experts; the fewest has '%.128s', "
                    "with %zu: collect its rewards, or leave it out%s%s", h->rewarded, in->k,
                    in->data->experts[in->columns[h->order[0]]], h->rewarded - h->lacks[h->order[0]],
                    *advice ? ": " : "", advice);
}

static int select_rows(zoo_trial *t, const zoo_trial_input *in, zoo_err *err)
{
    const zoo_dataset *data = in->data;

    if (zoo_holes_count(&t->holes, data, in->columns, in->k, in->keep, err))
        return ZOO_ENOMEM;
    t->source = zoo_arena_alloc(&t->arena, (data->n + 1) * sizeof *t->source);
    if (!t->source)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < data->n; i++) {
        if (in->keep && !in->keep[i])
            continue;
        enum reward_state state = state_of(in, i);
        if (state == COMPLETE)
            t->source[t->n++] = i;
        else if (state == HOLES)
            t->with_holes++;
        else
            t->without_rewards++;
    }
    if (!t->n || !in->k)
        return fail_empty(t, in, err);
    if (t->n > UINT32_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%zu queries are more than the %u that can be evaluated at once", t->n,
                        UINT32_MAX);
    t->k = in->k;
    t->rewards = zoo_arena_alloc(&t->arena, t->n * t->k * sizeof *t->rewards);
    t->experts = zoo_arena_alloc(&t->arena, t->k * sizeof *t->experts);
    if (!t->rewards || !t->experts)
        return zoo_fail_nomem(err);
    for (size_t j = 0; j < t->k; j++)
        t->experts[j] = data->experts[in->columns[j]];
    for (size_t i = 0; i < t->n; i++)
        for (size_t j = 0; j < t->k; j++)
            t->rewards[i * t->k + j] = data->rewards[t->source[i] * data->k + in->columns[j]];
    return ZOO_OK;
}

static int fail_kind(const zoo_trial_input *in, zoo_err *err)
{
    zoo_buf names = ZOO_BUF_INIT(400);
    int rc;

    for (size_t i = 0; i < in->data->kind_count; i++)
        if (zoo_buf_addf(&names, "%s%s", i ? ", " : "", in->data->kinds[i].name))
            break;
    rc = zoo_fail(err, ZOO_EUSAGE, "no query has a tag of the kind '%s'; %s%s", in->kind,
                  names.size ? "there are: " : "the queries have no tags", names.size ? names.data : "");
    zoo_buf_release(&names);
    return rc;
}

/* Places in the order of the queries; the key of a place is group * (values + 1) + tag. */
static int list_places(zoo_trial *t, const zoo_trial_input *in, const zoo_tag_kind *kind, struct place **out,
                       zoo_err *err)
{
    const zoo_tag_kind *group = zoo_dataset_kind(in->data, "dataset");
    size_t values = kind ? kind->values : 0, p = 0;
    struct place *places;

    for (size_t i = 0; i < t->n; i++) {
        size_t row = t->source[i], tags = kind ? kind->offsets[row + 1] - kind->offsets[row] : 0;
        t->p += tags ? tags : 1;
    }
    places = *out = malloc(t->p * sizeof *places);
    if (!places)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < t->n; i++) {
        size_t row = t->source[i], begin = kind ? kind->offsets[row] : 0,
                     tags = kind ? kind->offsets[row + 1] - begin : 0;
        uint64_t in_group = group && group->offsets[row + 1] > group->offsets[row] ? group->tags[group->offsets[row]]
                          : group ? group->values : 0;
        if (!kind)
            in_group = 0;                                 /* one subset over everything */
        for (size_t j = 0; j < (tags ? tags : 1); j++)
            places[p++] = (struct place){ .key = in_group * (values + 1) + (tags ? kind->tags[begin + j] : values),
                                          .row = (uint32_t)i, .shared_by = (uint32_t)(tags ? tags : 1) };
    }
    return ZOO_OK;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The distinct keys, ascending, in *keys (to be freed); returns how many, 0 without memory. */
static size_t distinct_keys(const struct place *places, size_t p, uint64_t **keys)
{
    uint64_t *k = *keys = malloc(p * sizeof *k);
    size_t s = 0;

    if (!k)
        return 0;
    for (size_t i = 0; i < p; i++)
        k[i] = places[i].key;
    qsort(k, p, sizeof *k, by_key);
    for (size_t i = 0; i < p; i++)
        if (!i || k[i] != k[s - 1])
            k[s++] = k[i];
    return s;
}

static size_t find_key(const uint64_t *keys, size_t s, uint64_t key)
{
    return (size_t)((const uint64_t *)bsearch(&key, keys, s, sizeof key, by_key) - keys);
}

/* Fills offsets, rows and shares; subset numbers follow first appearance. subset_keys (s) takes the key of each. */
static int part_places(zoo_trial *t, const struct place *places, const uint64_t *keys, uint64_t *subset_keys,
                       zoo_err *err)
{
    size_t *number = malloc(t->s * sizeof *number), *next = malloc(t->s * sizeof *next), seen = 0;
    int rc = ZOO_OK;

    t->offsets = zoo_arena_alloc(&t->arena, (t->s + 1) * sizeof *t->offsets);
    t->rows = zoo_arena_alloc(&t->arena, t->p * sizeof *t->rows);
    t->shares = zoo_arena_alloc(&t->arena, t->p * sizeof *t->shares);
    if (!number || !next || !t->offsets || !t->rows || !t->shares) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    for (size_t j = 0; j < t->s; j++)
        number[j] = SIZE_MAX;
    for (size_t i = 0; i < t->p; i++) {
        size_t key = find_key(keys, t->s, places[i].key);
        if (number[key] == SIZE_MAX) {
            subset_keys[seen] = places[i].key;
            number[key] = seen++;
        }
        t->offsets[number[key] + 1]++;
    }
    for (size_t j = 0; j < t->s; j++) {
        t->offsets[j + 1] += t->offsets[j];
        next[j] = t->offsets[j];
    }
    for (size_t i = 0; i < t->p; i++) {
        size_t at = next[number[find_key(keys, t->s, places[i].key)]]++;
        t->rows[at] = places[i].row;
        t->shares[at] = 1.0f / (float)places[i].shared_by;
    }
done:
    free(number);
    free(next);
    return rc;
}

static const char *tag_name(const zoo_tag_kind *kind, size_t value)
{
    return kind && value < kind->values ? kind->value_names[value] : "(none)";
}

/* Names of subsets and groups; groups are numbered by first appearance. */
static int name_subsets(zoo_trial *t, const zoo_trial_input *in, const zoo_tag_kind *kind, const uint64_t *subset_keys,
                        zoo_err *err)
{
    const zoo_tag_kind *group = zoo_dataset_kind(in->data, "dataset");
    size_t values = kind ? kind->values : 0;
    uint32_t *bearers = zoo_arena_alloc(&t->arena, (values + 1) * sizeof *bearers);      /* subsets of each tag */

    t->subsets = zoo_arena_alloc(&t->arena, t->s * sizeof *t->subsets);
    t->group_names = zoo_arena_alloc(&t->arena, t->s * sizeof *t->group_names);
    if (!t->subsets || !t->group_names || !bearers)
        return zoo_fail_nomem(err);
    for (size_t j = 0; j < t->s; j++)
        bearers[subset_keys[j] % (values + 1)]++;
    for (size_t j = 0; j < t->s; j++) {
        size_t value = (size_t)(subset_keys[j] % (values + 1)), g = 0;
        const char *in_group = tag_name(group, (size_t)(subset_keys[j] / (values + 1)));
        const char *tag = kind ? tag_name(kind, value) : "all";
        while (g < t->groups && strcmp(t->group_names[g], in_group) != 0)
            g++;
        if (g == t->groups)
            t->group_names[t->groups++] = in_group;
        t->subsets[j].group = (uint32_t)g;
        t->subsets[j].name = tag;
        if (bearers[value] > 1) {
            size_t size = strlen(in_group) + 1 + strlen(tag);
            char *name = zoo_arena_alloc(&t->arena, size + 1);
            if (!name)
                return zoo_fail_nomem(err);
            snprintf(name, size + 1, "%s/%s", in_group, tag);
            t->subsets[j].name = name;
        }
    }
    return ZOO_OK;
}

int zoo_trial_build(zoo_trial *out, const zoo_trial_input *in, zoo_err *err)
{
    const zoo_tag_kind *kind = in->kind ? zoo_dataset_kind(in->data, in->kind) : NULL;
    struct place *places = NULL;
    uint64_t *keys = NULL, *subset_keys = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    rc = in->kind && !kind ? fail_kind(in, err) : select_rows(out, in, err);
    if (!rc)
        rc = list_places(out, in, kind, &places, err);
    if (rc)
        goto done;
    out->s = distinct_keys(places, out->p, &keys);
    subset_keys = malloc((out->s + 1) * sizeof *subset_keys);
    if (!keys || !subset_keys) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    rc = part_places(out, places, keys, subset_keys, err);
    if (!rc)
        rc = name_subsets(out, in, kind, subset_keys, err);
done:
    free(places);
    free(keys);
    free(subset_keys);
    if (rc)
        zoo_trial_release(out);
    return rc;
}

void zoo_trial_release(zoo_trial *trial)
{
    zoo_holes_release(&trial->holes);
    zoo_arena_release(&trial->arena);
    memset(trial, 0, sizeof *trial);
}
