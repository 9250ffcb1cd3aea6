/* http_server.c - see http_server.h. A connection is its current exchange too: one request is
 * answered before the next is read.
 *
 *     on_acceptable() -> HEAD -> read_head() -> BODY -> read_body() -> HANDLING -> end_exchange() -> HEAD ...
 *                          \___ refuse() ______/___________________/      \-> LINGERING -> connection_close()
 *
 * LINGERING: the answer is sent and the sending side shut down; what the client still sends is thrown away, so that it
 * gets to read the answer rather than a reset. A connection is freed only by the loop's own callbacks,
 * never below a handler.
 * Layer: net. Threads: the loop's only. */
#include "net/http_server.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "net/http_connection.h"
#include "net/listen.h"

static void on_readable(evutil_socket_t fd, short what, void *context);

/* ---- connections ---- */

static void connection_free(zoo_http_exchange *c)
{
    if (c->readable)
        event_free(c->readable);
    if (c->writable)
        event_free(c->writable);
    close(c->fd);
    zoo_buf_release(&c->in);
    zoo_buf_release(&c->extra);
    zoo_buf_release(&c->out);
    free(c);
}

static void connection_close(zoo_http_exchange *c)
{
    void (*leave)(void *) = c->state == STATE_HANDLING ? c->leave : NULL;
    void *context = c->leave_context;

    TAILQ_REMOVE(&c->server->connections, c, link);
    c->server->count--;
    connection_free(c);
    if (leave)
        leave(context);
}

static void connection_new(zoo_http_server *server, int fd)
{
    zoo_http_exchange *c = calloc(1, sizeof *c);

    if (!c) {
        close(fd);
        return;
    }
    c->server = server;
    c->fd = fd;
    c->in = (zoo_buf)ZOO_BUF_INIT(server->limits.max_header + server->limits.max_body + READ_SIZE + MAX_PIPELINED);
    c->extra = (zoo_buf)ZOO_BUF_INIT(server->limits.max_header);
    c->out = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 2);
    zoo_http_head_clear(&c->head);
    c->active_ns = zoo_clock_ns();
    c->readable = event_new(server->loop, fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(server->loop, fd, EV_WRITE, zoo_connection_on_writable, c);
    if (!c->readable || !c->writable || event_add(c->readable, NULL)) {
        connection_free(c);
        return;
    }
    c->is_reading = 1;
    TAILQ_INSERT_TAIL(&server->connections, c, link);
    server->count++;
}

/* ---- the request ---- */

const char *zoo_http_path(const zoo_http_exchange *c)
{
    return c->in.data + c->head.target;
}

const char *zoo_http_header(const zoo_http_exchange *c, const char *name)
{
    return zoo_http_head_find(&c->head, c->in.data, name);
}

const char *zoo_http_body(zoo_http_exchange *c, size_t *size)
{
    *size = c->body_size;
    return c->in.data + c->head.size;
}

void zoo_http_on_leave(zoo_http_exchange *c, void (*leave)(void *), void *context)
{
    c->leave = leave;
    c->leave_context = context;
}

/* Answers a request that is not read to its end; the connection closes after it. */
static void refuse(zoo_http_exchange *c, int status)
{
    char message[160];

    c->state = STATE_HANDLING;
    c->keep_alive = c->is_head = 0;
    c->request_size = c->in.size;
    if (status == 413)
        snprintf(message, sizeof message, "the request's body is larger than %zu bytes", c->server->limits.max_body);
    else if (status == 431)
        snprintf(message, sizeof message, "the request has more than %zu bytes or %d lines of headers",
                 c->server->limits.max_header, ZOO_HTTP_MAX_HEADERS);
    else if (status == 408)
        snprintf(message, sizeof message, "the request did not arrive within %u ms", c->server->limits.idle_ms);
    else if (status == 417)
        snprintf(message, sizeof message, "of Expect only 100-continue is understood");
    else if (status == 501)
        snprintf(message, sizeof message, "of transfer encodings only chunked is understood");
    else if (status == 505)
        snprintf(message, sizeof message, "only HTTP/1.1 and HTTP/1.0 are understood");
    else
        snprintf(message, sizeof message, "what came is not a valid HTTP/1.1 request");
    zoo_http_reply_error(c, status, "invalid_request_error", NULL, message);
}

