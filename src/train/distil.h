/* distil.h - reward distillation of one recipe on some rows: tag rewards, targets, training. What cross-validation,
 * leaving one subset out and the final training all consist of.
 * Layer: train. Threads: a zoo_distillery is read-only and shared; each thread has a zoo_distiller of its own. */
#ifndef ZOO_TRAIN_DISTIL_H
#define ZOO_TRAIN_DISTIL_H
#include "train/labels.h"
#include "train/ngram_trainee.h"
#include "train/recipe.h"
#include "train/trainer.h"
#include "train/units.h"

/* What all runs have in common; all borrowed. Dimensions: n queries, k experts. */
typedef struct zoo_distillery {
    const zoo_dataset *data;
    const zoo_units *units;          /* that the rewards of `data` are in; NULL: their own */
    const zoo_features *features;
    const zoo_ngram_net *net;
    const size_t *kinds;             /* (kind_count), coarse to fine */
    size_t kind_count;
    const zoo_tag_kind *heads;       /* (head_count) */
    size_t head_count;
    const float *weights;            /* (n), of labels and loss */
    const zoo_tag_kind *drawn;       /* trainer.h; NULL: the loss weighs rows by `weights` */
    const float *judged;             /* (n), of the rewards of held-out rows */
    zoo_trainer_settings trainer;
} zoo_distillery;

/* Memory of one run at a time. */
typedef struct zoo_distiller {
    zoo_ngram_trainee *trainee;
    float *targets;                  /* (n,k) */
    double *prior;                   /* (k) */
} zoo_distiller;

int zoo_distiller_init(zoo_distiller *distiller, const zoo_distillery *distillery, zoo_err *err);
void zoo_distiller_release(zoo_distiller *distiller);

/* Learns from rows[0..count) alone; held and choices as in zoo_trainer_task. The recipe's temperature is in the unit of
 * the rewards of `data`. */
int zoo_distil(zoo_distiller *distiller, const zoo_distillery *distillery, const zoo_recipe *recipe, const size_t *rows,
               size_t count, const size_t *held, size_t held_count, unsigned stop_after, uint32_t *choices,
               zoo_progress *progress, zoo_trainer_result *result, zoo_err *err);
/* targets[row] (k) of rows[0..count), and prior (k), their weighted mean: the half of zoo_distil()
 * that is not the network's. */
int zoo_distil_targets(const zoo_distillery *distillery, const zoo_recipe *recipe, const size_t *rows, size_t count,
                       float *targets, double *prior, zoo_err *err);
#endif
