/* http_client.c - see http_client.h.
 *
 * libcurl may not be called from inside its own callbacks, so whatever a caller asks for (start, resume, cancel) is put
 * on a list, and `kick`, an event that costs no system call, does it once libcurl has returned.
 * A call is on exactly one list:
 *
 *     free_call <- zoo_http_start() -> WAITING -> add_waiting() -> RUNNING -> finish() -> free
 *                                         \______ zoo_http_cancel() ______/
 *
 * Calls are kept with their easy handle and its settings, so that the usual call allocates next to nothing.
 * Layer: net. Threads: the loop's only. */
#include "net/http_client.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include "base/buf.h"
#include "base/clock.h"

enum { MAX_HEADERS = 32, MAX_HEADER_BYTES = 64 << 10, KEPT_CALLS = 512, KEPT_BODY = 1 << 20 };
#define DEFAULT_MAX_BODY ((size_t)64 << 20)

enum call_state { CALL_FREE, CALL_WAITING, CALL_RUNNING, CALL_FINISHING };
enum call_limit { LIMIT_NONE, LIMIT_FIRST_BYTE, LIMIT_IDLE, LIMIT_TOTAL, LIMIT_SIZE };

struct zoo_http_call {
    zoo_http_client *client;
    CURL *easy;
    struct event *timer;                          /* first byte, idle, total */
    enum call_state state;
    int cancelled, paused, wants_resume, told_headers;
    enum call_limit broken;                       /* the limit that ended it */
    zoo_http_request request;                     /* its headers, url and body are not valid; what counts is below */
    struct curl_slist headers[MAX_HEADERS + 1];
    zoo_buf text;                                 /* the headers' bytes */
    zoo_buf body;                                 /* the copy, unless borrowed */
    size_t received, max_body;
    uint64_t started_ns, active_ns;
    char reason[CURL_ERROR_SIZE];
    TAILQ_ENTRY(zoo_http_call) link;              /* waiting, running or free */
};
TAILQ_HEAD(call_list, zoo_http_call);

/* One socket of libcurl's, watched by the loop. */
struct watch { struct event *event; int what; };

struct zoo_http_client {
    struct event_base *loop;
    CURLM *multi;
    struct event *timer, *kick;
    zoo_http_limits limits;
    struct call_list waiting, running, spare;
    size_t spare_count;
    int inside;                                   /* libcurl is running */
    int needs_sweep;                              /* a running call was cancelled or resumed from inside */
};

static void add_waiting(zoo_http_client *client);
static void reap(zoo_http_client *client);

/* ---- calls and their easy handles ---- */

static void call_free(zoo_http_call *call)
{
    if (call->timer)
        event_free(call->timer);
    curl_easy_cleanup(call->easy);
    zoo_buf_release(&call->text);
    zoo_buf_release(&call->body);
    free(call);
}

/* The call is on no list. */
static void call_recycle(zoo_http_call *call)
{
    zoo_http_client *client = call->client;

    event_del(call->timer);
    call->state = CALL_FREE;
    if (call->body.capacity > KEPT_BODY)
        zoo_buf_release(&call->body);
    if (client->spare_count >= KEPT_CALLS) {
        call_free(call);
        return;
    }
    TAILQ_INSERT_HEAD(&client->spare, call, link);
    client->spare_count++;
}

static int deliver_headers(zoo_http_call *call)
{
    long status = 0;
    char *type = NULL;

    if (call->told_headers)
        return 0;
    call->told_headers = 1;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
    if (call->request.on_headers)
        call->request.on_headers(call->request.context, (int)status, type ? type : "");
    return call->cancelled;
}

