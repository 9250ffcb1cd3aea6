/* Figures recomputed by hand; the paper's own table where it can be recomputed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "base/rng.h"
#include "eval/metrics.h"
#include "sample.h"

#define CLOSE(a, b) assert_true(fabs((a) - (b)) <= 1e-7)

/*            A  B  C      router
 * x, row 0   1  0  0      A
 *        1   0  1  0      B
 *        2   1  1  0      A
 *        3   0  0  1      A
 * y      4   0  1  1      C
 *        5   0  0  1      A */
static const double hand_rewards[] = { 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 1 };
static const uint32_t hand_routed[] = { 0, 1, 0, 0, 2, 0 };
static const size_t columns[] = { 0, 1, 2, 3, 4, 5 };

/* A reward of the table is shown to the evaluation as offset + slope * row + scale * reward. */
struct hand { double offset, scale, slope; zoo_dataset data; zoo_trial trial; zoo_evaluation e; };

static void hand_evaluate(struct hand *h, const zoo_evaluate_options *options)
{
    const char *const values[] = { "x", "y" }, *const tags[] = { "0", "0", "0", "0", "1", "1" };
    const char *const groups[] = { "g" }, *const in_group[] = { "0", "0", "0", "0", "0", "0" };
    zoo_err err;

    h->data = sample_new(6, 3, hand_rewards, 2);
    for (size_t i = 0; i < 18 && h->scale > 0; i++)
        h->data.rewards[i] = h->offset + h->slope * (double)(i / 3) + h->scale * hand_rewards[i];
    h->data.kinds[h->data.kind_count++] = sample_kind(&h->data, "subset", values, 2, tags);
    h->data.kinds[h->data.kind_count++] = sample_kind(&h->data, "dataset", groups, 1, in_group);
    assert_int_equal(zoo_trial_build(&h->trial, &(zoo_trial_input){ .data = &h->data, .columns = columns, .k = 3,
                                                                    .kind = "subset" }, &err), ZOO_OK);
    assert_int_equal(zoo_evaluate(&h->e, &h->trial, options, &err), ZOO_OK);
}

static void hand_release(struct hand *h)
{
    zoo_evaluation_release(&h->e);
    zoo_trial_release(&h->trial);
    zoo_dataset_release(&h->data);
}

static void every_figure_of_a_small_table_is_as_computed_by_hand(void **state)
{
    struct hand h = { 0 };

    (void)state;
    hand_evaluate(&h, &(zoo_evaluate_options){ .routed = hand_routed, .best_on_training = 0 });
    const zoo_method *m = h.e.methods, *random = m + h.e.random, *bps = m + h.e.best_per_subset,
                          *oracle = m + h.e.oracle,
                     *router = m + h.e.router;
    assert_int_equal(h.e.m, 7);
    CLOSE(m[0].by_subset[0], 0.5); CLOSE(m[0].by_subset[1], 0.0); CLOSE(m[0].over_subsets.mean, 0.25);
    CLOSE(m[1].by_subset[0], 0.5); CLOSE(m[1].by_subset[1], 0.5); CLOSE(m[1].over_rows.mean, 0.5);
    CLOSE(m[2].by_subset[0], 0.25); CLOSE(m[2].by_subset[1], 1.0); CLOSE(m[2].over_subsets.mean, 0.625);
    assert_int_equal(h.e.best_over_subsets, 2);
    assert_int_equal(h.e.best_over_rows, 1);              /* B and C tie at 0.5: the first */
    CLOSE(random->by_subset[0], 5.0 / 12); CLOSE(random->over_rows.mean, 8.0 / 18);
    CLOSE(bps->over_subsets.mean, 0.75); CLOSE(bps->over_rows.mean, 4.0 / 6);
    CLOSE(oracle->over_subsets.mean, 1.0);
    CLOSE(router->over_subsets.mean, 0.625); CLOSE(router->over_rows.mean, 4.0 / 6);
    CLOSE(m[0].mtr, 2.0); CLOSE(m[1].mtr, 1.5); CLOSE(m[2].mtr, 2.0);
    CLOSE(m[0].uplift, 0.5); CLOSE(m[1].uplift, 0.5); CLOSE(m[2].uplift, 0.5);
    CLOSE(random->mtr, 2.5); CLOSE(random->uplift, 0.0);
    CLOSE(router->mtr, 1.5); CLOSE(router->uplift, 0.5);
    CLOSE(oracle->mtr, 1.0); CLOSE(oracle->uplift, 1.0);
    CLOSE(router->picks_best, 4.0 / 6); CLOSE(random->picks_best, 8.0 / 18);
    CLOSE(h.e.chosen[0], 4.0 / 6); CLOSE(h.e.chosen[2], 1.0 / 6);
    hand_release(&h);
}

