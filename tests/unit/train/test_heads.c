#include <stdlib.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/heads.h"

static void values_of_training_rows_get_a_head(void **state)
{
    const size_t rows[] = { 0, 1 };
    static const double none[4];
    zoo_dataset d = small_data(4, 1, none);
    zoo_tag_kind heads[2];
    size_t count, kinds[2];
    zoo_arena arena = { 0 };

    (void)state;
    kinds[0] = small_kind(&d, "topic", 4, (const char *[]){ "1", "31", "0", "3" });
    kinds[1] = small_kind(&d, "only one is left", 2, (const char *[]){ "0", "0", "1", "1" });
    assert_int_equal(zoo_heads_build(heads, &count, 2, &d, kinds, 2, rows, 2, &arena, NULL), ZOO_OK);
    assert_int_equal(count, 1);
    assert_int_equal(heads[0].values, 2);
    assert_string_equal(heads[0].value_names[0], "v1");
    assert_string_equal(heads[0].value_names[1], "v3");
    assert_int_equal(heads[0].offsets[2] - heads[0].offsets[1], 2);
    assert_int_equal(heads[0].tags[heads[0].offsets[1]], 1);
    assert_int_equal(heads[0].offsets[3], heads[0].offsets[2]);      /* value 0 never occurs in training */
    zoo_arena_release(&arena);
    zoo_dataset_release(&d);
}

static void the_most_frequent_values_are_kept(void **state)
{
    enum { N = 2 * ZOO_HEAD_VALUES_MAX };
    double *none = calloc(N, sizeof *none);
    size_t *rows = calloc(N, sizeof *rows), count, kind = 0;
    zoo_dataset d = small_data(N, 1, none);
    zoo_tag_kind head;
    zoo_arena arena = { 0 };

    (void)state;
    d.kind_count = 1;                                   /* row i has value i, and value N - 1 beside it */
    d.kinds[0] = (zoo_tag_kind){ .name = "many", .values = N };
    d.kinds[0].value_names = zoo_arena_alloc(&d.arena, N * sizeof(char *));
    d.kinds[0].offsets = zoo_arena_alloc(&d.arena, (N + 1) * sizeof(size_t));
    d.kinds[0].tags = zoo_arena_alloc(&d.arena, 2 * N * sizeof(uint32_t));
    for (size_t i = 0; i < N; i++) {
        rows[i] = i;
        d.kinds[0].value_names[i] = "v";
        d.kinds[0].tags[2 * i] = (uint32_t)i;
        d.kinds[0].tags[2 * i + 1] = N - 1;
        d.kinds[0].offsets[i + 1] = 2 * i + 2;
    }
    assert_int_equal(zoo_heads_build(&head, &count, 1, &d, &kind, 1, rows, N, &arena, NULL), ZOO_OK);
    assert_int_equal(head.values, ZOO_HEAD_VALUES_MAX);
    assert_int_equal(head.tags[head.offsets[N] - 1], ZOO_HEAD_VALUES_MAX - 1);      /* N - 1 is among them */
    zoo_arena_release(&arena);
    zoo_dataset_release(&d);
    free(none);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_training_rows_get_a_head),
        cmocka_unit_test(the_most_frequent_values_are_kept),
    };
    return cmocka_run_group_tests_name("train/heads", tests, NULL, NULL);
}
