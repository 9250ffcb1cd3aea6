/* What ranks say to each other, over a transport of threads: sums in a fixed order, words, checks,
 * and the dealing out of rows. */
#include "unit/train/ranks_of_threads.h"

enum { N = 1001 };

/* ---- sums ---- */

struct summing { float x[N], room[N + 2 * THREADS_MOST]; size_t n; int rc; };

static void sum(zoo_ranks *ranks, void *context)
{
    struct summing *s = context;

    assert_true(zoo_ranks_sum_room(ranks, s->n) <= N + 2 * THREADS_MOST);
    s->rc = zoo_ranks_sum(ranks, s->x, s->n, s->room, NULL);
}

/* Numbers whose sum depends on the order. */
static float number(unsigned r, size_t i)
{
    return (r % 2 ? -1.0f : 1.0f) * (float)(1 + i % 7) * (r == 1 ? 16777216.0f : 1.5f + (float)r);
}

static void sums_are_those_in_the_order_of_the_ranks(void **state)
{
    const size_t sizes[] = { 0, 1, 3, 8, N };

    (void)state;
    for (unsigned R = 1; R <= THREADS_MOST; R++)
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
            struct summing *s = calloc(R, sizeof *s);
            struct meeting m;
            for (unsigned r = 0; r < R; r++) {
                s[r].n = sizes[z];
                for (size_t i = 0; i < N; i++)
                    s[r].x[i] = number(r, i);
            }
            run_ranks(&m, R, sum, s, sizeof *s);
            for (unsigned r = 0; r < R; r++) {
                assert_int_equal(s[r].rc, ZOO_OK);
                for (size_t i = 0; i < N; i++) {
                    float expected = number(i < sizes[z] ? 0 : r, i);
                    for (unsigned other = 1; other < R && i < sizes[z]; other++)
                        expected += number(other, i);
                    assert_true(s[r].x[i] == expected);
                }
                if (sizes[z] == N && R > 1)             /* 2 (R - 1) / R of the array, within the rounding of parts */
                    assert_true(m.swapped[r] <= 2 * sizeof(float) * (R - 1) * (N / R + 1));
            }
            free(s);
        }
}

/* ---- words ---- */

struct talking { uint64_t word, all[THREADS_MOST]; double number; int rc; zoo_common things[2]; zoo_err err; };

static void talk(zoo_ranks *ranks, void *context)
{
    struct talking *t = context;

    t->number = 0.1 * (ranks->rank + 1);
    t->word = 100 + ranks->rank;
    t->rc = zoo_ranks_gather(ranks, &t->word, sizeof t->word, t->all, NULL) ||
            zoo_ranks_tell(ranks, &t->word, sizeof t->word, NULL) || zoo_ranks_sum_number(ranks, &t->number, NULL);
}

static void words_reach_all(void **state)
{
    struct talking t[3] = { { 0 } };
    struct meeting m;

    (void)state;
    run_ranks(&m, 3, talk, t, sizeof *t);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(t[r].rc, ZOO_OK);
        assert_true(t[r].word == 100 && t[r].all[0] == 100 && t[r].all[1] == 101 && t[r].all[2] == 102);
        assert_true(t[r].number == 0.1 + 0.2 + 0.1 * 3);
    }
}

static void compare(zoo_ranks *ranks, void *context)
{
    struct talking *t = context;

    t->rc = zoo_ranks_compare(ranks, t->things, 2, &t->err);
}

static void what_differs_is_told_to_all(void **state)
{
    struct talking t[3] = { { 0 } };
    struct meeting m;

    (void)state;
    for (int r = 0; r < 3; r++) {
        t[r].things[0] = (zoo_common){ 1, "other settings", "a remedy" };
        t[r].things[1] = (zoo_common){ 7, "other queries", "another remedy" };
    }
    run_ranks(&m, 3, compare, t, sizeof *t);
    for (int r = 0; r < 3; r++)
        assert_int_equal(t[r].rc, ZOO_OK);
    t[2].things[1].mark = 8;
    run_ranks(&m, 3, compare, t, sizeof *t);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(t[r].rc, ZOO_EUSAGE);
        assert_string_equal(t[r].err.message, "rank 2 has other queries than rank 0; another remedy");
    }
}

static void alone_there_is_nobody_to_talk_to(void **state)
{
    double x = 3;
    uint32_t word = 5, all = 0;

    (void)state;
    assert_int_equal(zoo_ranks_sum_number(NULL, &x, NULL), ZOO_OK);
    assert_int_equal(zoo_ranks_tell(NULL, &word, sizeof word, NULL), ZOO_OK);
    assert_int_equal(zoo_ranks_gather(NULL, &word, sizeof word, &all, NULL), ZOO_OK);
    assert_true(x == 3 && all == 5 && zoo_ranks_count(NULL) == 1 && zoo_ranks_number(NULL) == 0);
}

/* ---- dealing out ---- */

static void rows_are_dealt_by_length(void **state)
{
    const size_t lengths[] = { 5, 90, 7, 7, 40, 30, 22, 8 };
    zoo_ranks ranks = { .count = 2 };
    unsigned owner[8];
    uint64_t order[8];
    size_t loads[3], sums[2] = { 0, 0 };

    (void)state;
    zoo_ranks_deal(&ranks, lengths, 8, owner, order, loads);
    for (int i = 0; i < 8; i++)
        sums[owner[i]] += lengths[i];
    assert_true(sums[0] == loads[0] && sums[1] == loads[1] && sums[0] + sums[1] == 209);
    /* 90 | 40 30 22, then the small ones */
    assert_true(owner[1] == 0 && owner[4] == 1 && owner[5] == 1 && owner[6] == 1);
    assert_true(sums[0] >= 102 && sums[0] <= 107);
    ranks.count = 3;
    /* more ranks than rows */
    zoo_ranks_deal(&ranks, lengths, 2, owner, order, loads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_in_the_order_of_the_ranks),
        cmocka_unit_test(words_reach_all),
        cmocka_unit_test(what_differs_is_told_to_all),
        cmocka_unit_test(alone_there_is_nobody_to_talk_to),
        cmocka_unit_test(rows_are_dealt_by_length)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
