#include <math.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/judge.h"

#define CLOSE(got, want) assert_true(fabs((double)(got) - (double)(want)) <= 1e-6)

static const size_t five[] = { 0, 1, 2, 3, 4 };
static const char *const subsets[] = { "0", "0", "0", "1", "" };

static void groups_weigh_alike(void **state)
{
    static const double none[5];
    zoo_dataset d = small_data(5, 1, none);
    size_t kind = small_kind(&d, "subset", 2, subsets);
    float w[5];

    (void)state;
    assert_int_equal(zoo_weights_balance(&d.kinds[kind], five, 5, 0, w, NULL), ZOO_OK);
    CLOSE(w[0] + w[1] + w[2], 5.0 / 3);
    CLOSE(w[3], 5.0 / 3);
    CLOSE(w[4], 5.0 / 3);                               /* without a tag: a group of its own */
    assert_int_equal(zoo_weights_balance(&d.kinds[kind], five, 5, 3, w, NULL), ZOO_OK);
    CLOSE(w[0], 5.0 / 3);
    assert_true(w[3] == 0 && w[4] == 0);                /* too small to judge by */
    assert_int_equal(zoo_weights_balance(&d.kinds[kind], five, 5, 4, w, NULL), ZOO_OK);
    CLOSE(w[3], 5.0 / 3);                               /* all are: then all count */
    assert_int_equal(zoo_weights_balance(NULL, five, 5, 3, w, NULL), ZOO_OK);
    CLOSE(w[3], 1);
    zoo_dataset_release(&d);
}

static void rewards_and_gains_by_hand(void **state)
{
    const float ones[] = { 1, 1, 1, 1 }, heavy[] = { 3, 1, 0, 0 };
    const uint32_t first[] = { 0, 0, 0, 0 }, best[] = { 0, 1, 0, 1 };
    zoo_dataset d = small_data(4, 2, (const double[]){ 1, 0, 0, 1, 1, 0, 0, 0 });
    double means[2], error;

    (void)state;
    assert_int_equal(zoo_best_single(&d, five, 4, ones, means), 0);
    CLOSE(means[0], 0.5);
    CLOSE(means[1], 0.25);
    CLOSE(zoo_reward_of(&d, five, 4, ones, best), 0.75);
    CLOSE(zoo_reward_of(&d, five, 4, heavy, first), 0.75);
    CLOSE(zoo_reward_gain(&d, five, 4, ones, best, first, &error), 0.25);
    CLOSE(error, sqrt(0.75) / 4);                       /* differences 0 1 0 0 */
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_weigh_alike),
        cmocka_unit_test(rewards_and_gains_by_hand),
    };
    return cmocka_run_group_tests_name("train/judge", tests, NULL, NULL);
}
