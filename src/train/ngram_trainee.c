/* ngram_trainee.c - the n-gram network as something that can be trained: parameters, gradients, Adagrad; see
 * ngram_trainee.h. */
#include "train/ngram_trainee.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "train/optimiser.h"

#define NO_SLOT UINT32_MAX

/* Dimensions: V buckets, D embedding, B rows of a batch, R distinct embedding rows that a batch touches. */
struct zoo_ngram_trainee {
    zoo_trainee base;
    zoo_ngram_net net;
    const zoo_features *features;
    zoo_features_scratch scratch;
    float *params, *kept;            /* (net.size) */
    float *sums;                     /* (net.size - net.dense), Adagrad's */
    float *row_sums;                 /* (V) */
    float *grads;                    /* (net.size - net.dense) */
    float *row_grads;                /* (R,D), of the touched rows */
    uint32_t *touched, *slots;       /* (R) rows; (V) where a row stands among them, or NO_SLOT */
    size_t touched_count;
    zoo_bag *bags;                   /* (B), of the last forward */
    uint32_t *blend_rows;            /* (B * ZOO_TRAINEE_ROWS * longest): n-grams of blends */
    float *blend_weights;
    size_t B;
    float *activations, *dhidden, *dpooled;
};

/* The mean of two bags, in room for the n-grams of both. */
static zoo_bag blend(zoo_bag x, zoo_bag y, uint32_t *rows, float *weights)
{
    const zoo_bag bags[ZOO_TRAINEE_ROWS] = { x, y };
    size_t count = 0;

    for (size_t i = 0; i < ZOO_TRAINEE_ROWS; i++)
        for (size_t f = 0; f < bags[i].count; f++) {
            rows[count] = bags[i].rows[f];
            weights[count++] = bags[i].weights[f] / ZOO_TRAINEE_ROWS;
        }
    return (zoo_bag){ rows, weights, count };
}

static void forward(zoo_trainee *base, const zoo_batch *batch, float *logits, float *tag_logits)
{
    zoo_ngram_trainee *t = (zoo_ngram_trainee *)base;
    size_t blended = 0;

    zoo_features_begin(&t->scratch);
    for (size_t b = 0; b < batch->B; b++) {
        t->bags[b] = zoo_features_bag(t->features, batch->rows[b], &t->scratch);
        if (!batch->partners || batch->partners[b] == ZOO_ALONE)
            continue;
        t->bags[b] = blend(t->bags[b], zoo_features_bag(t->features, batch->partners[b], &t->scratch),
                           t->blend_rows + blended, t->blend_weights + blended);
        blended += t->bags[b].count;
    }
    t->B = batch->B;
    zoo_ngram_forward(&t->net, t->params, t->bags, batch->B, t->activations, logits, tag_logits);
}

/* The gradient (D) of an embedding row; zeroed when the row is touched for the first time since the last step. */
static float *row_gradient(zoo_ngram_trainee *t, uint32_t row)
{
    size_t D = t->net.config.dim;

    if (t->slots[row] == NO_SLOT) {
        t->slots[row] = (uint32_t)t->touched_count;
        t->touched[t->touched_count] = row;
        memset(t->row_grads + t->touched_count*D, 0, D * sizeof *t->row_grads);
        t->touched_count++;
    }
    return t->row_grads + t->slots[row]*D;
}

static void backward(zoo_trainee *base, const float *dlogits, const float *dtag_logits)
{
    zoo_ngram_trainee *t = (zoo_ngram_trainee *)base;
    size_t D = t->net.config.dim;

    zoo_ngram_backward(&t->net, t->params, t->B, t->activations, dlogits, dtag_logits, t->dhidden, t->grads,
                       t->dpooled);
    for (size_t b = 0; b < t->B; b++) {
        const float *dpooled = t->dpooled + b*D;
        for (size_t f = 0; f < t->bags[b].count; f++) {
            float *grad = row_gradient(t, t->bags[b].rows[f]), weight = t->bags[b].weights[f];
#pragma omp simd
            for (size_t d = 0; d < D; d++)
                grad[d] += weight * dpooled[d];
        }
    }
}

static int step(zoo_trainee *base, double rate, double *loss, double *norm, zoo_err *err)
{
    zoo_ngram_trainee *t = (zoo_ngram_trainee *)base;
    size_t dense = t->net.size - t->net.dense;

    (void)loss;
    (void)err;
    *norm = 0;
    zoo_adagrad_rows(t->params, t->row_sums, t->row_grads, t->touched, t->touched_count, t->net.config.dim,
                     (float)rate);
    zoo_adagrad_step(t->params + t->net.dense, t->sums, t->grads, dense, (float)rate);
    memset(t->grads, 0, dense * sizeof *t->grads);
    for (size_t i = 0; i < t->touched_count; i++)
        t->slots[t->touched[i]] = NO_SLOT;
    t->touched_count = 0;
    return ZOO_OK;
}

static int keep(zoo_trainee *base, zoo_err *err)
{
    zoo_ngram_trainee *t = (zoo_ngram_trainee *)base;

    (void)err;
    memcpy(t->kept, t->params, t->net.size * sizeof *t->params);
    return ZOO_OK;
}

