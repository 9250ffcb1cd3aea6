/* transformer_config.h - what config.json says of a DeBERTa-v2/v3 or BERT network. Every key that changes the
 * computation is honoured or refused by name.
 * Layer: model -> base. Threads: a plain value. */
#ifndef ZOO_MODEL_TRANSFORMER_CONFIG_H
#define ZOO_MODEL_TRANSFORMER_CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/json.h"
#include "compute/product.h"

enum zoo_family { ZOO_DEBERTA_V2, ZOO_BERT };
enum zoo_head_kind { ZOO_HEAD_NONE, ZOO_HEAD_CLASSIFIER, ZOO_HEAD_PAIR };       /* a bare backbone; logits; PairRM */

typedef struct zoo_transformer_config {
    enum zoo_family family;
    enum zoo_head_kind head;
    size_t vocab_size, hidden_size, embedding_size, intermediate_size, layers, heads, max_positions, types, labels;
    size_t pooler_size;
    enum zoo_activation hidden_act, pooler_act;
    float eps;
    bool has_relative, has_positions, shares_keys, has_c2p, has_p2c, norms_positions;
    bool names_architecture;       /* false: `architectures` is missing, and a classifier's weights decide about head */
    size_t buckets, max_relative;               /* buckets 0: none */
    size_t max_tokens;                          /* that texts are cut to: zooter.max_tokens, else max_positions */
    double hidden_dropout, attention_dropout, pooler_dropout, classifier_dropout;
    uint32_t pad_id;
    uint32_t source_id, candidate1_id, candidate2_id, sep_id;       /* ZOO_HEAD_PAIR */
} zoo_transformer_config;

enum { ZOO_SEQUENCE_MAX = 65536 };              /* tokens of one sequence, where there are no absolute positions */

/* `place` (a path) begins the sentence of an error. head and labels follow `architectures` and id2label; whether the
 * weights of a head are there is the loader's business. */
int zoo_transformer_config_parse(zoo_transformer_config *out, const json_t *config, const char *place, zoo_err *err);
/* Rows of a position table on each side of the middle (A in spec/deberta-v2.md). */
size_t zoo_transformer_span(const zoo_transformer_config *config);
/* A distance from which on, up to ZOO_SEQUENCE_MAX, the row of a position table does not change any more. */
size_t zoo_transformer_reach(const zoo_transformer_config *config);
#endif
