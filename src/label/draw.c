/* draw.c - a random draw of at most N queries for each tag; see draw.h. */
#include "label/draw.h"
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"

enum { TAGS_MAX = 1 << 24, ENTRIES_FIRST = 8 };

struct entry { uint64_t number; int64_t row; };
/* A heap with the largest number on top. */
struct heap { struct entry *entries; size_t count, capacity; };

struct zoo_draw {
    size_t per_tag, tags;
    uint64_t seed;
    struct heap *heaps;                 /* (heap_count), by tag */
    size_t heap_count;
};

uint64_t zoo_draw_hash(const char *name)
{
    return zoo_hash64(name, strlen(name), 0);
}

int zoo_draw_new(zoo_draw **out, size_t per_tag, uint64_t seed, zoo_err *err)
{
    zoo_draw *d = *out = calloc(1, sizeof *d);

    if (!d)
        return zoo_fail_nomem(err);
    d->per_tag = per_tag;
    d->seed = seed;
    return ZOO_OK;
}

void zoo_draw_free(zoo_draw *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->heap_count; i++)
        free(d->heaps[i].entries);
    free(d->heaps);
    free(d);
}

size_t zoo_draw_tags(const zoo_draw *d) { return d->tags; }

/* The heap of a tag; NULL with *err. */
static struct heap *find_heap(zoo_draw *d, size_t tag, zoo_err *err)
{
    if (tag >= TAGS_MAX) {
        zoo_fail(err, ZOO_EUSAGE, "more than %d tags", TAGS_MAX);
        return NULL;
    }
    if (tag >= d->heap_count) {
        size_t count = tag + 1 > 2 * d->heap_count ? tag + 1 : 2 * d->heap_count;
        struct heap *heaps = realloc(d->heaps, count * sizeof *heaps);
        if (!heaps) {
            zoo_fail_nomem(err);
            return NULL;
        }
        memset(heaps + d->heap_count, 0, (count - d->heap_count) * sizeof *heaps);
        d->heaps = heaps;
        d->heap_count = count;
    }
    return &d->heaps[tag];
}

/* Equal numbers, which chance does not give: the row decides. */
static int is_below(const struct entry *a, const struct entry *b)
{
    return a->number < b->number || (a->number == b->number && a->row < b->row);
}

static void sift_up(struct heap *h, size_t at)
{
    struct entry moving = h->entries[at];

    while (at && is_below(&h->entries[(at - 1) / 2], &moving)) {
        h->entries[at] = h->entries[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h->entries[at] = moving;
}

static void sift_down(struct heap *h)
{
    struct entry moving = h->entries[0];
    size_t at = 0, child;

    while ((child = 2 * at + 1) < h->count) {
        if (child + 1 < h->count && is_below(&h->entries[child], &h->entries[child + 1]))
            child++;
        if (!is_below(&moving, &h->entries[child]))
            break;
        h->entries[at] = h->entries[child];
        at = child;
    }
    h->entries[at] = moving;
}

static int push(const zoo_draw *d, struct heap *h, const struct entry *entry, zoo_err *err)
{
    if (h->count == h->capacity) {
        size_t capacity = h->capacity ? 2 * h->capacity : ENTRIES_FIRST;
        if (capacity > d->per_tag)
            capacity = d->per_tag;
        struct entry *entries = realloc(h->entries, capacity * sizeof *entries);
        if (!entries)
            return zoo_fail_nomem(err);
        h->entries = entries;
        h->capacity = capacity;
    }
    h->entries[h->count++] = *entry;
    sift_up(h, h->count - 1);
    return ZOO_OK;
}

int zoo_draw_offer(zoo_draw *d, size_t tag, uint64_t tag_hash, uint64_t query_hash, int64_t row, zoo_err *err)
{
    struct entry entry = { zoo_mix64(zoo_mix64(zoo_mix64(d->seed) ^ tag_hash) ^ query_hash), row };
    struct heap *h;

    if (!d->per_tag)
        return ZOO_OK;
    h = find_heap(d, tag, err);
    if (!h)
        return err ? err->code : ZOO_ENOMEM;
    d->tags += h->count == 0;
    if (h->count < d->per_tag)
        return push(d, h, &entry, err);
    if (is_below(&entry, &h->entries[0])) {
        h->entries[0] = entry;
        sift_down(h);
    }
    return ZOO_OK;
}

static int by_row(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int zoo_draw_take(const zoo_draw *d, int64_t **rows, size_t *count, zoo_err *err)
{
    size_t all = 0, n = 0, distinct = 0;
    int64_t *r;

    for (size_t i = 0; i < d->heap_count; i++)
        all += d->heaps[i].count;
    *count = 0;
    r = *rows = malloc((all + 1) * sizeof *r);
    if (!r)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < d->heap_count; i++)
        for (size_t j = 0; j < d->heaps[i].count; j++)
            r[n++] = d->heaps[i].entries[j].row;
    qsort(r, n, sizeof *r, by_row);
    for (size_t i = 0; i < n; i++)
        if (!i || r[i] != r[distinct - 1])
            r[distinct++] = r[i];
    *count = distinct;
    return ZOO_OK;
}