static void gap_closed_is_measured_from_each_reference(void **state)
{
    struct hand h = { 0 };

    (void)state;
    hand_evaluate(&h, &(zoo_evaluate_options){ .routed = hand_routed, .best_on_training = 0 });
    assert_int_equal(h.e.comparison_count, 3);
    CLOSE(h.e.comparisons[0].over_subsets.gap_closed.mean, 0.0);
    CLOSE(h.e.comparisons[0].over_rows.gap_closed.mean, 1.0 / 3);
    CLOSE(h.e.comparisons[0].by_subset[0].gap_closed.mean, 0.5 / 0.75);
    assert_true(isnan(h.e.comparisons[0].by_subset[1].gap_closed.mean));       /* C is the oracle there */
    CLOSE(h.e.comparisons[0].by_subset[1].difference.mean, -0.5);
    assert_string_equal(h.e.comparisons[1].reference, "best on training data");
    CLOSE(h.e.comparisons[1].over_subsets.difference.mean, 0.375);
    CLOSE(h.e.comparisons[1].over_subsets.gap_closed.mean, 0.5);
    CLOSE(h.e.comparisons[2].over_subsets.gap_closed.mean, -0.5);
    hand_release(&h);
}

static void the_group_average_is_ranked_as_a_row_on_request(void **state)
{
    struct hand h = { 0 };

    (void)state;
    hand_evaluate(&h, &(zoo_evaluate_options){ .routed = hand_routed, .best_on_training = 9, .group_rows = 1 });
    assert_int_equal(h.e.ranked_rows, 3);
    CLOSE(h.e.methods[0].mtr, 7.0 / 3);
    CLOSE(h.e.methods[h.e.router].mtr, 4.0 / 3);
    CLOSE(h.e.methods[h.e.router].uplift, 2.0 / 3);
    assert_int_equal(h.e.comparison_count, 2);            /* best on training data: not known */
    hand_release(&h);
}

static void another_reward_model_ranks_and_ours_scores(void **state)
{
    const uint32_t all_b[] = { 1, 1, 1, 1, 1, 1 };
    const zoo_ranker ranker = { "RMR", all_b };
    struct hand h = { 0 };

    (void)state;
    hand_evaluate(&h, &(zoo_evaluate_options){ .rankers = &ranker, .ranker_count = 1, .best_on_training = 9 });
    assert_int_equal(h.e.m, 7);
    assert_int_equal(h.e.router, h.e.m);
    assert_int_equal(h.e.comparison_count, 0);
    CLOSE(h.e.methods[6].over_subsets.mean, 0.5);
    CLOSE(h.e.methods[6].mtr, h.e.methods[1].mtr);
    hand_release(&h);
}

/* Ranks, shares and gaps are those of 0 and 1; means and differences are in the rewards' own unit. */
static void check_like(const struct hand *one, const struct hand *other)
{
    double scale = other->scale, offset = other->offset;

    for (size_t c = 0; c < one->e.m; c++) {
        const zoo_method *a = &one->e.methods[c], *b = &other->e.methods[c];
        CLOSE(a->mtr, b->mtr);
        CLOSE(a->uplift, b->uplift);
        CLOSE(a->picks_best, b->picks_best);
        CLOSE(0, (a->over_rows.mean * scale + offset - b->over_rows.mean) / scale);
        CLOSE(0, (a->by_subset[1] * scale + offset - b->by_subset[1]) / scale);
        CLOSE(0, (a->over_subsets.high * scale + offset - b->over_subsets.high) / scale);
    }
    CLOSE(one->e.comparisons[0].over_rows.gap_closed.mean, other->e.comparisons[0].over_rows.gap_closed.mean);
    CLOSE(one->e.comparisons[0].over_rows.difference.low, other->e.comparisons[0].over_rows.difference.low / scale);
    CLOSE(one->e.comparisons[0].by_subset[0].difference.mean, other->e.comparisons[0].by_subset[0].difference.mean /
          scale);
    assert_int_equal(one->e.best_over_rows, other->e.best_over_rows);
    assert_int_equal(one->e.best_over_subsets, other->e.best_over_subsets);
}

