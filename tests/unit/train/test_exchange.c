/* Gradients on their way between ranks that are threads: dense ones in order,
 * rows of words that only some ranks have touched. */
#include "unit/train/ranks_of_threads.h"
#include "train/exchange.h"

enum { V = 50, E = 3, DENSE = 77, STEPS = 3, ROWS = 30 };

/* Which words rank r touches in step s, and their gradients. */
static size_t touch(unsigned r, int s, uint32_t *ids)
{
    size_t n = 0;

    if (r == 1 && s == 1)
        return 0;
    for (uint32_t id = V; id-- > 0;)
        if ((id * 7 + (uint32_t)s) % (r + 3) == 0 && n < ROWS)
            ids[n++] = id;
    return n;
}

static float gradient(unsigned r, int s, uint32_t id, size_t e)
{
    return (float)(r + 1) * 0.1f + (float)id * (r == 1 ? 3e6f : 1) + (float)e * 0.01f + (float)s;
}

static float dense(unsigned r, int s, size_t i) { return (float)(i + 1) / (float)(r + 3) + (float)s; }

struct stepping { unsigned count; int failed; float rows[STEPS][V * E]; uint32_t ids[STEPS][V]; size_t U[STEPS]; };

static void step(zoo_ranks *ranks, void *context)
{
    struct stepping *t = context;
    const zoo_exchange_size size = { .jobs = 4, .dense = DENSE, .V = V, .E = E, .rows = V };
    zoo_exchange *x;
    zoo_err err = { 0 };

    t->failed = zoo_exchange_new(&x, ranks, &size, &err);
    for (int s = 0; s < STEPS && !t->failed; s++) {
        float grads[DENSE];
        uint32_t ids[V];
        const uint32_t *all;
        size_t n = touch(ranks->rank, s, ids);
        for (size_t i = 0; i < n * E; i++)
            t->rows[s][i] = gradient(ranks->rank, s, ids[i / E], i % E);
        for (size_t i = 0; i < DENSE; i++)
            grads[i] = dense(ranks->rank, s, i);
        zoo_exchange_ids(x, ids, n);
        zoo_exchange_dense(x, grads, 10);
        zoo_exchange_dense(x, grads + 10, DENSE - 10);
        zoo_exchange_rows(x, t->rows[s]);
        t->failed = zoo_exchange_finish(x, &err);
        t->U[s] = zoo_exchange_union(x, &all);
        memcpy(t->ids[s], all, t->U[s] * sizeof *all);
        for (size_t i = 0; i < DENSE && !t->failed; i++) {
            float sum = dense(0, s, i);
            for (unsigned r = 1; r < ranks->count; r++)
                sum += dense(r, s, i);
            t->failed |= grads[i] != sum;
        }
    }
    zoo_exchange_free(x);
}

static void check_rows(const struct stepping *t, unsigned R, int s)
{
    size_t at = 0;
    char seen[V] = { 0 };

    for (unsigned r = 0; r < R; r++) {                      /* the union in the order in which ranks bring its words */
        uint32_t ids[V];
        size_t n = touch(r, s, ids);
        for (size_t i = 0; i < n; i++)
            if (!seen[ids[i]]++)
                assert_int_equal(t->ids[s][at++], ids[i]);
    }
    assert_int_equal(at, t->U[s]);
    for (size_t u = 0; u < at; u++)
        for (size_t e = 0; e < E; e++) {
            float sum = 0;
            for (unsigned r = 0; r < R; r++) {
                uint32_t ids[V];
                size_t n = touch(r, s, ids);
                for (size_t i = 0; i < n; i++)
                    sum += ids[i] == t->ids[s][u] ? gradient(r, s, ids[i], e) : 0;
            }
            assert_true(t->rows[s][u*E + e] == sum);
        }
}

static void gradients_are_sums_over_all_ranks(void **state)
{
    (void)state;
    for (unsigned R = 2; R <= 5; R++) {
        struct stepping *t = calloc(R, sizeof *t);
        struct meeting m;
        run_ranks(&m, R, step, t, sizeof *t);
        for (unsigned r = 0; r < R; r++) {
            assert_int_equal(t[r].failed, 0);
            for (int s = 0; s < STEPS; s++)
                check_rows(&t[r], R, s);
        }
        free(t);
    }
}

/* What the transport says comes out of finish(), this time and from then on. */
static void fail_twice(zoo_ranks *ranks, void *context)
{
    const zoo_exchange_size size = { .jobs = 2, .dense = 4, .V = 1, .E = 1, .rows = 0 };
    float x[4] = { 0 };
    zoo_exchange *exchange;
    zoo_err err;

    assert_int_equal(zoo_exchange_new(&exchange, ranks, &size, NULL), ZOO_OK);
    zoo_exchange_dense(exchange, x, 4);
    zoo_exchange_dense(exchange, x, 4);
    ((int *)context)[0] = zoo_exchange_finish(exchange, &err);
    ((int *)context)[1] = !strcmp(err.message, "rank 0 fails as it was told");
    ((int *)context)[2] = zoo_exchange_finish(exchange, NULL);
    zoo_exchange_free(exchange);
}

static int swap_that_fails(zoo_ranks *ranks, const zoo_block *out, const zoo_block *in, zoo_err *err)
{
    (void)out;
    (void)in;
    return zoo_fail(err, ZOO_EIO, "rank %u fails as it was told", ranks->rank);
}

static void a_failure_stays(void **state)
{
    const zoo_ranks_class failing = { .swap = swap_that_fails };
    zoo_block blocks[4];
    zoo_ranks ranks = { .class = &failing, .count = 2, .blocks = blocks };
    int got[3];

    (void)state;
    fail_twice(&ranks, got);
    assert_true(got[0] == ZOO_EIO && got[1] && got[2] == ZOO_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(gradients_are_sums_over_all_ranks),
                                        cmocka_unit_test(a_failure_stays) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
