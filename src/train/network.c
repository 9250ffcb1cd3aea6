/* network.c - a DeBERTa-v2/v3 or BERT classifier that learns: a forward pass that remembers what the backward pass
 * needs, and the backward pass; see network.h. */
#include "train/network.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/attention.h"
#include "train/network_pass.h"

int zoo_network_init(zoo_network *network, const zoo_transformer_config *config, zoo_err *err)
{
    *network = (zoo_network){ .config = *config, .below = (unsigned)config->layers + 1 };
    if (config->head != ZOO_HEAD_CLASSIFIER || config->labels < 1 || config->layers < 1)
        return zoo_fail(err, ZOO_EUSAGE, "only a network of at least one layer with a classifier can be trained");
    return zoo_parameters_init(&network->parameters, config, err);
}

void zoo_network_release(zoo_network *network)
{
    zoo_parameters_release(&network->parameters);
}

/* ---- memory ---- */

/* Places blocks one behind the other, each 64-byte aligned; without memory it only counts. */
struct placer { unsigned char *memory; size_t used; };

static float *place(struct placer *at, size_t floats)
{
    float *block = at->memory ? (float *)(void *)(at->memory + at->used) : NULL;

    at->used += (floats * sizeof(float) + 63) / 64 * 64;
    return block;
}

static void place_layer(zoo_network_pass *p, struct placer *at, size_t l)
{
    const zoo_transformer_config *c = &p->network->config;
    struct zoo_layer_memory *m = &p->layers[l];
    size_t N = p->max_tokens, H = c->hidden_size, M = zoo_pass_is_last(p, l) ? p->max_queries : N;
    size_t A = c->has_relative ? zoo_transformer_span(c) : 0;

    m->in = place(at, N * H);
    m->qkv = place(at, N * 3 * H);
    m->relative = A ? place(at, 2 * A * H) : NULL;
    m->pos_key = A && c->has_c2p ? place(at, 2 * A * H) : NULL;
    m->pos_query = A && c->has_p2c ? place(at, 2 * A * H) : NULL;
    m->context = place(at, M * H);
    m->first = place(at, zoo_pass_is_last(p, l) ? M * H : 0);
    m->normal1 = place(at, M * H);
    m->scale1 = place(at, M);
    m->middle = place(at, M * H);
    m->up = place(at, M * c->intermediate_size);
    m->normal2 = place(at, M * H);
    m->scale2 = place(at, M);
}

static void place_ends(zoo_network_pass *p, struct placer *at)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t N = p->max_tokens, n = p->max_queries, H = c->hidden_size, A = c->has_relative ? zoo_transformer_span(c) : 0;

    p->embedded = place(at, N * c->embedding_size);
    p->projected = c->embedding_size == H ? p->embedded : place(at, N * H);
    p->embed_normal = place(at, N * H);
    p->embed_scale = place(at, N);
    p->relative_normal = place(at, 2 * A * H);
    p->relative_scale = place(at, 2 * A);
    p->relative = place(at, 2 * A * H);
    p->out = place(at, n * H);
    p->pooled_in = place(at, n * H);
    p->pooled = place(at, n * c->pooler_size);
    p->classified_in = place(at, n * c->pooler_size);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Floats that the largest product of a pass needs: those of the head are float32 whatever the precision. */
static size_t products_size(const zoo_network_pass *p)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t A = c->has_relative ? zoo_transformer_span(c) : 0, rows = larger(p->max_tokens, 2 * A);
    size_t inputs = larger(larger(c->intermediate_size, c->hidden_size), c->embedding_size);
    size_t outputs = larger(c->intermediate_size, 3 * c->hidden_size),
                     ends = larger(larger(c->pooler_size, c->hidden_size), c->labels);
    size_t bytes = larger(zoo_train_product_scratch(p->precision, rows, inputs, outputs),
                          zoo_train_product_scratch(ZOO_PRECISION_F32, p->max_queries, ends, ends));

    return bytes / sizeof(float) + 1;
}

static void place_scratch(zoo_network_pass *p, struct placer *at)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t N = p->max_tokens, n = p->max_queries, H = c->hidden_size, I = c->intermediate_size;
    size_t A = c->has_relative ? zoo_transformer_span(c) : 0;

    p->wide = place(at, N * (I > 3 * H ? I : 3 * H));
    p->narrow = place(at, N * H);
    p->dout = place(at, N * H);
    p->dmiddle = place(at, N * H);
    p->dwide = place(at, N * I);
    p->dqkv = place(at, N * 3 * H);
    p->drelative = place(at, 2 * A * H);
    p->dpos_key = place(at, 2 * A * H);
    p->dpos_query = place(at, 2 * A * H);
    p->dlayer_relative = place(at, 2 * A * H);
    p->dpooled = place(at, n * c->pooler_size);
    p->dfirst = place(at, n * H);
    p->scratch = place(at, zoo_team_size(p->team) * p->scratch_size);
    p->products = place(at, products_size(p));
}

static size_t place_all(zoo_network_pass *p, unsigned char *memory)
{
    struct placer at = { .memory = memory };

    for (size_t l = 0; l < p->network->config.layers; l++)
        place_layer(p, &at, l);
    place_ends(p, &at);
    place_scratch(p, &at);
    return at.used;
}

/* The longest query that a pass of so many tokens can hold. */
static size_t longest(const zoo_network_pass *p)
{
    size_t most = p->network->config.max_positions;

    return p->max_tokens < most ? p->max_tokens : most;
}

