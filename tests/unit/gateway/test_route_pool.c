#include "unit/cm.h"
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "gateway/route_pool.h"
#include "unit/model/tiny.h"

static char root[] = "/tmp/zooter-pool-XXXXXX";
static zoo_router *router;
static struct event_base *loop;
static atomic_int hold, running;

/* Waits as long as `hold` says so; "bad" fails. */
static int slow_route(const zoo_router *r, zoo_workspace *w, const char *query, size_t size, float *probabilities,
                      zoo_decision *decision, zoo_err *err)
{
    running++;
    while (hold)
        usleep(1000);
    running--;
    if (size == 3 && !memcmp(query, "bad", 3))
        return zoo_fail(err, ZOO_EFORMAT, "no result");
    return zoo_router_route(r, w, query, size, probabilities, decision, err);
}

struct asked { int done; int outcome; float probabilities[3]; char message[100]; };

static void on_done(void *context, const zoo_routing *routing)
{
    struct asked *a = context;

    a->done++;
    a->outcome = (int)routing->outcome;
    if (routing->outcome == ZOO_ROUTING_DONE)
        memcpy(a->probabilities, routing->probabilities, sizeof a->probabilities);
    if (routing->outcome == ZOO_ROUTING_FAILED)
        snprintf(a->message, sizeof a->message, "%s", routing->message);
    assert_true(routing->seconds >= 0);
}

static zoo_route_pool *pool_new(unsigned threads, size_t queue, unsigned ms)
{
    zoo_route_pool *pool;
    zoo_err err;

    if (zoo_route_pool_new(&pool, loop, router, &(zoo_route_limits){ threads, queue, ms }, slow_route, &err))
        fail_msg("%s", err.message);
    return pool;
}

static zoo_route_job *submit(zoo_route_pool *pool, const char *text, struct asked *a)
{
    return zoo_route_submit(pool, text, strlen(text), on_done, a);
}

static void turn(int ms)
{
    event_base_loopexit(loop, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
    event_base_dispatch(loop);
}

static void wait_for(const int *value, int expected)
{
    for (int i = 0; i < 2000 && *value != expected; i++)
        turn(5);
    assert_int_equal(*value, expected);
}

static void the_pool_routes_as_the_router_does(void **state)
{
    enum { N = 500 };
    static struct asked all[N];
    zoo_route_pool *pool = pool_new(3, N, 60000);
    zoo_workspace *workspace;
    char text[40];
    int done = 0;

    (void)state;
    hold = 0;
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "question %d", i);
        assert_non_null(submit(pool, text, &all[i]));
        memset(text, 'x', sizeof text);                /* it was copied */
    }
    for (int i = 0; i < 2000 && done < N; i++) {
        turn(5);
        done = 0;
        for (int j = 0; j < N; j++)
            done += all[j].done;
    }
    assert_int_equal(done, N);
    assert_int_equal(zoo_workspace_new(&workspace, router, NULL), ZOO_OK);
    for (int i = 0; i < N; i++) {
        float p[3];
        int n = snprintf(text, sizeof text, "question %d", i);
        assert_int_equal(all[i].outcome, ZOO_ROUTING_DONE);
        zoo_router_route(router, workspace, text, (size_t)n, p, NULL, NULL);
        assert_memory_equal(p, all[i].probabilities, sizeof p);
    }
    assert_int_equal(zoo_route_pool_load(pool), 0);
    zoo_workspace_free(workspace);
    zoo_route_pool_free(pool);
}

static void a_failing_router_says_why(void **state)
{
    zoo_route_pool *pool = pool_new(1, 10, 60000);
    struct asked a = { 0 };

    (void)state;
    hold = 0;
    submit(pool, "bad", &a);
    wait_for(&a.done, 1);
    assert_int_equal(a.outcome, ZOO_ROUTING_FAILED);
    assert_string_equal(a.message, "no result");
    zoo_route_pool_free(pool);
}

