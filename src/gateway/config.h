/* config.h - the settings of `zooter serve`, from YAML, checked, with defaults filled in.
 *
 *     listen: 127.0.0.1:8080               # required; port 0: a free one
 *     router: my-router                    # required; a checkpoint folder, relative to the working directory
 *     experts: [...]                       # required; see llm/experts.h
 *     default_expert: coder                # default: the router's best on average among the experts here
 *     allow_anonymous: false               # true: listen beyond loopback although anyone may ask
 *     timeouts: {connect: 5, first_token: 60, answer: 300, idle: 60, total: 600}      # seconds
 *     limits: {in_flight: 1024, connections: 4096, body_mib: 16, answer_mib: 64, route_queue: 256, route_ms: 50, drain:
 *     30}
 *     route_threads: 2                     # default: one per processor for an encoder, else all but one, at least 1
 *     precision: auto                      # of an encoder: auto, f32, bf16 or int8
 *     log: info                            # error, warn, info or debug
 *
 * Layer: gateway -> llm, net, base. Thread-safe. */
#ifndef ZOO_GATEWAY_CONFIG_H
#define ZOO_GATEWAY_CONFIG_H
#include "base/log.h"
#include "llm/experts.h"

typedef struct zoo_gateway_config {
    zoo_experts experts;
    const char *path;                        /* of the file, for sentences */
    const char *listen, *router;
    const char *default_expert;              /* NULL: not set */
    int allow_anonymous;
    unsigned connect_ms, first_token_ms, answer_ms, idle_ms, total_ms;
    unsigned in_flight, connections, route_queue, route_ms, drain_s;
    unsigned route_threads;                  /* 0: not set */
    enum zoo_precision precision;
    size_t max_body, max_answer;             /* bytes */
    enum zoo_log_level log_level;
    zoo_arena arena;
} zoo_gateway_config;

/* zoo_gateway_config_release() in any case. ZOO_EIO, ZOO_EFORMAT. */
int zoo_gateway_config_load(zoo_gateway_config *config, const char *path, zoo_err *err);
void zoo_gateway_config_release(zoo_gateway_config *config);
#endif