static int alloc(zoo_network_pass *p, zoo_err *err)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t T = longest(p);

    p->scratch_size = zoo_attend_scratch(T, c->hidden_size / c->heads, c->has_relative ? 2 * T - 1 : 0);
    p->layers = calloc(c->layers, sizeof *p->layers);
    p->columns = calloc(2 * T - 1, sizeof *p->columns);
    p->starts = calloc(p->max_queries + 1, sizeof *p->starts);
    if (!p->layers || !p->columns || !p->starts)
        return zoo_fail_nomem(err);
    if (posix_memalign((void **)&p->memory, 64, place_all(p, NULL) + 64)) {
        p->memory = NULL;
        return zoo_fail_nomem(err);
    }
    place_all(p, p->memory);
    if (c->has_relative)
        zoo_position_columns(p->columns, T - 1, zoo_transformer_span(c), (int)c->buckets, (int)c->max_relative);
    return ZOO_OK;
}

int zoo_network_pass_new(zoo_network_pass **out, const zoo_network *network, enum zoo_precision precision,
                         zoo_team *team, size_t max_tokens, size_t max_queries, zoo_err *err)
{
    zoo_network_pass *p = calloc(1, sizeof *p);
    int rc;

    *out = NULL;
    if (!p)
        return zoo_fail_nomem(err);
    p->network = network;
    p->precision = precision;
    p->team = team;
    p->max_tokens = max_tokens;
    p->max_queries = max_queries;
    rc = alloc(p, err);
    if (rc) {
        zoo_network_pass_free(p);
        return rc;
    }
    *out = p;
    return ZOO_OK;
}

void zoo_network_pass_free(zoo_network_pass *pass)
{
    if (!pass)
        return;
    free(pass->memory);
    free(pass->layers);
    free(pass->columns);
    free(pass->starts);
    free(pass);
}

void zoo_network_listen(zoo_network_pass *pass, const zoo_network_listener *listener)
{
    pass->listener = listener;
}

/* ---- what both directions share ---- */

zoo_coins zoo_pass_coins(const zoo_network_pass *p, unsigned where, double share)
{
    return zoo_coins_of(p->noise.seed, p->noise.step, where, p->has_noise ? share : 0);
}

zoo_coins zoo_pass_layer_coins(const zoo_network_pass *p, size_t layer, unsigned where, double share)
{
    return zoo_pass_coins(p, ZOO_PLACE_LAYERS + (unsigned)layer * ZOO_PLACES_OF_LAYER + where, share);
}

void zoo_pass_drop_queries(const zoo_network_pass *p, const zoo_coins *coins, float *out, const float *x, size_t first,
                           size_t count, size_t D)
{
    if (!p->noise.queries || !coins->dropped_below) {
        zoo_dropout(coins, out, x, first, count, D);
        return;
    }
    for (size_t i = 0; i < count; i++)
        zoo_dropout(coins, out + i*D, x + i*D, p->noise.queries[first + i], 1, D);
}

void zoo_pass_drop_tokens(const zoo_network_pass *p, const zoo_coins *coins, float *out, const float *x, size_t first,
                          size_t count, size_t D)
{
    size_t end = first + count;

    if (!p->noise.starts || !coins->dropped_below) {
        zoo_dropout(coins, out, x, first, count, D);
        return;
    }
    for (size_t q = 0; q < p->batch->n; q++) {
        size_t from = p->starts[q] > first ? p->starts[q] : first, to = p->starts[q] + p->batch->lengths[q];
        to = to < end ? to : end;
        if (from < to)
            zoo_dropout(coins, out + (from - first)*D, x + (from - first)*D, p->noise.starts[q] + from - p->starts[q],
                        to - from, D);
    }
}

void zoo_pass_drop_rows(const zoo_network_pass *p, size_t layer, const zoo_coins *coins, float *out, const float *x,
                        size_t first, size_t count, size_t D)
{
    if (zoo_pass_is_last(p, layer))
        zoo_pass_drop_queries(p, coins, out, x, first, count, D);
    else
        zoo_pass_drop_tokens(p, coins, out, x, first, count, D);
}

int zoo_pass_is_last(const zoo_network_pass *p, size_t layer)
{
    return layer + 1 == p->network->config.layers;
}

size_t zoo_pass_rows(const zoo_network_pass *p, size_t layer)
{
    return zoo_pass_is_last(p, layer) ? p->batch->n : p->batch->N;
}

zoo_attend zoo_pass_attend(const zoo_network_pass *p, size_t layer, size_t head, size_t query)
{
    const zoo_transformer_config *c = &p->network->config;
    const struct zoo_layer_memory *m = &p->layers[layer];
    size_t H = c->hidden_size, d = H / c->heads, T = p->batch->lengths[query], at = p->starts[query];
    zoo_attend a = {
        .T = T, .d = d, .queries = zoo_pass_is_last(p, layer) ? 1 : T, .precision = p->precision, .stride = 3 * H,
        .pos_stride = H,
        .scale = (float)(1 / sqrt((double)d * (1 + c->has_c2p + c->has_p2c))),
        .coins = zoo_pass_layer_coins(p, layer, ZOO_PLACE_PROBABILITIES, c->attention_dropout),
        .first_row = p->noise.starts ? head * p->noise.tokens + p->noise.starts[query] : head * p->batch->N + at
    };

    a.q = m->qkv + at*3*H + head*d;
    a.k = a.q + H;
    a.v = a.k + H;
    if (!c->has_relative)
        return a;
    a.columns = p->columns + (longest(p) - 1);
    a.first_column = a.columns[1 - (ptrdiff_t)T];
    a.C = (size_t)(a.columns[T - 1] - a.first_column) + 1;
    a.pos_key = m->pos_key ? m->pos_key + ((size_t)a.first_column - p->first_column)*H + head*d : NULL;
    a.pos_query = m->pos_query ? m->pos_query + ((size_t)a.first_column - p->first_column)*H + head*d : NULL;
    return a;
}
