#include "unit/cm.h"
#include <string.h>
#include "text/pattern.h"

static size_t match(const char *expression, const char *text)
{
    zoo_pattern pattern;
    zoo_err err = { 0 };

    if (zoo_pattern_read(&pattern, expression, strlen(expression), "here", &err))
        fail_msg("%s", err.message);
    if (*text)
        assert_true(pattern.begins[(unsigned char)*text] || !zoo_pattern_match(&pattern, text, strlen(text)));
    return zoo_pattern_match(&pattern, text, strlen(text));
}

static void branches_match_runs_of_a_set(void **state)
{
    static const struct { const char *expression, *text; size_t bytes; } cases[] = {
        { " {2,}", "   x", 3 }, { " {2,}", " x", 0 }, { "\\s{2,}|[\\n\\r\\t]", "\n", 1 },
            { "\\s{2,}|[\\n\\r\\t]", "\n\xe3\x80\x80 x", 5 },
        { "\\s+", "x", 0 }, { "\\S", "\xc3\xa9", 2 }, { "[^a-c]{1,2}", "xyz", 2 }, { "[^a-c]", "b", 0 },
            { "a|b{3}", "bbbb", 3 },
        { "[\\]\\-x]+", "]-x", 3 }, { "\\.", ".", 1 }, { "\xe2\x96\x81", "\xe2\x96\x81", 3 }, { "\\s+", "", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(match(cases[i].expression, cases[i].text), cases[i].bytes);
}

static void what_is_not_understood_is_refused_by_its_text(void **state)
{
    static const char *const expressions[] = { "", "a*", "ab", "(a)", "^a", "a$", ".", "\\d", "\\w+", "[a", "[]",
                                               "[[:alpha:]]", "a{0,1}", "a{2,1}",
                                               "a|", "a{", "\\", "a?", "(?=x)", "[z-a]", "a+?" };

    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        zoo_pattern pattern;
        zoo_err err = { 0 };
        assert_int_equal(zoo_pattern_read(&pattern, expressions[i], strlen(expressions[i]), "here", &err), ZOO_EFORMAT);
        assert_non_null(strstr(err.message, expressions[i]));
    }
}

static void a_lone_space_is_known_to_stay(void **state)
{
    static const struct { const char *expression; int stays; } cases[] = {
        { " {2,}", 1 }, { "\\s{2,}|[\\n\\r\\t]", 1 }, { "\\s+", 0 }, { "[a ]{2,}", 0 }, { "[^\\n]{2}", 0 }, { "x", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_pattern pattern;
        assert_int_equal(zoo_pattern_read(&pattern, cases[i].expression, strlen(cases[i].expression), "here", NULL),
                         ZOO_OK);
        assert_int_equal(zoo_pattern_keeps_space(&pattern), cases[i].stays);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_match_runs_of_a_set),
        cmocka_unit_test(what_is_not_understood_is_refused_by_its_text),
        cmocka_unit_test(a_lone_space_is_known_to_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