static void offset_and_scale_of_rewards_change_no_rank(void **state)
{
    static const struct { double offset, scale; } cases[] = { { 1e9, 1 }, { -1e9, 1 }, { 0, 1e-30 }, { 0, 1e300 },
                                                              { 0, 1.7e308 },
                                                              { -0x1p1000, 0x1p980 }, { 0, 0x1p-1060 } };
    const zoo_evaluate_options options = { .routed = hand_routed, .best_on_training = 0, .resamples = 50, .seed = 3,
                                           .group_rows = 1 };
    struct hand one = { .scale = 1 };

    (void)state;
    hand_evaluate(&one, &options);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct hand other = { cases[c].offset, cases[c].scale, .data = { 0 } };
        hand_evaluate(&other, &options);
        check_like(&one, &other);
        hand_release(&other);
    }
    hand_release(&one);
}

/* 1e9 * row + {0, 1}: rows differ by far more than answers do, and answers are what ranks compare. */
static void an_offset_of_each_query_changes_no_rank(void **state)
{
    const zoo_evaluate_options options = { .routed = hand_routed, .best_on_training = 0 };
    struct hand one = { .scale = 1 }, other = { .scale = 1, .slope = 1e9 };

    (void)state;
    hand_evaluate(&one, &options);
    hand_evaluate(&other, &options);
    for (size_t c = 0; c < one.e.m; c++) {
        CLOSE(one.e.methods[c].mtr, other.e.methods[c].mtr);
        CLOSE(one.e.methods[c].picks_best, other.e.methods[c].picks_best);
    }
    hand_release(&one);
    hand_release(&other);
}

/* The last bit of a 32-bit float is chance, however large the rewards: what counts is how far answers lie apart. */
static void the_last_bits_of_floats_decide_no_rank(void **state)
{
    const double rewards[] = { (double)0.7f, 0.7, 0.7, (double)0.7f, 0, (double)0.7f, (double)0.7f, 0 };
    zoo_dataset d = sample_new(4, 2, rewards, 0);
    zoo_trial t;
    zoo_evaluation e;
    zoo_err err;

    (void)state;
    d.rewards[7] = 1e-9;
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2 }, &err), ZOO_OK);
    assert_int_equal(zoo_evaluate(&e, &t, &(zoo_evaluate_options){ .best_on_training = 9 }, &err), ZOO_OK);
    assert_true(e.methods[0].mtr == 1 && e.methods[1].mtr == 1 && e.best_over_rows == 0);
    zoo_evaluation_release(&e);
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

static void means_apart_by_rounding_only_are_equal(void **state)
{
    /* 0.1 + 0.2 + 0.3 in another order and another split: the same mean, not the same bits. */
    const double rewards[] = { 0.1f, 0.3f, 0.2f, 0.3f, 0.3f, 0.0f };
    zoo_dataset d = sample_new(3, 2, rewards, 0);
    zoo_trial t;
    zoo_evaluation e;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2 }, &err), ZOO_OK);
    assert_int_equal(zoo_evaluate(&e, &t, &(zoo_evaluate_options){ .best_on_training = 9 }, &err), ZOO_OK);
    CLOSE(e.methods[0].mtr, 1.0);
    CLOSE(e.methods[1].mtr, 1.0);
    zoo_evaluation_release(&e);
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

