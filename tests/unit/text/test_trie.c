#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "text/trie.h"

static zoo_trie build(const char *const *words, size_t n)
{
    zoo_trie_key keys[16];
    zoo_trie trie;

    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++)
        keys[i] = (zoo_trie_key){ words[i], (uint32_t)strlen(words[i]), (uint32_t)i };
    assert_int_equal(zoo_trie_build(&trie, keys, n, NULL), ZOO_OK);
    return trie;
}

static void keys_are_found_and_their_beginnings_are_not(void **state)
{
    static const char *const words[] = { "abc", "ab", "b", "abcdefghij", "abcdefghik", "\xff", "\xe4\xbd\xa0" };
    zoo_trie trie = build(words, 7);

    (void)state;
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(zoo_trie_find(&trie, words[i], strlen(words[i])), i);
    assert_int_equal(zoo_trie_find(&trie, "a", 1), ZOO_TRIE_NONE);
    assert_int_equal(zoo_trie_find(&trie, "abcdefghi", 9), ZOO_TRIE_NONE);
    assert_int_equal(zoo_trie_find(&trie, "abx", 3), ZOO_TRIE_NONE);
    assert_int_equal(zoo_trie_find(&trie, "", 0), ZOO_TRIE_NONE);
    assert_int_equal(zoo_trie_find(&trie, "b\0", 2), ZOO_TRIE_NONE);
    zoo_trie_release(&trie);
}

static void of_equal_keys_the_highest_value_counts(void **state)
{
    static const char *const words[] = { "same", "other", "same" };
    zoo_trie trie = build(words, 3);

    (void)state;
    assert_int_equal(zoo_trie_find(&trie, "same", 4), 2);
    zoo_trie_release(&trie);
}

static void an_empty_trie_has_nothing(void **state)
{
    zoo_trie trie = build(NULL, 0), none = { 0 };
    uint32_t node = ZOO_TRIE_ROOT;

    (void)state;
    for (unsigned c = 0; c < 256; c++)
        assert_false(zoo_trie_step(&trie, &node, (unsigned char)c));
    assert_int_equal(zoo_trie_find(&none, "a", 1), ZOO_TRIE_NONE);
    zoo_trie_release(&trie);
}

enum { MANY = 20000 };

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 6);
}

/* Against a sorted list: bytes of every value, few of them, so that many keys begin alike. */
static void many_keys_are_told_from_what_is_none(void **state)
{
    static char words[MANY][6];
    static zoo_trie_key keys[MANY];
    zoo_trie trie;
    zoo_rng rng;

    (void)state;
    zoo_rng_init(&rng, 7);
    for (uint32_t i = 0; i < MANY; i++) {
        for (int j = 0; j < 6; j++)
            words[i][j] = (char)(zoo_rng_below(&rng, 4) ? zoo_rng_below(&rng, 5) * 63 : zoo_rng_below(&rng, 256));
        keys[i] = (zoo_trie_key){ words[i], 6, i };
    }
    assert_int_equal(zoo_trie_build(&trie, keys, MANY, NULL), ZOO_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t found = zoo_trie_find(&trie, words[i], 6);
        assert_true(found != ZOO_TRIE_NONE && !memcmp(words[found], words[i], 6));
    }
    qsort(words, MANY, 6, by_bytes);
    for (int i = 0; i < MANY; i++) {
        char word[6];
        for (int j = 0; j < 6; j++)
            word[j] = (char)(zoo_rng_below(&rng, 5) * 63);
        assert_int_equal(zoo_trie_find(&trie, word, 6) != ZOO_TRIE_NONE,
                         bsearch(word, words, MANY, 6, by_bytes) != NULL);
    }
    zoo_trie_release(&trie);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_and_their_beginnings_are_not),
        cmocka_unit_test(of_equal_keys_the_highest_value_counts),
        cmocka_unit_test(an_empty_trie_has_nothing),
        cmocka_unit_test(many_keys_are_told_from_what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
