/* small_data.h - data sets of a few rows, written out in a test. */
#ifndef ZOO_TESTS_SMALL_DATA_H
#define ZOO_TESTS_SMALL_DATA_H
#include <stdio.h>
#include <string.h>
#include "base/dataset.h"

/* n queries "query 0"... and k experts "expert-0"...; rewards (n,k) are copied. */
static inline zoo_dataset small_data(size_t n, size_t k, const double *rewards)
{
    zoo_dataset d = { .n = n, .k = k, .m = 1 };
    char text[64];

    d.ids = zoo_arena_alloc(&d.arena, n * sizeof *d.ids);
    d.queries = zoo_arena_alloc(&d.arena, n * sizeof *d.queries);
    d.query_sizes = zoo_arena_alloc(&d.arena, n * sizeof *d.query_sizes);
    d.experts = zoo_arena_alloc(&d.arena, k * sizeof *d.experts);
    d.rewards = zoo_arena_alloc(&d.arena, n * k * sizeof *d.rewards);
    d.kinds = zoo_arena_alloc(&d.arena, 16 * sizeof *d.kinds);
    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "query %zu", i);
        d.ids[i] = d.queries[i] = zoo_arena_copy(&d.arena, text, strlen(text));
        d.query_sizes[i] = strlen(text);
    }
    for (size_t j = 0; j < k; j++) {
        snprintf(text, sizeof text, "expert-%zu", j);
        d.experts[j] = zoo_arena_copy(&d.arena, text, strlen(text));
    }
    memcpy(d.rewards, rewards, n * k * sizeof *rewards);
    return d;
}

static inline void small_query(zoo_dataset *d, size_t row, const char *text)
{
    d->queries[row] = zoo_arena_copy(&d->arena, text, strlen(text));
    d->query_sizes[row] = strlen(text);
}

/* A kind of tag from one string a row: digits are the row's values ("", "0", "02"); returns its number. */
static inline size_t small_kind(zoo_dataset *d, const char *name, size_t values, const char *const *rows)
{
    static const char *const value_names[10] = { "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9" };
    zoo_tag_kind *kind = &d->kinds[d->kind_count];
    size_t used = 0;

    *kind = (zoo_tag_kind){ .name = name, .values = values };
    kind->value_names = zoo_arena_alloc(&d->arena, values * sizeof *kind->value_names);
    memcpy(kind->value_names, value_names, values * sizeof *value_names);
    kind->offsets = zoo_arena_alloc(&d->arena, (d->n + 1) * sizeof *kind->offsets);
    kind->tags = zoo_arena_alloc(&d->arena, (10 * d->n + 1) * sizeof *kind->tags);
    for (size_t i = 0; i < d->n; i++) {
        kind->offsets[i] = used;
        for (const char *c = rows[i]; *c; c++)
            kind->tags[used++] = (uint32_t)(*c - '0');
    }
    kind->offsets[d->n] = used;
    return d->kind_count++;
}
#endif
