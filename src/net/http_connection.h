/* http_connection.h - a connection of the HTTP server, which is its current exchange too: what http_server.c (input,
 * routes, lifetime) and http_answer.c (output) share. Nothing outside src/net includes it. Layer: net.
 * Threads: the loop's only. */
#ifndef ZOO_NET_HTTP_CONNECTION_H
#define ZOO_NET_HTTP_CONNECTION_H
#include <stdint.h>
#include <time.h>
#include <sys/queue.h>
#include "base/buf.h"
#include "net/http_parse.h"
#include "net/http_server.h"

enum {
    READ_SIZE = 16 << 10,
    KEPT_INPUT = 64 << 10,            /* an idle connection keeps no more memory than this */
    MAX_PIPELINED = 16 << 10,         /* bytes read ahead while a request is handled */
    MAX_OUTPUT = 64 << 20,            /* of a stream whose client does not read */
    LINGER_MS = 10000
};

enum zoo_connection_state { STATE_HEAD, STATE_BODY, STATE_HANDLING, STATE_LINGERING };

struct zoo_http_exchange {
    zoo_http_server *server;
    int fd;
    struct event *readable, *writable;
    enum zoo_connection_state state;
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

/* ---- http_answer.c ---- */

/* Bytes that are not sent yet. */
static inline size_t zoo_connection_pending(const zoo_http_exchange *c)
{
    return c->out.size - c->sent;
}

void zoo_connection_on_writable(evutil_socket_t fd, short what, void *context);
/* sent when the loop comes to it */
void zoo_connection_queue(zoo_http_exchange *c, const void *bytes, size_t size);
/* Closed by the loop, soon: whoever runs now may still hold it. */
void zoo_connection_break(zoo_http_exchange *c);
/* Reads on, or not where enough is read ahead. */
void zoo_connection_watch_input(zoo_http_exchange *c);
#endif
