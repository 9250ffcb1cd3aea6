/* An index of shards: whatever is accepted names files that stand in the folder itself, each once. */
#include "fuzz.h"
#include "model/shards.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_shards shards;
    zoo_err err = { 0 };

    if (zoo_shards_parse(&shards, (const char *)data, size, ".safetensors", "input", &err)) {
        MUST(err.code && *err.message);
    } else {
        MUST(shards.count >= 1 && shards.count <= ZOO_SHARDS_MAX);
        for (size_t i = 0; i < shards.count; i++) {
            const char *name = shards.files[i];
            MUST(*name && *name != '.' && !strchr(name, '/') && !strchr(name, '\\') &&
                 strlen(name) > strlen(".safetensors"));
            for (size_t j = 0; j < i; j++)
                MUST(strcmp(name, shards.files[j]));
        }
    }
    zoo_shards_release(&shards);
    return 0;
}
