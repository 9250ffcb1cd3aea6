#include "unit/cm.h"
#include <string.h>
#include "cli/text_row.h"

static zoo_text_row row = ZOO_TEXT_ROW_INIT;
static zoo_err err;

static int read_row(const char *line, unsigned wanted)
{
    return zoo_text_row_read(&row, line, strlen(line), wanted, "x:1", &err);
}

static void assert_text(int i, const char *expected)
{
    assert_non_null(row.texts[i].data);
    assert_int_equal(row.texts[i].size, strlen(expected));
    assert_memory_equal(row.texts[i].data, expected, row.texts[i].size);
}

static void texts_are_decoded(void **state)
{
    (void)state;
    assert_int_equal(read_row("{\"text\": \"a\\n\\u00e9\", \"more\": [{}], \"pair\": \"\", \"max_length\": 12, \"id\": "
                              "\"q\\\"1\"}", ROW_TEXT | ROW_PAIR), ZOO_OK);
    assert_text(ROW_AT_TEXT, "a\n\xc3\xa9");
    assert_text(ROW_AT_PAIR, "");
    assert_int_equal(row.max_length, 12);
    assert_int_equal(row.id.size, 6);
    assert_memory_equal(row.id.data, "\"q\\\"1\"", 6);
    assert_int_equal(read_row("{\"text\": \"\", \"pair\": null, \"id\": -7}", ROW_TEXT | ROW_PAIR), ZOO_OK);
    assert_text(ROW_AT_TEXT, "");
    assert_null(row.texts[ROW_AT_PAIR].data);
    assert_int_equal(row.max_length, 0);
    assert_memory_equal(row.id.data, "-7", 2);
}

static void what_is_not_unicode_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(read_row("{\"text\": \"\xff" "a\xc3\"}", ROW_TEXT), ZOO_OK);
    assert_text(ROW_AT_TEXT, "\xef\xbf\xbd" "a\xef\xbf\xbd");
    assert_int_equal(read_row("{\"text\": \"\\ud800\"}", ROW_TEXT), ZOO_OK);
    assert_text(ROW_AT_TEXT, "\xef\xbf\xbd");
}

static void either_of_text_and_query_does(void **state)
{
    (void)state;
    assert_int_equal(read_row("{\"query\": \"q\"}", ROW_TEXT_OR_QUERY), ZOO_OK);
    assert_text(ROW_AT_QUERY, "q");
    assert_null(row.texts[ROW_AT_TEXT].data);
    assert_int_equal(read_row("{\"text\": \"t\"}", ROW_TEXT_OR_QUERY), ZOO_OK);
    assert_int_equal(read_row("{}", ROW_TEXT_OR_QUERY), ZOO_EFORMAT);
    assert_string_equal(err.message, "x:1: 'text' is missing");
    assert_int_equal(read_row("{\"query\": \"q\", \"candidate1\": \"a\"}", ROW_COMPARISON), ZOO_EFORMAT);
    assert_string_equal(err.message, "x:1: 'candidate2' is missing");
}

static void what_is_wrong_is_said(void **state)
{
    static const char *const bad[][2] = {
        { "{\"text\": 7}", "x:1: 'text' should be a string, is 7" },
        { "{\"text\": \"a\", \"text\": \"b\"}", "x:1: 'text' is there twice" },
        { "{\"text\": \"a\", \"max_length\": 1.5}", "x:1: 'max_length' should be a number of tokens, is 1.5" },
        { "{\"text\": \"a\", \"max_length\": 0}", "x:1: 'max_length' should be at least 1 token, is 0" },
        { "{\"text\": \"a\", \"id\": [1]}", "x:1: 'id' should be a string or a whole number, is [1]" },
        { "[]", "x:1: should be a JSON object, as {\"text\": \"...\"}" },
        { "hello", "x:1: should be a JSON object, as {\"text\": \"...\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_row(bad[i][0], ROW_TEXT), ZOO_EFORMAT);
        assert_string_equal(err.message, bad[i][1]);
    }
    assert_int_equal(read_row("{\"text\": \"a\"", ROW_TEXT), ZOO_EFORMAT);
    assert_int_equal(read_row("{\"text\": \"a\"} b", ROW_TEXT), ZOO_EFORMAT);
    assert_int_equal(read_row("", ROW_TEXT), ZOO_EFORMAT);
}

static int tear_down(void **state)
{
    (void)state;
    zoo_text_row_release(&row);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_decoded),
        cmocka_unit_test(what_is_not_unicode_is_replaced),
        cmocka_unit_test(either_of_text_and_query_does),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
