/* The whole of a training, on data made here: kinds of query that different experts are good at, with noise. */
#include <math.h>
#include <stdlib.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "base/rng.h"
#include "train/train.h"

enum { N = 300, K = 3 };

/* Rows of three kinds; expert j is right with probability 0.9 on kind j, 0.4 elsewhere;
 * `informative` 0: on kinds drawn at random. */
static zoo_dataset make(int informative, uint64_t seed)
{
    static const char *const frames[] = { "write a poem about the roses in garden", "compute the sum of 17 and",
                                          "translate into German the sentence" };
    static const char *const digits[] = { "0", "1", "2" };
    static double rewards[N * K];
    const char *kinds[N];
    char text[100];
    zoo_rng rng;
    zoo_dataset d;

    zoo_rng_init(&rng, seed);
    for (size_t i = 0; i < N; i++) {
        size_t kind = informative ? i % 3 : zoo_rng_below(&rng, 3);
        kinds[i] = digits[i % 3];
        for (size_t j = 0; j < K; j++)
            rewards[i * K + j] = zoo_rng_uniform(&rng) < (j == kind ? 0.9 : 0.4) + (j == 1 ? 0.05 : 0);
    }
    d = small_data(N, K, rewards);
    for (size_t i = 0; i < N; i++) {
        snprintf(text, sizeof text, "%s %zu", frames[i % 3], i);
        small_query(&d, i, text);
    }
    small_kind(&d, "subset", 3, kinds);
    return d;
}

static zoo_train_settings settings_for(const zoo_dataset *d, size_t *kinds)
{
    zoo_train_settings s = ZOO_TRAIN_DEFAULTS;

    s.kinds = kinds;
    s.kind_count = zoo_kinds_order(d, kinds);
    s.balance = zoo_dataset_kind(d, "subset");
    s.left_out = s.balance;
    return s;
}

static void it_learns_who_is_good_at_what(void **state)
{
    size_t kinds[4];
    zoo_dataset d = make(1, 1);
    zoo_train_settings s = settings_for(&d, kinds);
    zoo_trained t;
    json_t *report;

    (void)state;
    assert_int_equal(zoo_train(&d, &s, &t, NULL), ZOO_OK);
    assert_true(t.crossed.router > 0.85 && t.crossed.gain > 4 * t.crossed.error);
    assert_int_equal(t.rows, N);
    assert_true(t.validation_rows == N / 10 && t.fit_rows == N - N / 10);
    assert_true(t.tried_count > 1 && t.tags.kinds[0].between > 0);
    assert_int_equal(t.left_out_count, 3);
    assert_true(t.left_out[0].rows == N / 3 && t.left_out[0].router < 0.8);      /* a kind never seen is not known */
    report = zoo_trained_json(&t, &d, &s);
    assert_non_null(json_object_get(report, "cross_validation"));
    assert_int_equal(json_array_size(json_object_get(json_object_get(report, "left_out"), "values")), 3);
    json_decref(report);
    zoo_trained_release(&t);
    zoo_dataset_release(&d);
}

static void the_bits_depend_on_the_seed_alone(void **state)
{
    size_t kinds[4];
    zoo_dataset d = make(1, 2);
    zoo_train_settings s = settings_for(&d, kinds);
    zoo_trained one, three, other;

    (void)state;
    s.threads = 1;
    assert_int_equal(zoo_train(&d, &s, &one, NULL), ZOO_OK);
    s.threads = 3;
    s.feature_memory = 0;                               /* nor on how many n-grams are kept */
    assert_int_equal(zoo_train(&d, &s, &three, NULL), ZOO_OK);
    assert_memory_equal(one.params, three.params, one.net.size * sizeof(float));
    assert_true(one.crossed.router == three.crossed.router && one.left_out[0].router == three.left_out[0].router);
    s.seed = 2;
    assert_int_equal(zoo_train(&d, &s, &other, NULL), ZOO_OK);
    assert_memory_not_equal(one.params, other.params, one.net.size * sizeof(float));
    zoo_trained_release(&one);
    zoo_trained_release(&three);
    zoo_trained_release(&other);
    zoo_dataset_release(&d);
}

/* Where tags and texts say nothing, the router falls back on the expert that is best on average. */
static void noise_is_not_followed(void **state)
{
    size_t kinds[4];
    double behind = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        zoo_dataset d = make(0, seed);
        zoo_train_settings s = settings_for(&d, kinds);
        zoo_trained t;
        s.left_out = NULL;
        assert_int_equal(zoo_train(&d, &s, &t, NULL), ZOO_OK);
        behind += (t.crossed.single - t.crossed.router) / 5;
        zoo_trained_release(&t);
        zoo_dataset_release(&d);
    }
    assert_true(behind < 0.02);
}

