/* route_pool.h - routing on worker threads, so that the event loop never runs a forward pass. An n-gram router has a
 * worker for each thread; an encoder one worker, whose workspace has the threads,
 * and which takes short queries that wait together.
 *
 *     zoo_route_pool_new(&pool, loop, router, &limits, &err);
 *     job = zoo_route_submit(pool, text, size, routed, me);      // NULL: the queue is full
 *     ... routed(me, &routing) comes on the loop, unless zoo_route_cancel(job)
 *
 * The router is never the outage: a job that is not done by its deadline is given up, and its answer says so; what a
 * stuck worker holds is left to it. Layer: gateway. Threads: all functions on the loop's thread. */
#ifndef ZOO_GATEWAY_ROUTE_POOL_H
#define ZOO_GATEWAY_ROUTE_POOL_H
#include <stddef.h>
#include <event2/event.h>
#include "base/err.h"

typedef struct zoo_route_pool zoo_route_pool;
typedef struct zoo_route_job zoo_route_job;

typedef struct zoo_route_limits {
    unsigned threads;             /* at least 1; of an encoder's workspace, or workers */
    size_t queue;                 /* jobs waiting or running */
    unsigned deadline_ms;         /* from submission */
} zoo_route_limits;

typedef struct zoo_routing {
    enum { ZOO_ROUTING_DONE, ZOO_ROUTING_LATE, ZOO_ROUTING_FAILED } outcome;
    const float *probabilities;   /* (k), where done; valid until the callback returns */
    int was_cut;
    double seconds;               /* from submission */
    const char *message;          /* where failed */
} zoo_routing;

/* The function that routes; a test puts a slow or failing one in its place, one query at a time. As
 * zoo_router_route(). */
typedef int (*zoo_route_fn)(const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                            float *probabilities, zoo_decision *decision, zoo_err *err);

/* `router` must outlive the pool. route NULL: zoo_router_route. */
int zoo_route_pool_new(zoo_route_pool **out, struct event_base *loop, const zoo_router *router,
                       const zoo_route_limits *limits, zoo_route_fn route, zoo_err *err);
/* Waits for what is running; nothing is called back. NULL is fine. */
void zoo_route_pool_free(zoo_route_pool *pool);
/* Copies the text. */
zoo_route_job *zoo_route_submit(zoo_route_pool *pool, const char *text, size_t size,
                                void (*done)(void *context, const zoo_routing *routing), void *context);
void zoo_route_cancel(zoo_route_job *job);
size_t zoo_route_pool_load(const zoo_route_pool *pool);       /* jobs waiting or running */
#endif
