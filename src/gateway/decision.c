/* decision.c - a routing decision in words. Layer: gateway. */
#include "gateway/request.h"
#include <string.h>

/* Which of the router's experts the settings' expert e is; k: none. */
static size_t router_index(const zoo_upstreams *u, size_t e)
{
    size_t i = 0;

    while (i < u->k && !(u->allowed[i] && u->of_router[i] == e))
        i++;
    return i;
}

static float probability_of(const zoo_request *r, size_t place)
{
    const zoo_upstreams *u = &r->gateway->upstreams;
    size_t i = r->has_distribution && place < r->order_count ? router_index(u, r->order[place]) : u->k;

    return i < u->k ? r->probabilities[i] : 0;
}

float zoo_decision_probability(const zoo_request *r)
{
    return probability_of(r, r->attempt);
}

float zoo_decision_margin(const zoo_request *r)
{
    return probability_of(r, r->attempt) - probability_of(r, r->attempt + 1);
}

static int write_order(const zoo_request *r, zoo_buf *out)
{
    const zoo_upstreams *u = &r->gateway->upstreams;

    for (size_t i = 0; i < r->order_count; i++)
        if (zoo_buf_addf(out, "%s\"%s\"", i ? "," : "", u->names[r->order[i]]))
            return ZOO_ENOMEM;
    return ZOO_OK;
}

/* Of every expert that the router knows, asked or not. */
static int write_distribution(const zoo_request *r, zoo_buf *out)
{
    const zoo_router *router = r->gateway->router;

    for (size_t i = 0; i < r->gateway->upstreams.k; i++)
        if (zoo_buf_addf(out, "%s\"%s\":%.6g", i ? "," : "", zoo_router_expert(router, i), (double)r->probabilities[i]))
            return ZOO_ENOMEM;
    return ZOO_OK;
}

int zoo_decision_write(const zoo_request *r, zoo_buf *out)
{
    const char *name = r->gateway->upstreams.names[r->order[0]];
    int failed = zoo_buf_addf(out, "{\"expert\":\"%s\",\"reason\":\"%s\",", name, zoo_reason_names[r->reason]);

    if (!failed && r->has_distribution)
        failed = zoo_buf_addf(out, "\"probability\":%.6g,\"margin\":%.6g,\"probabilities\":{",
                              (double)zoo_decision_probability(r), (double)zoo_decision_margin(r)) ||
                 write_distribution(r, out) || zoo_buf_add_str(out, "},");
    else if (!failed)
        failed = zoo_buf_add_str(out, "\"probability\":null,\"margin\":null,\"probabilities\":null,");
    return failed || zoo_buf_add_str(out, "\"order\":[") || write_order(r, out) ||
           zoo_buf_addf(out, "],\"cut\":%s,\"route_ms\":%.3f}", r->was_cut ? "true" : "false", r->route_seconds * 1e3) ?
           ZOO_ENOMEM : ZOO_OK;
}
