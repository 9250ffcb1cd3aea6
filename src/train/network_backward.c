/* network_backward.c - the backward pass of network.h, mirror of network_forward.c.
 * A gradient in p->dout is that of a layer's result when the layer begins, and that of its input when it ends. */
#include <string.h>
#include "compute/rows.h"
#include "train/network_pass.h"

static size_t hidden(const zoo_network_pass *p) { return p->network->config.hidden_size; }

static void share_rows(const zoo_member *me, size_t rows, size_t *first, size_t *count)
{
    size_t end;

    zoo_member_share(me, rows, 1, first, &end);
    *count = end - *first;
}

static float *grad(const zoo_network_pass *p, enum zoo_part part)
{
    return p->grads + (p->network->parameters.parts[part] - p->network->parameters.dense);
}

static float *layer_grad(const zoo_network_pass *p, size_t l, enum zoo_layer_part part)
{
    return p->grads + (p->network->parameters.layer_parts[l][part] - p->network->parameters.dense);
}

static void add(float *restrict to, const float *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] += x[i];
}

/* Zeroes this member's share of rows of `width` floats. */
static void clear(const zoo_member *me, float *rows, size_t count, size_t width)
{
    size_t first, own;

    share_rows(me, count, &first, &own);
    memset(rows + first*width, 0, own * width * sizeof *rows);
}

/* Gradients of a norm's gain and bias: a member takes columns. */
static void norm_columns(const zoo_network_pass *p, const zoo_member *me, float *dgain, float *dbias, const float *dout,
                         const float *normal, size_t rows)
{
    size_t first, end;

    zoo_member_share(me, hidden(p), 16, &first, &end);
    zoo_layernorm_bwd_columns(dgain, dbias, dout, normal, rows, hidden(p), first, end);
}

/* ---- head ---- */

/* p->dout (n,H): the gradient of the last layer's result */
static void classify(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    zoo_coins before = zoo_pass_coins(p, ZOO_PLACE_POOLER, c->pooler_dropout);
    zoo_coins behind = zoo_pass_coins(p, ZOO_PLACE_CLASSIFIER, c->classifier_dropout);
    size_t H = hidden(p), S = c->pooler_size, n = p->batch->n, first, count;

    clear(me, p->dpooled, n, S);
    clear(me, p->dout, n, H);
    zoo_team_meet(me);
    zoo_train_product_bwd_x(me, ZOO_PRECISION_F32, p->products, p->dpooled, S, p->dlogits, c->labels,
                            zoo_pass_part(p, ZOO_PART_CLASSIFIER_W), n, S, c->labels);
    zoo_train_product_bwd_w(me, ZOO_PRECISION_F32, p->products, grad(p, ZOO_PART_CLASSIFIER_W),
                            grad(p, ZOO_PART_CLASSIFIER_B), p->dlogits, c->labels, p->classified_in, S, n, S,
                            c->labels);
    zoo_team_meet(me);
    share_rows(me, n, &first, &count);
    zoo_pass_drop_queries(p, &behind, p->dpooled + first*S, p->dpooled + first*S, first, count, S);
    zoo_activation_through(c->pooler_act, p->dpooled + first*S, p->dpooled + first*S, p->pooled + first*S, count * S);
    zoo_team_meet(me);
    zoo_train_product_bwd_x(me, ZOO_PRECISION_F32, p->products, p->dout, H, p->dpooled, S,
                            zoo_pass_part(p, ZOO_PART_POOLER_W), n, H, S);
    zoo_train_product_bwd_w(me, ZOO_PRECISION_F32, p->products, grad(p, ZOO_PART_POOLER_W), grad(p, ZOO_PART_POOLER_B),
                            p->dpooled, S, p->pooled_in, H, n, H, S);
    zoo_team_meet(me);
    zoo_pass_drop_queries(p, &before, p->dout + first*H, p->dout + first*H, first, count, H);
    zoo_team_meet(me);
}

/* ---- layers ---- */

/* From `dout` (M,H), the gradient of norm(residual + dropped x), to `dsum`, that of the residual,
 * and `dx`, that of x. */
static void open_block(zoo_network_pass *p, const zoo_member *me, size_t l, unsigned place, enum zoo_layer_part gain,
                       const float *dout, const float *normal, const float *scale, float *dsum, float *dx)
{
    zoo_coins coins = zoo_pass_layer_coins(p, l, place, p->network->config.hidden_dropout);
    size_t H = hidden(p), M = zoo_pass_rows(p, l), first, count;

    norm_columns(p, me, layer_grad(p, l, gain), layer_grad(p, l, gain + 1), dout, normal, M);
    share_rows(me, M, &first, &count);
    zoo_layernorm_bwd(dsum + first*H, dout + first*H, normal + first*H, scale + first, zoo_pass_layer_part(p, l, gain),
                      count, H);
    zoo_pass_drop_rows(p, l, &coins, dx + first*H, dsum + first*H, first, count, H);
    zoo_team_meet(me);
}

