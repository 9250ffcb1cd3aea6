/* product_avx2.c - tiles of 6 rows and 16 columns: 12 accumulators of the 16 registers. bfloat16 is widened and
 * multiplied as float; bytes are widened to 16 bits before vpmaddwd, so that no sum saturates.
 * Layer: compute -> base. Threads: pure functions. */
#include "compute/product_kernel.h"
#if defined __x86_64__
#include <immintrin.h>
#include <math.h>
#include <string.h>
#include "compute/isa.h"
ZOO_ISA_BEGIN("avx2,fma")
#define FINISH_FMA
#include "compute/product_finish.h"

enum { ROWS = 6, COLUMNS = 16 };

#define BODY static inline __attribute__((always_inline)) void

#define F32_STEP(a, b) do { \
        __m256 x_r = _mm256_castsi256_ps(x_bits); \
        a = _mm256_fmadd_ps(x_r, _mm256_castsi256_ps(w0), a); \
        b = _mm256_fmadd_ps(x_r, _mm256_castsi256_ps(w1), b); \
    } while (0)
#define WIDENED_STEP(a, b) do { \
        const __m256i odd = _mm256_set1_epi32((int)0xffff0000); \
        __m256 x_even = _mm256_castsi256_ps(_mm256_slli_epi32(x_bits, 16)), \
                        x_odd = _mm256_castsi256_ps(_mm256_and_si256(x_bits, odd)); \
        a = _mm256_fmadd_ps(x_even, _mm256_castsi256_ps(_mm256_slli_epi32(w0, 16)), a); \
        b = _mm256_fmadd_ps(x_even, _mm256_castsi256_ps(_mm256_slli_epi32(w1, 16)), b); \
        a = _mm256_fmadd_ps(x_odd, _mm256_castsi256_ps(_mm256_and_si256(w0, odd)), a); \
        b = _mm256_fmadd_ps(x_odd, _mm256_castsi256_ps(_mm256_and_si256(w1, odd)), b); \
    } while (0)

#define GROUP(STEP) do { \
        __m256i w0 = _mm256_loadu_si256((const __m256i *)(const void *)w); \
        __m256i w1 = _mm256_loadu_si256((const __m256i *)(const void *)(w + 32)); \
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) { \
            __m256i x_bits = _mm256_set1_epi32(*(const int32_t *)(const void *)(x + r*stride)); \
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
        __m256 a[ROWS], b[ROWS]; \
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) \
            a[r] = b[r] = _mm256_setzero_ps(); \
        for (size_t g = t->groups / ZOO_UNROLLED_GROUPS; g; g--) { \
            for (size_t line = lines; line; line--, ahead += 64) \
                _mm_prefetch(ahead, _MM_HINT_T1); \
            ZOO_UNROLL for (int u = 0; u < ZOO_UNROLLED_GROUPS; u++) \
                GROUP(STEP); \
        } \
        for (size_t g = t->groups % ZOO_UNROLLED_GROUPS; g; g--) \
            GROUP(STEP); \
        ZOO_UNROLL for (size_t r = 0; r < rows; r++) { \
            _mm256_storeu_ps(sums + r*COLUMNS, a[r]); \
            _mm256_storeu_ps(sums + r*COLUMNS + 8, b[r]); \
        } \
    }
ROWS_BODY(f32_rows, F32_STEP)
ROWS_BODY(widened_rows, WIDENED_STEP)

/* Each quarter of the panel holds four outputs; of each, an accumulator keeps the sums of the even and of the odd pairs
 * of k. Three rows at a time leave registers for the weights. */
BODY int8_rows(const size_t rows, int32_t *sums, const zoo_tile *t)
{
    const char *x = t->x, *w = t->panel, *ahead = t->ahead;
    __m256i a[3][4];

    ZOO_UNROLL for (size_t r = 0; r < rows; r++)
        ZOO_UNROLL for (size_t q = 0; q < 4; q++)
            a[r][q] = _mm256_setzero_si256();
    for (size_t g = 0; g < t->groups; g++, w += 4*COLUMNS, x += t->step) {
        for (size_t line = g % ZOO_UNROLLED_GROUPS ? 0 : t->ahead_lines; line; line--, ahead += 64)
            _mm_prefetch(ahead, _MM_HINT_T1);
        __m256i x_r[3];
        ZOO_UNROLL for (size_t r = 0; r < rows; r++)
            x_r[r] = _mm256_cvtepu8_epi16(_mm_set1_epi32(*(const int32_t *)(const void *)(x + r*t->stride)));
        ZOO_UNROLL for (size_t q = 0; q < 4; q++) {
            __m256i w_q = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(w + 16*q)));
            ZOO_UNROLL for (size_t r = 0; r < rows; r++)
                a[r][q] = _mm256_add_epi32(a[r][q], _mm256_madd_epi16(x_r[r], w_q));
        }
    }
    ZOO_UNROLL for (size_t r = 0; r < rows; r++)
        ZOO_UNROLL for (size_t q = 0; q < 4; q++) {
            __m128i low = _mm256_castsi256_si128(a[r][q]), high = _mm256_extracti128_si256(a[r][q], 1);
            _mm_storeu_si128((__m128i *)(void *)(sums + r*COLUMNS + 4*q), _mm_hadd_epi32(low, high));
        }
}

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
        default: body(6, sums, t); break; \
        } \
    }
TILE(f32_tile, f32_rows)
TILE(widened_tile, widened_rows)

static void int8_tile(void *sums, const zoo_tile *t, size_t rows)
{
    switch (rows) {
    case 1: int8_rows(1, sums, t); break;
    case 2: int8_rows(2, sums, t); break;
    default: int8_rows(3, sums, t); break;
    }
}
FINISH_FUNCTIONS(COLUMNS)

const zoo_backend zoo_avx2_f32 = { "avx2", ROWS, COLUMNS, 1, NULL, NULL, f32_tile, FINISH_NAMES, NULL };
const zoo_backend zoo_avx2_bf16 = { "avx2, widened", ROWS, COLUMNS, 1, NULL, NULL, widened_tile, FINISH_NAMES, NULL };
const zoo_backend zoo_avx2_int8 = { "avx2", 3, COLUMNS, 1, NULL, NULL, int8_tile, FINISH_NAMES, NULL };
ZOO_ISA_END
#else
typedef int zoo_no_avx2;
#endif
