#include "unit/cm.h"
#include <errno.h>
#include <string.h>
#include "base/err.h"

static void sentences_are_tame_and_fit(void **state)
{
    zoo_err err;
    char longer[5000];

    (void)state;
    assert_int_equal(zoo_fail(&err, ZOO_EFORMAT, "%s:%d: bad\n\x1b[31m", "f", 3), ZOO_EFORMAT);
    assert_string_equal(err.message, "f:3: bad??[31m");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(zoo_fail(&err, ZOO_EIO, "%s", longer), ZOO_EIO);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_int_equal(zoo_fail(NULL, ZOO_EUSAGE, "nobody listens"), ZOO_EUSAGE);
}

static void system_errors_carry_their_reason(void **state)
{
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_fail_errno(&err, ENOSPC, "a/%s", "b"), ZOO_EIO);
    assert_string_equal(err.message, "a/b: No space left on device");
    assert_int_equal(zoo_fail_errno(&err, ENOMEM, "x"), ZOO_ENOMEM);
}

static void a_place_can_be_put_in_front(void **state)
{
    zoo_err err;

    (void)state;
    zoo_fail(&err, ZOO_ECONFLICT, "other text");
    assert_int_equal(zoo_fail_within(&err, "rows:%d", 9), ZOO_ECONFLICT);
    assert_string_equal(err.message, "rows:9: other text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_tame_and_fit),
        cmocka_unit_test(system_errors_carry_their_reason),
        cmocka_unit_test(a_place_can_be_put_in_front),
    };
    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
