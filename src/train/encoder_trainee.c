/* encoder_trainee.c - a transformer as something that can be trained: parameters, AdamW, batches without padding,
 * dropout; see encoder_trainee.h. */
#include "train/encoder_trainee.h"
#include "train/exchange.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"

#define NO_SLOT UINT32_MAX
enum { NORM_BLOCK = 1 << 16 };       /* floats whose squares are summed by one member */

/* Dimensions: V words, E embedding size, N tokens that go through together, R distinct words of a step,
 * P parameters but the words'. */
struct zoo_encoder_trainee {
    zoo_trainee base;
    const zoo_network *network;
    const zoo_sequences *sequences;
    zoo_team *team;
    zoo_encoder_training training;
    zoo_encoder_keeper keeper;
    zoo_network_pass *pass;
    size_t max_tokens;               /* N */
    float *params;                   /* (V*E + P) */
    float *m, *v, *grads;            /* (P) */
    zoo_adamw adamw;
    zoo_adamw_rows words;
    float *dwords;                   /* (N,E) */
    float *row_grads;                /* (R,E), of the touched words */
    uint32_t *touched, *slots;       /* (R); (V) where a word stands among them, or NO_SLOT */
    size_t touched_count, touched_most;
    uint32_t *ids;                   /* (N) */
    size_t *lengths;                 /* (batch_rows) */
    zoo_packed packed;
    uint64_t steps;                  /* taken */
    const size_t *step_rows;         /* (step_count): of the step under way, on all ranks */
    size_t step_count, step_tokens;
    size_t *step_starts, *step_lengths;         /* (batch_rows): first token of each in the step; how many */
    size_t *places, *starts;         /* (batch_rows): of the part that goes through */
    /* of several ranks */
    zoo_ranks *ranks;                /* NULL: nobody else */
    zoo_exchange *exchange;
    zoo_network_listener listener;
    unsigned *owner;                 /* (batch_rows) */
    uint64_t *order;                 /* (batch_rows) */
    size_t *loads;                   /* (R) */
    unsigned handed;                 /* gradients so far beneath the head that were handed over in this step */
    int has_handed_ids;
    int completes;                   /* the part that goes through is this rank's last of the step */
    double rate, scale, norm;        /* of the step under way */
    double *squares;                 /* one a block of NORM_BLOCK gradients */
    /* where only the head learns: what it reads of each query of the data set (n,H), once it is known, of the batch,
     * and of its new queries */
    float *known, *read, *fresh;     /* (n,H) (batch_rows,H) (batch_rows,H) */
    unsigned char *is_known;         /* (n) */
    size_t *unknown;                 /* (batch_rows) */
};

static int learns_words(const zoo_encoder_trainee *t)
{
    return t->training.layers >= t->network->below;
}

/* ---- forward and backward ---- */

static size_t fit(const zoo_trainee *base, const size_t *rows, size_t B)
{
    const zoo_encoder_trainee *t = (const zoo_encoder_trainee *)base;
    size_t tokens = 0, b = 0;

    for (; b < B && b < t->training.batch_rows; b++) {
        tokens += zoo_sequences_length(t->sequences, rows[b]);
        if (tokens > t->max_tokens)
            break;
    }
    return b ? b : 1;
}

/* Words catch up before they are read: a word is one member's. All that any rank reads,
 * so that a word has the same bits on each. */
static void catch_up(void *context, const zoo_member *me)
{
    zoo_encoder_trainee *t = context;
    const zoo_sequences *s = t->sequences;

    for (size_t b = 0; b < t->step_count; b++)
        for (size_t i = s->starts[t->step_rows[b]]; i < s->starts[t->step_rows[b] + 1]; i++)
            if (s->ids[i] % me->of == me->number)
                zoo_adamw_rows_catch_up(&t->words, s->ids[i]);
}

