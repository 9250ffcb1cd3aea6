/* sampler.c - which rows an epoch learns from, where tags are to come up equally often: frequent tags lend some of
 * their rows, another choice each epoch, and rows of rare tags come up again and again; see sampler.h. */
#include "train/sampler.h"
#include <stdlib.h>
#include <string.h>

/* The groups that a row stands in, how many: its tags, or `none`. */
static size_t groups_of(const zoo_tag_kind *kind, size_t row, const uint32_t **tags, const uint32_t *none)
{
    size_t count = kind->offsets[row + 1] - kind->offsets[row];

    *tags = count ? kind->tags + kind->offsets[row] : none;
    return count ? count : 1;
}

/* starts[v + 1] = rows of tag v, the last for rows without a tag. */
static void count_rows(const zoo_tag_kind *kind, const size_t *rows, size_t count, size_t *starts)
{
    const uint32_t none = (uint32_t)kind->values, *tags;

    for (size_t i = 0; i < count; i++)
        for (size_t n = groups_of(kind, rows[i], &tags, &none); n--;)
            starts[tags[n] + 1]++;
}

static void place_rows(const zoo_tag_kind *kind, const size_t *rows, size_t count, size_t *at, size_t *to)
{
    const uint32_t none = (uint32_t)kind->values, *tags;

    for (size_t i = 0; i < count; i++)
        for (size_t n = groups_of(kind, rows[i], &tags, &none); n--;)
            to[at[tags[n]]++] = rows[i];
}

int zoo_sampler_init(zoo_sampler *s, const zoo_tag_kind *kind, const size_t *rows, size_t count, zoo_err *err)
{
    size_t all = kind->values + 1, largest = 0, *at = malloc((all + 1) * sizeof *at);

    *s = (zoo_sampler){ .starts = calloc(all + 1, sizeof *s->starts) };
    if (!s->starts || !at)
        goto nomem;
    count_rows(kind, rows, count, s->starts);
    for (size_t v = 0; v < all; v++) {
        largest = s->starts[v + 1] > largest ? s->starts[v + 1] : largest;
        s->starts[v + 1] += s->starts[v];
    }
    s->rows = malloc((s->starts[all] + 1) * sizeof *s->rows);
    s->pool = malloc((largest + 1) * sizeof *s->pool);
    if (!s->rows || !s->pool)
        goto nomem;
    memcpy(at, s->starts, all * sizeof *at);
    place_rows(kind, rows, count, at, s->rows);
    for (size_t v = 0; v < all; v++)                            /* tags that no row has are no groups */
        if (s->starts[v + 1] > s->starts[v])
            s->starts[++s->groups] = s->starts[v + 1];
    free(at);
    return ZOO_OK;
nomem:
    free(at);
    zoo_sampler_release(s);
    return zoo_fail_nomem(err);
}

void zoo_sampler_release(zoo_sampler *s)
{
    free(s->starts);
    free(s->rows);
    free(s->pool);
    *s = (zoo_sampler){ 0 };
}

/* `wanted` of rows (size), as often as that takes. */
static void draw_group(zoo_sampler *s, zoo_rng *rng, const size_t *rows, size_t size, size_t *order, size_t wanted)
{
    for (; wanted >= size; wanted -= size, order += size)
        memcpy(order, rows, size * sizeof *order);
    memcpy(s->pool, rows, size * sizeof *rows);
    zoo_rng_shuffle(rng, s->pool, size);
    memcpy(order, s->pool, wanted * sizeof *order);
}

void zoo_sampler_draw(zoo_sampler *s, zoo_rng *rng, size_t *order, size_t count)
{
    for (size_t g = 0; g < s->groups; g++) {
        size_t first = count * g / s->groups, end = count * (g + 1) / s->groups;
        draw_group(s, rng, s->rows + s->starts[g], s->starts[g + 1] - s->starts[g], order + first, end - first);
    }
    zoo_rng_shuffle(rng, order, count);
}
