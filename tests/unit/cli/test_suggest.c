#include "unit/cm.h"
#include "cli/suggest.h"

static const char *const names[] = { "import", "export", "train", "route", "serve", "reward", NULL };

static const char *nearest(const char *word)
{
    zoo_suggestion near = zoo_suggestion_for(word);

    for (size_t i = 0; names[i]; i++)
        zoo_suggestion_consider(&near, names[i]);
    return near.best;
}

static void slips_of_the_finger_are_found(void **state)
{
    (void)state;
    assert_string_equal(nearest("trian"), "train");
    assert_string_equal(nearest("rout"), "route");
    assert_string_equal(nearest("serv"), "serve");
    assert_string_equal(nearest("imoprt"), "import");
    assert_string_equal(nearest("expotr"), "export");
    assert_string_equal(nearest("rewards=x"), "reward");
}

static void other_words_are_not(void **state)
{
    (void)state;
    assert_null(nearest("frobnicate"));
    assert_null(nearest(""));
    assert_null(nearest("="));
    assert_null(nearest("x"));
    assert_null(nearest("a-word-that-is-longer-than-any-name-could-ever-be"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_of_the_finger_are_found),
        cmocka_unit_test(other_words_are_not),
    };
    return cmocka_run_group_tests_name("cli/suggest", tests, NULL, NULL);
}
