#include "unit/cm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/kernels.h"
#include "model/ngram_reader.h"
#include "unit/model/tiny.h"

/* A text of words that share slots, drawn from a vocabulary far larger than what a reader keeps. */
static size_t make_text(char *out, size_t size, zoo_rng *rng)
{
    size_t at = 0;

    for (size_t i = 0; i < 40 && at + 20 < size; i++)
        at += (size_t)snprintf(out + at, size - at, "w%llx%s", (unsigned long long)zoo_rng_below(rng, 100000),
                               i % 7 == 3 ? ", \xe4\xb8\xad" : " ");
    return at;
}

/* A reader that has read thousands of texts gives the bytes that a fresh one gives. */
static void a_result_does_not_depend_on_the_texts_before(void **state)
{
    zoo_ngram_net net;
    zoo_ngram_config config = tiny_config();
    zoo_ngram_reader used, fresh;
    float *params, a[8], b[8];
    char text[2000];
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 1);
    assert_int_equal(zoo_ngram_net_init(&net, &config, "tiny", NULL), ZOO_OK);
    params = tiny_params(&net, 1);
    assert_int_equal(zoo_ngram_reader_init(&used, &net, params, NULL), ZOO_OK);
    for (int i = 0; i < 3000; i++) {
        size_t size = make_text(text, sizeof text, &rng);
        zoo_ngram_reader_pool(&used, text, size, a);
        if (i % 100)
            continue;
        assert_int_equal(zoo_ngram_reader_init(&fresh, &net, params, NULL), ZOO_OK);
        zoo_ngram_reader_pool(&fresh, text, size, b);
        assert_memory_equal(a, b, sizeof a);
        zoo_ngram_reader_pool(&used, text, size, b);
        assert_memory_equal(a, b, sizeof a);
        zoo_ngram_reader_release(&fresh);
    }
    zoo_ngram_reader_release(&used);
    free(params);
}

/* The plain way: list the n-grams, sum their rows. */
static void it_agrees_with_the_bag(void **state)
{
    for (uint32_t order = 1; order <= 4; order++) {
        zoo_ngram_net net;
        zoo_ngram_config config = tiny_config();
        zoo_ngram_reader reader;
        zoo_words words;
        zoo_rng rng;
        char text[2000];
        float *params, *weights, fast[8], plain[8];
        uint32_t *rows;

        (void)state;
        config.features.word_order = order;
        zoo_rng_init(&rng, order);
        assert_int_equal(zoo_ngram_net_init(&net, &config, "tiny", NULL), ZOO_OK);
        params = tiny_params(&net, 1);
        rows = malloc(zoo_ngrams_max(&config.features) * sizeof *rows);
        weights = malloc(zoo_ngrams_max(&config.features) * sizeof *weights);
        assert_int_equal(zoo_ngram_reader_init(&reader, &net, params, NULL), ZOO_OK);
        assert_int_equal(zoo_words_init(&words, config.features.text_limit, NULL), ZOO_OK);
        for (int i = 0; i < 20; i++) {
            size_t size = make_text(text, sizeof text, &rng);
            size_t n = zoo_ngrams_extract(&config.features, &words, text, size, rows, weights);
            zoo_bag_fwd(plain, params, rows, weights, n, 8);
            zoo_ngram_reader_pool(&reader, text, size, fast);
            for (size_t d = 0; d < 8; d++)
                assert_true(fabsf(fast[d] - plain[d]) <= 1e-4f);
        }
        zoo_words_release(&words);
        zoo_ngram_reader_release(&reader);
        free(rows);
        free(weights);
        free(params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_does_not_depend_on_the_texts_before),
        cmocka_unit_test(it_agrees_with_the_bag),
    };
    return cmocka_run_group_tests_name("model/ngram_reader", tests, NULL, NULL);
}
