/* checkpoint.h - config.json of a router's folder: what it says besides the weights.
 *
 *     { "architectures": ["ZooterNgramForSequenceClassification"], "model_type": "zooter-ngram",
 *       "id2label": {"0": "first-expert", ...}, "label2id": {"first-expert": 0, ...},
 *       "zooter": { "format": 1, "encoder": {...}, "text_limit": 4096, "temperature": 0.1,
 *                   "mean_rewards": {"first-expert": 0.41, ...}, "tags": [{"kind": "subset", "values": ["mmlu", ...]}],
 *                   "training": {...} } }
 *
 * Everything of ours stands under `zooter`; what we do not know is left alone. An encoder of another model_type than
 * zooter-ngram needs no `zooter` at all: temperature is 1 then, mean rewards are unknown.
 * Layer: model -> base. Threads: immutable once read. */
#ifndef ZOO_MODEL_CHECKPOINT_H
#define ZOO_MODEL_CHECKPOINT_H
#include <stddef.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { ZOO_CHECKPOINT_FORMAT = 1, ZOO_CONFIG_MAX = 64 << 20 };

/* One kind of tag that the router was trained with ("subset") and its values ("mmlu", ...). */
typedef struct zoo_tag_names { const char *kind; size_t count; const char *const *values; } zoo_tag_names;

/* What a router knows besides its weights. */
typedef struct zoo_router_facts {
    size_t k;                                   /* experts, 1..ZOO_EXPERTS_MAX */
    const char *const *experts;                 /* (k), names as base/name.h allows, distinct */
    const double *mean_rewards;                 /* (k), over the training queries; NaN: unknown */
    double temperature;                         /* T of the distillation, > 0 */
    size_t kinds;
    const zoo_tag_names *tags;                  /* (kinds) */
} zoo_router_facts;

typedef struct zoo_checkpoint {
    zoo_router_facts facts;
    const char *model_type;
    int is_ngram;
    size_t text_limit;                          /* bytes; of n-gram routers, else 0 */
    /* objects under `zooter`; encoder of n-gram routers alone; training may be NULL */
    const json_t *encoder, *training;
    json_t *config;                             /* owns the JSON and most strings */
    zoo_arena arena;                            /* owns the arrays of facts */
} zoo_checkpoint;

/* Reads `size` bytes of config.json; `place` begins the sentence of an error. zoo_checkpoint_release() in any case. */
int zoo_checkpoint_parse(zoo_checkpoint *checkpoint, const char *text, size_t size, const char *place, zoo_err *err);
void zoo_checkpoint_release(zoo_checkpoint *checkpoint);

/* An object under `zooter`.`encoder`: a whole number least..most. */
int zoo_checkpoint_count(const zoo_checkpoint *checkpoint, const char *key, size_t least, size_t most, size_t *out,
                         const char *place, zoo_err *err);

/* Appends a config.json. training may be NULL. ZOO_EFORMAT where facts could not be read back. */
int zoo_checkpoint_write(zoo_buf *out, const zoo_router_facts *facts, const char *architecture, const char *model_type,
                         size_t text_limit, json_t *encoder, json_t *training, zoo_err *err);
#endif
