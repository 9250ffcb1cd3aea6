/* core.h - what the gateway's files share. Nothing outside src/gateway includes it. Threads: the loop's. */
#ifndef ZOO_GATEWAY_CORE_H
#define ZOO_GATEWAY_CORE_H
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event.h>
#include "gateway/config.h"
#include "gateway/metrics.h"
#include "gateway/route_pool.h"
#include "gateway/upstreams.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define ZOO_GATEWAY_MODEL "zooter"           /* the model that is routed */

TAILQ_HEAD(zoo_request_list, zoo_request);

struct zoo_gateway {
    const zoo_gateway_config *config;
    const zoo_log *log;
    struct event_base *loop;
    zoo_router *router;
    zoo_upstreams upstreams;
    zoo_route_pool *pool;
    zoo_http_client *client;
    zoo_http_server *server;
    zoo_metrics metrics;
    struct zoo_request_list running, spare;
    size_t in_flight;
    uint64_t id_seed, id_count;
    int64_t started_s;                       /* wall clock */
    struct event *on_term, *on_int, *on_drain;
    int is_draining;
    uint64_t drain_until_ns;
};

/* POST /v1/chat/completions and POST /v1/route; context: the zoo_gateway. */
void zoo_request_chat(zoo_http_exchange *exchange, void *context);
void zoo_request_route(zoo_http_exchange *exchange, void *context);
void zoo_requests_release(struct zoo_gateway *gateway);      /* the spare ones; none may run */
#endif
