/* array.h - the growing array of items of one size, with a limit.
 *
 *     struct list { struct tag *items; size_t count, capacity; } list = { 0 };
 *
 *     rc = zoo_array_grow(&list.items, &list.capacity, list.count + 1, sizeof *list.items, TAGS_MAX);
 *     if (rc == ZOO_EUSAGE)
 *         return zoo_fail(err, ZOO_EFORMAT, "%s: more than %d tags", path, TAGS_MAX);
 *     if (rc)
 *         return zoo_fail_nomem(err);
 *     list.items[list.count++] = tag;
 *     ...
 *     free(list.items);
 *
 * Layer: base. Threads: one owner. Refuses to say what the limit is of: the caller's sentence does. */
#ifndef ZOO_BASE_ARRAY_H
#define ZOO_BASE_ARRAY_H
#include <stddef.h>

/* Room for `need` items, at most `limit` of them; `items_pointer` is the address of the pointer to the items, which may
 * move. Room doubles and new room is zeroed. ZOO_ENOMEM; ZOO_EUSAGE: need > limit. Nothing is changed by a failure. */
int zoo_array_grow(void *items_pointer, size_t *capacity, size_t need, size_t item_size, size_t limit);
#endif
