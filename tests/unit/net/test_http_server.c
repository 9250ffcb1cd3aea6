/* Real sockets: the server's loop runs in a thread, the test writes and reads raw bytes. */
#include "unit/cm.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <event2/thread.h>
#include "base/buf.h"
#include "net/http_server.h"

static struct event_base *loop;
static zoo_http_server *server;
static pthread_t thread;
static atomic_int left, handled;

/* ---- handlers ---- */

static void echo(zoo_http_exchange *x, void *context)
{
    size_t size;
    const char *body = zoo_http_body(x, &size);

    (void)context;
    handled++;
    zoo_http_set_header(x, "X-Path", zoo_http_path(x));
    zoo_http_set_header(x, "X-Evil", "a\r\nb");
    zoo_http_reply(x, 200, "text/plain", body, size);
}

static void evil(zoo_http_exchange *x, void *context)
{
    (void)context;
    zoo_http_reply(x, 200, "text/html\rX-Evil: 1", "ok", 2);
}

static void answer_later(evutil_socket_t fd, short what, void *exchange)
{
    (void)fd;
    (void)what;
    zoo_http_reply(exchange, 200, "text/plain", "late", 4);
}

static void later(zoo_http_exchange *x, void *context)
{
    (void)context;
    event_base_once(loop, -1, EV_TIMEOUT, answer_later, x, &(struct timeval){ 0, 100000 });
}

static void count_leaver(void *context)
{
    (void)context;
    left++;
}

static void never(zoo_http_exchange *x, void *context)
{
    (void)context;
    handled++;
    zoo_http_on_leave(x, count_leaver, NULL);
}

static void stream(zoo_http_exchange *x, void *context)
{
    (void)context;
    zoo_http_stream_begin(x, 200, "text/event-stream");
    zoo_http_stream_write(x, "data: 1\n\n", 9, NULL, NULL);
    zoo_http_stream_write(x, "", 0, NULL, NULL);
    zoo_http_stream_write(x, "data: 2\n\n", 9, NULL, NULL);
    zoo_http_stream_end(x);
}

/* Keeps 8 MiB coming, slowed down by `drained`. */
static struct { zoo_http_exchange *exchange; int blocks; size_t most; } flow;

static void flow_on(void *context)
{
    static char block[65536];

    (void)context;
    while (flow.blocks > 0) {
        size_t waiting = zoo_http_stream_write(flow.exchange, block, sizeof block, flow_on, NULL);
        flow.blocks--;
        if (waiting > flow.most)
            flow.most = waiting;
        if (waiting > 200000)
            return;
    }
    zoo_http_stream_end(flow.exchange);
}

static void big(zoo_http_exchange *x, void *context)
{
    (void)context;
    flow.exchange = x;
    flow.blocks = 128;
    zoo_http_on_leave(x, count_leaver, NULL);
    zoo_http_stream_begin(x, 200, "text/plain");
    flow_on(NULL);
}

static void cut(zoo_http_exchange *x, void *context)
{
    (void)context;
    zoo_http_stream_begin(x, 200, "text/plain");
    zoo_http_stream_write(x, "half", 4, NULL, NULL);
    zoo_http_abort(x);
}

static const zoo_http_route routes[] = {
    { "POST", "/echo", echo }, { "GET", "/echo", echo }, { "GET", "/tree/*", echo }, { "GET", "/later", later },
    { "POST", "/never", never }, { "GET", "/stream", stream }, { "GET", "/big", big }, { "GET", "/cut", cut },
    { "GET", "/evil", evil },
    { NULL, NULL, NULL } };

/* ---- the other side ---- */

static int dial(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)zoo_http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval limit = { 5, 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static void put(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n) {
        ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        n -= (size_t)sent;
    }
}

