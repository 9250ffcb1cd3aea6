/* gateway.c - see gateway.h. */
#include "gateway/gateway.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "base/clock.h"
#include "base/parallel.h"
#include "gateway/core.h"
#include "model/router.h"

enum { DRAIN_LOOK_MS = 20 };

/* ---- small answers ---- */

static void reply_buf(zoo_http_exchange *exchange, int failed, const char *type, zoo_buf *body)
{
    if (failed)
        zoo_http_reply_error(exchange, 500, "server_error", NULL, "out of memory");
    else
        zoo_http_reply(exchange, 200, type, body->data, body->size);
    zoo_buf_release(body);
}

static int write_model(const struct zoo_gateway *g, const char *name, zoo_buf *out)
{
    return zoo_buf_addf(out, "{\"id\":\"%s\",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"zooter\"}", name,
                        (long long)g->started_s);
}

static void get_models(zoo_http_exchange *exchange, void *context)
{
    const struct zoo_gateway *g = context;
    zoo_buf out = ZOO_BUF_INIT(1 << 20);
    int failed = zoo_buf_add_str(&out, "{\"object\":\"list\",\"data\":[") || write_model(g, ZOO_GATEWAY_MODEL, &out);

    for (size_t i = 0; !failed && i < g->upstreams.n; i++)
        failed = zoo_buf_add_str(&out, ",") || write_model(g, g->upstreams.names[i], &out);
    reply_buf(exchange, failed || zoo_buf_add_str(&out, "]}"), "application/json", &out);
}

/* Whether the end of a path is this name; clients may percent-encode what else means something in URLs: '/',
 * ':', '@', '+'. */
static int is_name(const char *path, const char *name)
{
    for (; *path && *name; path++, name++) {
        char c = *path, hex[3] = "";
        if (c == '%' && isxdigit((unsigned char)path[1]) && isxdigit((unsigned char)path[2])) {
            memcpy(hex, path + 1, 2);
            c = (char)strtoul(hex, NULL, 16);
            path += 2;
        }
        if (c != *name)
            return 0;
    }
    return !*path && !*name;
}

static void get_model(zoo_http_exchange *exchange, void *context)
{
    const struct zoo_gateway *g = context;
    const char *path = zoo_http_path(exchange) + strlen("/v1/models/"), *name = NULL;
    zoo_buf out = ZOO_BUF_INIT(1000);

    for (size_t i = 0; !name && i < g->upstreams.n; i++)
        name = is_name(path, g->upstreams.names[i]) ? g->upstreams.names[i] : NULL;
    if (!name && is_name(path, ZOO_GATEWAY_MODEL))
        name = ZOO_GATEWAY_MODEL;
    if (!name)
        zoo_http_reply_error(exchange, 404, "invalid_request_error", "model_not_found",
                             "there is no such model; GET /v1/models lists those that exist");
    else
        reply_buf(exchange, write_model(g, name, &out), "application/json", &out);
}

static void get_health(zoo_http_exchange *exchange, void *context)
{
    const struct zoo_gateway *g = context;

    if (g->is_draining)
        zoo_http_reply(exchange, 503, "application/json", "{\"status\":\"draining\"}", 21);
    else
        zoo_http_reply(exchange, 200, "application/json", "{\"status\":\"ok\"}", 15);
}

static void get_metrics(zoo_http_exchange *exchange, void *context)
{
    struct zoo_gateway *g = context;
    zoo_buf out = ZOO_BUF_INIT(64 << 20);
    int failed = zoo_metrics_write(&g->metrics, g->in_flight, zoo_route_pool_load(g->pool), &out);

    reply_buf(exchange, failed, "text/plain; version=0.0.4; charset=utf-8", &out);
}

