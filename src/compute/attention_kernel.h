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
#include "compute/dropout.h"

enum { ZOO_LANES = 16, ZOO_QUERY_BLOCK = 32 };

typedef struct zoo_attention_kernel {
    const char *name;
    unsigned group;                     /* numbers in 32 bits: 1 float, 2 bfloat16 */
    size_t (*scratch)(size_t max_T, size_t d, size_t A);
    /* is_rounded, where group is 1: round what is multiplied to bfloat16, but multiply it as float32. */
    void (*run)(const zoo_attention *a, bool is_rounded, void *scratch);
} zoo_attention_kernel;

struct zoo_attention_positions {
    size_t A, heads, d, groups, stride; /* G; C */
    unsigned group;
    void *key, *query;                  /* (heads, G, C) floats or pairs, or NULL */
};

extern const zoo_attention_kernel zoo_attention_portable;
#if defined(__x86_64__)
extern const zoo_attention_kernel zoo_attention_avx2, zoo_attention_avx512, zoo_attention_avx512_bf16;
#endif

static inline size_t zoo_round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* out[x] = c(i - j) at x = j - i + last: the columns of keys j = 0, 1... for query i begin at out + last - i. */
void zoo_attention_columns(int32_t *out, size_t count, size_t last, const zoo_attention *a);
#endif
