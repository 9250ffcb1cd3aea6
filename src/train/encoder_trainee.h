/* encoder_trainee.h - a transformer as something that can be trained: parameters, AdamW, batches without padding,
 * dropout. The rows of the word embedding that a batch does not hold cost nothing (adamw.h). Parameters of layers that
 * do not learn have neither gradients nor momentum.
 * Layer: train -> model, compute, base. Threads: one owner; it uses the team it is given; the result does not depend on
 * its size. With ranks a thread of its own for what they exchange. */
#ifndef ZOO_TRAIN_ENCODER_TRAINEE_H
#define ZOO_TRAIN_ENCODER_TRAINEE_H
#include "train/adamw.h"
#include "train/network.h"
#include "train/sequences.h"
#include "train/trainer.h"

typedef struct zoo_encoder_training {
    double decay;                    /* of weights; neither of biases nor of norms */
    double layer_decay;              /* each layer learns with this share of the rate of that above it; 1: all alike */
    double clip;                     /* the gradient is no longer than this; 0: as it comes */
    unsigned layers;
        /* that learn, from the top, besides the head; network->below or more: all, embeddings too; 0: what the
                                        head reads is computed once a query, without dropout, and kept: 4 H bytes
                                           each */
    enum zoo_precision precision;    /* of the layers' products: F32 or BF16 */
    size_t batch_tokens;             /* that go through together, at most; a longer query goes by itself */
    size_t batch_rows;
    size_t steps;                    /* planned */
    uint64_t seed;                   /* of dropout */
} zoo_encoder_training;

#define ZOO_ENCODER_TRAINING_DEFAULTS { .decay = 0.01, .layer_decay = 1, .clip = 1, .layers = ~0u, \
                                        .precision = ZOO_PRECISION_F32, \
                                        .batch_tokens = 4096 }

typedef struct zoo_encoder_trainee zoo_encoder_trainee;

/* Where parameters are remembered: called by keep() and restore(). */
typedef struct zoo_encoder_keeper {
    void *context;
    int (*keep)(void *context, zoo_encoder_trainee *trainee, zoo_err *err);                 /* rank 0 alone is asked */
    int (*restore)(void *context, float *params, zoo_err *err);        /* params (network->parameters.size); the same */
} zoo_encoder_keeper;

/* params: what training begins with, taken over by free(), also on failure. All else is borrowed. ranks: that train the
 * same parameters side by side, each with a trainee of its own (NULL: nobody else). A step's rows are dealt out by
 * tokens; gradients are exchanged while the backward pass goes on; parameters stay the same bits on all ranks. */
int zoo_encoder_trainee_new(zoo_encoder_trainee **out, const zoo_network *network, const zoo_sequences *sequences,
                            zoo_team *team, zoo_ranks *ranks, const zoo_encoder_training *training,
                            const zoo_encoder_keeper *keeper, float *params, zoo_err *err);
void zoo_encoder_trainee_free(zoo_encoder_trainee *trainee);        /* NULL is fine */
zoo_trainee *zoo_encoder_trainee_base(zoo_encoder_trainee *trainee);

/* out (count) = floats first.. of the parameters as they are now; ranges of the word embedding are whole rows. */
void zoo_encoder_trainee_read(zoo_encoder_trainee *trainee, size_t first, size_t count, float *out);
/* The parameters, given away when training is over: the caller frees them, and the trainee may only be freed. */
float *zoo_encoder_trainee_take(zoo_encoder_trainee *trainee);
#endif
