#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "text/ngrams.h"

enum { MOST = 4096 };

/* Trained routers depend on these numbers. */
static void rows_never_change(void **state)
{
    static const uint32_t want[] = { 65210, 43120, 65043, 25893, 11487, 32567, 20479, 5331, 40308, 9680, 56936, 16044,
                                     10108, 21956, 38321, 8352 };
    zoo_ngrams spec = ZOO_NGRAMS_DEFAULT;
    zoo_words words;
    uint32_t rows[MOST];

    (void)state;
    assert_int_equal(zoo_words_init(&words, spec.text_limit, NULL), ZOO_OK);
    zoo_words_scan(&words, "The cat 12", 10);
    assert_int_equal(zoo_ngrams_list(&spec, &words, rows, NULL), sizeof want / sizeof *want);
    assert_memory_equal(rows, want, sizeof want);
    zoo_words_release(&words);
}

/* Which n-grams there are: docs/ngram-router.md, rebuilt and compared in tests/e2e/test_route.py.
 * Here: where they come from. */
static void ngrams_are_grouped_by_the_words_they_come_from(void **state)
{
    static const struct { const char *text; size_t count; } want[] = {
        { "\xc3\xa7""a", 6 },                                /* the word; <ç ça a> <ça ça> */
        { "\xc3\xa7""a 42", 1 },
        { "42", 2 },                                         /* the word; its count of digits */
        { "42 \xc3\xa7""a", 1 },
        { "\xc3\xa7""a", 6 },
    };
    zoo_ngrams spec = { .buckets = 1000, .word_order = 2, .char_min = 2, .char_max = 4, .text_limit = 100 };
    zoo_words words;
    uint32_t rows[MOST];
    zoo_ngram_span spans[MOST];
    size_t n, at = 0;

    (void)state;
    assert_int_equal(zoo_words_init(&words, spec.text_limit, NULL), ZOO_OK);
    zoo_words_scan(&words, "\xc3\x87""a  42 \xc3\xa7""a", 11);
    n = zoo_ngrams_list(&spec, &words, rows, spans);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        for (size_t j = 0; j < want[i].count; j++, at++) {
            assert_int_equal(spans[at].size, strlen(want[i].text));
            assert_memory_equal(words.text + spans[at].start, want[i].text, spans[at].size);
            assert_int_equal(spans[at].row, rows[at]);
            assert_true(j == 0 || spans[at].group == spans[at - 1].group);
        }
    assert_int_equal(n, at);
    assert_true(spans[0].group == spans[n - 1].group);
    assert_true(spans[0].group != spans[6].group && spans[6].group != spans[9].group);
    zoo_words_release(&words);
}

static void extracted_rows_are_distinct_and_their_weights_count_them(void **state)
{
    static const char text[] = "the cat the cat the dog";
    zoo_ngrams spec = ZOO_NGRAMS_DEFAULT;
    zoo_words words;
    uint32_t rows[MOST], all[MOST];
    float weights[MOST], scale;
    size_t n, distinct;

    (void)state;
    assert_int_equal(zoo_words_init(&words, spec.text_limit, NULL), ZOO_OK);
    distinct = zoo_ngrams_extract(&spec, &words, text, sizeof text - 1, rows, weights);
    n = zoo_ngrams_list(&spec, &words, all, NULL);
    scale = zoo_ngrams_scale(n);
    assert_true(distinct < n);
    for (size_t i = 0; i < distinct; i++) {
        size_t count = 0;
        for (size_t j = 0; j < n; j++)
            count += all[j] == rows[i];
        assert_true(i == 0 || rows[i - 1] < rows[i]);
        assert_true(fabsf(weights[i] - (float)count * scale) <= 1e-6f);
    }
    assert_int_equal(zoo_ngrams_extract(&spec, &words, " ", 1, rows, weights), 0);
    zoo_words_release(&words);
}

/* What zoo_ngrams_max() promises holds for texts of one-letter words, one long word, marks,
 * and bytes that are not UTF-8. */
static void no_text_has_more_than_the_most(void **state)
{
    static const char *const units[] = { "a ", "a", "1 ", "1a", ".", "\xff", "\xe4\xb8\xad", "\xc8\xba", "\xc8\xba " };
    zoo_ngrams spec = { .buckets = 100, .word_order = 4, .char_min = 1, .char_max = 8, .text_limit = 500 };
    size_t most = zoo_ngrams_max(&spec);
    uint32_t *rows = malloc(most * sizeof *rows);
    char text[500];
    zoo_words words;

    (void)state;
    assert_non_null(rows);
    assert_int_equal(zoo_words_init(&words, spec.text_limit, NULL), ZOO_OK);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = units[u][i % strlen(units[u])];
        zoo_words_scan(&words, text, sizeof text);
        assert_true(zoo_ngrams_list(&spec, &words, rows, NULL) <= most);
    }
    free(rows);
    zoo_words_release(&words);
}

static void specs_out_of_range_are_named(void **state)
{
    static const zoo_ngrams wrong[] = {
        { 0, 2, 3, 5, 4096 }, { (1u << 24) + 1, 2, 3, 5, 4096 }, { 10, 0, 3, 5, 4096 }, { 10, 5, 3, 5, 4096 },
        { 10, 2, 5, 3, 4096 }, { 10, 2, 0, 3, 4096 }, { 10, 2, 3, 9, 4096 }, { 10, 2, 3, 5, 0 },
            { 10, 2, 3, 5, (1u << 20) + 1 },
    };
    zoo_ngrams words_only = { 10, 1, 0, 0, 1 };
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(zoo_ngrams_check(&wrong[i], "c.json", &err), ZOO_EFORMAT);
        assert_memory_equal(err.message, "c.json: '", 9);
    }
    assert_int_equal(zoo_ngrams_check(&words_only, "", NULL), ZOO_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_never_change),
        cmocka_unit_test(ngrams_are_grouped_by_the_words_they_come_from),
        cmocka_unit_test(extracted_rows_are_distinct_and_their_weights_count_them),
        cmocka_unit_test(no_text_has_more_than_the_most),
        cmocka_unit_test(specs_out_of_range_are_named),
    };
    return cmocka_run_group_tests_name("text/ngrams", tests, NULL, NULL);
}