/* From p->dout to p->dmiddle, both (M,H); p->narrow is scratch. */
static void feed_forward(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    const zoo_transformer_config *c = &p->network->config;
    struct zoo_layer_memory *m = &p->layers[l];
    size_t H = hidden(p), I = c->intermediate_size, M = zoo_pass_rows(p, l), first, count;

    open_block(p, me, l, ZOO_PLACE_DOWN, ZOO_LAYER_NORM2_W, p->dout, m->normal2, m->scale2, p->dmiddle, p->narrow);
    share_rows(me, M, &first, &count);
    zoo_activation_fwd(c->hidden_act, p->wide + first*I, m->up + first*I, count * I);
    memset(p->dwide + first*I, 0, count * I * sizeof *p->dwide);
    zoo_team_meet(me);
    zoo_pass_multiply_bwd_x(p, me, p->dwide, I, p->narrow, H, zoo_pass_layer_part(p, l, ZOO_LAYER_DOWN_W), M, I, H);
    zoo_pass_multiply_bwd_w(p, me, layer_grad(p, l, ZOO_LAYER_DOWN_W), layer_grad(p, l, ZOO_LAYER_DOWN_B), p->narrow, H,
                            p->wide, I, M, I, H);
    zoo_team_meet(me);
    zoo_activation_through(c->hidden_act, p->dwide + first*I, p->dwide + first*I, m->up + first*I, count * I);
    zoo_team_meet(me);
    zoo_pass_multiply_bwd_x(p, me, p->dmiddle, H, p->dwide, I, zoo_pass_layer_part(p, l, ZOO_LAYER_UP_W), M, H, I);
    zoo_pass_multiply_bwd_w(p, me, layer_grad(p, l, ZOO_LAYER_UP_W), layer_grad(p, l, ZOO_LAYER_UP_B), p->dwide, I,
                            m->middle, H, M, H, I);
    zoo_team_meet(me);
}

/* Gradients of queries, keys, values and projected positions. A member takes heads,
 * and each of them for all queries. */
static void attend(zoo_network_pass *p, const zoo_member *me, size_t l, const float *dcontext)
{
    size_t H = hidden(p), first, end;

    zoo_member_share(me, p->network->config.heads, 1, &first, &end);
    for (size_t head = first; head < end; head++)
        for (size_t query = 0; query < p->batch->n; query++) {
            zoo_attend a = zoo_pass_attend(p, l, head, query);
            size_t column = head * a.d, at = p->starts[query];
            size_t row = zoo_pass_is_last(p, l) ? query : at;
            zoo_attend_gradients g = { .q = p->dqkv + at*3*H + column };
            g.k = g.q + H;
            g.v = g.k + H;
            if (a.C) {
                g.pos_key = p->dpos_key + ((size_t)a.first_column - p->first_column)*H + column;
                g.pos_query = p->dpos_query + ((size_t)a.first_column - p->first_column)*H + column;
            }
            zoo_attend_bwd(&a, dcontext + row*H + column, H, &g, p->scratch + me->number * p->scratch_size);
        }
}

/* One projected position table: to its weights, its bias and to the table. */
static void position_table(zoo_network_pass *p, const zoo_member *me, size_t l, const float *dtable,
                           enum zoo_layer_part w, enum zoo_layer_part b)
{
    size_t H = hidden(p);

    zoo_pass_multiply_bwd_x(p, me, p->dlayer_relative, H, dtable, H, zoo_pass_layer_part(p, l, w), p->C, H, H);
    zoo_pass_multiply_bwd_w(p, me, layer_grad(p, l, w), layer_grad(p, l, b), dtable, H, p->layers[l].relative, H, p->C,
                            H, H);
}

/* A softmax does not see what is added to all scores of a query: these biases have no gradient. What was summed for
 * them is rounding, which Adam, who divides by its size, would make steps of. */
static void clear_unseen_biases(zoo_network_pass *p, size_t l)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t bytes = c->hidden_size * sizeof *p->grads;

    if (!c->has_p2c)
        memset(layer_grad(p, l, ZOO_LAYER_KEY_B), 0, bytes);
    if (c->has_c2p && !c->shares_keys)
        memset(layer_grad(p, l, ZOO_LAYER_POS_KEY_B), 0, bytes);
}

