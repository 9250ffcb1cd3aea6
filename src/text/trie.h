/* trie.h - byte strings to numbers, walked byte by byte: a double array, built once, read by any number of threads.
 *
 *     zoo_trie trie;
 *     zoo_trie_build(&trie, keys, n, &err);
 *     uint32_t node = ZOO_TRIE_ROOT;
 *     while (i < size && zoo_trie_step(&trie, &node, s[i++]))
 *         if (zoo_trie_value(&trie, node) != ZOO_TRIE_NONE) ... s[0..i) is a key
 *     zoo_trie_release(&trie);
 *
 * A node is one slot of 8 bytes. The child of a node for byte c stands at (its base XOR c) and carries c as its label;
 * no two nodes share a base, so the label alone proves the parent. Layer: text -> base.
 * Threads: immutable once built. */
#ifndef ZOO_TEXT_TRIE_H
#define ZOO_TEXT_TRIE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { ZOO_TRIE_ROOT = 0, ZOO_TRIE_VALUE_MAX = (1 << 23) - 2, ZOO_TRIE_KEY_MAX = 4096 };
#define ZOO_TRIE_NONE UINT32_MAX

typedef struct zoo_trie_unit {
    uint32_t base;
    uint32_t tag;                   /* label in bits 0..8, 256: of no byte; value + 1 above, 0: no key ends here */
} zoo_trie_unit;

typedef struct zoo_trie {
    zoo_trie_unit *units;           /* (count), a multiple of 256 */
    size_t count;
} zoo_trie;

typedef struct zoo_trie_key {
    const char *at;
    uint32_t size;                  /* 1..ZOO_TRIE_KEY_MAX */
    uint32_t value;                 /* <= ZOO_TRIE_VALUE_MAX */
} zoo_trie_key;

/* In any order; of equal keys the one with the highest value counts. keys may be freed afterwards. */
int zoo_trie_build(zoo_trie *trie, const zoo_trie_key *keys, size_t n, zoo_err *err);
void zoo_trie_release(zoo_trie *trie);                              /* zeroed afterwards */
/* The value of exactly s[0..size), or ZOO_TRIE_NONE. */
uint32_t zoo_trie_find(const zoo_trie *trie, const char *s, size_t size);

/* 1: *node is its child for `byte`; 0: it has none. */
static inline int zoo_trie_step(const zoo_trie *trie, uint32_t *node, unsigned char byte)
{
    uint32_t next = trie->units[*node].base ^ byte;

    if ((trie->units[next].tag & 0x1ff) != byte)
        return 0;
    *node = next;
    return 1;
}

static inline uint32_t zoo_trie_value(const zoo_trie *trie, uint32_t node)
{
    return (trie->units[node].tag >> 9) - 1;
}
#endif
