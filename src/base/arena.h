/* arena.h - many small blocks of one lifetime, given back together. Layer: base. Threads: one owner. */
#ifndef ZOO_BASE_ARENA_H
#define ZOO_BASE_ARENA_H
#include <stddef.h>

typedef struct zoo_arena { struct zoo_arena_block *blocks; } zoo_arena;      /* zeroed: empty */

void *zoo_arena_alloc(zoo_arena *arena, size_t size);                /* aligned for any type, zeroed; NULL: no memory */
char *zoo_arena_copy(zoo_arena *arena, const char *s, size_t size);   /* NUL-terminated copy; NULL: no memory */
void zoo_arena_release(zoo_arena *arena);                             /* all of it; may be used again */
#endif
