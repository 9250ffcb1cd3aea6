#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "model/tensor.h"

static float from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t to_bits(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Every 16-bit number becomes the float it stands for and comes back; NaNs stay NaNs. */
static void all_short_floats_go_there_and_back(void **state)
{
    static const enum zoo_dtype types[] = { ZOO_F16, ZOO_BF16 };

    (void)state;
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < 65536; i++) {
            uint16_t raw = (uint16_t)i, back;
            int bits = types[k] == ZOO_F16 ? 10 : 7, bias = types[k] == ZOO_F16 ? 15 : 127;
            int exponent = (int)(i >> bits) & (2 * bias + 1), fraction = (int)i & ((1 << bits) - 1);
            float x;
            double want = exponent ? ldexp(fraction + (1 << bits), exponent - bias - bits) :
                          ldexp(fraction, 1 - bias - bits);
            zoo_floats_widen(&x, &raw, types[k], 1);
            zoo_floats_narrow(&back, &x, types[k], 1);
            if (exponent == 2 * bias + 1 && fraction) {
                assert_true(isnan(x));
                assert_true((back >> bits & (2 * bias + 1)) == exponent && back & ((1 << bits) - 1));
                continue;
            }
            want = exponent == 2 * bias + 1 ? INFINITY : want;
            if (!((double)fabsf(x) >= want && (double)fabsf(x) <= want && !signbit(x) == !(i >> 15) && back == raw))
                fail_msg("%04x -> %a -> %04x", i, (double)x, back);
        }
}

/* The nearest of the two neighbours, the even one where both are as near. */
static void rounding_is_to_the_nearest_even(void **state)
{
    static const enum zoo_dtype types[] = { ZOO_F16, ZOO_BF16 };
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 7);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 200000; i++) {
            uint32_t bits = (uint32_t)zoo_rng_u64(&rng);
            float x = i % 2 ? from_bits(bits) : (float)zoo_rng_normal(&rng) * 0.02f, near[3];
            uint16_t raw, side[3];
            if (!isfinite(x) || fabsf(x) > 60000.0f)
                continue;
            zoo_floats_narrow(&raw, &x, types[k], 1);
            for (int d = -1; d <= 1; d++)
                side[d + 1] = (raw & 0x7fff) || d >= 0 ? (uint16_t)(raw + d) : (uint16_t)1;
            zoo_floats_widen(near, side, types[k], 3);
            double off = fabs((double)near[1] - (double)x);
            for (int d = 0; d <= 2; d += 2)
                if (isfinite(near[d])) {
                    double theirs = fabs((double)near[d] - (double)x);
                    if (!(off <= theirs) || (!(off < theirs) && raw & 1))
                        fail_msg("%a became %a, %a is nearer", (double)x, (double)near[1], (double)near[d]);
                }
        }
}

static void floats_too_large_become_infinite(void **state)
{
    static const float x[] = { 65519.996f, 65520.0f, -1e9f, INFINITY };
    uint16_t half[4], brain;
    float most = 3.4e38f;

    (void)state;
    zoo_floats_narrow(half, x, ZOO_F16, 4);
    assert_int_equal(half[0], 0x7bff);
    assert_int_equal(half[1], 0x7c00);
    assert_int_equal(half[2], 0xfc00);
    assert_int_equal(half[3], 0x7c00);
    zoo_floats_narrow(&brain, &most, ZOO_BF16, 1);
    assert_int_equal(brain, 0x7f80);
}

static void other_types_become_floats(void **state)
{
    static const double d[] = { 0.1, -1e300 };
    static const int8_t b[] = { -128, 0, 127 };
    float out[3];

    (void)state;
    zoo_floats_widen(out, d, ZOO_F64, 2);
    assert_int_equal(to_bits(out[0]), to_bits(0.1f));
    assert_true(isinf(out[1]));
    zoo_floats_widen(out, b, ZOO_I8, 3);
    assert_true(out[0] <= -128 && out[0] >= -128 && out[2] >= 127 && out[2] <= 127);
}

static void finite_means_all(void **state)
{
    float x[40] = { 0 };

    (void)state;
    assert_true(zoo_floats_are_finite(x, 40));
    for (size_t i = 0; i < 40; i++) {
        x[i] = i % 3 ? NAN : -INFINITY;
        assert_false(zoo_floats_are_finite(x, 40));
        assert_true(zoo_floats_are_finite(x, i));
        x[i] = 3.4e38f;
    }
}

static void shapes_that_overflow_are_told(void **state)
{
    uint64_t n;

    (void)state;
    assert_int_equal(zoo_shape_elements((size_t[]){ 3, 0, 5 }, 3, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(zoo_shape_elements(NULL, 0, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(zoo_shape_elements((size_t[]){ SIZE_MAX, 2 }, 2, &n), 1);
}

static void names_have_limits(void **state)
{
    zoo_tensor_list list = { 0 };
    zoo_tensor *t;
    zoo_err err;
    char name[ZOO_TENSOR_NAME_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof name);
    assert_int_equal(zoo_tensor_list_add(&list, &t, "a.b", 3, "x", &err), ZOO_OK);
    assert_string_equal(t->name, "a.b");
    assert_int_equal(zoo_tensor_list_add(&list, &t, "", 0, "x", &err), ZOO_EFORMAT);
    assert_int_equal(zoo_tensor_list_add(&list, &t, "a\0b", 3, "x", &err), ZOO_EFORMAT);
    assert_int_equal(zoo_tensor_list_add(&list, &t, name, sizeof name, "x", &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "x: a tensor's name"));
    for (size_t i = 1; i < ZOO_TENSORS_MAX; i++)
        assert_int_equal(zoo_tensor_list_add(&list, &t, name, 3, "x", &err), ZOO_OK);
    assert_int_equal(zoo_tensor_list_add(&list, &t, name, 3, "x", &err), ZOO_EFORMAT);
    zoo_tensor_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_short_floats_go_there_and_back),
        cmocka_unit_test(rounding_is_to_the_nearest_even),
        cmocka_unit_test(floats_too_large_become_infinite),
        cmocka_unit_test(other_types_become_floats),
        cmocka_unit_test(finite_means_all),
        cmocka_unit_test(shapes_that_overflow_are_told),
        cmocka_unit_test(names_have_limits),
    };
    return cmocka_run_group_tests_name("model/tensor", tests, NULL, NULL);
}
