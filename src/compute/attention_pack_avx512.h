/* attention_pack_avx512.h - what attention_avx512.c multiplies, in the layouts of product_kernel.h: rows of groups of
 * 32 bits, and panels of 32 columns. Included by that file alone.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. */
#ifndef ZOO_COMPUTE_ATTENTION_PACK_AVX512_H
#define ZOO_COMPUTE_ATTENTION_PACK_AVX512_H
#if defined(__x86_64__)
#include <float.h>
#include <math.h>
#include <immintrin.h>
#include "compute/attention_kernel.h"
#include "compute/isa.h"
#include "compute/product_kernel.h"

#define LANES 16
/* Instructions on bfloat16 and bytes are only where groups are pairs and bytes. */
#define ATTENTION_ISA "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16"
ZOO_ISA_BEGIN(ATTENTION_ISA)
#include "compute/lanes.h"

/* Numbers in a group of 32 bits: what is multiplied. */
enum { FLOATS = 1, PAIRS = 2, BYTES = 4 };
enum { PANEL = 32, AHEAD = 16, ZERO = 128 };    /* ZERO: what an unsigned byte has more than a signed one */

/* The first `left` lanes. */
LANES_INLINE __mmask16 mask_of(size_t left)
{
    return left >= LANES ? 0xffff : (__mmask16)((1u << left) - 1);
}

LANES_INLINE __m512i round_bits(__m512i x)
{
    return (__m512i)lanes_round_bf16((lanes)x);
}

/* ---- packing ---- */

/* Largest magnitude / 127; NaN where a number is not finite. */
LANES_INLINE float scale_of(const float *x, size_t d)
{
    __m512 most = _mm512_setzero_ps();
    __mmask16 bad = 0;
    float scale;

    for (size_t c = 0; c < d; c += LANES) {
        __m512 y = _mm512_abs_ps(_mm512_maskz_loadu_ps(mask_of(d - c), x + c));

        bad |= _mm512_cmp_ps_mask(y, _mm512_set1_ps(FLT_MAX), _CMP_NLE_UQ);
        most = _mm512_max_ps(most, y);
    }
    scale = _mm512_reduce_max_ps(most) / 127;
    return bad ? NAN : scale;
}

LANES_INLINE float inverse_of(float scale)
{
    return scale >= FLT_MIN ? 1 / scale : 0;
}

/* 16 numbers of which `left` exist as signed bytes. */
LANES_INLINE __m128i load_bytes(const float *x, size_t at, size_t left, float inverse)
{
    __m512 y = left > at ? _mm512_maskz_loadu_ps(mask_of(left - at), x + at) : _mm512_setzero_ps();

    return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(y, _mm512_set1_ps(inverse))));
}

/* 16 groups from a row of floats of which `left` exist; bytes are signed. */
LANES_INLINE __m512i load_groups(const float *x, size_t left, unsigned group, bool is_rounded, float inverse)
{
    if (group == BYTES) {
        __m512i y = _mm512_castsi128_si512(load_bytes(x, 0, left, inverse));
        y = _mm512_inserti32x4(y, load_bytes(x, LANES, left, inverse), 1);
        y = _mm512_inserti32x4(y, load_bytes(x, 2*LANES, left, inverse), 2);
        return _mm512_inserti32x4(y, load_bytes(x, 3*LANES, left, inverse), 3);
    }
    if (group == PAIRS) {
        __m512 low = _mm512_maskz_loadu_ps(mask_of(left), x);
        __m512 high = left > LANES ? _mm512_maskz_loadu_ps(mask_of(left - LANES), x + LANES) : _mm512_setzero_ps();
        return (__m512i)_mm512_cvtne2ps_pbh(high, low);
    }
    __m512i bits = _mm512_castps_si512(_mm512_maskz_loadu_ps(mask_of(left), x));
    return is_rounded ? round_bits(bits) : bits;
}