static void project_positions(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    const zoo_transformer_config *c = &p->network->config;
    struct zoo_layer_memory *m = &p->layers[l];
    zoo_coins coins = zoo_pass_layer_coins(p, l, ZOO_PLACE_POSITIONS, c->hidden_dropout);
    int own = !c->shares_keys;
    size_t H = hidden(p), first, count;

    if (m->pos_key)
        position_table(p, me, l, p->dpos_key, own ? ZOO_LAYER_POS_KEY_W : ZOO_LAYER_KEY_W,
                       own ? ZOO_LAYER_POS_KEY_B : ZOO_LAYER_KEY_B);
    if (m->pos_query)
        position_table(p, me, l, p->dpos_query, own ? ZOO_LAYER_POS_QUERY_W : ZOO_LAYER_QUERY_W,
                       own ? ZOO_LAYER_POS_QUERY_B : ZOO_LAYER_QUERY_B);
    zoo_team_meet(me);
    share_rows(me, p->C, &first, &count);
    zoo_dropout(&coins, p->dlayer_relative + first*H, p->dlayer_relative + first*H, first + p->first_column, count, H);
    add(p->drelative + first*H, p->dlayer_relative + first*H, count * H);
}

/* From p->dqkv to p->dout, to which it adds. */
static void project(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    struct zoo_layer_memory *m = &p->layers[l];
    const float *w = zoo_pass_layer_part(p, l, ZOO_LAYER_QUERY_W);
    float *dw = layer_grad(p, l, ZOO_LAYER_QUERY_W), *db = layer_grad(p, l, ZOO_LAYER_QUERY_B);
    size_t H = hidden(p), N = p->batch->N, n = p->batch->n;

    if (!zoo_pass_is_last(p, l)) {
        zoo_pass_multiply_bwd_x(p, me, p->dout, H, p->dqkv, 3 * H, w, N, H, 3 * H);
        zoo_pass_multiply_bwd_w(p, me, dw, db, p->dqkv, 3 * H, m->in, H, N, H, 3 * H);
        return;
    }
    zoo_pass_multiply_bwd_x(p, me, p->dout, H, p->dqkv + H, 3 * H, w + H*H, N, H, 2 * H);
    zoo_pass_multiply_bwd_w(p, me, dw + H*H, db + H, p->dqkv + H, 3 * H, m->in, H, N, H, 2 * H);
    zoo_pass_multiply_bwd_x(p, me, p->dfirst, H, p->narrow, H, w, n, H, H);
    zoo_pass_multiply_bwd_w(p, me, dw, db, p->narrow, H, m->first, H, n, H, H);
}

/* Last layer: gradients of queries at token 0 side by side in p->narrow, and those of its input there,
 * p->dfirst, into p->dout. */
static void gather_first(zoo_network_pass *p, const zoo_member *me)
{
    size_t H = hidden(p), first, count;

    share_rows(me, p->batch->n, &first, &count);
    for (size_t q = first; q < first + count; q++)
        memcpy(p->narrow + q*H, p->dqkv + p->starts[q]*3*H, H * sizeof *p->narrow);
    zoo_team_meet(me);
}

static void scatter_first(zoo_network_pass *p, const zoo_member *me)
{
    size_t H = hidden(p), first, count;

    share_rows(me, p->batch->n, &first, &count);
    for (size_t q = first; q < first + count; q++)
        add(p->dout + p->starts[q]*H, p->dfirst + q*H, H);
    zoo_team_meet(me);
}

static void self_attention(zoo_network_pass *p, const zoo_member *me, size_t l)
{
    struct zoo_layer_memory *m = &p->layers[l];
    int is_last = zoo_pass_is_last(p, l);
    size_t H = hidden(p), N = p->batch->N, M = zoo_pass_rows(p, l);
    float *dsum = is_last ? p->dfirst : p->dout;            /* the residual's way to the input */
    float *dcontext = p->wide;

    open_block(p, me, l, ZOO_PLACE_CONTEXT, ZOO_LAYER_NORM1_W, p->dmiddle, m->normal1, m->scale1, dsum, p->narrow);
    clear(me, dcontext, M, H);
    clear(me, p->dqkv, N, 3 * H);
    if (is_last)
        clear(me, p->dout, N, H);
    if (m->relative) {
        clear(me, p->dpos_key, p->C, H);
        clear(me, p->dpos_query, p->C, H);
        clear(me, p->dlayer_relative, p->C, H);
    }
    zoo_team_meet(me);
    zoo_pass_multiply_bwd_x(p, me, dcontext, H, p->narrow, H, zoo_pass_layer_part(p, l, ZOO_LAYER_OUT_W), M, H, H);
    zoo_pass_multiply_bwd_w(p, me, layer_grad(p, l, ZOO_LAYER_OUT_W), layer_grad(p, l, ZOO_LAYER_OUT_B), p->narrow, H,
                            m->context, H, M, H, H);
    zoo_team_meet(me);
    attend(p, me, l, dcontext);
    zoo_team_meet(me);
    if (is_last)
        gather_first(p, me);
    project(p, me, l);
    zoo_team_meet(me);
    if (is_last)
        scatter_first(p, me);
    if (m->relative)
        project_positions(p, me, l);
    if (me->number == 0)
        clear_unseen_biases(p, l);
    zoo_team_meet(me);
}

