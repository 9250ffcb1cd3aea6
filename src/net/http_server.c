/* http_server.c - see http_server.h. A connection is its current exchange too: one request is answered before the next is read.
 *
 *     on_acceptable() -> HEAD -> read_head() -> BODY -> read_body() -> HANDLING -> end_exchange() -> HEAD ...
 *                          \___ refuse() ______/___________________/      \-> LINGERING -> connection_close()
 *
 * LINGERING: the answer is sent and the sending side shut down; what the client still sends is thrown away, so that it gets to
 * read the answer rather than a reset. A connection is freed only by the loop's own callbacks, never below a handler.
 * Layer: net. Threads: the loop's only. */
#include "net/http_server.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "net/http_parse.h"
#include "net/listen.h"

enum {
    READ_SIZE = 16 << 10,
    KEPT_INPUT = 64 << 10,            /* an idle connection keeps no more memory than this */
    MAX_PIPELINED = 16 << 10,         /* bytes read ahead while a request is handled */
    MAX_OUTPUT = 64 << 20,            /* of a stream whose client does not read */
    LINGER_MS = 10000
};

enum state { STATE_HEAD, STATE_BODY, STATE_HANDLING, STATE_LINGERING };

struct zoo_http_exchange {
    zoo_http_server *server;
    int fd;
    struct event *readable, *writable;
    enum state state;
    int is_reading, is_broken, is_advancing;
    int is_head, is_chunked, keep_alive;
    zoo_buf in;                       /* the request, from its first byte, and what follows it */
    zoo_http_head head;
    zoo_http_chunks chunks;
    size_t body_size, request_size;
    zoo_buf extra;                    /* headers set by the handler */
    zoo_buf out;                      /* out.data[sent..size) is to be sent */
    size_t sent;
    void (*leave)(void *), (*drained)(void *);
    void *leave_context, *drained_context;
    uint64_t active_ns;               /* the last sign of life that counts against idle_ms */
    TAILQ_ENTRY(zoo_http_exchange) link;
};
TAILQ_HEAD(connection_list, zoo_http_exchange);

struct zoo_http_server {
    struct event_base *loop;
    const zoo_http_route *routes;
    void *context;
    zoo_http_server_limits limits;
    int fd, is_stopping;
    unsigned port;
    char url[80], date[40];
    time_t date_of;
    struct event *acceptable, *sweep;
    struct connection_list connections;
    size_t count;
};

static void on_readable(evutil_socket_t fd, short what, void *context);
static void on_writable(evutil_socket_t fd, short what, void *context);
static void advance(zoo_http_exchange *c);

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
    c->writable = event_new(server->loop, fd, EV_WRITE, on_writable, c);
    if (!c->readable || !c->writable || event_add(c->readable, NULL)) {
        connection_free(c);
        return;
    }
    c->is_reading = 1;
    TAILQ_INSERT_TAIL(&server->connections, c, link);
    server->count++;
}

static size_t pending(const zoo_http_exchange *c)
{
    return c->out.size - c->sent;
}

/* Closed by the loop, soon: whoever runs now may still hold it. */
static void mark_broken(zoo_http_exchange *c)
{
    c->is_broken = 1;
    event_active(c->readable, EV_READ, 0);
}

static void watch_input(zoo_http_exchange *c)
{
    int busy = c->state == STATE_HANDLING || pending(c) > 0;
    int wanted = !busy || c->in.size < c->request_size + MAX_PIPELINED - 1;

    if (wanted == c->is_reading)
        return;
    c->is_reading = wanted;
    if (wanted)
        event_add(c->readable, NULL);
    else
        event_del(c->readable);
}

/* ---- output ---- */

static void begin_linger(zoo_http_exchange *c)
{
    c->state = STATE_LINGERING;
    zoo_buf_release(&c->in);
    c->active_ns = zoo_clock_ns();
    if (shutdown(c->fd, SHUT_WR))
        mark_broken(c);
    watch_input(c);
}

/* The answer is complete and sent. */
static void next_request(zoo_http_exchange *c)
{
    if (!c->keep_alive || c->server->is_stopping) {
        begin_linger(c);
        return;
    }
    watch_input(c);
    if (c->in.size && !c->is_advancing)
        event_active(c->readable, EV_READ, 0);
}

static void queue_output(zoo_http_exchange *c, const void *bytes, size_t size)
{
    if (c->sent == c->out.size) {
        zoo_buf_clear(&c->out);
        c->sent = 0;
    } else if (c->sent > READ_SIZE && c->sent > c->out.size / 2) {
        memmove(c->out.data, c->out.data + c->sent, pending(c));
        c->out.size -= c->sent;
        c->sent = 0;
    }
    if (pending(c) == 0)
        c->active_ns = zoo_clock_ns();
    if (zoo_buf_add(&c->out, bytes, size))
        mark_broken(c);
}

