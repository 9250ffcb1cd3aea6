/* transformer.c - the forward pass: every member of a team walks through the same phases, does its share of each, and
 * meets the others where one reads what another wrote. Sequences lie back to back; a phase over rows does not know
 * where one ends. Of the last layer only what is read is computed: keys and values of all rows, but queries, attention,
 * output and feed-forward of the first token of each sequence alone, unless means or hidden states are wanted.
 * Dimensions: n sequences, N rows (tokens of all), H hidden size, E embedding size, I intermediate size,
 * h heads, d = H/h.
 * Layer: model. Refuses to allocate after zoo_pass_new(). */
#include "model/transformer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/kernels.h"
#include "compute/rows.h"
#include "model/transformer_net.h"


struct zoo_pass {
    const zoo_transformer *transformer;
    zoo_team *team;
    size_t max_tokens;
    void *memory;                               /* of all below */
    float *x;                                   /* (N, H): the residual stream */
    float *picked;                              /* (n, H): its rows that the last layer goes on with */
    float *narrow;                              /* (N, H): attention's result, then a product's */
    float *wide;                      /* (N, 3H): queries, keys, values; (N, I) where the next input needs whole rows */
    /* of products: (N, H) (N, I) (n, H) (N, E) (n, H) or (2n, 2H) */
    zoo_input in, in_up, in_picked, in_embedding, in_head;
    size_t *starts;                             /* (n) first row of each sequence */
    void **scratch;                             /* (members) */
    zoo_err *failures;                          /* (members) */
};

/* One call, as all members see it. */
struct run {
    const zoo_transformer *t;
    zoo_pass *p;
    const zoo_packed *batch;
    const zoo_results *results;
    int is_full;                                /* the last layer is computed for all rows */
};

/* ---- memory ---- */
static size_t aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Gives out pieces of one block; with base NULL it only counts. */
struct carver { char *base; size_t used; };

static void *carve(struct carver *c, size_t bytes)
{
    void *out = c->base ? c->base + c->used : NULL;

    c->used += aligned(bytes);
    return out;
}

