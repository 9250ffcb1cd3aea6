/* network_forward.c - the forward pass of network.h: every member of the team walks through it,
 * taking its share of each phase. */
#include <string.h>
#include "compute/rows.h"
#include "train/network_pass.h"

static size_t hidden(const zoo_network_pass *p) { return p->network->config.hidden_size; }

/* Rows of this member. */
static void share_rows(const zoo_member *me, size_t rows, size_t *first, size_t *count)
{
    size_t end;

    zoo_member_share(me, rows, 1, first, &end);
    *count = end - *first;
}

static void add_row(float *restrict to, const float *restrict row, size_t E)
{
#pragma omp simd
    for (size_t i = 0; i < E; i++)
        to[i] += row[i];
}

/* p->embedded: the sum of what is looked up */
static void look_up(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t E = c->embedding_size, first, end;

    zoo_member_share(me, p->batch->n, 1, &first, &end);
    for (size_t q = first; q < end; q++)
        for (size_t t = 0; t < p->batch->lengths[q]; t++) {
            size_t at = p->starts[q] + t, type = p->batch->types ? p->batch->types[at] : 0;
            float *row = p->embedded + at*E;
            memcpy(row, zoo_pass_part(p, ZOO_PART_WORDS) + (size_t)p->batch->ids[at]*E, E * sizeof *row);
            if (c->has_positions)
                add_row(row, zoo_pass_part(p, ZOO_PART_POSITIONS) + t*E, E);
            if (c->types)
                add_row(row, zoo_pass_part(p, ZOO_PART_TYPES) + type*E, E);
        }
}

static void embed(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    zoo_coins coins = zoo_pass_coins(p, ZOO_PLACE_EMBEDDING, c->hidden_dropout);
    size_t H = hidden(p), first, count;
    float *x = p->layers[0].in;

    look_up(p, me);
    zoo_team_meet(me);
    if (p->projected != p->embedded) {
        zoo_pass_multiply(p, me, p->projected, H, p->embedded, c->embedding_size, zoo_pass_part(p, ZOO_PART_EMBED_PROJ),
                          NULL, p->batch->N, c->embedding_size, H);
        zoo_team_meet(me);
    }
    share_rows(me, p->batch->N, &first, &count);
    zoo_layernorm_fwd(x + first*H, p->embed_normal + first*H, p->embed_scale + first, p->projected + first*H,
                      zoo_pass_part(p, ZOO_PART_EMBED_NORM_W), zoo_pass_part(p, ZOO_PART_EMBED_NORM_B), count, H,
                      c->eps);
    zoo_pass_drop_tokens(p, &coins, x + first*H, x + first*H, first, count, H);
}

/* p->relative: rows first_column.. of the position table, normed */
static void norm_positions(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    const float *table = zoo_pass_part(p, ZOO_PART_RELATIVE) + p->first_column * hidden(p);
    size_t H = hidden(p), first, count;

    share_rows(me, p->C, &first, &count);
    if (c->norms_positions)
        zoo_layernorm_fwd(p->relative + first*H, p->relative_normal + first*H, p->relative_scale + first,
                          table + first*H, zoo_pass_part(p, ZOO_PART_RELATIVE_NORM_W),
                          zoo_pass_part(p, ZOO_PART_RELATIVE_NORM_B), count, H, c->eps);
    else
        memcpy(p->relative + first*H, table + first*H, count * H * sizeof *table);
}

static void project_positions(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    const zoo_transformer_config *c = &p->network->config;
    struct zoo_layer_memory *m = &p->layers[l];
    int own = !c->shares_keys;
    size_t H = hidden(p);

    if (m->pos_key)
        zoo_pass_multiply(p, me, m->pos_key, H, m->relative, H,
                          zoo_pass_layer_part(p, l, own ? ZOO_LAYER_POS_KEY_W : ZOO_LAYER_KEY_W),
                          zoo_pass_layer_part(p, l, own ? ZOO_LAYER_POS_KEY_B : ZOO_LAYER_KEY_B), p->C, H, H);
    if (m->pos_query)
        zoo_pass_multiply(p, me, m->pos_query, H, m->relative, H,
                          zoo_pass_layer_part(p, l, own ? ZOO_LAYER_POS_QUERY_W : ZOO_LAYER_QUERY_W),
                          zoo_pass_layer_part(p, l, own ? ZOO_LAYER_POS_QUERY_B : ZOO_LAYER_QUERY_B), p->C, H, H);
}