/* Sends what it can at once and queues the rest. */
static void send_now(zoo_http_exchange *c, const void *head, size_t head_size, const void *body, size_t body_size)
{
    struct iovec parts[2] = { { (void *)(uintptr_t)head, head_size }, { (void *)(uintptr_t)body, body_size } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t n = pending(c) ? 0 : sendmsg(c->fd, &message, MSG_NOSIGNAL);
    size_t sent = n > 0 ? (size_t)n : 0;

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        mark_broken(c);
        return;
    }
    if (sent == head_size + body_size)
        return;
    if (sent < head_size)
        queue_output(c, (const char *)head + sent, head_size - sent);
    sent = sent > head_size ? sent - head_size : 0;
    if (sent < body_size)
        queue_output(c, (const char *)body + sent, body_size - sent);
    event_add(c->writable, NULL);
}

static void on_drained(zoo_http_exchange *c)
{
    void (*drained)(void *) = c->drained;

    if (c->out.capacity > KEPT_INPUT)
        zoo_buf_release(&c->out);
    zoo_buf_clear(&c->out);
    c->sent = 0;
    c->drained = NULL;
    if (c->state == STATE_HEAD)
        next_request(c);
    else if (drained)
        drained(c->drained_context);
    else
        watch_input(c);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    zoo_http_exchange *c = context;
    ssize_t n;

    (void)what;
    if (c->is_broken || !pending(c))
        return;
    n = send(fd, c->out.data + c->sent, pending(c), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        mark_broken(c);
        return;
    }
    if (n > 0) {
        c->sent += (size_t)n;
        c->active_ns = zoo_clock_ns();
    }
    if (pending(c))
        event_add(c->writable, NULL);
    else
        on_drained(c);
}

/* ---- answers ---- */

