/* encoder_run.h - fine-tuning an encoder as one run: from a checkpoint folder and targets to the parameters that are
 * kept, with all that is written beside while it goes on.
 *
 *     RUN/state       how far the run is: from there --resume goes on to the same bits
 *     RUN/best        the router of the best epoch so far, a folder like the final one; RUN/last that of the last epoch
 *
 * Layer: train -> model, text, compute, base. Threads: starts a team; the result does not depend on its size. */
#ifndef ZOO_TRAIN_ENCODER_RUN_H
#define ZOO_TRAIN_ENCODER_RUN_H
#include "train/distil.h"
#include "train/encoder_folder.h"
#include "train/encoder_trainee.h"

/* What is asked for. All borrowed. */
typedef struct zoo_encoder_plan {
    const char *dir;                 /* the checkpoint folder to begin with */
    const char *run;                 /* RUN: a folder of its own, made where missing */
    size_t max_tokens;    /* queries are cut to; 0: as many as the encoder reads, but no more than ZOO_ENCODER_TOKENS */
    zoo_encoder_training training;   /* steps, batch_rows and seed are filled in */
    double save_every;               /* seconds between states */
    int resumes;
    const zoo_trainer_watch *watch;  /* NULL: nobody */
} zoo_encoder_plan;

enum { ZOO_ENCODER_TOKENS = 512 };

/* What the run is about. All borrowed. */
typedef struct zoo_encoder_job {
    const zoo_distillery *distillery;           /* data, kinds, weights, judged, trainer settings */
    const zoo_recipe *recipe;                   /* settled */
    const size_t *rows, *held;
    size_t count, held_count;
    zoo_router_facts facts;
    zoo_parallel *parallel;
    unsigned threads;
    zoo_progress *progress;
    zoo_ranks *ranks;                /* that do the same job together; rank 0 writes RUN. NULL: nobody else */
} zoo_encoder_job;

/* A trained encoder. */
typedef struct zoo_encoder_result {
    zoo_encoder_source source;
    /* (source.network.parameters.size), rank 0's alone: the best epoch's, or the last one's where nothing was held
     * out */
    float *params;
    size_t max_tokens, cut_rows;
    uint64_t tokens;                 /* learnt from */
    zoo_trainer_result trainer;
    uint32_t *choices;               /* (held_count), of the parameters that are kept */
} zoo_encoder_result;

int zoo_encoder_run(const zoo_encoder_plan *plan, const zoo_encoder_job *job, zoo_encoder_result *result, zoo_err *err);
void zoo_encoder_result_release(zoo_encoder_result *result);
/* The router's folder; training may be NULL. */
int zoo_encoder_result_write(const zoo_encoder_result *result, const zoo_router_facts *facts, json_t *training,
                             const char *dir, int force, zoo_err *err);
#endif
