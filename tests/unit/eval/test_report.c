#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "eval/report.h"
#include "sample.h"

static void expect_name(const char *name, size_t width, const char *want)
{
    zoo_buf b = ZOO_BUF_INIT(1000);

    assert_int_equal(zoo_report_name(&b, name, width), ZOO_OK);
    assert_string_equal(b.data, want);
    zoo_buf_release(&b);
}

static void long_names_are_cut_in_the_middle(void **state)
{
    (void)state;
    expect_name("short", 8, "short   ");
    expect_name("exactly8", 8, "exactly8");
    expect_name("meta-llama/Meta-Llama-3-8B", 12, "meta-..-3-8B");
    /* each CJK character fills two columns */
    expect_name("\xe4\xb8\x93\xe4\xb8\x9a", 8, "\xe4\xb8\x93\xe4\xb8\x9a    ");
    expect_name("\xe4\xb8\x93\xe4\xb8\x9a\xe4\xb8\x93\xe4\xb8\x9a\xe4\xb8\x93", 8,
                "\xe4\xb8\x93..\xe4\xb8\x9a\xe4\xb8\x93");
}

struct made { zoo_dataset data; zoo_trial trial; zoo_evaluation e; };

static void make_scaled(struct made *m, const uint32_t *routed, size_t resamples, double offset, double scale)
{
    const double rewards[] = { 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 1 };
    const char *const values[] = { "x", "y" }, *const tags[] = { "0", "0", "0", "0", "1", "1" };
    static const size_t columns[] = { 0, 1, 2 };
    zoo_err err;

    m->data = sample_new(6, 3, rewards, 1);
    for (size_t i = 0; i < 18; i++)
        m->data.rewards[i] = offset + scale * rewards[i];
    m->data.experts[1] = "an-organisation-with-a-long-name/and-a-model-whose-name-is-longer-still-13b-chat";
    m->data.kinds[m->data.kind_count++] = sample_kind(&m->data, "subset", values, 2, tags);
    assert_int_equal(zoo_trial_build(&m->trial, &(zoo_trial_input){ .data = &m->data, .columns = columns, .k = 3,
                                                                    .kind = "subset" }, &err), ZOO_OK);
    assert_int_equal(zoo_evaluate(&m->e, &m->trial, &(zoo_evaluate_options){ .routed = routed, .best_on_training = 0,
                                                                             .resamples = resamples, .seed = 1 }, &err),
                     ZOO_OK);
}

static void make(struct made *m, const uint32_t *routed, size_t resamples)
{
    make_scaled(m, routed, resamples, 0, 1);
}

static void unmake(struct made *m)
{
    zoo_evaluation_release(&m->e);
    zoo_trial_release(&m->trial);
    zoo_dataset_release(&m->data);
}

static void expect_narrow(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > 100)
            fail_msg("over 100 columns: %.*s", (int)length, text);
        assert_true(length == 0 || text[length - 1] != ' ');
        text += length + (text[length] == '\n');
    }
}

static void the_tables_fit_a_hundred_columns(void **state)
{
    const uint32_t routed[] = { 0, 1, 0, 0, 2, 0 };
    const char *const notes[] = { "3 queries were left out" };
    const zoo_report_subject subject = { .split = "test", .kind = "subset", .notes = notes, .note_count = 1,
                                         .seed = 1 };

    (void)state;
    for (size_t resamples = 0; resamples <= 100; resamples += 100)
        for (int with_router = 0; with_router < 2; with_router++) {
            zoo_buf b = ZOO_BUF_INIT(100000);
            struct made m;
            make(&m, with_router ? routed : NULL, resamples);
            assert_int_equal(zoo_report_text(&b, &m.e, &subject), ZOO_OK);
            expect_narrow(b.data);
            assert_non_null(strstr(b.data, "3 queries were left out\n"));
            assert_non_null(strstr(b.data, "best single (1)"));
            assert_true((strstr(b.data, "router less") != NULL) == with_router);
            assert_null(strstr(b.data, "nan"));
            zoo_buf_release(&b);
            unmake(&m);
        }
}

static void rewards_of_any_size_fit_their_columns(void **state)
{
    static const struct { double offset, scale; const char *said, *shown; } cases[] = {
        { 1e9, 1, "means are shown less 1000000000\n", " 0.6250 " },
            { 0, 1e-30, "rewards are shown in units of 1e-30\n", " 1.0000 " },
        { 0, 1e300, "rewards are shown in units of 1e+300\n", " 1.0000 " },
            { 1e250, 0x1p790, "and all rewards in units of ", " 1" },
        { 0, 1, "queries in 2 subsets", " 0.6250 " }
    };
    const uint32_t routed[] = { 0, 1, 0, 0, 2, 0 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_buf b = ZOO_BUF_INIT(100000);
        struct made m;
        make_scaled(&m, routed, 100, cases[i].offset, cases[i].scale);
        assert_int_equal(zoo_report_text(&b, &m.e, &(zoo_report_subject){ .split = "test", .kind = "subset" }), ZOO_OK);
        expect_narrow(b.data);
        if (!strstr(b.data, cases[i].said) || !strstr(b.data, cases[i].shown))
            fail_msg("%s", b.data);
        zoo_buf_release(&b);
        unmake(&m);
    }
}

static void a_full_buffer_is_an_error(void **state)
{
    zoo_buf b = ZOO_BUF_INIT(300);
    struct made m;

    (void)state;
    make(&m, NULL, 0);
    assert_int_equal(zoo_report_text(&b, &m.e, &(zoo_report_subject){ 0 }), ZOO_ENOMEM);
    zoo_buf_release(&b);
    unmake(&m);
}

static void json_holds_every_figure_and_null_for_none(void **state)
{
    const uint32_t routed[] = { 0, 1, 0, 0, 2, 0 };
    json_t *j, *methods, *against;
    struct made m;

    (void)state;
    make(&m, routed, 0);
    j = zoo_report_json(&m.e, &(zoo_report_subject){ .split = "test", .kind = "subset" });
    assert_non_null(j);
    methods = json_object_get(j, "methods");
    against = json_object_get(j, "router_against");
    assert_int_equal(json_array_size(methods), 7);
    assert_string_equal(json_string_value(json_object_get(json_array_get(methods, 6), "kind")), "router");
    assert_true(json_is_null(json_object_get(json_object_get(json_array_get(methods, 0), "over_rows"), "low")));
    assert_int_equal(json_array_size(against), 3);
    const json_t *y = json_array_get(json_object_get(json_array_get(against, 0), "by_subset"), 1);
    assert_true(json_is_null(json_object_get(json_object_get(y, "gap_closed"), "mean")));
    assert_true(json_real_value(json_object_get(json_object_get(y, "difference"), "mean")) == -0.5);
    assert_true(json_is_null(json_object_get(j, "router")));
    json_decref(j);
    unmake(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_names_are_cut_in_the_middle),
        cmocka_unit_test(the_tables_fit_a_hundred_columns),
        cmocka_unit_test(rewards_of_any_size_fit_their_columns),
        cmocka_unit_test(a_full_buffer_is_an_error),
        cmocka_unit_test(json_holds_every_figure_and_null_for_none),
    };
    return cmocka_run_group_tests_name("eval/report", tests, NULL, NULL);
}