/* ---- embeddings ---- */

static void norm_positions(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t H = hidden(p), first, count;
    float *dtable = grad(p, ZOO_PART_RELATIVE) + p->first_column*H;

    share_rows(me, p->C, &first, &count);
    if (c->norms_positions) {
        norm_columns(p, me, grad(p, ZOO_PART_RELATIVE_NORM_W), grad(p, ZOO_PART_RELATIVE_NORM_B), p->drelative,
                     p->relative_normal, p->C);
        zoo_team_meet(me);
        zoo_layernorm_bwd(p->drelative + first*H, p->drelative + first*H, p->relative_normal + first*H,
                          p->relative_scale + first, zoo_pass_part(p, ZOO_PART_RELATIVE_NORM_W), count, H);
    }
    add(dtable + first*H, p->drelative + first*H, count * H);
}

/* dwords (N,E) to the tables that are small and looked up by position and type: a member takes columns. */
static void small_tables(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    size_t E = c->embedding_size, first, end;

    zoo_member_share(me, E, 16, &first, &end);
    for (size_t q = 0; q < p->batch->n && first < end; q++)
        for (size_t t = 0; t < p->batch->lengths[q]; t++) {
            size_t at = p->starts[q] + t, type = p->batch->types ? p->batch->types[at] : 0;
            const float *row = p->dwords + at*E + first;
            if (c->has_positions)
                add(grad(p, ZOO_PART_POSITIONS) + t*E + first, row, end - first);
            if (c->types)
                add(grad(p, ZOO_PART_TYPES) + type*E + first, row, end - first);
        }
}

static void embed(zoo_network_pass *p, const zoo_member *me)
{
    const zoo_transformer_config *c = &p->network->config;
    zoo_coins coins = zoo_pass_coins(p, ZOO_PLACE_EMBEDDING, c->hidden_dropout);
    size_t H = hidden(p), E = c->embedding_size, N = p->batch->N, first, count;
    int is_projected = p->projected != p->embedded;
    float *dsum = is_projected ? p->dmiddle : p->dwords;

    share_rows(me, N, &first, &count);
    zoo_pass_drop_tokens(p, &coins, p->dout + first*H, p->dout + first*H, first, count, H);
    zoo_team_meet(me);
    norm_columns(p, me, grad(p, ZOO_PART_EMBED_NORM_W), grad(p, ZOO_PART_EMBED_NORM_B), p->dout, p->embed_normal, N);
    zoo_layernorm_bwd(dsum + first*H, p->dout + first*H, p->embed_normal + first*H, p->embed_scale + first,
                      zoo_pass_part(p, ZOO_PART_EMBED_NORM_W), count, H);
    if (is_projected)
        clear(me, p->dwords, N, E);
    zoo_team_meet(me);
    if (is_projected) {
        zoo_pass_multiply_bwd_x(p, me, p->dwords, E, dsum, H, zoo_pass_part(p, ZOO_PART_EMBED_PROJ), N, E, H);
        zoo_pass_multiply_bwd_w(p, me, grad(p, ZOO_PART_EMBED_PROJ), NULL, dsum, H, p->embedded, E, N, E, H);
        zoo_team_meet(me);
    }
    small_tables(p, me);
}

/* All members have met behind what is told. */
static void tell(const zoo_network_pass *p, const zoo_member *me, unsigned below)
{
    if (me->number == 0 && p->listener)
        p->listener->done(p->listener->context, below);
}

static void walk(void *context, const zoo_member *me)
{
    zoo_network_pass *p = context;
    const zoo_transformer_config *c = &p->network->config;

    if (c->has_relative)
        clear(me, p->drelative, p->C, hidden(p));
    classify(p, me);
    tell(p, me, 0);
    for (size_t l = c->layers; l-- > 0 && c->layers - l <= p->below;) {
        feed_forward(p, me, l);
        self_attention(p, me, l);
        tell(p, me, (unsigned)(c->layers - l));
    }
    if (p->below < p->network->below)
        return;
    if (c->has_relative)
        norm_positions(p, me);
    embed(p, me);
}

void zoo_network_backward(zoo_network_pass *pass, const float *params, const float *dlogits, unsigned below,
                          float *grads, float *dwords)
{
    pass->params = params;
    pass->dlogits = dlogits;
    pass->below = below;
    pass->grads = grads;
    pass->dwords = dwords;
    zoo_team_run(pass->team, walk, pass);
    if (pass->listener && below >= pass->network->below)
        pass->listener->done(pass->listener->context, pass->network->below);
}
