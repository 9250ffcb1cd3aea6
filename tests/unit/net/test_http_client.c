/* Client and server share one loop; a thread plays the upstream that misbehaves. */
#include "unit/cm.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buf.h"
#include "net/http_client.h"
#include "net/http_server.h"

static struct event_base *loop;
static zoo_http_server *server;
static zoo_http_client *client;
static int left;

/* ---- the server's side ---- */

static void echo(zoo_http_exchange *x, void *context)
{
    size_t size;
    const char *body = zoo_http_body(x, &size), *agent = zoo_http_header(x, "user-agent");

    (void)context;
    assert_null(zoo_http_header(x, "expect"));
    zoo_http_set_header(x, "X-Agent", agent ? agent : "none");
    zoo_http_set_header(x, "Retry-After", "7");
    zoo_http_reply(x, 200, "text/plain; charset=utf-8", body, size);
}

static void refuse(zoo_http_exchange *x, void *context)
{
    (void)context;
    zoo_http_reply_error(x, 503, "server_error", "overloaded", "no");
}

static void count_leaver(void *context)
{
    (void)context;
    left++;
}

static void stall(zoo_http_exchange *x, void *context)
{
    (void)context;
    zoo_http_on_leave(x, count_leaver, NULL);
}

static void stall_half_way(zoo_http_exchange *x, void *context)
{
    stall(x, context);
    zoo_http_stream_begin(x, 200, "text/plain");
    zoo_http_stream_write(x, "half", 4, NULL, NULL);
}

static void big(zoo_http_exchange *x, void *context)
{
    static char bytes[3 << 20];

    (void)context;
    memset(bytes, 'b', sizeof bytes);
    zoo_http_reply(x, 200, "text/plain", bytes, sizeof bytes);
}

static void redirect(zoo_http_exchange *x, void *context)
{
    (void)context;
    zoo_http_set_header(x, "Location", "/echo");
    zoo_http_reply(x, 302, "text/plain", "", 0);
}

static const zoo_http_route routes[] = {
    { "POST", "/echo", echo }, { "GET", "/echo", echo }, { "PUT", "/echo", echo }, { "POST", "/fail", refuse },
        { "POST", "/stall", stall },
    { "POST", "/half", stall_half_way }, { "GET", "/big", big }, { "GET", "/redirect", redirect },
        { NULL, NULL, NULL } };

/* ---- the client's side ---- */

struct asked {
    zoo_http_call *call;
    zoo_buf body;
    int status, headers, done, wait_once, waited, cancel_at_data, cancel_at_headers, start_at_done;
    char type[64], agent[64], reason[300];
    zoo_http_result result;
};

static void start(struct asked *a, zoo_http_request *r, const char *path);

static void on_headers(void *context, int status, const char *type)
{
    struct asked *a = context;
    const char *agent = zoo_http_response_header(a->call, "x-agent");

    a->headers++;
    a->status = status;
    snprintf(a->type, sizeof a->type, "%s", type);
    snprintf(a->agent, sizeof a->agent, "%s", agent ? agent : "");
    if (a->cancel_at_headers)
        zoo_http_cancel(a->call);
}

static void resume(evutil_socket_t fd, short what, void *context)
{
    struct asked *a = context;

    (void)fd;
    (void)what;
    a->waited++;
    zoo_http_resume(a->call);
}

static int on_data(void *context, const char *bytes, size_t size)
{
    struct asked *a = context;

    if (a->cancel_at_data) {
        zoo_http_cancel(a->call);
        return 0;
    }
    if (a->wait_once && !a->waited) {
        event_base_once(loop, -1, EV_TIMEOUT, resume, a, &(struct timeval){ 0, 50000 });
        return 1;
    }
    assert_int_equal(zoo_buf_add(&a->body, bytes, size), ZOO_OK);
    return 0;
}

static void on_done(void *context, const zoo_http_result *result)
{
    struct asked *a = context;

    a->done++;
    a->result = *result;
    snprintf(a->reason, sizeof a->reason, "%s", result->reason);
    zoo_http_cancel(a->call);                          /* allowed, and without effect */
    if (a->start_at_done-- > 0)
        start(a, &(zoo_http_request){ .method = "GET" }, "/echo");
}

static char base[100];

static void start(struct asked *a, zoo_http_request *r, const char *path)
{
    char url[200];
    zoo_err err;

    if (!a->body.max)
        a->body = (zoo_buf)ZOO_BUF_INIT(64 << 20);
    snprintf(url, sizeof url, "%s%s", *path == '/' ? base : "", path);
    r->url = url;
    r->on_headers = on_headers;
    r->on_data = on_data;
    r->on_done = on_done;
    r->context = a;
    assert_int_equal(zoo_http_start(client, r, &a->call, &err), ZOO_OK);
}

static void run(struct asked *a, zoo_http_request r, const char *path)
{
    memset(a, 0, offsetof(struct asked, wait_once));
    start(a, &r, path);
    assert_int_equal(a->done, 0);
    for (int i = 0; i < 20000 && a->done == 0; i++)
        event_base_loop(loop, EVLOOP_ONCE);
    assert_int_equal(a->done, 1);
}

