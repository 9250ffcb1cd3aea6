/* trainer.h - the training loop over an abstract model: batches, loss, steps, validation, early stopping.
 *
 * A model that can be trained is a zoo_trainee: a table of functions with the model's state behind it. The loop knows nothing
 * else of it, so that a table of embeddings and a transformer are trained alike.
 * Some examples are blends of two rows, their target that of the mean of both rows' rewards (mixup: Zhang et al. 2018, here
 * between pooled texts). Without them a router is sure of itself also where a query is unlike any that it has seen, and sends it to
 * some specialist; with them, weak evidence means little, and such queries stay close to the expert that is best on average.
 * Dimensions: n queries of the data set, B rows of a batch, k experts, G tag values of all heads side by side.
 * Layer: train -> base. Threads: one owner; the result depends on the seed alone. */
#ifndef ZOO_TRAIN_TRAINER_H
#define ZOO_TRAIN_TRAINER_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"
#include "base/progress.h"
#include "train/loss.h"

typedef struct zoo_trainee zoo_trainee;

enum { ZOO_TRAINEE_ROWS = 2 };      /* of an example, at most */

/* Examples of a step. Example b is rows[b], or, where partners is not NULL and partners[b] not ZOO_ALONE, a blend: what lies
 * half-way between the texts of both rows, as the model sees them (the mean of their pooled vectors). */
#define ZOO_ALONE SIZE_MAX
typedef struct zoo_batch { const size_t *rows, *partners; size_t B; } zoo_batch;

typedef struct zoo_trainee_class {
    /* logits (B,k) and, where not NULL, tag_logits (B,G); remembers what backward() needs. */
    void (*forward)(zoo_trainee *trainee, const zoo_batch *batch, float *logits, float *tag_logits);
    /* Takes the gradients of the last forward's outputs and adds those of the parameters; dtag_logits may be NULL. */
    void (*backward)(zoo_trainee *trainee, const float *dlogits, const float *dtag_logits);
    /* One step of the optimiser; gradients are 0 again afterwards. */
    void (*step)(zoo_trainee *trainee, double rate);
    void (*keep)(zoo_trainee *trainee);              /* remembers the parameters as they are */
    void (*restore)(zoo_trainee *trainee);           /* brings back what keep() remembered last */
} zoo_trainee_class;

struct zoo_trainee { const zoo_trainee_class *class; size_t k, tag_values; };

typedef struct zoo_trainer_settings {
    unsigned epochs;                 /* planned: the rate falls to 0 over them */
    unsigned stop_after;             /* 1..epochs */
    size_t batch;                    /* rows of a step */
    double rate;                     /* of the first step */
    double tag_weight;               /* of the tag heads' loss; 0: they are not trained */
    double blend;                    /* share of the examples that are blended with another row, 0..1 */
    enum zoo_kl direction;
    uint64_t seed;                   /* order of the rows */
} zoo_trainer_settings;

typedef struct zoo_trainer_task {
    const zoo_dataset *data;
    const size_t *rows;              /* trained on */
    size_t count;
    const float *targets;            /* (n,k), by row of data */
    const float *weights;            /* (n), of the loss */
    const zoo_tag_kind *heads;       /* (head_count), their values side by side in the tag logits */
    size_t head_count;
    const size_t *held;              /* rows held out; NULL: none */
    size_t held_count;
    const float *held_weights;       /* (n), of their rewards */
    uint32_t *choices;               /* (held_count): experts chosen at the end, all that the held-out rows are then used for;
                                        NULL: they tell when to stop */
    zoo_progress *progress;          /* counts rows; NULL: silent */
} zoo_trainer_task;

typedef struct zoo_trainer_result {
    unsigned best;                   /* epoch (1..) with the best expected reward of the held-out rows, the later of equals; without: the last */
    double loss;                     /* mean of the last epoch */
    double reward;                   /* of the held-out rows at the end */
} zoo_trainer_result;

/* Trains `trainee` from where it is. With held-out rows and without `choices` it ends with the parameters of the best epoch,
 * else with those of the last one. ZOO_EFORMAT when the loss is no longer a number. */
int zoo_trainer_run(zoo_trainee *trainee, const zoo_trainer_task *task, const zoo_trainer_settings *settings,
                    zoo_trainer_result *result, zoo_err *err);

/* The expert with the highest logit for each of rows[0..count), the lower index of equals. ZOO_ENOMEM. */
int zoo_trainer_choose(zoo_trainee *trainee, const size_t *rows, size_t count, size_t batch, uint32_t *choices, zoo_err *err);
#endif