static void one_recipe_tries_nothing(void **state)
{
    size_t kinds[4];
    zoo_dataset d = make(1, 3);
    zoo_train_settings s = settings_for(&d, kinds);
    zoo_recipe beta = { .is_shrunk = 0, .own = 0.3 };
    zoo_trained t, standardised;

    (void)state;
    s.beta = &beta;
    s.temperature = 0.2;
    s.left_out = NULL;
    assert_int_equal(zoo_train(&d, &s, &t, NULL), ZOO_OK);
    assert_int_equal(t.tried_count, 0);
    assert_true(t.recipe.temperature == 0.2 && t.recipe.own == 0.3 && t.crossed.rows == 0);
    assert_true(t.validation.rows == N / 10 && t.validation.router > 0.8);
    s.is_standardised = 1;
    assert_int_equal(zoo_train(&d, &s, &standardised, NULL), ZOO_OK);
    assert_true(fabs(standardised.recipe.temperature - 0.2 * t.scale) <= 1e-12);
    zoo_trained_release(&t);
    zoo_trained_release(&standardised);
    zoo_dataset_release(&d);
}

static void fails_with(int code, const zoo_dataset *d, const char *sentence)
{
    size_t kinds[4];
    zoo_train_settings s = settings_for(d, kinds);
    zoo_trained t;
    zoo_err err = { 0 };

    assert_int_equal(zoo_train(d, &s, &t, &err), code);
    if (!strstr(err.message, sentence))
        print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, sentence));
    assert_null(t.params);
}

static void fails(const zoo_dataset *d, const char *sentence)
{
    fails_with(ZOO_EFORMAT, d, sentence);
}

static void rows_that_lack_a_reward_are_left_out(void **state)
{
    size_t kinds[4];
    zoo_dataset d = make(1, 4);
    zoo_train_settings s = settings_for(&d, kinds);
    zoo_trained t;

    (void)state;
    d.rewards[5 * K + 2] = d.rewards[6 * K + 2] = d.rewards[7 * K] = NAN;
    for (size_t j = 0; j < K; j++)
        d.rewards[8 * K + j] = NAN;                     /* a query only */
    s.left_out = NULL;
    assert_int_equal(zoo_train(&d, &s, &t, NULL), ZOO_OK);
    assert_int_equal(t.rows, N - 4);
    assert_int_equal(t.holes.rewarded - t.holes.complete, 3);
    assert_int_equal(t.holes.order[0], 2);
    zoo_trained_release(&t);
    for (size_t i = 0; i < N; i++)
        d.rewards[i * K + 1] = NAN;
    fails_with(ZOO_EUSAGE, &d, "'expert-1' lacks one for 299 of 299");
    for (size_t i = 0; i < N * K; i++)
        d.rewards[i] = NAN;
    fails(&d, "none of the 300 queries has a reward");
    zoo_dataset_release(&d);
}

/* b is a with other rewards: offset + scale * reward. */
static void check_same(const zoo_trained *a, const zoo_trained *b, double offset, double scale)
{
    double close = 1e-6 * scale + 1e-15 * fabs(offset);

    assert_int_equal(a->net.size, b->net.size);
    assert_memory_equal(a->params, b->params, a->net.size * sizeof *a->params);
    assert_true(fabs(a->recipe.temperature * scale - b->recipe.temperature) <= 1e-9 * b->recipe.temperature);
    assert_true(fabs(a->scale * scale - b->scale) <= 1e-9 * b->scale);
    assert_true(fabs(a->crossed.gain * scale - b->crossed.gain) <= 1e-6 * scale);
    assert_true(fabs(a->crossed.router * scale + offset - b->crossed.router) <= close);
    assert_true(fabs(a->left_out[0].random * scale + offset - b->left_out[0].random) <= close);
    assert_true(fabs(a->tried[1].reward * scale + offset - b->tried[1].reward) <= close);
    assert_true(fabs(a->mean_rewards[1] * scale + offset - b->mean_rewards[1]) <= close);
}

