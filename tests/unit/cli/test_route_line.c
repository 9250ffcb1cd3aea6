#include "unit/cm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "cli/route_line.h"

static void shares_have_six_digits_and_no_more(void **state)
{
    static const struct { float x; const char *want; } cases[] = {
        { 0, "0" }, { 1, "1" }, { 0.5f, "0.5" }, { 0.1f, "0.1" }, { 0.25676f, "0.25676" }, { 0.999999f, "0.999999" },
        { 0.9999999f, "1" }, { 0.0123456f, "0.0123456" }, { 0.00123456f, "0.00123456" }, { 0.0001f, "0.0001" },
        { 1.5e-5f, "1.5e-05" }, { 1e-30f, "1e-30" },
    };
    char out[ZOO_SHARE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = zoo_share_put(out, cases[i].x);
        assert_int_equal(n, strlen(cases[i].want));
        assert_memory_equal(out, cases[i].want, n);
    }
}

static void shares_read_back_within_their_last_digit(void **state)
{
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 1);
    for (int i = 0; i < 100000; i++) {
        char out[ZOO_SHARE_SIZE + 1];
        float x = (float)(zoo_rng_uniform(&rng) * pow(10, -(double)zoo_rng_below(&rng, 6)));
        size_t n = zoo_share_put(out, x);
        assert_true(n <= ZOO_SHARE_SIZE);
        out[n] = '\0';
        if (!(fabs(strtod(out, NULL) - (double)x) <= 0.51e-5 * (double)x))
            fail_msg("%.9g -> %s", (double)x, out);
    }
}

/* query|id of a row, or the sentence that refuses it. */
static const char *read_row(const char *line, size_t size)
{
    static char out[2000];
    zoo_buf row = ZOO_BUF_INIT(1000);
    size_t query, id;
    zoo_err err;

    if (zoo_buf_add_str(&row, "before") || zoo_query_line_read(&row, &query, &id, line, size, "stdin:7", &err))
        snprintf(out, sizeof out, "%s", err.message);
    else
        snprintf(out, sizeof out, "%.*s|%.*s", (int)(id - query), row.data + query, (int)(row.size - id),
                 row.data + id);
    zoo_buf_release(&row);
    return out;
}

static void only_query_and_id_of_a_row_are_read(void **state)
{
    static const struct { const char *line, *want; } cases[] = {
        { "{\"query\": \"a \\u00e9\\n\", \"id\": \"q\\\"1\"}", "a \xc3\xa9\n|\"q\\\"1\"" },
        { "{\"id\": 17, \"rewards\": {\"x\": 1}, \"query\": \"\"}", "|17" },
        { "{\"query\": \"x\", \"id\": null}", "x|" },
        { "{\"query\": \"x\"}", "x|" },
        { "{\"query\": 5}", "stdin:7: 'query' should be a string, is a number" },
        { "{\"id\": 5}", "stdin:7: 'query' should be a string, is nothing" },
        { "{\"query\": \"x\", \"id\": 1.5}", "stdin:7: 'id' should be a string or a whole number, is a number" },
        { "{\"query\": \"x\", \"id\": []}", "stdin:7: 'id' should be a string or a whole number, is an array" },
        { "[1]", "stdin:7: should be an object with 'query', is an array" },
        { "", "stdin:7: expected JSON, found nothing" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(read_row(cases[i].line, strlen(cases[i].line)), cases[i].want);
    assert_non_null(strstr(read_row("{\"query\": \"x\"} x", 16), "stdin:7, column"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_have_six_digits_and_no_more),
        cmocka_unit_test(shares_read_back_within_their_last_digit),
        cmocka_unit_test(only_query_and_id_of_a_row_are_read),
    };
    return cmocka_run_group_tests_name("cli/route_line", tests, NULL, NULL);
}
