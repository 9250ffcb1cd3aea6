/* arena.c - many small blocks of one lifetime, given back together; see arena.h. */
#include "base/arena.h"
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

struct zoo_arena_block {
    struct zoo_arena_block *next;
    size_t used, capacity;
    alignas(max_align_t) unsigned char bytes[];
};

void *zoo_arena_alloc(zoo_arena *arena, size_t size)
{
    struct zoo_arena_block *block = arena->blocks;
    size_t align = alignof(max_align_t), need;
    void *out;

    if (size > SIZE_MAX / 2)
        return NULL;
    need = (size + align - 1) / align * align;
    if (!block || block->capacity - block->used < need) {
        size_t capacity = need > BLOCK ? need : BLOCK;
        block = malloc(sizeof *block + capacity);
        if (!block)
            return NULL;
        block->used = 0;
        block->capacity = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    out = block->bytes + block->used;
    block->used += need;
    return memset(out, 0, size);
}

char *zoo_arena_copy(zoo_arena *arena, const char *s, size_t size)
{
    char *out = zoo_arena_alloc(arena, size + 1);

    if (out && size)
        memcpy(out, s, size);
    return out;
}

void zoo_arena_release(zoo_arena *arena)
{
    while (arena->blocks) {
        struct zoo_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
