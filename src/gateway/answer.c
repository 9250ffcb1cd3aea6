/* answer.c - asking experts and passing on what they answer: CONNECT and STREAM of request.c.
 *
 * Without streaming an answer is held until it is complete and found to be a JSON object; a stream is held until an
 * event with a content token is complete. What was held is then passed on byte for byte. Of a stream only complete
 * events are passed on, so that an error event still finds a well-formed place when the expert breaks off.
 * Layer: gateway. Threads: the loop's. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "gateway/request.h"

enum {
    MAX_HELD_STREAM = 1 << 20,        /* bytes before a first content token, or of one event */
    MAX_WAITING = 256 << 10           /* bytes that wait for a slow client before the expert is made to wait */
};

/* Of an expert's answer these headers and Content-Type are passed on. */
static const char *const passed_headers[] = { "openai-processing-ms", "retry-after" };

static const zoo_upstream *upstream(const zoo_request *r)
{
    return &r->gateway->upstreams.items[r->order[r->attempt]];
}

static void attempt_failed(zoo_request *r, enum zoo_cause cause, const char *why);

/* ---- headers for the client ---- */

/* "alpha, beta": those that were asked in vain. */
static void set_fallbacks(zoo_request *r)
{
    zoo_buf names = ZOO_BUF_INIT(4000);

    for (size_t i = 0; i < r->attempt; i++)
        if (zoo_buf_addf(&names, "%s%s", i ? ", " : "", r->gateway->upstreams.names[r->order[i]]))
            break;
    if (names.size)
        zoo_http_set_header(r->exchange, "x-zooter-fallbacks", names.data);
    zoo_buf_release(&names);
}

static void set_headers(zoo_request *r)
{
    char number[32];

    zoo_http_set_header(r->exchange, "x-request-id", r->id);
    zoo_http_set_header(r->exchange, "x-zooter-model", upstream(r)->expert->name);
    zoo_http_set_header(r->exchange, "x-zooter-reason", zoo_reason_names[r->reason]);
    if (r->has_distribution) {
        snprintf(number, sizeof number, "%.4f", (double)zoo_decision_probability(r));
        zoo_http_set_header(r->exchange, "x-zooter-probability", number);
        snprintf(number, sizeof number, "%.4f", (double)zoo_decision_margin(r));
        zoo_http_set_header(r->exchange, "x-zooter-margin", number);
        snprintf(number, sizeof number, "%.3f", r->route_seconds * 1e3);
        zoo_http_set_header(r->exchange, "x-zooter-route-ms", number);
    }
    if (r->attempt)
        set_fallbacks(r);
    for (size_t i = 0; i < sizeof passed_headers / sizeof *passed_headers; i++) {
        const char *value = zoo_http_response_header(r->call, passed_headers[i]);
        if (value)
            zoo_http_set_header(r->exchange, passed_headers[i], value);
    }
}

static void count_first_token(zoo_request *r)
{
    zoo_histogram_add(&r->gateway->metrics.of[r->order[r->attempt]].first_token, ZOO_METRICS_ANSWER_FIRST,
                      (double)(zoo_clock_ns() - r->started_ns) * 1e-9);
}

/* ---- DONE and FAILED from CONNECT ---- */

/* The whole answer, as the expert gave it. */
static void pass_on(zoo_request *r, enum zoo_outcome outcome)
{
    const char *type = r->content_type[0] ? r->content_type : "application/json";
    int status = r->status;

    set_headers(r);
    if (outcome == ZOO_OUTCOME_OK)
        count_first_token(r);
    r->call = NULL;
    zoo_http_reply(r->exchange, status, type, r->held.data, r->held.size);
    zoo_request_finish(r, outcome, status);
}

/* Nobody is left to ask. The client learns who was asked, not where they are. */
static void give_up(zoo_request *r, const char *why)
{
    char message[400];

    if (r->reason == ZOO_REASON_NAMED)
        snprintf(message, sizeof message, "the expert %s did not answer: %s", upstream(r)->expert->name, why);
    else
        snprintf(message, sizeof message, "none of the %zu experts asked answered; the last, %s: %s", r->attempt + 1,
                 upstream(r)->expert->name, why);
    zoo_http_set_header(r->exchange, "x-request-id", r->id);
    zoo_http_set_header(r->exchange, "x-zooter-reason", zoo_reason_names[r->reason]);
    if (r->attempt)
        set_fallbacks(r);
    zoo_http_reply_error(r->exchange, 502, "server_error", "expert_failed", message);
    zoo_request_finish(r, ZOO_OUTCOME_FAILED, 502);
}

/* What comes back from an expert that refused our key may hold the key. */
static int shows_key(const zoo_request *r)
{
    const char *key = upstream(r)->expert->api_key;

    return key && r->held.size && memmem(r->held.data, r->held.size, key, strlen(key));
}