static void offset_and_scale_of_rewards_change_no_bit_of_a_router(void **state)
{
    static const struct { double offset, scale; } cases[] = { { 1e9, 1 }, { 0, 0x1p-100 }, { 0, 0x1p1000 },
                                                              { -1e300, 0x1p960 } };
    size_t kinds[4];
    zoo_dataset d = make(1, 6), other = make(1, 6);
    zoo_train_settings s = settings_for(&d, kinds), t = settings_for(&other, kinds);
    zoo_trained one, two;

    (void)state;
    assert_int_equal(zoo_train(&d, &s, &one, NULL), ZOO_OK);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (size_t i = 0; i < N * K; i++)
            other.rewards[i] = cases[c].offset + cases[c].scale * d.rewards[i];
        assert_int_equal(zoo_train(&other, &t, &two, NULL), ZOO_OK);
        check_same(&one, &two, cases[c].offset, cases[c].scale);
        zoo_trained_release(&two);
    }
    zoo_trained_release(&one);
    zoo_dataset_release(&d);
    zoo_dataset_release(&other);
}

static void a_temperature_that_is_given_is_in_the_unit_of_the_rewards(void **state)
{
    const zoo_recipe beta = { .is_shrunk = 0, .own = 0.3 };
    size_t kinds[4];
    zoo_dataset d = make(1, 7);
    zoo_train_settings s = settings_for(&d, kinds);
    zoo_trained one, two;

    (void)state;
    s.beta = &beta;
    s.temperature = 0.25;
    assert_int_equal(zoo_train(&d, &s, &one, NULL), ZOO_OK);
    for (size_t i = 0; i < N * K; i++)
        d.rewards[i] = 1024 * d.rewards[i] + 3;
    s.temperature = 256;
    assert_int_equal(zoo_train(&d, &s, &two, NULL), ZOO_OK);
    assert_true(one.recipe.temperature == 0.25 && two.recipe.temperature == 256);
    assert_memory_equal(one.params, two.params, one.net.size * sizeof *one.params);
    zoo_trained_release(&one);
    zoo_trained_release(&two);
    zoo_dataset_release(&d);
}

static void an_expert_that_was_hardly_asked_is_named(void **state)
{
    size_t kinds[4];
    zoo_dataset d = make(1, 8);
    zoo_train_settings s = settings_for(&d, kinds);
    zoo_trained t;

    (void)state;
    for (size_t i = 29; i < N; i++)
        d.rewards[i * K + 1] = NAN;
    fails_with(ZOO_EUSAGE, &d,
               "only 29 queries have a reward of every expert, which is too little to learn from; 'expert-1' lacks one "
               "for 271 of 300: score its answers, or leave it out: without 'expert-1', 300 would be complete "
               "(--without expert-1)");
    d.rewards[29 * K + 1] = 1;                          /* one in ten */
    s.left_out = NULL;
    assert_int_equal(zoo_train(&d, &s, &t, NULL), ZOO_OK);
    assert_true(t.rows == 30 && t.holes.without == 1 && t.holes.would_be == N);
    zoo_trained_release(&t);
    zoo_dataset_release(&d);
}

static void data_that_teach_nothing_are_refused(void **state)
{
    zoo_dataset d = make(1, 5), single;
    static const double ones[N] = { 1 };

    (void)state;
    for (size_t i = 0; i < N * K; i++)
        d.rewards[i] = (double)(i / K % 2);             /* the same for every expert */
    fails(&d, "nothing to learn");
    zoo_dataset_release(&d);
    single = small_data(N, 1, ones);
    fails(&single, "only one expert, 'expert-0'");
    zoo_dataset_release(&single);
}

static void a_handful_of_rows_is_enough_to_train(void **state)
{
    size_t kinds[4];
    zoo_trained t;

    (void)state;
    for (size_t n = 1; n < 4; n++) {
        zoo_dataset d = small_data(n, 2, (const double[]){ 1, 0, 0, 0, 0, 1 });
        zoo_train_settings s = settings_for(&d, kinds);
        assert_int_equal(zoo_train(&d, &s, &t, NULL), ZOO_OK);
        assert_true(t.validation_rows == 0 && t.tried_count == 0 && isfinite(t.params[t.net.size - 1]));
        zoo_trained_release(&t);
        zoo_dataset_release(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_who_is_good_at_what),
        cmocka_unit_test(the_bits_depend_on_the_seed_alone),
        cmocka_unit_test(noise_is_not_followed),
        cmocka_unit_test(one_recipe_tries_nothing),
        cmocka_unit_test(rows_that_lack_a_reward_are_left_out),
        cmocka_unit_test(offset_and_scale_of_rewards_change_no_bit_of_a_router),
        cmocka_unit_test(a_temperature_that_is_given_is_in_the_unit_of_the_rewards),
        cmocka_unit_test(an_expert_that_was_hardly_asked_is_named),
        cmocka_unit_test(data_that_teach_nothing_are_refused),
        cmocka_unit_test(a_handful_of_rows_is_enough_to_train),
    };
    return cmocka_run_group_tests_name("train/train", tests, NULL, NULL);
}