/* Published: group averages and group MTRs of the six experts, and their MTR over 26 subsets and 4 group averages. */
static void the_papers_overall_ranks_follow_from_its_groups(void **state)
{
    static const double average[4][6] = { { .42, .89, .47, .91, .89, .80 }, { 3.12, 3.89, 3.28, 3.88, 3.79, 3.70 },
                                          { 4.44, 7.15, 5.73, 6.72, 7.12, 6.58 },
                                          { 30.9, 44.2, 34.8, 32.3, 31.2, 33.6 } };
    static const double mtr[4][6] = { { 5.6, 2.0, 5.0, 1.6, 2.2, 3.8 }, { 5.2, 1.8, 5.0, 1.5, 3.1, 3.5 },
                                      { 5.38, 2.0, 4.38, 2.88, 2.0, 3.25 }, { 4.33, 2.0, 4.0, 3.67, 3.33, 2.67 } };
    static const double subsets[4] = { 5, 10, 8, 3 }, published[6] = { 5.3, 1.83, 4.6, 2.23, 2.67, 3.4 };
    static const double rounding[6] = { 0.05, 0.005, 0.05, 0.005, 0.005, 0.05 };

    (void)state;
    for (size_t j = 0; j < 6; j++) {
        double sum = 0;
        for (size_t g = 0; g < 4; g++)                    /* a group's ranks sum to a whole number */
            sum += round(subsets[g] * mtr[g][j]) + zoo_rank_among(average[g], 6, average[g][j], 1e-9);
        assert_true(fabs(sum / 30 - published[j]) <= rounding[j]);
    }
    /* The oracle and GPT-4 are above all six on FLASK, RMR by OAssistRM is not. */
    CLOSE(zoo_rank_among(average[1], 6, 4.56, 1e-9), 1);
    CLOSE(zoo_rank_among(average[1], 6, 4.37, 1e-9), 1);
    CLOSE(zoo_rank_among(average[1], 6, 3.75, 1e-9), 4);
}

static void a_choice_that_is_no_expert_is_refused(void **state)
{
    const uint32_t routed[] = { 0, 3, 0 };
    const double rewards[] = { 1, 2, 3, 4, 5, 6 };
    zoo_dataset d = sample_new(3, 2, rewards, 0);
    zoo_trial t;
    zoo_evaluation e;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2 }, &err), ZOO_OK);
    assert_int_equal(zoo_evaluate(&e, &t, &(zoo_evaluate_options){ .routed = routed }, &err), ZOO_EUSAGE);
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

/* A router that takes B on every third row; rewards are normal with means 0, 0.3. */
static void normal_rows(double *rewards, uint32_t *routed, size_t n, uint64_t seed)
{
    zoo_rng rng;

    zoo_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        rewards[2 * i] = zoo_rng_normal(&rng);
        rewards[2 * i + 1] = 0.3 + zoo_rng_normal(&rng);
        routed[i] = i % 3 == 0;
    }
}

static void intervals_agree_with_theory_and_do_not_depend_on_threads(void **state)
{
    enum { N = 2000 };
    static double rewards[2 * N];
    static uint32_t routed[N];
    zoo_trial t;
    zoo_evaluation one, three;
    zoo_err err;
    double mean = 0, square = 0;

    (void)state;
    normal_rows(rewards, routed, N, 7);
    zoo_dataset d = sample_new(N, 2, rewards, 0);
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2 }, &err), ZOO_OK);
    zoo_evaluate_options o = { .routed = routed, .best_on_training = 1, .resamples = 10000, .seed = 3, .threads = 1 };
    assert_int_equal(zoo_evaluate(&one, &t, &o, &err), ZOO_OK);
    o.threads = 3;
    assert_int_equal(zoo_evaluate(&three, &t, &o, &err), ZOO_OK);
    for (size_t i = 0; i < N; i++) {                      /* the paired difference, by its own variance */
        double x = rewards[2 * i + routed[i]] - rewards[2 * i + 1];
        mean += x / N;
        square += x * x / N;
    }
    double half = 1.96 * sqrt((square - mean * mean) / N);
    const zoo_estimate *difference = &one.comparisons[0].over_subsets.difference;
    CLOSE(difference->mean, mean);
    assert_true(fabs(difference->low - (mean - half)) < 0.05 * half &&
                fabs(difference->high - (mean + half)) < 0.05 * half);
    for (size_t c = 0; c < one.m; c++)
        assert_memory_equal(&one.methods[c].over_subsets, &three.methods[c].over_subsets, sizeof(zoo_estimate));
    assert_memory_equal(&one.comparisons[0].over_rows, &three.comparisons[0].over_rows, sizeof(zoo_gain));
    zoo_evaluation_release(&one);
    zoo_evaluation_release(&three);
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

