/* metrics.c - what the gateway counts, and its page for Prometheus; see metrics.h. */
#include "gateway/metrics.h"
#include <stdlib.h>

const char *const zoo_reason_names[ZOO_REASONS] = { "routed", "default", "named", "no-text", "overloaded", "failover" };
const char *const zoo_outcome_names[ZOO_OUTCOMES] = { "ok", "rejected", "failed", "left" };
const char *const zoo_cause_names[ZOO_CAUSES] = { "connect", "timeout", "status", "limited", "garbage", "cut",
                                                  "too_large" };
static const char *const refusal_names[ZOO_REFUSALS] = { "invalid", "unknown_model", "overloaded", "left" };

int zoo_metrics_init(zoo_metrics *m, const char *const *names, size_t experts, zoo_err *err)
{
    *m = (zoo_metrics){ .experts = experts, .names = names };
    m->of = calloc(experts, sizeof *m->of);
    return m->of ? ZOO_OK : zoo_fail_nomem(err);
}

void zoo_metrics_release(zoo_metrics *m)
{
    free(m->of);
    m->of = NULL;
}

/* 1, 2.5, 5, 10, 25, 50... times `first`. */
static double bucket_end(double first, size_t i)
{
    static const double steps[] = { 1, 2.5, 5 };
    double end = first * steps[i % 3];

    for (; i >= 3; i -= 3)
        end *= 10;
    return end;
}

void zoo_histogram_add(zoo_histogram *h, double first, double seconds)
{
    size_t i = 0;

    while (i < ZOO_HISTOGRAM_BUCKETS && !(seconds <= bucket_end(first, i)))
        i++;
    h->buckets[i]++;
    h->sum += seconds;
}

/* ---- the page ---- */

static int write_head(zoo_buf *out, const char *name, const char *type, const char *help)
{
    return zoo_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* label: "expert=\"a\"," or "". */
static int write_histogram(zoo_buf *out, const char *name, const char *label, const zoo_histogram *h, double first)
{
    uint64_t total = 0;
    int n = 0;

    for (size_t i = 0; i < ZOO_HISTOGRAM_BUCKETS; i++) {
        total += h->buckets[i];
        if (zoo_buf_addf(out, "%s_bucket{%sle=\"%.9g\"} %llu\n", name, label, bucket_end(first, i),
                         (unsigned long long)total))
            return ZOO_ENOMEM;
    }
    total += h->buckets[ZOO_HISTOGRAM_BUCKETS];
    while (label[n] && label[n] != ',')
        n++;
    return zoo_buf_addf(out, "%s_bucket{%sle=\"+Inf\"} %llu\n%s_sum{%.*s} %.9g\n%s_count{%.*s} %llu\n", name, label,
                        (unsigned long long)total, name, n, label, h->sum, name, n, label, (unsigned long long)total);
}

static int write_counts(zoo_buf *out, const char *name, const char *label, const char *const *values,
                        const uint64_t *counts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (zoo_buf_addf(out, "%s{%s=\"%s\"} %llu\n", name, label, values[i], (unsigned long long)counts[i]))
            return ZOO_ENOMEM;
    return ZOO_OK;
}

/* A counter with the labels expert and `label`; counts: those of one expert. */
static int write_by_expert(zoo_buf *out, const zoo_metrics *m, const char *name, const char *label,
                           const char *const *values, size_t n,
                           const uint64_t *(*counts)(const struct zoo_expert_metrics *))
{
    for (size_t e = 0; e < m->experts; e++)
        for (size_t i = 0; i < n; i++)
            if (zoo_buf_addf(out, "%s{expert=\"%s\",%s=\"%s\"} %llu\n", name, m->names[e], label, values[i],
                             (unsigned long long)counts(&m->of[e])[i]))
                return ZOO_ENOMEM;
    return ZOO_OK;
}

static const uint64_t *requests_of(const struct zoo_expert_metrics *e) { return e->requests; }
static const uint64_t *failures_of(const struct zoo_expert_metrics *e) { return e->failures; }
static const zoo_histogram *first_token_of(const struct zoo_expert_metrics *e) { return &e->first_token; }
static const zoo_histogram *duration_of(const struct zoo_expert_metrics *e) { return &e->duration; }

static int write_histograms(zoo_buf *out, const zoo_metrics *m, const char *name,
                            const zoo_histogram *(*of)(const struct zoo_expert_metrics *))
{
    char label[200];

    for (size_t e = 0; e < m->experts; e++) {
        snprintf(label, sizeof label, "expert=\"%s\",", m->names[e]);
        if (write_histogram(out, name, label, of(&m->of[e]), ZOO_METRICS_ANSWER_FIRST))
            return ZOO_ENOMEM;
    }
    return ZOO_OK;
}

int zoo_metrics_write(const zoo_metrics *m, size_t in_flight, size_t route_load, zoo_buf *out)
{
    if (write_head(out, "zooter_requests_total", "counter",
                   "Chat requests by the expert that ended them and their outcome.") ||
        write_by_expert(out, m, "zooter_requests_total", "outcome", zoo_outcome_names, ZOO_OUTCOMES, requests_of) ||
        write_head(out, "zooter_decisions_total", "counter",
                   "Chat requests by the reason for which their expert was asked.") ||
        write_counts(out, "zooter_decisions_total", "reason", zoo_reason_names, m->reasons, ZOO_REASONS) ||
        write_head(out, "zooter_refused_total", "counter", "Chat requests that reached no expert.") ||
        write_counts(out, "zooter_refused_total", "cause", refusal_names, m->refusals, ZOO_REFUSALS) ||
        write_head(out, "zooter_expert_failures_total", "counter",
                   "Attempts that an expert did not answer, by cause.") ||
        write_by_expert(out, m, "zooter_expert_failures_total", "cause", zoo_cause_names, ZOO_CAUSES, failures_of) ||
        write_head(out, "zooter_failovers_total", "counter", "Attempts at a further expert after one had failed.") ||
        zoo_buf_addf(out, "zooter_failovers_total %llu\n", (unsigned long long)m->failovers) ||
        write_head(out, "zooter_route_seconds", "histogram", "Time to a routing decision, waiting included.") ||
        write_histogram(out, "zooter_route_seconds", "", &m->route, ZOO_METRICS_ROUTE_FIRST) ||
        write_head(out, "zooter_first_token_seconds", "histogram",
                   "Time from a request to its first content token; without streaming, to the answer.") ||
        write_histograms(out, m, "zooter_first_token_seconds", first_token_of) ||
        write_head(out, "zooter_request_seconds", "histogram", "Time from a request to the end of its answer.") ||
        write_histograms(out, m, "zooter_request_seconds", duration_of) ||
        write_head(out, "zooter_in_flight", "gauge", "Chat requests being answered.") ||
        zoo_buf_addf(out, "zooter_in_flight %zu\n", in_flight) ||
        write_head(out, "zooter_route_queue", "gauge", "Queries waiting for the router or in it.") ||
        zoo_buf_addf(out, "zooter_route_queue %zu\n", route_load))
        return ZOO_ENOMEM;
    return ZOO_OK;
}
