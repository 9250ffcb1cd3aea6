/* server.h - simulated experts behind the API that real ones have: an OpenAI-compatible upstream for demos,
 * tests and load.
 *
 *     zoo_sim_server_new(&server, loop, 8001, &config, &err);       // loopback only; port 0: a free one
 *     fprintf(stderr, "listening on %s\n", zoo_sim_server_url(server));
 *     event_base_dispatch(loop);
 *     zoo_sim_server_free(server);
 *
 * POST /v1/chat/completions (streaming or not), GET /v1/models, /health, /stats; POST /score, /classify, /pooling in
 * the shape of vLLM's reward endpoints. Says "simulated" wherever a client could take it for real.
 * Layer: sim -> net, base. Threads: the loop's only. */
#ifndef ZOO_SIM_SERVER_H
#define ZOO_SIM_SERVER_H
#include <event2/event.h>
#include "base/err.h"
#include "sim/expert.h"

typedef struct zoo_sim_server zoo_sim_server;

/* `config` must outlive the server. */
int zoo_sim_server_new(zoo_sim_server **out, struct event_base *loop, unsigned port, const zoo_sim_config *config,
                       zoo_err *err);
const char *zoo_sim_server_url(const zoo_sim_server *server);
void zoo_sim_server_free(zoo_sim_server *server);          /* closes all; NULL is fine */
#endif