static void carve_input(struct carver *c, zoo_input *input, enum zoo_precision precision, size_t rows, size_t width)
{
    void *memory = carve(c, zoo_input_bytes(precision, rows, width));

    if (memory)
        zoo_input_place(input, precision, rows, width, memory);
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void lay_out(zoo_pass *p, struct carver *c)
{
    const zoo_transformer *t = p->transformer;
    const zoo_transformer_config *config = &t->config;
    size_t N = p->max_tokens, H = config->hidden_size, I = config->intermediate_size, E = config->embedding_size;
    size_t members = zoo_team_size(p->team), pair = config->head == ZOO_HEAD_PAIR;
    size_t wide = t->precision == ZOO_PRECISION_INT8 ? largest(3 * H, I) : 3 * H;

    p->x = carve(c, N * H * sizeof(float));
    p->picked = carve(c, N * H * sizeof(float));
    p->narrow = carve(c, N * H * sizeof(float));
    p->wide = carve(c, N * wide * sizeof(float));
    carve_input(c, &p->in, t->precision, N, H);
    carve_input(c, &p->in_up, t->precision, N, I);
    carve_input(c, &p->in_picked, t->precision, N, H);
    carve_input(c, &p->in_head, zoo_transformer_head_precision(t), N, pair ? 2 * H : H);
    if (t->projection)
        carve_input(c, &p->in_embedding, ZOO_PRECISION_F32, N, E);
    p->starts = carve(c, N * sizeof *p->starts);
    p->scratch = carve(c, members * sizeof *p->scratch);
    p->failures = carve(c, members * sizeof *p->failures);
    for (size_t i = 0; i < members; i++) {
        void *scratch = carve(c, zoo_attention_scratch(N, H / config->heads,
                                                       t->columns ? zoo_transformer_span(config) : 0));
        if (p->scratch)
            p->scratch[i] = scratch;
    }
}

int zoo_pass_new(zoo_pass **out, const zoo_transformer *transformer, size_t max_tokens, unsigned threads, int first_cpu,
                 zoo_err *err)
{
    zoo_pass *p = calloc(1, sizeof *p);
    struct carver carver = { NULL, 0 };
    int rc;

    *out = NULL;
    if (!p)
        return zoo_fail_nomem(err);
    p->transformer = transformer;
    p->max_tokens = max_tokens;
    if ((rc = zoo_team_new(&p->team, threads, first_cpu, err)))
        goto failed;
    lay_out(p, &carver);
    p->memory = aligned_alloc(64, carver.used);
    if (!p->memory) {
        rc = zoo_fail_nomem(err);
        goto failed;
    }
    carver = (struct carver){ p->memory, 0 };
    lay_out(p, &carver);
    *out = p;
    return ZOO_OK;
failed:
    zoo_pass_free(p);
    return rc;
}

void zoo_pass_free(zoo_pass *p)
{
    if (!p)
        return;
    zoo_team_free(p->team);
    free(p->memory);
    free(p);
}

/* ---- rows ---- */
/* Keeps hidden state `layer` of rows [first, end) where it is wanted. */
static void keep_hidden(const struct run *r, size_t layer, size_t first, size_t end)
{
    size_t H = r->t->config.hidden_size;

    if (r->results->hidden)
        memcpy(r->results->hidden + (layer * r->batch->N + first) * H, r->p->x + first*H,
               (end - first) * H * sizeof(float));
}

/* The last layer is about to begin: of rows [first, end), the first token of each sequence is set aside. */
static void pick_rows(const struct run *r, size_t first, size_t end)
{
    zoo_pass *p = r->p;
    size_t H = r->t->config.hidden_size;

    for (size_t i = 0; i < r->batch->n; i++)
        if (p->starts[i] >= first && p->starts[i] < end) {
            memcpy(p->picked + i*H, p->x + p->starts[i]*H, H * sizeof(float));
            zoo_input_fill(&p->in_picked, i, 1, p->x + p->starts[i]*H, H);
        }
}

/* x is hidden state `layer` for rows [first, end) of it. */
static void finish_rows(const struct run *r, size_t layer, size_t first, size_t end)
{
    keep_hidden(r, layer, first, end);
    if (layer + 1 == r->t->config.layers && !r->is_full)
        pick_rows(r, first, end);
}

/* ---- embeddings ---- */
static void add_row(float *restrict x, const float *restrict row, size_t E)
{
    for (size_t i = 0; i < E; i++)
        x[i] += row[i];
}

static int embed_row(const struct run *r, size_t row, size_t position, float *out, zoo_err *err)
{
    const zoo_transformer *t = r->t;
    size_t E = t->config.embedding_size, id = r->batch->ids[row];
    int rc = ZOO_OK;

    if (t->words.rows)
        memcpy(out, t->words.rows + id*E, E * sizeof(float));
    else
        rc = zoo_weights_read_row(t->weights, t->words.tensor, id, out, err);
    if (!rc && t->positions)
        add_row(out, t->positions + position*E, E);
    if (!rc && t->types)
        add_row(out, t->types + (r->batch->types ? r->batch->types[row] : 0)*E, E);
    return rc;
}

static void embed(const struct run *r, const zoo_member *me)
{
    const zoo_transformer *t = r->t;
    zoo_pass *p = r->p;
    zoo_err *failure = &p->failures[me->number];
    size_t H = t->config.hidden_size, first, end, i = 0;

    failure->code = ZOO_OK;
    zoo_member_share(me, r->batch->N, 1, &first, &end);
    for (size_t row = first; row < end && !failure->code; row++) {
        while (i + 1 < r->batch->n && p->starts[i + 1] <= row)
            i++;
        float *out = t->projection ? (float *)p->in_embedding.data + row * p->in_embedding.stride : p->x + row*H;
        failure->code = embed_row(r, row, row - p->starts[i], out, failure);
    }
    if (t->projection) {
        zoo_team_meet(me);
        zoo_product_run(t->projection, &p->in_embedding, r->batch->N, &(zoo_output){ .data = p->x, .stride = H }, me);
        zoo_team_meet(me);
    }
    zoo_norm_fwd(&t->embedding_norm, p->x, &p->in, p->x, NULL, first, end - first);
    finish_rows(r, 0, first, end);
}

static int has_failed(const struct run *r, const zoo_member *me)
{
    for (unsigned i = 0; i < me->of; i++)
        if (r->p->failures[i].code)
            return 1;
    return 0;
}

/* ---- attention ---- */
/* int8 wants a scale of whole rows, which no member has: then attention writes floats. */
static int needs_whole_rows(const struct run *r)
{
    return r->t->precision == ZOO_PRECISION_INT8;
}

static void attend(const struct run *r, const zoo_transformer_layer *l, size_t i, size_t head, size_t first,
                   size_t rows, const zoo_member *me)
{
    const zoo_transformer *t = r->t;
    zoo_pass *p = r->p;
    int is_picked = l->q && !r->is_full;        /* the only query's row is that of the sequence's number */
    size_t H = t->config.hidden_size, d = H / t->config.heads, start = p->starts[i],
               out = is_picked ? i : start + first;
    float terms = 1 + (float)t->config.has_c2p + (float)t->config.has_p2c;
    zoo_attention a = {
        .T = r->batch->lengths[i], .d = d, .scale = 1 / sqrtf((float)d * terms), .columns = t->columns,
        .max_distance = t->max_distance,
        .positions = l->positions, .head = head, .q = p->wide + (is_picked ? i : start) * 3 * H + head*d,
        .k = p->wide + start * 3 * H + H + head*d, .v = p->wide + start * 3 * H + 2 * H + head*d, .stride = 3 * H,
        .first_query = first, .queries = rows, .next = &p->in, .first_row = out, .first_column = head*d
    };

    if (needs_whole_rows(r)) {
        a.out = p->narrow + out*H + head*d;
        a.out_stride = H;
    }
    zoo_attention_run(&a, t->precision, p->scratch[me->number]);
}

/* Rows of a head that are one piece of work. Keys and values are packed once a piece, so a head is divided only where
 * the members would not get nearly equal shares of whole ones. */
static size_t rows_of_piece(size_t heads, size_t queries, const zoo_member *me)
{
    if (heads >= 4 * me->of || heads % me->of == 0)
        return queries;
    return queries > 256 ? 128 : 64;
}

/* Pieces of work are (sequence, head, block of rows) in that order;
 * a member takes those whose middle lies in its share of the cost. */
static void attend_all(const struct run *r, const zoo_transformer_layer *l, const zoo_member *me)
{
    size_t heads = r->t->config.heads, total = 0, before = 0;
    int is_picked = l->q && !r->is_full;

    for (size_t i = 0; i < r->batch->n; i++)
        total += heads * r->batch->lengths[i] * (is_picked ? 1 : r->batch->lengths[i]);
    for (size_t i = 0; i < r->batch->n; i++) {
        size_t T = r->batch->lengths[i], queries = is_picked ? 1 : T,
                   piece = rows_of_piece(heads * r->batch->n, queries, me);
        for (size_t head = 0; head < heads; head++)
            for (size_t first = 0; first < queries; first += piece) {
                size_t rows = queries - first < piece ? queries - first : piece, cost = rows * T;
                if ((before + cost / 2) * me->of / total == me->number)
                    attend(r, l, i, head, first, rows, me);
                before += cost;
            }
    }
}

/* ---- layers ---- */
/* The product up and its activation, as the input of the product down. */
static void go_up(const struct run *r, const zoo_transformer_layer *l, size_t rows, const zoo_member *me)
{
    zoo_pass *p = r->p;
    size_t I = r->t->config.intermediate_size, first, end;
    zoo_output out = { .activation = r->t->config.hidden_act, .then = l->down };

    if (r->t->precision == ZOO_PRECISION_BF16)
        out.next = &p->in_up;
    else if (r->t->precision == ZOO_PRECISION_F32) {
        out.data = p->in_up.data;
        out.stride = p->in_up.stride;
    } else {
        out.data = p->wide;
        out.stride = I;
    }
    zoo_product_run(l->up, &p->in, rows, &out, me);
    zoo_team_meet(me);
    if (!needs_whole_rows(r))
        return;
    zoo_member_share(me, rows, 1, &first, &end);
    zoo_input_fill(&p->in_up, first, end - first, p->wide + first*I, I);
    zoo_team_meet(me);
}

static const zoo_product *first_product(const zoo_transformer_layer *l)
{
    return l->qkv ? l->qkv : l->kv;
}

/* What follows attention, for `rows` rows of x. Ends where x is hidden state `layer`. */
static void finish_layer(const struct run *r, size_t layer, float *x, size_t rows, const zoo_member *me)
{
    const zoo_transformer_layer *l = &r->t->layers[layer - 1];
    zoo_pass *p = r->p;
    size_t H = r->t->config.hidden_size, first, end;
    zoo_output out = { .data = p->narrow, .stride = H, .then = l->up };

    zoo_member_share(me, rows, 1, &first, &end);
    if (needs_whole_rows(r)) {
        zoo_input_fill(&p->in, first, end - first, p->narrow + first*H, H);
        zoo_team_meet(me);
    }
    zoo_product_run(l->out, &p->in, rows, &out, me);
    zoo_team_meet(me);
    zoo_norm_fwd(&l->attention_norm, x, &p->in, x, p->narrow, first, end - first);
    zoo_team_meet(me);
    go_up(r, l, rows, me);
    out.then = layer < r->t->config.layers ? first_product(l + 1) : NULL;
    zoo_product_run(l->down, &p->in_up, rows, &out, me);
    zoo_team_meet(me);
    zoo_norm_fwd(&l->output_norm, x, &p->in, x, p->narrow, first, end - first);
    if (x == p->x)
        finish_rows(r, layer, first, end);
    zoo_team_meet(me);
}

static void run_layer(const struct run *r, size_t layer, const zoo_member *me)
{
    const zoo_transformer_layer *l = &r->t->layers[layer - 1];
    zoo_pass *p = r->p;
    size_t H = r->t->config.hidden_size, N = r->batch->N;
    int is_picked = l->q && !r->is_full;

    if (l->qkv)
        zoo_product_run(l->qkv, &p->in, N, &(zoo_output){ .data = p->wide, .stride = 3 * H, .then = l->out }, me);
    else {
        zoo_product_run(l->kv, &p->in, N, &(zoo_output){ .data = p->wide + H, .stride = 3 * H, .then = l->q }, me);
        zoo_product_run(l->q, is_picked ? &p->in_picked : &p->in, is_picked ? r->batch->n : N,
                        &(zoo_output){ .data = p->wide, .stride = 3 * H, .then = l->out }, me);
    }
    zoo_team_meet(me);
    attend_all(r, l, me);
    zoo_team_meet(me);
    finish_layer(r, layer, is_picked ? p->picked : p->x, is_picked ? r->batch->n : N, me);
}

/* ---- results ---- */
/* The last hidden state of a sequence's token. */
static const float *last_row(const struct run *r, size_t i, size_t position)
{
    size_t H = r->t->config.hidden_size;

    return r->is_full ? r->p->x + (r->p->starts[i] + position)*H : r->p->picked + i*H;
}

static void classify(const struct run *r, size_t first, size_t end, const zoo_member *me)
{
    const zoo_transformer *t = r->t;
    zoo_pass *p = r->p;
    size_t H = t->config.hidden_size, K = t->config.labels;

    for (size_t i = first; i < end; i++)
        zoo_input_fill(&p->in_head, i, 1, last_row(r, i, 0), H);
    zoo_team_meet(me);
    zoo_product_run(t->pooler, &p->in_head, r->batch->n,
                    &(zoo_output){ .data = p->narrow, .stride = H, .activation = t->config.pooler_act }, me);
    zoo_team_meet(me);
    if (first < end)
        zoo_linear_fwd(r->results->logits + first*K, p->narrow + first*H, t->classifier, t->classifier_bias,
                       end - first, H, K);
}

static size_t find_id(const struct run *r, size_t i, uint32_t id)
{
    size_t position = 0;

    while (position < r->batch->lengths[i] && r->batch->ids[r->p->starts[i] + position] != id)
        position++;
    return position;
}

/* Logit of a comparison: mean of head([source; candidate 1]) - head([source; candidate 2]).
 * The rows of a pair lie at 2i, 2i + 1. */
static void compare(const struct run *r, size_t first, size_t end, const zoo_member *me)
{
    const zoo_transformer *t = r->t;
    zoo_pass *p = r->p;
    size_t H = t->config.hidden_size, K = t->config.labels;

    for (size_t i = first; i < end; i++) {
        const uint32_t candidates[] = { t->config.candidate1_id, t->config.candidate2_id };
        for (size_t j = 0; j < 2; j++) {
            float *both = p->wide + i * 2 * H;
            memcpy(both, last_row(r, i, find_id(r, i, t->config.source_id)), H * sizeof(float));
            memcpy(both + H, last_row(r, i, find_id(r, i, candidates[j])), H * sizeof(float));
            zoo_input_fill(&p->in_head, 2 * i + j, 1, both, 2 * H);
        }
    }
    zoo_team_meet(me);
    zoo_product_run(t->pooler, &p->in_head, 2 * r->batch->n,
                    &(zoo_output){ .data = p->narrow, .stride = H, .activation = ZOO_TANH }, me);
    zoo_team_meet(me);
    for (size_t i = first; i < end; i++) {
        double sum = 0;
        for (size_t k = 0; k < K; k++)
            for (size_t j = 0; j < H; j++)
                sum += (double)t->classifier[k*H + j] * ((double)p->narrow[2*i*H + j] -
                                                         (double)p->narrow[(2*i + 1)*H + j]);
        r->results->logits[i] = (float)(sum / (double)K);
    }
}

static void write_results(const struct run *r, const zoo_member *me)
{
    size_t H = r->t->config.hidden_size, first, end;

    zoo_member_share(me, r->batch->n, 1, &first, &end);
    for (size_t i = first; i < end && r->results->cls; i++)
        memcpy(r->results->cls + i*H, last_row(r, i, 0), H * sizeof(float));
    for (size_t i = first; i < end && r->results->mean; i++)
        zoo_mean_fwd(r->results->mean + i*H, last_row(r, i, 0), r->batch->lengths[i], H);
    if (r->results->logits && r->t->config.head == ZOO_HEAD_PAIR)
        compare(r, first, end, me);
    else if (r->results->logits)
        classify(r, first, end, me);
}

static void run_member(void *context, const zoo_member *me)
{
    const struct run *r = context;

    embed(r, me);
    zoo_team_meet(me);
    if (has_failed(r, me))
        return;
    for (size_t layer = 1; layer <= r->t->config.layers; layer++)
        run_layer(r, layer, me);
    write_results(r, me);
}

/* ---- before and after ---- */
static int check_comparison(const struct run *r, size_t i, zoo_err *err)
{
    const zoo_transformer_config *c = &r->t->config;
    size_t T = r->batch->lengths[i];

    if (find_id(r, i, c->source_id) < T && find_id(r, i, c->candidate1_id) < T && find_id(r, i, c->candidate2_id) < T)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EUSAGE, "sequence %zu lacks one of the marker tokens %u, %u, %u of a comparison", i,
                    c->source_id, c->candidate1_id, c->candidate2_id);
}

