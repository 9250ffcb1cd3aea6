#include "unit/cm.h"
#include <string.h>
#include "base/utf8.h"

static void well_formed_code_points_are_read(void **state)
{
    static const struct { const char *bytes; uint32_t code; size_t used; } cases[] = {
        { "A", 'A', 1 }, { "\xc3\xa9", 0xe9, 2 }, { "\xe4\xb8\xad", 0x4e2d, 3 }, { "\xf0\x9f\x98\x80", 0x1f600, 4 },
        { "\xf4\x8f\xbf\xbf", 0x10ffff, 4 }, { "\xed\x9f\xbf", 0xd7ff, 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t used;
        char out[4];
        assert_int_equal(zoo_utf8_next(cases[i].bytes, strlen(cases[i].bytes), &used), cases[i].code);
        assert_int_equal(used, cases[i].used);
        assert_int_equal(zoo_utf8_put(out, cases[i].code), used);
        assert_memory_equal(out, cases[i].bytes, used);
    }
}

/* RFC 3629: overlong forms, surrogates, values past U+10FFFF, cut sequences, lone continuation bytes. */
static void malformed_bytes_are_stepped_over_one_by_one(void **state)
{
    static const char *const cases[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                                         "\xf0\x80\x80\x80",
                                         "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\xff", "\xc3" };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t used;
        assert_true(zoo_utf8_next(cases[i], strlen(cases[i]), &used) == ZOO_UTF8_BAD);
        assert_int_equal(used, 1);
        assert_int_equal(zoo_utf8_valid(cases[i], strlen(cases[i])), 0);
    }
}

static void a_cut_never_splits_a_code_point(void **state)
{
    static const char text[] = "ab\xe4\xb8\xad\xf0\x9f\x98\x80z";          /* 2 + 3 + 4 + 1 bytes */
    static const size_t want[] = { 0, 1, 2, 2, 2, 5, 5, 5, 5, 9, 10, 10 };

    (void)state;
    for (size_t limit = 0; limit < sizeof want / sizeof *want; limit++)
        assert_int_equal(zoo_utf8_cut(text, 10, limit), want[limit]);
    assert_int_equal(zoo_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);     /* no text at all: cut where told */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_code_points_are_read),
        cmocka_unit_test(malformed_bytes_are_stepped_over_one_by_one),
        cmocka_unit_test(a_cut_never_splits_a_code_point),
    };
    return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