static void a_late_job_is_given_up_and_its_worker_not_waited_for(void **state)
{
    zoo_route_pool *pool = pool_new(1, 10, 30);
    struct asked stuck = { 0 }, waiting = { 0 }, later = { 0 };

    (void)state;
    hold = 1;
    assert_non_null(submit(pool, "stuck", &stuck));
    assert_non_null(submit(pool, "waiting", &waiting));
    wait_for(&stuck.done, 1);
    wait_for(&waiting.done, 1);
    assert_int_equal(stuck.outcome, ZOO_ROUTING_LATE);
    assert_int_equal(waiting.outcome, ZOO_ROUTING_LATE);
    assert_int_equal(zoo_route_pool_load(pool), 1);    /* the one that the worker still holds */
    hold = 0;
    turn(100);
    assert_int_equal(zoo_route_pool_load(pool), 0);
    assert_non_null(submit(pool, "later", &later));
    wait_for(&later.done, 1);
    assert_int_equal(later.outcome, ZOO_ROUTING_DONE);
    assert_int_equal(stuck.done + waiting.done, 2);
    zoo_route_pool_free(pool);
}

static void the_queue_has_a_limit(void **state)
{
    zoo_route_pool *pool = pool_new(1, 3, 60000);
    struct asked a[4] = { { 0 } };

    (void)state;
    hold = 1;
    for (int i = 0; i < 3; i++)
        assert_non_null(submit(pool, "x", &a[i]));
    assert_null(submit(pool, "x", &a[3]));
    hold = 0;
    wait_for(&a[2].done, 1);
    assert_int_equal(a[3].done, 0);
    assert_non_null(submit(pool, "x", &a[3]));
    wait_for(&a[3].done, 1);
    zoo_route_pool_free(pool);
}

static void a_cancelled_job_is_silent(void **state)
{
    zoo_route_pool *pool = pool_new(1, 10, 60000);
    struct asked a = { 0 }, b = { 0 }, c = { 0 };
    zoo_route_job *first, *second;

    (void)state;
    hold = 1;
    first = submit(pool, "in the worker", &a);
    second = submit(pool, "in the queue", &b);
    submit(pool, "goes on", &c);
    for (int i = 0; i < 1000 && !running; i++)
        usleep(1000);
    zoo_route_cancel(first);
    zoo_route_cancel(second);
    hold = 0;
    wait_for(&c.done, 1);
    assert_int_equal(a.done + b.done, 0);
    assert_int_equal(zoo_route_pool_load(pool), 0);
    zoo_route_pool_free(pool);
}

static void a_pool_may_be_freed_with_jobs_in_it(void **state)
{
    zoo_route_pool *pool = pool_new(2, 100, 60000);
    struct asked a = { 0 };

    (void)state;
    hold = 0;
    for (int i = 0; i < 50; i++)
        submit(pool, "x", &a);
    zoo_route_pool_free(pool);
    assert_int_equal(a.done, 0);
}

static int set_up(void **state)
{
    char dir[PATH_MAX];
    zoo_err err;

    (void)state;
    if (!mkdtemp(root))
        return -1;
    snprintf(dir, sizeof dir, "%s/router", root);
    loop = event_base_new();
    return tiny_save(dir, 0, 1, &err) || zoo_router_open(&router, dir, &err) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    zoo_router_close(router);
    event_base_free(loop);
    libevent_global_shutdown();
    return zoo_fs_remove_tree(root, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pool_routes_as_the_router_does),
        cmocka_unit_test(a_failing_router_says_why),
        cmocka_unit_test(a_late_job_is_given_up_and_its_worker_not_waited_for),
        cmocka_unit_test(the_queue_has_a_limit),
        cmocka_unit_test(a_cancelled_job_is_silent),
        cmocka_unit_test(a_pool_may_be_freed_with_jobs_in_it),
    };
    return cmocka_run_group_tests_name("gateway/route_pool", tests, set_up, tear_down);
}
