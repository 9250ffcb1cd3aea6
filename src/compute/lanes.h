/* lanes.h - a vector of floats as one type, so that a kernel is written once and compiled for each instruction set:
 *
 *     #define LANES 8                          4 in plain C (SSE2, NEON), 8 with AVX2 and FMA, 16 with AVX-512
 *     ZOO_ISA_BEGIN("avx2,fma")                of isa.h; every other header comes before
 *     #include "compute/lanes.h"
 *
 * Sums over lanes have one fixed order. Layer: compute -> base. Threads: pure functions.
 * Refuses to be included by headers: the names have no prefix, and belong to the file. */
#ifndef ZOO_COMPUTE_LANES_H
#define ZOO_COMPUTE_LANES_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "compute/dropout.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#ifndef LANES
#define LANES 4
#endif

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t lanes_int __attribute__((vector_size(4 * LANES)));
typedef uint32_t lanes_uint __attribute__((vector_size(4 * LANES)));
#define LANES_INLINE static inline __attribute__((always_inline, unused))

LANES_INLINE lanes lanes_load(const float *x)
{
    lanes y;

    memcpy(&y, x, sizeof y);
    return y;
}

LANES_INLINE void lanes_store(float *y, lanes x)
{
    memcpy(y, &x, sizeof x);
}

LANES_INLINE lanes lanes_all(float x)
{
    return x - (lanes){ 0 };
}

/* The first `left` of x, zeros behind. */
LANES_INLINE lanes lanes_load_some(const float *x, size_t left)
{
    if (left >= LANES)
        return lanes_load(x);
#if LANES == 16
    return (lanes)_mm512_maskz_loadu_ps((__mmask16)((1u << left) - 1), x);
#else
    lanes y = { 0 };

    for (size_t i = 0; i < left; i++)
        y[i] = x[i];
    return y;
#endif
}

LANES_INLINE void lanes_store_some(float *y, lanes x, size_t left)
{
    if (left >= LANES) {
        lanes_store(y, x);
        return;
    }
#if LANES == 16
    _mm512_mask_storeu_ps(y, (__mmask16)((1u << left) - 1), (__m512)x);
#else
    for (size_t i = 0; i < left; i++)
        y[i] = x[i];
#endif
}

/* x * y + sum, rounded once where the processor can */
LANES_INLINE lanes lanes_fma(lanes x, lanes y, lanes sum)
{
#if LANES == 16
    return (lanes)_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)sum);
#elif LANES == 8
    return (lanes)_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)sum);
#else
    return x * y + sum;
#endif
}

/* yes where `where` is all ones, no where it is 0 */
LANES_INLINE lanes lanes_choose(lanes_int where, lanes yes, lanes no)
{
    return (lanes)((where & (lanes_int)yes) | (~where & (lanes_int)no));
}

/* A NaN in y passes, one in x does not. */
LANES_INLINE lanes lanes_max(lanes x, lanes y)
{
#if LANES == 16
    return (lanes)_mm512_max_ps((__m512)x, (__m512)y);
#elif LANES == 8
    return (lanes)_mm256_max_ps((__m256)x, (__m256)y);
#else
    return lanes_choose(x > y, x, y);
#endif
}

LANES_INLINE lanes lanes_min(lanes x, lanes y)
{
#if LANES == 16
    return (lanes)_mm512_min_ps((__m512)x, (__m512)y);
#elif LANES == 8
    return (lanes)_mm256_min_ps((__m256)x, (__m256)y);
#else
    return lanes_choose(x < y, x, y);
#endif
}

LANES_INLINE float lanes_sum(lanes x)
{
    float part[LANES];

    lanes_store(part, x);
    for (int n = LANES / 2; n; n /= 2)
        for (int i = 0; i < n; i++)
            part[i] += part[i + n];
    return part[0];
}

LANES_INLINE float lanes_most(lanes x)
{
    float part[LANES];

    lanes_store(part, x);
    for (int n = LANES / 2; n; n /= 2)
        for (int i = 0; i < n; i++)
            part[i] = part[i] > part[i + n] ? part[i] : part[i + n];
    return part[0];
}

