/* upstreams.h - the experts of the settings and those of the router, brought together: who can be asked,
 * how, and in which order.
 * Dimensions: n experts in the settings, k in the router. An expert that only the router knows is never asked; one that
 * only the settings know is asked by its name alone. Layer: gateway -> model, llm, route.
 * Threads: immutable once made. */
#ifndef ZOO_GATEWAY_UPSTREAMS_H
#define ZOO_GATEWAY_UPSTREAMS_H
#include <stddef.h>
#include "base/log.h"
#include "gateway/config.h"
#include "zooter.h"

typedef struct zoo_upstream {
    const zoo_expert *expert;
    const char *url;                      /* of chat completions */
    const char *authorization;            /* "Authorization: Bearer ...", or NULL. Secret. */
    const char *model;                    /* as a JSON string with its quotes */
} zoo_upstream;

typedef struct zoo_upstreams {
    size_t n, k;
    zoo_upstream *items;                  /* (n), as in the settings */
    const char **names;                   /* (n) */
    size_t *of_router;                    /* (k): index among the n */
    unsigned char *allowed;               /* (k): 0: the settings lack it */
    size_t shared;                        /* experts that both know, >= 1 */
    size_t *default_order;      /* (default_count) of the n: the default expert, then the others by their mean reward */
    size_t default_count;                 /* at most shared + 1 */
    zoo_arena arena;
} zoo_upstreams;

/* `config` and `router` must outlive it. What is left out is warned of in the log.
 * ZOO_EFORMAT: the two share no expert. */
int zoo_upstreams_init(zoo_upstreams *upstreams, const zoo_gateway_config *config, const zoo_router *router,
                       const zoo_log *log, zoo_err *err);
void zoo_upstreams_release(zoo_upstreams *upstreams);
/* Experts of the settings in the order of `probabilities` (k), the most probable first,
 * into order[0..shared); how many. */
size_t zoo_upstreams_order(const zoo_upstreams *upstreams, const float *probabilities, size_t *order);
#endif
