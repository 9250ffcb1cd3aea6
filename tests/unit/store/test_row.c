#include "unit/cm.h"
#include <stdlib.h>
#include <string.h>
#include "store/row.h"

static zoo_err err;

static int read_row(zoo_row *row, const char *line)
{
    memset(&err, 0, sizeof err);
    return zoo_row_read(row, line, strlen(line), "f.jsonl", 3, &err);
}

static void refuse(const char *line, const char *sentence)
{
    zoo_row row;

    zoo_row_init(&row);
    assert_int_equal(read_row(&row, line), ZOO_EFORMAT);
    zoo_row_release(&row);
    if (strcmp(err.message, sentence))
        fail_msg("%s\n  says      %s\n  should be %s", line, err.message, sentence);
}

static void equal(zoo_span span, const char *text)
{
    assert_non_null(span.text);
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.text, text, span.size);
}

static void every_field_is_read(void **state)
{
    zoo_row row;
    zoo_buf extra = ZOO_BUF_INIT(1000);

    (void)state;
    zoo_row_init(&row);
    for (int i = 0; i < 2; i++) {                    /* the second row finds the first one's memory */
        if (read_row(&row, "{\"\\u0069d\": \"a\", \"query\" : \"1\\n\\u00e9\\ud83d\\ude00\", \"subset\":\"s\",\"tags\": [\"k:v:w\", \"plain\", "
                     "\":x\", \"k:v:w\", \"subset:s\"], \"rewards\": {\"org/m\": -1.5e1, \"n\": 0.1}, \"x\": {\"y\": [1, 2.50]}, \"split\": \"dev\", "
                     "\"responses\": {\"n\": \"yes\"}, \"n\":null} \r"))
            fail_msg("%s", err.message);
        equal(row.id, "a");
        equal(row.query, "1\n\xc3\xa9\xf0\x9f\x98\x80");
        equal(row.subset, "s");
        equal(row.split, "dev");
        assert_null(row.dataset.text);
        assert_int_equal(row.tag_count, 3);          /* one that comes twice counts once; so does the field's */
        equal(row.tags[0].kind, "k");
        equal(row.tags[0].value, "v:w");
        equal(row.tags[1].kind, "tag");
        equal(row.tags[1].value, "plain");
        equal(row.tags[2].value, ":x");
        assert_int_equal(row.reward_count, 2);
        assert_true(row.rewards[0].value == -15 && row.rewards[1].value == 0.1);
        assert_string_equal(row.experts.items[row.rewards[1].expert].text, "n");
        assert_int_equal(row.responses[0].expert, row.rewards[1].expert);
        zoo_buf_clear(&extra);
        assert_int_equal(zoo_row_fields(&row, &extra), ZOO_OK);
        assert_string_equal(extra.data, "{\"x\": {\"y\": [1, 2.50]}, \"n\": null}");
    }
    zoo_buf_release(&extra);
    zoo_row_release(&row);
}