static int restore(zoo_trainee *base, zoo_err *err)
{
    zoo_ngram_trainee *t = (zoo_ngram_trainee *)base;

    (void)err;
    memcpy(t->params, t->kept, t->net.size * sizeof *t->params);
    return ZOO_OK;
}

static const zoo_trainee_class ngram_class = {
    .forward = forward, .backward = backward, .step = step, .keep = keep, .restore = restore
};

static int alloc(zoo_ngram_trainee *t, size_t batch, zoo_err *err)
{
    size_t V = t->net.config.features.buckets, D = t->net.config.dim, H = t->net.config.hidden,
               dense = t->net.size - t->net.dense;
    size_t most = batch * ZOO_TRAINEE_ROWS * zoo_features_longest(t->features), R = most < V ? most : V;

    t->params = zoo_ngram_params_new(&t->net, err);
    t->kept = zoo_ngram_params_new(&t->net, err);
    t->sums = malloc(dense * sizeof *t->sums);
    t->row_sums = malloc(V * sizeof *t->row_sums);
    t->grads = malloc(dense * sizeof *t->grads);
    t->row_grads = malloc((R * D + 1) * sizeof *t->row_grads);
    t->touched = malloc((R + 1) * sizeof *t->touched);
    t->slots = malloc(V * sizeof *t->slots);
    t->bags = malloc(batch * sizeof *t->bags);
    t->blend_rows = malloc((most + 1) * sizeof *t->blend_rows);
    t->blend_weights = malloc((most + 1) * sizeof *t->blend_weights);
    t->activations = malloc(zoo_ngram_activations_size(&t->net, batch) * sizeof *t->activations);
    t->dhidden = malloc((batch * H + 1) * sizeof *t->dhidden);
    t->dpooled = malloc(batch * D * sizeof *t->dpooled);
    if (!t->params || !t->kept || !t->sums || !t->row_sums || !t->grads || !t->row_grads || !t->touched || !t->slots ||
        !t->bags || !t->blend_rows || !t->blend_weights || !t->activations || !t->dhidden || !t->dpooled)
        return zoo_fail_nomem(err);
    return zoo_features_scratch_init(&t->scratch, t->features, batch * ZOO_TRAINEE_ROWS, err);
}

int zoo_ngram_trainee_new(zoo_ngram_trainee **out, const zoo_ngram_net *net, const zoo_features *features, size_t batch,
                          zoo_err *err)
{
    zoo_ngram_trainee *t = calloc(1, sizeof *t);
    int rc;

    *out = NULL;
    if (!t)
        return zoo_fail_nomem(err);
    t->base = (zoo_trainee){ .class = &ngram_class, .k = net->config.experts, .tag_values = net->tag_values };
    t->net = *net;
    t->features = features;
    rc = alloc(t, batch, err);
    if (rc) {
        zoo_ngram_trainee_free(t);
        return rc;
    }
    *out = t;
    return ZOO_OK;
}

void zoo_ngram_trainee_free(zoo_ngram_trainee *trainee)
{
    if (!trainee)
        return;
    free(trainee->params);
    free(trainee->kept);
    free(trainee->sums);
    free(trainee->row_sums);
    free(trainee->grads);
    free(trainee->row_grads);
    free(trainee->touched);
    free(trainee->slots);
    free(trainee->bags);
    free(trainee->blend_rows);
    free(trainee->blend_weights);
    free(trainee->activations);
    free(trainee->dhidden);
    free(trainee->dpooled);
    zoo_features_scratch_release(&trainee->scratch);
    free(trainee);
}

zoo_trainee *zoo_ngram_trainee_base(zoo_ngram_trainee *trainee)
{
    return &trainee->base;
}

void zoo_ngram_trainee_reset(zoo_ngram_trainee *trainee, uint64_t seed, const double *prior)
{
    zoo_ngram_trainee *t = trainee;
    size_t V = t->net.config.features.buckets, dense = t->net.size - t->net.dense;
    float *bias;

    zoo_ngram_params_init(&t->net, t->params, seed);
    bias = zoo_ngram_param(&t->net, t->params, ZOO_NGRAM_CLASSIFIER_BIAS);
    for (size_t j = 0; j < t->base.k; j++)
        bias[j] = (float)log(fmax(prior[j], 1e-6));
    memset(t->sums, 0, dense * sizeof *t->sums);
    memset(t->row_sums, 0, V * sizeof *t->row_sums);
    memset(t->grads, 0, dense * sizeof *t->grads);
    for (size_t v = 0; v < V; v++)
        t->slots[v] = NO_SLOT;
    t->touched_count = 0;
}

float *zoo_ngram_trainee_params(zoo_ngram_trainee *trainee)
{
    return trainee->params;
}

void zoo_ngram_trainee_gradients(const zoo_ngram_trainee *trainee, float *gradients)
{
    const zoo_ngram_trainee *t = trainee;
    size_t D = t->net.config.dim;

    memset(gradients, 0, t->net.dense * sizeof *gradients);
    memcpy(gradients + t->net.dense, t->grads, (t->net.size - t->net.dense) * sizeof *gradients);
    for (size_t i = 0; i < t->touched_count; i++)
        memcpy(gradients + t->touched[i]*D, t->row_grads + i*D, D * sizeof *gradients);
}