static size_t begin(zoo_trainee *base, const size_t *rows, size_t B, int learns, size_t *own)
{
    zoo_encoder_trainee *t = (zoo_encoder_trainee *)base;
    size_t count = 0;

    t->step_rows = rows;
    t->step_count = B;
    t->step_tokens = 0;
    for (size_t b = 0; b < B; b++) {
        t->step_starts[b] = t->step_tokens;
        t->step_lengths[b] = zoo_sequences_length(t->sequences, rows[b]);
        t->step_tokens += t->step_lengths[b];
    }
    if (learns_words(t))
        zoo_team_run(t->team, catch_up, t);
    if (learns)
        base->work += t->step_tokens;
    if (t->ranks)
        zoo_ranks_deal(t->ranks, t->step_lengths, B, t->owner, t->order, t->loads);
    for (size_t b = 0; b < B; b++)
        if (!t->ranks || t->owner[b] == t->ranks->rank)
            own[count++] = b;
    return count;
}

static void pack(zoo_encoder_trainee *t, const size_t *rows, size_t B)
{
    const zoo_sequences *s = t->sequences;

    t->packed = (zoo_packed){ .ids = t->ids, .lengths = t->lengths, .n = B };
    for (size_t b = 0; b < B; b++) {
        t->lengths[b] = zoo_sequences_length(s, rows[b]);
        memcpy(t->ids + t->packed.N, s->ids + s->starts[rows[b]], t->lengths[b] * sizeof *t->ids);
        t->packed.N += t->lengths[b];
    }
}

/* t->read: what the head reads of each query, computed where it is not known yet. */
static void look_up(zoo_encoder_trainee *t, const zoo_batch *batch)
{
    size_t H = t->network->config.hidden_size, count = 0;

    for (size_t b = 0; b < batch->B; b++)
        if (!t->is_known[batch->rows[b]])
            t->unknown[count++] = batch->rows[b];
    if (count) {
        pack(t, t->unknown, count);
        zoo_network_encode(t->pass, t->params, &t->packed, t->fresh);
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(t->known + t->unknown[i]*H, t->fresh + i*H, H * sizeof *t->known);
        t->is_known[t->unknown[i]] = 1;
    }
    for (size_t b = 0; b < batch->B; b++)
        memcpy(t->read + b*H, t->known + batch->rows[b]*H, H * sizeof *t->read);
}

static void forward(zoo_trainee *base, const zoo_batch *batch, float *logits, float *tag_logits)
{
    zoo_encoder_trainee *t = (zoo_encoder_trainee *)base;
    const zoo_network_noise noise = { t->training.seed, t->steps, t->step_tokens, t->places, t->starts },
                                    *coins = batch->learns ? &noise : NULL;

    (void)tag_logits;
    for (size_t b = 0; b < batch->B; b++) {
        t->places[b] = batch->places ? batch->places[b] : b;
        t->starts[b] = t->step_starts[t->places[b]];
    }
    t->completes = t->ranks && batch->is_last;
    zoo_network_listen(t->pass, t->completes ? &t->listener : NULL);
    if (t->known) {
        look_up(t, batch);
        zoo_network_classify(t->pass, t->params, t->read, batch->B, coins, logits);
    } else {
        pack(t, batch->rows, batch->B);
        zoo_network_forward(t->pass, t->params, &t->packed, coins, logits);
    }
}

/* The word of padding has no gradient, as in the reference; it stands in a text only where somebody wrote it there. */
static int has_gradient(const zoo_encoder_trainee *t, uint32_t id)
{
    return id != t->network->config.pad_id;
}

static void assign_slots(zoo_encoder_trainee *t)
{
    size_t E = t->words.D;

    for (size_t i = 0; i < t->packed.N; i++) {
        uint32_t id = t->ids[i];
        if (!has_gradient(t, id) || t->slots[id] != NO_SLOT)
            continue;
        t->slots[id] = (uint32_t)t->touched_count;
        memset(t->row_grads + t->touched_count*E, 0, E * sizeof *t->row_grads);
        t->touched[t->touched_count++] = id;
    }
}

/* dwords (N,E) to the touched words: a member takes columns, so that the order of sums is that of the tokens. */
static void gather(void *context, const zoo_member *me)
{
    zoo_encoder_trainee *t = context;
    size_t E = t->words.D, first, end;

    zoo_member_share(me, E, 16, &first, &end);
    for (size_t i = 0; i < t->packed.N; i++) {
        const float *row = t->dwords + i*E;
        float *sum;
        if (!has_gradient(t, t->ids[i]))
            continue;
        sum = t->row_grads + t->slots[t->ids[i]]*E;
#pragma omp simd
        for (size_t e = first; e < end; e++)
            sum[e] += row[e];
    }
}