static int is_json_object(const zoo_buf *text)
{
    zoo_skim s;

    zoo_skim_begin(&s, text->size ? text->data : "", text->size);
    return zoo_skim_kind(&s) == '{' && zoo_skim_value(&s, NULL) && zoo_skim_end(&s);
}

/* Statuses after which another expert may do better. */
static int is_failure(int status)
{
    return status >= 500 || status == 429 || status == 408 || (status > 0 && status < 200) ||
           (status >= 300 && status < 400);
}

/* A complete answer that was held. */
static void judge_answer(zoo_request *r)
{
    char why[40];

    snprintf(why, sizeof why, "HTTP status %d", r->status);
    if (shows_key(r))
        attempt_failed(r, ZOO_CAUSE_STATUS, why);
    else if (is_failure(r->status) && !(r->reason == ZOO_REASON_NAMED && r->status >= 400))
        attempt_failed(r, r->status == 429 ? ZOO_CAUSE_LIMITED : ZOO_CAUSE_STATUS, why);
    else if (r->status >= 500)
        pass_on(r, ZOO_OUTCOME_FAILED);
    else if (r->status >= 400)
        pass_on(r, ZOO_OUTCOME_REJECTED);
    else if (r->is_sse ? r->sse.events > 0 : is_json_object(&r->held))
        pass_on(r, ZOO_OUTCOME_OK);
    else
        attempt_failed(r, ZOO_CAUSE_GARBAGE, r->is_sse ? "no event in its stream" : "its answer is not a JSON object");
}

/* ---- STREAM ---- */

static void on_drained(void *context)
{
    zoo_request *r = context;

    r->is_blocked = 0;
    if (r->call)
        zoo_http_resume(r->call);
}

static void send_events(zoo_request *r, const char *bytes, size_t size)
{
    if (size && zoo_http_stream_write(r->exchange, bytes, size, on_drained, r) > MAX_WAITING)
        r->is_blocked = 1;
}

/* Passes on what is complete; an event that grows without end is passed on as it comes. */
static void send_held(zoo_request *r)
{
    size_t n = zoo_sse_complete(r->held.data, r->held.size);

    if (r->held.size - n > MAX_HELD_STREAM)
        n = r->held.size;
    send_events(r, r->held.data, n);
    if (n && n < r->held.size)
        memmove(r->held.data, r->held.data + n, r->held.size - n);
    r->held.size -= n;
}

/* The first content token is there: from now on it is this expert or none. */
static void begin_stream(zoo_request *r)
{
    event_del(r->timer);
    count_first_token(r);
    set_headers(r);
    r->state = ZOO_REQUEST_STREAM;
    zoo_http_stream_begin(r->exchange, r->status, r->content_type);
    send_held(r);
}

static int forward(zoo_request *r, const char *bytes, size_t size)
{
    if (r->is_blocked)
        return 1;
    /* the usual: whole events */
    if (!r->held.size && size >= 2 && bytes[size - 1] == '\n' && bytes[size - 2] == '\n') {
        send_events(r, bytes, size);
        return 0;
    }
    if (!zoo_buf_add(&r->held, bytes, size))
        send_held(r);
    return 0;
}

static void end_stream(zoo_request *r)
{
    send_events(r, r->held.data, r->held.size);
    zoo_http_stream_end(r->exchange);
    zoo_request_finish(r, ZOO_OUTCOME_OK, r->status);
}

/* Says so in an event of its own and does not pretend to be done. */
static void break_stream(zoo_request *r, const char *why)
{
    static const char event[] = "data: {\"error\":{\"message\":\"the expert broke off in the middle of its answer\","
                                "\"type\":\"server_error\",\"param\":null,\"code\":\"expert_failed\"}}\n\n";

    zoo_log_write(r->gateway->log, ZOO_LOG_WARN, "id=%s expert %s broke off: %s", r->id, upstream(r)->expert->name,
                  why);
    zoo_http_stream_write(r->exchange, event, sizeof event - 1, NULL, NULL);
    zoo_http_stream_end(r->exchange);
    zoo_request_finish(r, ZOO_OUTCOME_FAILED, r->status);
}

/* ---- CONNECT ---- */

static void attempt_failed(zoo_request *r, enum zoo_cause cause, const char *why)
{
    struct zoo_gateway *g = r->gateway;
    uint64_t spent_ms = (zoo_clock_ns() - r->started_ns) / 1000000;

    g->metrics.of[r->order[r->attempt]].failures[cause]++;
    zoo_log_write(g->log, ZOO_LOG_WARN, "id=%s expert %s did not answer: %s", r->id, upstream(r)->expert->name, why);
    r->call = NULL;
    if (r->attempt + 1 >= r->order_count || spent_ms >= g->config->total_ms) {
        give_up(r, zoo_cause_names[cause]);
        return;
    }
    g->metrics.failovers++;
    r->attempt++;
    r->reason = ZOO_REASON_FAILOVER;
    zoo_request_ask(r);
}

