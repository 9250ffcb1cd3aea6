/* product_finish.h - what follows the sums of a tile, and the conversions of inputs, as loops that the compiler
 * vectorises for the instruction set of the file that includes them. Included by product_*.c alone.
 * Layer: compute -> base. Threads: pure functions. */
#ifndef ZOO_COMPUTE_PRODUCT_FINISH_H
#define ZOO_COMPUTE_PRODUCT_FINISH_H
#include <math.h>
#include <string.h>
#include "compute/product_kernel.h"

/* a * b + c, in one instruction where the includer says that there is one (FINISH_FMA). */
#if defined FINISH_FMA || defined __aarch64__
#define MULTIPLY_ADD(a, b, c) __builtin_fmaf(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

/* 0.5 x (1 + erf(x / sqrt(2))), off by at most 5e-7 max(1, |y|). Up to |x| = 5.3 erf(x / sqrt(2)) = x P(x^2), P a
 * polynomial in t = 2 x^2 / 5.3^2 - 1 fitted by reweighted least squares;
 * further out it is 1 as far as a float can tell. */
static inline float finish_gelu(float x)
{
    float cut = x > 5.3f ? 5.3f : x < -5.3f ? -5.3f : x, t = MULTIPLY_ADD(cut * cut, 2 / (5.3f * 5.3f), -1), p, y;

    p = 0.000465020537f;
    p = MULTIPLY_ADD(p, t, -0.00144283462f);
    p = MULTIPLY_ADD(p, t, 0.00176320178f);
    p = MULTIPLY_ADD(p, t, -0.00243602856f);
    p = MULTIPLY_ADD(p, t, 0.00593298906f);
    p = MULTIPLY_ADD(p, t, -0.0114364726f);
    p = MULTIPLY_ADD(p, t, 0.0178398844f);
    p = MULTIPLY_ADD(p, t, -0.0265047569f);
    p = MULTIPLY_ADD(p, t, 0.0378019698f);
    p = MULTIPLY_ADD(p, t, -0.0505639873f);
    p = MULTIPLY_ADD(p, t, 0.064165175f);
    p = MULTIPLY_ADD(p, t, -0.0791812018f);
    p = MULTIPLY_ADD(p, t, 0.0985280573f);
    p = MULTIPLY_ADD(p, t, -0.133036911f);
    p = MULTIPLY_ADD(p, t, 0.266785115f);
    y = 0.5f * cut * MULTIPLY_ADD(cut, p, 1);
    return x > 5.3f ? x : x < -5.3f ? 0 : y;
}

/* exp(x) for x <= 0 to some 2e-7 of its value; 0 below -87; a NaN stays one. */
static inline float finish_exp(float x)
{
    float cut = x < -87 ? -87 : x, n = rintf(cut * 1.44269504f), r = cut - n * 0.693359375f + n * 2.12194440e-4f, p;
    union { int32_t bits; float value; } power = { ((int32_t)(n == n ? n : 0) + 127) * (1 << 23) };

    p = 1.3888889e-3f;
    p = MULTIPLY_ADD(p, r, 8.3333333e-3f);
    p = MULTIPLY_ADD(p, r, 4.1666667e-2f);
    p = MULTIPLY_ADD(p, r, 0.16666667f);
    p = MULTIPLY_ADD(p, r, 0.5f);
    p = MULTIPLY_ADD(p, r, 1);
    p = MULTIPLY_ADD(p, r, 1);
    return x < -87 ? 0 : p * power.value;
}

/* 1 / (1 + exp(-x)) */
static inline float finish_sigmoid(float x)
{
    float e = finish_exp(x < 0 ? x : -x), y = 1 / (1 + e);

    return x < 0 ? e * y : y;
}

static inline float finish_tanh(float x)
{
    float e = finish_exp(x < 0 ? 2 * x : -2 * x), y = (1 - e) / (1 + e);

    return x < 0 ? -y : y;
}

/* What differs between the activations is the body of one loop. */
#define FINISH_EACH(y, n, expression) do { \
        _Pragma("omp simd") \
        for (size_t i_ = 0; i_ < (n); i_++) { float v = (y)[i_]; (y)[i_] = (expression); } \
    } while (0)

static inline void finish_activate(float *y, size_t n, enum zoo_activation activation)
{
    switch (activation) {
    case ZOO_GELU: FINISH_EACH(y, n, finish_gelu(v)); break;
    case ZOO_GELU_TANH: FINISH_EACH(y, n, v * finish_sigmoid(1.59576912f * (v + 0.044715f * v * v * v))); break;
    case ZOO_RELU: FINISH_EACH(y, n, v < 0 ? 0 : v); break;
    case ZOO_TANH: FINISH_EACH(y, n, finish_tanh(v)); break;
    case ZOO_SILU: FINISH_EACH(y, n, v * finish_sigmoid(v)); break;
    case ZOO_IDENTITY: break;
    }
}

static inline void finish_to_bf16(uint16_t *restrict out, const float *restrict x, size_t width)
{
#pragma omp simd
    for (size_t i = 0; i < width; i++)
        out[i] = zoo_float_bf16(x[i]);
}

/* Sums to values: in place, over all columns of the tile, those that do not exist too. */
static inline void finish_sums(const zoo_finish *f, float *restrict y, size_t r, size_t columns)
{
    if (f->scales) {
        float scale = f->scales[r];
        int32_t zero = f->zeros[r];
#pragma omp simd
        for (size_t c = 0; c < columns; c++) {
            union { float f; int32_t i; } sum = { y[c] };
            y[c] = MULTIPLY_ADD(scale * f->weight_scales[c], (float)(sum.i - zero * f->weight_sums[c]), f->bias[c]);
        }
    } else {
#pragma omp simd
        for (size_t c = 0; c < columns; c++)
            y[c] += f->bias[c];
    }
}

