#include <stdlib.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/folds.h"

enum { N = 100 };

/* 100 queries, every second of which repeats the one before it in other letters and spaces. */
static zoo_dataset twins(size_t *rows)
{
    static const double none[N];
    zoo_dataset d = small_data(N, 1, none);
    char text[40];

    for (size_t i = 0; i < N; i++) {
        snprintf(text, sizeof text, i % 2 ? "  What IS\n%zu ? " : "what is %zu ?", i / 2);
        small_query(&d, i, text);
        rows[i] = i;
    }
    return d;
}

static void equal_texts_share_a_fold(void **state)
{
    size_t rows[N], counts[5] = { 0 };
    uint32_t fold[N], other[N];
    zoo_dataset d = twins(rows);

    (void)state;
    assert_int_equal(zoo_folds_deal(&d, rows, N, 5, 1, fold, NULL), ZOO_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(fold[i], fold[i ^ 1]);
        counts[fold[i]]++;
    }
    for (size_t f = 0; f < 5; f++)
        assert_int_equal(counts[f], N / 5);
    assert_int_equal(zoo_folds_deal(&d, rows, N, 5, 2, other, NULL), ZOO_OK);
    assert_memory_not_equal(fold, other, sizeof fold);
    zoo_dataset_release(&d);
}

static void whole_texts_are_set_aside(void **state)
{
    size_t rows[N], first, texts;
    unsigned char seen[N] = { 0 };
    zoo_dataset d = twins(rows);

    (void)state;
    assert_int_equal(zoo_folds_count_texts(&d, rows, N, &texts, NULL), ZOO_OK);
    assert_int_equal(texts, N / 2);
    assert_int_equal(zoo_folds_set_aside(&d, rows, N, 11, 1, &first, NULL), ZOO_OK);
    assert_int_equal(N - first, 12);                    /* six whole texts */
    for (size_t i = 0; i < N; i++)
        seen[rows[i]] = i < first ? 1 : 2;
    for (size_t i = 0; i < N; i++)
        assert_true(seen[i] && seen[i] == seen[i ^ 1]);
    for (size_t i = 1; i < first; i++)
        assert_true(rows[i] > rows[i - 1]);
    zoo_dataset_release(&d);
}

static void one_text_is_never_set_aside(void **state)
{
    size_t rows[] = { 0, 1 }, first;
    zoo_dataset d = small_data(2, 1, (const double[]){ 0, 0 });

    (void)state;
    small_query(&d, 1, "query 0");
    assert_int_equal(zoo_folds_set_aside(&d, rows, 2, 1, 1, &first, NULL), ZOO_OK);
    assert_int_equal(first, 2);
    zoo_dataset_release(&d);
}

static void known_texts_are_dropped(void **state)
{
    size_t rows[] = { 0, 1, 2, 3, 4, 5 }, count = 6;
    zoo_dataset d = small_data(6, 1, (const double[]){ 0, 0, 0, 0, 0, 0 });

    (void)state;
    small_query(&d, 1, "query 0");                      /* twins that are both learnt from stay */
    small_query(&d, 3, " QUERY  0");
    small_query(&d, 5, "query 4");                      /* so do twins that are both held aside */
    assert_int_equal(zoo_folds_drop_known(&d, rows, &count, 3, NULL), ZOO_OK);
    assert_int_equal(count, 5);
    assert_memory_equal(rows, ((size_t[]){ 0, 1, 2, 4, 5 }), 5 * sizeof *rows);
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_share_a_fold),
        cmocka_unit_test(whole_texts_are_set_aside),
        cmocka_unit_test(one_text_is_never_set_aside),
        cmocka_unit_test(known_texts_are_dropped),
    };
    return cmocka_run_group_tests_name("train/folds", tests, NULL, NULL);
}