static size_t on_write(char *bytes, size_t one, size_t size, void *context)
{
    zoo_http_call *call = context;

    size *= one;
    call->active_ns = zoo_clock_ns();
    if (call->cancelled || deliver_headers(call))
        return CURL_WRITEFUNC_ERROR;
    if (size > call->max_body - call->received) {
        call->broken = LIMIT_SIZE;
        return CURL_WRITEFUNC_ERROR;
    }
    if (size && call->request.on_data && call->request.on_data(call->request.context, bytes, size) &&
        !call->cancelled) {
        call->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (call->cancelled)
        return CURL_WRITEFUNC_ERROR;
    call->received += size;
    return size;
}

/* What no call changes is set once. */
static int easy_prepare(CURL *easy, zoo_http_call *call)
{
    return curl_easy_setopt(easy, CURLOPT_PRIVATE, call) || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write) ||
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) || curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) ||
           curl_easy_setopt(easy, CURLOPT_PROXY, "") || curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) ||
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") ||
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
           curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) || curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L) ||
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->reason);
}

/* One timer serves three limits: it is set for the nearest and, when it fires, looks again. */
static uint64_t nearest_deadline(const zoo_http_call *call, enum call_limit *which)
{
    const zoo_http_request *r = &call->request;
    uint64_t nearest = UINT64_MAX, at;

    *which = LIMIT_NONE;
    if (r->total_ms) {
        nearest = call->started_ns + r->total_ms * UINT64_C(1000000);
        *which = LIMIT_TOTAL;
    }
    if (call->paused)                                /* we are the ones who wait */
        return nearest;
    if (!call->received && r->first_byte_ms) {
        at = call->started_ns + r->first_byte_ms * UINT64_C(1000000);
        if (at < nearest) {
            nearest = at;
            *which = LIMIT_FIRST_BYTE;
        }
    } else if (call->received && r->idle_ms) {
        at = call->active_ns + r->idle_ms * UINT64_C(1000000);
        if (at < nearest) {
            nearest = at;
            *which = LIMIT_IDLE;
        }
    }
    return nearest;
}

static void arm(zoo_http_call *call, uint64_t now)
{
    const zoo_http_request *r = &call->request;
    enum call_limit which;
    uint64_t at = nearest_deadline(call, &which);

    /* the idle limit begins with the first byte: look in time */
    if (r->idle_ms && now + r->idle_ms * UINT64_C(1000000) < at)
        at = now + r->idle_ms * UINT64_C(1000000);
    if (at == UINT64_MAX)
        return;
    at = at > now ? (at - now) / 1000 + 1 : 1;
    event_add(call->timer, &(struct timeval){ (time_t)(at / 1000000), (suseconds_t)(at % 1000000) });
}

static void finish(zoo_http_call *call, CURLcode code);

static void on_call_timer(evutil_socket_t fd, short what, void *context)
{
    zoo_http_call *call = context;
    uint64_t now = zoo_clock_ns();
    enum call_limit which;

    (void)fd;
    (void)what;
    if (nearest_deadline(call, &which) > now) {
        arm(call, now);
        return;
    }
    call->broken = which;
    finish(call, CURLE_OPERATION_TIMEDOUT);
}

static zoo_http_call *call_new(zoo_http_client *client)
{
    zoo_http_call *call = TAILQ_FIRST(&client->spare);

    if (call) {
        TAILQ_REMOVE(&client->spare, call, link);
        client->spare_count--;
        return call;
    }
    call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->client = client;
    call->text = (zoo_buf)ZOO_BUF_INIT(MAX_HEADER_BYTES);
    call->body = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 2);
    call->easy = curl_easy_init();
    call->timer = evtimer_new(client->loop, on_call_timer, call);
    if (call->easy && call->timer && !easy_prepare(call->easy, call))
        return call;
    call_free(call);
    return NULL;
}

/* ---- libcurl on the loop ---- */

static void run_curl(zoo_http_client *client, curl_socket_t fd, int what)
{
    int running;

    client->inside++;
    curl_multi_socket_action(client->multi, fd, what, &running);
    client->inside--;
    reap(client);
}