/* ---- the exchange with other ranks ---- */

/* The dense parameters that lie so far beneath the head are one range. */
static void find_range(const zoo_encoder_trainee *t, unsigned below, size_t *first, size_t *count)
{
    const zoo_parameters *p = &t->network->parameters;

    *first = *count = 0;
    for (size_t i = 1; i < p->count; i++)                           /* 0: the words */
        if (p->all[i].below == below) {
            if (!*count)
                *first = p->all[i].offset - p->dense;
            *count += p->all[i].count;
        }
}

static void hand_over_ids(zoo_encoder_trainee *t)
{
    if (!t->has_handed_ids && learns_words(t))
        zoo_exchange_ids(t->exchange, t->touched, t->touched_count);
    t->has_handed_ids = 1;
}

/* All that lie less far beneath the head are final too. */
static void hand_over(void *context, unsigned below)
{
    zoo_encoder_trainee *t = context;
    size_t first, count;

    hand_over_ids(t);
    for (; t->handed <= below; t->handed++) {
        find_range(t, t->handed, &first, &count);
        if (count)
            zoo_exchange_dense(t->exchange, t->grads + first, count);
    }
}

/* Gradients and loss become the sums over all ranks; a rank without a row in this step still takes part. */
static int finish_exchange(zoo_encoder_trainee *t, double *loss, zoo_err *err)
{
    unsigned deepest = t->training.layers < t->network->below ? t->training.layers : t->network->below;
    const uint32_t *ids;
    int rc;

    if (!t->ranks)
        return ZOO_OK;
    hand_over(t, deepest);
    if (learns_words(t))
        zoo_exchange_rows(t->exchange, t->row_grads);
    rc = zoo_exchange_finish(t->exchange, err);
    t->handed = 0;
    t->has_handed_ids = 0;
    if (rc)
        return rc;
    if (learns_words(t)) {
        for (size_t i = 0; i < t->touched_count; i++)
            t->slots[t->touched[i]] = NO_SLOT;
        t->touched_count = zoo_exchange_union(t->exchange, &ids);
        memcpy(t->touched, ids, t->touched_count * sizeof *ids);
    }
    return zoo_ranks_sum_number(t->ranks, loss, err);
}

static void backward(zoo_trainee *base, const float *dlogits, const float *dtag_logits)
{
    zoo_encoder_trainee *t = (zoo_encoder_trainee *)base;

    (void)dtag_logits;
    if (learns_words(t))
        assign_slots(t);
    if (t->completes)
        hand_over_ids(t);
    zoo_network_backward(t->pass, t->params, dlogits, t->training.layers, t->grads, t->dwords);
    if (learns_words(t))
        zoo_team_run(t->team, gather, t);
}

/* ---- steps ---- */

static size_t dense_size(const zoo_encoder_trainee *t)
{
    return t->network->parameters.size - t->network->parameters.dense;
}

/* Squares of all gradients in blocks of a fixed size: the words' behind those of the others. */
static void measure(void *context, const zoo_member *me)
{
    zoo_encoder_trainee *t = context;
    const size_t sizes[] = { dense_size(t), t->touched_count * t->words.D };
    const float *parts[] = { t->grads, t->row_grads };
    size_t block = 0;

    for (int part = 0; part < 2; part++)
        for (size_t at = 0; at < sizes[part]; at += NORM_BLOCK, block++)
            if (block % me->of == me->number)
                t->squares[block] = zoo_square_norm(parts[part] + at,
                                                    sizes[part] - at < NORM_BLOCK ? sizes[part] - at : NORM_BLOCK);
}

static double find_norm(zoo_encoder_trainee *t)
{
    size_t blocks = (dense_size(t) + NORM_BLOCK - 1) / NORM_BLOCK +
                    (t->touched_count * t->words.D + NORM_BLOCK - 1) / NORM_BLOCK;
    double sum = 0;

    zoo_team_run(t->team, measure, t);
    for (size_t i = 0; i < blocks; i++)
        sum += t->squares[i];
    return sqrt(sum);
}

