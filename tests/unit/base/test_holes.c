#include <math.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "base/holes.h"

enum { N = 40, K = 4 };

static double full[N * K];

static void one_expert_that_was_asked_once_is_better_left_out(void **state)
{
    zoo_dataset d = small_data(N, K, full);
    zoo_holes h;
    char advice[ZOO_HOLES_ADVICE];

    (void)state;
    for (size_t i = 0; i < N; i++)
        if (i != 7)
            d.rewards[i * K + 2] = NAN;
    assert_int_equal(zoo_holes_count(&h, &d, NULL, K, NULL, NULL), ZOO_OK);
    assert_true(h.rewarded == N && h.complete == 1 && h.without == 1 && h.would_be == N);
    assert_true(h.order[0] == 2 && h.lacks[2] == N - 1 && h.order[1] == 0);
    assert_string_equal(zoo_holes_advise(&h, &d, NULL, advice),
                        "without 'expert-2', 40 would be complete (--without expert-2)");
    zoo_holes_release(&h);
    zoo_dataset_release(&d);
}

/* Each alone brings nothing: only where both are gone is anything complete. */
static void two_experts_that_cost_the_same_queries_are_named_together(void **state)
{
    zoo_dataset d = small_data(N, K, full);
    zoo_holes h;
    char advice[ZOO_HOLES_ADVICE];

    (void)state;
    for (size_t i = 0; i < N - 4; i++)
        d.rewards[i * K + 1] = d.rewards[i * K + 3] = NAN;
    d.rewards[(N - 1) * K + 3] = NAN;
    assert_int_equal(zoo_holes_count(&h, &d, NULL, K, NULL, NULL), ZOO_OK);
    assert_true(h.complete == 3 && h.without == 2 && h.would_be == N && h.order[0] == 3);
    assert_string_equal(zoo_holes_advise(&h, &d, NULL, advice),
                        "without the 2 experts that lack most, 40 would be complete (--without expert-3,expert-1)");
    zoo_holes_release(&h);
    zoo_dataset_release(&d);
}

static void holes_here_and_there_are_no_reason_to_leave_anyone_out(void **state)
{
    zoo_dataset d = small_data(N, K, full);
    zoo_holes h;
    char advice[ZOO_HOLES_ADVICE];

    (void)state;
    for (size_t i = 0; i < 12; i++)
        d.rewards[i * K + i % K] = NAN;
    for (size_t j = 0; j < K; j++)
        d.rewards[20 * K + j] = NAN;                        /* a query only */
    assert_int_equal(zoo_holes_count(&h, &d, NULL, K, NULL, NULL), ZOO_OK);
    assert_true(h.rewarded == N - 1 && h.complete == N - 13 && h.without == 0 && h.would_be == h.complete);
    assert_string_equal(zoo_holes_advise(&h, &d, NULL, advice), "");
    zoo_holes_release(&h);
    zoo_dataset_release(&d);
}

static void experts_and_queries_that_do_not_count_cost_nothing(void **state)
{
    const size_t columns[] = { 3, 0 };
    unsigned char keep[N];
    zoo_dataset d = small_data(N, K, full);
    zoo_holes h;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        keep[i] = i >= 10;
        d.rewards[i * K + 1] = NAN;
    }
    for (size_t i = 0; i < N - 1; i++)
        d.rewards[i * K] = NAN;
    assert_int_equal(zoo_holes_count(&h, &d, columns, 2, keep, NULL), ZOO_OK);
    assert_true(h.rewarded == N - 10 && h.complete == 1 && h.order[0] == 1 && h.lacks[1] == N - 11);
    assert_int_equal(h.without, 0);                         /* two experts are left at least */
    zoo_holes_release(&h);
    zoo_dataset_release(&d);
}

static void many_names_do_not_make_a_long_advice(void **state)
{
    enum { MANY = 60 };
    zoo_dataset d = small_data(2, MANY, (const double[2 * MANY]){ 0 });
    zoo_holes h;
    char advice[ZOO_HOLES_ADVICE];

    (void)state;
    for (size_t j = 0; j < MANY / 2; j++)
        d.rewards[j] = d.rewards[MANY + j] = NAN;
    d.rewards[0] = 0;
    assert_int_equal(zoo_holes_count(&h, &d, NULL, MANY, NULL, NULL), ZOO_OK);
    assert_true(h.without == MANY / 2 && h.would_be == 2);
    assert_string_equal(zoo_holes_advise(&h, &d, NULL, advice),
                        "without the 30 experts that lack most, 2 would be complete (--without "
                        "expert-1,expert-2,expert-3,...)");
    zoo_holes_release(&h);
    zoo_dataset_release(&d);
}

