/* ngram.c - the embedded encoder: hashed n-grams, the weighted sum of their embeddings, a small network, logits; see
 * ngram.h. */
#include "model/ngram.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "compute/kernels.h"

enum { ALIGN = 16 };                            /* floats: one cache line */

static int check(const zoo_ngram_config *c, const char *place, zoo_err *err)
{
    size_t sum = 0;

    if (zoo_ngrams_check(&c->features, place, err))
        return ZOO_EFORMAT;
    if (c->dim < 1 || c->dim > ZOO_NGRAM_DIM_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'dim' is %u, should be 1 to %d", place, c->dim, ZOO_NGRAM_DIM_MAX);
    if (c->hidden > ZOO_NGRAM_HIDDEN_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'hidden' is %u, should be 0 to %d", place, c->hidden,
                        ZOO_NGRAM_HIDDEN_MAX);
    if (c->experts < 1 || c->experts > ZOO_EXPERTS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %u experts, should be 1 to %d", place, c->experts, ZOO_EXPERTS_MAX);
    if (c->kinds > ZOO_TAG_KINDS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %u kinds of tag, should be 0 to %d", place, c->kinds, ZOO_TAG_KINDS_MAX);
    for (uint32_t i = 0; i < c->kinds; i++) {
        sum += c->kind_values[i];
        if (!c->kind_values[i] || sum > ZOO_TAG_VALUES_MAX)
            return zoo_fail(err, ZOO_EFORMAT, "%s: a kind of tag without values, or over %d values in all", place,
                            ZOO_TAG_VALUES_MAX);
    }
    return ZOO_OK;
}

int zoo_ngram_net_init(zoo_ngram_net *net, const zoo_ngram_config *config, const char *place, zoo_err *err)
{
    size_t V = config->features.buckets, D = config->dim, H = config->hidden, K = config->experts, G = 0, X = H ? H : D;

    memset(net, 0, sizeof *net);
    if (check(config, place, err))
        return ZOO_EFORMAT;
    for (uint32_t i = 0; i < config->kinds; i++) {
        net->kind_offsets[i] = G;
        G += config->kind_values[i];
    }
    net->kind_offsets[config->kinds] = G;
    const zoo_param table[ZOO_NGRAM_PARAMS] = {
        [ZOO_NGRAM_EMBEDDING]         = { "embedding.weight",  V, D, 0 },
        [ZOO_NGRAM_HIDDEN_WEIGHT]     = { "hidden.weight",     H, D, 0 },
        [ZOO_NGRAM_HIDDEN_BIAS]       = { "hidden.bias",       H, 0, 0 },
        [ZOO_NGRAM_CLASSIFIER_WEIGHT] = { "classifier.weight", K, X, 0 },
        [ZOO_NGRAM_CLASSIFIER_BIAS]   = { "classifier.bias",   K, 0, 0 },
        [ZOO_NGRAM_TAGS_WEIGHT]       = { "tags.weight",       G, X, 0 },
        [ZOO_NGRAM_TAGS_BIAS]         = { "tags.bias",         G, 0, 0 },
    };
    for (size_t i = 0; i < ZOO_NGRAM_PARAMS; i++) {
        zoo_param *p = &net->params[i];
        *p = table[i];
        p->offset = net->size;
        net->size += (p->rows * (p->columns ? p->columns : 1) + ALIGN - 1) / ALIGN * ALIGN;
    }
    net->config = *config;
    net->dense = net->params[ZOO_NGRAM_EMBEDDING + 1].offset;
    net->top = X;
    net->tag_values = G;
    return ZOO_OK;
}

float *zoo_ngram_params_new(const zoo_ngram_net *net, zoo_err *err)
{
    float *params = aligned_alloc(64, net->size * sizeof *params);      /* size is a multiple of 16 floats */

    if (params)
        memset(params, 0, net->size * sizeof *params);
    else
        zoo_fail_nomem(err);
    return params;
}

void zoo_ngram_params_init(const zoo_ngram_net *net, float *params, uint64_t seed)
{
    zoo_rng rng;

    zoo_rng_init(&rng, seed);
    memset(params, 0, net->size * sizeof *params);
    for (size_t i = ZOO_NGRAM_EMBEDDING + 1; i < ZOO_NGRAM_PARAMS; i++) {
        const zoo_param *p = &net->params[i];
        for (size_t j = 0; j < p->rows * p->columns; j++)
            params[p->offset + j] = (float)(zoo_rng_normal(&rng) / sqrt((double)p->columns));
    }
}

void zoo_ngram_forward(const zoo_ngram_net *net, const float *params, const zoo_bag *bags, size_t B, float *activations,
                       float *logits, float *tag_logits)
{
    const zoo_param *p = net->params;
    size_t D = net->config.dim, H = net->config.hidden, K = net->config.experts, X = net->top, G = net->tag_values;
    float *pooled = activations, *hidden = H ? activations + B*D : pooled;         /* (B,D)   (B,X) */

    for (size_t b = 0; b < B; b++)
        zoo_bag_fwd(pooled + b*D, params + p[ZOO_NGRAM_EMBEDDING].offset, bags[b].rows, bags[b].weights, bags[b].count,
                    D);
    for (size_t b = 0; H && b < B; b++) {
        float raw[ZOO_NGRAM_HIDDEN_MAX];
        zoo_linear_fwd(raw, pooled + b*D, params + p[ZOO_NGRAM_HIDDEN_WEIGHT].offset,
                       params + p[ZOO_NGRAM_HIDDEN_BIAS].offset, 1, D, H);
        zoo_tanh_fwd(hidden + b*H, raw, H);
    }
    zoo_linear_fwd(logits, hidden, params + p[ZOO_NGRAM_CLASSIFIER_WEIGHT].offset,
                   params + p[ZOO_NGRAM_CLASSIFIER_BIAS].offset, B, X, K);
    if (tag_logits && G)
        zoo_linear_fwd(tag_logits, hidden, params + p[ZOO_NGRAM_TAGS_WEIGHT].offset,
                       params + p[ZOO_NGRAM_TAGS_BIAS].offset, B, X, G);
}

void zoo_ngram_backward(const zoo_ngram_net *net, const float *params, size_t B, const float *activations,
                        const float *dlogits, const float *dtag_logits, float *scratch, float *grads, float *dpooled)
{
    const zoo_param *p = net->params;
    size_t D = net->config.dim, H = net->config.hidden, K = net->config.experts, X = net->top, G = net->tag_values;
    const float *pooled = activations, *hidden = H ? activations + B*D : pooled;
    float *dhidden = H ? scratch : dpooled;                                       /* (B,X) */

    memset(dhidden, 0, B*X * sizeof *dhidden);
    zoo_linear_bwd(dhidden, grads + p[ZOO_NGRAM_CLASSIFIER_WEIGHT].offset - net->dense,
                   grads + p[ZOO_NGRAM_CLASSIFIER_BIAS].offset - net->dense, dlogits, hidden,
                   params + p[ZOO_NGRAM_CLASSIFIER_WEIGHT].offset, B, X, K);
    if (dtag_logits && G)
        zoo_linear_bwd(dhidden, grads + p[ZOO_NGRAM_TAGS_WEIGHT].offset - net->dense,
                       grads + p[ZOO_NGRAM_TAGS_BIAS].offset - net->dense, dtag_logits, hidden,
                       params + p[ZOO_NGRAM_TAGS_WEIGHT].offset, B, X, G);
    if (!H)
        return;
    memset(dpooled, 0, B*D * sizeof *dpooled);
    for (size_t b = 0; b < B; b++) {
        float draw[ZOO_NGRAM_HIDDEN_MAX];
        memset(draw, 0, H * sizeof *draw);
        zoo_tanh_bwd(draw, dhidden + b*H, hidden + b*H, H);
        zoo_linear_bwd(dpooled + b*D, grads + p[ZOO_NGRAM_HIDDEN_WEIGHT].offset - net->dense,
                       grads + p[ZOO_NGRAM_HIDDEN_BIAS].offset - net->dense, draw, pooled + b*D,
                       params + p[ZOO_NGRAM_HIDDEN_WEIGHT].offset, 1, D, H);
    }
}