static void step_parameter(zoo_encoder_trainee *t, const zoo_parameter *p, const zoo_member *me)
{
    size_t first, end, at = p->offset - t->network->parameters.dense;
    double rate = t->rate * zoo_layer_share(t->training.layer_decay, p->below);

    zoo_member_share(me, p->count, 16, &first, &end);
    zoo_adamw_step(&t->adamw, t->steps, rate, p->decays ? t->training.decay : 0, t->params + p->offset + first,
                   t->m + at + first, t->v + at + first, t->grads + at + first, (float)t->scale, end - first);
    memset(t->grads + at + first, 0, (end - first) * sizeof *t->grads);
}

static void step_all(void *context, const zoo_member *me)
{
    zoo_encoder_trainee *t = context;
    const zoo_parameters *p = &t->network->parameters;
    size_t first, end;

    for (size_t i = 1; i < p->count; i++)                           /* 0: the words */
        if (p->all[i].below <= t->training.layers)
            step_parameter(t, &p->all[i], me);
    zoo_member_share(me, t->touched_count, 1, &first, &end);
    for (size_t i = first; i < end; i++)
        zoo_adamw_rows_step(&t->words, t->touched[i], t->row_grads + i * t->words.D, (float)t->scale);
}

static int step(zoo_trainee *base, double rate, double *loss, double *length, zoo_err *err)
{
    zoo_encoder_trainee *t = (zoo_encoder_trainee *)base;
    int rc = finish_exchange(t, loss, err);
    double norm;

    if (rc)
        return rc;
    *length = norm = find_norm(t);
    if (!isfinite(norm) || !isfinite(*loss))
        return ZOO_OK;
    t->steps++;
    t->rate = rate;
    t->scale = zoo_clip_scale(norm, t->training.clip);
    if (learns_words(t))
        zoo_adamw_rows_begin(&t->words, rate * zoo_layer_share(t->training.layer_decay, t->network->below));
    zoo_team_run(t->team, step_all, t);
    for (size_t i = 0; i < t->touched_count; i++)
        t->slots[t->touched[i]] = NO_SLOT;
    t->touched_count = 0;
    return ZOO_OK;
}

/* ---- parameters in and out ---- */

static int keep(zoo_trainee *base, zoo_err *err)
{
    zoo_encoder_trainee *t = (zoo_encoder_trainee *)base;

    if (!zoo_ranks_number(t->ranks))
        return t->keeper.keep(t->keeper.context, t, err);
    for (size_t row = 0; row < t->words.V; row++)                   /* as those that rank 0 reads */
        if (t->words.made[row] & ZOO_ADAMW_MOVED)
            zoo_adamw_rows_catch_up(&t->words, row);
    return ZOO_OK;
}

static int restore(zoo_trainee *base, zoo_err *err)
{
    zoo_encoder_trainee *t = (zoo_encoder_trainee *)base;

    for (size_t i = 0; i < t->words.V; i++)                         /* what is read is as it should be */
        t->words.made[i] = t->words.steps;
    if (zoo_ranks_number(t->ranks))
        return ZOO_OK;
    return t->keeper.restore(t->keeper.context, t->params, err);
}

void zoo_encoder_trainee_read(zoo_encoder_trainee *t, size_t first, size_t count, float *out)
{
    size_t E = t->words.D, dense = t->network->parameters.dense;

    for (; count && first < dense; first += E, count -= E, out += E)
        zoo_adamw_rows_read(&t->words, first / E, out);
    memcpy(out, t->params + first, count * sizeof *out);
}

float *zoo_encoder_trainee_take(zoo_encoder_trainee *t)
{
    float *params = t->params;

    for (size_t row = 0; row < t->words.V; row++)
        zoo_adamw_rows_catch_up(&t->words, row);
    t->params = NULL;
    return params;
}

static uint64_t mark(const zoo_trainee *base)
{
    const zoo_encoder_trainee *t = (const zoo_encoder_trainee *)base;

    return zoo_hash64(t->params, t->network->parameters.size * sizeof *t->params, t->steps);
}

