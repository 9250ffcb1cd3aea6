#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "eval/trial.h"
#include "sample.h"

static const size_t columns[] = { 0, 1 };

static void queries_with_missing_rewards_are_left_out_and_counted(void **state)
{
    const double rewards[] = { 1, 2, NAN, 2, NAN, NAN, INFINITY, 1, 3, 4 };
    zoo_dataset d = sample_new(5, 2, rewards, 0);
    zoo_trial t;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2 }, &err), ZOO_OK);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.with_holes, 2);
    assert_int_equal(t.without_rewards, 1);
    assert_int_equal(t.source[1], 4);
    assert_true(t.rewards[0] == 1 && t.rewards[3] == 4);
    assert_int_equal(t.s, 1);
    assert_string_equal(t.subsets[0].name, "all");
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

static void a_query_with_two_tags_takes_two_places(void **state)
{
    const double rewards[] = { 1, 2, 3, 4, 5, 6 };
    const char *const values[] = { "x", "y" }, *const tags[] = { "1", "0 1", "" };
    zoo_dataset d = sample_new(3, 2, rewards, 1);
    zoo_trial t;
    zoo_err err;

    (void)state;
    d.kinds[d.kind_count++] = sample_kind(&d, "skill", values, 2, tags);
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2, .kind = "skill" },
                                     &err), ZOO_OK);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.p, 4);
    assert_int_equal(t.s, 3);                            /* in the order of arrival: y, x, none */
    assert_string_equal(t.subsets[0].name, "y");
    assert_string_equal(t.subsets[1].name, "x");
    assert_string_equal(t.subsets[2].name, "(none)");
    assert_int_equal(t.offsets[1], 2);
    assert_int_equal(t.rows[0], 0);
    assert_int_equal(t.rows[1], 1);
    assert_int_equal(t.rows[2], 1);
    assert_int_equal(t.rows[3], 2);
    assert_true(t.shares[0] == 1 && t.shares[1] == 0.5f && t.shares[2] == 0.5f && t.shares[3] == 1);
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

static void subsets_of_one_name_in_two_groups_stay_apart(void **state)
{
    const double rewards[] = { 1, 2, 3, 4, 5, 6 };
    const char *const values[] = { "koala", "math" }, *const tags[] = { "0", "0", "1" };
    const char *const groups[] = { "v1", "v2" }, *const in_group[] = { "0", "1", "1" };
    zoo_dataset d = sample_new(3, 2, rewards, 2);
    zoo_trial t;
    zoo_err err;

    (void)state;
    d.kinds[d.kind_count++] = sample_kind(&d, "subset", values, 2, tags);
    d.kinds[d.kind_count++] = sample_kind(&d, "dataset", groups, 2, in_group);
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2, .kind = "subset" },
                                     &err), ZOO_OK);
    assert_int_equal(t.s, 3);
    assert_string_equal(t.subsets[0].name, "v1/koala");
    assert_string_equal(t.subsets[1].name, "v2/koala");
    assert_string_equal(t.subsets[2].name, "math");
    assert_int_equal(t.groups, 2);
    assert_string_equal(t.group_names[t.subsets[2].group], "v2");
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

static void who_costs_all_queries_is_named(void **state)
{
    const size_t three[] = { 2, 0, 1 };
    const double rewards[] = { 1, 2, NAN, 1, 2, NAN, 3, NAN, 4 };
    zoo_dataset d = sample_new(3, 3, rewards, 0);
    zoo_trial t;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = three, .k = 3 }, &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message,
                           "none of the 3 queries has a reward for each of the 3 experts; the fewest has 'C', with 1: "
                           "collect its rewards, or leave it out: without 'C', 2 would be complete (--without C)"));
    zoo_dataset_release(&d);
}

static void what_cannot_be_evaluated_is_explained(void **state)
{
    const double rewards[] = { 1, NAN, NAN, 2, 3, NAN };
    const char *const values[] = { "x" }, *const tags[] = { "0", "0", "0" };
    zoo_dataset d = sample_new(3, 2, rewards, 1);
    zoo_trial t;
    zoo_err err;

    (void)state;
    d.kinds[d.kind_count++] = sample_kind(&d, "topic", values, 1, tags);
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2 }, &err),
                     ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "fewest has 'B', with 1: collect its rewards, or leave it out"));
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 1, .kind = "topics" },
                                     &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "'topics'; there are: topic"));
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_with_missing_rewards_are_left_out_and_counted),
        cmocka_unit_test(a_query_with_two_tags_takes_two_places),
        cmocka_unit_test(subsets_of_one_name_in_two_groups_stay_apart),
        cmocka_unit_test(who_costs_all_queries_is_named),
        cmocka_unit_test(what_cannot_be_evaluated_is_explained),
    };
    return cmocka_run_group_tests_name("eval/trial", tests, NULL, NULL);
}
