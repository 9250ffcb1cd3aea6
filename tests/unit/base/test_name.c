#include "unit/cm.h"
#include <string.h>
#include "base/name.h"

static void names_that_are_safe_everywhere_pass(void **state)
{
    char longest[ZOO_NAME_MAX + 2];

    (void)state;
    assert_int_equal(zoo_name_check("meta-llama/Meta-Llama-3-8B:free_v1.0", "f", NULL), ZOO_OK);
    assert_int_equal(zoo_name_check("claude-sonnet-4-5@20250929", "f", NULL), ZOO_OK);         /* as Vertex calls it */
    assert_int_equal(zoo_name_check("base+lora", "f", NULL), ZOO_OK);
    memset(longest, 'a', sizeof longest);
    longest[ZOO_NAME_MAX] = '\0';
    assert_int_equal(zoo_name_check(longest, "f", NULL), ZOO_OK);
    longest[ZOO_NAME_MAX] = 'a';
    longest[ZOO_NAME_MAX + 1] = '\0';
    assert_int_equal(zoo_name_check(longest, "f", NULL), ZOO_EFORMAT);
}

static void names_that_could_harm_do_not(void **state)
{
    static const char *const names[] = { "", "a b", "a\nx-evil: 1", "<b>", "\x1b[2J", "caf\xc3\xa9", "a\"b", "a\\b",
                                         "a'b", "a&b", "a%41", "a=b", "a,b", "a{b}" };
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(zoo_name_check(names[i], "f:1", &err), ZOO_EFORMAT);
        assert_memory_equal(err.message, "f:1: expert name '", 18);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_safe_everywhere_pass),
        cmocka_unit_test(names_that_could_harm_do_not),
    };
    return cmocka_run_group_tests_name("base/name", tests, NULL, NULL);
}
