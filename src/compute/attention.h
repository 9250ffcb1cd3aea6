/* attention.h - softmax(scores) V for one head of one query, with DeBERTa's disentangled scores or plain ones; memory
 * does not grow with T^2.
 *
 *     score(i,j) = ( q_i . k_j  +  q_i . pos_key[c(i-j)]  +  k_j . pos_query[c(i-j)] ) * scale
 *
 * c(r) = clamp(bucket(r) + A, 0, 2A-1); a table that is NULL: that term is left out. Only the columns in use are
 * computed. A row of the result depends on nothing but q_i, K, V and the tables: not on which rows are asked for
 * together, so that heads and ranges of queries may be shared out to a team in any way.
 * Precision: float32 multiplies in float32; bfloat16 rounds q, k, v, the tables and the probabilities to bfloat16 and
 * sums in float32. int8 does so, but that scores are sums of products of bytes where the processor has such products
 * (VNNI): each row of q, k and the tables in 8 bits with a scale of its own. The softmax is float32.
 * Dimensions: T tokens, d head size, 2A rows of a position table.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. Refuses to allocate, but for
 * zoo_attention_positions_new. */
#ifndef ZOO_COMPUTE_ATTENTION_H
#define ZOO_COMPUTE_ATTENTION_H
#include <stddef.h>
#include <stdint.h>
#include "compute/dropout.h"
#include "compute/product.h"

/* Relative position r -> bucket (spec/deberta-v2.md step 3; He et al. 2021), in the float width of the reference.
 * buckets 0: none, r itself. */
int zoo_position_bucket(int r, int buckets, int max_relative);
/* columns (2 * max_distance + 1): columns[r + max_distance] = c(r). */
void zoo_position_columns(int32_t *columns, size_t max_distance, size_t A, int buckets, int max_relative);

/* A layer's position tables in the layout that the kernel likes. Immutable. */
typedef struct zoo_attention_positions zoo_attention_positions;
/* key, query (2A, H) or NULL: projected position tables of all heads (R Wk + bk, R Wq + bq),
 * H = heads * d. ZOO_ENOMEM. */
int zoo_attention_positions_new(zoo_attention_positions **out, enum zoo_precision precision, size_t A, size_t heads,
                                size_t d, const float *key, const float *query, zoo_err *err);
void zoo_attention_positions_free(zoo_attention_positions *positions);      /* NULL is fine */
size_t zoo_attention_positions_bytes(const zoo_attention_positions *positions);

typedef struct zoo_attention {
    size_t T, d;
    float scale;
    const int32_t *columns;                  /* (2 * max_distance + 1), ascending; steps of more than one are slower; */
    size_t max_distance;                     /* further off c(r) is that of the end. Not read where positions is NULL */
    const zoo_attention_positions *positions;   /* of the same precision; NULL: plain attention */
    size_t head;                                /* of positions */
    const float *q, *k, *v;                     /* (T, d), rows `stride` floats apart */
    size_t stride;
    size_t first_query, queries;                /* rows of the result that are wanted */
    float *out; size_t out_stride;              /* (queries, d); NULL: into `next` */
    zoo_input *next;       /* bfloat16 or float32: row first_row + i, columns first_column.. of query first_query + i */
    size_t first_row, first_column;
    const zoo_coins *coins;    /* dropout of the probabilities; NULL: none. Query i's row of coins is first_coins + i */
    uint64_t first_coins;
} zoo_attention;

/* Bytes, asked for 64-byte aligned, one block a member of the team. */
size_t zoo_attention_scratch(size_t max_T, size_t d, size_t A);
void zoo_attention_run(const zoo_attention *a, enum zoo_precision precision, void *scratch);
#endif
