#include "unit/cm.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "label/vocabulary.h"

enum { LIMIT = 4096 };
static uint32_t columns[2 * LIMIT];
static float values[2 * LIMIT];

static zoo_vocabulary *learn(zoo_words *words, const char *const *texts, size_t n, size_t most)
{
    zoo_vocabulary *v;

    assert_int_equal(zoo_words_init(words, LIMIT, NULL), ZOO_OK);
    assert_int_equal(zoo_vocabulary_new(&v, NULL), ZOO_OK);
    for (size_t i = 0; i < n; i++) {
        zoo_words_scan(words, texts[i], strlen(texts[i]));
        assert_int_equal(zoo_vocabulary_count(v, words, NULL), ZOO_OK);
    }
    assert_int_equal(zoo_vocabulary_close(v, most, NULL), ZOO_OK);
    return v;
}

static size_t vector(const zoo_vocabulary *v, zoo_words *words, const char *text)
{
    zoo_words_scan(words, text, strlen(text));
    return zoo_vocabulary_vector(v, words, columns, values);
}

static void done(zoo_vocabulary *v, zoo_words *words)
{
    zoo_vocabulary_free(v);
    zoo_words_release(words);
}

static void a_feature_occurs_in_two_texts(void **state)
{
    const char *const texts[] = { "The cat sat", "the dog sat sat", "the bird, alone alone" };
    zoo_words words;
    zoo_vocabulary *v = learn(&words, texts, 3, 100);

    (void)state;
    assert_int_equal(zoo_vocabulary_size(v), 2);                     /* the, sat */
    assert_string_equal(zoo_vocabulary_word(v, 0), "the");           /* the most frequent first */
    assert_string_equal(zoo_vocabulary_word(v, 1), "sat");
    assert_true(fabs((double)zoo_vocabulary_idf(v, 0) - 1.0) < 1e-6);
    assert_true(fabs((double)zoo_vocabulary_idf(v, 1) - (log(4.0 / 3) + 1)) < 1e-6);
    assert_int_equal(vector(v, &words, "bird alone"), 0);
    done(v, &words);
}

static void weights_are_as_computed_by_hand(void **state)
{
    const char *const texts[] = { "The cat sat", "the dog sat sat", "the bird, alone alone" };
    zoo_words words;
    zoo_vocabulary *v = learn(&words, texts, 3, 100);
    double the = 1.0, sat = (1 + log(3.0)) * (log(4.0 / 3) + 1), norm = sqrt(the * the + sat * sat);

    (void)state;
    assert_int_equal(vector(v, &words, "sat SAT the bird sat"), 2);
    assert_int_equal(columns[0], 0);
    assert_int_equal(columns[1], 1);
    assert_true(fabs((double)values[0] - the / norm) < 1e-6 && fabs((double)values[1] - sat / norm) < 1e-6);
    done(v, &words);
}

static void neighbouring_cjk_characters_are_a_word(void **state)
{
    const char *const texts[] = { "\xe4\xb8\xad\xe6\x96\x87", "x \xe4\xb8\xad\xe6\x96\x87 1",
                                  "\xe4\xb8\xad \xe6\x96\x87" };
    zoo_words words;
    zoo_vocabulary *v = learn(&words, texts, 3, 100);

    (void)state;
    assert_int_equal(zoo_vocabulary_size(v), 3);                  /* two characters in three texts, their pair in two */
    assert_null(zoo_vocabulary_word(v, 0));
    assert_string_equal(zoo_vocabulary_word(v, 2), "\xe4\xb8\xad\xe6\x96\x87");
    done(v, &words);
}

static void only_the_most_frequent_are_kept(void **state)
{
    const char *const texts[] = { "aa bb cc", "aa bb cc", "aa bb", "aa" };
    zoo_words words;
    zoo_vocabulary *v = learn(&words, texts, 4, 2);

    (void)state;
    assert_int_equal(zoo_vocabulary_size(v), 2);
    assert_int_equal(vector(v, &words, "cc bb aa"), 2);
    assert_int_equal(vector(v, &words, "cc"), 0);
    done(v, &words);
}

/* Two million distinct words pass through; what keeps coming back is still there. */
static void rare_words_are_forgotten_before_memory_runs_out(void **state)
{
    zoo_words words;
    zoo_vocabulary *v;
    char text[2048];

    (void)state;
    assert_int_equal(zoo_words_init(&words, LIMIT, NULL), ZOO_OK);
    assert_int_equal(zoo_vocabulary_new(&v, NULL), ZOO_OK);
    for (size_t i = 0; i < 20000; i++) {
        size_t used = (size_t)snprintf(text, sizeof text, "always");
        for (size_t j = 0; j < 100; j++) {
            size_t n = i * 100 + j;
            char word[] = " aaaaaa";
            for (size_t k = 6; k; k--, n /= 26)
                word[k] = (char)('a' + n % 26);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s", word);
        }
        zoo_words_scan(&words, text, used);
        assert_int_equal(zoo_vocabulary_count(v, &words, NULL), ZOO_OK);
    }
    assert_int_equal(zoo_vocabulary_close(v, 100, NULL), ZOO_OK);
    assert_int_equal(zoo_vocabulary_size(v), 1);
    assert_string_equal(zoo_vocabulary_word(v, 0), "always");
    done(v, &words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feature_occurs_in_two_texts),
        cmocka_unit_test(weights_are_as_computed_by_hand),
        cmocka_unit_test(neighbouring_cjk_characters_are_a_word),
        cmocka_unit_test(only_the_most_frequent_are_kept),
        cmocka_unit_test(rare_words_are_forgotten_before_memory_runs_out),
    };
    return cmocka_run_group_tests_name("label/vocabulary", tests, NULL, NULL);
}
