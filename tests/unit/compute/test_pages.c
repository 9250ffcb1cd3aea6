#include "unit/cm.h"
#include <string.h>
#include "compute/pages.h"

static void blocks_are_zeroed_aligned_and_apart(void **state)
{
    static const size_t sizes[] = { 1, 64, 100, 3 << 20, 65 << 20, 7, 63 << 20, 0, 40 << 20 };
    enum { N = sizeof sizes / sizeof *sizes };
    unsigned char *blocks[N];
    zoo_pages *pages;

    (void)state;
    assert_int_equal(zoo_pages_new(&pages, NULL), ZOO_OK);
    for (size_t i = 0; i < N; i++) {
        blocks[i] = zoo_pages_take(pages, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 64, 0);
        if (sizes[i]) {
            assert_int_equal(blocks[i][0] | blocks[i][sizes[i] - 1] | blocks[i][sizes[i] / 2], 0);
            blocks[i][0] = blocks[i][sizes[i] - 1] = (unsigned char)(i + 1);
        }
    }
    for (size_t i = 0; i < N; i++)
        if (sizes[i])
            assert_true(blocks[i][0] == i + 1 && blocks[i][sizes[i] - 1] == i + 1);
    assert_null(zoo_pages_take(pages, SIZE_MAX));
    zoo_pages_free(pages);
    zoo_pages_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(blocks_are_zeroed_aligned_and_apart) };
    return cmocka_run_group_tests_name("compute/pages", tests, NULL, NULL);
}
