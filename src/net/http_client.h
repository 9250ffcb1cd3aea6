/* http_client.h - many HTTP requests at once: libcurl's multi interface on a libevent loop.
 *
 *     zoo_http_client *client;
 *     zoo_http_client_new(&client, loop, &limits, &err);
 *     zoo_http_start(client, &(zoo_http_request){ .method = "POST", .url = url, .headers = headers, .body = body,
 *                    .body_size = n, .on_data = take, .on_done = finish, .context = me }, &call, &err);
 *     event_base_dispatch(loop);
 *
 * Connections are kept and used again; HTTP/1.1 upstreams, http and https, no redirects followed, no proxy unless
 * asked, no cookies. Callbacks run on the loop's thread and never inside zoo_http_start(). Layer: net.
 * Threads: the loop's only. */
#ifndef ZOO_NET_HTTP_CLIENT_H
#define ZOO_NET_HTTP_CLIENT_H
#include <stddef.h>
#include <event2/event.h>
#include "base/err.h"

typedef struct zoo_http_client zoo_http_client;
typedef struct zoo_http_call zoo_http_call;

typedef struct zoo_http_result {
    int status;                  /* HTTP status; 0: no response was had */
    enum { ZOO_HTTP_COMPLETE,    /* the whole response arrived, whatever its status */
           ZOO_HTTP_REFUSED,     /* no connection, or a TLS failure */
           ZOO_HTTP_CUT,         /* the connection ended early, or what came is not HTTP */
           ZOO_HTTP_TIMEOUT,     /* one of the time limits; `reason` says which */
           ZOO_HTTP_TOO_LARGE } outcome;
    const char *reason;          /* for logs and messages: what went wrong, no secrets; "" where complete */
    double seconds;              /* from start to end */
    long retry_after;            /* seconds; -1: the response did not say */
} zoo_http_result;

typedef struct zoo_http_request {
    const char *method, *url;                     /* method: any but HEAD; url copied */
    const char *const *headers;                   /* "Name: value", ends with NULL, at most 31; copied */
    const void *body;                             /* copied unless borrow_body */
    size_t body_size;
    int borrow_body;                              /* the caller keeps it alive until on_done */
    /* Milliseconds, 0: none. connect: to a ready connection; first_byte: to the first byte of the body;
     * idle: between bytes; total. */
    unsigned connect_ms, first_byte_ms, idle_ms, total_ms;
    size_t max_body;                              /* bytes of response, 0: the client's limit */
    /* Status and headers are there, told with the first byte of the body or before on_done; not told where the response
     * broke off sooner. NULL: not of interest. `content_type` may be "". */
    void (*on_headers)(void *context, int status, const char *content_type);
    /* Bytes of the body as they arrive. Return 0 to go on, non-zero to wait until zoo_http_resume(); bytes are then
     * given again. */
    int (*on_data)(void *context, const char *bytes, size_t size);
    /* Once, last, unless the call was cancelled. */
    void (*on_done)(void *context, const zoo_http_result *result);
    void *context;
} zoo_http_request;

typedef struct zoo_http_limits {
    size_t max_body;             /* bytes of a response; 0: 64 MiB */
    unsigned max_connections;    /* in all; 0: 1024 */
    unsigned max_per_host;       /* 0: no limit of its own */
} zoo_http_limits;

int zoo_http_client_new(zoo_http_client **out, struct event_base *loop, const zoo_http_limits *limits, zoo_err *err);
/* Cancels what runs. NULL is fine. */
void zoo_http_client_free(zoo_http_client *client);

int zoo_http_start(zoo_http_client *client, const zoo_http_request *request, zoo_http_call **call, zoo_err *err);
/* Ends the call without on_done and closes its connection; allowed inside its callbacks. */
void zoo_http_cancel(zoo_http_call *call);
/* Goes on after on_data asked to wait; from the loop, not from inside. While a call waits its idle limit rests. */
void zoo_http_resume(zoo_http_call *call);
/* A header of the response, inside on_headers, on_data and on_done; NULL: not there.
 * Valid until the callback returns. */
const char *zoo_http_response_header(zoo_http_call *call, const char *name);
#endif
