/* server.c - simulated experts behind the API that real ones have: an OpenAI-compatible upstream for demos, tests
 * and load; see server.h. */
#include "sim/server.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "sim/serving.h"

enum { MAX_BODY_OUT = 4 << 20 };

/* ---- reading requests ---- */

void zoo_sim_refuse(zoo_sim_server *server, zoo_http_exchange *exchange, const char *message)
{
    server->bad_requests++;
    zoo_http_reply_error(exchange, 400, "invalid_request_error", NULL, message);
}

void zoo_sim_out_of_memory(zoo_http_exchange *exchange)
{
    zoo_http_reply_error(exchange, 500, "server_error", NULL, "out of memory");
}

json_t *zoo_sim_read_body(zoo_sim_server *server, zoo_http_exchange *exchange)
{
    size_t size;
    const char *text = zoo_http_body(exchange, &size);
    zoo_err err;
    json_t *body = zoo_json_parse(text, size, "request body", &err);

    if (body && json_is_object(body))
        return body;
    zoo_sim_refuse(server, exchange, body ? "request body: should be a JSON object" : err.message);
    json_decref(body);
    return NULL;
}

const json_t *zoo_sim_last_message(const json_t *messages, const char *role)
{
    for (size_t i = json_array_size(messages); i--;) {
        const json_t *message = json_array_get(messages, i);
        const char *its_role = json_string_value(json_object_get(message, "role"));
        if (its_role && !strcmp(its_role, role))
            return message;
    }
    return NULL;
}

int zoo_sim_message_text(const json_t *message, zoo_buf *out)
{
    const json_t *content = json_object_get(message, "content"), *part;
    size_t i;
    int failed = 0;

    zoo_buf_clear(out);
    if (json_is_string(content))
        return zoo_buf_add(out, json_string_value(content), json_string_length(content)) ? -1 : 0;
    json_array_foreach(content, i, part) {
        const json_t *text = json_object_get(part, "text");
        if (json_is_string(text))
            failed |= (out->size && zoo_buf_add_str(out, "\n")) ||
                      zoo_buf_add(out, json_string_value(text), json_string_length(text));
    }
    return failed || !out->size ? -1 : 0;
}

/* ---- small answers ---- */

static void reply_body(zoo_sim_server *s, zoo_http_exchange *exchange, int failed)
{
    if (failed)
        zoo_sim_out_of_memory(exchange);
    else
        zoo_http_reply(exchange, 200, "application/json", s->body.data, s->body.size);
}

static void handle_health(zoo_http_exchange *exchange, void *context)
{
    static const char body[] = "{\"status\":\"ok\",\"simulated\":true}";

    (void)context;
    zoo_http_reply(exchange, 200, "application/json", body, sizeof body - 1);
}

static void handle_models(zoo_http_exchange *exchange, void *context)
{
    zoo_sim_server *s = context;
    int failed;

    zoo_buf_clear(&s->body);
    failed = zoo_buf_add_str(&s->body, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < s->config->count && !failed; i++)
        failed = zoo_buf_addf(&s->body, "%s{\"id\":\"%s\",\"object\":\"model\",\"created\":%" PRId64
                                        ",\"owned_by\":\"simulated\"}",
                              i ? "," : "", s->config->experts[i].name, (int64_t)time(NULL));
    reply_body(s, exchange, failed || zoo_buf_add_str(&s->body, "]}"));
}

static int add_tally(zoo_buf *out, const char *name, const struct zoo_sim_tally *t)
{
    return zoo_buf_addf(out, "\"%s\":{\"requests\":%" PRIu64 ",\"streamed\":%" PRIu64 ",\"answered\":%" PRIu64
                             ",\"failed\":%" PRIu64 ",\"cut\":%" PRIu64 ",\"stalled\":%" PRIu64
                             ",\"cancelled\":%" PRIu64 ",\"prompt_tokens\":%" PRIu64
                             ",\"completion_tokens\":%" PRIu64 "}",
                        name, t->requests, t->streamed, t->answered, t->failed, t->cut, t->stalled, t->cancelled,
                        t->prompt_tokens, t->completion_tokens);
}

