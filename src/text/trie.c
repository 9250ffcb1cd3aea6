/* trie.c - byte strings to numbers, walked byte by byte: a double array, built once, read by any number of threads;
 * see trie.h. */
#include "text/trie.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, OPEN_BLOCKS = 16, TRIES_MAX = 32, UNUSED = 0x100 };

/* The keys [from, to) share their first `depth` bytes, which lead to `node`. */
struct range { uint32_t from, to, depth, node; };

struct builder {
    zoo_trie *trie;
    const zoo_trie_key *keys;
    uint8_t *base_used;             /* (units): some node has it as its base */
    size_t capacity;                /* units */
    /* (units): ring of free slots of the blocks that are open; 0, the root, is its anchor */
    uint32_t *next, *previous;
    struct range *stack;
    size_t stacked, stack_capacity;
    unsigned char labels[256];
    uint32_t begins[257];           /* where the keys of each label begin */
};

/* ---- order ---- */

static int by_bytes(const void *a, const void *b)
{
    const zoo_trie_key *x = a, *y = b;
    uint32_t shorter = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->at, y->at, shorter);

    if (order)
        return order;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* A key's first eight bytes, the first the highest, and which key it is. */
struct prefix { uint64_t bytes; uint32_t key; };

static uint64_t first_bytes(const zoo_trie_key *key)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < 8; i++)
        bytes = bytes << 8 | (i < key->size ? (unsigned char)key->at[i] : 0);
    return bytes;
}

/* Sorts by prefix, equal ones as they stand, a byte at a time from the last; `room` holds n more.
 * Returns where they are. */
static struct prefix *sort_prefixes(struct prefix *from, struct prefix *room, size_t n)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t begins[257] = { 0 };
        struct prefix *turn = from;
        for (size_t i = 0; i < n; i++)
            begins[(from[i].bytes >> shift & 0xff) + 1]++;
        for (size_t c = 0; c < 256; c++)
            begins[c + 1] += begins[c];
        for (size_t i = 0; i < n; i++)
            room[begins[from[i].bytes >> shift & 0xff]++] = from[i];
        from = room;
        room = turn;
    }
    return from;
}

/* Puts `sorted` into order, the bytes one behind another in `text`: what the building walks over lies together. */
static void lay_out(const zoo_trie_key *keys, const struct prefix *order, size_t n, zoo_trie_key *sorted, char *text)
{
    for (size_t i = 0; i < n; i++) {
        const zoo_trie_key *key = &keys[order[i].key];
        memcpy(text, key->at, key->size);
        sorted[i] = (zoo_trie_key){ text, key->size, key->value };
        text += key->size;
    }
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && order[next].bytes == order[i].bytes; next++)
            ;
        if (next - i > 1)
            qsort(sorted + i, next - i, sizeof *sorted, by_bytes);
    }
}

