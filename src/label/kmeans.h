/* kmeans.h - spherical k-means: groups vectors of unit length by direction.
 *
 * Sparse vectors, dense centres; a centre is the mean direction of its members. Seeded by k-means++ (each further
 * centre is a vector drawn with a chance proportional to its squared distance from the nearest centre so far). A group
 * may end up empty, surely where fewer than k vectors differ; its centre is zero. The result depends on the vectors and
 * the seed, not on threads.
 * Dimensions: n vectors, d columns, k groups. Layer: label -> base. */
#ifndef ZOO_LABEL_KMEANS_H
#define ZOO_LABEL_KMEANS_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/parallel.h"
#include "base/progress.h"

typedef struct zoo_sparse {
    size_t n, d;
    const size_t *offsets;              /* (n + 1): vector i is columns and values offsets[i] .. offsets[i+1] */
    const uint32_t *columns;            /* 0..d-1, ascending within a vector */
    const float *values;                /* squares of a vector sum to 1 */
} zoo_sparse;

typedef struct zoo_kmeans_options {
    size_t k;                           /* 1..n */
    size_t rounds;               /* at most; ends earlier where fewer than one vector in a thousand changes its group */
    uint64_t seed;
    zoo_parallel *threads;
    zoo_progress *progress;             /* may be NULL; counts rounds */
} zoo_kmeans_options;

/* centres (d,k): column by column, all groups beside each other. groups (n).
 * *similarity: mean cosine of a vector and its centre. */
int zoo_kmeans(const zoo_sparse *x, const zoo_kmeans_options *options, float *centres, uint32_t *groups,
               double *similarity, zoo_err *err);
/* The group whose centre is nearest to a vector of `count` columns; the first of equals. scores (k)
 * takes the cosines. */
uint32_t zoo_kmeans_nearest(const float *centres, size_t k, const uint32_t *columns, const float *values, size_t count,
                            float *scores);
#endif
