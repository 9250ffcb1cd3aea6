/* network_pass.h - the memory of a pass, shared by network.c, network_forward.c and network_backward.c;
 * nobody else includes it.
 * Dimensions: n queries, N tokens, M rows of a layer's result (N; n in the last layer), C rows of the position tables
 * in use, H, E, I, K.
 * Layer: train. */
#ifndef ZOO_TRAIN_NETWORK_PASS_H
#define ZOO_TRAIN_NETWORK_PASS_H
#include "compute/attend.h"
#include "compute/dropout.h"
#include "compute/train_product.h"
#include "train/network.h"

/* What a layer keeps for its backward pass. */
struct zoo_layer_memory {
    float *in;                          /* (N,H) */
    float *qkv;                         /* (N,3H) */
    float *relative;                    /* (C,H): the normed position table, dropped */
    float *pos_key, *pos_query;         /* (C,H), projected; NULL where the network has none */
    float *context;                     /* (M,H) */
    float *first;                       /* (n,H), last layer alone: its input at token 0 */
    float *normal1, *scale1, *middle;   /* (M,H) (M) (M,H) */
    float *up;                          /* (M,I), before the activation */
    float *normal2, *scale2;            /* (M,H) (M) */
};

struct zoo_network_pass {
    const zoo_network *network;
    zoo_team *team;
    enum zoo_precision precision;
    size_t max_tokens, max_queries, scratch_size;
    unsigned char *memory;
    struct zoo_layer_memory *layers;    /* (layers) */
    /* (2 max_positions - 1): the row of the position table of relative position r at r + max_positions - 1 */
    int32_t *columns;
    size_t *starts;                     /* (n): a query's first token */

    /* (N,E) (N,H): sum of embeddings, behind the projection; the same where there is none */
    float *embedded, *projected;
    float *embed_normal, *embed_scale;  /* (N,H) (N) */
    float *relative_normal, *relative_scale, *relative;         /* (2A,H) (2A) (2A,H) */
    float *out;                         /* (n,H): the last layer's result */
    float *pooled_in, *pooled, *classified_in;                  /* (n,H) (n,S: before the activation) (n,S) */

    float *wide, *narrow;               /* (N,max(I,3H)) (N,H): of one phase */
    float *dout, *dmiddle, *dwide, *dqkv;                       /* (N,H) (N,H) (N,I) (N,3H): backward */
    float *drelative, *dpos_key, *dpos_query, *dlayer_relative; /* (2A,H) (C,H) (C,H) (C,H) */
    float *dpooled, *dfirst;            /* (n,S) (n,H) */
    float *scratch;                     /* (members, scratch_size) */
    void *products;                     /* operands as products read them */

    /* of the batch */
    const zoo_packed *batch;
    zoo_packed encoded;                 /* zoo_network_classify(): n alone */
    const float *params;
    float *logits;
    int has_noise;
    zoo_network_noise noise;
    size_t first_column, C;             /* rows first_column.. of the position table are in use */
    /* of backward */
    const float *dlogits;
    float *grads, *dwords;
    unsigned below;
    const zoo_network_listener *listener;
};

/* Places of dropout. */
enum { ZOO_PLACE_EMBEDDING, ZOO_PLACE_POOLER, ZOO_PLACE_CLASSIFIER, ZOO_PLACE_LAYERS = 16 };
enum { ZOO_PLACE_POSITIONS, ZOO_PLACE_PROBABILITIES, ZOO_PLACE_CONTEXT, ZOO_PLACE_DOWN, ZOO_PLACES_OF_LAYER };

zoo_coins zoo_pass_coins(const zoo_network_pass *pass, unsigned place, double share);
zoo_coins zoo_pass_layer_coins(const zoo_network_pass *pass, size_t layer, unsigned place, double share);
/* Dropout of rows first..first+count of what has a row a token, and of what has a row a query, with the coins of their
 * places in the step;
 * zoo_pass_drop_rows(): of a layer's result. out may be x. */
void zoo_pass_drop_tokens(const zoo_network_pass *pass, const zoo_coins *coins, float *out, const float *x,
                          size_t first, size_t count, size_t D);
void zoo_pass_drop_queries(const zoo_network_pass *pass, const zoo_coins *coins, float *out, const float *x,
                           size_t first, size_t count, size_t D);
void zoo_pass_drop_rows(const zoo_network_pass *pass, size_t layer, const zoo_coins *coins, float *out, const float *x,
                        size_t first, size_t count, size_t D);
/* The attention of one head over one query, all but `scratch`. */
zoo_attend zoo_pass_attend(const zoo_network_pass *pass, size_t layer, size_t head, size_t query);
int zoo_pass_is_last(const zoo_network_pass *pass, size_t layer);
/* Rows of a layer's result: token t of the batch, or token 0 of each query in the last layer. */
size_t zoo_pass_rows(const zoo_network_pass *pass, size_t layer);

/* The products of a linear layer in the pass's precision: see train_product.h. */
static inline void zoo_pass_multiply(const zoo_network_pass *p, const zoo_member *me, float *y, size_t ldy,
                                     const float *x, size_t ldx, const float *w, const float *bias, size_t R, size_t I,
                                     size_t O)
{
    zoo_train_product_fwd(me, p->precision, p->products, y, ldy, x, ldx, w, bias, R, I, O);
}
static inline void zoo_pass_multiply_bwd_x(const zoo_network_pass *p, const zoo_member *me, float *dx, size_t ldx,
                                           const float *dy, size_t ldy, const float *w, size_t R, size_t I, size_t O)
{
    zoo_train_product_bwd_x(me, p->precision, p->products, dx, ldx, dy, ldy, w, R, I, O);
}
static inline void zoo_pass_multiply_bwd_w(const zoo_network_pass *p, const zoo_member *me, float *dw, float *dbias,
                                           const float *dy, size_t ldy, const float *x, size_t ldx, size_t R, size_t I,
                                           size_t O)
{
    zoo_train_product_bwd_w(me, p->precision, p->products, dw, dbias, dy, ldy, x, ldx, R, I, O);
}

static inline const float *zoo_pass_part(const zoo_network_pass *p, enum zoo_part part)
{
    return p->params + p->network->parameters.parts[part];
}
static inline const float *zoo_pass_layer_part(const zoo_network_pass *p, size_t layer, enum zoo_layer_part part)
{
    return p->params + p->network->parameters.layer_parts[layer][part];
}
#endif
