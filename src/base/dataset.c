/* dataset.c - queries with their tags, rewards and costs, as arrays: what the store gives and training, evaluation
 * and labelling take; see dataset.h. */
#include "base/dataset.h"
#include <string.h>

const zoo_tag_kind *zoo_dataset_kind(const zoo_dataset *data, const char *name)
{
    for (size_t i = 0; i < data->kind_count; i++)
        if (!strcmp(data->kinds[i].name, name))
            return &data->kinds[i];
    return NULL;
}

void zoo_dataset_release(zoo_dataset *data)
{
    zoo_arena_release(&data->arena);
    memset(data, 0, sizeof *data);
}
