/* ngram_trainee.h - the n-gram network as something that can be trained: parameters, gradients, Adagrad.
 * A batch touches few of the embedding's rows, so only those have gradients and are stepped.
 * Layer: train -> model, base. Threads: one owner; the features are shared and only read. */
#ifndef ZOO_TRAIN_NGRAM_TRAINEE_H
#define ZOO_TRAIN_NGRAM_TRAINEE_H
#include "model/ngram.h"
#include "train/features.h"
#include "train/trainer.h"

typedef struct zoo_ngram_trainee zoo_ngram_trainee;

/* `batch`: rows of the largest batch. The features must outlive the trainee and be made with net->config.features. */
int zoo_ngram_trainee_new(zoo_ngram_trainee **out, const zoo_ngram_net *net, const zoo_features *features, size_t batch,
                          zoo_err *err);
void zoo_ngram_trainee_free(zoo_ngram_trainee *trainee);        /* NULL is fine */
zoo_trainee *zoo_ngram_trainee_base(zoo_ngram_trainee *trainee);

/* Begins anew: weights from the seed, the expert head's bias at log(prior (k)), so that an untrained router chooses
 * what the targets favour on average. */
void zoo_ngram_trainee_reset(zoo_ngram_trainee *trainee, uint64_t seed, const double *prior);
/* The parameters (net->size), borrowed. */
float *zoo_ngram_trainee_params(zoo_ngram_trainee *trainee);
/* Gradients that backward() has added since the last step, as one array of the parameters' shape (for tests). */
void zoo_ngram_trainee_gradients(const zoo_ngram_trainee *trainee, float *gradients);
#endif