static int path_fits(const char *route, const char *path)
{
    size_t n = strlen(route);

    if (n && route[n - 1] == '*')
        return !strncmp(route, path, n - 1);
    return !strncmp(route, path, n) && (path[n] == '\0' || path[n] == '?');
}

static void answer_unrouted(zoo_http_exchange *c, const char *allow)
{
    char message[400];

    if (*allow) {
        zoo_http_set_header(c, "Allow", allow);
        snprintf(message, sizeof message, "%.32s is not allowed on %.200s; allowed: %s", c->in.data + c->head.method,
                 zoo_http_path(c), allow);
        zoo_http_reply_error(c, 405, "invalid_request_error", "method_not_allowed", message);
    } else {
        snprintf(message, sizeof message, "there is nothing at %.200s", zoo_http_path(c));
        zoo_http_reply_error(c, 404, "invalid_request_error", "not_found", message);
    }
}

static void dispatch(zoo_http_exchange *c)
{
    const char *method = c->in.data + c->head.method, *path = zoo_http_path(c);
    char allow[64] = "";

    c->is_head = !strcmp(method, "HEAD");
    for (const zoo_http_route *r = c->server->routes; r->method; r++) {
        size_t n = strlen(allow);
        if (!path_fits(r->path, path))
            continue;
        if (!strcmp(method, r->method) || (c->is_head && !strcmp(r->method, "GET"))) {
            r->handle(c, c->server->context);
            return;
        }
        snprintf(allow + n, sizeof allow - n, "%s%s", n ? ", " : "", r->method);
    }
    answer_unrouted(c, allow);
}

/* ---- input ---- */