LANES_INLINE void transpose(__m512i r[LANES])
{
    __m512i t[LANES];

    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

/* Up to 16 rows (d) as columns of a panel, group from group `stride` words apart; zeros where there is no row, and up
 * to `groups`. scales (16), zeros (16): of bytes alone. */
LANES_INLINE void pack_across(uint32_t *to, size_t stride, size_t groups, const float *from, size_t from_stride,
                              size_t rows, size_t d, unsigned group, bool is_rounded, float *scales, int32_t *zeros)
{
    __m512i sums = _mm512_setzero_si512();
    float inverse[LANES] = { 0 };

    for (size_t i = 0; i < LANES && group == BYTES; i++) {
        scales[i] = i < rows ? scale_of(from + i*from_stride, d) : 0;
        inverse[i] = inverse_of(scales[i]);
    }
    for (size_t g = 0; g < groups; g += LANES) {
        __m512i r[LANES];
        size_t count = groups - g < LANES ? groups - g : LANES, left = d > g*group ? d - g*group : 0;

        for (size_t i = 0; i < LANES; i++)
            r[i] = i < rows && left ? load_groups(from + i*from_stride + g*group, left, group, is_rounded, inverse[i]) :
                   _mm512_setzero_si512();
        transpose(r);
        for (size_t i = 0; i < count; i++) {
            _mm512_storeu_si512(to + (g + i)*stride, r[i]);
            if (group == BYTES)
                sums = _mm512_dpbusd_epi32(sums, _mm512_set1_epi8((char)ZERO), r[i]);
        }
    }
    if (group == BYTES)
        _mm512_storeu_si512(zeros, sums);
}

/* Rows first.. of which `rows` exist will be read soon: in a pass they come from another
 * core's cache, or from memory. */
LANES_INLINE void fetch_rows(const float *x, size_t stride, size_t first, size_t count, size_t rows, size_t d)
{
    for (size_t i = first; i < first + count && i < rows; i++)
        for (size_t c = 0; c < d; c += LANES)
            _mm_prefetch((const char *)(x + i*stride + c), _MM_HINT_T0);
}

/* `rows` rows (d) as panels; scales, zeros: one a row, up to whole panels. */
LANES_INLINE void pack_panels(uint32_t *to, size_t groups, const float *from, size_t stride, size_t rows, size_t d,
                              unsigned group, bool is_rounded, float *scales, int32_t *zeros)
{
    for (size_t j = 0; j < zoo_round_up(rows, PANEL); j += LANES) {
        fetch_rows(from, stride, j + LANES, LANES, rows, d);
        pack_across(to + j/PANEL*PANEL*groups + j%PANEL, PANEL, groups, from + j*stride, stride,
                    j < rows ? rows - j : 0, d, group, is_rounded, group == BYTES ? scales + j : NULL,
                    group == BYTES ? zeros + j : NULL);
    }
}

/* (G, C) of a matrix (rows, d) */
LANES_INLINE void pack_table(uint32_t *to, size_t C, const float *table, size_t rows, size_t stride, size_t d,
                             unsigned group, bool is_rounded)
{
    for (size_t c = 0; c < rows; c += LANES)
        pack_across(to + c, C, (d + group - 1) / group, table + c*stride, stride, rows - c, d, group, is_rounded, NULL,
                    NULL);
}

/* A row of x; bytes are unsigned. */
LANES_INLINE void pack_row(uint32_t *to, size_t groups, const float *x, size_t d, unsigned group, bool is_rounded,
                           float *scale)
{
    float inverse = 0;

    if (group == BYTES) {
        *scale = scale_of(x, d);
        inverse = inverse_of(*scale);
    }
    for (size_t g = 0; g < groups; g += LANES) {
        __m512i y = g*group < d ? load_groups(x + g*group, d - g*group, group, is_rounded, inverse) :
                    _mm512_setzero_si512();

        if (group == BYTES)
            y = _mm512_xor_si512(y, _mm512_set1_epi8((char)ZERO));
        _mm512_mask_storeu_epi32(to + g, mask_of(groups - g), y);
    }
}

/* values (T, d) as panels of their columns: for each group of keys its d numbers;
 * zeros behind T and d up to whole panels. */
LANES_INLINE void pack_values(uint32_t *panels, const zoo_attention *a, unsigned group, bool is_rounded)
{
    size_t T = zoo_round_up(a->T, PANEL), width = zoo_round_up(a->d, PANEL);

    for (size_t j = 0; j < T; j += group) {
        fetch_rows(a->v, a->stride, j + AHEAD, group, a->T, a->d);
        for (size_t c = 0; c < width; c += LANES) {
            uint32_t *to = panels + c/PANEL*PANEL*(T/group) + j/group*PANEL + c%PANEL;
            __mmask16 mask = c < a->d ? mask_of(a->d - c) : 0, even = j < a->T ? mask : 0,
                             odd = j + 1 < a->T ? mask : 0;
            __m512 x = _mm512_maskz_loadu_ps(even, a->v + j*a->stride + c);
            __m512i bits = _mm512_castps_si512(x);

            if (group == PAIRS) {
                __m256i low = (__m256i)_mm512_cvtneps_pbh(x);
                __m256i high = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(odd, a->v + (j + 1)*a->stride + c));
                bits = _mm512_or_si512(_mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
            } else if (is_rounded) {
                bits = round_bits(bits);
            }
            _mm512_store_si512(to, bits);
        }
    }
}

/* ---- position tables ---- */

/* A head's table: panels of its rows, or its rows and as many as a tile may read beyond; then, of bytes,
 * scales and zeros. */
LANES_INLINE size_t table_rows(size_t rows)
{
    return zoo_round_up(rows, PANEL) + ZOO_TILE_ROWS;
}

LANES_INLINE const zoo_backend *backend_of(unsigned group)
{
    return zoo_backend_choose(group == BYTES ? ZOO_PRECISION_INT8 : group == PAIRS ? ZOO_PRECISION_BF16 :
                              ZOO_PRECISION_F32);
}

LANES_INLINE size_t groups_of(size_t d, unsigned group)
{
    return zoo_round_up((d + group - 1) / group, backend_of(group)->unit);
}

/* Floats take the most, however d is rounded for pairs: training counts on it. */
LANES_INLINE size_t table_bytes(size_t rows, size_t d, unsigned group)
{
    size_t groups = group == FLOATS ? zoo_round_up(d, LANES) : groups_of(d, group) + (group == BYTES ? 2 : 0);

    return table_rows(rows) * groups * sizeof(uint32_t);
}

LANES_INLINE float *scales_of(const uint32_t *table, size_t rows, size_t groups)
{
    return (float *)(uintptr_t)(table + table_rows(rows) * groups);
}

LANES_INLINE int32_t *zeros_of(const uint32_t *table, size_t rows, size_t groups)
{
    return (int32_t *)(uintptr_t)(table + table_rows(rows) * (groups + 1));
}

LANES_INLINE void pack_key(uint32_t *to, const float *table, size_t rows, size_t stride, size_t d, unsigned group,
                           bool is_rounded)
{
    size_t groups = groups_of(d, group);

    pack_panels(to, groups, table, stride, rows, d, group, is_rounded, scales_of(to, rows, groups),
                zeros_of(to, rows, groups));
}

LANES_INLINE void pack_query(uint32_t *to, const float *table, size_t rows, size_t stride, size_t d, unsigned group,
                             bool is_rounded)
{
    size_t groups = groups_of(d, group);

    for (size_t c = 0; c < rows; c++)
        pack_row(to + c*groups, groups, table + c*stride, d, group, is_rounded, scales_of(to, rows, groups) + c);
}
ZOO_ISA_END
#endif
#endif