/* e^x to 1 ulp; 0 below the range of normal floats, infinity above; a NaN stays one. */
LANES_INLINE lanes lanes_exp(lanes x)
{
    /* 1.5 * 2^23: rounds to whole numbers */
    const lanes least = lanes_all(-87.3365f), shift = lanes_all(12582912.0f);
    lanes y = lanes_min(lanes_all(89.0f), lanes_max(least, x));
    lanes whole = lanes_fma(y, lanes_all(1.44269504f), shift), n = whole - shift, r, p;
    lanes_int bits = (lanes_int)whole - (lanes_int)shift;

    r = lanes_fma(n, lanes_all(-0.693145752f), y);                 /* ln 2 in two parts */
    r = lanes_fma(n, lanes_all(-1.42860682e-6f), r);
    p = lanes_all(1.381446674e-3f);                               /* (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2, minimax */
    p = lanes_fma(p, r, lanes_all(8.368780429e-3f));
    p = lanes_fma(p, r, lanes_all(4.166839422e-2f));
    p = lanes_fma(p, r, lanes_all(1.666652011e-1f));
    p = lanes_fma(p, r, lanes_all(4.999999341e-1f));
    p = lanes_fma(p, r, lanes_all(1.0f));
    p = lanes_fma(p, r, lanes_all(1.0f));
    p *= (lanes)((bits + 127) << 23);
#if LANES == 16
    return (lanes)_mm512_mask_mov_ps((__m512)p, _mm512_cmp_ps_mask((__m512)x, (__m512)least, _CMP_LT_OQ),
                                     _mm512_setzero_ps());
#else
    return (lanes)((lanes_int)p & ~(x < least));
#endif
}

/* erf(x) to 4e-7; minimax quotient of polynomials in x^2 for |x| <= 3.95, the end's value beyond */
LANES_INLINE lanes lanes_erf(lanes x)
{
    lanes z = lanes_min(lanes_all(3.95f), lanes_max(lanes_all(-3.95f), x)), u = z * z, p, q;

    p = lanes_all(2.011761234e-06f);
    p = lanes_fma(p, u, lanes_all(2.876002718e-04f));
    p = lanes_fma(p, u, lanes_all(3.917265865e-03f));
    p = lanes_fma(p, u, lanes_all(5.320689431e-02f));
    p = lanes_fma(p, u, lanes_all(1.940343624e-01f));
    p = lanes_fma(p, u, lanes_all(1.128379006f));
    q = lanes_all(3.783989054e-05f);
    q = lanes_fma(q, u, lanes_all(1.198189969e-03f));
    q = lanes_fma(q, u, lanes_all(1.527059428e-02f));
    q = lanes_fma(q, u, lanes_all(1.155902136e-01f));
    q = lanes_fma(q, u, lanes_all(5.052899640e-01f));
    q = lanes_fma(q, u, lanes_all(1.0f));
    return lanes_min(lanes_all(1.0f), lanes_max(lanes_all(-1.0f), z * p / q));
}

/* 1 / (1 + e^-x) */
LANES_INLINE lanes lanes_logistic(lanes x)
{
    return 1 / (1 + lanes_exp(-x));
}

LANES_INLINE lanes lanes_tanh(lanes x)
{
    return 1 - 2 / (1 + lanes_exp(2 * x));
}

/* Bits rounded to bfloat16 (nearest, ties to even), still as floats; NaNs stay NaNs. */
LANES_INLINE lanes lanes_round_bf16(lanes x)
{
    lanes_int bits = (lanes_int)x, nan = x != x;
    lanes_int up = (bits + 0x7fff + ((bits >> 16) & 1)) & (int32_t)0xffff0000;

    return (lanes)((up & ~nan) | ((bits | 0x400000) & nan));
}

/* zoo_coin() of elements i.. of a row. */
LANES_INLINE lanes lanes_coins(const zoo_coins *coins, uint32_t row_key, uint32_t i)
{
    lanes_uint x = { 0 };

    for (uint32_t n = 0; n < LANES; n++)
        x[n] = n;
    x = ((x + i) * 0x9e3779b9u) ^ row_key;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x ^= x >> 16;
    return (lanes)((lanes_int)lanes_all(coins->scale) & ~(lanes_int)(x < coins->dropped_below));
}
#endif