static int check_tokens(const zoo_transformer_config *c, const zoo_packed *b, zoo_err *err)
{
    for (size_t i = 0; i < b->N; i++)
        if (b->ids[i] >= c->vocab_size)
            return zoo_fail(err, ZOO_EUSAGE, "token %zu has the id %u, the vocabulary ends at %zu", i, b->ids[i],
                            c->vocab_size - 1);
    for (size_t i = 0; i < b->N && b->types && c->types; i++)
        if (b->types[i] >= c->types)
            return zoo_fail(err, ZOO_EUSAGE, "token %zu has the type %u, the model knows %zu", i, b->types[i],
                            c->types);
    return ZOO_OK;
}

/* Fills in starts. */
static int check_batch(const struct run *r, zoo_err *err)
{
    const zoo_transformer_config *c = &r->t->config;
    const zoo_packed *b = r->batch;
    size_t N = 0;
    int rc = ZOO_OK;

    if (b->N > r->p->max_tokens)
        return zoo_fail(err, ZOO_EUSAGE, "%zu tokens in a pass, at most %zu fit", b->N, r->p->max_tokens);
    for (size_t i = 0; i < b->n; i++) {
        if (!b->lengths[i] || b->lengths[i] > b->N - N)
            return zoo_fail(err, ZOO_EUSAGE, "sequence %zu has %zu tokens, should have 1 to %zu", i, b->lengths[i],
                            b->N - N);
        if (c->has_positions && b->lengths[i] > c->max_positions)
            return zoo_fail(err, ZOO_EUSAGE, "sequence %zu has %zu tokens, the model has %zu positions", i,
                            b->lengths[i], c->max_positions);
        r->p->starts[i] = N;
        N += b->lengths[i];
    }
    if (N != b->N)
        return zoo_fail(err, ZOO_EUSAGE, "the lengths sum to %zu tokens, not to %zu", N, b->N);
    if (r->results->logits && c->head == ZOO_HEAD_NONE)
        return zoo_fail(err, ZOO_EUSAGE, "the checkpoint is a bare backbone: it has no head that gives logits");
    rc = check_tokens(c, b, err);
    for (size_t i = 0; i < b->n && !rc && r->results->logits && c->head == ZOO_HEAD_PAIR; i++)
        rc = check_comparison(r, i, err);
    return rc;
}

