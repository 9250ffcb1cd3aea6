/* attention_kernel.h - what attention.c and its kernels for one instruction set share; nobody else includes it.
 * Layer: compute -> base. Threads: pure functions. */
#ifndef ZOO_COMPUTE_ATTENTION_KERNEL_H
#define ZOO_COMPUTE_ATTENTION_KERNEL_H
#include <stdbool.h>
#include "compute/attention.h"
#include "compute/attend.h"

enum { ZOO_LANES = 16, ZOO_QUERY_BLOCK = 32 };

typedef void zoo_attend_bwd_fn(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *g,
                               const float *p, size_t ldp, void *scratch);

typedef void zoo_attention_pack_fn(void *to, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded);

typedef struct zoo_attention_kernel {
    const char *name;
    size_t (*scratch)(size_t max_T, size_t d, size_t A);
    /* is_rounded, where floats are multiplied: round them to bfloat16 before. */
    void (*run)(const zoo_attention *a, bool is_rounded, void *scratch);
    /* One head's position table (rows, d), rows `stride` floats apart, into `to`,
     * table_bytes of zeros: as keys, and as queries. */
    size_t (*table_bytes)(size_t rows, size_t d);
    zoo_attention_pack_fn *pack_key, *pack_query;
    /* What follows is for training, and NULL where bytes are multiplied. */
    /* p (queries, ldp): probabilities of all queries, zeros behind T up to whole vectors of 16; coins are not read. */
    void (*probabilities)(const zoo_attention *a, bool is_rounded, float *p, size_t ldp, void *scratch);
    /* (rows, d), rows `stride` floats apart, into to (G, C): groups of 32 bits along d,
     * one float or two bfloat16, side by side. */
    void (*pack_table)(void *to, size_t C, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded);
    /* Bytes; and gradients of attend.h, given the probabilities. */
    size_t (*bwd_scratch)(size_t T, size_t d, size_t C);
    zoo_attend_bwd_fn *bwd;
} zoo_attention_kernel;

/* The kernel of this processor. */
const zoo_attention_kernel *zoo_attention_choose(enum zoo_precision precision);

struct zoo_attention_positions {
    size_t rows, heads, d, bytes;       /* 2A; of one head's table */
    int32_t first_column;               /* of the packed tables */
    void *key, *query;                  /* (heads) tables, or NULL */
};

extern const zoo_attention_kernel zoo_attention_portable;
zoo_attend_bwd_fn zoo_attend_portable_bwd, zoo_attend_avx2_bwd, zoo_attend_avx512_bwd, zoo_attend_avx512_bf16_bwd;
size_t zoo_attend_portable_scratch(size_t T, size_t d, size_t C), zoo_attend_avx2_scratch(size_t T, size_t d, size_t C),
    zoo_attend_avx512_scratch(size_t T, size_t d, size_t C);
#if defined(__x86_64__)
extern const zoo_attention_kernel zoo_attention_avx2, zoo_attention_avx512, zoo_attention_avx512_bf16,
    zoo_attention_avx512_vnni,
    zoo_attention_avx512_vnni_bf16;
#endif

static inline size_t zoo_round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* out[x] = c(i - j) - first_column at x = j - i + last: the columns of keys j = 0, 1...
 * for query i begin at out + last - i. */
void zoo_attention_columns(int32_t *out, size_t count, size_t last, const zoo_attention *a);
#endif
