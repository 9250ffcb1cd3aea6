/* request.h - one request on its way through the gateway; see request.c for the states.
 * Nothing outside src/gateway includes it.
 * Threads: the loop's. */
#ifndef ZOO_GATEWAY_REQUEST_H
#define ZOO_GATEWAY_REQUEST_H
#include "gateway/body.h"
#include "gateway/core.h"
#include "gateway/sse.h"

enum zoo_request_state { ZOO_REQUEST_READ, ZOO_REQUEST_ROUTE, ZOO_REQUEST_CONNECT, ZOO_REQUEST_STREAM };

typedef struct zoo_request {
    struct zoo_gateway *gateway;
    zoo_http_exchange *exchange;
    enum zoo_request_state state;
    char id[24];
    uint64_t started_ns;
    zoo_chat_body body;                      /* places in the exchange's own memory */
    /* The decision. */
    int is_question;                         /* POST /v1/route: the decision is the answer */
    zoo_route_job *job;                      /* in ROUTE */
    enum zoo_reason reason;
    int has_distribution, was_cut;
    float *probabilities;                    /* (k) */
    size_t *order;                           /* (order_count) experts to try; order[attempt] is asked now */
    size_t order_count, attempt;
    double route_seconds;
    /* The expert's answer. */
    zoo_http_call *call;                     /* in CONNECT and STREAM */
    struct event *timer;                     /* in CONNECT: until the first content token, or the answer */
    zoo_buf forward;                         /* the request as it is sent on */
    zoo_buf held;                            /* what came and is not passed on yet */
    zoo_sse sse;
    int status, is_sse, is_blocked;
    char content_type[128];
    TAILQ_ENTRY(zoo_request) link;           /* running or spare */
} zoo_request;

/* ---- what an expert answers: answer.c ---- */

/* Asks order[attempt]; CONNECT begins. */
void zoo_request_ask(zoo_request *r);

/* ---- the ends: request.c ---- */

/* No expert was or can be asked: an error in OpenAI's shape. */
void zoo_request_refuse(zoo_request *r, int status, enum zoo_refusal why, const char *code, const char *message);
/* The exchange is answered; counts, logs, gives the request back. */
void zoo_request_finish(zoo_request *r, enum zoo_outcome outcome, int status);

/* ---- the answer to POST /v1/route: decision.c ---- */

/* Appends {"expert": ..., "order": [...], ...}. */
int zoo_decision_write(const zoo_request *r, zoo_buf *out);
/* Of the expert that is asked, and its lead over the next in order; 0 where there is no distribution. */
float zoo_decision_probability(const zoo_request *r);
float zoo_decision_margin(const zoo_request *r);
#endif
