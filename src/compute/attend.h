/* attend.h - attention in training: one head over one query with dropout of probabilities and position tables that
 * change, and its backward pass: gradients of queries, keys, values and position tables. Nothing is kept between
 * forward and backward but what the caller keeps anyway: probabilities are computed again. What is computed, and in
 * which precision: attention.h.
 * Dimensions: T tokens, d head size, C rows of a position table that T tokens reach.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. Refuses to allocate. */
#ifndef ZOO_COMPUTE_ATTEND_H
#define ZOO_COMPUTE_ATTEND_H
#include <stddef.h>
#include <stdint.h>
#include "compute/dropout.h"
#include "compute/product.h"

typedef struct zoo_attend {
    size_t T, d, C, queries;                    /* queries: rows 0..queries of the result are wanted, 1..T */
    enum zoo_precision precision;               /* ZOO_PRECISION_BF16: products of bfloat16; else of float32 */
    float scale;
    const float *q, *k, *v;                     /* (T,d), rows `stride` floats apart */
    size_t stride;
    const float *pos_key, *pos_query;           /* (C,d), rows pos_stride apart; NULL: that term is left out */
    size_t pos_stride;
    const int32_t *columns;      /* columns[r] - first_column, -T < r < T: the row of a table for relative position r */
    int32_t first_column;
    zoo_coins coins;                            /* of the probabilities; rows of coins are numbered from first_row */
    uint64_t first_row;
} zoo_attend;

size_t zoo_attend_scratch(size_t T, size_t d, size_t C);                        /* floats, both passes and precisions */
/* out (queries,d), rows out_stride apart */
void zoo_attend_fwd(const zoo_attend *a, float *out, size_t out_stride, float *scratch);

/* Gradients, all added to; strides as of what they belong to. */
typedef struct zoo_attend_gradients { float *q, *k, *v, *pos_key, *pos_query; } zoo_attend_gradients;
void zoo_attend_bwd(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *gradients,
                    float *scratch);
#endif