static int read_head(zoo_http_exchange *c)
{
    size_t max_body = c->server->limits.max_body;
    int rc = zoo_http_head_parse(&c->head, c->in.data, c->in.size, c->server->limits.max_header);

    if (rc < 0)
        refuse(c, -rc);
    if (rc <= 0)
        return 0;
    c->keep_alive = c->head.keep_alive;
    c->is_head = 0;
    if (c->head.content_length > 0 && (uint64_t)c->head.content_length > max_body) {
        refuse(c, 413);
        return 0;
    }
    c->chunks = (zoo_http_chunks){ .in = c->head.size, .out = c->head.size };
    c->state = STATE_BODY;
    c->active_ns = zoo_clock_ns();
    if (c->head.expects_continue && c->in.size == c->head.size && (c->head.is_chunked || c->head.content_length > 0)) {
        zoo_connection_queue(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        event_active(c->writable, EV_WRITE, 0);
    }
    return 1;
}

static int read_chunks(zoo_http_exchange *c)
{
    int rc = zoo_http_chunks_parse(&c->chunks, c->in.data, c->in.size, c->head.size, c->server->limits.max_body);

    /* what framed the data is dropped, so that memory follows the data */
    if (rc == 0 && c->chunks.in > c->chunks.out) {
        memmove(c->in.data + c->chunks.out, c->in.data + c->chunks.in, c->in.size - c->chunks.in);
        c->in.size -= c->chunks.in - c->chunks.out;
        c->chunks.in = c->chunks.out;
    }
    if (rc < 0)
        refuse(c, -rc);
    if (rc <= 0)
        return 0;
    c->body_size = c->chunks.out - c->head.size;
    c->request_size = c->chunks.in;
    return 1;
}

/* 1: the request is complete. */
static int read_body(zoo_http_exchange *c)
{
    size_t length = c->head.content_length > 0 ? (size_t)c->head.content_length : 0;

    if (c->head.is_chunked)
        return read_chunks(c);
    if (c->in.size - c->head.size < length)
        return 0;
    c->body_size = length;
    c->request_size = c->head.size + length;
    return 1;
}

/* Goes as far as the bytes reach. */
static void advance(zoo_http_exchange *c)
{
    int goes_on = 1;

    c->is_advancing = 1;
    while (goes_on && !c->is_broken) {
        goes_on = 0;
        if (c->state == STATE_HEAD && c->in.size && !zoo_connection_pending(c)) {
            goes_on = read_head(c);
        } else if (c->state == STATE_BODY && read_body(c)) {
            if (zoo_buf_reserve(&c->in, MAX_PIPELINED)) {    /* the handler holds on to the body: it must not move */
                zoo_connection_break(c);
                break;
            }
            c->state = STATE_HANDLING;
            dispatch(c);
            goes_on = 1;
        }
    }
    c->is_advancing = 0;
    zoo_connection_watch_input(c);
}

/* Room for the next read: the body's rest where its length is known, but never more than what has come already. */
static size_t read_size(const zoo_http_exchange *c)
{
    size_t want = READ_SIZE, end = c->head.size + (size_t)(c->head.content_length > 0 ? c->head.content_length : 0);

    if (c->state == STATE_HANDLING)
        return c->in.capacity - c->in.size - 1;
    if (c->state == STATE_BODY && end > c->in.size && end - c->in.size > want)
        want = end - c->in.size < c->in.size + READ_SIZE ? end - c->in.size : c->in.size + READ_SIZE;
    return want < c->in.max - c->in.size ? want : c->in.max - c->in.size;
}

static void discard(zoo_http_exchange *c)
{
    char sink[READ_SIZE];
    ssize_t n = recv(c->fd, sink, sizeof sink, 0);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        connection_close(c);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    zoo_http_exchange *c = context;
    size_t room;
    ssize_t n;

    (void)what;
    if (c->is_broken) {
        connection_close(c);
        return;
    }
    if (c->state == STATE_LINGERING) {
        discard(c);
        return;
    }
    room = read_size(c);
    if (room && zoo_buf_reserve(&c->in, room)) {
        connection_close(c);
        return;
    }
    n = room ? recv(fd, c->in.data + c->in.size, room, 0) : -1;
    /* the client has asked its last: it still gets the answer */
    if (n == 0 && c->state == STATE_HEAD && zoo_connection_pending(c)) {
        c->keep_alive = c->is_reading = 0;
        event_del(c->readable);
        return;
    }
    if (n == 0 || (n < 0 && room && errno != EAGAIN && errno != EINTR)) {
        connection_close(c);
        return;
    }
    if (n > 0) {
        if (c->state == STATE_BODY || !c->in.size)           /* a head must arrive as a whole within idle_ms */
            c->active_ns = zoo_clock_ns();
        c->in.size += (size_t)n;
        c->in.data[c->in.size] = '\0';
    }
    advance(c);
}

/* ---- the server ---- */

static void on_acceptable(evutil_socket_t fd, short what, void *context)
{
    zoo_http_server *server = context;

    (void)what;
    for (;;) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            event_del(server->acceptable);           /* the sweep takes it up again */
            return;
        }
        if (client < 0 && errno != EINTR && errno != ECONNABORTED)
            return;
        if (client < 0)
            continue;
        if (server->count >= server->limits.max_connections)
            close(client);
        else
            connection_new(server, client);
    }
}

