/* router.h - what the other rooms see of a router beyond zooter.h: its tags and its reasons.
 * Dimensions: k experts, G tag values of all kinds, side by side in the order of zoo_router_facts.
 * Layer: model. Threads: as zooter.h. */
#ifndef ZOO_MODEL_ROUTER_H
#define ZOO_MODEL_ROUTER_H
#include "model/checkpoint.h"
#include "model/encoder.h"
#include "zooter.h"

/* Experts, mean rewards, temperature, tags; valid until zoo_router_close(). */
const zoo_router_facts *zoo_router_facts_of(const zoo_router *router);
/* The `training` object of the checkpoint: how it was trained; NULL where it does not say. Borrowed. */
const json_t *zoo_router_training(const zoo_router *router);
/* G */
size_t zoo_router_tag_count(const zoo_router *router);

/* Whether queries are cheaper together, and a workspace has threads of its own for one of them:
 * true of encoders, not of n-grams. */
int zoo_router_packs(const zoo_router *router);

/* Whether zoo_router_explain() can say anything. */
int zoo_router_explains(const zoo_router *router);

/* probabilities (G): for each kind of tag, how likely each of its values is; they sum to 1 inside a kind. */
int zoo_router_tags(const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                    float *probabilities, zoo_err *err);
/* What made expert `expert` better than `against`; see zoo_encoder_class.explain.
 * ZOO_EUSAGE where the encoder cannot say. */
int zoo_router_explain(const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                       size_t expert, size_t against, zoo_evidence **reasons, size_t *count, double *rest,
                       zoo_err *err);
#endif
