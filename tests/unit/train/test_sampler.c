/* Which rows an epoch learns from. */
#include <string.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/sampler.h"

enum { N = 20 };

/* Ten rows of tag 0, six of 1, two of both, one of 3 and one without: four groups, tag 2 being nowhere. */
static zoo_dataset tagged(size_t *rows)
{
    static const char *const tags[N] = { "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "1", "1", "1", "1", "1", "1",
                                         "01", "01", "3", "" };
    static const double rewards[N] = { 0 };
    zoo_dataset d = small_data(N, 1, rewards);

    small_kind(&d, "kind", 4, tags);
    for (size_t i = 0; i < N; i++)
        rows[i] = i;
    return d;
}

static void tags_come_up_equally_often(void **state)
{
    size_t rows[N], order[N], seen[N] = { 0 };
    zoo_dataset d = tagged(rows);
    zoo_sampler s;
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 5);
    assert_int_equal(zoo_sampler_init(&s, &d.kinds[0], rows, N, NULL), ZOO_OK);
    assert_int_equal(s.groups, 4);
    for (int epoch = 0; epoch < 300; epoch++) {
        size_t drawn[N] = { 0 };
        zoo_sampler_draw(&s, &rng, order, N);
        for (size_t i = 0; i < N; i++)
            drawn[order[i]]++;
        assert_int_equal(drawn[18], 5);                 /* a quarter of the rows, each time */
        assert_int_equal(drawn[19], 5);
        for (size_t i = 0; i < N; i++)
            seen[i] += drawn[i];
    }
    for (size_t i = 0; i < 10; i++)                     /* 5 of 12 rows, 5 of 8: within four standard errors */
        assert_in_range(seen[i], 300 * 5 / 12 - 36, 300 * 5 / 12 + 36);
    for (size_t i = 10; i < 16; i++)
        assert_in_range(seen[i], 300 * 5 / 8 - 36, 300 * 5 / 8 + 36);
    for (size_t i = 16; i < 18; i++)
        assert_in_range(seen[i], 300 * (5.0 / 12 + 5.0 / 8) - 50, 300 * (5.0 / 12 + 5.0 / 8) + 50);
    zoo_sampler_release(&s);
    zoo_dataset_release(&d);
}

static void a_draw_depends_on_the_generator_alone(void **state)
{
    size_t rows[N], a[N], b[N];
    zoo_dataset d = tagged(rows);
    zoo_rng rng, same;
    zoo_sampler s;

    (void)state;
    assert_int_equal(zoo_sampler_init(&s, &d.kinds[0], rows, N, NULL), ZOO_OK);
    zoo_rng_init(&rng, 5);
    zoo_sampler_draw(&s, &rng, a, N);
    same = rng;
    zoo_sampler_draw(&s, &rng, a, N);
    zoo_sampler_release(&s);
    assert_int_equal(zoo_sampler_init(&s, &d.kinds[0], rows, N, NULL), ZOO_OK);
    zoo_sampler_draw(&s, &same, b, N);
    assert_memory_equal(a, b, sizeof a);
    zoo_sampler_release(&s);
    zoo_dataset_release(&d);
}

static void some_rows_of_one_tag(void **state)
{
    size_t rows[N], order[3], some[] = { 3, 1, 4 }, seen[N] = { 0 };
    zoo_dataset d = tagged(rows);
    zoo_sampler s;
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 5);
    assert_int_equal(zoo_sampler_init(&s, &d.kinds[0], some, 3, NULL), ZOO_OK);
    zoo_sampler_draw(&s, &rng, order, 3);
    for (size_t i = 0; i < 3; i++)
        seen[order[i]]++;
    assert_true(seen[1] == 1 && seen[3] == 1 && seen[4] == 1);
    zoo_sampler_release(&s);
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_come_up_equally_often),
        cmocka_unit_test(a_draw_depends_on_the_generator_alone),
        cmocka_unit_test(some_rows_of_one_tag),
    };
    return cmocka_run_group_tests_name("train/sampler", tests, NULL, NULL);
}
