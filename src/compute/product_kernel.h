/* product_kernel.h - what product.c and its kernels for one instruction set share; nobody else includes it.
 *
 * W is packed in panels of `columns` outputs: for each group of k (1 float, 2 bfloat16, 4 bytes: 32 bits) the groups of
 * all the panel's outputs side by side, so that a kernel loads a vector of outputs and multiplies it by 32 broadcast
 * bits of a row of x. Every backend of a precision reads this layout; only the number of columns differs. What is
 * missing at the right and at the end of k is zero.
 *
 * A kernel sums a tile of up to `rows` x `columns` into an array; the backend's finish makes results of it. Each row is
 * summed in the same order whatever rows are beside it.
 * Layer: compute -> base. Threads: pure functions. */
#ifndef ZOO_COMPUTE_PRODUCT_KERNEL_H
#define ZOO_COMPUTE_PRODUCT_KERNEL_H
#include "compute/product.h"

enum { ZOO_TILE_ROWS = 32, ZOO_TILE_COLUMNS = 32 };         /* no kernel has more */

enum { ZOO_UNROLLED_GROUPS = 4 };

/* One panel times rows of x: the group g of row r lies at x + r*stride + g*step bytes. Meanwhile, for each
 * ZOO_UNROLLED_GROUPS groups, `ahead_lines` cache lines from `ahead` on are fetched towards the
 * second-level cache, one behind the other. */
typedef struct zoo_tile {
    const void *x, *panel;
    size_t stride, step, groups;
    const void *ahead;
    size_t ahead_lines;
} zoo_tile;
/* sums: (rows, columns), float or int32_t */
typedef void (*zoo_tile_fn)(void *sums, const zoo_tile *tile, size_t rows);

/* What follows the sums of a tile. bias, and for int8 the rest, begin at the tile's first column. */
typedef struct zoo_finish {
    const float *bias;                  /* (columns) */
    const float *weight_scales;         /* (columns), int8 alone */
    const int32_t *weight_sums;         /* (columns), int8 alone */
    const float *scales;                /* (rows), int8 alone */
    const int32_t *zeros;               /* (rows), int8 alone */
    enum zoo_activation activation;
    float *out;                         /* rows `stride` apart, or NULL: */
    uint16_t *next;                     /* bfloat16 */
    size_t stride, rows, columns;       /* columns: those that exist */
} zoo_finish;

typedef struct zoo_backend {
    const char *name;
    unsigned rows, columns;             /* of a tile */
    unsigned unit;          /* rows and groups come in blocks of so many: what is read beyond x's rows must be memory */
    void (*begin)(void), (*end)(void);  /* around a thread's tiles, or NULL */
    zoo_tile_fn tile;
    void (*finish)(const zoo_finish *f, void *sums);     /* destroys the sums */
    /* One row of `width` floats as bfloat16, or as bytes with a scale and a zero. */
    void (*to_bf16)(uint16_t *out, const float *x, size_t width);
    void (*to_int8)(uint8_t *out, const float *x, size_t width, float *scale, int32_t *zero);
    /* bfloat16 pairs: out[i] holds a[i] and, above it, b[i]. */
    void (*to_pairs)(uint32_t *out, const float *a, const float *b, size_t n);
    /* out (rows, columns), rows `stride` apart, = or += sums (rows, the tile's columns), + bias unless NULL. */
    void (*put)(float *out, size_t stride, const float *sums, size_t rows, size_t columns, const float *bias, int adds);
    /* NULL where tiles take groups of rows too (zoo_tile.stride 4). Else: `unit` such groups, each of `rows` words, as
     * rows of `unit` words, `stride` bytes apart. */
    void (*turn)(void *out, size_t stride, const uint32_t *groups);
} zoo_backend;

/* The backend of a precision on this processor. */
const zoo_backend *zoo_backend_choose(enum zoo_precision precision);

extern const zoo_backend zoo_portable_f32, zoo_portable_bf16, zoo_portable_int8;
#if defined __x86_64__
extern const zoo_backend zoo_avx2_f32, zoo_avx2_bf16, zoo_avx2_int8;
extern const zoo_backend zoo_avx512_f32, zoo_avx512_widened, zoo_avx512_bf16, zoo_avx512_int8;
extern const zoo_backend zoo_amx_bf16, zoo_amx_int8;
#endif

static inline float zoo_bf16_float(uint16_t x)
{
    union { uint32_t bits; float value; } u = { (uint32_t)x << 16 };
    return u.value;
}

/* To the nearest, ties to even; a NaN stays one. */
static inline uint16_t zoo_float_bf16(float x)
{
    union { float value; uint32_t bits; } u = { x };
    if (!(x == x))
        return (uint16_t)(u.bits >> 16 | 0x40);
    return (uint16_t)((u.bits + 0x7fff + (u.bits >> 16 & 1)) >> 16);
}
#endif