/* New keys and text in order, for the caller to free. */
static int sort_keys(const zoo_trie_key *keys, size_t n, zoo_trie_key **sorted, char **text)
{
    struct prefix *prefixes = malloc(2 * (n + 1) * sizeof *prefixes);
    size_t size = 1;

    for (size_t i = 0; i < n; i++)
        size += keys[i].size;
    *sorted = malloc((n + 1) * sizeof **sorted);
    *text = malloc(size);
    if (!prefixes || !*sorted || !*text) {
        free(prefixes);
        return ZOO_ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        prefixes[i] = (struct prefix){ first_bytes(&keys[i]), (uint32_t)i };
    lay_out(keys, sort_prefixes(prefixes, prefixes + n, n), n, *sorted, *text);
    free(prefixes);
    return ZOO_OK;
}

/* ---- slots ---- */

static void take_slot(struct builder *b, uint32_t slot)
{
    b->next[b->previous[slot]] = b->next[slot];
    b->previous[b->next[slot]] = b->previous[slot];
    b->next[slot] = b->previous[slot] = slot;
}

static int grow_block(struct builder *b)
{
    zoo_trie *t = b->trie;
    size_t first = t->count;

    if (t->count == b->capacity) {
        size_t capacity = b->capacity ? b->capacity + b->capacity / 2 / BLOCK * BLOCK + BLOCK : 16 * BLOCK;
        zoo_trie_unit *units = realloc(t->units, capacity * sizeof *units);
        uint8_t *used = units ? realloc(b->base_used, capacity) : NULL;
        uint32_t *next = used ? realloc(b->next, capacity * sizeof *next) : NULL;
        uint32_t *previous = next ? realloc(b->previous, capacity * sizeof *previous) : NULL;
        t->units = units ? units : t->units;
        b->base_used = used ? used : b->base_used;
        b->next = next ? next : b->next;
        b->previous = previous ? previous : b->previous;
        if (!previous)
            return ZOO_ENOMEM;
        b->capacity = capacity;
    }
    memset(b->base_used + first, 0, BLOCK);
    for (size_t i = first; i < first + BLOCK; i++) {
        t->units[i] = (zoo_trie_unit){ 0, UNUSED };
        b->next[i] = b->previous[i] = (uint32_t)i;
        if (!first)
            continue;                          /* the first block stays empty: leaves point there, and find no label */
        b->next[i] = 0;
        b->previous[i] = b->previous[0];
        b->next[b->previous[0]] = (uint32_t)i;
        b->previous[0] = (uint32_t)i;
    }
    if (first >= (OPEN_BLOCKS + 1) * (size_t)BLOCK)
        for (size_t i = first - OPEN_BLOCKS * BLOCK; i < first - (OPEN_BLOCKS - 1) * BLOCK; i++)
            take_slot(b, (uint32_t)i);         /* an old block is nearly full: no longer searched */
    t->count += BLOCK;
    return ZOO_OK;
}

static int fits(const struct builder *b, uint32_t base, size_t n)
{
    if (b->base_used[base])
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((b->trie->units[base ^ b->labels[i]].tag & 0x1ff) != UNUSED)
            return 0;
    return 1;
}

/* A base whose slots for the n labels are free. 0: no memory. */
static uint32_t find_base(struct builder *b, size_t n)
{
    int tries = 0;

    for (uint32_t slot = b->next[0]; slot && tries < TRIES_MAX; slot = b->next[slot], tries++)
        if (fits(b, slot ^ b->labels[0], n))
            return slot ^ b->labels[0];
    if (grow_block(b))
        return 0;
    for (uint32_t base = (uint32_t)b->trie->count - BLOCK; base < b->trie->count; base++)
        if (fits(b, base, n) && (b->trie->units[base ^ b->labels[0]].tag & 0x1ff) == UNUSED)
            return base;
    return 0;
}

/* ---- nodes ---- */

static int push(struct builder *b, struct range range)
{
    if (b->stacked == b->stack_capacity) {
        size_t capacity = b->stack_capacity ? 2 * b->stack_capacity : 1024;
        struct range *grown = realloc(b->stack, capacity * sizeof *grown);
        if (!grown)
            return ZOO_ENOMEM;
        b->stack = grown;
        b->stack_capacity = capacity;
    }
    b->stack[b->stacked++] = range;
    return ZOO_OK;
}

/* Gives the keys that end at the range's node to it, and lists the labels of its children. */
static size_t collect_labels(struct builder *b, struct range *range)
{
    zoo_trie_unit *unit = &b->trie->units[range->node];
    size_t n = 0;

    for (; range->from < range->to && b->keys[range->from].size == range->depth; range->from++)
        unit->tag = (unit->tag & 0x1ff) | (b->keys[range->from].value + 1) << 9;
    for (uint32_t i = range->from; i < range->to; i++) {
        unsigned char label = (unsigned char)b->keys[i].at[range->depth];
        if (n && b->labels[n - 1] == label)
            continue;
        b->labels[n] = label;
        b->begins[n++] = i;
    }
    b->begins[n] = range->to;
    return n;
}

static int place_children(struct builder *b, struct range range)
{
    size_t n = collect_labels(b, &range);
    uint32_t base;

    if (!n)
        return ZOO_OK;
    base = find_base(b, n);
    if (!base)
        return ZOO_ENOMEM;
    b->trie->units[range.node].base = base;
    b->base_used[base] = 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = base ^ b->labels[i];
        take_slot(b, slot);
        b->trie->units[slot].tag = b->labels[i];
        if (push(b, (struct range){ b->begins[i], b->begins[i + 1], range.depth + 1, slot }))
            return ZOO_ENOMEM;
    }
    return ZOO_OK;
}

int zoo_trie_build(zoo_trie *trie, const zoo_trie_key *keys, size_t n, zoo_err *err)
{
    struct builder b = { .trie = trie };
    zoo_trie_key *sorted;
    char *text;
    int rc;

    *trie = (zoo_trie){ 0 };
    rc = sort_keys(keys, n, &sorted, &text);
    b.keys = sorted;
    if (!rc)
        rc = grow_block(&b);
    if (!rc)
        rc = push(&b, (struct range){ 0, (uint32_t)n, 0, ZOO_TRIE_ROOT });
    while (!rc && b.stacked)
        rc = place_children(&b, b.stack[--b.stacked]);
    free(b.base_used);
    free(b.next);
    free(b.previous);
    free(b.stack);
    free(sorted);
    free(text);
    if (rc) {
        zoo_trie_release(trie);
        return zoo_fail_nomem(err);
    }
    return ZOO_OK;
}

void zoo_trie_release(zoo_trie *trie)
{
    free(trie->units);
    *trie = (zoo_trie){ 0 };
}

uint32_t zoo_trie_find(const zoo_trie *trie, const char *s, size_t size)
{
    uint32_t node = ZOO_TRIE_ROOT;

    if (!trie->count)
        return ZOO_TRIE_NONE;
    for (size_t i = 0; i < size; i++)
        if (!zoo_trie_step(trie, &node, (unsigned char)s[i]))
            return ZOO_TRIE_NONE;
    return size ? zoo_trie_value(trie, node) : ZOO_TRIE_NONE;
}