/* `columns`: of the tile, a constant where this is inlined. */
static inline __attribute__((always_inline)) void finish_tile(const zoo_finish *f, float *sums, size_t columns)
{
    for (size_t r = 0; r < f->rows; r++)
        finish_sums(f, sums + r*columns, r, columns);
    finish_activate(sums, f->rows * columns, f->activation);
    for (size_t r = 0; r < f->rows; r++) {
        const float *y = sums + r*columns;
        if (f->out && f->columns == columns)
            memcpy(f->out + r*f->stride, y, columns * sizeof *y);           /* of constant size: a few instructions */
        else if (f->out)
            memcpy(f->out + r*f->stride, y, f->columns * sizeof *y);
        else if (f->columns == columns)
            finish_to_bf16(f->next + r*f->stride, y, columns);
        else
            finish_to_bf16(f->next + r*f->stride, y, f->columns);
    }
}

/* Who has something better for few columns defines FINISH_PAIRS. */
#ifndef FINISH_PAIRS
#define FINISH_PAIRS finish_to_pairs
static inline void finish_to_pairs(uint32_t *restrict out, const float *restrict a, const float *restrict b, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = zoo_float_bf16(a[i]) | (uint32_t)zoo_float_bf16(b[i]) << 16;
}
#endif

static inline __attribute__((always_inline)) void finish_put_row(float *restrict out, const float *restrict sums,
    size_t columns, const float *bias, int adds)
{
#pragma omp simd
    for (size_t c = 0; c < columns; c++)
        out[c] = (adds ? out[c] : 0) + (sums[c] + (bias ? bias[c] : 0));
}

/* `tile_columns` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void finish_put(float *out, size_t stride, const float *sums,
    size_t rows, size_t columns, size_t tile_columns, const float *bias, int adds)
{
    for (size_t r = 0; r < rows; r++, out += stride, sums += tile_columns)
        if (columns != tile_columns)
            finish_put_row(out, sums, columns, bias, adds);
        else if (adds)
            finish_put_row(out, sums, tile_columns, bias, 1);
        else
            finish_put_row(out, sums, tile_columns, bias, 0);
}

/* The functions of a backend that differ from one instruction set to the next by nothing but the compiler's target. */
#define FINISH_FUNCTIONS(columns_of_tile) \
    static void finish(const zoo_finish *f, void *sums) { finish_tile(f, sums, columns_of_tile); } \
    static void to_bf16(uint16_t *out, const float *x, size_t width) { finish_to_bf16(out, x, width); } \
    static void to_int8(uint8_t *out, const float *x, size_t width, float *scale, int32_t *zero) \
    { \
        finish_to_int8(out, x, width, scale, zero); \
    } \
    static void to_pairs(uint32_t *out, const float *a, const float *b, size_t n) { FINISH_PAIRS(out, a, b, n); } \
    static void put(float *out, size_t stride, const float *sums, size_t rows, size_t columns, const float *bias, \
                    int adds) \
    { \
        finish_put(out, stride, sums, rows, columns, columns_of_tile, bias, adds); \
    }
#define FINISH_NAMES finish, to_bf16, to_int8, to_pairs, put

/* The least and the largest of 0 and all x; 0: one is not finite. In lanes,
 * so that no compiler has to reorder comparisons. */
static inline int finish_extremes(const float *x, size_t n, float *low, float *high)
{
    float least[16] = { 0 }, most[16] = { 0 }, finite[16] = { 0 };
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
#pragma omp simd
        for (size_t lane = 0; lane < 16; lane++) {
            float v = x[i + lane];
            least[lane] = v < least[lane] ? v : least[lane];
            most[lane] = v > most[lane] ? v : most[lane];
            finite[lane] += v * 0;
        }
    for (; i < n; i++) {
        least[0] = x[i] < least[0] ? x[i] : least[0];
        most[0] = x[i] > most[0] ? x[i] : most[0];
        finite[0] += x[i] * 0;
    }
    for (size_t lane = 1; lane < 16; lane++) {
        least[0] = least[lane] < least[0] ? least[lane] : least[0];
        most[0] = most[lane] > most[0] ? most[lane] : most[0];
        finite[0] += finite[lane];
    }
    *low = least[0];
    *high = most[0];
    return finite[0] == 0;
}

/* x = scale * (byte - zero), the range stretched to hold 0.
 * A row with a value that is not finite gets a scale that is none. */
static inline void finish_to_int8(uint8_t *restrict out, const float *restrict x, size_t width, float *scale,
                                  int32_t *zero)
{
    float low = 0, high = 0;

    if (!finish_extremes(x, width, &low, &high) || !(high - low < INFINITY)) {
        memset(out, 0, width);
        *scale = NAN;
        *zero = 0;
        return;
    }
    float step = (high - low) / 255, inverse = step > 0 ? 1 / step : 0;
    int32_t z = (int32_t)(-low * inverse + 0.5f);
    if (!(inverse < INFINITY))              /* denormals: too small to matter */
        inverse = 0, z = 0;
#pragma omp simd
    for (size_t i = 0; i < width; i++) {
        int32_t q = (int32_t)rintf(x[i] * inverse) + z;
        out[i] = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
    }
    *scale = step;
    *zero = z;
}
#endif
