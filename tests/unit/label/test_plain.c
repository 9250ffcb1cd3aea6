#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "label/plain.h"

static void expect(const char *text, size_t size, const char *want)
{
    zoo_buf b = ZOO_BUF_INIT(10000);

    assert_int_equal(zoo_plain_words(&b, text, size), ZOO_OK);
    assert_string_equal(b.data ? b.data : "", want);
    zoo_buf_release(&b);
}

#define EXPECT(text, want) expect(text, sizeof(text) - 1, want)

static void case_punctuation_and_spacing_vanish(void **state)
{
    (void)state;
    EXPECT("  Hello,   WORLD!\n\tDon't  stop-me (x=3)  ", "hello world dont stopme x3");
    EXPECT("...", "");
    EXPECT("", "");
    EXPECT("a - b", "a b");
    EXPECT("a\0b\x01" "c", "abc");
}

static void case_folding_knows_unicode(void **state)
{
    (void)state;
    EXPECT("\xc3\x89T\xc3\x89", "e\xcc\x81te\xcc\x81");                         /* É, decomposed */
    EXPECT("e\xcc\x81", "e\xcc\x81");
    EXPECT("\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x83");              /* a final sigma is a sigma */
    EXPECT("STRASSE stra\xc3\x9f" "e", "strasse strasse");
    EXPECT("\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\x91", "ab1");                        /* full-width AB1 */
    EXPECT("\xef\xac\x81n", "fin");                                               /* the ligature fi */
    EXPECT("a\xc2\xa0" "b\xe3\x80\x80" "c\xe2\x80\x83" "d", "a b c d");             /* spaces of all widths */
    EXPECT("a\xe2\x80\x8b" "b", "ab");                                            /* a zero-width space parts nothing */
}

static void every_cjk_character_is_a_word(void **state)
{
    (void)state;
    EXPECT("\xe4\xb8\xad\xe6\x96\x87\xef\xbc\x8c" "abc\xe5\xad\x97" "1",
           "\xe4\xb8\xad \xe6\x96\x87 abc \xe5\xad\x97 1");
    /* ga is ka and its mark: one word */
    EXPECT("\xe3\x81\x8c\xe3\x82\xad", "\xe3\x81\x8b\xe3\x82\x99 \xe3\x82\xad");
    EXPECT("\xed\x95\x9c\xea\xb5\xad \xec\x96\xb4",
           "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xae\xe1\x86\xa8 "
           "\xe1\x84\x8b\xe1\x85\xa5");                                         /* Korean parts its words by spaces */
}

static void what_is_not_utf8_is_dropped(void **state)
{
    (void)state;
    EXPECT("a\xff" "b \xc3(\xe4\xb8 c\xe4", "ab c");
    EXPECT("\xcc\x81 a", "a");                                                    /* a mark without a letter */
}

static void appends_behind_what_is_there(void **state)
{
    zoo_buf b = ZOO_BUF_INIT(8);

    (void)state;
    assert_int_equal(zoo_buf_add_str(&b, "x\n"), ZOO_OK);
    assert_int_equal(zoo_plain_words(&b, " A b", 4), ZOO_OK);
    assert_string_equal(b.data, "x\na b");
    assert_int_equal(zoo_plain_words(&b, "abcd", 4), ZOO_ENOMEM);
    zoo_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_punctuation_and_spacing_vanish),
        cmocka_unit_test(case_folding_knows_unicode),
        cmocka_unit_test(every_cjk_character_is_a_word),
        cmocka_unit_test(what_is_not_utf8_is_dropped),
        cmocka_unit_test(appends_behind_what_is_there),
    };
    return cmocka_run_group_tests_name("label/plain", tests, NULL, NULL);
}
