/* heads.c - which tags the router learns to tell, beside the experts, so that it can say which of them decided; see
 * heads.h. */
#include "train/heads.h"
#include <stdlib.h>
#include <string.h>

struct frequency { size_t count; uint32_t value; };

static int by_frequency(const void *a, const void *b)
{
    const struct frequency *x = a, *y = b;

    return x->count != y->count ? (x->count > y->count ? -1 : 1) : x->value < y->value ? -1 : x->value > y->value;
}

static int by_value(const void *a, const void *b)
{
    const struct frequency *x = a, *y = b;

    return x->value < y->value ? -1 : x->value > y->value;
}

/* The values that get a head, ascending, in f[0..returned). */
static size_t pick_values(const zoo_tag_kind *kind, const size_t *rows, size_t count, struct frequency *f)
{
    size_t picked = 0;

    for (size_t v = 0; v < kind->values; v++)
        f[v] = (struct frequency){ 0, (uint32_t)v };
    for (size_t i = 0; i < count; i++)
        for (size_t o = kind->offsets[rows[i]]; o < kind->offsets[rows[i] + 1]; o++)
            f[kind->tags[o]].count++;
    qsort(f, kind->values, sizeof *f, by_frequency);
    while (picked < kind->values && picked < ZOO_HEAD_VALUES_MAX && f[picked].count)
        picked++;
    qsort(f, picked, sizeof *f, by_value);
    return picked;
}

static int build(zoo_tag_kind *head, const zoo_dataset *data, const zoo_tag_kind *kind, const struct frequency *f,
                 size_t values, uint32_t *numbers, zoo_arena *arena, zoo_err *err)
{
    size_t used = 0;

    *head = (zoo_tag_kind){ .name = kind->name, .values = values };
    head->value_names = zoo_arena_alloc(arena, values * sizeof *head->value_names);
    head->offsets = zoo_arena_alloc(arena, (data->n + 1) * sizeof *head->offsets);
    head->tags = zoo_arena_alloc(arena, (kind->offsets[data->n] + 1) * sizeof *head->tags);
    if (!head->value_names || !head->offsets || !head->tags)
        return zoo_fail_nomem(err);
    for (size_t v = 0; v < kind->values; v++)
        numbers[v] = UINT32_MAX;
    for (size_t v = 0; v < values; v++) {
        numbers[f[v].value] = (uint32_t)v;
        head->value_names[v] = kind->value_names[f[v].value];
    }
    for (size_t i = 0; i < data->n; i++) {
        head->offsets[i] = used;
        for (size_t o = kind->offsets[i]; o < kind->offsets[i + 1]; o++)
            if (numbers[kind->tags[o]] != UINT32_MAX)
                head->tags[used++] = numbers[kind->tags[o]];
    }
    head->offsets[data->n] = used;
    return ZOO_OK;
}

int zoo_heads_build(zoo_tag_kind *heads, size_t *head_count, size_t most, const zoo_dataset *data, const size_t *kinds,
                    size_t kind_count, const size_t *rows, size_t count, zoo_arena *arena, zoo_err *err)
{
    int rc = ZOO_OK;

    *head_count = 0;
    for (size_t i = 0; !rc && i < kind_count && *head_count < most; i++) {
        const zoo_tag_kind *kind = &data->kinds[kinds[i]];
        struct frequency *f = calloc(kind->values + 1, sizeof *f);
        uint32_t *numbers = calloc(kind->values + 1, sizeof *numbers);
        size_t values = f && numbers ? pick_values(kind, rows, count, f) : 0;
        if (!f || !numbers)
            rc = zoo_fail_nomem(err);
        else if (values > 1)
            rc = build(&heads[(*head_count)++], data, kind, f, values, numbers, arena, err);
        free(f);
        free(numbers);
    }
    return rc;
}
