#include "unit/cm.h"
#include <math.h>
#include "route/policy.h"

static void the_most_probable_comes_first_and_ties_keep_their_order(void **state)
{
    const float p[] = { 0.2f, 0.3f, 0.2f, 0.3f };
    const size_t want[] = { 1, 3, 0, 2 };
    size_t order[4];

    (void)state;
    assert_int_equal(zoo_policy_order(p, NULL, 4, order), 4);
    assert_memory_equal(order, want, sizeof want);
}

static void what_is_not_allowed_is_left_out(void **state)
{
    const float p[] = { 0.2f, 0.5f, 0.3f };
    const unsigned char allowed[] = { 1, 0, 1 }, none[] = { 0, 0, 0 };
    const size_t want[] = { 2, 0 };
    size_t order[3];

    (void)state;
    assert_int_equal(zoo_policy_order(p, allowed, 3, order), 2);
    assert_memory_equal(order, want, sizeof want);
    assert_int_equal(zoo_policy_order(p, none, 3, order), 0);
}

static void nan_comes_last(void **state)
{
    const float p[] = { NAN, 0.1f, NAN, 0.2f };
    const size_t want[] = { 3, 1, 0, 2 };
    size_t order[4];

    (void)state;
    assert_int_equal(zoo_policy_order(p, NULL, 4, order), 4);
    assert_memory_equal(order, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_probable_comes_first_and_ties_keep_their_order),
        cmocka_unit_test(what_is_not_allowed_is_left_out),
        cmocka_unit_test(nan_comes_last),
    };
    return cmocka_run_group_tests_name("route/policy", tests, NULL, NULL);
}
