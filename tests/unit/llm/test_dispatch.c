/* The dispatch against a server on the same loop, which answers by the first byte of what it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/utf8.h"
#include "llm/dispatch.h"

struct world {
    struct event_base *loop;
    struct evhttp *server;
    char url[64];
    const char *script;                  /* one byte a request of the lane: o(k), 5(00), 4(00), l(atin-1), e(uros), b(ad
                                          * reply), f(inal: no answer), n(ever answers) */
    size_t given, served[256], unsettled, most_unsettled, settles;
    int taken[100], lost[100], lost_for_good[100];
    int fail_take;
    zoo_dispatch *dispatch;
};

static void serve(struct evhttp_request *request, void *context)
{
    struct world *w = context;
    struct evbuffer *reply = evbuffer_new();
    unsigned char kind = 0;
    int status = 200;

    evbuffer_copyout(evhttp_request_get_input_buffer(request), &kind, 1);
    w->served[kind]++;
    if (kind == '5' && w->served[kind] < 3)
        status = 500;
    if (kind == '4')
        status = 400;
    if (kind == 'b' && w->served[kind] < 2)
        evbuffer_add(reply, "?", 1);
    if (kind == 'f')
        evbuffer_add(reply, "f", 1);
    if (kind == 'l' || kind == 'e')      /* HTTP 400 in Latin-1; in euro signs, which are cut at any byte */
        status = 400;
    if (kind == 'l')
        evbuffer_add(reply, "caf\xe9 cr\xe8me", 10);
    for (int i = 0; kind == 'e' && i < 300; i++)
        evbuffer_add(reply, "\xe2\x82\xac", 3);
    if (kind != 'n')
        evhttp_send_reply(request, status, "x", reply);
    evbuffer_free(reply);
}

static int next(void *context, size_t lane, zoo_buf *body, zoo_job *job, zoo_err *err)
{
    struct world *w = context;

    (void)lane;
    (void)err;
    if (!w->script[w->given])
        return 0;
    job->query = (int64_t)w->given;
    return zoo_buf_add(body, &w->script[w->given++], 1) ? ZOO_ENOMEM : 1;
}

static int take(void *context, size_t lane, const zoo_job *job, const char *reply, size_t size, double seconds,
                zoo_err *err)
{
    struct world *w = context;

    (void)lane;
    assert_true(seconds >= 0);
    if (size && *reply == 'f')
        return zoo_fail(err, ZOO_ECONFLICT, "refused");
    if (size)
        return zoo_fail(err, ZOO_EFORMAT, "makes no sense");
    if (w->fail_take)
        return zoo_fail(err, ZOO_EIO, "the disk is full");
    w->taken[job->query]++;
    w->unsettled++;
    if (w->unsettled > w->most_unsettled)
        w->most_unsettled = w->unsettled;
    return ZOO_OK;
}

static int lose(void *context, size_t lane, const zoo_job *job, int is_final, zoo_err *err)
{
    struct world *w = context;

    (void)lane;
    w->lost[job->query]++;
    w->lost_for_good[job->query] += is_final;
    w->unsettled++;
    return w->fail_take ? zoo_fail(err, ZOO_EIO, "the disk is full") : ZOO_OK;
}

static int settle(void *context, zoo_err *err)
{
    struct world *w = context;

    (void)err;
    assert_true(w->unsettled > 0);
    w->unsettled = 0;
    w->settles++;
    return ZOO_OK;
}

static int set_up(void **state)
{
    static struct world world;
    struct evhttp_bound_socket *bound;
    struct world *w = &world;
    struct sockaddr_in at;
    socklen_t size = sizeof at;

    memset(w, 0, sizeof *w);
    w->loop = event_base_new();
    w->server = evhttp_new(w->loop);
    evhttp_set_gencb(w->server, serve, w);
    bound = evhttp_bind_socket_with_handle(w->server, "127.0.0.1", 0);
    if (!bound || getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &size))
        return -1;
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    evhttp_free(w->server);
    event_base_free(w->loop);
    return 0;
}

static const zoo_dispatch_limits usual = { 4, 4, 3, 5000, 1000 };

static int run_script(struct world *w, const char *script, zoo_lane *lane, const zoo_dispatch_limits *limits,
                      zoo_err *err)
{
    const zoo_dispatch_hooks hooks = { next, take, lose, settle, w };
    int rc;

    w->script = script;
    lane->name = "lane";
    if (!lane->url)
        lane->url = w->url;
    assert_int_equal(zoo_dispatch_new(&w->dispatch, w->loop, lane, 1, limits, &hooks, err), ZOO_OK);
    rc = zoo_dispatch_run(w->dispatch, err);
    zoo_dispatch_free(w->dispatch);
    return rc;
}

