#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/rng.h"
#include "label/overlap.h"

static zoo_overlap *overlap_of(size_t n, const char *const *samples, size_t count)
{
    zoo_overlap *o;

    assert_int_equal(zoo_overlap_new(&o, n, NULL), ZOO_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(zoo_overlap_add(o, samples[i], strlen(samples[i]), "b.txt", i + 1, NULL), ZOO_OK);
    return o;
}

static int find(zoo_overlap *o, const char *text, zoo_overlap_hit *hit)
{
    return zoo_overlap_find(o, text, strlen(text), hit, NULL);
}

static void a_shared_run_is_found_wherever_it_stands(void **state)
{
    const char *const samples[] = { "one", "The quick brown fox jumps over the lazy dog" };
    zoo_overlap *o = overlap_of(6, samples, 2);
    zoo_overlap_hit hit;

    (void)state;
    assert_int_equal(zoo_overlap_samples(o), 2);
    assert_int_equal(zoo_overlap_runs(o), 1 + 4);
    assert_int_equal(find(o, "why: \"Fox jumps over the LAZY dog?\" and more", &hit), 1);
    assert_string_equal(hit.words, "fox jumps over the lazy dog");
    assert_string_equal(hit.file, "b.txt");
    assert_int_equal(hit.line, 2);
    assert_int_equal(find(o, "fox jumps over the lazy", &hit), 0);               /* five words, and no whole sample */
    assert_int_equal(find(o, "fox jumps over the lazy cat dog", &hit), 0);
    assert_int_equal(find(o, "xfox jumps over the lazy dogs", &hit), 0);
    assert_int_equal(find(o, "", &hit), 0);
    zoo_overlap_free(o);
}

static void a_short_query_overlaps_where_it_is_a_whole_sample(void **state)
{
    const char *const samples[] = { "What is 2+2?", "Name a colour of the old flag, please", "   !!!   " };
    zoo_overlap *o = overlap_of(6, samples, 3);
    zoo_overlap_hit hit;

    (void)state;
    assert_int_equal(zoo_overlap_samples(o), 2);                         /* one has no word */
    assert_int_equal(find(o, "what is 22", &hit), 1);
    assert_int_equal(find(o, "what is", &hit), 0);
    assert_int_equal(find(o, "what is 22 now", &hit), 0);
    assert_int_equal(find(o, "name a colour", &hit), 0);                 /* part of a longer sample only */
    zoo_overlap_free(o);
}

/* Random texts of few words, against a search of every pair of runs. */
static size_t shares_run(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i + n <= strlen(a); i++)
        for (size_t j = 0; j + n <= strlen(b); j++)
            if (!memcmp(a + i, b + j, n))
                return 1;
    return strlen(a) < n && !strcmp(a, b);
}

static void random_text(zoo_rng *rng, char *letters, char *spaced)
{
    size_t words = (size_t)zoo_rng_below(rng, 12), out = 0;

    for (size_t i = 0; i < words; i++) {
        letters[i] = (char)('a' + zoo_rng_below(rng, 3));
        spaced[out++] = letters[i];
        spaced[out++] = ' ';
    }
    letters[words] = spaced[out] = '\0';
}

static void agrees_with_comparing_everything(void **state)
{
    enum { SAMPLES = 30, QUERIES = 3000 };
    static char letters[SAMPLES][16], spaced[SAMPLES][32];
    zoo_rng rng;
    size_t hits = 0;

    (void)state;
    zoo_rng_init(&rng, 11);
    for (size_t n = 1; n <= 7; n += 2) {
        zoo_overlap *o;
        assert_int_equal(zoo_overlap_new(&o, n, NULL), ZOO_OK);
        for (size_t i = 0; i < SAMPLES; i++) {
            random_text(&rng, letters[i], spaced[i]);
            assert_int_equal(zoo_overlap_add(o, spaced[i], strlen(spaced[i]), "f", i, NULL), ZOO_OK);
        }
        for (size_t q = 0; q < QUERIES; q++) {
            char query[16], text[32];
            size_t want = 0;
            zoo_overlap_hit hit;
            random_text(&rng, query, text);
            for (size_t i = 0; i < SAMPLES && *query; i++)
                want |= shares_run(query, letters[i], n);
            assert_int_equal(find(o, text, &hit), want);
            hits += want;
        }
        zoo_overlap_free(o);
    }
    assert_in_range(hits, 1000, 11000);
}

