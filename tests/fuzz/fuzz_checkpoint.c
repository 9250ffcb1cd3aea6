/* A router's config.json: whatever is accepted has experts with distinct names that may
 * reach a header, and a temperature. */
#include "fuzz.h"
#include <math.h>
#include "base/name.h"
#include "model/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_checkpoint checkpoint;
    zoo_err err = { 0 };

    if (zoo_checkpoint_parse(&checkpoint, (const char *)data, size, "config.json", &err)) {
        MUST(err.code && *err.message);
    } else {
        const zoo_router_facts *facts = &checkpoint.facts;
        MUST(facts->k >= 1 && facts->temperature > 0 && isfinite(facts->temperature));
        for (size_t i = 0; i < facts->k; i++) {
            MUST(zoo_name_check(facts->experts[i], "", NULL) == ZOO_OK);
            for (size_t j = 0; j < i; j++)
                MUST(strcmp(facts->experts[i], facts->experts[j]));
        }
    }
    zoo_checkpoint_release(&checkpoint);
    return 0;
}
