/* small_network.h - networks of two layers that are small enough to be looked at from every side. */
#ifndef ZOO_TESTS_SMALL_NETWORK_H
#define ZOO_TESTS_SMALL_NETWORK_H
#include "model/transformer_config.h"

enum { EMBED = 12, HIDDEN = 16 };

static inline zoo_transformer_config small_bert(void)
{
    return (zoo_transformer_config){
        .family = ZOO_BERT, .head = ZOO_HEAD_CLASSIFIER, .vocab_size = 30, .hidden_size = HIDDEN,
        .embedding_size = HIDDEN,
        .intermediate_size = 24, .layers = 2, .heads = 2, .max_positions = 32, .types = 2, .labels = 3,
        .pooler_size = HIDDEN,
        .hidden_act = ZOO_GELU, .pooler_act = ZOO_TANH, .eps = 1e-5f, .has_positions = true, .hidden_dropout = 0.1,
        .attention_dropout = 0.2, .classifier_dropout = 0.1
    };
}

static inline zoo_transformer_config small_deberta(void)
{
    zoo_transformer_config c = small_bert();

    c.family = ZOO_DEBERTA_V2;
    c.has_positions = false;
    c.types = 0;
    c.has_relative = c.shares_keys = c.has_c2p = c.has_p2c = c.norms_positions = true;
    c.buckets = 8;
    c.max_relative = 32;
    c.pooler_act = ZOO_GELU;
    c.pooler_dropout = 0.1;
    return c;
}

/* What v3 checkpoints do not use: own projections of positions, no norm of theirs, absolute positions,
 * types, a narrow embedding. */
static inline zoo_transformer_config odd_deberta(void)
{
    zoo_transformer_config c = small_deberta();

    c.embedding_size = EMBED;
    c.shares_keys = c.norms_positions = false;
    c.has_positions = true;
    c.types = 2;
    c.buckets = 0;
    c.max_relative = 6;
    c.hidden_act = ZOO_GELU_TANH;
    return c;
}
#endif
