/* product_avx512.c - tiles of 14 rows and 32 columns: 28 accumulators of the 32 registers, two for weights, one for a broadcast.
 * bfloat16 is multiplied by vdpbf16ps, or widened and multiplied as float where the processor has none; bytes by vpdpbusd.
 * Layer: compute -> base. Threads: pure functions. */
#include "compute/product_kernel.h"
#if defined __x86_64__
#include <immintrin.h>
#include "compute/isa.h"
ZOO_ISA_BEGIN("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")
#include "compute/product_finish.h"

enum { ROWS = 14, COLUMNS = 32, AHEAD = 1024 };     /* AHEAD: bytes of the panel that are fetched before they are needed */

#define BODY static inline __attribute__((always_inline)) void

BODY f32_rows(const size_t rows, float *sums, const char *x, size_t stride, const float *w, size_t groups)
{
    __m512 a[ROWS], b[ROWS];

    ZOO_UNROLL for (size_t r = 0; r < rows; r++)
        a[r] = b[r] = _mm512_setzero_ps();
    for (size_t g = 0; g < groups; g++, w += COLUMNS) {
        __m512 w0 = _mm512_loadu_ps(w), w1 = _mm512_loadu_ps(w + 16);
        _mm_prefetch((const char *)w + AHEAD, _MM_HINT_T0);
        _mm_prefetch((const char *)w + AHEAD + 64, _MM_HINT_T0);
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) {
            __m512 x_r = _mm512_set1_ps(((const float *)(const void *)(x + r*stride))[g]);
            a[r] = _mm512_fmadd_ps(x_r, w0, a[r]);
            b[r] = _mm512_fmadd_ps(x_r, w1, b[r]);
        }
    }
    ZOO_UNROLL for (size_t r = 0; r < rows; r++) {
        _mm512_storeu_ps(sums + r*COLUMNS, a[r]);
        _mm512_storeu_ps(sums + r*COLUMNS + 16, b[r]);
    }
}

BODY bf16_rows(const size_t rows, float *sums, const char *x, size_t stride, const uint32_t *w, size_t groups)
{
    __m512 a[ROWS], b[ROWS];

    ZOO_UNROLL for (size_t r = 0; r < rows; r++)
        a[r] = b[r] = _mm512_setzero_ps();
    for (size_t g = 0; g < groups; g++, w += COLUMNS) {
        __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 16);
        _mm_prefetch((const char *)w + AHEAD, _MM_HINT_T0);
        _mm_prefetch((const char *)w + AHEAD + 64, _MM_HINT_T0);
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) {
            __m512i x_r = _mm512_set1_epi32(((const int32_t *)(const void *)(x + r*stride))[g]);
            a[r] = _mm512_dpbf16_ps(a[r], (__m512bh)w0, (__m512bh)x_r);
            b[r] = _mm512_dpbf16_ps(b[r], (__m512bh)w1, (__m512bh)x_r);
        }
    }
    ZOO_UNROLL for (size_t r = 0; r < rows; r++) {
        _mm512_storeu_ps(sums + r*COLUMNS, a[r]);
        _mm512_storeu_ps(sums + r*COLUMNS + 16, b[r]);
    }
}

BODY int8_rows(const size_t rows, int32_t *sums, const char *x, size_t stride, const uint32_t *w, size_t groups)
{
    __m512i a[ROWS], b[ROWS];

    ZOO_UNROLL for (size_t r = 0; r < rows; r++)
        a[r] = b[r] = _mm512_setzero_si512();
    for (size_t g = 0; g < groups; g++, w += COLUMNS) {
        __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 16);
        _mm_prefetch((const char *)w + AHEAD, _MM_HINT_T0);
        _mm_prefetch((const char *)w + AHEAD + 64, _MM_HINT_T0);
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) {
            __m512i x_r = _mm512_set1_epi32(((const int32_t *)(const void *)(x + r*stride))[g]);
            a[r] = _mm512_dpbusd_epi32(a[r], x_r, w0);
            b[r] = _mm512_dpbusd_epi32(b[r], x_r, w1);
        }
    }
    ZOO_UNROLL for (size_t r = 0; r < rows; r++) {
        _mm512_storeu_si512(sums + r*COLUMNS, a[r]);
        _mm512_storeu_si512(sums + r*COLUMNS + 16, b[r]);
    }
}

/* A body for each height, so that the accumulators stay in registers. */
#define TILE(name, body) \
    static void name(void *sums, const void *x, size_t stride, size_t rows, const void *panel, size_t groups) \
    { \
        switch (rows) { \
        case 1: body(1, sums, x, stride, panel, groups); break; \
        case 2: body(2, sums, x, stride, panel, groups); break; \
        case 3: body(3, sums, x, stride, panel, groups); break; \
        case 4: body(4, sums, x, stride, panel, groups); break; \
        case 5: body(5, sums, x, stride, panel, groups); break; \
        case 6: body(6, sums, x, stride, panel, groups); break; \
        case 7: body(7, sums, x, stride, panel, groups); break; \
        case 8: body(8, sums, x, stride, panel, groups); break; \
        case 9: body(9, sums, x, stride, panel, groups); break; \
        case 10: body(10, sums, x, stride, panel, groups); break; \
        case 11: body(11, sums, x, stride, panel, groups); break; \
        case 12: body(12, sums, x, stride, panel, groups); break; \
        case 13: body(13, sums, x, stride, panel, groups); break; \
        default: body(14, sums, x, stride, panel, groups); break; \
        } \
    }
TILE(f32_tile, f32_rows)
TILE(bf16_tile, bf16_rows)
TILE(int8_tile, int8_rows)

static void finish(const zoo_finish *f, void *sums)
{
    finish_tile(f, sums, COLUMNS);
}

static void to_bf16(uint16_t *out, const float *x, size_t width)
{
    finish_to_bf16(out, x, width);
}

static void to_int8(uint8_t *out, const float *x, size_t width, float *scale, int32_t *zero)
{
    finish_to_int8(out, x, width, scale, zero);
}

const zoo_backend zoo_avx512_f32 = { "avx512", ROWS, COLUMNS, f32_tile, finish, to_bf16, to_int8 };
const zoo_backend zoo_avx512_bf16 = { "avx512_bf16", ROWS, COLUMNS, bf16_tile, finish, to_bf16, to_int8 };
const zoo_backend zoo_avx512_int8 = { "avx512_vnni", ROWS, COLUMNS, int8_tile, finish, to_bf16, to_int8 };
ZOO_ISA_END
#else
typedef int zoo_no_avx512;
#endif
