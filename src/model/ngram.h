/* ngram.h - the embedded encoder: hashed n-grams, the weighted sum of their embeddings, a small network, logits.
 *
 *     pooled (B,D)  = bag of the query's n-grams over `embedding` (V,D)
 *     hidden (B,H)  = tanh(pooled hidden.weight^T + hidden.bias)    where H > 0; else hidden is pooled
 *     logits (B,K)  = hidden classifier.weight^T + classifier.bias
 *     tags   (B,G)  = hidden tags.weight^T + tags.bias              G: values of all kinds of tag, side by side;
 *                                                                   a softmax inside each kind reads them
 * Dimensions: B rows of a batch, V buckets, D embedding, H hidden units, K experts, G tag values, X = H or,
 * without a hidden layer, D.
 *
 *     zoo_ngram_net net;
 *     zoo_ngram_net_init(&net, &config, "router/config.json", &err);    // a plain value: the table of parameters
 *     float *params = zoo_ngram_params_new(&net, &err);                 // net.size floats, free() them
 *     zoo_ngram_params_init(&net, params, seed);
 *     zoo_ngram_forward(&net, params, bags, B, activations, logits, tags);
 *
 * Layer: model -> text, compute, base. Threads: pure functions over the caller's memory. Training, forward and backward
 * allocate nothing; a row's result does not depend on the batch that it is in. */
#ifndef ZOO_MODEL_NGRAM_H
#define ZOO_MODEL_NGRAM_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "text/ngrams.h"

enum {
    ZOO_NGRAM_DIM_MAX = 256, ZOO_NGRAM_HIDDEN_MAX = 1024, ZOO_EXPERTS_MAX = 4096,
    ZOO_TAG_KINDS_MAX = 16, ZOO_TAG_VALUES_MAX = 65536
};

typedef struct zoo_ngram_config {
    zoo_ngrams features;
    uint32_t dim;                               /* D, 1..ZOO_NGRAM_DIM_MAX */
    uint32_t hidden;                            /* H, 0..ZOO_NGRAM_HIDDEN_MAX */
    uint32_t experts;                           /* K, 1..ZOO_EXPERTS_MAX */
    uint32_t kinds;                             /* kinds of tag, 0..ZOO_TAG_KINDS_MAX */
    uint32_t kind_values[ZOO_TAG_KINDS_MAX];    /* values of each, >= 1; their sum is G, at most ZOO_TAG_VALUES_MAX */
} zoo_ngram_config;

enum zoo_ngram_param {
    ZOO_NGRAM_EMBEDDING,                        /* (V,D) */
    ZOO_NGRAM_HIDDEN_WEIGHT,                    /* (H,D) */
    ZOO_NGRAM_HIDDEN_BIAS,                      /* (H) */
    ZOO_NGRAM_CLASSIFIER_WEIGHT,                /* (K,X) */
    ZOO_NGRAM_CLASSIFIER_BIAS,                  /* (K) */
    ZOO_NGRAM_TAGS_WEIGHT,                      /* (G,X) */
    ZOO_NGRAM_TAGS_BIAS,                        /* (G) */
    ZOO_NGRAM_PARAMS
};

/* One row of the table of parameters. */
typedef struct zoo_param {
    const char *name;                           /* of the tensor in model.safetensors */
    size_t rows, columns;                       /* columns 0: a vector; rows 0: absent in this network */
    size_t offset;                              /* in floats, a multiple of 16 */
} zoo_param;

typedef struct zoo_ngram_net {
    zoo_ngram_config config;
    zoo_param params[ZOO_NGRAM_PARAMS];
    size_t size;                                /* floats of all parameters with the gaps between them */
    size_t dense;                               /* offset of the first parameter behind the embedding: [dense, size) */
    size_t top;                                 /* X */
    size_t tag_values;                          /* G */
    size_t kind_offsets[ZOO_TAG_KINDS_MAX + 1]; /* kind i has tag logits [kind_offsets[i], kind_offsets[i+1]) */
} zoo_ngram_net;

/* The n-grams of one query, as zoo_ngrams_extract() gives them. */
typedef struct zoo_bag { const uint32_t *rows; const float *weights; size_t count; } zoo_bag;

/* ZOO_EFORMAT with a sentence that begins with `place` where a number is outside its range. */
int zoo_ngram_net_init(zoo_ngram_net *net, const zoo_ngram_config *config, const char *place, zoo_err *err);

/* net->size zeroed floats, aligned to 64 bytes, for parameters or anything of their shape; free()
 * them. NULL: no memory. */
float *zoo_ngram_params_new(const zoo_ngram_net *net, zoo_err *err);
/* Embeddings and biases 0, so that an n-gram never trained on says nothing; weights normal(0, 1 / inputs). */
void zoo_ngram_params_init(const zoo_ngram_net *net, float *params, uint64_t seed);
/* Parameter `which` of params (or of gradients of the same shape). */
static inline float *zoo_ngram_param(const zoo_ngram_net *net, float *params, enum zoo_ngram_param which)
{
    return params + net->params[which].offset;
}

/* Floats of activations for B rows: pooled (B,D), then hidden (B,H). */
static inline size_t zoo_ngram_activations_size(const zoo_ngram_net *net, size_t B)
{
    return B * (net->config.dim + net->config.hidden);
}

/* logits (B,K); tag_logits (B,G) or NULL; activations: zoo_ngram_activations_size() floats,
 * kept for the backward pass. */
void zoo_ngram_forward(const zoo_ngram_net *net, const float *params, const zoo_bag *bags, size_t B, float *activations,
                       float *logits, float *tag_logits);

/* From dlogits (B,K) and dtag_logits (B,G) or NULL:
 *   grads (size - dense) += the gradients of the parameters behind the embedding; parameter p is at p.offset - dense
 *   dpooled (B,D)         = the gradient of the pooled embeddings: that of embedding row r is, over the rows b whose
 *   bag holds
 *                           r with weight w, the sum of w * dpooled[b,:]
 * scratch: B * H floats. */
void zoo_ngram_backward(const zoo_ngram_net *net, const float *params, size_t B, const float *activations,
                        const float *dlogits, const float *dtag_logits, float *scratch, float *grads, float *dpooled);
#endif