static void on_socket_event(evutil_socket_t fd, short what, void *context)
{
    run_curl(context, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    run_curl(context, CURL_SOCKET_TIMEOUT, 0);
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *watch_of_socket)
{
    zoo_http_client *client = context;
    struct watch *watch = watch_of_socket;
    short events = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            event_free(watch->event);
            free(watch);
        }
        return 0;
    }
    if (watch && watch->what == what)
        return 0;
    if (!watch) {
        watch = calloc(1, sizeof *watch);
        if (!watch)
            return -1;
        watch->event = event_new(client->loop, fd, events, on_socket_event, client);
        if (!watch->event) {
            free(watch);
            return -1;
        }
        curl_multi_assign(client->multi, fd, watch);
    } else {
        event_del(watch->event);
        event_assign(watch->event, client->loop, fd, events, on_socket_event, client);
    }
    watch->what = what;
    return event_add(watch->event, NULL);
}

static int on_timer_wanted(CURLM *multi, long ms, void *context)
{
    zoo_http_client *client = context;

    (void)multi;
    if (ms < 0)
        event_del(client->timer);
    else if (ms == 0)
        event_active(client->timer, EV_TIMEOUT, 0);
    else
        event_add(client->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
    return 0;
}

/* ---- the end of a call ---- */

static void describe(const zoo_http_call *call, CURLcode code, zoo_http_result *result, char *words, size_t size)
{
    const zoo_http_request *r = &call->request;

    result->outcome = ZOO_HTTP_TIMEOUT;
    result->reason = words;
    if (call->broken == LIMIT_SIZE) {
        result->outcome = ZOO_HTTP_TOO_LARGE;
        snprintf(words, size, "the response is larger than %zu bytes", call->max_body);
    } else if (call->broken == LIMIT_FIRST_BYTE) {
        snprintf(words, size, "no first byte within %u ms", r->first_byte_ms);
    } else if (call->broken == LIMIT_IDLE) {
        snprintf(words, size, "silent for %u ms", r->idle_ms);
    } else if (call->broken == LIMIT_TOTAL) {
        snprintf(words, size, "not done within %u ms", r->total_ms);
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        snprintf(words, size, "no connection within %u ms", r->connect_ms);
    } else if (code == CURLE_OK) {
        result->outcome = ZOO_HTTP_COMPLETE;
        result->reason = "";
    } else {
        long asked = 0;                            /* bytes of request sent: past that it is the answer that is wrong */
        curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &asked);
        result->outcome = asked || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ? ZOO_HTTP_CUT :
                          ZOO_HTTP_REFUSED;
        snprintf(words, size, "%s", call->reason[0] ? call->reason : curl_easy_strerror(code));
    }
}

static void finish(zoo_http_call *call, CURLcode code)
{
    zoo_http_client *client = call->client;
    zoo_http_result result = { .retry_after = -1 };
    struct curl_header *header;
    char words[CURL_ERROR_SIZE];
    long status = 0;
    curl_off_t wait = 0;

    if (!call->cancelled && code == CURLE_OK)
        deliver_headers(call);
    if (!call->cancelled) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        result.status = (int)status;
        if (status && curl_easy_header(call->easy, "retry-after", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
            curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK)
            result.retry_after = (long)wait;
        result.seconds = (double)(zoo_clock_ns() - call->started_ns) * 1e-9;
        describe(call, code, &result, words, sizeof words);
    }
    call->state = CALL_FINISHING;
    if (!call->cancelled && call->request.on_done)
        call->request.on_done(call->request.context, &result);
    curl_multi_remove_handle(client->multi, call->easy);
    TAILQ_REMOVE(&client->running, call, link);
    call_recycle(call);
}

static void reap(zoo_http_client *client)
{
    CURLMsg *message;
    int left;
    void *call;

    while ((message = curl_multi_info_read(client->multi, &left)))
        if (message->msg == CURLMSG_DONE && curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) ==
            CURLE_OK)
            finish(call, message->data.result);
}

/* ---- what callers asked for ---- */

