/* attention_kernel.h - what attention.c and its kernels for one instruction set share; nobody else includes it.
 *
 * Keys and tables are packed in groups of 32 bits along d: one float, or two bfloat16. G groups hold d, zeros behind it. The groups
 * of 16 keys, or of all columns of a table, lie side by side, so that a vector holds one group of 16 keys:
 *     keys (T/16, G, 16)      a head's table (G, C), C = 2A and room for a vector read past the end
 * Layer: compute -> base. Threads: pure functions. */
#ifndef ZOO_COMPUTE_ATTENTION_KERNEL_H
#define ZOO_COMPUTE_ATTENTION_KERNEL_H
#include <stdbool.h>
#include "compute/attention.h"
#include "compute/attend.h"

enum { ZOO_LANES = 16, ZOO_QUERY_BLOCK = 32 };

typedef void zoo_attend_bwd_fn(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *g, const float *p,
                               size_t ldp, void *scratch);

typedef struct zoo_attention_kernel {
    const char *name;
    unsigned group;                     /* numbers in 32 bits: 1 float, 2 bfloat16 */
    size_t (*scratch)(size_t max_T, size_t d, size_t A);
    /* is_rounded, where group is 1: round what is multiplied to bfloat16, but multiply it as float32. */
    void (*run)(const zoo_attention *a, bool is_rounded, void *scratch);
    /* p (queries, ldp): probabilities of all queries, zeros behind T up to whole vectors of 16; coins are not read. */
    void (*probabilities)(const zoo_attention *a, bool is_rounded, float *p, size_t ldp, void *scratch);
    /* One head's table (rows, d), rows `stride` floats apart, into to (G, C). */
    void (*pack_table)(void *to, size_t C, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded);
    /* Bytes; and gradients of attend.h, given the probabilities. */
    size_t (*bwd_scratch)(size_t T, size_t d, size_t C);
    zoo_attend_bwd_fn *bwd;
} zoo_attention_kernel;

/* The kernel of this processor. int8 attends as bfloat16 does. */
const zoo_attention_kernel *zoo_attention_choose(enum zoo_precision precision);

struct zoo_attention_positions {
    size_t A, heads, d, groups, stride; /* G; C */
    unsigned group;
    int32_t first_column;               /* of the packed tables */
    void *key, *query;                  /* (heads, G, C) floats or pairs, or NULL */
};

extern const zoo_attention_kernel zoo_attention_portable;
zoo_attend_bwd_fn zoo_attend_portable_bwd, zoo_attend_avx2_bwd, zoo_attend_avx512_bwd, zoo_attend_avx512_bf16_bwd;
size_t zoo_attend_portable_scratch(size_t T, size_t d, size_t C), zoo_attend_avx2_scratch(size_t T, size_t d, size_t C),
    zoo_attend_avx512_scratch(size_t T, size_t d, size_t C);
#if defined(__x86_64__)
extern const zoo_attention_kernel zoo_attention_avx2, zoo_attention_avx512, zoo_attention_avx512_bf16;
#endif

static inline size_t zoo_round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Columns of a packed table of so many rows: whole vectors, and two to read past the end. */
static inline size_t zoo_attention_padded(size_t rows)
{
    return zoo_round_up(rows, ZOO_LANES) + 2 * ZOO_LANES;
}

/* out[x] = c(i - j) - first_column at x = j - i + last: the columns of keys j = 0, 1... for query i begin at out + last - i. */
void zoo_attention_columns(int32_t *out, size_t count, size_t last, const zoo_attention *a);
#endif