/* What the layer reads besides its input: the position table dropped, and in the last layer its input at token 0. */
static void prepare_layer(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    struct zoo_layer_memory *m = &p->layers[l];
    size_t H = hidden(p), first, count;

    if (m->relative) {
        zoo_coins coins = zoo_pass_layer_coins(p, l, ZOO_PLACE_POSITIONS, p->network->config.hidden_dropout);
        share_rows(me, p->C, &first, &count);
        zoo_dropout(&coins, m->relative + first*H, p->relative + first*H, first + p->first_column, count, H);
    }
    if (zoo_pass_is_last(p, l)) {
        share_rows(me, p->batch->n, &first, &count);
        for (size_t q = first; q < first + count; q++)
            memcpy(m->first + q*H, m->in + p->starts[q]*H, H * sizeof *m->in);
    }
}

/* Queries, keys and values of all tokens; in the last layer, queries of token 0 alone. */
static void project(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    struct zoo_layer_memory *m = &p->layers[l];
    const float *w = zoo_pass_layer_part(p, l, ZOO_LAYER_QUERY_W), *b = zoo_pass_layer_part(p, l, ZOO_LAYER_QUERY_B);
    size_t H = hidden(p), N = p->batch->N, first, count;

    if (!zoo_pass_is_last(p, l)) {
        zoo_pass_multiply(p, me, m->qkv, 3 * H, m->in, H, w, b, N, H, 3 * H);
        return;
    }
    zoo_pass_multiply(p, me, m->qkv + H, 3 * H, m->in, H, w + H*H, b + H, N, H, 2 * H);
    zoo_pass_multiply(p, me, p->narrow, H, m->first, H, w, b, p->batch->n, H, H);
    zoo_team_meet(me);
    share_rows(me, p->batch->n, &first, &count);
    for (size_t q = first; q < first + count; q++)
        memcpy(m->qkv + p->starts[q]*3*H, p->narrow + q*H, H * sizeof *m->qkv);
}

static void attend(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    struct zoo_layer_memory *m = &p->layers[l];
    size_t heads = p->network->config.heads, H = hidden(p), first, end;

    zoo_member_share(me, heads * p->batch->n, 1, &first, &end);
    for (size_t i = first; i < end; i++) {
        size_t query = i / heads, head = i % heads, row = zoo_pass_is_last(p, l) ? query : p->starts[query];
        zoo_attend a = zoo_pass_attend(p, l, head, query);
        zoo_attend_fwd(&a, m->context + row*H + head*a.d, H, p->scratch + me->number * p->scratch_size);
    }
}

/* out (M,H) = norm(residual + dropped x) over this member's rows; x is scratch */
static void close_block(zoo_network_pass *p, const zoo_member *me, size_t l, unsigned place, enum zoo_layer_part gain,
                        float *out, float *normal, float *scale, float *x, const float *residual)
{
    const zoo_transformer_config *c = &p->network->config;
    zoo_coins coins = zoo_pass_layer_coins(p, l, place, c->hidden_dropout);
    size_t H = hidden(p), first, count;

    share_rows(me, zoo_pass_rows(p, l), &first, &count);
    x += first*H;
    zoo_pass_drop_rows(p, l, &coins, x, x, first, count, H);
    add_row(x, residual + first*H, count * H);
    zoo_layernorm_fwd(out + first*H, normal + first*H, scale + first, x, zoo_pass_layer_part(p, l, gain),
                      zoo_pass_layer_part(p, l, gain + 1), count, H, c->eps);
}

static void feed_forward(zoo_network_pass *p, const zoo_member *me, size_t l, float *out)
{
    const zoo_transformer_config *c = &p->network->config;
    struct zoo_layer_memory *m = &p->layers[l];
    size_t H = hidden(p), I = c->intermediate_size, M = zoo_pass_rows(p, l), first, count;

    zoo_pass_multiply(p, me, m->up, I, m->middle, H, zoo_pass_layer_part(p, l, ZOO_LAYER_UP_W),
                      zoo_pass_layer_part(p, l, ZOO_LAYER_UP_B), M, H, I);
    zoo_team_meet(me);
    share_rows(me, M, &first, &count);
    zoo_activation_fwd(c->hidden_act, p->wide + first*I, m->up + first*I, count * I);
    zoo_team_meet(me);
    zoo_pass_multiply(p, me, p->narrow, H, p->wide, I, zoo_pass_layer_part(p, l, ZOO_LAYER_DOWN_W),
                      zoo_pass_layer_part(p, l, ZOO_LAYER_DOWN_B), M, I, H);
    zoo_team_meet(me);
    close_block(p, me, l, ZOO_PLACE_DOWN, ZOO_LAYER_NORM2_W, out, m->normal2, m->scale2, p->narrow, m->middle);
    zoo_team_meet(me);
}

