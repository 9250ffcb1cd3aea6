/* sample.h - data sets for the tests of src/eval, built from arrays. */
#ifndef ZOO_TESTS_EVAL_SAMPLE_H
#define ZOO_TESTS_EVAL_SAMPLE_H
#include <stdlib.h>
#include <string.h>
#include "base/dataset.h"

static const char *const sample_experts[] = { "A", "B", "C", "D", "E", "F" };

/* Tags of one row, by number, separated by spaces ("" for none): "0 2". */
static inline zoo_tag_kind sample_kind(zoo_dataset *d, const char *name, const char *const *values, size_t count,
                                       const char *const *tags)
{
    zoo_tag_kind kind = { .name = name, .values = count };

    kind.value_names = zoo_arena_alloc(&d->arena, count * sizeof *kind.value_names);
    kind.offsets = zoo_arena_alloc(&d->arena, (d->n + 1) * sizeof *kind.offsets);
    kind.tags = zoo_arena_alloc(&d->arena, (d->n * count + 1) * sizeof *kind.tags);
    for (size_t v = 0; v < count; v++)
        kind.value_names[v] = values[v];
    for (size_t i = 0; i < d->n; i++) {
        kind.offsets[i + 1] = kind.offsets[i];
        for (const char *p = tags[i]; *p; p++)
            if (*p != ' ')
                kind.tags[kind.offsets[i + 1]++] = (uint32_t)(*p - '0');
    }
    return kind;
}

static inline zoo_dataset sample_new(size_t n, size_t k, const double *rewards, size_t kinds)
{
    zoo_dataset d = { .n = n, .k = k, .m = 1 };

    d.experts = zoo_arena_alloc(&d.arena, k * sizeof *d.experts);
    d.ids = zoo_arena_alloc(&d.arena, n * sizeof *d.ids);
    d.rewards = zoo_arena_alloc(&d.arena, n * k * sizeof *d.rewards);
    d.kinds = zoo_arena_alloc(&d.arena, (kinds + 1) * sizeof *d.kinds);
    memcpy(d.experts, sample_experts, k * sizeof *d.experts);
    memcpy(d.rewards, rewards, n * k * sizeof *rewards);
    for (size_t i = 0; i < n; i++)
        d.ids[i] = "row";
    return d;
}
#endif
