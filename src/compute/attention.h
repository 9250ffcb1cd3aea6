/* attention.h - softmax(scores) V for one head of one query, with DeBERTa's disentangled scores or plain ones; blockwise over keys, so
 * that memory does not grow with T^2.
 *
 *     score(i,j) = ( q_i . k_j  +  q_i . pos_key[c(i-j)]  +  k_j . pos_query[c(i-j)] ) * scale
 *
 * c(r) = clamp(bucket(r) + A, 0, 2A-1); tables may be NULL: that term is left out. Only the columns in use are computed.
 * Dimensions: T tokens, d head size, 2A rows of a position table.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. Refuses to allocate. */
#ifndef ZOO_COMPUTE_ATTENTION_H
#define ZOO_COMPUTE_ATTENTION_H
#include <stddef.h>
#include <stdint.h>
#include "compute/product.h"

/* Relative position r -> bucket (spec/deberta-v2.md step 3; He et al. 2021), in the float width of the reference.
 * buckets 0: none, r itself. */
int zoo_position_bucket(int r, int buckets, int max_relative);

/* Constants of a layer's head in the layout that the kernel likes; see zoo_attention_positions_*. */
typedef struct zoo_attention_positions zoo_attention_positions;
/* key, query (2A, H) or NULL: projected position tables of all heads (R Wk + bk, R Wq + bq), H = heads * d. columns[r + max_distance]
 * = c(r) for |r| <= max_distance; further off c(r) is that of the end. */
int zoo_attention_positions_new(zoo_attention_positions **out, enum zoo_precision precision, size_t A, size_t heads, size_t d,
                                const float *key, const float *query, zoo_err *err);
void zoo_attention_positions_free(zoo_attention_positions *positions);

typedef struct zoo_attention {
    size_t T, d;
    float scale;
    const int32_t *columns;                     /* (2 * max_distance + 1) */
    size_t max_distance;
    const zoo_attention_positions *positions;   /* NULL: plain attention */
    size_t head;
    const float *q, *k, *v;                     /* (T, d), rows `stride` floats apart */
    size_t stride;
    size_t first_query, queries;                /* rows of the result that are wanted */
    float *out; size_t out_stride;              /* (queries, d) */
} zoo_attention;

size_t zoo_attention_scratch(size_t max_T, size_t d, size_t A);     /* bytes, 64-byte aligned, one a member */
void zoo_attention_run(const zoo_attention *a, enum zoo_precision precision, void *scratch);
#endif