static void many_runs_make_the_table_grow(void **state)
{
    zoo_overlap *o;
    zoo_overlap_hit hit;
    char text[64];

    (void)state;
    assert_int_equal(zoo_overlap_new(&o, 2, NULL), ZOO_OK);
    for (size_t i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "word%zu word%zu", i, i + 1);
        assert_int_equal(zoo_overlap_add(o, text, strlen(text), "f", i, NULL), ZOO_OK);
    }
    assert_int_equal(zoo_overlap_runs(o), 20000);
    for (size_t i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "so word%zu word%zu", i, i + 1);
        assert_int_equal(find(o, text, &hit), 1);
        assert_int_equal(hit.line, i);
        snprintf(text, sizeof text, "word%zu word%zu", i, i + 2);
        assert_int_equal(find(o, text, &hit), 0);
    }
    zoo_overlap_free(o);
}

static void with_file(const char *content, size_t size, int want, const char *sentence, size_t samples)
{
    char path[] = "/tmp/zooter-overlap-XXXXXX";
    int fd = mkstemp(path);
    zoo_overlap *o;
    zoo_err err = { 0 };

    assert_true(fd >= 0 && write(fd, content, size) == (ssize_t)size);
    close(fd);
    assert_int_equal(zoo_overlap_new(&o, 6, NULL), ZOO_OK);
    assert_int_equal(zoo_overlap_add_file(o, path, &err), want);
    if (sentence && !strstr(err.message, sentence))
        fail_msg("'%s' is not in: %s", sentence, err.message);
    if (!want)
        assert_int_equal(zoo_overlap_samples(o), samples);
    zoo_overlap_free(o);
    unlink(path);
}

#define WITH_FILE(content, ...) with_file(content, sizeof(content) - 1, __VA_ARGS__)

static void files_are_json_lines_or_text(void **state)
{
    (void)state;
    WITH_FILE("one sample\n\ntwo\r\n", ZOO_OK, NULL, 2);
    WITH_FILE("\xef\xbb\xbf{\"query\": \"a b\", \"turns\": [\"a b\", \"c d\", 3]}\n\n{\"query\": \"\", \"x\": 1}",
              ZOO_OK, NULL, 3);
    WITH_FILE("{\"query\": \"a\"}\n{\"prompt\": \"b\"}\n", ZOO_EFORMAT, ":2: 'query' is missing", 0);
    WITH_FILE("{\"query\": \"a\"}\nplain\n", ZOO_EFORMAT, ":2, column 5: not JSON", 0);
    WITH_FILE("{\"query\": 3}\n", ZOO_EFORMAT, ":1: 'query' should be a string, is a number", 0);
    WITH_FILE("\n \n", ZOO_EFORMAT, "holds no sample", 0);
    WITH_FILE("", ZOO_EFORMAT, "holds no sample", 0);
}

static void a_missing_file_and_a_wrong_size_are_explained(void **state)
{
    zoo_overlap *o;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_overlap_new(&o, 0, &err), ZOO_EUSAGE);
    assert_null(o);
    assert_int_equal(zoo_overlap_new(&o, 65, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_overlap_new(&o, 6, &err), ZOO_OK);
    assert_int_equal(zoo_overlap_add_file(o, "/nowhere/x.jsonl", &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "/nowhere/x.jsonl"));
    zoo_overlap_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shared_run_is_found_wherever_it_stands),
        cmocka_unit_test(a_short_query_overlaps_where_it_is_a_whole_sample),
        cmocka_unit_test(agrees_with_comparing_everything),
        cmocka_unit_test(many_runs_make_the_table_grow),
        cmocka_unit_test(files_are_json_lines_or_text),
        cmocka_unit_test(a_missing_file_and_a_wrong_size_are_explained),
    };
    return cmocka_run_group_tests_name("label/overlap", tests, NULL, NULL);
}
