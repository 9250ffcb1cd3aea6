/* fresh.h - a checkpoint folder to train from: random weights for a config, or a backbone with a head for given
 * experts. The names in it are those under which transformers looks for a sequence classifier.
 * Memory does not grow with the weights.
 * Layer: train -> model, base. Threads: one call, one thread. */
#ifndef ZOO_TRAIN_FRESH_H
#define ZOO_TRAIN_FRESH_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/progress.h"

typedef struct zoo_fresh {
    const char *out;                            /* the folder, which appears when it is complete */
    bool replaces;                              /* it may hold something */
    const char *config;                         /* config.json of a network with random weights, or NULL: */
    const char *backbone;                       /* a checkpoint folder */
    const char *tokenizer;                      /* with `config`: a folder whose files are taken along, or NULL */
    const char *const *experts;                 /* (count) names, distinct */
    size_t count;                               /* 0, with `config` alone: the labels of the config */
    uint64_t seed;                              /* same seed, same bytes */
    zoo_progress *progress;                     /* of bytes written; NULL: silent */
} zoo_fresh;

typedef struct zoo_fresh_done {
    size_t tensors, drawn;                      /* drawn: matrices at random, all or in part */
    size_t kept, left_out;          /* experts whose row of the classifier was kept; tensors of the backbone not used */
    uint64_t parameters;
} zoo_fresh_done;

int zoo_fresh_make(const zoo_fresh *job, zoo_fresh_done *done, zoo_err *err);
#endif
