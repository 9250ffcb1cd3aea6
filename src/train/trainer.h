/* trainer.h - the training loop over an abstract model: batches, loss, steps, validation, early stopping.
 *
 * A model that can be trained is a zoo_trainee: a table of functions with the model's state behind it. The loop knows
 * nothing else of it, so that a table of embeddings and a transformer are trained alike.
 * Some examples are blends of two rows, their target that of the mean of both rows' rewards (mixup: Zhang et al. 2018,
 * here between pooled texts). Without them a router is sure of itself also where a query is unlike any that it has
 * seen, and sends it to some specialist; with them, weak evidence means little, and such queries stay close to the
 * expert that is best on average. Blending is for models that pool vectors; token sequences have nothing half-way
 * between them, and are trained with blend 0. A run can be written down at any step and goes on
 * from there to the same bits.
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
#include "train/ranks.h"
#include "train/schedule.h"
#include "train/state.h"
#include "train/units.h"

typedef struct zoo_trainee zoo_trainee;

enum { ZOO_TRAINEE_ROWS = 2 };      /* of an example, at most */

/* Examples of a step. Example b is rows[b], or, where partners is not NULL and partners[b] not ZOO_ALONE, a blend: what
 * lies half-way between the texts of both rows, as the model sees them (the mean of their pooled vectors). */
#define ZOO_ALONE SIZE_MAX
typedef struct zoo_batch {
    const size_t *rows, *partners;
    size_t B;
    int learns;                      /* with dropout */
    const size_t *places;            /* (B): which of the step's rows these are, as begin() was told; NULL: 0.. */
    int is_last;                     /* part of the step here: its backward pass completes the gradients */
} zoo_batch;

typedef struct zoo_trainee_class {
    /* A step on rows[0..B) begins, or (learns 0) a look at rows that are held out. Returns how many of them are this
     * process's, and which: own (B), ascending. NULL: all are. */
    size_t (*begin)(zoo_trainee *trainee, const size_t *rows, size_t B, int learns, size_t *own);
    /* How many of rows[0..B) go through the network together, at least 1: what memory has room for. NULL: all. A step's
     * rows go through in such parts, and their gradients add up. */
    size_t (*fit)(const zoo_trainee *trainee, const size_t *rows, size_t B);
    /* logits (B,k) and, where not NULL, tag_logits (B,G); remembers what backward() needs. */
    void (*forward)(zoo_trainee *trainee, const zoo_batch *batch, float *logits, float *tag_logits);
    /* Takes the gradients of the last forward's outputs and adds those of the parameters; dtag_logits may be NULL. */
    void (*backward)(zoo_trainee *trainee, const float *dlogits, const float *dtag_logits);
    /* One step of the optimiser; gradients are 0 again afterwards. *norm: their length before clipping, or 0 where
     * nobody measured. *loss: the sum over this process's rows becomes that over all of the step's. Where either is no
     * number, no step was taken. */
    int (*step)(zoo_trainee *trainee, double rate, double *loss, double *norm, zoo_err *err);
    int (*keep)(zoo_trainee *trainee, zoo_err *err);            /* remembers the parameters as they are */
    int (*restore)(zoo_trainee *trainee, zoo_err *err);         /* brings back what keep() remembered last */
    /* Of the parameters, as they lie in memory: all ranks have the same. NULL: there is only one. */
    uint64_t (*mark)(const zoo_trainee *trainee);
    /* Everything that further steps depend on, written or read; NULL: a run cannot be continued. */
    void (*sync)(zoo_trainee *trainee, zoo_state *state);
} zoo_trainee_class;

struct zoo_trainee {
    const zoo_trainee_class *class;
    size_t k, tag_values;
    uint64_t work;                   /* tokens learnt from so far; 0 where rows are counted */
};

