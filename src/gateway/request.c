/* request.c - the life of a request.
 *
 *     READ -------- begin() -------> ROUTE -- on_routed() --> CONNECT -- begin_stream() --> STREAM
 *      | \___ named, or no text: plan() ______________________^  |  ^ \                      |
 *      |                                          attempt_failed()\_ pass_on(): DONE         | end_stream(): DONE
 *      | refuse()             the next expert in order: zoo_request_ask()                    | break_stream(): FAILED
 *      v                                                         | give_up()                 v
 *   FAILED                                                       v                      DONE, FAILED
 *                                                             FAILED
 *     Anywhere: on_leave() -> LEFT.
 *
 * CONNECT asks one expert after the other until one has said its first content token, or without streaming its whole
 * answer: until then nothing has reached the client, and the next expert may be tried. DONE, FAILED and LEFT are where
 * zoo_request_finish() or zoo_request_refuse() gives the request back; no callback of it comes afterwards. CONNECT and
 * STREAM live in answer.c.
 * Layer: gateway. Threads: the loop's. */
#include "gateway/request.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/rng.h"

enum { KEPT_BYTES = 256 << 10, KEPT_REQUESTS = 256, SIDE_BYTES = 1 << 20 };

/* ---- memory: requests are used again ---- */

static void request_free(zoo_request *r)
{
    if (r->timer)
        event_free(r->timer);
    zoo_buf_release(&r->forward);
    zoo_buf_release(&r->held);
    free(r->probabilities);
    free(r->order);
    free(r);
}

static zoo_request *request_new(struct zoo_gateway *g)
{
    zoo_request *r = TAILQ_FIRST(&g->spare);

    if (r) {
        TAILQ_REMOVE(&g->spare, r, link);
        return r;
    }
    r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->forward = (zoo_buf)ZOO_BUF_INIT(g->config->max_body + SIDE_BYTES);
    r->held = (zoo_buf)ZOO_BUF_INIT(g->config->max_answer);
    r->probabilities = calloc(g->upstreams.k, sizeof *r->probabilities);
    r->order = calloc(g->upstreams.k + 1, sizeof *r->order);
    if (r->probabilities && r->order)
        return r;
    request_free(r);
    return NULL;
}

static void request_recycle(zoo_request *r)
{
    struct zoo_gateway *g = r->gateway;

    TAILQ_REMOVE(&g->running, r, link);
    g->in_flight--;
    if (r->timer)
        event_del(r->timer);
    if (r->forward.capacity > KEPT_BYTES)
        zoo_buf_release(&r->forward);
    if (r->held.capacity > KEPT_BYTES)
        zoo_buf_release(&r->held);
    if (g->in_flight >= KEPT_REQUESTS)
        request_free(r);
    else
        TAILQ_INSERT_HEAD(&g->spare, r, link);
}

void zoo_requests_release(struct zoo_gateway *g)
{
    zoo_request *r;

    while ((r = TAILQ_FIRST(&g->spare))) {
        TAILQ_REMOVE(&g->spare, r, link);
        request_free(r);
    }
}

/* ---- the ends ---- */

static double seconds_since(uint64_t ns)
{
    return (double)(zoo_clock_ns() - ns) * 1e-9;
}

void zoo_request_refuse(zoo_request *r, int status, enum zoo_refusal why, const char *code, const char *message)
{
    struct zoo_gateway *g = r->gateway;

    g->metrics.refusals[why]++;
    zoo_log_write(g->log, ZOO_LOG_INFO, "id=%s status=%d refused=%s ms=%.1f", r->id, status,
                  code ? code : "invalid_request", seconds_since(r->started_ns) * 1e3);
    zoo_http_set_header(r->exchange, "x-request-id", r->id);
    zoo_http_reply_error(r->exchange, status, status < 500 ? "invalid_request_error" : "server_error", code, message);
    request_recycle(r);
}

