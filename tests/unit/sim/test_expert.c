/* test_expert.c - simulated experts: settings files good and bad, strengths that hold, answers that repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/fs.h"
#include "sim/expert.h"

static int load(zoo_sim_config *config, const char *text, zoo_err *err)
{
    char path[] = "/tmp/zooter-test-XXXXXX";
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(zoo_fs_write(path, text, strlen(text), err), 0);
    rc = zoo_sim_config_load(config, path, err);
    unlink(path);
    return rc;
}

static size_t kind_number(const char *name)
{
    size_t i = 0;

    while (strcmp(zoo_sim_kinds[i]->name, name))
        i++;
    return i;
}

static void test_config_is_read(void **state)
{
    zoo_sim_config config;
    zoo_err err;

    (void)state;
    assert_int_equal(load(&config,
                          "seed: 7\nexperts:\n  - name: a/b\n    strength: 0.25\n    strengths: {roman: 1, percent: "
                          "0}\n"
                          "    latency_ms: 2.5\n    tokens_per_s: 80\n    failure_rate: 0.5\n    stall_rate: 0.25\n    "
                          "cut_rate: 0.25\n"
                          "    failure_status: 429\n  - name: b\n", &err), ZOO_OK);
    assert_int_equal(config.count, 2);
    assert_int_equal(config.seed, 7);
    assert_string_equal(config.experts[0].name, "a/b");
    assert_true(config.experts[0].strengths[kind_number("roman")] == 1);
    assert_true(config.experts[0].strengths[kind_number("percent")] == 0);
    assert_true(config.experts[0].strengths[kind_number("clock")] == 0.25);
    assert_true(config.experts[0].latency_ms == 2.5 && config.experts[0].tokens_per_s == 80);
    assert_int_equal(config.experts[0].failure_status, 429);
    assert_true(config.experts[1].strengths[0] == 0.5 && config.experts[1].failure_rate == 0);
    assert_int_equal(config.experts[1].failure_status, 500);
    assert_ptr_equal(zoo_sim_expert_find(&config, "b"), &config.experts[1]);
    assert_null(zoo_sim_expert_find(&config, "c"));
    zoo_sim_config_release(&config);
}

static void test_bad_configs_are_refused_with_a_sentence(void **state)
{
    static const struct { const char *text, *names; } cases[] = {
        { "", "no settings" }, { "experts: []\n", "0 of 1" }, { "seed: 1\n", "experts" },
        { "experts:\n  - name: a\n  - name: a\n", "'a'" }, { "experts:\n  - name: a b\n", "a b" },
        { "experts:\n  - name: a\n    strength: 1.5\n", "strength is 1.5" },
            { "experts:\n  - name: a\n    strength: .nan\n", "" },
        { "experts:\n  - name: a\n    strengths: {romans: 1}\n", "romans" },
        { "experts:\n  - name: a\n    strengths: {roman: -1}\n", "roman is -1" },
        { "experts:\n  - name: a\n    latency: 5\n", "latency" }, { "experts:\n  - name: a\n    latency_ms: -5\n",
                                                                    "latency_ms" },
        { "experts:\n  - name: a\n    failure_status: 200\n", "failure_status" },
        { "experts:\n  - name: a\n    failure_rate: 0.6\n    stall_rate: 0.6\n", "add up" }, { "experts: 5\n", "" },
            { "\xff\xfe", "" }
    };
    zoo_sim_config config;
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (load(&config, cases[i].text, &err) != ZOO_EFORMAT)
            fail_msg("taken: %s", cases[i].text);
        if (!strstr(err.message, cases[i].names) || !strstr(err.message, "/tmp/zooter-test-"))
            fail_msg("%s: '%s'", cases[i].text, err.message);
        assert_null(config.experts);
    }
    assert_int_equal(zoo_sim_config_load(&config, "/nonexistent/sim.yaml", &err), ZOO_EIO);
}

static void test_uniform_experts_complement_each_other(void **state)
{
    zoo_sim_config config;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_sim_config_uniform(&config, 4, &err), ZOO_OK);
    assert_string_equal(config.experts[3].name, "expert-4");
    for (size_t kind = 0; kind < zoo_sim_kind_count(); kind++) {
        int strong = 0;
        for (size_t i = 0; i < 4; i++)
            strong += config.experts[i].strengths[kind] > 0.8;
        assert_int_equal(strong, 1);
    }
    zoo_sim_config_release(&config);
    assert_int_equal(zoo_sim_config_uniform(&config, 0, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_sim_config_uniform(&config, ZOO_SIM_EXPERTS_MAX + 1, &err), ZOO_EUSAGE);
}

/* Share of right answers of `expert` to n questions of the kind. */
static double measured(const zoo_sim_config *config, size_t expert, const char *kind_name, int n)
{
    const zoo_sim_kind *kind = zoo_sim_kind_find(kind_name);
    char query[ZOO_SIM_TEXT_SIZE], answer[ZOO_SIM_TEXT_SIZE];
    zoo_sim_task task;
    zoo_rng rng;
    int right = 0;

    zoo_rng_init(&rng, 5);
    for (int i = 0; i < n; i++) {
        zoo_sim_make(kind, &kind->frames[(size_t)i % kind->frame_count], &rng, &task);
        assert_int_equal(zoo_sim_ask(&task, query, sizeof query), 0);
        assert_true(zoo_sim_answer(config, &config->experts[expert], query, strlen(query), answer) > 0);
        right += zoo_sim_is_right(query, strlen(query), answer);
    }
    return (double)right / n;
}