static void abandon(zoo_request *r, enum zoo_cause cause, const char *why)
{
    zoo_http_cancel(r->call);
    attempt_failed(r, cause, why);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    abandon(context, ZOO_CAUSE_TIMEOUT, "no content in time");
}

static void on_headers(void *context, int status, const char *content_type)
{
    zoo_request *r = context;

    r->status = status;
    snprintf(r->content_type, sizeof r->content_type, "%s", content_type);
    r->is_sse = r->body.is_stream && status == 200 && !strncasecmp(content_type, "text/event-stream", 17);
}

static void look_at_events(zoo_request *r)
{
    switch (zoo_sse_look(&r->sse, r->held.data, r->held.size)) {
    case ZOO_SSE_CONTENT:
        begin_stream(r);
        return;
    case ZOO_SSE_ERROR:
        if (r->reason == ZOO_REASON_NAMED)
            begin_stream(r);
        else
            abandon(r, ZOO_CAUSE_STATUS, "an error event");
        return;
    case ZOO_SSE_GARBAGE:
        abandon(r, ZOO_CAUSE_GARBAGE, "an event that is not JSON");
        return;
    case ZOO_SSE_MORE:
        if (r->held.size > MAX_HELD_STREAM)
            abandon(r, ZOO_CAUSE_TOO_LARGE, "too many bytes without content");
    }
}

static int on_data(void *context, const char *bytes, size_t size)
{
    zoo_request *r = context;

    if (r->state == ZOO_REQUEST_STREAM)
        return forward(r, bytes, size);
    if (zoo_buf_add(&r->held, bytes, size))
        abandon(r, ZOO_CAUSE_TOO_LARGE, "its answer is too large");
    else if (r->is_sse)
        look_at_events(r);
    return 0;
}

static enum zoo_cause cause_of(const zoo_http_result *result)
{
    switch (result->outcome) {
    case ZOO_HTTP_REFUSED: return ZOO_CAUSE_CONNECT;
    case ZOO_HTTP_TIMEOUT: return ZOO_CAUSE_TIMEOUT;
    case ZOO_HTTP_TOO_LARGE: return ZOO_CAUSE_TOO_LARGE;
    default: return ZOO_CAUSE_CUT;
    }
}

static void on_done(void *context, const zoo_http_result *result)
{
    zoo_request *r = context;
    int is_complete = result->outcome == ZOO_HTTP_COMPLETE;

    if (r->state == ZOO_REQUEST_STREAM && is_complete)
        end_stream(r);
    else if (r->state == ZOO_REQUEST_STREAM)
        break_stream(r, result->reason);
    else if (is_complete)
        judge_answer(r);
    else
        attempt_failed(r, cause_of(result), result->reason);
}

static int start_timer(zoo_request *r)
{
    const zoo_gateway_config *c = r->gateway->config;
    unsigned ms = r->body.is_stream ? c->first_token_ms : c->answer_ms;

    if (!r->timer)
        r->timer = event_new(r->gateway->loop, -1, 0, on_timer, r);
    return r->timer ? event_add(r->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 }) : -1;
}

static int start_call(zoo_request *r, zoo_err *err)
{
    const zoo_gateway_config *c = r->gateway->config;
    const zoo_upstream *u = upstream(r);
    uint64_t spent_ms = (zoo_clock_ns() - r->started_ns) / 1000000;
    char id[40];
    const char *headers[] = { "Content-Type: application/json", r->body.is_stream ? "Accept: text/event-stream" :
                              "Accept: application/json",
                              "User-Agent: zooter/" ZOO_VERSION, id, u->authorization, NULL };
    zoo_http_request request = { .method = "POST", .url = u->url, .headers = headers, .borrow_body = 1,
                                 .connect_ms = c->connect_ms, .idle_ms = c->idle_ms,
                                 .total_ms = c->total_ms > spent_ms ? c->total_ms - (unsigned)spent_ms : 1,
                                 .max_body = r->body.is_stream ? SIZE_MAX : c->max_answer, .on_headers = on_headers,
                                 .on_data = on_data, .on_done = on_done, .context = r };

    snprintf(id, sizeof id, "X-Request-Id: %s", r->id);
    zoo_buf_clear(&r->forward);
    if (zoo_chat_body_splice(&r->body, u->model, &r->forward))
        return zoo_fail_nomem(err);
    request.body = r->forward.data;
    request.body_size = r->forward.size;
    return zoo_http_start(r->gateway->client, &request, &r->call, err);
}

void zoo_request_ask(zoo_request *r)
{
    zoo_err err;

    r->state = ZOO_REQUEST_CONNECT;
    r->sse = (zoo_sse){ 0, 0 };
    r->status = r->is_sse = r->is_blocked = 0;
    r->content_type[0] = '\0';
    zoo_buf_clear(&r->held);
    if (start_timer(r) || start_call(r, &err))
        attempt_failed(r, ZOO_CAUSE_CONNECT, "out of memory");
}
