/* parameters.h - the parameters of a transformer as one flat array: a table of name, shape and place, the names those
 * of the checkpoint. The word embedding lies first, everything else behind it, what one product reads side by side
 * (queries, keys and values).
 * Dimensions: V words, E embedding size, H hidden size, I intermediate size, L layers, A span of positions,
 * K labels, S pooler.
 * Layer: train -> model, base. Threads: immutable once built. */
#ifndef ZOO_TRAIN_PARAMETERS_H
#define ZOO_TRAIN_PARAMETERS_H
#include <stdbool.h>
#include <stdint.h>
#include "model/transformer_config.h"
#include "model/weights.h"

/* Parts that a network has once. */
enum zoo_part {
    ZOO_PART_WORDS,                                                 /* (V,E) */
    ZOO_PART_POSITIONS, ZOO_PART_TYPES,                             /* (positions,E) (types,E) */
    ZOO_PART_EMBED_PROJ,                                            /* (H,E) */
    ZOO_PART_EMBED_NORM_W, ZOO_PART_EMBED_NORM_B,                   /* (H): behind the projection */
    ZOO_PART_RELATIVE,                                              /* (2A,H) */
    ZOO_PART_RELATIVE_NORM_W, ZOO_PART_RELATIVE_NORM_B,             /* (H) */
    ZOO_PART_POOLER_W, ZOO_PART_POOLER_B,                           /* (S,H) (S) */
    ZOO_PART_CLASSIFIER_W, ZOO_PART_CLASSIFIER_B,                   /* (K,S) (K) */
    ZOO_PARTS
};

/* Parts of every layer. */
enum zoo_layer_part {
    ZOO_LAYER_QUERY_W, ZOO_LAYER_KEY_W, ZOO_LAYER_VALUE_W,          /* (H,H), side by side: (3H,H) */
    ZOO_LAYER_QUERY_B, ZOO_LAYER_KEY_B, ZOO_LAYER_VALUE_B,          /* (H): (3H) */
    ZOO_LAYER_POS_QUERY_W, ZOO_LAYER_POS_KEY_W,                     /* (H,H), where keys are not shared */
    ZOO_LAYER_POS_QUERY_B, ZOO_LAYER_POS_KEY_B,                     /* (H) */
    ZOO_LAYER_OUT_W, ZOO_LAYER_OUT_B,                               /* (H,H) (H) */
    ZOO_LAYER_NORM1_W, ZOO_LAYER_NORM1_B,                           /* (H) */
    ZOO_LAYER_UP_W, ZOO_LAYER_UP_B,                                 /* (I,H) (I) */
    ZOO_LAYER_DOWN_W, ZOO_LAYER_DOWN_B,                             /* (H,I) (H) */
    ZOO_LAYER_NORM2_W, ZOO_LAYER_NORM2_B,                           /* (H) */
    ZOO_LAYER_PARTS
};

enum { ZOO_PARAMETER_NAME_SIZE = 96 };

typedef struct zoo_parameter {
    char name[ZOO_PARAMETER_NAME_SIZE];         /* in the checkpoint */
    size_t dims, shape[2], count, offset;       /* count: of floats */
    bool decays;                                /* by weight decay: neither biases nor norms do */
    bool is_pooler, is_classifier, is_head;     /* is_head: either, which a bare backbone may lack */
    unsigned below;                           /* layers beneath the head: 0 the head, L - l layer l, L + 1 embeddings */
} zoo_parameter;

#define ZOO_NO_PART SIZE_MAX

typedef struct zoo_parameters {
    size_t count, size, dense;                  /* tensors; floats; where the word embedding ends */
    size_t layers;
    zoo_parameter *all;                         /* (count), by offset */
    size_t parts[ZOO_PARTS];                    /* offsets; ZOO_NO_PART: the network has none */
    size_t (*layer_parts)[ZOO_LAYER_PARTS];     /* (layers) */
} zoo_parameters;

int zoo_parameters_init(zoo_parameters *parameters, const zoo_transformer_config *config, zoo_err *err);
void zoo_parameters_release(zoo_parameters *parameters);

/* params (size) from a checkpoint. The classifier, and the pooler where the checkpoint has none (*has_new_pooler,
 * unless NULL), are drawn at
 * random: weights normal with deviation `spread`, biases 0. */
int zoo_parameters_read(const zoo_parameters *parameters, const zoo_weights *weights, double spread, uint64_t seed,
                        float *params, int *has_new_pooler, zoo_err *err);
#endif
