#include "unit/cm.h"
#include <math.h>
#include "base/rng.h"

static void the_same_seed_gives_the_same_numbers(void **state)
{
    zoo_rng a, b, c;

    (void)state;
    zoo_rng_init(&a, 7);
    zoo_rng_init(&b, 7);
    zoo_rng_init(&c, 8);
    for (int i = 0; i < 100; i++)
        assert_true(zoo_rng_u64(&a) == zoo_rng_u64(&b));
    assert_true(zoo_rng_u64(&a) != zoo_rng_u64(&c));
}

/* Published first outputs of splitmix64 seeded with 1234567. */
static void mixing_is_splitmix64(void **state)
{
    (void)state;
    assert_true(zoo_mix64(1234567u) == 6457827717110365317u);
    assert_true(zoo_mix64(1234567u + 0x9e3779b97f4a7c15u) == 3203168211198807973u);
}

static void draws_have_their_moments(void **state)
{
    enum { N = 200000, SIDES = 6 };
    double sum = 0, square = 0, uniform = 0;
    size_t count[SIDES] = { 0 };
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 1);
    for (int i = 0; i < N; i++) {
        double x = zoo_rng_normal(&rng), u = zoo_rng_uniform(&rng);
        sum += x;
        square += x * x;
        uniform += u;
        assert_true(u >= 0 && u < 1);
        count[zoo_rng_below(&rng, SIDES)]++;
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(square / N - 1) < 0.02);
    assert_true(fabs(uniform / N - 0.5) < 0.005);
    for (int i = 0; i < SIDES; i++)
        assert_true(fabs((double)count[i] / N - 1.0 / SIDES) < 0.005);
}

static void a_shuffle_is_a_permutation(void **state)
{
    size_t items[100], seen[100] = { 0 }, moved = 0;
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 3);
    for (size_t i = 0; i < 100; i++)
        items[i] = i;
    zoo_rng_shuffle(&rng, items, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(seen[items[i]]++, 0);
        moved += items[i] != i;
    }
    assert_true(moved > 80);
}

static void a_hash_depends_on_every_byte_and_the_seed(void **state)
{
    unsigned char bytes[40] = { 0 };

    (void)state;
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint64_t plain = zoo_hash64(bytes, size, 1);
        assert_true(plain != zoo_hash64(bytes, size, 2));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = 1;
            assert_true(zoo_hash64(bytes, size, 1) != plain);
            bytes[i] = 0;
        }
    }
    assert_true(zoo_hash64(bytes, 3, 1) != zoo_hash64(bytes, 4, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(mixing_is_splitmix64),
        cmocka_unit_test(draws_have_their_moments),
        cmocka_unit_test(a_shuffle_is_a_permutation),
        cmocka_unit_test(a_hash_depends_on_every_byte_and_the_seed),
    };
    return cmocka_run_group_tests_name("base/rng", tests, NULL, NULL);
}
