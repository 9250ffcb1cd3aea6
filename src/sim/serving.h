/* serving.h - what server.c, completion.c and score.c share. Layer: sim; included by nothing outside this room. */
#ifndef ZOO_SIM_SERVING_H
#define ZOO_SIM_SERVING_H
#include "base/buf.h"
#include "base/json.h"
#include "net/http_server.h"
#include "sim/server.h"

/* What became of an expert's requests; each ends in exactly one of answered, failed, cut, cancelled. */
struct zoo_sim_tally {
    uint64_t requests, streamed, answered, failed, cut, cancelled;
    uint64_t stalled;                        /* begun and kept hanging; cancelled when the client leaves */
    uint64_t prompt_tokens, completion_tokens;
};

struct zoo_sim_server {
    struct event_base *loop;
    zoo_http_server *http;
    const zoo_sim_config *config;
    struct zoo_sim_tally *tallies;           /* (config->count) */
    uint64_t number;                         /* of requests for completions so far */
    uint64_t unknown_models, bad_requests, score_requests, scores;
    uint64_t started_ns;
    struct zoo_sim_job *jobs;                /* completions under way */
    zoo_buf body;                            /* of the answer being written */
};

/* Parses the body as an object; NULL: refused, and the exchange is answered. */
json_t *zoo_sim_read_body(zoo_sim_server *server, zoo_http_exchange *exchange);
void zoo_sim_refuse(zoo_sim_server *server, zoo_http_exchange *exchange, const char *message);       /* 400 */
void zoo_sim_out_of_memory(zoo_http_exchange *exchange);                                             /* 500 */
/* The text of a message: its string, or its text parts joined by line ends, in `out` (cleared first). 0,
 * or -1: it has none. */
int zoo_sim_message_text(const json_t *message, zoo_buf *out);
/* The last message of that role; NULL: none. */
const json_t *zoo_sim_last_message(const json_t *messages, const char *role);

void zoo_sim_handle_completion(zoo_http_exchange *exchange, void *server);
void zoo_sim_drop_jobs(zoo_sim_server *server);
void zoo_sim_handle_score(zoo_http_exchange *exchange, void *server);
void zoo_sim_handle_classify(zoo_http_exchange *exchange, void *server);
void zoo_sim_handle_pooling(zoo_http_exchange *exchange, void *server);
#endif
