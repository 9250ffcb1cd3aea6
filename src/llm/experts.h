/* experts.h - the `experts:` block of a settings file: which LLMs there are and how to reach them. `serve` and
 * `collect` share it.
 *
 *     experts:
 *       - name: coder                        # what requests and routers call it
 *         base_url: http://10.0.0.5:8000/v1
 *         model: qwen2.5-coder-32b           # what the endpoint calls it; default: the name
 *         api_key_env: CODER_KEY             # environment variable with the key; default: no key
 *         price: {input: 0.2, output: 0.6}   # dollars per million tokens; default: not known
 *         context: 32768                     # tokens; default 0: unknown
 *
 * A settings struct holds `zoo_expert_entry *experts; unsigned experts_count;` and in its cyaml table
 *     CYAML_FIELD_SEQUENCE("experts", CYAML_FLAG_POINTER, struct settings, experts, &zoo_expert_schema, 0,
 *     ZOO_EXPERT_ENTRIES_MAX)
 * after zoo_yaml_load() zoo_experts_resolve() turns that into a zoo_experts. Keys never reach logs or sentences.
 * Layer: llm. Thread-safe. */
#ifndef ZOO_LLM_EXPERTS_H
#define ZOO_LLM_EXPERTS_H
#include <stddef.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/yaml.h"

enum { ZOO_EXPERT_ENTRIES_MAX = 1000 };

typedef struct zoo_expert {
    const char *name;
    const char *base_url;                 /* without a slash at its end */
    const char *model;
    const char *api_key;                  /* NULL: none. Secret. */
    int has_price;
    double price_input, price_output;     /* dollars per million tokens; 0 where there is none */
    unsigned context;                     /* tokens; 0: unknown */
} zoo_expert;

typedef struct zoo_experts {
    zoo_expert *items;
    size_t count;                         /* at least 1 */
    zoo_arena arena;                      /* owns everything above */
} zoo_experts;

/* An entry as written. */
typedef struct zoo_expert_entry {
    char *name, *base_url, *model, *api_key_env;
    struct zoo_expert_price { double input, output; } *price;
    unsigned context;
} zoo_expert_entry;

extern const cyaml_schema_value_t zoo_expert_schema;

/* Checks the entries of the file `path`, reads the keys from the environment and copies. ZOO_EFORMAT: a bad name, two
 * of one name, a URL that is not http(s), a missing variable, a bad price. *out is empty on failure. */
int zoo_experts_resolve(zoo_experts *out, const zoo_expert_entry *entries, size_t count, const char *path,
                        zoo_err *err);
/* The experts of the settings file `path`; what else `serve` reads from it is not looked at. */
int zoo_experts_load(zoo_experts *out, const char *path, zoo_err *err);
void zoo_experts_release(zoo_experts *experts);
/* NULL: none of that name. */
const zoo_expert *zoo_experts_find(const zoo_experts *experts, const char *name);
#endif
