/* network.h - a DeBERTa-v2/v3 or BERT classifier that learns: a forward pass that remembers what the backward pass
 * needs, and the backward pass. What is computed: model/transformer.h; here with dropout, and with position projections
 * that are part of the step.
 *
 *     zoo_network_init(&network, &config, &err);
 *     zoo_network_pass_new(&pass, &network, ZOO_PRECISION_BF16, team, max_tokens, max_queries, &err);
 *     zoo_network_forward(pass, params, &batch, &noise, logits);
 *     zoo_network_backward(pass, params, dlogits, network.below, grads, dwords);
 *
 * No padding: queries lie back to back. The last layer is computed only for token 0 of each query, forward and
 * backward. The products of the layers are multiplied in float32, or in bfloat16 with float32 sums; parameters,
 * gradients and all else is float32. Results depend neither on the number of threads nor on which
 * other queries are in the batch.
 * Dimensions: n queries, N tokens of all of them, T of one, H hidden size, E embedding size,
 * I intermediate size, K labels.
 * Layer: train -> model, compute, base. Threads: a network is read-only and shared;
 * a pass has one owner and uses the team it is given. */
#ifndef ZOO_TRAIN_NETWORK_H
#define ZOO_TRAIN_NETWORK_H
#include "compute/team.h"
#include "model/transformer.h"
#include "train/parameters.h"

typedef struct zoo_network {
    zoo_transformer_config config;
    zoo_parameters parameters;
    unsigned below;                     /* of the deepest parameters: layers + 1 */
} zoo_network;

/* ZOO_EUSAGE: a configuration that is not a classifier. */
int zoo_network_init(zoo_network *network, const zoo_transformer_config *config, zoo_err *err);
void zoo_network_release(zoo_network *network);

typedef struct zoo_network_pass zoo_network_pass;
/* precision: ZOO_PRECISION_F32 or ZOO_PRECISION_BF16. All memory is taken here, for batches of at most max_tokens
 * tokens in max_queries queries; the team and the network are borrowed. */
int zoo_network_pass_new(zoo_network_pass **out, const zoo_network *network, enum zoo_precision precision,
                         zoo_team *team, size_t max_tokens, size_t max_queries, zoo_err *err);
void zoo_network_pass_free(zoo_network_pass *pass);                 /* NULL is fine */

/* Where dropout's coins come from. A step's queries may go through in parts, or on several machines: their coins are
 * those of their places in the whole step. */
typedef struct zoo_network_noise {
    uint64_t seed, step;
    size_t tokens;                      /* of the step */
    /* (n): a query's number in the step, and its first token's; NULL: the batch is the whole step */
    const size_t *queries, *starts;
} zoo_network_noise;

/* logits (n,K). noise NULL: no dropout. The batch, whose ids must be in the vocabulary and whose queries have
 * 1..max_positions tokens, is borrowed until backward has returned. */
void zoo_network_forward(zoo_network_pass *pass, const float *params, const zoo_packed *batch,
                         const zoo_network_noise *noise, float *logits);
/* Where only the head learns, what it reads never changes: hidden (n,H), the last layer's result at token 0 of each
 * query, without dropout. It depends on the query alone, so that it may be computed once and kept. */
void zoo_network_encode(zoo_network_pass *pass, const float *params, const zoo_packed *batch, float *hidden);
/* The rest of a forward pass for n queries; the backward pass behind it is that with `below` 0. */
void zoo_network_classify(zoo_network_pass *pass, const float *params, const float *hidden, size_t n,
                          const zoo_network_noise *noise, float *logits);
/* Gradients of the last forward's logits to those of the parameters at most `below` layers beneath the head: added to
 * grads (size - dense: all but the word embedding), and, where below is network->below, dwords (N,E),
 * written: a row a token. */
void zoo_network_backward(zoo_network_pass *pass, const float *params, const float *dlogits, unsigned below,
                          float *grads, float *dwords);

/* Who wants gradients while the backward pass goes on.
 * Called from the caller's thread once all members have done with them. */
typedef struct zoo_network_listener {
    void *context;
    /* those of the parameters that lie so far beneath the head are final; ascending */
    void (*done)(void *context, unsigned below);
} zoo_network_listener;
/* For the next calls of zoo_network_backward(); NULL: nobody. Borrowed. The last call,
 * for the embeddings, comes without dwords. */
void zoo_network_listen(zoo_network_pass *pass, const zoo_network_listener *listener);
#endif