static void everything_is_taken_or_lost_exactly_once(void **state)
{
    struct world *w = *state;
    zoo_lane lane = { 0 };

    assert_int_equal(run_script(w, "oo5oo4oobooo", &lane, &usual, NULL), ZOO_OK);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(w->taken[i], w->script[i] != '4');
        assert_int_equal(w->lost[i], w->script[i] == '4');
    }
    assert_int_equal(lane.taken, 11);
    assert_int_equal(lane.lost, 1);
    assert_int_equal(lane.retried, 3);
    assert_int_equal(lane.asked, 15);
    assert_non_null(strstr(lane.last_failure, "HTTP 400"));
    assert_int_equal(w->unsettled, 0);
    assert_true(w->settles > 0 && w->most_unsettled <= usual.in_flight);
}

static void what_is_noted_of_a_reply_is_utf8(void **state)
{
    static const char *const scripts[] = { "l", "e" };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        zoo_lane lane = { 0 };
        w->given = 0;
        assert_int_equal(run_script(w, scripts[i], &lane, &usual, NULL), ZOO_OK);
        assert_int_equal(zoo_utf8_valid(lane.last_failure, sizeof lane.last_failure), sizeof lane.last_failure);
        assert_non_null(strstr(lane.last_failure, i ? "\xe2\x82\xac\xe2\x82\xac" : "caf? cr?me"));
    }
}

static void nothing_to_do_is_done(void **state)
{
    zoo_lane lane = { 0 };

    assert_int_equal(run_script(*state, "", &lane, &usual, NULL), ZOO_OK);
}

static void what_will_not_change_is_lost_for_good_and_asked_once(void **state)
{
    static const zoo_dispatch_limits once = { 4, 4, 0, 5000, 1000 };
    struct world *w = *state;
    zoo_lane lane = { 0 };

    assert_int_equal(run_script(w, "of4o5", &lane, &once, NULL), ZOO_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(w->lost[i], w->script[i] != 'o');
        assert_int_equal(w->lost_for_good[i], w->script[i] == 'f' || w->script[i] == '4');
    }
    assert_int_equal(w->served['f'], 1);
    assert_int_equal(w->unsettled, 0);               /* what was lost is settled too */
}

static void a_lane_that_only_loses_is_given_up(void **state)
{
    static const char many[] = "4444444444444444444444444444444444444444444444444444444444444444444444";
    struct world *w = *state;
    zoo_lane lane = { 0 };

    assert_int_equal(run_script(w, many, &lane, &usual, NULL), ZOO_OK);
    assert_true(lane.gave_up);
    assert_true(lane.lost >= ZOO_DISPATCH_GIVE_UP && lane.lost < ZOO_DISPATCH_GIVE_UP + usual.in_flight);
}

static void a_failure_to_store_ends_everything_with_its_sentence(void **state)
{
    struct world *w = *state;
    zoo_lane lane = { 0 };
    zoo_err err = { 0, "" };

    w->fail_take = 1;
    assert_int_equal(run_script(w, "ooooooooo", &lane, &usual, &err), ZOO_EIO);
    assert_string_equal(err.message, "the disk is full");
}

static void a_refused_connection_and_a_time_limit_are_named(void **state)
{
    zoo_dispatch_limits once = { 4, 4, 0, 200, 1000 };
    zoo_lane down = { .url = "http://127.0.0.1:1/" }, slow = { 0 };

    assert_int_equal(run_script(*state, "o", &down, &once, NULL), ZOO_OK);
    assert_int_equal(down.lost, 1);
    assert_true(down.last_failure[0]);
    ((struct world *)*state)->given = 0;
    assert_int_equal(run_script(*state, "n", &slow, &once, NULL), ZOO_OK);
    assert_non_null(strstr(slow.last_failure, "200 ms"));
}

static void stop(evutil_socket_t fd, short what, void *context)
{
    struct world *w = context;

    (void)fd;
    (void)what;
    zoo_dispatch_stop(w->dispatch, 100);
}

static void a_stop_waits_for_its_grace_and_no_longer(void **state)
{
    struct world *w = *state;
    zoo_lane lane = { 0 };
    uint64_t begun = zoo_clock_ns();
    double seconds;
    struct event *timer = evtimer_new(w->loop, stop, w);

    event_add(timer, &(struct timeval){ 0, 100000 });
    assert_int_equal(run_script(w, "oonnnooooo", &lane, &usual, NULL), ZOO_ECANCELED);
    event_free(timer);
    seconds = (double)(zoo_clock_ns() - begun) * 1e-9;
    assert_true(seconds > 0.15 && seconds < 2);
    assert_int_equal(w->unsettled, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(everything_is_taken_or_lost_exactly_once),
        TEST(what_is_noted_of_a_reply_is_utf8),
        TEST(nothing_to_do_is_done),
        TEST(what_will_not_change_is_lost_for_good_and_asked_once),
        TEST(a_lane_that_only_loses_is_given_up),
        TEST(a_failure_to_store_ends_everything_with_its_sentence),
        TEST(a_refused_connection_and_a_time_limit_are_named),
        TEST(a_stop_waits_for_its_grace_and_no_longer),
    };
    return cmocka_run_group_tests_name("llm/dispatch", tests, NULL, NULL);
}