static const zoo_http_route routes[] = {
    { "POST", "/v1/chat/completions", zoo_request_chat }, { "POST", "/v1/route", zoo_request_route },
    { "GET", "/v1/models", get_models }, { "GET", "/v1/models/*", get_model }, { "GET", "/health", get_health },
    { "GET", "/metrics", get_metrics }, { NULL, NULL, NULL } };

/* ---- the end ---- */

static void on_drain_look(evutil_socket_t fd, short what, void *context)
{
    struct zoo_gateway *g = context;

    (void)fd;
    (void)what;
    if (!zoo_http_server_connections(g->server) || zoo_clock_ns() >= g->drain_until_ns)
        event_base_loopbreak(g->loop);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct zoo_gateway *g = context;

    (void)what;
    if (g->is_draining) {
        event_base_loopbreak(g->loop);
        return;
    }
    zoo_log_write(g->log, ZOO_LOG_INFO, "%s: no more is accepted; %zu requests are brought to their end",
                  number == SIGINT ? "SIGINT" : "SIGTERM", g->in_flight);
    g->is_draining = 1;
    g->drain_until_ns = zoo_clock_ns() + g->config->drain_s * UINT64_C(1000000000);
    zoo_http_server_stop(g->server);
    event_add(g->on_drain, &(struct timeval){ 0, DRAIN_LOOK_MS * 1000 });
}

/* ---- the gateway ---- */

static int new_loop(struct zoo_gateway *g, zoo_err *err)
{
    struct event_config *config = event_config_new();

    if (config) {
        /* libcurl adds and removes its sockets a lot */
        event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        g->loop = event_base_new_with_config(config);
        event_config_free(config);
    }
    return g->loop ? ZOO_OK : zoo_fail(err, ZOO_ENOMEM, "cannot make an event loop");
}

static int catch_signals(struct zoo_gateway *g, zoo_err *err)
{
    g->on_term = evsignal_new(g->loop, SIGTERM, on_signal, g);
    g->on_int = evsignal_new(g->loop, SIGINT, on_signal, g);
    g->on_drain = event_new(g->loop, -1, EV_PERSIST, on_drain_look, g);
    if (!g->on_term || !g->on_int || !g->on_drain || event_add(g->on_term, NULL) || event_add(g->on_int, NULL))
        return zoo_fail_nomem(err);
    return ZOO_OK;
}

/* What needs neither loop nor socket. */
static int open_router(struct zoo_gateway *g, zoo_err *err)
{
    zoo_options options = { .size = sizeof options, .precision = g->config->precision };
    int failed = zoo_router_open_with(&g->router, g->config->router, &options, err);

    if (!failed)
        failed = zoo_upstreams_init(&g->upstreams, g->config, g->router, g->log, err);
    return failed;
}

/* The loop needs a processor of its own more than an n-gram router needs another. An encoder's pass is long,
 * and shared out. */
static unsigned route_threads(const struct zoo_gateway *g)
{
    unsigned processors = zoo_parallel_processors();

    if (g->config->route_threads)
        return g->config->route_threads;
    return zoo_router_packs(g->router) || processors < 2 ? processors : processors - 1;
}

/* What people who read the log want to know of the router. */
static void describe_router(const struct zoo_gateway *g)
{
    const zoo_router_facts *facts = zoo_router_facts_of(g->router);
    size_t known = 0;

    for (size_t i = 0; i < facts->k; i++)
        known += !isnan(facts->mean_rewards[i]);
    if (zoo_router_packs(g->router))
        zoo_log_write(g->log, ZOO_LOG_INFO, "router %s: an encoder over %zu experts, %s, on %u threads",
                      g->config->router, facts->k, zoo_precision_name(zoo_router_precision(g->router)),
                      route_threads(g));
    if (!known && !g->config->default_expert)
        zoo_log_write(g->log, ZOO_LOG_WARN,
                      "the router %s tells no mean rewards: where it has nothing to say, %s, its first expert here, is "
                      "asked; set default_expert", g->config->router,
                      g->upstreams.names[g->upstreams.default_order[0]]);
}

