#include <stdlib.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/features.h"

enum { N = 600 };       /* more than two blocks */

static void kept_and_extracted_again_are_the_same(void **state)
{
    static const double none[N];
    zoo_dataset d = small_data(N, 1, none);
    zoo_ngrams spec = ZOO_NGRAMS_DEFAULT;
    const size_t memories[] = { (size_t)1 << 30, 6000, 0 };      /* all rows, one block, none */
    zoo_features *features[3];
    zoo_features_scratch scratch[3];
    zoo_parallel *parallel;

    (void)state;
    small_query(&d, 5, "");
    assert_int_equal(zoo_parallel_new(&parallel, 2, NULL), ZOO_OK);
    for (size_t m = 0; m < 3; m++) {
        assert_int_equal(zoo_features_new(&features[m], &d, &spec, memories[m], parallel, NULL), ZOO_OK);
        assert_int_equal(zoo_features_scratch_init(&scratch[m], features[m], 2, NULL), ZOO_OK);
    }
    for (size_t row = 0; row + 1 < N; row++) {
        zoo_bag first[3], second[3];
        for (size_t m = 0; m < 3; m++) {
            zoo_features_begin(&scratch[m]);
            first[m] = zoo_features_bag(features[m], row, &scratch[m]);
            second[m] = zoo_features_bag(features[m], row + 1, &scratch[m]);
            assert_true(first[m].count <= zoo_features_longest(features[m]));
        }
        for (size_t m = 1; m < 3; m++) {
            assert_int_equal(first[m].count, first[0].count);
            assert_int_equal(second[m].count, second[0].count);
            if (first[0].count) {
                assert_memory_equal(first[m].rows, first[0].rows, first[0].count * sizeof(uint32_t));
                assert_memory_equal(first[m].weights, first[0].weights, first[0].count * sizeof(float));
            }
        }
    }
    for (size_t m = 0; m < 3; m++) {
        zoo_features_scratch_release(&scratch[m]);
        zoo_features_free(features[m]);
    }
    zoo_parallel_free(parallel);
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_and_extracted_again_are_the_same),
    };
    return cmocka_run_group_tests_name("train/features", tests, NULL, NULL);
}
