/* dispatch.h - many requests to several endpoints at once, each tried again until it succeeds or there is no hope.
 *
 *     zoo_dispatch *d;
 *     zoo_dispatch_new(&d, loop, lanes, n, &limits, &(zoo_dispatch_hooks){ next, take, lose, settle, me }, &err);
 *     rc = zoo_dispatch_run(d, &err);    // runs the loop until everything is taken or lost, or zoo_dispatch_stop()
 *     zoo_dispatch_free(d);
 *
 * A lane is one endpoint. Work is pulled: `next` is asked for a lane's next request when there is room for it, so that
 * memory is bounded by what is in flight. Failures that may pass (no connection, time limits, 408, 425, 429, 5xx,
 * replies that make no sense) are tried again after 0.5 s, 1 s, 2 s... (at most 30 s, shortened at random by up to a
 * half) or after what Retry-After says (at most 10 min), which holds back the whole lane; other failures are final. A
 * request that waits to be tried again keeps its place in its lane and none in the total, so that a lane that is down
 * does not hold up the others. A lane that loses ZOO_DISPATCH_GIVE_UP requests in a row is not asked again.
 * Knows nothing of what is asked. Layer: llm -> net, base. Threads: the loop's only. */
#ifndef ZOO_LLM_DISPATCH_H
#define ZOO_LLM_DISPATCH_H
#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>
#include "base/buf.h"
#include "base/err.h"

enum { ZOO_DISPATCH_GIVE_UP = 20 };

typedef struct zoo_dispatch zoo_dispatch;

typedef struct zoo_lane {
    const char *name, *url;            /* what sentences call it; where it is POSTed to. Borrowed. */
    const char *api_key;               /* sent as bearer token; NULL: none. Never in sentences. */
    /* Counted by the dispatch, for the caller to read: */
    uint64_t asked, taken, retried, lost;
    int gave_up;
    char last_failure[300];            /* "" where nothing was lost; UTF-8, whatever the reply was */
} zoo_lane;

typedef struct zoo_dispatch_limits {
    unsigned in_flight, per_lane;      /* requests at once, in all and of one lane; >= 1 */
    unsigned retries;                  /* further attempts after the first */
    unsigned timeout_ms;               /* of one attempt, 0: none */
    size_t max_reply;                  /* bytes; longer ones are lost */
} zoo_dispatch_limits;

/* What a request is about, for the caller: given by next, handed back to take and lose. */
typedef struct zoo_job { int64_t query, expert, sample, turn; } zoo_job;

/* Where a negative code is returned that is not said to mean something else,
 * everything stops and zoo_dispatch_run() returns it. */
typedef struct zoo_dispatch_hooks {
    /* 1: appended the lane's next request to `body` and set *job; 0: the lane has no more. */
    int (*next)(void *context, size_t lane, zoo_buf *body, zoo_job *job, zoo_err *err);
    /* A reply with a status of 2xx. ZOO_EFORMAT: it makes no sense, and the request is tried again. ZOO_ECONFLICT: it
     * is no answer and would be none again; the request is lost for good. */
    int (*take)(void *context, size_t lane, const zoo_job *job, const char *reply, size_t size, double seconds,
                zoo_err *err);
    /* There is no hope in this run; lane->last_failure says why. is_final: nor in a later one, because the cause will
     * not pass. May be NULL. */
    int (*lose)(void *context, size_t lane, const zoo_job *job, int is_final, zoo_err *err);
    /* Once in each turn of the loop in which something was taken or lost, and before anything further is asked: the
     * time to commit, so that no more than limits.in_flight answers are ever paid for and not kept. May be NULL. */
    int (*settle)(void *context, zoo_err *err);
    void *context;
} zoo_dispatch_hooks;

/* lanes[0..n), limits and hooks are borrowed until zoo_dispatch_free(). */
int zoo_dispatch_new(zoo_dispatch **out, struct event_base *loop, zoo_lane *lanes, size_t n,
                     const zoo_dispatch_limits *limits, const zoo_dispatch_hooks *hooks, zoo_err *err);
/* ZOO_OK: every request was taken or lost; ZOO_ECANCELED: stopped. */
int zoo_dispatch_run(zoo_dispatch *d, zoo_err *err);
/* Starts nothing more; what is in flight gets `grace_ms` to end. Called again, it ends at once. */
void zoo_dispatch_stop(zoo_dispatch *d, unsigned grace_ms);
void zoo_dispatch_free(zoo_dispatch *d);          /* NULL is fine */
#endif