static void turn(int ms)
{
    event_base_loopexit(loop, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
    event_base_dispatch(loop);
}

/* ---- tests ---- */

static void bodies_and_headers_go_both_ways(void **state)
{
    const char *headers[] = { "User-Agent: tester", "Content-Type: text/plain", NULL };
    static char large[2000000];
    struct asked a = { 0 };

    (void)state;
    run(&a, (zoo_http_request){ .method = "POST", .headers = headers, .body = "hello", .body_size = 5 }, "/echo");
    assert_int_equal(a.result.outcome, ZOO_HTTP_COMPLETE);
    assert_int_equal(a.result.status, 200);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.headers, 1);
    assert_string_equal(a.type, "text/plain; charset=utf-8");
    assert_string_equal(a.agent, "tester");
    assert_string_equal(a.body.data, "hello");
    assert_string_equal(a.reason, "");
    assert_int_equal(a.result.retry_after, 7);
    zoo_buf_release(&a.body);
    memset(large, 'x', sizeof large);
    run(&a, (zoo_http_request){ .method = "PUT", .body = large, .body_size = sizeof large, .borrow_body = 1 }, "/echo");
    assert_int_equal(a.body.size, sizeof large);
    zoo_buf_release(&a.body);
    run(&a, (zoo_http_request){ .method = "GET" }, "/echo");
    assert_int_equal(a.result.status, 200);
    assert_int_equal(a.headers, 1);
    assert_int_equal(a.body.size, 0);
    zoo_buf_release(&a.body);
}

static void a_status_is_a_complete_answer(void **state)
{
    struct asked a = { 0 };

    (void)state;
    run(&a, (zoo_http_request){ .method = "POST" }, "/fail");
    assert_int_equal(a.result.outcome, ZOO_HTTP_COMPLETE);
    assert_int_equal(a.result.status, 503);
    assert_int_equal(a.result.retry_after, -1);
    zoo_buf_release(&a.body);
    run(&a, (zoo_http_request){ .method = "GET" }, "/redirect");
    assert_int_equal(a.result.status, 302);
    zoo_buf_release(&a.body);
}

static void connections_are_used_again(void **state)
{
    size_t before;

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct asked a = { 0 };
        if (i == 1)
            before = zoo_http_server_connections(server);
        run(&a, (zoo_http_request){ .method = "GET" }, "/echo");
        zoo_buf_release(&a.body);
    }
    assert_int_equal(zoo_http_server_connections(server), before);
}

static void limits_end_a_call(void **state)
{
    struct asked a = { 0 };

    (void)state;
    left = 0;
    run(&a, (zoo_http_request){ .method = "POST", .first_byte_ms = 60, .idle_ms = 5000 }, "/stall");
    assert_int_equal(a.result.outcome, ZOO_HTTP_TIMEOUT);
    assert_string_equal(a.reason, "no first byte within 60 ms");
    assert_int_equal(a.result.status, 0);
    run(&a, (zoo_http_request){ .method = "POST", .idle_ms = 60, .first_byte_ms = 5000 }, "/half");
    assert_int_equal(a.result.outcome, ZOO_HTTP_TIMEOUT);
    assert_string_equal(a.reason, "silent for 60 ms");
    assert_int_equal(a.result.status, 200);
    assert_string_equal(a.body.data, "half");
    zoo_buf_release(&a.body);
    run(&a, (zoo_http_request){ .method = "POST", .total_ms = 60 }, "/half");
    assert_string_equal(a.reason, "not done within 60 ms");
    zoo_buf_release(&a.body);
    turn(50);
    assert_int_equal(left, 3);                         /* each was hung up on */
    run(&a, (zoo_http_request){ .method = "GET", .max_body = 1000 }, "/big");
    assert_int_equal(a.result.outcome, ZOO_HTTP_TOO_LARGE);
    zoo_buf_release(&a.body);
}

static void a_call_waits_when_asked_to(void **state)
{
    struct asked a = { .wait_once = 1 };

    (void)state;
    run(&a, (zoo_http_request){ .method = "GET", .idle_ms = 20, .first_byte_ms = 20 }, "/big");
    assert_int_equal(a.result.outcome, ZOO_HTTP_COMPLETE);
    assert_int_equal(a.waited, 1);
    assert_int_equal(a.body.size, 3 << 20);
    zoo_buf_release(&a.body);
}

static void a_cancelled_call_says_no_more(void **state)
{
    struct asked a = { 0 }, b = { .cancel_at_data = 1 }, c = { .cancel_at_headers = 1 }, d = { 0 };

    (void)state;
    left = 0;
    start(&a, &(zoo_http_request){ .method = "POST" }, "/stall");      /* while it runs */
    start(&b, &(zoo_http_request){ .method = "POST" }, "/half");       /* inside its callbacks */
    start(&c, &(zoo_http_request){ .method = "POST" }, "/half");
    start(&d, &(zoo_http_request){ .method = "POST" }, "/stall");      /* before it began */
    zoo_http_cancel(d.call);
    turn(100);
    zoo_http_cancel(a.call);
    turn(100);
    assert_int_equal(a.done + b.done + c.done + d.done, 0);
    assert_int_equal(c.headers, 1);
    assert_int_equal(left, 3);
}

