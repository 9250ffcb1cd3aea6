/* model.h - what the other rooms see of a zoo_model beyond zooter.h. Layer: model. Threads: as zooter.h. */
#ifndef ZOO_MODEL_MODEL_H
#define ZOO_MODEL_MODEL_H
#include "model/transformer.h"
#include "zooter.h"

const zoo_transformer_config *zoo_model_config(const zoo_model *model);
/* zoo_model_score() that also says of each text whether only its beginning was read: was_cut (n), or NULL. */
int zoo_model_score_cut(const zoo_model *model, zoo_session *session, const zoo_text *texts, const zoo_text *pairs,
                        size_t n, float *logits, int *was_cut, zoo_err *err);
#endif
