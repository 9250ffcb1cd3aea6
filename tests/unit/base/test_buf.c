#include "unit/cm.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

static void grows_to_its_maximum_and_no_further(void **state)
{
    zoo_buf b = ZOO_BUF_INIT(5);

    (void)state;
    assert_int_equal(zoo_buf_add(&b, "hello", 5), ZOO_OK);
    assert_int_equal(zoo_buf_add(&b, "!", 1), ZOO_ENOMEM);
    assert_string_equal(b.data, "hello");
    zoo_buf_release(&b);
}

static void json_strings_are_escaped_and_bad_utf8_replaced(void **state)
{
    zoo_buf b = ZOO_BUF_INIT(1000);

    (void)state;
    assert_int_equal(zoo_buf_add_json_str(&b, "a\"\\\n\x01\xffz\xe4\xb8\xad", 10), ZOO_OK);
    assert_string_equal(b.data, "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbdz\xe4\xb8\xad\"");
    zoo_buf_release(&b);
}

static void a_json_string_that_does_not_fit_leaves_nothing(void **state)
{
    zoo_buf b = ZOO_BUF_INIT(4);

    (void)state;
    assert_int_equal(zoo_buf_add_json_str(&b, "abcdef", 6), ZOO_ENOMEM);
    assert_int_equal(b.size, 0);
    zoo_buf_release(&b);
}

static void numbers_are_short_and_read_back_alike(void **state)
{
    static const struct { double value; const char *text; } cases[] = {
        { 0, "0.0" }, { -0.0, "-0.0" }, { 7, "7.0" }, { -1.5, "-1.5" }, { 0.1, "0.1" }, { 0.05, "0.05" },
            { 123456.75, "123456.75" },
        { 0.9125664194477702, "0.9125664194477702" }, { 1.0 / 3, "0.3333333333333333" }, { 1e300, "1e+300" },
            { 1e15, "1e+15" },
        { 5e-324, "4.94065645841247e-324" }, { 0.000001, "0.000001" }, { 100, "100.0" },
            { 0.30000000000000004, "0.30000000000000004" },
    };
    zoo_buf b = ZOO_BUF_INIT(1000);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_buf_clear(&b);
        assert_int_equal(zoo_buf_add_number(&b, cases[i].value), ZOO_OK);
        assert_string_equal(b.data, cases[i].text);
        assert_true(strtod(b.data, NULL) == cases[i].value);
    }
    zoo_buf_release(&b);
}

static void floats_read_back_as_the_same(void **state)
{
    static const struct { float value; const char *text; } cases[] = {
        { 0, "0" }, { -0.0f, "-0" }, { 7, "7" }, { -1.5f, "-1.5" }, { 0.1f, "0.100000001" },
            { 1e30f, "1.00000002e+30" }, { 100, "100" },
        { 1e-4f, "9.99999975e-05" }, { 0.00012345f, "0.000123449994" }, { 9999999, "9999999" }, { 1e7f, "10000000" },
        { 0.99999994f, "0.99999994" }, { 123456.75f, "123456.75" }, { -0.034072127f, "-0.0340721272" },
            { 1000000, "1000000" },
    };
    zoo_buf b = ZOO_BUF_INIT(1000);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_buf_clear(&b);
        assert_int_equal(zoo_buf_add_float(&b, cases[i].value), ZOO_OK);
        assert_string_equal(b.data, cases[i].text);
    }
    /* Steps of a prime through all bit patterns of finite floats. */
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 10007) {
        float x;
        memcpy(&x, &bits, sizeof x);
        zoo_buf_clear(&b);
        if (zoo_buf_add_float(&b, bits & 1 ? x : -x) || strtof(b.data, NULL) != (bits & 1 ? x : -x) || b.size > 15)
            fail_msg("%a became %s", (double)x, b.data);
    }
    zoo_buf_release(&b);
    b = (zoo_buf)ZOO_BUF_INIT(5);
    assert_int_equal(zoo_buf_add_float(&b, 0.123456789f), ZOO_ENOMEM);
    assert_int_equal(b.size, 0);
    zoo_buf_release(&b);
}

static void formatted_text_fits_exactly_or_not_at_all(void **state)
{
    zoo_buf b = ZOO_BUF_INIT(300);
    size_t written = 0;

    (void)state;
    for (int i = 0; i < 60; i++)                      /* across every growth of the buffer */
        written += zoo_buf_addf(&b, "%05d", i) == ZOO_OK;
    assert_int_equal(written, 60);
    assert_int_equal(b.size, 300);
    for (int i = 0; i < 60; i++)
        assert_int_equal(strtol((char[6]){ b.data[5*i], b.data[5*i + 1], b.data[5*i + 2], b.data[5*i + 3],
                                           b.data[5*i + 4] }, NULL, 10), i);
    assert_int_equal(zoo_buf_addf(&b, "%s", ""), ZOO_OK);
    assert_int_equal(zoo_buf_addf(&b, "%d", 7), ZOO_ENOMEM);
    assert_int_equal(b.size, 300);
    assert_int_equal(strlen(b.data), 300);
    zoo_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formatted_text_fits_exactly_or_not_at_all),
        cmocka_unit_test(grows_to_its_maximum_and_no_further),
        cmocka_unit_test(json_strings_are_escaped_and_bad_utf8_replaced),
        cmocka_unit_test(a_json_string_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(numbers_are_short_and_read_back_alike),
        cmocka_unit_test(floats_read_back_as_the_same),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