/* Words that were never touched are those of the encoder that training began with, and are not written down. */
static void sync_words(zoo_encoder_trainee *t, zoo_state *state)
{
    zoo_adamw_rows *w = &t->words;
    size_t bytes = w->D * sizeof(float);

    zoo_state_sync(state, &w->steps, sizeof w->steps);
    zoo_state_sync(state, w->rates, (w->steps_most + 1) * sizeof *w->rates);
    zoo_state_sync(state, w->log_keep, (w->steps_most + 1) * sizeof *w->log_keep);
    zoo_state_sync(state, w->made, w->V * sizeof *w->made);
    for (size_t row = 0; row < w->V; row++) {
        if (w->made[row])
            zoo_state_sync(state, w->table + row * w->D, bytes);
        if (w->made[row] & ZOO_ADAMW_MOVED) {
            zoo_state_sync(state, w->m + row * w->D, bytes);
            zoo_state_sync(state, w->v + row * w->D, bytes);
        }
    }
}

static void sync_trainee(zoo_trainee *base, zoo_state *state)
{
    zoo_encoder_trainee *t = (zoo_encoder_trainee *)base;
    const zoo_parameters *p = &t->network->parameters;

    zoo_state_sync(state, &t->steps, sizeof t->steps);
    zoo_state_sync(state, &base->work, sizeof base->work);
    for (size_t i = 1; i < p->count; i++) {
        size_t at = p->all[i].offset - p->dense, bytes = p->all[i].count * sizeof(float);
        if (p->all[i].below > t->training.layers)
            continue;
        zoo_state_sync(state, t->params + p->all[i].offset, bytes);
        zoo_state_sync(state, t->m + at, bytes);
        zoo_state_sync(state, t->v + at, bytes);
    }
    if (learns_words(t))
        sync_words(t, state);
}

static const zoo_trainee_class encoder_class = {
    .begin = begin, .fit = fit, .forward = forward, .backward = backward, .step = step, .keep = keep,
    .restore = restore, .mark = mark, .sync = sync_trainee
};

/* ---- life ---- */

static int alloc_known(zoo_encoder_trainee *t, zoo_err *err)
{
    size_t n = t->sequences->n, rows = t->training.batch_rows, H = t->network->config.hidden_size;

    t->known = n > SIZE_MAX / H / sizeof *t->known ? NULL : malloc((n * H + 1) * sizeof *t->known);
    t->is_known = calloc(n + 1, 1);
    t->read = malloc((rows * H + 1) * sizeof *t->read);
    t->fresh = malloc((rows * H + 1) * sizeof *t->fresh);
    t->unknown = malloc((rows + 1) * sizeof *t->unknown);
    return t->known && t->is_known && t->read && t->fresh && t->unknown ? ZOO_OK : zoo_fail_nomem(err);
}

static int alloc(zoo_encoder_trainee *t, zoo_err *err)
{
    const zoo_transformer_config *c = &t->network->config;
    size_t P = dense_size(t), V = c->vocab_size, E = c->embedding_size, rows = t->training.batch_rows;
    size_t most = rows * t->sequences->longest;
    size_t R = t->touched_most = !learns_words(t) ? 0 : most < V ? most : V;
    size_t blocks = P / NORM_BLOCK + R * E / NORM_BLOCK + 2;

    t->m = calloc(P + 1, sizeof *t->m);
    t->v = calloc(P + 1, sizeof *t->v);
    t->grads = calloc(P + 1, sizeof *t->grads);
    t->dwords = malloc((t->max_tokens * E + 1) * sizeof *t->dwords);
    t->row_grads = malloc((R * E + 1) * sizeof *t->row_grads);
    t->touched = malloc((R + 1) * sizeof *t->touched);
    t->slots = malloc((V + 1) * sizeof *t->slots);
    t->ids = malloc((t->max_tokens + 1) * sizeof *t->ids);
    t->lengths = malloc((rows + 1) * sizeof *t->lengths);
    t->places = malloc((rows + 1) * sizeof *t->places);
    t->starts = malloc((rows + 1) * sizeof *t->starts);
    t->step_starts = malloc((rows + 1) * sizeof *t->step_starts);
    t->step_lengths = malloc((rows + 1) * sizeof *t->step_lengths);
    t->squares = malloc(blocks * sizeof *t->squares);
    if (!t->m || !t->v || !t->grads || !t->dwords || !t->row_grads || !t->touched || !t->slots || !t->ids ||
        !t->lengths || !t->squares || !t->places || !t->starts || !t->step_starts || !t->step_lengths)
        return zoo_fail_nomem(err);
    memset(t->slots, 0xff, V * sizeof *t->slots);
    return zoo_adamw_rows_init(&t->words, &t->adamw, t->params, V, E, t->training.decay, t->training.steps, err);
}

