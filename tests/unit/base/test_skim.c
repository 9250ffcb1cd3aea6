#include "unit/cm.h"
#include <string.h>
#include "base/skim.h"

static int accepts(const char *text, size_t size)
{
    zoo_skim s;

    zoo_skim_begin(&s, text, size);
    return zoo_skim_value(&s, NULL) && zoo_skim_end(&s);
}

static void json_is_told_from_what_is_not(void **state)
{
    static const char *const good[] = { "{}", " [ ] ", "null", "true", "false", "0", "-0", "-1.5e+10", "1E2", "\"\"",
                                        "\"\\u00e9\\n\"",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"\"}", "[[],[{}],1]", "\"\xc3\xa9\xf0\x9f\xa6\x89\"", "{\"\":0}",
                                        "\"\\ud800\"" };
    static const char *const bad[] = { "", " ", "{", "[", "{]", "[}", "[1,]", "{\"a\":1,}", "{,}", "[,1]", "{\"a\"}",
                                       "{\"a\":}", "{a:1}",
        "{'a':1}", "01", "1.", ".5", "-", "+1", "1e", "0x1", "nul", "True", "NaN", "Infinity", "\"", "\"\\x\"",
                                       "\"\\u12\"", "\"\\u12g4\"",
        "\"\n\"", "\"\x80\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "1 2", "{} x", "[1 2]", "{\"a\" 1}",
                                       "{\"a\":1 \"b\":2}", "\xef\xbb\xbf{}",
        "[1]]", "/**/1" };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!accepts(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (accepts(bad[i], strlen(bad[i])))
            fail_msg("accepted: %s", bad[i]);
    assert_false(accepts("1\0", 2));
    for (size_t n = 0; n < strlen(good[11]); n++)      /* cut anywhere */
        assert_false(accepts(good[11], n));
}

static void nesting_has_a_limit(void **state)
{
    static char text[2000000];
    zoo_skim s;

    (void)state;
    memset(text, '[', ZOO_SKIM_DEPTH);
    memset(text + ZOO_SKIM_DEPTH, ']', ZOO_SKIM_DEPTH);
    assert_true(accepts(text, 2 * ZOO_SKIM_DEPTH));
    memset(text, '[', sizeof text);
    zoo_skim_begin(&s, text, sizeof text);
    assert_false(zoo_skim_value(&s, NULL));
    assert_non_null(strstr(s.error, "nested"));
}

static void a_walk_gives_places(void **state)
{
    static const char text[] = " {\"model\" : \"a\\/b\", \"list\":[1, {\"x\":[]} ,\"s\"], \"mod\\u0065l\":2 }";
    zoo_skim s;
    zoo_span key, value;
    char out[10];
    int items = 0;

    (void)state;
    zoo_skim_begin(&s, text, sizeof text - 1);
    assert_int_equal(zoo_skim_kind(&s), '{');
    assert_true(zoo_skim_enter(&s, '{'));
    assert_true(zoo_skim_key(&s, &key));
    assert_true(zoo_skim_equals(key, "model"));
    assert_false(zoo_skim_equals(key, "mode"));
    assert_false(zoo_skim_equals(key, "models"));
    assert_false(zoo_skim_equals((zoo_span){ "model\\u20ac", 11 }, "model"));
    assert_false(zoo_skim_equals((zoo_span){ "mode\\ud83d\\ude00", 16 }, "mode"));
    assert_true(zoo_skim_value(&s, &value));
    assert_memory_equal(value.at, "\"a\\/b\"", value.size);
    assert_true(zoo_skim_equals(zoo_skim_inside(value), "a/b"));
    assert_true(zoo_skim_key(&s, &key));
    assert_true(zoo_skim_enter(&s, '['));
    while (zoo_skim_item(&s)) {
        if (zoo_skim_kind(&s) == '{') {
            assert_true(zoo_skim_enter(&s, '{') && zoo_skim_key(&s, &key) && zoo_skim_enter(&s, '['));
            assert_false(zoo_skim_item(&s));
            assert_false(zoo_skim_key(&s, &key));
        } else {
            assert_true(zoo_skim_value(&s, &value));
        }
        items++;
    }
    assert_int_equal(items, 3);
    assert_true(zoo_skim_key(&s, &key));
    assert_true(zoo_skim_equals(key, "model"));
    assert_int_equal(zoo_skim_decode(key, out, sizeof out), 5);
    assert_true(zoo_skim_value(&s, &value));
    assert_false(zoo_skim_key(&s, &key));
    assert_true(zoo_skim_end(&s));
}

static void a_walk_stops_at_the_first_error(void **state)
{
    zoo_skim s;
    zoo_span key;

    (void)state;
    zoo_skim_begin(&s, "[1]", 3);
    assert_false(zoo_skim_enter(&s, '{'));
    assert_false(zoo_skim_key(&s, &key));
    assert_false(zoo_skim_enter(&s, '['));
    assert_false(zoo_skim_end(&s));
    assert_string_equal(s.error, "expected an object");
}

static void strings_are_decoded(void **state)
{
    static const struct { const char *raw, *text; size_t max; } cases[] = {
        { "plain", "plain", 100 },
        { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 100 },
        { "\\u00e9\\ud83e\\udd89!", "\xc3\xa9\xf0\x9f\xa6\x89!", 100 },
        { "\\ud800x\\udc00\\ud800\\u0041", "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd" "A", 100 },
        { "caf\xc3\xa9", "caf", 4 },
        { "a\\u00e9", "a", 2 },
        { "abcdef", "abc", 3 },
        { "abc\\n", "abc", 3 },
        { "", "", 3 } };
    char out[100];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = zoo_skim_decode((zoo_span){ cases[i].raw, strlen(cases[i].raw) }, out, cases[i].max);
        if (n != strlen(cases[i].text) || memcmp(out, cases[i].text, n))
            fail_msg("%s: %.*s", cases[i].raw, (int)n, out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_told_from_what_is_not),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(a_walk_gives_places),
        cmocka_unit_test(a_walk_stops_at_the_first_error),
        cmocka_unit_test(strings_are_decoded),
    };
    return cmocka_run_group_tests_name("base/skim", tests, NULL, NULL);
}
