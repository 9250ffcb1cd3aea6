/* zooter.h - libzooter: which LLM is the expert for this query? Answered in-process, without a network.
 *
 *     zoo_err err;
 *     zoo_router *router;
 *     zoo_workspace *workspace;
 *     zoo_decision decision;
 *
 *     if (zoo_router_open(&router, "my-router", &err) ||
 *         zoo_workspace_new(&workspace, router, &err) ||
 *         zoo_router_route(router, workspace, query, strlen(query), NULL, &decision, &err)) {
 *         fprintf(stderr, "%s\n", err.message);
 *         return 1;
 *     }
 *     puts(zoo_router_expert(router, decision.expert));
 *     zoo_workspace_free(workspace);
 *     zoo_router_close(router);
 *
 * Dimensions used below: k experts, n queries.
 *
 * Threads: a zoo_router is immutable once open; any number of threads may use one at once, each with a
 * zoo_workspace of its own. Nothing is allocated while a query is routed.
 * Errors: every function that can fail returns ZOO_OK (0) or one of the negative codes below and, where
 * `err` is not NULL, leaves a finished sentence in err->message that may be shown to a user untouched.
 * The library never prints, exits, aborts or changes signal handlers. */
#ifndef ZOOTER_H
#define ZOOTER_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZOO_API __attribute__((visibility("default")))

enum {
    ZOO_OK = 0,
    ZOO_EIO = -1,        /* the operating system refused: file, disk, network */
    ZOO_EFORMAT = -2,    /* foreign bytes are not what they should be */
    ZOO_ENOMEM = -3,
    ZOO_EUSAGE = -4,     /* the caller asked for something that cannot be */
    ZOO_ECONFLICT = -5,  /* what is stored says otherwise */
    ZOO_ECANCELED = -6   /* stopped on request */
};

/* Filled in by whatever fails; holds no pointers, may be copied. */
typedef struct zoo_err {
    int code;            /* ZOO_E* */
    char message[1000];  /* one sentence, UTF-8, no newline, NUL-terminated */
} zoo_err;

typedef struct zoo_router zoo_router;        /* a trained router: encoder, head, experts */
typedef struct zoo_workspace zoo_workspace;  /* one thread's memory for routing */

typedef struct zoo_decision {
    size_t expert;       /* 0..k-1; the most probable, the lower index where two are equal */
    float probability;   /* of that expert, 0..1 */
    float margin;        /* probability less that of the runner-up, 0..1; 1 with a single expert */
    int was_cut;         /* 1: the query was longer than zoo_router_text_limit() and only its beginning was read */
} zoo_decision;

/* Version of the library, such as "0.1.0". Static. */
ZOO_API const char *zoo_version(void);

/* Opens the checkpoint folder `dir` (config.json, model.safetensors). The folder may be replaced or
 * deleted afterwards. ZOO_EIO, ZOO_EFORMAT or ZOO_ENOMEM with *out = NULL. */
ZOO_API int zoo_router_open(zoo_router **out, const char *dir, zoo_err *err);
/* Frees the router; no workspace of it may be in use. NULL is fine. */
ZOO_API void zoo_router_close(zoo_router *router);

/* k, at least 1. */
ZOO_API size_t zoo_router_expert_count(const zoo_router *router);
/* Name of expert i (0..k-1), valid until zoo_router_close(); NULL past the end. */
ZOO_API const char *zoo_router_expert(const zoo_router *router, size_t i);
/* The expert with the best mean reward over the training queries: what to ask where the query says nothing. */
ZOO_API size_t zoo_router_best_on_average(const zoo_router *router);
/* Bytes of a query that are read; what follows is ignored, in training, routing and serving alike. */
ZOO_API size_t zoo_router_text_limit(const zoo_router *router);
/* T of the distillation: T * (log p_i - log p_j) estimates the reward of expert i less that of expert j. */
ZOO_API float zoo_router_temperature(const zoo_router *router);

/* One thread's scratch memory for `router`; free it before the router. */
ZOO_API int zoo_workspace_new(zoo_workspace **out, const zoo_router *router, zoo_err *err);
ZOO_API void zoo_workspace_free(zoo_workspace *workspace);

/* Routes one query of `size` bytes of UTF-8 (bytes that are not UTF-8 are read as U+FFFD; an empty query is fine).
 * probabilities: (k), sums to 1, or NULL. decision: may be NULL. */
ZOO_API int zoo_router_route(const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                             float *probabilities, zoo_decision *decision, zoo_err *err);

/* Routes n queries on `threads` threads (0: one per processor). probabilities (n,k) and decisions (n) may be NULL;
 * the results do not depend on `threads`. */
ZOO_API int zoo_router_route_batch(const zoo_router *router, const char *const *queries, const size_t *sizes, size_t n,
                                   unsigned threads, float *probabilities, zoo_decision *decisions, zoo_err *err);

#ifdef __cplusplus
}
#endif
#endif