/* Of `data` experts 0 and 1 have the first ten queries, 2 and 3 the others: two data sets. */
static zoo_dataset two_data_sets(const char *kind)
{
    static const char *tags[N];
    zoo_dataset d = small_data(N, K, full);

    for (size_t i = 0; i < N; i++) {
        tags[i] = i < 10 ? "0" : "1";
        for (size_t j = 0; j < 2; j++)
            d.rewards[i * K + j + (i < 10 ? 2 : 0)] = NAN;
    }
    small_kind(&d, kind, 2, tags);
    return d;
}

static void a_mixture_of_data_sets_with_other_experts_is_no_experts_fault(void **state)
{
    const char *const kinds[] = { "dataset", "subset", "level" };
    zoo_holes h;
    char advice[ZOO_HOLES_ADVICE], want[ZOO_HOLES_ADVICE];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        zoo_dataset d = two_data_sets(kinds[i]);
        assert_int_equal(zoo_holes_count(&h, &d, NULL, K, NULL, NULL), ZOO_OK);
        snprintf(want, sizeof want,
                 "each %s has other experts, so take one alone: --where '%s=v1' has most, 30 complete queries of 2 "
                 "experts; or name the experts that count (--experts A,B)", kinds[i], kinds[i]);
        assert_string_equal(zoo_holes_advise(&h, &d, NULL, advice),
                            i < 2 ? want : "without the 2 experts that lack most, 30 would be complete (--without "
                                           "expert-0,expert-1)");
        zoo_holes_release(&h);
        zoo_dataset_release(&d);
    }
}

/* With the rare one left out, both data sets are whole. */
static void an_expert_that_one_data_set_hardly_has_is_left_out_for_the_sake_of_both(void **state)
{
    const char *tags[N];
    zoo_dataset d = small_data(N, K, full);
    zoo_holes h;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        tags[i] = i < 30 ? "0" : "1";
        d.rewards[i * K + 2] = i == 7 ? 0 : (double)NAN;
    }
    small_kind(&d, "dataset", 2, tags);
    assert_int_equal(zoo_holes_count(&h, &d, NULL, K, NULL, NULL), ZOO_OK);
    assert_true(h.without == 1 && h.would_be == N && !h.kind);
    zoo_holes_release(&h);
    zoo_dataset_release(&d);
}

/* Only the queries and experts that count do. */
static void the_same_experts_in_each_data_set_are_no_mixture(void **state)
{
    const size_t columns[] = { 3, 2 };
    unsigned char keep[N];
    zoo_dataset d = two_data_sets("dataset");
    zoo_holes h;

    (void)state;
    for (size_t i = 0; i < N; i++)
        keep[i] = i >= 10;
    d.rewards[20 * K + 2] = NAN;
    assert_int_equal(zoo_holes_count(&h, &d, NULL, K, keep, NULL), ZOO_OK);
    assert_null(h.kind);
    zoo_holes_release(&h);
    assert_int_equal(zoo_holes_count(&h, &d, columns, 2, NULL, NULL), ZOO_OK);
    assert_true(!h.kind && h.complete == 29);
    zoo_holes_release(&h);
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_expert_that_was_asked_once_is_better_left_out),
        cmocka_unit_test(two_experts_that_cost_the_same_queries_are_named_together),
        cmocka_unit_test(holes_here_and_there_are_no_reason_to_leave_anyone_out),
        cmocka_unit_test(experts_and_queries_that_do_not_count_cost_nothing),
        cmocka_unit_test(many_names_do_not_make_a_long_advice),
        cmocka_unit_test(a_mixture_of_data_sets_with_other_experts_is_no_experts_fault),
        cmocka_unit_test(an_expert_that_one_data_set_hardly_has_is_left_out_for_the_sake_of_both),
        cmocka_unit_test(the_same_experts_in_each_data_set_are_no_mixture),
    };
    return cmocka_run_group_tests_name("base/holes", tests, NULL, NULL);
}
