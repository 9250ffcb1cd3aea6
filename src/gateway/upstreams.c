/* upstreams.c - the experts of the settings and those of the router, brought together: who can be asked, how, and in
 * which order; see upstreams.h. */
#include "gateway/upstreams.h"
#include <math.h>
#include <string.h>
#include "base/buf.h"
#include "model/router.h"
#include "route/policy.h"

enum { MAX_TEXT = 16 << 10 };

/* A formatted text in the arena: its buffer is given back. */
static const char *keep(zoo_arena *arena, zoo_buf *text, int failed)
{
    const char *kept = failed ? NULL : zoo_arena_copy(arena, text->data, text->size);

    zoo_buf_release(text);
    return kept;
}

static int prepare(zoo_upstream *u, const zoo_expert *expert, zoo_arena *arena, zoo_err *err)
{
    zoo_buf url = ZOO_BUF_INIT(MAX_TEXT), key = ZOO_BUF_INIT(MAX_TEXT), model = ZOO_BUF_INIT(MAX_TEXT);

    u->expert = expert;
    u->url = keep(arena, &url, zoo_buf_addf(&url, "%s/chat/completions", expert->base_url));
    u->model = keep(arena, &model, zoo_buf_add_json_str(&model, expert->model, strlen(expert->model)));
    if (expert->api_key)
        u->authorization = keep(arena, &key, zoo_buf_addf(&key, "Authorization: Bearer %s", expert->api_key));
    return u->url && u->model && (u->authorization || !expert->api_key) ? ZOO_OK : zoo_fail_nomem(err);
}

static int find(const zoo_upstreams *u, const char *name, size_t *at)
{
    for (*at = 0; *at < u->n; ++*at)
        if (!strcmp(u->names[*at], name))
            return 1;
    return 0;
}

static int allocate(zoo_upstreams *u, size_t n, size_t k, zoo_err *err)
{
    u->n = n;
    u->k = k;
    u->items = zoo_arena_alloc(&u->arena, n * sizeof *u->items);
    u->names = zoo_arena_alloc(&u->arena, n * sizeof *u->names);
    u->of_router = zoo_arena_alloc(&u->arena, k * sizeof *u->of_router);
    u->allowed = zoo_arena_alloc(&u->arena, k);
    u->default_order = zoo_arena_alloc(&u->arena, (k + 1) * sizeof *u->default_order);
    return u->items && u->names && u->of_router && u->allowed && u->default_order ? ZOO_OK : zoo_fail_nomem(err);
}

static void match_router(zoo_upstreams *u, const zoo_gateway_config *config, const zoo_router *router,
                         const zoo_log *log)
{
    for (size_t i = 0; i < u->k; i++) {
        u->allowed[i] = (unsigned char)find(u, zoo_router_expert(router, i), &u->of_router[i]);
        u->shared += u->allowed[i];
        if (!u->allowed[i])
            zoo_log_write(log, ZOO_LOG_WARN, "the router %s knows the expert %s, which %s lacks: it will not be asked",
                          config->router, zoo_router_expert(router, i), config->path);
    }
    for (size_t e = 0; e < u->n; e++) {
        size_t i = 0;
        while (i < u->k && !(u->allowed[i] && u->of_router[i] == e))
            i++;
        if (i == u->k)
            zoo_log_write(log, ZOO_LOG_WARN, "the router %s does not know the expert %s: it is asked by its name only",
                          config->router, u->names[e]);
    }
}

/* Where each mean reward lies between the lowest, 0, and the highest, 1, as floats can tell also where means are 1e9 +
 * {0, 1}; an unknown one below all. */
static void place_means(const zoo_router_facts *facts, size_t k, float *places)
{
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < k; i++) {
        low = fmin(low, facts->mean_rewards[i]);
        high = fmax(high, facts->mean_rewards[i]);
    }
    for (size_t i = 0; i < k; i++) {
        double mean = facts->mean_rewards[i];
        places[i] = isnan(mean) ? -1 : high > low ? (float)((mean / 2 - low / 2) / (high / 2 - low / 2)) : 0;
    }
}

/* By mean reward, the set default first. */
static int order_by_mean(zoo_upstreams *u, const zoo_gateway_config *config, const zoo_router *router, zoo_err *err)
{
    const zoo_router_facts *facts = zoo_router_facts_of(router);
    float *means = zoo_arena_alloc(&u->arena, u->k * sizeof *means);
    size_t *order = zoo_arena_alloc(&u->arena, (u->k + 1) * sizeof *order), n, first;

    if (!means || !order)
        return zoo_fail_nomem(err);
    place_means(facts, u->k, means);
    n = zoo_upstreams_order(u, means, order);
    if (!config->default_expert || !find(u, config->default_expert, &first))
        first = order[0];
    u->default_order[u->default_count++] = first;
    for (size_t i = 0; i < n; i++)
        if (order[i] != first)
            u->default_order[u->default_count++] = order[i];
    return ZOO_OK;
}

int zoo_upstreams_init(zoo_upstreams *u, const zoo_gateway_config *config, const zoo_router *router, const zoo_log *log,
                       zoo_err *err)
{
    int failed;

    *u = (zoo_upstreams){ 0 };
    failed = allocate(u, config->experts.count, zoo_router_expert_count(router), err);
    for (size_t i = 0; !failed && i < u->n; i++) {
        u->names[i] = config->experts.items[i].name;
        failed = prepare(&u->items[i], &config->experts.items[i], &u->arena, err);
    }
    if (!failed) {
        match_router(u, config, router, log);
        if (!u->shared)
            failed = zoo_fail(err, ZOO_EFORMAT, "%s: none of its experts is known to the router %s; its first is %s",
                              config->path, config->router, zoo_router_expert(router, 0));
    }
    if (!failed)
        failed = order_by_mean(u, config, router, err);
    if (failed)
        zoo_upstreams_release(u);
    return failed;
}

void zoo_upstreams_release(zoo_upstreams *u)
{
    zoo_arena_release(&u->arena);
    *u = (zoo_upstreams){ 0 };
}

size_t zoo_upstreams_order(const zoo_upstreams *u, const float *probabilities, size_t *order)
{
    size_t n = zoo_policy_order(probabilities, u->allowed, u->k, order);

    for (size_t i = 0; i < n; i++)
        order[i] = u->of_router[order[i]];
    return n;
}
