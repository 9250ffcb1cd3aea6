#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "label/kmeans.h"

enum { GROUPS = 5, EACH = 200, N = GROUPS * EACH, D = GROUPS * 10, PER_VECTOR = 4 };

static size_t offsets[N + 1];
static uint32_t columns[N * PER_VECTOR], groups[N];
static float values[N * PER_VECTOR], centres[D * N];

static int by_number(const void *a, const void *b)
{
    return (int)*(const uint32_t *)a - (int)*(const uint32_t *)b;
}

/* Vector i is of group i % GROUPS: three columns of the group's ten, and one of any. */
static zoo_sparse make(uint64_t seed)
{
    zoo_rng rng;

    zoo_rng_init(&rng, seed);
    for (size_t i = 0; i < N; i++) {
        uint32_t *c = columns + i * PER_VECTOR;
        for (size_t j = 0, ok = 0; j < PER_VECTOR; j += ok) {
            c[j] = (uint32_t)(j < 3 ? i % GROUPS * 10 + zoo_rng_below(&rng, 10) : zoo_rng_below(&rng, D));
            ok = 1;
            for (size_t k = 0; k < j; k++)
                ok &= c[k] != c[j];
        }
        qsort(c, PER_VECTOR, sizeof *c, by_number);
        for (size_t j = 0; j < PER_VECTOR; j++)
            values[i * PER_VECTOR + j] = 0.5f;
        offsets[i + 1] = (i + 1) * PER_VECTOR;
    }
    return (zoo_sparse){ N, D, offsets, columns, values };
}

static double cluster(const zoo_sparse *x, size_t k, uint64_t seed, unsigned threads)
{
    zoo_parallel *p;
    double similarity;

    assert_int_equal(zoo_parallel_new(&p, threads, NULL), ZOO_OK);
    assert_int_equal(zoo_kmeans(x, &(zoo_kmeans_options){ k, 50, seed, p, NULL }, centres, groups, &similarity, NULL),
                     ZOO_OK);
    zoo_parallel_free(p);
    return similarity;
}

static void planted_groups_are_found(void **state)
{
    zoo_sparse x = make(1);
    size_t best = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {        /* k-means++ may put two seeds into one group; not every time */
        size_t right = 0;
        double similarity = cluster(&x, GROUPS, seed, 2);
        assert_true(similarity > 0.3 && similarity < 0.7);
        for (size_t g = 0; g < GROUPS; g++) {
            size_t count[GROUPS] = { 0 }, most = 0;
            for (size_t i = 0; i < N; i++)
                if (groups[i] == g)
                    count[i % GROUPS]++;
            for (size_t j = 0; j < GROUPS; j++)
                most = count[j] > most ? count[j] : most;
            right += most;
        }
        best = right > best ? right : best;
    }
    assert_true(best > N * 98 / 100);
}

static void centres_are_mean_directions_of_unit_length(void **state)
{
    zoo_sparse x = make(2);
    float scores[GROUPS];

    (void)state;
    cluster(&x, GROUPS, 1, 1);
    for (size_t g = 0; g < GROUPS; g++) {
        double square = 0;
        for (size_t f = 0; f < D; f++)
            square += (double)centres[f * GROUPS + g] * (double)centres[f * GROUPS + g];
        assert_true(fabs(square - 1) < 1e-5);
    }
    for (size_t i = 0; i < N; i++)
        assert_int_equal(groups[i], zoo_kmeans_nearest(centres, GROUPS, columns + offsets[i], values + offsets[i],
                                                       PER_VECTOR, scores));
}

static void the_result_depends_on_the_seed_and_not_on_threads(void **state)
{
    static uint32_t first[N];
    static float first_centres[D * 20];
    zoo_sparse x = make(3);

    (void)state;
    cluster(&x, 20, 4, 1);
    memcpy(first, groups, sizeof first);
    memcpy(first_centres, centres, sizeof first_centres);
    cluster(&x, 20, 4, 3);
    assert_memory_equal(first, groups, sizeof first);
    assert_memory_equal(first_centres, centres, sizeof first_centres);
    cluster(&x, 20, 5, 1);
    assert_true(memcmp(first, groups, sizeof first) != 0);
}

static void equal_vectors_share_a_group(void **state)
{
    zoo_sparse x = make(4);
    size_t seen[7] = { 0 }, used = 0;
    double similarity;
    zoo_parallel *p;

    (void)state;
    x.n = 12;
    for (size_t i = 0; i < x.n; i++)
        for (size_t j = 0; j < PER_VECTOR; j++)
            columns[i * PER_VECTOR + j] = (uint32_t)(j + 7 * (i % 3));
    assert_int_equal(zoo_parallel_new(&p, 1, NULL), ZOO_OK);
    assert_int_equal(zoo_kmeans(&x, &(zoo_kmeans_options){ 7, 50, 1, p, NULL }, centres, groups, &similarity, NULL),
                     ZOO_OK);
    for (size_t i = 0; i < x.n; i++) {
        assert_int_equal(groups[i], groups[i % 3]);
        used += seen[groups[i]]++ == 0;
    }
    assert_int_equal(used, 3);
    assert_true(fabs(similarity - 1) < 1e-5);
    zoo_parallel_free(p);
}

static void more_groups_than_vectors_are_refused(void **state)
{
    zoo_sparse x = make(5);
    zoo_parallel *p;
    double similarity;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_parallel_new(&p, 1, NULL), ZOO_OK);
    assert_int_equal(zoo_kmeans(&x, &(zoo_kmeans_options){ N + 1, 50, 1, p, NULL }, centres, groups, &similarity, &err),
                     ZOO_EUSAGE);
    assert_int_equal(zoo_kmeans(&x, &(zoo_kmeans_options){ 0, 50, 1, p, NULL }, centres, groups, &similarity, &err),
                     ZOO_EUSAGE);
    x.n = 3;
    assert_int_equal(zoo_kmeans(&x, &(zoo_kmeans_options){ 3, 50, 1, p, NULL }, centres, groups, &similarity, &err),
                     ZOO_OK);
    zoo_parallel_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_groups_are_found),
        cmocka_unit_test(centres_are_mean_directions_of_unit_length),
        cmocka_unit_test(the_result_depends_on_the_seed_and_not_on_threads),
        cmocka_unit_test(equal_vectors_share_a_group),
        cmocka_unit_test(more_groups_than_vectors_are_refused),
    };
    return cmocka_run_group_tests_name("label/kmeans", tests, NULL, NULL);
}
