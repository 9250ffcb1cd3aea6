#include "unit/cm.h"
#include <stdalign.h>
#include <string.h>
#include "base/arena.h"

static void blocks_are_zeroed_aligned_and_apart(void **state)
{
    zoo_arena arena = { NULL };
    unsigned char *blocks[200];

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * 37 % 9000 + (i == 100) * 1000000;
        blocks[i] = zoo_arena_alloc(&arena, size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], 0xee, size);
    }
    zoo_arena_release(&arena);
    assert_null(arena.blocks);
}

static void copies_end_with_nul_and_absurd_sizes_fail(void **state)
{
    zoo_arena arena = { NULL };

    (void)state;
    assert_string_equal(zoo_arena_copy(&arena, "hello world", 5), "hello");
    assert_string_equal(zoo_arena_copy(&arena, NULL, 0), "");
    assert_null(zoo_arena_alloc(&arena, SIZE_MAX));
    zoo_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(copies_end_with_nul_and_absurd_sizes_fail),
    };
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
