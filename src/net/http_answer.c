/* http_answer.c - the HTTP server's output: heads, whole answers, streams. See http_server.h.
 * Layer: net. Threads: the loop's only. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "base/clock.h"
#include "net/http_connection.h"

void zoo_connection_break(zoo_http_exchange *c)
{
    c->is_broken = 1;
    event_active(c->readable, EV_READ, 0);
}

void zoo_connection_watch_input(zoo_http_exchange *c)
{
    int busy = c->state == STATE_HANDLING || zoo_connection_pending(c) > 0;
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
        zoo_connection_break(c);
    zoo_connection_watch_input(c);
}

/* The answer is complete and sent. */
static void next_request(zoo_http_exchange *c)
{
    if (!c->keep_alive || c->server->is_stopping) {
        begin_linger(c);
        return;
    }
    zoo_connection_watch_input(c);
    if (c->in.size && !c->is_advancing)
        event_active(c->readable, EV_READ, 0);
}

void zoo_connection_queue(zoo_http_exchange *c, const void *bytes, size_t size)
{
    if (c->sent == c->out.size) {
        zoo_buf_clear(&c->out);
        c->sent = 0;
    } else if (c->sent > READ_SIZE && c->sent > c->out.size / 2) {
        memmove(c->out.data, c->out.data + c->sent, zoo_connection_pending(c));
        c->out.size -= c->sent;
        c->sent = 0;
    }
    if (zoo_connection_pending(c) == 0)
        c->active_ns = zoo_clock_ns();
    if (zoo_buf_add(&c->out, bytes, size))
        zoo_connection_break(c);
}

/* Sends what it can at once and queues the rest. */
static void send_now(zoo_http_exchange *c, const void *head, size_t head_size, const void *body, size_t body_size)
{
    struct iovec parts[2] = { { (void *)(uintptr_t)head, head_size }, { (void *)(uintptr_t)body, body_size } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t n = zoo_connection_pending(c) ? 0 : sendmsg(c->fd, &message, MSG_NOSIGNAL);
    size_t sent = n > 0 ? (size_t)n : 0;

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        zoo_connection_break(c);
        return;
    }
    if (sent == head_size + body_size)
        return;
    if (sent < head_size)
        zoo_connection_queue(c, (const char *)head + sent, head_size - sent);
    sent = sent > head_size ? sent - head_size : 0;
    if (sent < body_size)
        zoo_connection_queue(c, (const char *)body + sent, body_size - sent);
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
        zoo_connection_watch_input(c);
}

void zoo_connection_on_writable(evutil_socket_t fd, short what, void *context)
{
    zoo_http_exchange *c = context;
    ssize_t n;

    (void)what;
    if (c->is_broken || !zoo_connection_pending(c))
        return;
    n = send(fd, c->out.data + c->sent, zoo_connection_pending(c), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        zoo_connection_break(c);
        return;
    }
    if (n > 0) {
        c->sent += (size_t)n;
        c->active_ns = zoo_clock_ns();
    }
    if (zoo_connection_pending(c))
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
        { 408, "Request Timeout" }, { 409, "Conflict" }, { 413, "Content Too Large" },
            { 415, "Unsupported Media Type" },
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
static size_t format_head(zoo_http_exchange *c, char *buf, size_t size, int status, const char *type,
                          const char *framing)
{
    int n = snprintf(buf, size, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s%s%s", status, reason_phrase(status),
                     date_line(c->server), type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "", framing,
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
    if (!zoo_connection_pending(c))
        next_request(c);
}

static int has_control(const char *value)
{
    for (; *value; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return 1;
    return 0;
}

void zoo_http_set_header(zoo_http_exchange *c, const char *name, const char *value)
{
    size_t n = strlen(name), m = strlen(value);

    if (has_control(value) || zoo_buf_reserve(&c->extra, n + m + 4))      /* past the limit it is left out */
        return;
    zoo_buf_add(&c->extra, name, n);
    zoo_buf_add(&c->extra, ": ", 2);
    zoo_buf_add(&c->extra, value, m);
    zoo_buf_add(&c->extra, "\r\n", 2);
}

/* It may come from an upstream: what could not stand in a header is not said. */
static const char *tame_type(const char *type)
{
    return strlen(type) > 256 || has_control(type) ? "application/octet-stream" : type;
}

void zoo_http_reply(zoo_http_exchange *c, int status, const char *type, const void *body, size_t size)
{
    char head[1024], framing[64];
    size_t n;

    snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", size);
    n = format_head(c, head, sizeof head - 2, status, tame_type(type), framing);
    if (c->is_head)
        size = 0;
    if (c->extra.size + 2 <= sizeof head - n) {
        if (c->extra.size)
            memcpy(head + n, c->extra.data, c->extra.size);
        memcpy(head + n + c->extra.size, "\r\n", 2);
        send_now(c, head, n + c->extra.size + 2, body, size);
    } else {
        zoo_connection_queue(c, head, n);
        zoo_connection_queue(c, c->extra.data, c->extra.size);
        zoo_connection_queue(c, "\r\n", 2);
        zoo_connection_queue(c, body, size);
        event_active(c->writable, EV_WRITE, 0);
    }
    end_exchange(c);
}

void zoo_http_reply_error(zoo_http_exchange *c, int status, const char *type, const char *code, const char *message)
{
    zoo_buf body = ZOO_BUF_INIT(16 << 10);
    int failed = zoo_buf_add_str(&body, "{\"error\":{\"message\":") ||
                 zoo_buf_add_json_str(&body, message, strlen(message)) || zoo_buf_add_str(&body, ",\"type\":") ||
                     zoo_buf_add_json_str(&body, type, strlen(type)) ||
                         zoo_buf_add_str(&body, ",\"param\":null,\"code\":") ||
                             (code ? zoo_buf_add_json_str(&body, code, strlen(code)) :
                              zoo_buf_add_str(&body, "null")) || zoo_buf_add_str(&body, "}}");

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
    n = format_head(c, head, sizeof head, status, tame_type(type),
                    c->is_chunked ? "Transfer-Encoding: chunked\r\n" : "");
    zoo_connection_queue(c, head, n);
    zoo_connection_queue(c, c->extra.data, c->extra.size);
    zoo_connection_queue(c, "\r\n", 2);
    event_active(c->writable, EV_WRITE, 0);
}

size_t zoo_http_stream_write(zoo_http_exchange *c, const void *bytes, size_t size, void (*drained)(void *),
                             void *context)
{
    char line[24];

    if (size && !c->is_head) {
        if (c->is_chunked)
            zoo_connection_queue(c, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", size));
        zoo_connection_queue(c, bytes, size);
        if (c->is_chunked)
            zoo_connection_queue(c, "\r\n", 2);
    }
    c->drained = drained;
    c->drained_context = context;
    if (zoo_connection_pending(c) > MAX_OUTPUT)
        zoo_connection_break(c);
    event_active(c->writable, EV_WRITE, 0);
    return zoo_connection_pending(c);
}

void zoo_http_stream_end(zoo_http_exchange *c)
{
    if (c->is_chunked && !c->is_head)
        zoo_connection_queue(c, "0\r\n\r\n", 5);
    c->drained = NULL;
    if (zoo_connection_pending(c))
        event_active(c->writable, EV_WRITE, 0);
    end_exchange(c);
}

void zoo_http_abort(zoo_http_exchange *c)
{
    struct linger at_once = { 1, 0 };

    c->leave = NULL;
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    zoo_connection_break(c);
}

