/* product_amx.c - tiles of 32 rows and 32 columns on AMX: four accumulators, two tile registers for rows of x, two for
 * a panel. The panel's layout is what the tile products want: 16 groups of 16 outputs are a tile, read with the panel's
 * width as stride. Panels are padded to 16 groups, inputs to 32 rows of whole lines: what is read beyond x's rows ends
 * in sums that nobody keeps. A test includes this file with the instructions replaced by functions (ZOO_AMX_EMULATED),
 * so it is checked on any machine.
 * Layer: compute -> base. Threads: pure functions, but for the tile registers, which begin() and end()
 * set up and clear. */
#include "compute/product_kernel.h"
#if defined __x86_64__
#include <immintrin.h>
#include <math.h>
#include <string.h>
#include "compute/isa.h"
ZOO_ISA_BEGIN("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,amx-tile,amx-bf16,amx-int8")
#define FINISH_FMA
#include "compute/product_finish.h"

enum { ROWS = 32, COLUMNS = 32, HALF = 16, STEP = 64 };     /* STEP: bytes of a row that one tile holds */

#if !defined ZOO_AMX_EMULATED
#define tile_config(config) _tile_loadconfig(config)
#define tile_release() _tile_release()
#define tile_zero(tile) _tile_zero(tile)
#define tile_load(tile, from, stride) _tile_loadd(tile, from, stride)
#define tile_store(tile, to, stride) _tile_stored(tile, to, stride)
#define tile_bf16(sum, x, w) _tile_dpbf16ps(sum, x, w)
#define tile_int8(sum, x, w) _tile_dpbusd(sum, x, w)
#endif

/* Tile registers: sums 0 1 (rows 0..15) 2 3 (rows 16..31), x 4 5, panel 6 7; all of 16 rows of 64 bytes. */
static void begin(void)
{
    struct { uint8_t palette, start_row,
             zeros[14]; uint16_t row_bytes[16]; uint8_t rows[16]; } config = { .palette = 1 };

    for (int i = 0; i < 8; i++) {
        config.row_bytes[i] = STEP;
        config.rows[i] = HALF;
    }
    tile_config(&config);
}

static void end(void)
{
    tile_release();
}

static inline void fetch(const zoo_tile *t, size_t step)
{
    size_t lines = t->ahead_lines * (HALF / ZOO_UNROLLED_GROUPS);
    const char *ahead = (const char *)t->ahead + step * lines * 64;

    for (; lines; lines--, ahead += 64)
        _mm_prefetch(ahead, _MM_HINT_T1);
}

/* Up to 16 rows leave the lower half out; a row's sums are formed alike in both. */
#define TILE(name, multiply) \
    static void name(void *sums, const zoo_tile *t, size_t rows) \
    { \
        const char *x = t->x, *w = t->panel; \
        size_t steps = t->groups / HALF; \
        tile_zero(0); \
        tile_zero(1); \
        tile_zero(2); \
        tile_zero(3); \
        for (size_t i = 0; i < steps; i++, x += STEP, w += HALF * COLUMNS * 4) { \
            fetch(t, i); \
            tile_load(6, w, COLUMNS * 4); \
            tile_load(4, x, t->stride); \
            multiply(0, 4, 6); \
            tile_load(7, w + HALF * 4, COLUMNS * 4); \
            multiply(1, 4, 7); \
            if (rows <= HALF) \
                continue; \
            tile_load(5, x + HALF * t->stride, t->stride); \
            multiply(2, 5, 6); \
            multiply(3, 5, 7); \
        } \
        tile_store(0, sums, COLUMNS * 4); \
        tile_store(1, (char *)sums + HALF * 4, COLUMNS * 4); \
        if (rows > HALF) { \
            tile_store(2, (char *)sums + HALF * COLUMNS * 4, COLUMNS * 4); \
            tile_store(3, (char *)sums + HALF * COLUMNS * 4 + HALF * 4, COLUMNS * 4); \
        } \
    }
TILE(bf16_tile, tile_bf16)
TILE(int8_tile, tile_int8)
FINISH_FUNCTIONS(COLUMNS)

/* One step of a butterfly: of each pair of vectors `distance` apart, the second's words of one kind change places with
 * the first's of the other. */
static inline void exchange(__m512i r[HALF], int distance, __m512i low, __m512i high)
{
    for (int i = 0; i < HALF; i++)
        if (!(i & distance)) {
            __m512i a = r[i], b = r[i + distance];

            r[i] = _mm512_permutex2var_epi32(a, low, b);
            r[i + distance] = _mm512_permutex2var_epi32(a, high, b);
        }
}

static void turn(void *out, size_t stride, const uint32_t *groups)
{
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);

    for (int half = 0; half < ROWS; half += HALF) {
        __m512i r[HALF];

        for (int i = 0; i < HALF; i++)
            r[i] = _mm512_loadu_si512(groups + i*ROWS + half);
        for (int distance = 1; distance < HALF; distance *= 2) {
            __m512i bit = _mm512_set1_epi32(distance), other = _mm512_set1_epi32(HALF);
            __mmask16 upper = _mm512_test_epi32_mask(lane, bit);

            /* Lanes with the bit: the first vector takes lane - distance of the second, the second keeps its own.
             * Lanes without it: mirrored. */
            exchange(r, distance, _mm512_mask_add_epi32(lane, upper, _mm512_sub_epi32(lane, bit), other),
                     _mm512_mask_add_epi32(_mm512_add_epi32(lane, bit), upper, lane, other));
        }
        for (int i = 0; i < HALF; i++)
            _mm512_storeu_si512((char *)out + (size_t)(half + i)*stride, r[i]);
    }
}

const zoo_backend zoo_amx_bf16 = { "amx_bf16", ROWS, COLUMNS, HALF, begin, end, bf16_tile, FINISH_NAMES, turn };
const zoo_backend zoo_amx_int8 = { "amx_int8", ROWS, COLUMNS, HALF, begin, end, int8_tile, FINISH_NAMES, turn };
ZOO_ISA_END
#else
typedef int zoo_no_amx;
#endif