/* Reads until the other side closes, or `enough` has come. */
static const char *get(int fd, const char *enough)
{
    static char text[1 << 16];
    size_t n = 0;
    ssize_t got;

    text[0] = '\0';
    while (n < sizeof text - 1 && (got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0) {
        n += (size_t)got;
        text[n] = '\0';
        if (enough && strstr(text, enough))
            break;
    }
    return text;
}

static const char *ask(const char *request)
{
    int fd = dial();
    const char *answer;

    put(fd, request);
    answer = get(fd, NULL);
    close(fd);
    return answer;
}

static void expect(const char *answer, const char *words)
{
    if (!strstr(answer, words))
        fail_msg("expected %s in: %s", words, answer);
}

#define CLOSE "Host: a\r\nConnection: close\r\n"

static void wait_for(atomic_int *counter, int value)
{
    for (int i = 0; i < 500 && *counter < value; i++)
        usleep(10000);
    assert_int_equal(*counter, value);
}

static void pad(zoo_buf *buf, const char *text, size_t times)
{
    while (times--)
        zoo_buf_add_str(buf, text);
}

/* ---- tests ---- */

static void requests_are_answered(void **state)
{
    const char *a;

    (void)state;
    a = ask("POST /echo?q HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello");
    expect(a, "HTTP/1.1 200 OK\r\n");
    expect(a, "Content-Length: 5\r\n");
    expect(a, "X-Path: /echo?q\r\n");
    expect(a, "\r\nDate: ");
    expect(a, "\r\n\r\nhello");
    assert_null(strstr(a, "Evil"));
    a = ask("GET /evil HTTP/1.1\r\n" CLOSE "\r\n");
    assert_null(strstr(a, "Evil"));
    expect(a, "Content-Type: application/octet-stream\r\n");
    expect(ask("GET /tree/a/b HTTP/1.1\r\n" CLOSE "\r\n"), "X-Path: /tree/a/b");
    expect(ask("GET /later HTTP/1.1\r\n" CLOSE "\r\n"), "\r\n\r\nlate");
    expect(ask("GET /echo HTTP/1.0\r\n\r\n"), "Connection: close\r\n");
    expect(ask("POST /echo HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
           "\r\n\r\nabcde");
}

static void head_gets_the_length_and_no_body(void **state)
{
    const char *a = ask("HEAD /echo HTTP/1.1\r\n" CLOSE "Content-Length: 3\r\n\r\nabc");

    (void)state;
    expect(a, "Content-Length: 3\r\n");
    assert_string_equal(strstr(a, "\r\n\r\n"), "\r\n\r\n");
}

static void errors_have_openais_shape(void **state)
{
    (void)state;
    expect(ask("GET /nothing\"here HTTP/1.1\r\n" CLOSE "\r\n"), "404 Not Found");
    expect(ask("GET /nothing\"here HTTP/1.1\r\n" CLOSE "\r\n"),
           "{\"error\":{\"message\":\"there is nothing at "
           "/nothing\\\"here\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"not_found\"}}");
    expect(ask("DELETE /echo HTTP/1.1\r\n" CLOSE "\r\n"), "405 Method Not Allowed");
    expect(ask("DELETE /echo HTTP/1.1\r\n" CLOSE "\r\n"), "Allow: POST, GET\r\n");
    expect(ask("nonsense\r\n\r\n"), "{\"error\":");
    expect(ask("GET / HTTP/3.0\r\n\r\n"), "505 ");
    expect(ask("POST /echo HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400 ");
}

static void bodies_and_heads_have_limits(void **state)
{
    zoo_buf request = ZOO_BUF_INIT(4 << 20);

    (void)state;
    zoo_buf_addf(&request, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", 2 << 20);
    pad(&request, "x", 2 << 20);
    expect(ask(request.data), "413 Content Too Large");        /* the whole body is sent and the answer still read */
    expect(ask(request.data), "larger than 100000 bytes");
    zoo_buf_clear(&request);
    zoo_buf_add_str(&request, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 200; i++)
        zoo_buf_addf(&request, "400\r\n%01024d\r\n", 0);
    expect(ask(request.data), "413 Content Too Large");
    zoo_buf_clear(&request);
    zoo_buf_add_str(&request, "GET /echo HTTP/1.1\r\nHost: a\r\nX: ");
    pad(&request, "x", 1 << 20);
    expect(ask(request.data), "431 ");
    zoo_buf_release(&request);
}

static void a_body_of_the_largest_size_is_taken(void **state)
{
    zoo_buf request = ZOO_BUF_INIT(1 << 20);

    (void)state;
    zoo_buf_add_str(&request, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 100000\r\n\r\n");
    pad(&request, "x", 100000);
    expect(ask(request.data), "200 OK");
    zoo_buf_clear(&request);
    zoo_buf_add_str(&request, "POST /echo HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n");
    pad(&request, "1\r\nx\r\n", 100000);                       /* framing six times the size of the data */
    zoo_buf_add_str(&request, "0\r\n\r\n");
    expect(ask(request.data), "Content-Length: 100000\r\n");
    zoo_buf_release(&request);
}

static void one_connection_serves_many_requests(void **state)
{
    int fd = dial();

    (void)state;
    for (int i = 0; i < 50; i++) {
        put(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        expect(get(fd, "\r\n\r\nhi"), "200 OK");
    }
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    const char *a = ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
                        "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
                        "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 4\r\n\r\nlast");
    const char *first = strstr(a, "first"), *late = strstr(a, "late"), *streamed = strstr(a, "data: 2"),
                        *last = strstr(a, "last");

    (void)state;
    assert_true(first && late && streamed && last && first < late && late < streamed && streamed < last);
}

static void continue_is_said_before_the_body(void **state)
{
    int fd = dial();

    (void)state;
    put(fd, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    expect(get(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    put(fd, "hello");
    expect(get(fd, NULL), "\r\n\r\nhello");
    close(fd);
    expect(ask("POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 500000\r\nExpect: 100-continue\r\n\r\n"),
           "HTTP/1.1 413");
}

static void streams_are_chunked_or_end_with_the_connection(void **state)
{
    const char *a = ask("GET /stream HTTP/1.1\r\n" CLOSE "\r\n");

    (void)state;
    expect(a, "Transfer-Encoding: chunked\r\n");
    expect(a, "\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    a = ask("GET /stream HTTP/1.0\r\n\r\n");
    assert_null(strstr(a, "chunked"));
    expect(a, "\r\n\r\ndata: 1\n\ndata: 2\n\n");
}

static void a_slow_reader_slows_the_writer(void **state)
{
    int fd = dial();
    size_t n = 0;
    ssize_t got;
    static char bytes[1 << 16];

    (void)state;
    put(fd, "GET /big HTTP/1.1\r\n" CLOSE "\r\n");
    usleep(100000);
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        n += (size_t)got;
    close(fd);
    assert_true(n > 8 << 20 && n < (8 << 20) + 4096);
    assert_true(flow.most < 400000);
}

static void a_client_that_leaves_is_noticed(void **state)
{
    int before = left, asked = handled, fd = dial();

    (void)state;
    put(fd, "POST /never HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(&handled, asked + 1);
    close(fd);
    wait_for(&left, before + 1);
    fd = dial();                                               /* in the middle of a stream */
    put(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    get(fd, "HTTP/1.1 200");
    close(fd);
    wait_for(&left, before + 2);
}

static void an_aborted_answer_is_cut(void **state)
{
    const char *a = ask("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");

    (void)state;
    assert_null(strstr(a, "0\r\n\r\n"));
}

static void a_client_that_stalls_is_let_go(void **state)
{
    (void)state;
    expect(ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"), "408 Request Timeout");
    assert_string_equal(ask(""), "");
}

static void addresses_are_read(void **state)
{
    static const char *const good[] = { "127.0.0.1:1", "localhost:80", "[::1]:0", ":8080", "8080", "*:1", "0.0.0.0:0" };
    static const char *const bad[] = { "", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "example.org:80",
                                       "::1:80", "1:2:3",
                                       "127.0.0.1:8o" };
    static const char *const loopback[] = { "127.0.0.1:1", "127.9.9.9:1", "localhost:80", "[::1]:0", "8080" };
    static const char *const open[] = { ":8080", "*:1", "0.0.0.0:0", "10.0.0.1:1", "[::]:1", "nonsense" };
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(zoo_http_listen_check(good[i], &err), ZOO_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(zoo_http_listen_check(bad[i], &err), ZOO_EUSAGE);
    for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
        assert_true(zoo_http_listen_is_loopback(loopback[i]));
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        assert_false(zoo_http_listen_is_loopback(open[i]));
}

static void a_port_in_use_is_said(void **state)
{
    zoo_http_server *second;
    char listen[40];
    zoo_err err;

    (void)state;
    snprintf(listen, sizeof listen, "127.0.0.1:%u", zoo_http_server_port(server));
    assert_int_equal(zoo_http_server_new(&second, loop, listen, routes, NULL, NULL, &err), ZOO_EIO);
    assert_null(second);
    expect(err.message, listen);
    expect(err.message, "in use");
}

/* ---- the group ---- */

static void *serve(void *context)
{
    (void)context;
    event_base_loop(loop, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static int start(void **state)
{
    zoo_http_server_limits limits = { .max_body = 100000, .idle_ms = 1000 };
    zoo_err err;

    (void)state;
    evthread_use_pthreads();
    loop = event_base_new();
    if (zoo_http_server_new(&server, loop, "127.0.0.1:0", routes, NULL, &limits, &err))
        return -1;
    return pthread_create(&thread, NULL, serve, NULL);
}

static int stop(void **state)
{
    (void)state;
    event_base_loopbreak(loop);
    pthread_join(thread, NULL);
    zoo_http_server_free(server);
    event_base_free(loop);
    libevent_global_shutdown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(head_gets_the_length_and_no_body),
        cmocka_unit_test(errors_have_openais_shape),
        cmocka_unit_test(bodies_and_heads_have_limits),
        cmocka_unit_test(a_body_of_the_largest_size_is_taken),
        cmocka_unit_test(one_connection_serves_many_requests),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(continue_is_said_before_the_body),
        cmocka_unit_test(streams_are_chunked_or_end_with_the_connection),
        cmocka_unit_test(a_slow_reader_slows_the_writer),
        cmocka_unit_test(a_client_that_leaves_is_noticed),
        cmocka_unit_test(an_aborted_answer_is_cut),
        cmocka_unit_test(a_client_that_stalls_is_let_go),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(a_port_in_use_is_said),
    };
    return cmocka_run_group_tests_name("net/http_server", tests, start, stop);
}
