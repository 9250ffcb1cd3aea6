/* ngram_encoder.h - an n-gram network as a checkpoint folder. Reading it back is zoo_router_open().
 * Layer: model. */
#ifndef ZOO_MODEL_NGRAM_ENCODER_H
#define ZOO_MODEL_NGRAM_ENCODER_H
#include "model/checkpoint.h"
#include "model/ngram.h"

/* Writes the folder `dir` beside and puts it in place at once; a non-empty one is refused without `force`. facts.k and
 * facts.tags must agree with net->config. `training` (an object: how it was trained, with which result)
 * is kept as it is, or NULL. */
int zoo_ngram_save(const char *dir, int force, const zoo_ngram_net *net, const float *params,
                   const zoo_router_facts *facts, json_t *training, zoo_err *err);
#endif
