#include <string.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/recipe.h"

static void betas_are_read_and_named(void **state)
{
    static const char *const good[] = { "auto", "auto+0.1", "0.3", "1", "0" };
    static const char *const bad[] = { "", "auto+", "auto0.1", "auto+2", "-0.1", "1.5", "nan", "inf", "0.3x", "aut",
                                       "auto+auto", " 1" };
    zoo_recipe r;
    char name[ZOO_RECIPE_NAME_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(zoo_recipe_parse_beta(good[i], &r, NULL), ZOO_OK);
        zoo_recipe_name_beta(&r, name);
        assert_string_equal(name, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(zoo_recipe_parse_beta(bad[i], &r, NULL), ZOO_EUSAGE);
}

static void what_is_given_is_not_tried(void **state)
{
    zoo_recipe grid[ZOO_RECIPES_MAX], beta = { 0, 0.3, 0 };
    size_t all = zoo_recipe_grid(NULL, 0, grid);

    (void)state;
    assert_true(all > 2 && all <= ZOO_RECIPES_MAX);
    assert_true(grid[0].is_shrunk && grid[0].own == 0);     /* what is taken where nothing can be chosen */
    assert_int_equal(zoo_recipe_grid(&beta, 0.5, grid), 1);
    assert_true(!grid[0].is_shrunk && grid[0].own == 0.3 && grid[0].temperature == 0.5);
    assert_true(zoo_recipe_grid(&beta, 0, grid) < all);
}

/* 100 rows, in each of which one of two experts is right. */
static void within_one_error_the_first_recipe_wins(void **state)
{
    enum { N = 100 };
    uint32_t a[N], b[N], c[N];
    const uint32_t *choices[] = { c, b, a };
    float weights[N];
    double rewards[2 * N];
    size_t rows[N];
    double out[3];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        rows[i] = i;
        weights[i] = 1;
        rewards[2 * i] = i % 2;
        rewards[2 * i + 1] = !(i % 2);
        a[i] = i < 99 ? !(i % 2) : i % 2;                   /* wrong once */
        b[i] = i < 2 ? i % 2 : !(i % 2);               /* wrong twice, elsewhere: 0.01 behind, with an error of 0.017 */
        c[i] = i < 30 ? i % 2 : !(i % 2);
    }
    zoo_dataset d = small_data(N, 2, rewards);
    assert_int_equal(zoo_recipe_choose(3, &d, rows, N, weights, choices, out), 1);
    for (size_t i = 2; i < 30; i++)
        b[i] = i % 2;
    assert_int_equal(zoo_recipe_choose(3, &d, rows, N, weights, choices, out), 2);
    assert_true(out[2] > out[1] && out[0] < out[2]);
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(betas_are_read_and_named),
        cmocka_unit_test(what_is_given_is_not_tried),
        cmocka_unit_test(within_one_error_the_first_recipe_wins),
    };
    return cmocka_run_group_tests_name("train/recipe", tests, NULL, NULL);
}