static void intervals_cover_the_truth_as_often_as_they_say(void **state)
{
    enum { N = 120, TRIALS = 400 };
    double rewards[2 * N];
    uint32_t routed[N];
    size_t covered = 0;

    (void)state;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        normal_rows(rewards, routed, N, 100 + trial);
        zoo_dataset d = sample_new(N, 2, rewards, 0);
        zoo_trial t;
        zoo_evaluation e;
        zoo_err err;
        assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2 }, &err),
                         ZOO_OK);
        assert_int_equal(zoo_evaluate(&e, &t, &(zoo_evaluate_options){ .routed = routed, .best_on_training = 1,
                                                                       .resamples = 400, .seed = trial, .threads = 1 },
                                      &err), ZOO_OK);
        const zoo_estimate *x = &e.comparisons[1].over_rows.difference;       /* against B, whichever was best */
        covered += x->low <= -0.2 && -0.2 <= x->high;                         /* two rows of three lose 0.3 */
        zoo_evaluation_release(&e);
        zoo_trial_release(&t);
        zoo_dataset_release(&d);
    }
    assert_in_range(covered, TRIALS * 90 / 100, TRIALS * 98 / 100);
}

static void a_router_that_is_the_best_single_differs_by_nothing(void **state)
{
    const uint32_t routed[] = { 2, 2, 2, 2, 2, 2 };
    struct hand h = { 0 };

    (void)state;
    hand_evaluate(&h, &(zoo_evaluate_options){ .routed = routed, .best_on_training = 2, .resamples = 200, .seed = 1 });
    const zoo_gain *gain = &h.e.comparisons[0].over_subsets;
    assert_true(gain->difference.mean == 0 && gain->difference.low == 0 && gain->difference.high == 0);
    assert_true(gain->gap_closed.mean == 0 && gain->gap_closed.low == 0 && gain->gap_closed.high == 0);
    hand_release(&h);
}

static void a_query_in_two_subsets_counts_once_over_rows(void **state)
{
    const double rewards[] = { 1, 0, 0, 1, 1, 1 };
    const char *const values[] = { "x", "y" }, *const tags[] = { "0 1", "0", "1" };
    const uint32_t routed[] = { 0, 0, 0 };
    zoo_dataset d = sample_new(3, 2, rewards, 1);
    zoo_trial t;
    zoo_evaluation e;
    zoo_err err;

    (void)state;
    d.kinds[d.kind_count++] = sample_kind(&d, "skill", values, 2, tags);
    assert_int_equal(zoo_trial_build(&t, &(zoo_trial_input){ .data = &d, .columns = columns, .k = 2, .kind = "skill" },
                                     &err), ZOO_OK);
    assert_int_equal(zoo_evaluate(&e, &t, &(zoo_evaluate_options){ .routed = routed, .best_on_training = 9,
                                                                   .resamples = 500 }, &err), ZOO_OK);
    CLOSE(e.methods[0].over_rows.mean, 2.0 / 3);
    CLOSE(e.methods[0].over_subsets.mean, 0.75);
    CLOSE(e.methods[e.oracle].over_rows.low, 1.0);
    CLOSE(e.methods[e.oracle].over_rows.high, 1.0);
    zoo_evaluation_release(&e);
    zoo_trial_release(&t);
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_of_a_small_table_is_as_computed_by_hand),
        cmocka_unit_test(gap_closed_is_measured_from_each_reference),
        cmocka_unit_test(the_group_average_is_ranked_as_a_row_on_request),
        cmocka_unit_test(another_reward_model_ranks_and_ours_scores),
        cmocka_unit_test(offset_and_scale_of_rewards_change_no_rank),
        cmocka_unit_test(an_offset_of_each_query_changes_no_rank),
        cmocka_unit_test(the_last_bits_of_floats_decide_no_rank),
        cmocka_unit_test(means_apart_by_rounding_only_are_equal),
        cmocka_unit_test(the_papers_overall_ranks_follow_from_its_groups),
        cmocka_unit_test(a_choice_that_is_no_expert_is_refused),
        cmocka_unit_test(intervals_agree_with_theory_and_do_not_depend_on_threads),
        cmocka_unit_test(intervals_cover_the_truth_as_often_as_they_say),
        cmocka_unit_test(a_router_that_is_the_best_single_differs_by_nothing),
        cmocka_unit_test(a_query_in_two_subsets_counts_once_over_rows),
    };
    return cmocka_run_group_tests_name("eval/metrics", tests, NULL, NULL);
}
