#include "unit/cm.h"
#include <stdio.h>
#include <string.h>
#include "text/words.h"

/* The words of s, each followed by its kind's letter and '|'. */
static const char *split(const char *s, size_t size, size_t limit)
{
    static char out[4096];
    zoo_words words;
    size_t at = 0;

    assert_int_equal(zoo_words_init(&words, limit, NULL), ZOO_OK);
    zoo_words_scan(&words, s, size);
    for (size_t i = 0; i < words.count; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%.*s%c|", (int)words.items[i].size,
                               words.text + words.items[i].start,
                               "lnmc"[words.items[i].kind]);
    out[at] = '\0';
    zoo_words_release(&words);
    return out;
}

static void words_are_letters_digits_marks_and_cjk_characters(void **state)
{
    static const struct { const char *text, *want; } cases[] = {
        { "", "" },
        { " \t\n ", "" },
        { "Hello, World", "hellol|,m|worldl|" },
        { "x2 3.14", "xl|2n|3n|.m|14n|" },
        { "don't", "donl|'m|tl|" },
        { "CAF\xc3\x89", "caf\xc3\xa9l|" },                                          /* É */
        { "\xd0\x9c\xd0\x98\xd0\xa0", "\xd0\xbc\xd0\xb8\xd1\x80l|" },                /* Cyrillic */
        { "\xe4\xb8\xad\xe6\x96\x87""a", "\xe4\xb8\xad""c|\xe6\x96\x87""c|al|" },    /* 中文a */
        { "\xe3\x81\x82", "\xe3\x81\x82""c|" },                                      /* hiragana */
        { "\xef\xbc\xa1\xef\xbc\x91\xef\xbc\x8c", "al|1n|,m|" },                     /* full-width A 1 , */
        { "a\xe3\x80\x80""b\xc2\xa0""c", "al|bl|cl|" },                              /* ideographic, no-break space */
        { "\xe2\x82\xac""5", "\xe2\x82\xacm|5n|" },                                  /* euro */
        { "\xd9\xa3\xd9\xa4", "\xd9\xa3\xd9\xa4n|" },                                /* Arabic-Indic digits */
        { "e\xcc\x81t", "e\xcc\x81tl|" },                                            /* a combining accent joins */
        { "\xff""a\xc0\xaf", "\xef\xbf\xbdm|al|\xef\xbf\xbdm|\xef\xbf\xbdm|" },      /* not UTF-8 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(split(cases[i].text, strlen(cases[i].text), 1000), cases[i].want);
    assert_string_equal(split("a\0b", 3, 1000), "al|bl|");
}

static void a_text_is_cut_at_a_code_point(void **state)
{
    zoo_words words;

    (void)state;
    assert_string_equal(split("ab\xe4\xb8\xad", 5, 4), "abl|");
    assert_string_equal(split("ab\xe4\xb8\xad", 5, 5), "abl|\xe4\xb8\xad""c|");
    assert_int_equal(zoo_words_init(&words, 4, NULL), ZOO_OK);
    zoo_words_scan(&words, "ab\xe4\xb8\xad", 5);
    assert_int_equal(words.read, 2);
    zoo_words_release(&words);
    assert_int_equal(zoo_words_init(&words, 0, NULL), ZOO_EUSAGE);
}

/* Lower case may be longer than upper case, and a bad byte becomes three: the worst texts fit. */
static void the_longest_texts_fit(void **state)
{
    enum { N = 999 };
    char text[N];
    zoo_words words;

    (void)state;
    assert_int_equal(zoo_words_init(&words, N, NULL), ZOO_OK);
    memset(text, 0xff, N);
    zoo_words_scan(&words, text, N);
    assert_int_equal(words.count, N);
    for (size_t i = 0; i + 1 < N; i += 2)
        memcpy(text + i, "\xc8\xba", 2);                     /* U+023A: two bytes, three in lower case */
    zoo_words_scan(&words, text, N - 1);
    for (size_t i = 0; i < words.count; i++)
        assert_true(words.items[i].size <= ZOO_WORD_SIZE_MAX);
    zoo_words_release(&words);
}

static void a_long_run_becomes_several_words(void **state)
{
    char text[200];
    zoo_words words;

    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(zoo_words_init(&words, sizeof text, NULL), ZOO_OK);
    zoo_words_scan(&words, text, sizeof text);
    assert_int_equal(words.count, 4);
    assert_int_equal(words.items[3].size, 200 - 3 * ZOO_WORD_SIZE_MAX);
    zoo_words_release(&words);
}

/* Trained routers depend on these numbers. */
static void hashes_never_change(void **state)
{
    static const char text[] = "The the 12 internationalisation \xe4\xb8\xad";
    zoo_words words;

    (void)state;
    assert_int_equal(zoo_words_init(&words, 1000, NULL), ZOO_OK);
    zoo_words_scan(&words, text, sizeof text - 1);
    assert_int_equal(words.count, 5);
    assert_true(words.items[0].hash == words.items[1].hash);
    assert_true(words.items[0].hash == UINT64_C(0xfebab96871e1c677));
    assert_true(words.items[2].hash == UINT64_C(0x95b1569d7da5103b));
    assert_true(words.items[3].hash == UINT64_C(0x36914b6516e874e3));
    assert_true(words.items[4].hash == UINT64_C(0xc719661941886568));
    zoo_words_release(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_letters_digits_marks_and_cjk_characters),
        cmocka_unit_test(a_text_is_cut_at_a_code_point),
        cmocka_unit_test(the_longest_texts_fit),
        cmocka_unit_test(a_long_run_becomes_several_words),
        cmocka_unit_test(hashes_never_change),
    };
    return cmocka_run_group_tests_name("text/words", tests, NULL, NULL);
}