typedef struct zoo_trainer_settings {
    unsigned epochs;                 /* planned: the rate falls to 0 over them */
    unsigned stop_after;             /* 1..epochs */
    size_t batch;                    /* rows of a step */
    double rate;                     /* the highest */
    enum zoo_fall fall;
    double warm_up;                  /* share of the planned steps over which the rate rises, 0..1 */
    unsigned patience;          /* epochs without a better reward of the held-out rows before it stops; 0: all epochs */
    double tag_weight;               /* of the tag heads' loss; 0: they are not trained */
    double blend;                    /* share of the examples that are blended with another row, 0..1 */
    enum zoo_loss loss;
    uint64_t seed;                   /* order of the rows */
} zoo_trainer_settings;

/* A moment of a run, for those who watch. */
typedef struct zoo_trainer_moment {
    uint64_t step, steps;            /* taken, planned */
    unsigned epoch;                  /* 1.. */
    double loss, rate, norm;         /* of the step; at the end of an epoch, loss is the epoch's mean */
    double reward;                   /* of the held-out rows; NaN but at the end of an epoch that looked at them */
    int is_best;                     /* that reward is the best so far */
    uint64_t work;                   /* of the trainee */
} zoo_trainer_moment;

typedef struct zoo_trainer_watch {
    void *context;
    /* After each step and each epoch (ends_epoch); what it returns but ZOO_OK ends the run. */
    int (*look)(void *context, const zoo_trainer_moment *moment, int ends_epoch, zoo_err *err);
    /* The run goes on from a state of so many steps. */
    int (*resume)(void *context, uint64_t step, zoo_err *err);
} zoo_trainer_watch;

/* Where a run writes down how far it is. */
typedef struct zoo_trainer_state {
    const char *path;
    uint64_t fingerprint;
    double every;                    /* seconds; also at the end of an epoch */
    int resumes;                     /* goes on from `path`, where it is there */
} zoo_trainer_state;

typedef struct zoo_trainer_task {
    const zoo_dataset *data;
    /* that its rewards are in; NULL: their own. Those who watch are told rewards in their own */
    const zoo_units *units;
    const size_t *rows;              /* trained on */
    size_t count;
    const float *targets;            /* (n,k), by row of data */
    const float *weights;            /* (n), of the loss; unused where `drawn` is given */
    const zoo_tag_kind *drawn;       /* epochs draw its tags equally often (sampler.h); NULL: every row once */
    const zoo_tag_kind *heads;       /* (head_count), their values side by side in the tag logits */
    size_t head_count;
    const size_t *held;              /* rows held out; NULL: none */
    size_t held_count;
    const float *held_weights;       /* (n), of their rewards */
    uint32_t *choices;
        /* (held_count): experts chosen at the end, all that the held-out rows are then used for;
                                        NULL: they tell when to stop */
    /* (held_count): of the epoch that is kept, where they tell when to stop; NULL: nobody asks */
    uint32_t *best_choices;
    zoo_progress *progress;          /* counts rows; NULL: silent */
    const zoo_trainer_watch *watch;  /* NULL: nobody */
    const zoo_trainer_state *state;  /* NULL: nowhere */
    zoo_ranks *ranks;
        /* that train the same model, each with a trainee that begins and steps with the others; rank 0
                                        writes the state. NULL: nobody else */
} zoo_trainer_task;

typedef struct zoo_trainer_result {
    /* epoch (1..) with the best expected reward of the held-out rows, the later of equals; without: the last */
    unsigned best;
    double loss;                     /* mean of the last epoch */
    double reward;                   /* of the held-out rows at the end, as in the task's data */
    unsigned epochs;                 /* taken */
} zoo_trainer_result;

/* Trains `trainee` from where it is. With held-out rows and without `choices` it ends with the parameters of the best
 * epoch, else with those of the last one. ZOO_EFORMAT when the loss is no longer a number:
 * what keep() remembered is as it was. */
int zoo_trainer_run(zoo_trainee *trainee, const zoo_trainer_task *task, const zoo_trainer_settings *settings,
                    zoo_trainer_result *result, zoo_err *err);

/* The expert with the highest logit for each of rows[0..count), the lower index of equals. ZOO_ENOMEM. */
int zoo_trainer_choose(zoo_trainee *trainee, const size_t *rows, size_t count, size_t batch, uint32_t *choices,
                       zoo_err *err);
#endif