static void test_strengths_hold(void **state)
{
    zoo_sim_config config;
    zoo_err err;
    double x;

    (void)state;
    assert_int_equal(load(&config,
                          "experts:\n  - name: a\n    strength: 0.3\n    strengths: {percent: 0.9, program: 1, "
                          "sorting: 0}\n", &err), ZOO_OK);
    x = measured(&config, 0, "percent", 2000);         /* four standard errors: 0.027 and 0.041 */
    assert_true(x > 0.87 && x < 0.93);
    x = measured(&config, 0, "weekday", 2000);
    assert_true(x > 0.26 && x < 0.34);
    assert_true(measured(&config, 0, "program", 200) == 1);
    assert_true(measured(&config, 0, "sorting", 200) == 0);
    zoo_sim_config_release(&config);
}

static void test_answers_repeat_and_experts_differ(void **state)
{
    static const char query[] = "What is 15% of 240?";
    char first[ZOO_SIM_TEXT_SIZE], again[ZOO_SIM_TEXT_SIZE];
    zoo_sim_config config;
    size_t different = 0;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_sim_config_uniform(&config, 20, &err), ZOO_OK);
    for (size_t i = 0; i < config.count; i++) {
        zoo_sim_answer(&config, &config.experts[i], query, strlen(query), again);
        zoo_sim_answer(&config, &config.experts[i], query, strlen(query), first);
        assert_string_equal(first, again);
        config.seed++;
        zoo_sim_answer(&config, &config.experts[i], query, strlen(query), again);
        different += strcmp(first, again) != 0;
        config.seed--;
    }
    assert_true(different > 5);                         /* the seed matters */
    zoo_sim_answer(&config, &config.experts[0], "Who are you?", 12, first);
    assert_non_null(strstr(first, "simulated"));
    assert_false(zoo_sim_is_right("Who are you?", 12, first));
    assert_true(zoo_sim_is_right(query, strlen(query), "It is 36."));
    assert_false(zoo_sim_is_right(query, strlen(query), "It is 360 or 136."));
    zoo_sim_config_release(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_is_read),
        cmocka_unit_test(test_bad_configs_are_refused_with_a_sentence),
        cmocka_unit_test(test_uniform_experts_complement_each_other),
        cmocka_unit_test(test_strengths_hold),
        cmocka_unit_test(test_answers_repeat_and_experts_differ)
    };

    return cmocka_run_group_tests_name("sim/expert", tests, NULL, NULL);
}
