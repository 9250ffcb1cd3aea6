/* dataset.h - queries with their tags, rewards and costs, as arrays: what the store gives and training,
 * evaluation and labelling take.
 * Dimensions: n queries, k experts, m reward models. A plain value: whoever builds it fills the arena,
 * everyone else reads.
 * Layer: base. Threads: immutable once built; share freely. */
#ifndef ZOO_BASE_DATASET_H
#define ZOO_BASE_DATASET_H
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"

/* One kind of tag ("subset", "subject") over all rows. */
typedef struct zoo_tag_kind {
    const char *name;
    size_t values;                  /* distinct tags of this kind in the data set */
    const char **value_names;       /* (values): "mmlu", without the kind */
    size_t *offsets;                /* (n + 1): row i has tags[offsets[i] .. offsets[i+1]) */
    uint32_t *tags;                 /* (offsets[n]): 0..values-1 */
} zoo_tag_kind;

typedef struct zoo_dataset {
    size_t n, k, m;                 /* queries, experts, reward models */
    size_t aside;                   /* the last so many rows are held aside: of another split than the others */
    const char **ids;               /* (n) */
    const char **queries;           /* (n), NUL-terminated UTF-8 */
    size_t *query_sizes;            /* (n), bytes */
    const char **experts;           /* (k), in the order in which the store first saw them */
    const char **reward_models;     /* (m) names; NULL where the data set was made without */
    double *rewards;
        /* (m,n,k): those of the first reward model, (n,k), lead, and are what is trained on and judged by.
                                       NaN: that expert has no reward for that query. Doubles, because floats of 1e9 +
                                          {0, 1} are alike:
                                       whoever wants floats takes a common part off first */
    double *costs;                  /* (n,k) dollars that an answer costs; NaN: not known. NULL: none is known at all */
    double *tokens_in, *tokens_out; /* (n,k) likewise, tokens of the question and of its answer */
    size_t kind_count;
    zoo_tag_kind *kinds;            /* (kind_count); "dataset" and "subset" are kinds like the others */
    zoo_arena arena;                /* owns everything above */
} zoo_dataset;

const zoo_tag_kind *zoo_dataset_kind(const zoo_dataset *data, const char *name);      /* NULL: no such kind */
void zoo_dataset_release(zoo_dataset *data);                                        /* zeroed afterwards */
#endif