static void add_up(struct zoo_sim_tally *all, const struct zoo_sim_tally *t)
{
    all->requests += t->requests;
    all->streamed += t->streamed;
    all->answered += t->answered;
    all->failed += t->failed;
    all->cut += t->cut;
    all->stalled += t->stalled;
    all->cancelled += t->cancelled;
    all->prompt_tokens += t->prompt_tokens;
    all->completion_tokens += t->completion_tokens;
}

static void handle_stats(zoo_http_exchange *exchange, void *context)
{
    zoo_sim_server *s = context;
    struct zoo_sim_tally all = { 0 };
    int failed;

    zoo_buf_clear(&s->body);
    failed = zoo_buf_addf(&s->body,
                          "{\"simulated\":true,\"seconds\":%.3f,\"connections\":%zu,\"unknown_models\":%" PRIu64
                          ",\"bad_requests\":%" PRIu64 ",\"score_requests\":%" PRIu64 ",\"scores\":%" PRIu64
                          ",\"experts\":{",
                          (double)(zoo_clock_ns() - s->started_ns) / 1e9, zoo_http_server_connections(s->http),
                          s->unknown_models, s->bad_requests, s->score_requests, s->scores);
    for (size_t i = 0; i < s->config->count && !failed; i++) {
        failed = (i && zoo_buf_add_str(&s->body, ",")) ||
                 add_tally(&s->body, s->config->experts[i].name, &s->tallies[i]);
        add_up(&all, &s->tallies[i]);
    }
    reply_body(s, exchange, failed || zoo_buf_add_str(&s->body, "},") || add_tally(&s->body, "total", &all) ||
                            zoo_buf_add_str(&s->body, "}"));
}

/* ---- life ---- */

static const zoo_http_route routes[] = {
    { "POST", "/v1/chat/completions", zoo_sim_handle_completion },
    { "GET", "/v1/models", handle_models },
    { "GET", "/health", handle_health },
    { "GET", "/stats", handle_stats },
    { "POST", "/score", zoo_sim_handle_score },
    { "POST", "/v1/score", zoo_sim_handle_score },
    { "POST", "/classify", zoo_sim_handle_classify },
    { "POST", "/pooling", zoo_sim_handle_pooling },
    { NULL, NULL, NULL }
};

int zoo_sim_server_new(zoo_sim_server **out, struct event_base *loop, unsigned port, const zoo_sim_config *config,
                       zoo_err *err)
{
    static const zoo_http_server_limits limits = { .max_body = 4 << 20, .max_connections = 8192 };
    zoo_sim_server *s = calloc(1, sizeof *s);
    char listen[32];
    int rc = ZOO_ENOMEM;

    *out = NULL;
    if (s)
        s->tallies = calloc(config->count, sizeof *s->tallies);
    if (!s || !s->tallies) {
        zoo_fail_nomem(err);
    } else {
        s->loop = loop;
        s->config = config;
        s->started_ns = zoo_clock_ns();
        s->body = (zoo_buf)ZOO_BUF_INIT(MAX_BODY_OUT);
        snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
        rc = zoo_http_server_new(&s->http, loop, listen, routes, s, &limits, err);
    }
    if (rc) {
        zoo_sim_server_free(s);
        return rc;
    }
    *out = s;
    return ZOO_OK;
}

const char *zoo_sim_server_url(const zoo_sim_server *server)
{
    return zoo_http_server_url(server->http);
}

void zoo_sim_server_free(zoo_sim_server *s)
{
    if (!s)
        return;
    zoo_http_server_free(s->http);           /* running exchanges leave, and take their jobs along */
    zoo_sim_drop_jobs(s);
    zoo_buf_release(&s->body);
    free(s->tallies);
    free(s);
}
