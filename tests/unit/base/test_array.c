#include "unit/cm.h"
#include <stdint.h>
#include <stdlib.h>
#include "base/array.h"
#include "base/err.h"

static void arrays_grow_keep_what_they_hold_and_zero_the_rest(void **state)
{
    uint64_t *items = NULL;
    size_t capacity = 0;

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(zoo_array_grow(&items, &capacity, i + 1, sizeof *items, 5000), ZOO_OK);
        assert_true(capacity > i && capacity <= 2 * i + 16);
        assert_int_equal(items[i], 0);
        items[i] = i + 1;
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i + 1);
    assert_int_equal(zoo_array_grow(&items, &capacity, 4000, sizeof *items, 5000), ZOO_OK);        /* many at once */
    assert_true(capacity >= 4000);
    free(items);
}

static void the_limit_is_reached_and_not_passed(void **state)
{
    char *items = NULL;
    size_t capacity = 0;

    (void)state;
    for (size_t i = 0; i < 21; i++)
        assert_int_equal(zoo_array_grow(&items, &capacity, i + 1, 1, 21), ZOO_OK);
    assert_int_equal(capacity, 21);
    assert_int_equal(zoo_array_grow(&items, &capacity, 22, 1, 21), ZOO_EUSAGE);
    assert_int_equal(capacity, 21);
    items[20] = 'x';
    assert_int_equal(zoo_array_grow(&items, &capacity, 1, 1, 0), ZOO_EUSAGE);
    free(items);
}

static void sizes_that_overflow_are_no_memory(void **state)
{
    int *items = NULL;
    size_t capacity = 0;

    (void)state;
    assert_int_equal(zoo_array_grow(&items, &capacity, 3, sizeof *items, SIZE_MAX), ZOO_OK);
    items[2] = 7;
    /* 4 bytes by its product */
    assert_int_equal(zoo_array_grow(&items, &capacity, SIZE_MAX / 4 + 2, sizeof *items, SIZE_MAX), ZOO_ENOMEM);
    assert_int_equal(zoo_array_grow(&items, &capacity, SIZE_MAX, sizeof *items, SIZE_MAX), ZOO_ENOMEM);
    assert_int_equal(capacity, 16);
    assert_int_equal(items[2], 7);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_grow_keep_what_they_hold_and_zero_the_rest),
        cmocka_unit_test(the_limit_is_reached_and_not_passed),
        cmocka_unit_test(sizes_that_overflow_are_no_memory),
    };
    return cmocka_run_group_tests_name("base/array", tests, NULL, NULL);
}
