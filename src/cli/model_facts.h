/* model_facts.h - what a checkpoint folder holds,
 * read from config.json and the headers of the weight files alone. Layer: cli. */
#ifndef ZOO_CLI_MODEL_FACTS_H
#define ZOO_CLI_MODEL_FACTS_H
#include "base/err.h"
#include "base/json.h"
#include "model/weights.h"

/* A new object, the one that 'zooter model info --json' prints; NULL with a sentence. weights: open. */
json_t *zoo_model_facts(const char *dir, const zoo_weights *weights, zoo_err *err);
#endif
