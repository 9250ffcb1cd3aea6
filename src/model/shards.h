/* shards.h - model.safetensors.index.json and its like: which file of a folder holds which tensor.
 * File names are names alone: one that could leave the folder is refused.
 * Layer: model -> base. Threads: immutable once read. */
#ifndef ZOO_MODEL_SHARDS_H
#define ZOO_MODEL_SHARDS_H
#include <stddef.h>
#include "base/err.h"
#include "base/json.h"

enum { ZOO_SHARDS_MAX = 256, ZOO_SHARDS_INDEX_MAX = 32 << 20 };

typedef struct zoo_shards {
    const char *files[ZOO_SHARDS_MAX];          /* distinct names, as the index first says them */
    size_t count;
    json_t *index;                              /* owns the names */
} zoo_shards;

/* `suffix`: how the name of a shard must end. zoo_shards_release() in any case. */
int zoo_shards_parse(zoo_shards *shards, const char *text, size_t size, const char *suffix, const char *path,
                     zoo_err *err);
int zoo_shards_read(zoo_shards *shards, const char *path, const char *suffix, zoo_err *err);
void zoo_shards_release(zoo_shards *shards);
/* The object tensor -> file. */
const json_t *zoo_shards_map(const zoo_shards *shards);
#endif