static void add_waiting(zoo_http_client *client)
{
    zoo_http_call *call;

    while ((call = TAILQ_FIRST(&client->waiting))) {
        TAILQ_REMOVE(&client->waiting, call, link);
        TAILQ_INSERT_TAIL(&client->running, call, link);
        call->state = CALL_RUNNING;
        arm(call, call->started_ns);
        client->inside++;
        CURLMcode rc = curl_multi_add_handle(client->multi, call->easy);
        client->inside--;
        if (rc != CURLM_OK)
            finish(call, CURLE_OUT_OF_MEMORY);
    }
}

/* Cancels and resumes that came while libcurl was running. */
static void sweep(zoo_http_client *client)
{
    zoo_http_call *call, *next;

    client->needs_sweep = 0;
    for (call = TAILQ_FIRST(&client->running); call; call = next) {
        next = TAILQ_NEXT(call, link);
        if (call->cancelled && call->state == CALL_RUNNING) {
            finish(call, CURLE_ABORTED_BY_CALLBACK);
        } else if (call->wants_resume) {
            call->wants_resume = call->paused = 0;
            call->active_ns = zoo_clock_ns();
            arm(call, call->active_ns);
            client->inside++;
            curl_easy_pause(call->easy, CURLPAUSE_CONT);
            client->inside--;
        }
    }
}

static void on_kick(evutil_socket_t fd, short what, void *context)
{
    zoo_http_client *client = context;

    (void)fd;
    (void)what;
    if (client->needs_sweep)
        sweep(client);
    add_waiting(client);
    run_curl(client, CURL_SOCKET_TIMEOUT, 0);
}

static int copy_headers(zoo_http_call *call, const char *const *headers, zoo_err *err)
{
    size_t n = 0, at = 0;

    zoo_buf_clear(&call->text);
    for (; headers && headers[n]; n++)
        if (n == MAX_HEADERS - 1 || strpbrk(headers[n], "\r\n") ||
            zoo_buf_add(&call->text, headers[n], strlen(headers[n]) + 1))
            return zoo_fail(err, ZOO_EUSAGE, "a request may have %d headers and %d bytes of them, without line ends",
                            MAX_HEADERS - 1, MAX_HEADER_BYTES);
    if (zoo_buf_add(&call->text, "Expect:", 8))       /* libcurl would ask before it sends a large body */
        return zoo_fail_nomem(err);
    for (size_t i = 0; i <= n; i++) {
        call->headers[i].data = call->text.data + at;
        call->headers[i].next = i < n ? &call->headers[i + 1] : NULL;
        at += strlen(call->headers[i].data) + 1;
    }
    return ZOO_OK;
}

static int set_method(CURL *easy, const char *method, const void *body, size_t size)
{
    int is_get = !strcmp(method, "GET"), is_post = !strcmp(method, "POST");

    if (is_get && !body)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) || curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) ||
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size) ||
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body ? body : "") ||
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, is_post ? NULL : method);
}

static int set_request(zoo_http_call *call, const zoo_http_request *r, zoo_err *err)
{
    const void *body = r->body;
    int failed = copy_headers(call, r->headers, err);

    if (failed)
        return failed;
    if (body && !r->borrow_body) {
        zoo_buf_clear(&call->body);
        if (zoo_buf_add(&call->body, body, r->body_size))
            return zoo_fail_nomem(err);
        body = call->body.data;
    }
    if (curl_easy_setopt(call->easy, CURLOPT_URL, r->url) ||
        curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) ||
        curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_ms) ||
        set_method(call->easy, r->method, body, r->body_size))
        return zoo_fail_nomem(err);
    return ZOO_OK;
}