static const char *reason_phrase(int status)
{
    static const struct { int status; const char *phrase; } phrases[] = {
        { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 400, "Bad Request" },
        { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
        { 408, "Request Timeout" }, { 409, "Conflict" }, { 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" }, { 422, "Unprocessable Content" }, { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" }, { 501, "Not Implemented" },
        { 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" } };

    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Status";
}

static const char *date_line(zoo_http_server *server)
{
    time_t now = time(NULL);
    struct tm utc;

    if (now != server->date_of) {
        gmtime_r(&now, &utc);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        server->date_of = now;
    }
    return server->date;
}

/* The answer's head into buf[0..1024) and c->extra behind it; its size. */
static size_t format_head(zoo_http_exchange *c, char *buf, size_t size, int status, const char *type, const char *framing)
{
    int n = snprintf(buf, size, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s%s%s", status, reason_phrase(status), date_line(c->server),
                     type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "", framing,
                     !c->keep_alive || c->server->is_stopping ? "Connection: close\r\n" :
                     c->head.minor == 0 ? "Connection: keep-alive\r\n" : "");

    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void end_exchange(zoo_http_exchange *c)
{
    c->leave = NULL;
    zoo_buf_clear(&c->extra);
    if (c->request_size < c->in.size)
        memmove(c->in.data, c->in.data + c->request_size, c->in.size - c->request_size);
    c->in.size -= c->request_size;
    if (!c->in.size && c->in.capacity > KEPT_INPUT)
        zoo_buf_release(&c->in);
    zoo_http_head_clear(&c->head);
    c->request_size = c->body_size = 0;
    c->active_ns = zoo_clock_ns();
    c->state = STATE_HEAD;
    if (!pending(c))
        next_request(c);
}

void zoo_http_set_header(zoo_http_exchange *c, const char *name, const char *value)
{
    for (const char *v = value; *v; v++)
        if (((unsigned char)*v < ' ' && *v != '\t') || *v == 0x7f)
            return;
    zoo_buf_addf(&c->extra, "%s: %s\r\n", name, value);      /* past the limit it is left out */
}

void zoo_http_reply(zoo_http_exchange *c, int status, const char *type, const void *body, size_t size)
{
    char head[1024], framing[64];
    size_t n;

    if (strlen(type) > 256)
        type = "application/octet-stream";
    snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", size);
    n = format_head(c, head, sizeof head - 2, status, type, framing);
    if (c->is_head)
        size = 0;
    if (c->extra.size + 2 <= sizeof head - n) {
        if (c->extra.size)
            memcpy(head + n, c->extra.data, c->extra.size);
        memcpy(head + n + c->extra.size, "\r\n", 2);
        send_now(c, head, n + c->extra.size + 2, body, size);
    } else {
        queue_output(c, head, n);
        queue_output(c, c->extra.data, c->extra.size);
        queue_output(c, "\r\n", 2);
        queue_output(c, body, size);
        event_active(c->writable, EV_WRITE, 0);
    }
    end_exchange(c);
}

void zoo_http_reply_error(zoo_http_exchange *c, int status, const char *type, const char *code, const char *message)
{
    zoo_buf body = ZOO_BUF_INIT(16 << 10);
    int failed = zoo_buf_add_str(&body, "{\"error\":{\"message\":") || zoo_buf_add_json_str(&body, message, strlen(message)) ||
                 zoo_buf_add_str(&body, ",\"type\":") || zoo_buf_add_json_str(&body, type, strlen(type)) ||
                 zoo_buf_add_str(&body, ",\"param\":null,\"code\":") ||
                 (code ? zoo_buf_add_json_str(&body, code, strlen(code)) : zoo_buf_add_str(&body, "null")) ||
                 zoo_buf_add_str(&body, "}}");

    if (failed)
        zoo_http_reply(c, status, "application/json", "{}", 2);
    else
        zoo_http_reply(c, status, "application/json", body.data, body.size);
    zoo_buf_release(&body);
}

void zoo_http_stream_begin(zoo_http_exchange *c, int status, const char *type)
{
    char head[1024];
    size_t n;

    c->is_chunked = c->head.minor > 0;
    if (!c->is_chunked)
        c->keep_alive = 0;                           /* HTTP/1.0: the end of the connection is the end of the answer */
    if (strlen(type) > 256)
        type = "application/octet-stream";
    n = format_head(c, head, sizeof head, status, type, c->is_chunked ? "Transfer-Encoding: chunked\r\n" : "");
    queue_output(c, head, n);
    queue_output(c, c->extra.data, c->extra.size);
    queue_output(c, "\r\n", 2);
    event_active(c->writable, EV_WRITE, 0);
}

size_t zoo_http_stream_write(zoo_http_exchange *c, const void *bytes, size_t size, void (*drained)(void *), void *context)
{
    char line[24];

    if (size && !c->is_head) {
        if (c->is_chunked)
            queue_output(c, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", size));
        queue_output(c, bytes, size);
        if (c->is_chunked)
            queue_output(c, "\r\n", 2);
    }
    c->drained = drained;
    c->drained_context = context;
    if (pending(c) > MAX_OUTPUT)
        mark_broken(c);
    event_active(c->writable, EV_WRITE, 0);
    return pending(c);
}

void zoo_http_stream_end(zoo_http_exchange *c)
{
    if (c->is_chunked && !c->is_head)
        queue_output(c, "0\r\n\r\n", 5);
    c->drained = NULL;
    if (pending(c))
        event_active(c->writable, EV_WRITE, 0);
    end_exchange(c);
}

void zoo_http_abort(zoo_http_exchange *c)
{
    struct linger at_once = { 1, 0 };

    c->leave = NULL;
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    mark_broken(c);
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
        snprintf(message, sizeof message, "%.32s is not allowed on %.200s; allowed: %s", c->in.data + c->head.method, zoo_http_path(c), allow);
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
        queue_output(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        event_active(c->writable, EV_WRITE, 0);
    }
    return 1;
}

static int read_chunks(zoo_http_exchange *c)
{
    int rc = zoo_http_chunks_parse(&c->chunks, c->in.data, c->in.size, c->head.size, c->server->limits.max_body);

    if (rc == 0 && c->chunks.in > c->chunks.out) {           /* what framed the data is dropped, so that memory follows the data */
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
        if (c->state == STATE_HEAD && c->in.size && !pending(c)) {
            goes_on = read_head(c);
        } else if (c->state == STATE_BODY && read_body(c)) {
            if (zoo_buf_reserve(&c->in, MAX_PIPELINED)) {    /* the handler holds on to the body: it must not move */
                mark_broken(c);
                break;
            }
            c->state = STATE_HANDLING;
            dispatch(c);
            goes_on = 1;
        }
    }
    c->is_advancing = 0;
    watch_input(c);
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
    if (n == 0 && c->state == STATE_HEAD && pending(c)) {    /* the client has asked its last: it still gets the answer */
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

    if (c->state == STATE_LINGERING ? idle_ms >= LINGER_MS : pending(c) > 0 && idle_ms >= c->server->limits.idle_ms)
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

int zoo_http_server_new(zoo_http_server **out, struct event_base *loop, const char *listen, const zoo_http_route *routes,
                        void *context, const zoo_http_server_limits *limits, zoo_err *err)
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
        if (c->state == STATE_HEAD && !c->in.size && !pending(c))
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
