#include "unit/cm.h"
#include <string.h>
#include "base/json.h"

static void bad_text_is_refused_with_its_place(void **state)
{
    static const struct { const char *text, *want; } cases[] = {
        { "", "rows:7: expected JSON, found nothing" },
        { "{\"a\":1", "rows:7, column 6: not JSON" },
        { "{\"a\":1,\"a\":2}", "not JSON: duplicate object key" },
        { "{\"a\":NaN}", "rows:7, column 8: not JSON" },
        { "{\"a\":1e999}", "not JSON: real number overflow" },
        { "{} {}", "not JSON: end of file expected" },
        { "\"\xff\"", "not JSON: unable to decode byte" },
    };
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(zoo_json_parse(cases[i].text, strlen(cases[i].text), "rows:7", &err));
        assert_int_equal(err.code, ZOO_EFORMAT);
        if (!strstr(err.message, cases[i].want))
            fail_msg("'%s' lacks '%s'", err.message, cases[i].want);
    }
}

static void a_nul_byte_is_refused(void **state)
{
    zoo_err err;

    (void)state;
    assert_null(zoo_json_parse("[1\0,2]", 6, "rows:7", &err));
    assert_string_equal(err.message, "rows:7: not JSON: NUL at byte 3");
}

static void deep_nesting_is_refused(void **state)
{
    enum { DEPTH = 1000000 };
    static char text[DEPTH];

    (void)state;
    memset(text, '[', DEPTH);
    assert_null(zoo_json_parse(text, DEPTH, "body", NULL));
}

static void strings_are_asked_for_by_name(void **state)
{
    static const char text[] = "{\"id\":\"q1\",\"n\":3,\"z\":\"a\\u0000b\"}";
    json_t *row = zoo_json_parse(text, sizeof text - 1, "r", NULL);
    zoo_err err;

    (void)state;
    assert_non_null(row);
    assert_string_equal(zoo_json_str(row, "id", "r", NULL), "q1");
    assert_null(zoo_json_str(row, "query", "r", &err));
    assert_string_equal(err.message, "r: 'query' is missing");
    assert_null(zoo_json_str(row, "n", "r", &err));
    assert_string_equal(err.message, "r: 'n' should be a string, is a number");
    assert_null(zoo_json_str(row, "z", "r", &err));
    json_decref(row);
}

static void a_dump_reads_back_alike(void **state)
{
    static const char text[] = "{\"b\":[1,0.1,-2.5e-07,true,null],\"a\":\"\xc3\xa9\"}";
    json_t *value = zoo_json_parse(text, sizeof text - 1, "r", NULL);
    zoo_buf out = ZOO_BUF_INIT(1000);

    (void)state;
    assert_int_equal(zoo_json_dump(&out, value), ZOO_OK);
    json_t *again = zoo_json_parse(out.data, out.size, "r", NULL);
    assert_true(json_equal(value, again));
    assert_string_equal(out.data, "{\"b\":[1,0.1,-2.5e-07,true,null],\"a\":\"\xc3\xa9\"}");
    json_decref(again);
    json_decref(value);
    zoo_buf_release(&out);
}

static void lines_are_for_people(void **state)
{
    static const char text[] = "{\"b\":[1,{}],\"a\":{\"x\":[]},\"n\":0.1}";
    json_t *value = zoo_json_parse(text, sizeof text - 1, "r", NULL);
    zoo_buf out = ZOO_BUF_INIT(1000);

    (void)state;
    assert_int_equal(zoo_json_dump_lines(&out, value), ZOO_OK);
    assert_string_equal(out.data,
                        "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": {\n    \"x\": []\n  },\n  \"n\": 0.1\n}\n");
    json_decref(value);
    zoo_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_text_is_refused_with_its_place),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(strings_are_asked_for_by_name),
        cmocka_unit_test(a_dump_reads_back_alike),
        cmocka_unit_test(lines_are_for_people),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
