#include "unit/cm.h"
#include <string.h>
#include "net/checksum.h"

static int agrees(const char *etag, int64_t size, const char *bytes)
{
    zoo_checksum *sum;
    int result;

    assert_int_equal(zoo_checksum_new(&sum, etag, size, NULL), ZOO_OK);
    zoo_checksum_add(sum, "left over", 9);
    zoo_checksum_restart(sum);
    for (size_t i = 0; i < strlen(bytes); i++)
        zoo_checksum_add(sum, bytes + i, 1);
    result = zoo_checksum_agrees(sum);
    zoo_checksum_free(sum);
    return result;
}

/* The sums as `sha256sum`, `git hash-object` and `sha1sum` print them. */
static void an_etag_is_sha256_git_or_sha1_of_the_content(void **state)
{
    (void)state;
    assert_true(agrees("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3, "abc"));
    assert_false(agrees("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3, "abd"));
    assert_true(agrees("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f", 3, "abc"));
    assert_true(agrees("a9993e364706816aba3e25717850c26c9cd0d89d", 3, "abc"));
    assert_false(agrees("a9993e364706816aba3e25717850c26c9cd0d89d", 3, "abd"));
    assert_true(agrees("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0, ""));
}

static void of_other_etags_nothing_is_said(void **state)
{
    (void)state;
    assert_true(agrees("5e7f-1a2b", 3, "abc"));
    assert_true(agrees("", 3, "abc"));
    assert_true(agrees("900150983cd24fb0d6963f7d28e17f72", 3, "xyz"));
    assert_true(agrees("A9993E364706816ABA3E25717850C26C9CD0D89D", 3, "xyz"));
    assert_true(agrees("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f", -1, "abc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_etag_is_sha256_git_or_sha1_of_the_content),
        cmocka_unit_test(of_other_etags_nothing_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
