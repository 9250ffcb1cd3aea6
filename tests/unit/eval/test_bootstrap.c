#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include "eval/bootstrap.h"

static void a_quantile_lies_between_its_neighbours(void **state)
{
    const double x[] = { 1, 2, 4, 8 };

    (void)state;
    assert_true(zoo_quantile(x, 4, 0) == 1 && zoo_quantile(x, 4, 1) == 8);
    assert_true(zoo_quantile(x, 4, 0.5) == 3);
    assert_true(fabs(zoo_quantile(x, 4, 0.1) - 1.3) < 1e-12);
    assert_true(zoo_quantile(x, 1, 0.975) == 1);
    assert_true(isnan(zoo_quantile(x, 0, 0.5)) && isnan(zoo_quantile(x, 4, (double)NAN)));
}

/* Column 1 is column 0 plus 1: drawn together, the sums differ by the number of rows, always.
 * A part never draws from another. */
static void columns_are_drawn_together_and_parts_apart(void **state)
{
    enum { B = 1000 };
    const double values[] = { 0, 1, 1, 2, 2, 3, 100, 101, 200, 201 };
    const size_t offsets[] = { 0, 3, 5 };
    const zoo_bootstrap boot = { values, offsets, 2, 5 };
    double *sums = malloc(B * 2 * sizeof *sums), mean = 0;
    size_t seen[7] = { 0 };
    zoo_parallel *threads;

    (void)state;
    assert_int_equal(zoo_parallel_new(&threads, 2, NULL), ZOO_OK);
    zoo_bootstrap_part(&boot, 0, sums, B, threads);
    for (size_t i = 0; i < B; i++) {
        assert_true(sums[2 * i + 1] - sums[2 * i] == 3);
        assert_true(sums[2 * i] >= 0 && sums[2 * i] <= 6);
        seen[(size_t)sums[2 * i]]++;
        mean += sums[2 * i] / B;
    }
    assert_true(fabs(mean - 3) < 0.2);                                    /* sd of the mean: 0.045 */
    assert_true(seen[0] > 15 && seen[0] < 65 && seen[6] > 15 && seen[6] < 65);      /* 1/27 of 1000 each */
    zoo_bootstrap_part(&boot, 1, sums, B, threads);
    for (size_t i = 0; i < B; i++)
        assert_true(sums[2 * i] == 200 || sums[2 * i] == 300 || sums[2 * i] == 400);
    zoo_parallel_free(threads);
    free(sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quantile_lies_between_its_neighbours),
        cmocka_unit_test(columns_are_drawn_together_and_parts_apart),
    };
    return cmocka_run_group_tests_name("eval/bootstrap", tests, NULL, NULL);
}