static void sweep_one(zoo_http_exchange *c, uint64_t now)
{
    uint64_t idle_ms = (now - c->active_ns) / 1000000;

    if (c->state == STATE_LINGERING ? idle_ms >= LINGER_MS : zoo_connection_pending(c) > 0 &&
        idle_ms >= c->server->limits.idle_ms)
        connection_close(c);
    else if (idle_ms < c->server->limits.idle_ms || c->state == STATE_HANDLING)
        return;
    else if (!c->in.size)
        connection_close(c);
    else if (c->state == STATE_HEAD || c->state == STATE_BODY)
        refuse(c, 408);
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    zoo_http_server *server = context;
    zoo_http_exchange *c, *next;
    uint64_t now = zoo_clock_ns();

    (void)fd;
    (void)what;
    for (c = TAILQ_FIRST(&server->connections); c; c = next) {
        next = TAILQ_NEXT(c, link);
        sweep_one(c, now);
    }
    if (server->fd >= 0)
        event_add(server->acceptable, NULL);
}

static void set_limits(zoo_http_server *server, const zoo_http_server_limits *limits)
{
    static const zoo_http_server_limits defaults = { 64 << 10, 16 << 20, 4096, 60000 };

    server->limits = limits ? *limits : defaults;
    if (!server->limits.max_header)
        server->limits.max_header = defaults.max_header;
    if (!server->limits.max_body)
        server->limits.max_body = defaults.max_body;
    if (!server->limits.max_connections)
        server->limits.max_connections = defaults.max_connections;
    if (!server->limits.idle_ms)
        server->limits.idle_ms = defaults.idle_ms;
}

static int start_events(zoo_http_server *server, zoo_err *err)
{
    unsigned ms = server->limits.idle_ms / 4 < 1000 ? server->limits.idle_ms / 4 + 1 : 1000;

    server->acceptable = event_new(server->loop, server->fd, EV_READ | EV_PERSIST, on_acceptable, server);
    server->sweep = event_new(server->loop, -1, EV_PERSIST, on_sweep, server);
    if (!server->acceptable || !server->sweep || event_add(server->acceptable, NULL) ||
        event_add(server->sweep, &(struct timeval){ ms / 1000, ms % 1000 * 1000 }))
        return zoo_fail_nomem(err);
    return ZOO_OK;
}

int zoo_http_server_new(zoo_http_server **out, struct event_base *loop, const char *listen,
                        const zoo_http_route *routes, void *context, const zoo_http_server_limits *limits, zoo_err *err)
{
    zoo_http_server *server = calloc(1, sizeof *server);
    int failed;

    *out = NULL;
    if (!server)
        return zoo_fail_nomem(err);
    server->loop = loop;
    server->routes = routes;
    server->context = context;
    server->fd = -1;
    TAILQ_INIT(&server->connections);
    set_limits(server, limits);
    failed = zoo_listen(&server->fd, &server->port, server->url, sizeof server->url, listen, err);
    if (!failed)
        failed = start_events(server, err);
    if (failed) {
        zoo_http_server_free(server);
        return failed;
    }
    *out = server;
    return ZOO_OK;
}

unsigned zoo_http_server_port(const zoo_http_server *server)
{
    return server->port;
}

const char *zoo_http_server_url(const zoo_http_server *server)
{
    return server->url;
}

size_t zoo_http_server_connections(const zoo_http_server *server)
{
    return server->count;
}

void zoo_http_server_stop(zoo_http_server *server)
{
    zoo_http_exchange *c, *next;

    if (server->acceptable) {
        event_free(server->acceptable);
        server->acceptable = NULL;
    }
    if (server->fd >= 0)
        close(server->fd);
    server->fd = -1;
    server->is_stopping = 1;
    for (c = TAILQ_FIRST(&server->connections); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (c->state == STATE_HEAD && !c->in.size && !zoo_connection_pending(c))
            connection_close(c);
    }
}

void zoo_http_server_free(zoo_http_server *server)
{
    zoo_http_exchange *c;

    if (!server)
        return;
    zoo_http_server_stop(server);
    while ((c = TAILQ_FIRST(&server->connections)))
        connection_close(c);
    if (server->sweep)
        event_free(server->sweep);
    free(server);
}
