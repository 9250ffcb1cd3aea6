/* metrics.h - what the gateway counts, and its page for Prometheus.
 * Names of experts are the only labels that vary, so the page has a bounded size. Layer: gateway -> base.
 * Threads: the loop's. */
#ifndef ZOO_GATEWAY_METRICS_H
#define ZOO_GATEWAY_METRICS_H
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

/* Why an expert was asked. */
enum zoo_reason { ZOO_REASON_ROUTED, ZOO_REASON_DEFAULT, ZOO_REASON_NAMED, ZOO_REASON_NO_TEXT, ZOO_REASON_OVERLOADED,
                  ZOO_REASON_FAILOVER, ZOO_REASONS };
/* How a request ended. */
enum zoo_outcome { ZOO_OUTCOME_OK, ZOO_OUTCOME_REJECTED /* by the expert: its own 4xx */, ZOO_OUTCOME_FAILED,
                   ZOO_OUTCOME_LEFT, ZOO_OUTCOMES };
/* Why an expert did not answer. */
enum zoo_cause { ZOO_CAUSE_CONNECT, ZOO_CAUSE_TIMEOUT, ZOO_CAUSE_STATUS, ZOO_CAUSE_LIMITED, ZOO_CAUSE_GARBAGE,
                 ZOO_CAUSE_CUT, ZOO_CAUSE_TOO_LARGE, ZOO_CAUSES };
/* Why a request reached no expert. */
enum zoo_refusal { ZOO_REFUSAL_INVALID, ZOO_REFUSAL_UNKNOWN_MODEL, ZOO_REFUSAL_OVERLOADED, ZOO_REFUSAL_LEFT,
                   ZOO_REFUSALS };

extern const char *const zoo_reason_names[ZOO_REASONS];         /* "routed", "no-text"...: also in x-zooter-reason */
extern const char *const zoo_outcome_names[ZOO_OUTCOMES];
extern const char *const zoo_cause_names[ZOO_CAUSES];

enum { ZOO_HISTOGRAM_BUCKETS = 16 };
typedef struct zoo_histogram { uint64_t buckets[ZOO_HISTOGRAM_BUCKETS + 1]; double sum; } zoo_histogram;

struct zoo_expert_metrics {
    uint64_t requests[ZOO_OUTCOMES], failures[ZOO_CAUSES];
    zoo_histogram first_token, duration;                         /* seconds from the request's arrival */
};

typedef struct zoo_metrics {
    size_t experts;
    const char *const *names;                                    /* (experts), borrowed */
    struct zoo_expert_metrics *of;                               /* (experts) */
    uint64_t reasons[ZOO_REASONS], refusals[ZOO_REFUSALS], failovers;
    zoo_histogram route;
} zoo_metrics;

int zoo_metrics_init(zoo_metrics *metrics, const char *const *names, size_t experts, zoo_err *err);
void zoo_metrics_release(zoo_metrics *metrics);
/* Adds `seconds` to a histogram whose first bucket ends at `first`; each bucket ends at 2.5,
 * 5 and 10 times a power of ten. */
void zoo_histogram_add(zoo_histogram *histogram, double first, double seconds);
/* Gauges are given, since others keep them. ZOO_ENOMEM where the page does not fit. */
int zoo_metrics_write(const zoo_metrics *metrics, size_t in_flight, size_t route_load, zoo_buf *out);

#define ZOO_METRICS_ROUTE_FIRST 1e-5
#define ZOO_METRICS_ANSWER_FIRST 1e-3
#endif
