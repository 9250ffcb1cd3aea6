#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/rng.h"
#include "compute/attention.h"

static void buckets_are_those_of_the_reference(void **state)
{
    zoo_err err;
    json_t *golden = zoo_json_read("tests/golden/buckets.json", 1 << 20, &err), *buckets;
    int from, size, most;

    (void)state;
    assert_non_null(golden);
    buckets = json_object_get(golden, "bucket");
    from = (int)json_integer_value(json_object_get(golden, "from"));
    size = (int)json_integer_value(json_object_get(golden, "bucket_size"));
    most = (int)json_integer_value(json_object_get(golden, "max_position"));
    assert_int_equal(json_array_size(buckets), 1023);
    for (size_t i = 0; i < json_array_size(buckets); i++)
        assert_int_equal(zoo_position_bucket(from + (int)i, size, most), json_integer_value(json_array_get(buckets, i)));
    json_decref(golden);
}

static void without_buckets_a_position_is_its_distance(void **state)
{
    (void)state;
    assert_int_equal(zoo_position_bucket(-1000, 0, 512), -1000);
    assert_int_equal(zoo_position_bucket(77, 0, 512), 77);
}

static void columns_ascend_and_stay_in_the_table(void **state)
{
    int32_t columns[2 * 700 + 1];

    (void)state;
    zoo_position_columns(columns, 700, 256, 256, 512);
    assert_int_equal(columns[700], 256);
    assert_int_equal(columns[0], 0);
    assert_int_equal(columns[1400], 511);
    for (size_t i = 1; i < 1401; i++)
        assert_in_range(columns[i], columns[i - 1], columns[i - 1] + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_those_of_the_reference),
        cmocka_unit_test(without_buckets_a_position_is_its_distance),
        cmocka_unit_test(columns_ascend_and_stay_in_the_table),
    };
    return cmocka_run_group_tests_name("compute/attention", tests, NULL, NULL);
}
