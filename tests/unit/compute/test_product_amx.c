/* The AMX kernels with their instructions replaced by functions that do what the manual says: runs on any machine. */
#include "unit/cm.h"
#include "base/rng.h"

#if defined __x86_64__
#include "unit/compute/amx.h"

enum { MOST_GROUPS = 48, STRIDE = MOST_GROUPS * 4 + 64 };

/* A panel and rows in the layout of product_kernel.h, and the sums that a kernel makes of them. */
static struct {
    _Alignas(64) uint8_t x[64][STRIDE];
    _Alignas(64) uint8_t panel[MOST_GROUPS][COLUMNS][4];
    _Alignas(64) uint32_t sums[ROWS][COLUMNS];
} m;

static void fill(int is_bf16)
{
    zoo_rng rng;

    zoo_rng_init(&rng, 7);
    for (size_t i = 0; i < sizeof m.x; i++)
        ((uint8_t *)m.x)[i] = (uint8_t)zoo_rng_below(&rng, 256);
    for (size_t i = 0; i < sizeof m.panel; i++)
        ((uint8_t *)m.panel)[i] = (uint8_t)zoo_rng_below(&rng, 256);
    if (!is_bf16)
        return;
    for (size_t i = 0; i < sizeof m.x / 2; i++)          /* small whole numbers: sums are exact */
        ((uint16_t *)(void *)m.x)[i] = zoo_float_bf16((float)((int)zoo_rng_below(&rng, 9) - 4));
    for (size_t i = 0; i < sizeof m.panel / 2; i++)
        ((uint16_t *)(void *)m.panel)[i] = zoo_float_bf16((float)((int)zoo_rng_below(&rng, 9) - 4));
}

static double expected(int is_bf16, size_t r, size_t c, size_t groups)
{
    double sum = 0;

    for (size_t g = 0; g < groups; g++)
        for (size_t i = 0; i < (is_bf16 ? 2 : 4); i++)
            sum += is_bf16 ? (double)zoo_bf16_float(((const uint16_t *)(const void *)m.x[r])[2*g + i]) *
                             (double)zoo_bf16_float(((const uint16_t *)(const void *)m.panel[g][c])[i])
                           : m.x[r][4*g + i] * (double)(int8_t)m.panel[g][c][i];
    return sum;
}

static void sums_are_exact_for_any_number_of_rows(void **state)
{
    (void)state;
    for (int is_bf16 = 0; is_bf16 < 2; is_bf16++) {
        const zoo_backend *backend = is_bf16 ? &emulated_bf16 : &emulated_int8;
        fill(is_bf16);
        for (size_t groups = 16; groups <= MOST_GROUPS; groups += 16)
            for (size_t rows = 1; rows <= ROWS; rows++) {
                zoo_tile t = { .x = m.x, .panel = m.panel, .stride = STRIDE, .step = 4, .groups = groups,
                               .ahead = m.panel, .ahead_lines = 3 };
                memset(m.sums, 0xff, sizeof m.sums);
                backend->begin();
                assert_int_equal(registers.is_set, 1);
                backend->tile(m.sums, &t, rows);
                backend->end();
                assert_int_equal(registers.is_set, 0);
                for (size_t r = 0; r < rows; r++)
                    for (size_t c = 0; c < COLUMNS; c++) {
                        double sum = is_bf16 ? (double)((const float *)(const void *)m.sums)[r * COLUMNS + c] :
                                     (int32_t)m.sums[r][c];
                        assert_true(sum == expected(is_bf16, r, c, groups));
                    }
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sums_are_exact_for_any_number_of_rows) };
    return RUN_EMULATED("compute/product_amx", tests);
}
#else
static void not_here(void **state) { (void)state; skip(); }
int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(not_here) };
    return cmocka_run_group_tests_name("compute/product_amx", tests, NULL, NULL);
}
#endif
