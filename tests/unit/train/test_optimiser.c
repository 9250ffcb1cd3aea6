#include <math.h>
#include "unit/cm.h"
#include "train/optimiser.h"

#define CLOSE(got, want) assert_true(fabs((double)(got) - (double)(want)) <= 1e-6)

static void steps_shrink_with_the_gradients_seen(void **state)
{
    float param = 1, sum = 0;
    const float grad = 3;

    (void)state;
    zoo_adagrad_step(&param, &sum, &grad, 1, 0.1f);
    CLOSE(param, 0.9);                                  /* the first step is the rate, whatever the gradient's size */
    CLOSE(sum, 9);
    zoo_adagrad_step(&param, &sum, &grad, 1, 0.1f);
    CLOSE(param, 0.9 - 0.1 / sqrt(2));
}

static void no_gradient_no_step(void **state)
{
    float param = 1, sum = 0;
    const float grad = 0;

    (void)state;
    zoo_adagrad_step(&param, &sum, &grad, 1, 0.1f);
    assert_true(param == 1);
}

static void only_touched_rows_move(void **state)
{
    float table[] = { 1, 1, 2, 2, 3, 3 }, sums[] = { 0, 0, 0 };
    const float grads[] = { 3, 4 };
    const uint32_t rows[] = { 1 };

    (void)state;
    zoo_adagrad_rows(table, sums, grads, rows, 1, 2, 0.5f);
    CLOSE(sums[1], 12.5);
    CLOSE(table[2], 2 - 0.5 * 3 / sqrt(12.5));
    CLOSE(table[3], 2 - 0.5 * 4 / sqrt(12.5));
    assert_true(table[0] == 1 && table[5] == 3 && sums[0] == 0 && sums[2] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_shrink_with_the_gradients_seen),
        cmocka_unit_test(no_gradient_no_step),
        cmocka_unit_test(only_touched_rows_move),
    };
    return cmocka_run_group_tests_name("train/optimiser", tests, NULL, NULL);
}
