/* http_server.h - an HTTP/1.1 server on a libevent loop: listening, limits, routes, JSON replies, server-sent events.
 *
 *     static const zoo_http_route routes[] = {
 *         { "POST", "/v1/chat/completions", chat }, { "GET", "/health", health }, { NULL, NULL, NULL } };
 *     zoo_http_server_new(&server, loop, "127.0.0.1:8080", routes, me, &limits, &err);
 *
 * A handler gets a zoo_http_exchange and answers it once, now or later: zoo_http_reply(), or zoo_http_stream_begin() and so on.
 * Errors have OpenAI's shape: {"error": {"message", "type", "param", "code"}}. Unknown paths are 404, known ones with another
 * method 405. Built on evhttp. Layer: net. Threads: the loop's only. */
#ifndef ZOO_NET_HTTP_SERVER_H
#define ZOO_NET_HTTP_SERVER_H
#include <stddef.h>
#include <event2/event.h>
#include "base/err.h"

typedef struct zoo_http_server zoo_http_server;
typedef struct zoo_http_exchange zoo_http_exchange;          /* one request and its answer */
typedef void (*zoo_http_handler)(zoo_http_exchange *exchange, void *context);

typedef struct zoo_http_route { const char *method, *path; zoo_http_handler handle; } zoo_http_route;

typedef struct zoo_http_server_limits {
    size_t max_header;           /* bytes; 0: 64 KiB */
    size_t max_body;             /* bytes; 0: 16 MiB; larger: 413 */
    unsigned max_connections;    /* 0: 4096; further ones are closed at once */
    unsigned idle_ms;            /* a connection without a request or in the middle of one; 0: 60,000 */
} zoo_http_server_limits;

/* `listen`: "127.0.0.1:8080", "[::1]:0", ":8080" (every address), a port alone (loopback). Port 0: a free one. */
int zoo_http_server_new(zoo_http_server **out, struct event_base *loop, const char *listen, const zoo_http_route *routes,
                        void *context, const zoo_http_server_limits *limits, zoo_err *err);
unsigned zoo_http_server_port(const zoo_http_server *server);
/* Whether `listen` names only loopback addresses. */
int zoo_http_listen_is_loopback(const char *listen);
void zoo_http_server_stop(zoo_http_server *server);          /* accepts no more; running exchanges go on */
void zoo_http_server_free(zoo_http_server *server);          /* closes all; NULL is fine */

/* The request; borrowed until the exchange is answered. */
const char *zoo_http_header(const zoo_http_exchange *exchange, const char *name);      /* NULL: not there */
const char *zoo_http_body(zoo_http_exchange *exchange, size_t *size);                  /* contiguous */

/* Called once if the client leaves before the answer is complete; after it the exchange is gone. */
void zoo_http_on_leave(zoo_http_exchange *exchange, void (*leave)(void *context), void *context);

void zoo_http_set_header(zoo_http_exchange *exchange, const char *name, const char *value);     /* before the answer */
void zoo_http_reply(zoo_http_exchange *exchange, int status, const char *content_type, const void *body, size_t size);
/* {"error": {"message": message, "type": type, "param": null, "code": code}}; code NULL: null. */
void zoo_http_reply_error(zoo_http_exchange *exchange, int status, const char *type, const char *code, const char *message);

/* A streamed answer (chunked). write copies; it returns the bytes waiting to be sent, so that a caller can slow down.
 * drained is called when they have all been sent. */
void zoo_http_stream_begin(zoo_http_exchange *exchange, int status, const char *content_type);
size_t zoo_http_stream_write(zoo_http_exchange *exchange, const void *bytes, size_t size, void (*drained)(void *context), void *context);
void zoo_http_stream_end(zoo_http_exchange *exchange);
#endif