int zoo_http_start(zoo_http_client *client, const zoo_http_request *request, zoo_http_call **out, zoo_err *err)
{
    zoo_http_call *call = call_new(client);
    int failed;

    if (out)
        *out = NULL;
    if (!call)
        return zoo_fail_nomem(err);
    failed = set_request(call, request, err);
    if (failed) {
        call_recycle(call);
        return failed;
    }
    call->request = *request;
    call->max_body = request->max_body ? request->max_body : client->limits.max_body;
    call->cancelled = call->paused = call->wants_resume = call->told_headers = 0;
    call->broken = LIMIT_NONE;
    call->received = 0;
    call->reason[0] = '\0';
    call->started_ns = call->active_ns = zoo_clock_ns();
    call->state = CALL_WAITING;
    TAILQ_INSERT_TAIL(&client->waiting, call, link);
    event_active(client->kick, EV_TIMEOUT, 0);
    if (out)
        *out = call;
    return ZOO_OK;
}

void zoo_http_cancel(zoo_http_call *call)
{
    zoo_http_client *client = call->client;

    if (call->state == CALL_FREE || call->state == CALL_FINISHING || call->cancelled)
        return;
    call->cancelled = 1;
    if (call->state == CALL_WAITING) {
        TAILQ_REMOVE(&client->waiting, call, link);
        call_recycle(call);
    } else if (client->inside) {
        client->needs_sweep = 1;
        event_active(client->kick, EV_TIMEOUT, 0);
    } else {
        finish(call, CURLE_ABORTED_BY_CALLBACK);
    }
}

void zoo_http_resume(zoo_http_call *call)
{
    if (call->state != CALL_RUNNING || call->cancelled || !call->paused)
        return;
    call->wants_resume = call->client->needs_sweep = 1;
    event_active(call->client->kick, EV_TIMEOUT, 0);
}

const char *zoo_http_response_header(zoo_http_call *call, const char *name)
{
    struct curl_header *header;

    return curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

/* ---- the client ---- */

static int multi_prepare(zoo_http_client *client)
{
    CURLM *multi = client->multi;

    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) ||
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) ||
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) ||
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) ||
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) ||
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)client->limits.max_connections) ||
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)client->limits.max_per_host) ||
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)client->limits.max_connections);
}

int zoo_http_client_new(zoo_http_client **out, struct event_base *loop, const zoo_http_limits *limits, zoo_err *err)
{
    zoo_http_client *client;

    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return zoo_fail(err, ZOO_EIO, "libcurl cannot be initialised");
    client = calloc(1, sizeof *client);
    if (!client) {
        curl_global_cleanup();
        return zoo_fail_nomem(err);
    }
    client->loop = loop;
    TAILQ_INIT(&client->waiting);
    TAILQ_INIT(&client->running);
    TAILQ_INIT(&client->spare);
    if (limits)
        client->limits = *limits;
    if (!client->limits.max_body)
        client->limits.max_body = DEFAULT_MAX_BODY;
    if (!client->limits.max_connections)
        client->limits.max_connections = 1024;
    client->multi = curl_multi_init();
    client->timer = evtimer_new(loop, on_timer_event, client);
    client->kick = event_new(loop, -1, 0, on_kick, client);
    if (!client->multi || !client->timer || !client->kick || multi_prepare(client)) {
        zoo_http_client_free(client);
        return zoo_fail_nomem(err);
    }
    *out = client;
    return ZOO_OK;
}

void zoo_http_client_free(zoo_http_client *client)
{
    zoo_http_call *call;

    if (!client)
        return;
    while ((call = TAILQ_FIRST(&client->waiting)))
        zoo_http_cancel(call);
    while ((call = TAILQ_FIRST(&client->running))) {
        call->cancelled = 1;
        finish(call, CURLE_ABORTED_BY_CALLBACK);
    }
    while ((call = TAILQ_FIRST(&client->spare))) {
        TAILQ_REMOVE(&client->spare, call, link);
        call_free(call);
    }
    curl_multi_cleanup(client->multi);
    if (client->timer)
        event_free(client->timer);
    if (client->kick)
        event_free(client->kick);
    free(client);
    curl_global_cleanup();
}
