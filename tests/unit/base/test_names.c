#include "unit/cm.h"
#include <stdio.h>
#include <string.h>
#include "base/err.h"
#include "base/names.h"

static void names_are_numbered_in_the_order_of_their_coming(void **state)
{
    zoo_names t = { .limit = 1000 };
    uint32_t number;
    char name[16];

    (void)state;
    assert_false(zoo_names_find(&t, "n0", 2, &number));
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 1000; i++) {
            int n = snprintf(name, sizeof name, "n%u", i);
            assert_int_equal(zoo_names_add(&t, name, (size_t)n, &number), ZOO_OK);
            assert_int_equal(number, i);
        }
    assert_int_equal(zoo_names_add(&t, "one more", 8, &number), ZOO_EUSAGE);
    assert_int_equal(t.count, 1000);
    assert_string_equal(t.items[7].text, "n7");
    assert_true(zoo_names_find(&t, "n999 and more", 4, &number));
    assert_int_equal(number, 999);
    zoo_names_clear(&t);
    assert_int_equal(zoo_names_add(&t, "", 0, &number), ZOO_OK);
    assert_int_equal(number, 0);
    zoo_names_clear(&t);
}

static void a_limit_that_is_no_power_of_two_holds(void **state)
{
    zoo_names t = { .limit = 3 };
    uint32_t number;

    (void)state;
    assert_int_equal(zoo_names_add(&t, "a", 1, &number), ZOO_OK);
    assert_int_equal(zoo_names_add(&t, "b", 1, &number), ZOO_OK);
    assert_int_equal(zoo_names_add(&t, "c", 1, &number), ZOO_OK);
    assert_int_equal(zoo_names_add(&t, "d", 1, &number), ZOO_EUSAGE);
    assert_int_equal(zoo_names_add(&t, "b", 1, &number), ZOO_OK);          /* what is known is found all the same */
    assert_int_equal(number, 1);
    assert_int_equal(t.capacity, 3);
    zoo_names_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_numbered_in_the_order_of_their_coming),
        cmocka_unit_test(a_limit_that_is_no_power_of_two_holds),
    };

    return cmocka_run_group_tests_name("base/names", tests, NULL, NULL);
}