void zoo_request_finish(zoo_request *r, enum zoo_outcome outcome, int status)
{
    struct zoo_gateway *g = r->gateway;
    struct zoo_expert_metrics *m = &g->metrics.of[r->order[r->attempt]];
    double seconds = seconds_since(r->started_ns);

    m->requests[outcome]++;
    zoo_histogram_add(&m->duration, ZOO_METRICS_ANSWER_FIRST, seconds);
    g->metrics.reasons[r->reason]++;
    zoo_log_write(g->log, ZOO_LOG_INFO,
                  "id=%s status=%d expert=%s reason=%s outcome=%s stream=%d tries=%zu route_ms=%.2f ms=%.1f", r->id,
                  status, g->upstreams.names[r->order[r->attempt]], zoo_reason_names[r->reason],
                  zoo_outcome_names[outcome], r->is_sse, r->attempt + 1, r->route_seconds * 1e3, seconds * 1e3);
    request_recycle(r);
}

/* The client is gone, and with it the exchange. */
static void on_leave(void *context)
{
    zoo_request *r = context;

    if (r->job)
        zoo_route_cancel(r->job);
    r->job = NULL;
    if (r->call)
        zoo_http_cancel(r->call);
    r->call = NULL;
    if (r->state == ZOO_REQUEST_ROUTE) {
        r->gateway->metrics.refusals[ZOO_REFUSAL_LEFT]++;
        zoo_log_write(r->gateway->log, ZOO_LOG_INFO, "id=%s left while it was routed", r->id);
        request_recycle(r);
    } else {
        zoo_request_finish(r, ZOO_OUTCOME_LEFT, 499);
    }
}

/* ---- ROUTE ---- */

static void answer_question(zoo_request *r)
{
    zoo_buf *out = &r->held;
    char ms[32];

    snprintf(ms, sizeof ms, "%.3f", r->route_seconds * 1e3);
    zoo_buf_clear(out);
    if (zoo_decision_write(r, out))
        zoo_http_reply_error(r->exchange, 500, "server_error", NULL, "out of memory");
    else
        zoo_http_reply(r->exchange, 200, "application/json", out->data, out->size);
    zoo_log_write(r->gateway->log, ZOO_LOG_INFO, "id=%s status=200 question reason=%s route_ms=%s", r->id,
                  zoo_reason_names[r->reason], ms);
    request_recycle(r);
}

/* Who is to be asked is known. */
static void go_on(zoo_request *r)
{
    r->attempt = 0;
    if (r->is_question)
        answer_question(r);
    else
        zoo_request_ask(r);
}

/* Without a distribution. */
static void plan_default(zoo_request *r, enum zoo_reason reason)
{
    const zoo_upstreams *u = &r->gateway->upstreams;

    r->reason = reason;
    r->order_count = u->default_count;
    memcpy(r->order, u->default_order, u->default_count * sizeof *r->order);
    go_on(r);
}

static void on_routed(void *context, const zoo_routing *routing)
{
    zoo_request *r = context;
    struct zoo_gateway *g = r->gateway;

    r->job = NULL;
    r->route_seconds = routing->seconds;
    zoo_histogram_add(&g->metrics.route, ZOO_METRICS_ROUTE_FIRST, routing->seconds);
    if (routing->outcome == ZOO_ROUTING_LATE) {
        plan_default(r, ZOO_REASON_OVERLOADED);
        return;
    }
    if (routing->outcome == ZOO_ROUTING_FAILED) {
        zoo_log_write(g->log, ZOO_LOG_WARN, "id=%s the router failed: %s", r->id, routing->message);
        plan_default(r, ZOO_REASON_DEFAULT);
        return;
    }
    memcpy(r->probabilities, routing->probabilities, g->upstreams.k * sizeof *r->probabilities);
    r->has_distribution = 1;
    r->was_cut = routing->was_cut;
    r->reason = ZOO_REASON_ROUTED;
    r->order_count = zoo_upstreams_order(&g->upstreams, r->probabilities, r->order);
    go_on(r);
}

static int is_blank(const zoo_buf *text)
{
    for (size_t i = 0; i < text->size; i++)
        if ((unsigned char)text->data[i] > ' ')
            return 0;
    return 1;
}

/* `text` is what the query says. */
static void route_text(zoo_request *r, const zoo_buf *text)
{
    if (is_blank(text)) {
        plan_default(r, ZOO_REASON_NO_TEXT);
        return;
    }
    r->state = ZOO_REQUEST_ROUTE;
    r->job = zoo_route_submit(r->gateway->pool, text->data, text->size, on_routed, r);
    if (!r->job)
        plan_default(r, ZOO_REASON_OVERLOADED);
}

/* ---- READ ---- */