#define START "{\"id\": \"a\", \"query\": \"q\", \"rewards\": {"
static void what_breaks_a_rule_is_refused_with_its_place(void **state)
{
    (void)state;
    refuse("{\"id\": \"a\", \"query\": \"q\"}", "f.jsonl:3, column 1: 'rewards' is missing; {} is fine for a query alone");
    refuse("{\"id\": \"a\"}", "f.jsonl:3, column 1: 'query' is missing");
    refuse("{\"query\": \"q\", \"rewards\": {}}", "f.jsonl:3, column 1: 'id' is missing");
    refuse("{\"id\": \"\"}", "f.jsonl:3, column 8: 'id' is empty");
    refuse("{\"id\": 7}", "f.jsonl:3, column 8: 'id' should be a string, is a number");
    refuse("{\"id\": \"a\\tb\"}", "f.jsonl:3, column 8: 'id' contains a control character");
    refuse("{\"\xc3\xa9\": 1, \"split\": null}", "f.jsonl:3, column 19: 'split' should be a string, is null");
    refuse("{\"id\": \"a\", \"id\": \"a\"}", "f.jsonl:3, column 13: the field 'id' comes twice");
    refuse("{\"x\": 1, \"x\": 2}", "f.jsonl:3, column 10: the field 'x' comes twice");
    refuse("{\"x\": {\"a\": 1, \"a\": 2}, \"id\": \"a\", \"responses\": {}}",
           "f.jsonl:3, column 7: in 'x', column 12: not JSON: duplicate object key near '\"a\"'");
    refuse("{\"tags\": \"a\"}", "f.jsonl:3, column 10: 'tags' should be an array of strings, is a string");
    refuse("{\"tags\": [1]}", "f.jsonl:3, column 11: 'tags' should hold strings, not a number");
    refuse("{\"rewards\": []}", "f.jsonl:3, column 13: 'rewards' should be an object of numbers, is an array");
    refuse(START "\"m\": null}}",
           "f.jsonl:3, column 44: the reward of m should be a number, is null; leave it out where there is none");
    refuse(START "\"m\": NaN}}", "f.jsonl:3, column 44: NaN and Infinity are not JSON; leave out what is not known");
    refuse(START "\"m\": -Infinity}}", "f.jsonl:3, column 44: NaN and Infinity are not JSON; leave out what is not known");
    refuse(START "\"m\": 1e999}}", "f.jsonl:3, column 44: 1e999 is too large for a number");
    refuse(START "\"m\": 1, \"m\": 1}}", "f.jsonl:3, column 47: 'rewards' names m twice");
    refuse(START "\"m m\": 1}}", "f.jsonl:3, column 39: expert name 'm m' should be 1 to 128 characters of A-Z a-z 0-9 . _ : / -");
    refuse(START "\"m\": 01}}", "f.jsonl:3, column 44: not JSON: a number with leading zeros");
    refuse(START "\"m\": 1.}}", "f.jsonl:3, column 44: not JSON: a number without digits behind its point");
    refuse("", "f.jsonl:3, column 1: not JSON: the line ends where '{' should be");
    refuse("[]", "f.jsonl:3, column 1: a row should be an object, is an array");
    refuse("{\"id\": \"a", "f.jsonl:3, column 8: not JSON: this string does not end");
    refuse("{\"id\": \"\xff\"}", "f.jsonl:3, column 9: not UTF-8: the byte 0xff");
    refuse("{\"query\": \"\\u0000\"}", "f.jsonl:3, column 12: a NUL character (\\u0000) cannot be stored");
    refuse("{\"query\": \"\\ud800\"}", "f.jsonl:3, column 12: not Unicode: half of a surrogate pair");
    refuse("{\"query\": \"\\q\"}", "f.jsonl:3, column 12: not JSON: a backslash that begins no escape");
    refuse("{\"x\": tru}", "f.jsonl:3, column 7: not JSON: expected a value, found 't'");
    refuse("{\"x\": 1} {}", "f.jsonl:3, column 10: not JSON: something stands behind the row's '}'");
    refuse("\x01\x02", "f.jsonl:3, column 1: not JSON: expected '{', found the byte 0x01");
}

static void nesting_has_an_end(void **state)
{
    char line[400] = "{\"x\": ";

    (void)state;
    memset(line + 6, '[', 200);
    refuse(line, "f.jsonl:3, column 71: nested more than 64 deep");
}

static void numbers_are_read_as_strtod_reads_them(void **state)
{
    static const char *const numbers[] = { "0", "-0", "1", "0.1", "-0.30000000000000004", "123456789012345678", "9007199254740993",
                                           "99999999999999999999", "1e-320", "4.9e-324", "1.7976931348623157e308", "0.5117503741736541",
                                           "3E+2", "1e0", "8.41e21", "9.5367431640625e-7", "0.000000000000000001" };
    zoo_scan scan = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double value;
        assert_int_equal(zoo_scan_begin(&scan, numbers[i], strlen(numbers[i]), "f", 1, &err), ZOO_OK);
        assert_int_equal(zoo_scan_number(&scan, &value), ZOO_OK);
        assert_true(value == strtod(numbers[i], NULL));
    }
    zoo_scan_release(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(what_breaks_a_rule_is_refused_with_its_place),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(numbers_are_read_as_strtod_reads_them),
    };
    return cmocka_run_group_tests_name("store/row", tests, NULL, NULL);
}
