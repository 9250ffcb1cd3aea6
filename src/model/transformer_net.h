/* transformer_net.h - what an open transformer consists of; shared by transformer_open.c, which makes it, and
 * transformer.c, which runs it.
 * Dimensions: H hidden size, E embedding size, I intermediate size, V vocabulary, A span of positions.
 * Layer: model -> compute, base. Threads: immutable once open. */
#ifndef ZOO_MODEL_TRANSFORMER_NET_H
#define ZOO_MODEL_TRANSFORMER_NET_H
#include "compute/attention.h"
#include "compute/rows.h"
#include "model/transformer.h"

typedef struct zoo_transformer_layer {
    zoo_product *qkv;           /* (3H, H): query, key, value one behind the other; NULL in the last layer, which has */
    zoo_product *q, *kv;            /* (H, H) and (2H, H), because it may need the queries of few rows */
    zoo_product *out, *up, *down;   /* (H, H) (I, H) (H, I) */
    zoo_norm attention_norm, output_norm;
    zoo_attention_positions *positions;         /* NULL: plain attention */
} zoo_transformer_layer;

/* A table that is looked up by row: in memory, or in the file where it is large. */
typedef struct zoo_table {
    float *rows;                    /* (V, E), or NULL: */
    const zoo_tensor *tensor;       /* in the file */
} zoo_table;

struct zoo_transformer {
    zoo_transformer_config config;
    enum zoo_precision precision;
    zoo_weights *weights;
    zoo_table words;
    float *positions, *types;       /* (max_positions, E), (types, E), or NULL */
    zoo_pages *pages;               /* the weights of the layers' products */
    zoo_product *projection;        /* (H, E), or NULL */
    zoo_norm embedding_norm;
    zoo_transformer_layer *layers;  /* (config.layers) */
    int32_t *columns;               /* (2 * max_distance + 1): see zoo_attention */
    size_t max_distance;
    zoo_product *pooler;            /* (H, H) of a classifier, (H, 2H) of a comparer */
    float *classifier, *classifier_bias;        /* (labels, H), (labels) */
};
/* Of the product in the head. */
enum zoo_precision zoo_transformer_head_precision(const zoo_transformer *transformer);
#endif
