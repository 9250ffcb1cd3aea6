/* names.c - open addressing with linear probing, at most half full. */
#include "base/names.h"
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/err.h"
#include "base/rng.h"

enum { MOST = INT32_MAX };               /* a slot holds a number and one more */

/* The slot of the name, or the free one where it would go. */
static size_t probe(const zoo_names *t, const char *text, size_t size, uint64_t hash)
{
    size_t slot = (size_t)hash & (t->slot_count - 1);

    while (t->slots[slot]) {
        const struct zoo_name *n = &t->items[t->slots[slot] - 1];
        if (n->hash == hash && n->size == size && !memcmp(n->text, text, size))
            break;
        slot = (slot + 1) & (t->slot_count - 1);
    }
    return slot;
}

int zoo_names_find(const zoo_names *t, const char *text, size_t size, uint32_t *number)
{
    size_t slot;

    if (!t->count)
        return 0;
    slot = probe(t, text, size, zoo_hash64(text, size, 0));
    if (!t->slots[slot])
        return 0;
    *number = t->slots[slot] - 1;
    return 1;
}

/* Twice the slots, or the first. */
static int grow_slots(zoo_names *t)
{
    size_t slot_count = t->slot_count ? t->slot_count * 2 : 64;
    uint32_t *slots = calloc(slot_count, sizeof *slots);

    if (!slots)
        return ZOO_ENOMEM;
    free(t->slots);
    t->slots = slots;
    t->slot_count = slot_count;
    for (size_t i = 0; i < t->count; i++)
        slots[probe(t, t->items[i].text, t->items[i].size, t->items[i].hash)] = (uint32_t)i + 1;
    return ZOO_OK;
}

int zoo_names_add(zoo_names *t, const char *text, size_t size, uint32_t *number)
{
    uint64_t hash = zoo_hash64(text, size, 0);
    const char *copy;
    int rc;

    if (zoo_names_find(t, text, size, number))
        return ZOO_OK;
    rc = zoo_array_grow(&t->items, &t->capacity, t->count + 1, sizeof *t->items, t->limit < MOST ? t->limit : MOST);
    if (rc)
        return rc;
    if (t->count >= t->slot_count / 2 && grow_slots(t))
        return ZOO_ENOMEM;
    copy = zoo_arena_copy(&t->arena, text, size);
    if (!copy)
        return ZOO_ENOMEM;
    *number = (uint32_t)t->count;
    t->items[t->count++] = (struct zoo_name){ copy, size, hash };
    t->slots[probe(t, text, size, hash)] = *number + 1;
    return ZOO_OK;
}

void zoo_names_clear(zoo_names *t)
{
    zoo_arena_release(&t->arena);
    free(t->items);
    free(t->slots);
    *t = (zoo_names){ .limit = t->limit };
}
