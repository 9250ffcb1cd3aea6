/* id_list.h - ids as they are found: the first `keep` are kept, all are counted, and finding stops at `stop`.
 * Layer: text -> base. Threads: one owner. */
#ifndef ZOO_TEXT_ID_LIST_H
#define ZOO_TEXT_ID_LIST_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct zoo_id_list {
    uint32_t *ids;                  /* (min(count, keep)) */
    size_t count, keep, stop, capacity;
    int is_short;                   /* no memory for more */
} zoo_id_list;

static inline int zoo_id_list_is_full(const zoo_id_list *list)
{
    return list->count >= list->stop || list->is_short;
}

static inline void zoo_id_list_add(zoo_id_list *list, uint32_t id)
{
    if (list->count >= list->stop)
        return;
    if (list->count < list->keep) {
        if (list->count == list->capacity) {
            size_t capacity = list->capacity ? 2 * list->capacity : 1024;
            uint32_t *grown = realloc(list->ids, capacity * sizeof *grown);
            if (!grown) {
                list->is_short = 1;
                return;
            }
            list->ids = grown;
            list->capacity = capacity;
        }
        list->ids[list->count] = id;
    }
    list->count++;
}
#endif