static void layer(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    struct zoo_layer_memory *m = &p->layers[l];
    int is_last = zoo_pass_is_last(p, l);
    size_t H = hidden(p);

    prepare_layer(p, me, l);
    zoo_team_meet(me);
    project(p, me, l);
    if (m->relative)
        project_positions(p, me, l);
    zoo_team_meet(me);
    attend(p, me, l);
    zoo_team_meet(me);
    zoo_pass_multiply(p, me, p->narrow, H, m->context, H, zoo_pass_layer_part(p, l, ZOO_LAYER_OUT_W),
                      zoo_pass_layer_part(p, l, ZOO_LAYER_OUT_B), zoo_pass_rows(p, l), H, H);
    zoo_team_meet(me);
    close_block(p, me, l, ZOO_PLACE_CONTEXT, ZOO_LAYER_NORM1_W, m->middle, m->normal1, m->scale1, p->narrow,
                is_last ? m->first : m->in);
    zoo_team_meet(me);
    feed_forward(p, me, l, is_last ? p->out : p->layers[l + 1].in);
}

static void classify(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    zoo_coins before = zoo_pass_coins(p, ZOO_PLACE_POOLER, c->pooler_dropout);
    zoo_coins behind = zoo_pass_coins(p, ZOO_PLACE_CLASSIFIER, c->classifier_dropout);
    size_t H = hidden(p), S = c->pooler_size, first, count;

    share_rows(me, p->batch->n, &first, &count);
    zoo_pass_drop_queries(p, &before, p->pooled_in + first*H, p->out + first*H, first, count, H);
    zoo_team_meet(me);
    zoo_train_product_fwd(me, ZOO_PRECISION_F32, p->products, p->pooled, S, p->pooled_in, H,
                          zoo_pass_part(p, ZOO_PART_POOLER_W), zoo_pass_part(p, ZOO_PART_POOLER_B), p->batch->n, H, S);
    zoo_team_meet(me);
    zoo_activation_fwd(c->pooler_act, p->classified_in + first*S, p->pooled + first*S, count * S);
    zoo_pass_drop_queries(p, &behind, p->classified_in + first*S, p->classified_in + first*S, first, count, S);
    zoo_team_meet(me);
    zoo_train_product_fwd(me, ZOO_PRECISION_F32, p->products, p->logits, c->labels, p->classified_in, S,
                          zoo_pass_part(p, ZOO_PART_CLASSIFIER_W), zoo_pass_part(p, ZOO_PART_CLASSIFIER_B), p->batch->n,
                          S, c->labels);
}

static void walk_body(void *context, const zoo_member *me)
{
    zoo_network_pass *p = context;

    embed(p, me);
    if (p->network->config.has_relative)
        norm_positions(p, me);
    zoo_team_meet(me);
    for (size_t l = 0; l < p->network->config.layers; l++)
        layer(p, me, l);
}

static void walk_head(void *context, const zoo_member *me)
{
    classify(context, me);
}

static void walk(void *context, const zoo_member *me)
{
    walk_body(context, me);
    walk_head(context, me);
}

/* Where queries begin, and which rows of the position table they reach. */
static void lay_out(zoo_network_pass *p)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t at = 0, T = 1, most = p->max_tokens < c->max_positions ? p->max_tokens : c->max_positions;

    for (size_t q = 0; q < p->batch->n; q++) {
        p->starts[q] = at;
        at += p->batch->lengths[q];
        T = p->batch->lengths[q] > T ? p->batch->lengths[q] : T;
    }
    if (c->has_relative) {
        p->first_column = (size_t)p->columns[most - T];
        p->C = (size_t)p->columns[most + T - 2] - p->first_column + 1;
    }
}

static void begin(zoo_network_pass *pass, const float *params, const zoo_packed *batch, const zoo_network_noise *noise,
                  float *logits)
{
    pass->batch = batch;
    pass->params = params;
    pass->logits = logits;
    pass->has_noise = noise != NULL;
    pass->noise = noise ? *noise : (zoo_network_noise){ 0 };
}

void zoo_network_forward(zoo_network_pass *pass, const float *params, const zoo_packed *batch,
                         const zoo_network_noise *noise, float *logits)
{
    begin(pass, params, batch, noise, logits);
    lay_out(pass);
    zoo_team_run(pass->team, walk, pass);
}

void zoo_network_encode(zoo_network_pass *pass, const float *params, const zoo_packed *batch, float *hidden_rows)
{
    begin(pass, params, batch, NULL, NULL);
    lay_out(pass);
    zoo_team_run(pass->team, walk_body, pass);
    memcpy(hidden_rows, pass->out, batch->n * hidden(pass) * sizeof *hidden_rows);
}

void zoo_network_classify(zoo_network_pass *pass, const float *params, const float *hidden_rows, size_t n,
                          const zoo_network_noise *noise, float *logits)
{
    pass->encoded = (zoo_packed){ .n = n };
    begin(pass, params, &pass->encoded, noise, logits);
    pass->C = 0;
    memcpy(pass->out, hidden_rows, n * hidden(pass) * sizeof *hidden_rows);
    zoo_team_run(pass->team, walk_head, pass);
}
