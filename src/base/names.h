/* names.h - the hash table: strings to small numbers, 0 for the first that was seen, and so on. What belongs to a name
 * lies in an array of the caller's, at its number.
 *
 *     zoo_names experts = { .limit = 65536 };
 *     if (zoo_names_add(&experts, "gpt-4", 5, &number)) ...        // found, or new: then number == experts.count - 1
 *     printf("%s\n", experts.items[number].text);
 *     zoo_names_clear(&experts);
 *
 * Layer: base. Threads: one owner. Refuses to grow past its limit and to forget one name of several. */
#ifndef ZOO_BASE_NAMES_H
#define ZOO_BASE_NAMES_H
#include <stdint.h>
#include "base/arena.h"

typedef struct zoo_names {
    struct zoo_name { const char *text; size_t size; uint64_t hash; } *items;      /* (count); text is NUL-terminated */
    uint32_t *slots;                     /* (slot_count, a power of two): number and one more; 0 is free */
    size_t count, capacity, slot_count, limit;
    zoo_arena arena;
} zoo_names;

/* Zeroed but for `limit`: empty. */
int zoo_names_find(const zoo_names *names, const char *text, size_t size, uint32_t *number);       /* 1: found; 0 */
/* Finds or adds. ZOO_ENOMEM; ZOO_EUSAGE: the limit is reached. Nothing is changed by a failure. */
int zoo_names_add(zoo_names *names, const char *text, size_t size, uint32_t *number);
void zoo_names_clear(zoo_names *names);              /* empty, with its limit; memory given back */
#endif
