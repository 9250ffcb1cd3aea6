/* http_server.h - an HTTP/1.1 server on a libevent loop: listening, limits, routes, JSON replies, server-sent events.
 *
 *     static const zoo_http_route routes[] = {
 *         { "POST", "/v1/chat/completions", chat }, { "GET", "/health", health }, { NULL, NULL, NULL } };
 *     zoo_http_server_new(&server, loop, "127.0.0.1:8080", routes, me, &limits, &err);
 *
 * A handler gets a zoo_http_exchange and answers it once, now or later: zoo_http_reply(), or zoo_http_stream_begin()
 * and so on. Errors have OpenAI's shape: {"error": {"message", "type", "param", "code"}}. Unknown paths are 404, known
 * ones with another method 405; HEAD is answered from the GET route. Requests of one connection are handled one after
 * the other. Built on libevent's events, not on evhttp: that (2.1) answers what it refuses with pages of HTML, tells of
 * a client that left only after the answer, and takes two lengths for one request. Layer: net.
 * Threads: the loop's only. */
#ifndef ZOO_NET_HTTP_SERVER_H
#define ZOO_NET_HTTP_SERVER_H
#include <stddef.h>
#include <event2/event.h>
#include "base/err.h"

typedef struct zoo_http_server zoo_http_server;
typedef struct zoo_http_exchange zoo_http_exchange;          /* one request and its answer */
typedef void (*zoo_http_handler)(zoo_http_exchange *exchange, void *context);

/* A path that ends in '*' takes all paths that begin alike; the first route that fits is taken. */
typedef struct zoo_http_route { const char *method, *path; zoo_http_handler handle; } zoo_http_route;

typedef struct zoo_http_server_limits {
    size_t max_header;           /* bytes; 0: 64 KiB */
    size_t max_body;             /* bytes; 0: 16 MiB; larger: 413 */
    unsigned max_connections;    /* 0: 4096; further ones are closed at once */
    unsigned idle_ms;     /* a connection without a request, in the middle of one, or that takes no answer; 0: 60,000 */
} zoo_http_server_limits;

/* `listen`: "127.0.0.1:8080", "localhost:8080", "[::1]:0", ":8080" (every address), a port alone (loopback). Port 0: a
 * free one. `routes` and `context` must outlive the server. */
int zoo_http_server_new(zoo_http_server **out, struct event_base *loop, const char *listen,
                        const zoo_http_route *routes, void *context, const zoo_http_server_limits *limits,
                        zoo_err *err);
unsigned zoo_http_server_port(const zoo_http_server *server);
/* "http://127.0.0.1:8080", for people; valid as long as the server. */
const char *zoo_http_server_url(const zoo_http_server *server);
/* Open connections; after a stop it falls to 0 as the running exchanges end. */
size_t zoo_http_server_connections(const zoo_http_server *server);
/* ZOO_EUSAGE with a sentence where `listen` cannot be read. */
int zoo_http_listen_check(const char *listen, zoo_err *err);
/* Whether `listen` names only loopback addresses. */
int zoo_http_listen_is_loopback(const char *listen);
/* Accepts no more and closes idle connections; running exchanges go on, and their connections close after them. */
void zoo_http_server_stop(zoo_http_server *server);
void zoo_http_server_free(zoo_http_server *server);          /* closes all, running exchanges are told; NULL is fine */

/* The request; borrowed until the exchange is answered. */
const char *zoo_http_path(const zoo_http_exchange *exchange);                          /* with its query string */
const char *zoo_http_header(const zoo_http_exchange *exchange, const char *name);      /* NULL: not there */
const char *zoo_http_body(zoo_http_exchange *exchange, size_t *size);                  /* contiguous */

/* Called once if the client leaves before the answer is complete (zoo_http_reply, zoo_http_stream_end); after it the
 * exchange is gone. Whoever answers later must ask for it. A client that only shuts down its sending side counts as one
 * that left. Never called inside the functions below. */
void zoo_http_on_leave(zoo_http_exchange *exchange, void (*leave)(void *context), void *context);

/* Before the answer. A value with control characters is left out. */
void zoo_http_set_header(zoo_http_exchange *exchange, const char *name, const char *value);
void zoo_http_reply(zoo_http_exchange *exchange, int status, const char *content_type, const void *body, size_t size);
/* {"error": {"message": message, "type": type, "param": null, "code": code}}; code NULL: null. */
void zoo_http_reply_error(zoo_http_exchange *exchange, int status, const char *type, const char *code,
                          const char *message);

/* A streamed answer (chunked). write copies; it returns the bytes waiting to be sent, so that a caller can slow down
 * (at 64 MiB the connection is given up). drained, where not NULL, is called when they have all been sent. Writes of
 * one turn of the loop are sent together. */
void zoo_http_stream_begin(zoo_http_exchange *exchange, int status, const char *content_type);
size_t zoo_http_stream_write(zoo_http_exchange *exchange, const void *bytes, size_t size,
                             void (*drained)(void *context), void *context);
void zoo_http_stream_end(zoo_http_exchange *exchange);
/* Ends the exchange by closing the connection; what was written may be lost. on_leave is not called. */
void zoo_http_abort(zoo_http_exchange *exchange);
#endif