static int start_parts(struct zoo_gateway *g, zoo_err *err)
{
    const zoo_gateway_config *c = g->config;
    zoo_route_limits routing = { route_threads(g), c->route_queue, c->route_ms };
    zoo_http_limits out = { .max_body = c->max_answer, .max_connections = c->in_flight };
    zoo_http_server_limits in = { .max_body = c->max_body, .max_connections = c->connections };
    int failed = zoo_metrics_init(&g->metrics, g->upstreams.names, g->upstreams.n, err);

    if (!failed)
        failed = new_loop(g, err);
    if (!failed)
        failed = zoo_route_pool_new(&g->pool, g->loop, g->router, &routing, NULL, err);
    if (!failed)
        failed = zoo_http_client_new(&g->client, g->loop, &out, err);
    if (!failed)
        failed = zoo_http_server_new(&g->server, g->loop, c->listen, routes, g, &in, err);
    if (!failed)
        failed = catch_signals(g, err);
    return failed;
}

int zoo_gateway_new(zoo_gateway **out, const zoo_gateway_config *config, const zoo_log *log, zoo_err *err)
{
    struct zoo_gateway *g = calloc(1, sizeof *g);
    int failed;

    *out = NULL;
    if (!g)
        return zoo_fail_nomem(err);
    g->config = config;
    g->log = log;
    TAILQ_INIT(&g->running);
    TAILQ_INIT(&g->spare);
    g->started_s = zoo_clock_wall_ms() / 1000;
    if (getrandom(&g->id_seed, sizeof g->id_seed, GRND_NONBLOCK) != (ssize_t)sizeof g->id_seed)
        g->id_seed = zoo_clock_ns();
    failed = open_router(g, err);
    if (!failed)
        describe_router(g);
    if (!failed)
        failed = start_parts(g, err);
    if (failed)
        zoo_gateway_free(g);
    else
        *out = g;
    return failed;
}

const char *zoo_gateway_url(const zoo_gateway *g)
{
    return zoo_http_server_url(g->server);
}

int zoo_gateway_run(zoo_gateway *g, zoo_err *err)
{
    if (event_base_dispatch(g->loop) < 0)
        return zoo_fail(err, ZOO_EIO, "the event loop failed");
    if (g->in_flight)
        zoo_log_write(g->log, ZOO_LOG_WARN, "%zu requests were not done within %u s and are cut off", g->in_flight,
                      g->config->drain_s);
    return ZOO_OK;
}

void zoo_gateway_free(zoo_gateway *g)
{
    struct event *events[3];

    if (!g)
        return;
    zoo_http_server_free(g->server);             /* requests that still run see their clients leave */
    zoo_http_client_free(g->client);
    zoo_route_pool_free(g->pool);
    zoo_requests_release(g);
    events[0] = g->on_term, events[1] = g->on_int, events[2] = g->on_drain;
    for (size_t i = 0; i < 3; i++)
        if (events[i])
            event_free(events[i]);
    if (g->loop)
        event_base_free(g->loop);
    zoo_metrics_release(&g->metrics);
    zoo_upstreams_release(&g->upstreams);
    zoo_router_close(g->router);
    free(g);
}

int zoo_gateway_check(const zoo_gateway_config *config, const zoo_log *log, zoo_buf *summary, zoo_err *err)
{
    struct zoo_gateway g = { .config = config, .log = log };
    int failed = open_router(&g, err);

    if (!failed && summary &&
        zoo_buf_addf(summary, "%s: ok: %zu experts, %zu of them known to the router %s, default %s, to listen on %s",
                     config->path, g.upstreams.n, g.upstreams.shared, config->router,
                     g.upstreams.names[g.upstreams.default_order[0]], config->listen))
        failed = zoo_fail_nomem(err);
    zoo_upstreams_release(&g.upstreams);
    zoo_router_close(g.router);
    return failed;
}
