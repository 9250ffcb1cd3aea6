/* train.h - the whole training of a router by reward distillation: which rows, which recipe,
 * what it is worth, the network.
 *
 *     zoo_train_settings settings = ZOO_TRAIN_DEFAULTS;
 *     zoo_trained trained;
 *     settings.kinds = kinds;                                      // zoo_kinds_order()
 *     settings.kind_count = zoo_kinds_order(&data, kinds);
 *     if (zoo_train(&data, &settings, &trained, &err) == ZOO_OK)
 *         zoo_ngram_save(dir, 0, &trained.net, trained.params, ...);
 *     zoo_trained_release(&trained);
 *
 * In order: rows with a reward missing are left out, and where those are more than nine of ten, training is refused,
 * since then it is an expert that should be left out; rewards are brought to one unit (units.h), which changes nothing
 * that is learnt; some texts are set aside for validation; what the settings leave open is chosen by cross-validation
 * on the others; a router is trained on these others and stopped where the validation rows' expected reward is best;
 * the router that is kept is trained afresh on all rows for as many epochs (a tenth more data, and nothing thrown away
 * where data are few); rows that the data set holds aside (dataset.h) are the validation rows where there are any, and
 * are never learnt from; each value of a kind of tag is left out in turn, to see how new kinds of query would fare.
 * With settings.encoder an encoder is fine-tuned instead (encoder_run.h): the recipe is chosen with n-gram routers,
 * which cost seconds, then the encoder is trained once, and the epoch that is best on the validation rows is kept.
 * Rows, targets, losses, loop and verdict are the same.
 * Dimensions: n queries, k experts.
 * Layer: train. Threads: starts its own; the result does not depend on how many.
 * Refuses to print: the report says all. */
#ifndef ZOO_TRAIN_TRAIN_H
#define ZOO_TRAIN_TRAIN_H
#include <stdio.h>
#include "base/holes.h"
#include "base/json.h"
#include "train/distil.h"
#include "train/attempts.h"
#include "train/encoder_run.h"
#include "train/units.h"

enum {
    ZOO_JUDGED_ROWS = 500,           /* groups smaller than this are not judged by, where there is one that is not */
    ZOO_SAMPLE_ROWS = 20000,         /* cross-validation and leaving out look at no more rows than these */
    ZOO_FOLDS = 5,
    ZOO_TEXTS_LEAST = 20,            /* with fewer texts nothing is set aside and nothing chosen */
    ZOO_LEFT_OUT_MAX = 12,
    ZOO_COMPLETE_SHARE = 10          /* one in so many queries with rewards has one of every expert, at least */
};

typedef struct zoo_train_settings {
    const zoo_recipe *beta;          /* is_shrunk and own; NULL: chosen */
    double temperature;              /* 0: chosen */
    int is_standardised;             /* 1: temperature is in units of the spread of rewards (labels.h: scale) */
    const size_t *kinds;             /* (kind_count) of tags that labels come from, coarse to fine */
    size_t kind_count;
    const zoo_tag_kind *balance;     /* each value weighs alike; NULL: each row */
    int draws;                       /* training balances by drawing values equally often, not by weighing rows */
    const zoo_tag_kind *left_out;    /* whose values are left out in turn; NULL: none */
    double validation;               /* share of the rows, 0..0.5; unused where the data set holds rows aside */
    unsigned epochs;                 /* at most */
    size_t batch;
    double rate;
    double tag_weight;
    double blend;                    /* trainer.h */
    enum zoo_loss loss;
    enum zoo_fall fall;
    double warm_up;                  /* share of the steps */
    unsigned patience;               /* epochs; 0: none */
    uint64_t seed;
    unsigned threads;                /* 0: one per processor */
    zoo_ngrams features;
    uint32_t dim, hidden;
    size_t feature_memory;           /* bytes, about */
    const zoo_encoder_plan *encoder; /* NULL: an n-gram network */
    FILE *progress;                  /* NULL: silent */
    zoo_ranks *ranks;
        /* of an encoder: all call zoo_train() with the same; rank 0 chooses the recipe, writes, and has the
                                        parameters in the end. NULL: nobody else */
} zoo_train_settings;

#define ZOO_TRAIN_DEFAULTS { .validation = 0.1, .epochs = 4, .batch = 32, .rate = 0.1, .tag_weight = 0.3, \
                             .blend = 0.3, .seed = 1, \
                             .features = ZOO_NGRAMS_DEFAULT, .dim = 16, .hidden = 32, \
                             .feature_memory = (size_t)1 << 30 }

/* The router against the best single expert, on rows that it did not learn from. */
typedef struct zoo_router_worth {
    size_t rows;
    double router, single, random, oracle;       /* mean rewards, groups weighing as settings.balance says */
    double gain, error;                          /* router - single, and its standard error */
    size_t single_expert;
} zoo_router_worth;

typedef struct zoo_tried { zoo_recipe recipe; double reward; } zoo_tried;

typedef struct zoo_trained {
    zoo_ngram_net net;               /* unless is_encoder */
    float *params;
    int is_encoder;
    zoo_encoder_result encoder;
    zoo_recipe recipe;               /* settled; temperature in units of reward, as all that follows */
    unsigned epochs;
    double scale;                    /* the spread of rewards */
    double *mean_rewards;            /* (k), groups weighing as settings.balance says */
    size_t best_single;
    /* learnt_rows: by the router that is kept, if it is an n-gram router */
    size_t rows, fit_rows, validation_rows, learnt_rows;
    size_t known_rows;               /* held aside, and left out because their text is learnt from too */
    zoo_holes holes;                 /* rewarded - complete were left out for want of a reward of some expert */
    zoo_units units;   /* rewards as they were trained on; recipe, scale, means and worths here are in their own unit */
    size_t tried_count, chosen, folds;         /* tried_count 0: nothing was left open, or texts too few to choose by */
    zoo_tried tried[ZOO_RECIPES_MAX];
    zoo_router_worth crossed;          /* by cross-validation, of an n-gram router; rows 0: none was run */
    zoo_router_worth validation;       /* of the router; rows 0: none were set aside */
    /* of all rows, by empirical Bayes, whatever the recipe: what each kind of tag carries, of the rewards in `units` */
    zoo_tag_rewards tags;
    size_t left_out_count;
    zoo_left_out left_out[ZOO_LEFT_OUT_MAX];
    size_t head_count;
    zoo_tag_kind heads[ZOO_TAG_KINDS_MAX];
    double loss;
    zoo_arena arena;
} zoo_trained;

/* ZOO_EFORMAT where the data cannot be learnt from, ZOO_EUSAGE where too few queries have a reward of every expert;
 * `*out` is empty on failure, and stays where it is. `data` must outlive it. */
int zoo_train(const zoo_dataset *data, const zoo_train_settings *settings, zoo_trained *out, zoo_err *err);
void zoo_trained_release(zoo_trained *trained);

/* What was done and what it is worth, for the checkpoint and the store; a new reference, NULL: no memory. */
json_t *zoo_trained_json(const zoo_trained *trained, const zoo_dataset *data, const zoo_train_settings *settings);
#endif
