/* product_avx512.c - tiles of 14 rows and 32 columns: 28 accumulators of the 32 registers, two for weights, one for a
 * broadcast. bfloat16 is multiplied by vdpbf16ps,
 * or widened and multiplied as float where the processor has none; bytes by vpdpbusd.
 * Layer: compute -> base. Threads: pure functions. */
#include "compute/product_kernel.h"
#if defined __x86_64__
#include <immintrin.h>
#include <math.h>
#include <string.h>
#include "compute/isa.h"
ZOO_ISA_BEGIN("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")
#define FINISH_FMA
#define FINISH_PAIRS masked_pairs
#include "compute/product_finish.h"

enum { ROWS = 14, COLUMNS = 32 };

#define BODY static inline __attribute__((always_inline)) void

/* a (and b) += the 32 bits of a row, broadcast, times the first (and second) 16 outputs of a group */
#define F32_STEP(a, b) do { \
        __m512 x_r = _mm512_castsi512_ps(x_bits); \
        a = _mm512_fmadd_ps(x_r, _mm512_castsi512_ps(w0), a); \
        b = _mm512_fmadd_ps(x_r, _mm512_castsi512_ps(w1), b); \
    } while (0)
#define BF16_STEP(a, b) do { \
        a = _mm512_dpbf16_ps(a, (__m512bh)w0, (__m512bh)x_bits); \
        b = _mm512_dpbf16_ps(b, (__m512bh)w1, (__m512bh)x_bits); \
    } while (0)
#define INT8_STEP(a, b) do { \
        a = _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(a), x_bits, w0)); \
        b = _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(b), x_bits, w1)); \
    } while (0)
/* Without vdpbf16ps: the odd halves by a mask, the even ones by a shift. */
#define WIDENED_STEP(a, b) do { \
        const __m512i odd = _mm512_set1_epi32((int)0xffff0000); \
        __m512 x_even = _mm512_castsi512_ps(_mm512_slli_epi32(x_bits, 16)), \
                        x_odd = _mm512_castsi512_ps(_mm512_and_si512(x_bits, odd)); \
        a = _mm512_fmadd_ps(x_even, _mm512_castsi512_ps(_mm512_slli_epi32(w0, 16)), a); \
        b = _mm512_fmadd_ps(x_even, _mm512_castsi512_ps(_mm512_slli_epi32(w1, 16)), b); \
        a = _mm512_fmadd_ps(x_odd, _mm512_castsi512_ps(_mm512_and_si512(w0, odd)), a); \
        b = _mm512_fmadd_ps(x_odd, _mm512_castsi512_ps(_mm512_and_si512(w1, odd)), b); \
    } while (0)

#define GROUP(STEP) do { \
        __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64); \
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) { \
            __m512i x_bits = _mm512_set1_epi32(*(const int32_t *)(const void *)(x + r*stride)); \
            STEP(a[r], b[r]); \
        } \
        w += 4*COLUMNS; \
        x += step; \
    } while (0)

#define ROWS_BODY(name, STEP) \
    BODY name(const size_t rows, float *sums, const zoo_tile *t) \
    { \
        const char *x = t->x, *w = t->panel, *ahead = t->ahead; \
        const size_t stride = t->stride, step = t->step, lines = t->ahead_lines; \
        __m512 a[ROWS], b[ROWS]; \
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) \
            a[r] = b[r] = _mm512_setzero_ps(); \
        for (size_t g = t->groups / ZOO_UNROLLED_GROUPS; g; g--) { \
            for (size_t line = lines; line; line--, ahead += 64) \
                _mm_prefetch(ahead, _MM_HINT_T1); \
            ZOO_UNROLL for (int u = 0; u < ZOO_UNROLLED_GROUPS; u++) \
                GROUP(STEP); \
        } \
        for (size_t g = t->groups % ZOO_UNROLLED_GROUPS; g; g--) \
            GROUP(STEP); \
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) { \
            _mm512_storeu_ps(sums + r*COLUMNS, a[r]); \
            _mm512_storeu_ps(sums + r*COLUMNS + 16, b[r]); \
        } \
    }
ROWS_BODY(f32_rows, F32_STEP)
ROWS_BODY(bf16_rows, BF16_STEP)
ROWS_BODY(int8_rows, INT8_STEP)
ROWS_BODY(widened_rows, WIDENED_STEP)

/* A body for each height, so that the accumulators stay in registers. */
#define TILE(name, body) \
    static void name(void *sums, const zoo_tile *t, size_t rows) \
    { \
        switch (rows) { \
        case 1: body(1, sums, t); break; \
        case 2: body(2, sums, t); break; \
        case 3: body(3, sums, t); break; \
        case 4: body(4, sums, t); break; \
        case 5: body(5, sums, t); break; \
        case 6: body(6, sums, t); break; \
        case 7: body(7, sums, t); break; \
        case 8: body(8, sums, t); break; \
        case 9: body(9, sums, t); break; \
        case 10: body(10, sums, t); break; \
        case 11: body(11, sums, t); break; \
        case 12: body(12, sums, t); break; \
        case 13: body(13, sums, t); break; \
        default: body(14, sums, t); break; \
        } \
    }
TILE(f32_tile, f32_rows)
TILE(bf16_tile, bf16_rows)
TILE(int8_tile, int8_rows)
TILE(widened_tile, widened_rows)

/* zoo_float_bf16() of 16 floats, in the upper halves; what the lower ones hold is to be dropped */
static inline __m512i rounded_halves(__m512 x)
{
    __m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);

    return _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
}

/* The last of them under a mask: a band's 14 columns are no whole vector. */
static inline void masked_pairs(uint32_t *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 present = (__mmask16)(n - i < 16 ? (1U << (n - i)) - 1 : 0xffff);
        __m512i low = _mm512_srli_epi32(rounded_halves(_mm512_maskz_loadu_ps(present, a + i)), 16);
        __m512i high = _mm512_and_si512(rounded_halves(_mm512_maskz_loadu_ps(present, b + i)),
                                        _mm512_set1_epi32((int)0xffff0000));

        _mm512_mask_storeu_epi32(out + i, present, _mm512_or_si512(low, high));
    }
}
FINISH_FUNCTIONS(COLUMNS)

const zoo_backend zoo_avx512_f32 = { "avx512", ROWS, COLUMNS, 1, NULL, NULL, f32_tile, FINISH_NAMES, NULL };
const zoo_backend zoo_avx512_widened = { "avx512, widened", ROWS, COLUMNS, 1, NULL, NULL, widened_tile, FINISH_NAMES,
                                         NULL };
const zoo_backend zoo_avx512_bf16 = { "avx512_bf16", ROWS, COLUMNS, 1, NULL, NULL, bf16_tile, FINISH_NAMES, NULL };
const zoo_backend zoo_avx512_int8 = { "avx512_vnni", ROWS, COLUMNS, 1, NULL, NULL, int8_tile, FINISH_NAMES, NULL };
ZOO_ISA_END
#else
typedef int zoo_no_avx512;
#endif