static int join_ranks(zoo_encoder_trainee *t, zoo_err *err)
{
    const zoo_transformer_config *c = &t->network->config;
    size_t rows = t->training.batch_rows, first, count;
    zoo_exchange_size size = { .jobs = t->network->below + 4, .V = c->vocab_size, .E = c->embedding_size,
                               .rows = t->touched_most };

    if (!t->ranks)
        return ZOO_OK;
    t->listener = (zoo_network_listener){ t, hand_over };
    t->owner = malloc((rows + 1) * sizeof *t->owner);
    t->order = malloc((rows + 1) * sizeof *t->order);
    t->loads = malloc(t->ranks->count * sizeof *t->loads);
    if (!t->owner || !t->order || !t->loads)
        return zoo_fail_nomem(err);
    for (unsigned below = 0; below <= t->network->below; below++) {
        find_range(t, below, &first, &count);
        size.dense = count > size.dense ? count : size.dense;
    }
    return zoo_exchange_new(&t->exchange, t->ranks, &size, err);
}

int zoo_encoder_trainee_new(zoo_encoder_trainee **out, const zoo_network *network, const zoo_sequences *sequences,
                            zoo_team *team, zoo_ranks *ranks, const zoo_encoder_training *training,
                            const zoo_encoder_keeper *keeper, float *params, zoo_err *err)
{
    zoo_encoder_trainee *t = calloc(1, sizeof *t);
    int rc;

    *out = NULL;
    if (!t) {
        free(params);
        return zoo_fail_nomem(err);
    }
    t->base = (zoo_trainee){ .class = &encoder_class, .k = network->config.labels };
    t->network = network;
    t->sequences = sequences;
    t->team = team;
    t->ranks = ranks && ranks->count > 1 ? ranks : NULL;
    t->training = *training;
    t->keeper = *keeper;
    t->params = params;
    t->adamw = (zoo_adamw)ZOO_ADAMW_DEFAULT;
    t->max_tokens = training->batch_tokens > sequences->longest ? training->batch_tokens : sequences->longest;
    rc = alloc(t, err);
    if (!rc && !training->layers)
        rc = alloc_known(t, err);
    if (!rc)
        rc = join_ranks(t, err);
    if (!rc)
        rc = zoo_network_pass_new(&t->pass, network, training->precision, team, t->max_tokens, training->batch_rows,
                                  err);
    if (rc) {
        zoo_encoder_trainee_free(t);
        return rc;
    }
    *out = t;
    return ZOO_OK;
}

void zoo_encoder_trainee_free(zoo_encoder_trainee *t)
{
    if (!t)
        return;
    zoo_exchange_free(t->exchange);
    free(t->places);
    free(t->starts);
    free(t->step_starts);
    free(t->step_lengths);
    free(t->owner);
    free(t->order);
    free(t->loads);
    free(t->params);
    free(t->m);
    free(t->v);
    free(t->grads);
    free(t->dwords);
    free(t->row_grads);
    free(t->touched);
    free(t->slots);
    free(t->ids);
    free(t->lengths);
    free(t->squares);
    free(t->known);
    free(t->is_known);
    free(t->read);
    free(t->fresh);
    free(t->unknown);
    zoo_adamw_rows_release(&t->words);
    zoo_network_pass_free(t->pass);
    free(t);
}

zoo_trainee *zoo_encoder_trainee_base(zoo_encoder_trainee *t)
{
    return &t->base;
}