static void a_call_may_start_another(void **state)
{
    struct asked a = { .start_at_done = 5 };

    (void)state;
    start(&a, &(zoo_http_request){ .method = "GET" }, "/echo");
    for (int i = 0; i < 20000 && a.done < 6; i++)
        event_base_loop(loop, EVLOOP_ONCE);
    assert_int_equal(a.done, 6);
    zoo_buf_release(&a.body);
}

static void many_run_at_once(void **state)
{
    enum { N = 300 };
    static struct asked all[N];
    int done = 0;

    (void)state;
    for (int i = 0; i < N; i++)
        start(&all[i], &(zoo_http_request){ .method = "POST", .body = &i, .body_size = sizeof i }, "/echo");
    for (int i = 0; i < 20000 && done < N; i++) {
        event_base_loop(loop, EVLOOP_ONCE);
        done = 0;
        for (int j = 0; j < N; j++)
            done += all[j].done;
    }
    assert_int_equal(done, N);
    for (int i = 0; i < N; i++) {
        assert_memory_equal(all[i].body.data, &i, sizeof i);
        zoo_buf_release(&all[i].body);
    }
}

/* A listener that answers whatever comes with `answer` and closes. */
static struct { int fd; const char *answer; } rogue;

static void *play_rogue(void *context)
{
    int fd = accept(rogue.fd, NULL, NULL);
    char bytes[4096];

    (void)context;
    if (fd >= 0 && recv(fd, bytes, sizeof bytes, 0) > 0)
        send(fd, rogue.answer, strlen(rogue.answer), MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void what_is_no_answer_is_cut_or_refused(void **state)
{
    static const char *const answers[] = { "", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel" };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    struct asked a = { 0 };
    char url[100];

    (void)state;
    rogue.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(!bind(rogue.fd, (struct sockaddr *)&at, sizeof at) && !listen(rogue.fd, 5) &&
                !getsockname(rogue.fd, (struct sockaddr *)&at, &size));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        pthread_t thread;
        rogue.answer = answers[i];
        pthread_create(&thread, NULL, play_rogue, NULL);
        run(&a, (zoo_http_request){ .method = "POST", .total_ms = 5000 }, url);
        pthread_join(thread, NULL);
        if (a.result.outcome != ZOO_HTTP_CUT)
            fail_msg("answer %zu: outcome %d, %s", i, (int)a.result.outcome, a.reason);
        zoo_buf_release(&a.body);
    }
    close(rogue.fd);
    run(&a, (zoo_http_request){ .method = "POST", .connect_ms = 2000 }, url);
    assert_int_equal(a.result.outcome, ZOO_HTTP_REFUSED);
    run(&a, (zoo_http_request){ .method = "POST" }, "ftp://127.0.0.1/");
    assert_int_equal(a.result.outcome, ZOO_HTTP_REFUSED);
    run(&a, (zoo_http_request){ .method = "POST" }, "http://127.0.0.1:99999/");
    assert_int_equal(a.result.outcome, ZOO_HTTP_REFUSED);
}

static void headers_cannot_be_smuggled_in(void **state)
{
    const char *headers[] = { "X: a\r\nY: b", NULL };
    zoo_http_call *call;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_http_start(client, &(zoo_http_request){ .method = "GET", .url = base, .headers = headers },
                                    &call, &err), ZOO_EUSAGE);
    assert_null(call);
}

/* ---- the group ---- */

static int set_up(void **state)
{
    zoo_err err;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);     /* must not matter */
    setenv("no_proxy", "", 1);
    loop = event_base_new();
    if (zoo_http_server_new(&server, loop, "127.0.0.1:0", routes, NULL, NULL, &err) ||
        zoo_http_client_new(&client, loop, NULL, &err))
        return -1;
    snprintf(base, sizeof base, "%s", zoo_http_server_url(server));
    return 0;
}

static int tear_down(void **state)
{
    struct asked a = { 0 }, b = { 0 };

    (void)state;
    start(&a, &(zoo_http_request){ .method = "POST" }, "/stall");      /* freed while calls run and wait */
    turn(20);
    start(&b, &(zoo_http_request){ .method = "POST" }, "/stall");
    zoo_http_client_free(client);
    zoo_http_server_free(server);
    event_base_free(loop);
    libevent_global_shutdown();
    return a.done + b.done;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_and_headers_go_both_ways),
        cmocka_unit_test(a_status_is_a_complete_answer),
        cmocka_unit_test(connections_are_used_again),
        cmocka_unit_test(limits_end_a_call),
        cmocka_unit_test(a_call_waits_when_asked_to),
        cmocka_unit_test(a_cancelled_call_says_no_more),
        cmocka_unit_test(a_call_may_start_another),
        cmocka_unit_test(many_run_at_once),
        cmocka_unit_test(what_is_no_answer_is_cut_or_refused),
        cmocka_unit_test(headers_cannot_be_smuggled_in),
    };
    return cmocka_run_group_tests_name("net/http_client", tests, set_up, tear_down);
}