static int read_query(const zoo_request *r, size_t limit, zoo_buf *text, zoo_err *err)
{
    zoo_span query = r->is_question && r->body.query.size ? zoo_skim_inside(r->body.query) : (zoo_span){ NULL, 0 };
    size_t most = query.size < limit + 4 ? query.size : limit + 4;

    if (!query.at)
        return zoo_chat_body_text(&r->body, limit, text, err);
    if (zoo_buf_reserve(text, most))
        return zoo_fail_nomem(err);
    text->size = zoo_skim_decode(query, text->data, most);
    return ZOO_OK;
}

static void route(zoo_request *r)
{
    zoo_buf *text = &r->held;                /* not needed for an answer yet */
    zoo_err err;

    if (read_query(r, zoo_router_text_limit(r->gateway->router), text, &err))
        zoo_request_refuse(r, 400, ZOO_REFUSAL_INVALID, NULL, err.message);
    else
        route_text(r, text);
}

static void ask_by_name(zoo_request *r)
{
    const zoo_upstreams *u = &r->gateway->upstreams;
    zoo_span model = zoo_skim_inside(r->body.model);
    char name[100], message[300];
    size_t e = 0;

    while (e < u->n && !zoo_skim_equals(model, u->names[e]))
        e++;
    if (e == u->n) {
        name[zoo_skim_decode(model, name, sizeof name - 1)] = '\0';
        snprintf(message, sizeof message, "the model '%s' does not exist; GET /v1/models lists those that do", name);
        zoo_request_refuse(r, 404, ZOO_REFUSAL_UNKNOWN_MODEL, "model_not_found", message);
        return;
    }
    r->reason = ZOO_REASON_NAMED;
    r->order[0] = e;
    r->order_count = 1;
    go_on(r);
}

static void name_request(zoo_request *r)
{
    struct zoo_gateway *g = r->gateway;

    snprintf(r->id, sizeof r->id, "zoo-%016llx", (unsigned long long)zoo_mix64(g->id_seed + g->id_count++));
}

/* The request of an exchange; NULL: it is answered already. */
static zoo_request *begin(struct zoo_gateway *g, zoo_http_exchange *exchange)
{
    zoo_request *r = g->in_flight < g->config->in_flight ? request_new(g) : NULL;

    if (!r) {
        g->metrics.refusals[ZOO_REFUSAL_OVERLOADED]++;
        zoo_http_set_header(exchange, "Retry-After", "1");
        zoo_http_reply_error(exchange, 503, "server_error", "overloaded",
                             "the gateway answers as many requests as it may; try again");
        return NULL;
    }
    r->gateway = g;
    r->exchange = exchange;
    r->state = ZOO_REQUEST_READ;
    r->started_ns = zoo_clock_ns();
    r->route_seconds = 0;
    r->has_distribution = r->was_cut = r->is_question = r->is_sse = r->is_blocked = 0;
    r->job = NULL;
    r->call = NULL;
    zoo_buf_clear(&r->held);
    name_request(r);
    TAILQ_INSERT_TAIL(&g->running, r, link);
    g->in_flight++;
    zoo_http_on_leave(exchange, on_leave, r);
    return r;
}

static int parse(zoo_request *r)
{
    size_t size;
    const char *text = zoo_http_body(r->exchange, &size);
    zoo_err err;

    if (!zoo_chat_body_parse(&r->body, text, size, &err))
        return 1;
    zoo_request_refuse(r, 400, ZOO_REFUSAL_INVALID, NULL, err.message);
    return 0;
}

void zoo_request_chat(zoo_http_exchange *exchange, void *context)
{
    zoo_request *r = begin(context, exchange);

    if (!r || !parse(r))
        return;
    if (!r->body.model.size)
        zoo_request_refuse(r, 400, ZOO_REFUSAL_INVALID, NULL,
                           "'model' is missing: name an expert, or '" ZOO_GATEWAY_MODEL "' to be routed");
    else if (zoo_skim_equals(zoo_skim_inside(r->body.model), ZOO_GATEWAY_MODEL))
        route(r);
    else
        ask_by_name(r);
}

void zoo_request_route(zoo_http_exchange *exchange, void *context)
{
    zoo_request *r = begin(context, exchange);

    if (!r)
        return;
    r->is_question = 1;
    if (parse(r))
        route(r);
}
