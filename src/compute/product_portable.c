/* product_portable.c - the kernels in plain C: the oracle of the others,
 * and what runs where there is none for the processor.
 * Layer: compute -> base. Threads: pure functions. */
#include <string.h>
#include "compute/product_finish.h"

enum { ROWS = 4, COLUMNS = 16 };

/* Row r's group g. */
static const void *at(const zoo_tile *t, size_t r, size_t g)
{
    return (const char *)t->x + r*t->stride + g*t->step;
}

static void tile_f32(void *sums, const zoo_tile *t, size_t rows)
{
    float sum[ROWS][COLUMNS] = { { 0 } };
    const float *w = t->panel;

    for (size_t g = 0; g < t->groups; g++, w += COLUMNS)
        for (size_t r = 0; r < rows; r++) {
            float x_r = *(const float *)at(t, r, g);
#pragma omp simd
            for (size_t c = 0; c < COLUMNS; c++)
                sum[r][c] += x_r * w[c];
        }
    memcpy(sums, sum, rows * sizeof *sum);
}

static void tile_bf16(void *sums, const zoo_tile *t, size_t rows)
{
    float sum[ROWS][COLUMNS] = { { 0 } };
    const uint16_t *w = t->panel;

    for (size_t g = 0; g < t->groups; g++, w += 2*COLUMNS)
        for (size_t r = 0; r < rows; r++) {
            const uint16_t *x_r = at(t, r, g);
            float even = zoo_bf16_float(x_r[0]), odd = zoo_bf16_float(x_r[1]);
#pragma omp simd
            for (size_t c = 0; c < COLUMNS; c++)
                sum[r][c] += even * zoo_bf16_float(w[2*c]) + odd * zoo_bf16_float(w[2*c + 1]);
        }
    memcpy(sums, sum, rows * sizeof *sum);
}

static void tile_int8(void *sums, const zoo_tile *t, size_t rows)
{
    int32_t sum[ROWS][COLUMNS] = { { 0 } };
    const int8_t *w = t->panel;

    for (size_t g = 0; g < t->groups; g++, w += 4*COLUMNS)
        for (size_t r = 0; r < rows; r++) {
            const uint8_t *x_r = at(t, r, g);
            int32_t x0 = x_r[0], x1 = x_r[1], x2 = x_r[2], x3 = x_r[3];
#pragma omp simd
            for (size_t c = 0; c < COLUMNS; c++)
                sum[r][c] += x0 * w[4*c] + x1 * w[4*c + 1] + x2 * w[4*c + 2] + x3 * w[4*c + 3];
        }
    memcpy(sums, sum, rows * sizeof *sum);
}

FINISH_FUNCTIONS(COLUMNS)

const zoo_backend zoo_portable_f32 = { "portable", ROWS, COLUMNS, 1, NULL, NULL, tile_f32, FINISH_NAMES, NULL };
const zoo_backend zoo_portable_bf16 = { "portable", ROWS, COLUMNS, 1, NULL, NULL, tile_bf16, FINISH_NAMES, NULL };
const zoo_backend zoo_portable_int8 = { "portable", ROWS, COLUMNS, 1, NULL, NULL, tile_int8, FINISH_NAMES, NULL };