static int check_finite(const float *x, size_t n, zoo_err *err)
{
    for (size_t i = 0; x && i < n; i++)
        if (!isfinite(x[i]))
            return zoo_fail(err, ZOO_EFORMAT, "the checkpoint's weights give a result that is not finite");
    return ZOO_OK;
}

static int check_results(const struct run *r, zoo_err *err)
{
    const zoo_transformer_config *c = &r->t->config;
    const zoo_results *w = r->results;
    size_t n = r->batch->n, H = c->hidden_size;
    int rc;

    if ((rc = check_finite(w->logits, n * (c->head == ZOO_HEAD_PAIR ? 1 : c->labels), err)) ||
        (rc = check_finite(w->cls, n * H, err)) || (rc = check_finite(w->mean, n * H, err)))
        return rc;
    return check_finite(w->hidden, (c->layers + 1) * r->batch->N * H, err);
}

int zoo_transformer_run(const zoo_transformer *t, zoo_pass *p, const zoo_packed *batch, const zoo_results *results,
                        zoo_err *err)
{
    struct run r = { t, p, batch, results, results->mean || results->hidden || t->config.head == ZOO_HEAD_PAIR };
    int rc;

    if (!batch->n)
        return ZOO_OK;
    if ((rc = check_batch(&r, err)))
        return rc;
    zoo_team_run(p->team, run_member, &r);
    for (unsigned i = 0; i < zoo_team_size(p->team); i++)
        if (p->failures[i].code) {
            if (err)
                *err = p->failures[i];
            return p->failures[i].code;
        }
    if (!t->words.rows && (rc = zoo_weights_check_unchanged(t->weights, err)))
        return rc;
    return check_results(&r, err);
}
