#include "unit/cm.h"
#include <stdatomic.h>
#include <string.h>
#include "base/parallel.h"

enum { TASKS = 1000 };
struct tally { unsigned done[TASKS]; atomic_uint most_thread; };

static void count(void *context, size_t task, unsigned thread)
{
    struct tally *tally = context;
    unsigned most = atomic_load(&tally->most_thread);

    tally->done[task]++;
    while (thread > most && !atomic_compare_exchange_weak(&tally->most_thread, &most, thread))
        ;
}

static void every_task_is_done_once(void **state)
{
    static struct tally tally;

    (void)state;
    for (unsigned threads = 1; threads <= 5; threads++) {
        zoo_parallel *p;
        assert_int_equal(zoo_parallel_new(&p, threads, NULL), ZOO_OK);
        assert_int_equal(zoo_parallel_threads(p), threads);
        for (unsigned run = 0; run < 50; run++) {
            size_t n = run == 0 ? 0 : run == 1 ? 1 : TASKS;
            memset(tally.done, 0, sizeof tally.done);
            zoo_parallel_run(p, n, count, &tally);
            for (size_t i = 0; i < TASKS; i++)
                assert_int_equal(tally.done[i], i < n);
        }
        assert_true(atomic_load(&tally.most_thread) < threads);
        zoo_parallel_free(p);
    }
}

static void zero_threads_means_one_a_processor(void **state)
{
    zoo_parallel *p;

    (void)state;
    assert_int_equal(zoo_parallel_new(&p, 0, NULL), ZOO_OK);
    assert_int_equal(zoo_parallel_threads(p), zoo_parallel_processors());
    zoo_parallel_free(p);
    zoo_parallel_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_is_done_once),
        cmocka_unit_test(zero_threads_means_one_a_processor),
    };
    return cmocka_run_group_tests_name("base/parallel", tests, NULL, NULL);
}
