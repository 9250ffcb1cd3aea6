/* train.c - the whole training of a router by reward distillation: which rows, which recipe, what it is worth, the
 * network; see train.h. */
#include "train/train.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "train/folds.h"
#include "train/heads.h"

/* One call of zoo_train(). */
struct job {
    const zoo_dataset *data;         /* with its rewards in units, once those are made */
    const zoo_train_settings *settings;
    zoo_trained *out;
    /* complete ones: fit_rows to learn from, then validation_rows; learnt_rows of them for the router that is kept */
    size_t *rows;
    float *weights, *judged;         /* (n) */
    zoo_recipe recipe;               /* settled; temperature in the unit of data's rewards */
    zoo_parallel *parallel;
    zoo_features *features;
    zoo_distillery distillery;
    zoo_distiller distiller;
};

/* ---- rows ---- */

static int is_complete(const zoo_dataset *data, size_t row)
{
    size_t known = 0;

    for (size_t j = 0; j < data->k; j++)
        known += isfinite(data->rewards[row * data->k + j]) != 0;
    return known == data->k;
}

/* Rows whose rewards are complete are too few: who costs the others, and what helps. */
static int too_few_rows(const zoo_dataset *data, const zoo_holes *holes, zoo_err *err)
{
    char advice[ZOO_HOLES_ADVICE], rows[64];
    size_t most = holes->order[0];

    snprintf(rows, sizeof rows, holes->complete == 1 ? "only 1 query has" : holes->complete ? "only %zu queries have" :
             "no query has", holes->complete);
    zoo_holes_advise(holes, data, NULL, advice);
    if (holes->kind)
        return zoo_fail(err, ZOO_EUSAGE, "%s a reward of every expert, which is too little to learn from; %s", rows,
                        advice);
    return zoo_fail(err, ZOO_EUSAGE,
                    "%s a reward of every expert, which is too little to learn from; '%.128s' lacks one for %zu of "
                    "%zu: score its answers, or leave it out%s%s", rows, data->experts[most], holes->lacks[most],
                    holes->rewarded, *advice ? ": " : "", advice);
}

static int check_holes(const zoo_dataset *data, const zoo_holes *holes, zoo_err *err)
{
    if (!holes->rewarded)
        return zoo_fail(err, ZOO_EFORMAT,
                        "none of the %zu queries has a reward: import rewards, or collect and score answers first",
                        data->n);
    if (holes->complete * ZOO_COMPLETE_SHARE < holes->rewarded)
        return too_few_rows(data, holes, err);
    if (data->k < 2)
        return zoo_fail(err, ZOO_EFORMAT, "there is only one expert, '%s': a router needs at least two to choose from",
                        data->experts[0]);
    return ZOO_OK;
}

/* The complete rows. Rows without any reward are queries only, and not counted as missing. */
static int find_rows(struct job *job, zoo_err *err)
{
    const zoo_dataset *data = job->data;
    zoo_trained *out = job->out;
    int rc = zoo_holes_count(&out->holes, data, NULL, data->k, NULL, err);

    if (rc || (rc = check_holes(data, &out->holes, err)))
        return rc;
    job->rows = malloc((data->n + 1) * sizeof *job->rows);
    if (!job->rows)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < data->n; i++)
        if (is_complete(data, i)) {
            out->validation_rows += i >= data->n - data->aside;
            job->rows[out->rows++] = i;
        }
    return ZOO_OK;
}

/* The split that the data set holds aside, but for texts that are learnt from. */
static int take_split(struct job *job, zoo_err *err)
{
    zoo_trained *out = job->out;
    size_t all = out->rows;
    int rc;

    out->fit_rows = out->learnt_rows = out->rows - out->validation_rows;
    if (!out->validation_rows)
        return zoo_fail(err, ZOO_EFORMAT, "no query of the validation split has a reward of every expert");
    if (!out->fit_rows)
        return zoo_fail(err, ZOO_EFORMAT, "no query but those of the validation split has a reward of every expert");
    rc = zoo_folds_drop_known(job->data, job->rows, &out->rows, out->validation_rows, err);
    out->known_rows = all - out->rows;
    out->validation_rows -= out->known_rows;
    if (!rc && !out->validation_rows)
        rc = zoo_fail(err, ZOO_EFORMAT, "every query of the validation split is also one to learn from");
    return rc;
}

/* A share of the texts. */
static int take_share(struct job *job, size_t texts, zoo_err *err)
{
    zoo_trained *out = job->out;
    size_t first = out->rows, aside = (size_t)ceil(job->settings->validation * (double)out->rows);
    int rc = ZOO_OK;

    if (texts >= ZOO_TEXTS_LEAST && aside)
        rc = zoo_folds_set_aside(job->data, job->rows, out->rows, aside, job->settings->seed, &first, err);
    out->fit_rows = first;
    out->learnt_rows = out->rows;
    out->validation_rows = out->rows - first;
    return rc;
}

static int set_aside(struct job *job, zoo_err *err)
{
    zoo_trained *out = job->out;
    size_t texts, fit = out->rows - out->validation_rows;
    int rc = zoo_folds_count_texts(job->data, job->rows, fit, &texts, err);

    out->folds = texts >= ZOO_TEXTS_LEAST ? ZOO_FOLDS : 0;
    if (!rc)
        rc = job->data->aside ? take_split(job, err) : take_share(job, texts, err);
    return rc;
}

/* ---- what all runs share ---- */

/* From here on rewards are those of out->units; what is reported is brought back to their own unit. */
static int bring_to_units(struct job *job, zoo_err *err)
{
    zoo_trained *out = job->out;
    int rc = zoo_units_make(&out->units, job->data, job->rows, out->rows, out->learnt_rows, err);

    job->data = &out->units.data;
    return rc;
}

static int weigh(struct job *job, zoo_err *err)
{
    const zoo_train_settings *s = job->settings;
    zoo_trained *out = job->out;
    double floor;
    int rc;

    job->weights = calloc(job->data->n + 1, sizeof *job->weights);
    job->judged = calloc(job->data->n + 1, sizeof *job->judged);
    out->mean_rewards = calloc(job->data->k + 1, sizeof *out->mean_rewards);
    if (!job->weights || !job->judged || !out->mean_rewards)
        return zoo_fail_nomem(err);
    rc = zoo_weights_balance(s->balance, job->rows, out->learnt_rows, 0, job->weights, err);
    if (!rc)
        rc = zoo_weights_balance(s->balance, job->rows, out->learnt_rows, ZOO_JUDGED_ROWS, job->judged, err);
    if (!rc && out->learnt_rows < out->rows)
        rc = zoo_weights_balance(s->balance, job->rows + out->fit_rows, out->validation_rows, ZOO_JUDGED_ROWS,
                                 job->judged, err);
    if (rc)
        return rc;
    out->best_single = zoo_best_single(job->data, job->rows, out->learnt_rows, job->weights, out->mean_rewards);
    rc = zoo_tag_rewards_fit(&out->tags, job->data, s->kinds, s->kind_count, job->rows, out->learnt_rows, job->weights,
                             1, err);
    floor = zoo_units_floor(&out->units, job->rows, out->learnt_rows, job->weights);
    for (size_t j = 0; j < job->data->k; j++)
        out->mean_rewards[j] = zoo_units_own(&out->units, floor, out->mean_rewards[j]);
    out->scale = rc ? 0 : out->tags.scale * out->units.unit;
    if (!rc && !(out->tags.scale > 0))
        rc = zoo_fail(err, ZOO_EFORMAT,
                      "every expert has the same reward for each of the %zu queries: there is nothing to learn",
                      out->learnt_rows);
    return rc;
}

static zoo_trainer_settings trainer_of(const zoo_train_settings *s)
{
    return (zoo_trainer_settings){
        .epochs = s->epochs, .batch = s->batch, .rate = s->rate, .fall = s->fall, .warm_up = s->warm_up,
        .patience = s->patience,
        .tag_weight = s->tag_weight, .blend = s->blend, .loss = s->loss, .seed = s->seed
    };
}

/* The n-gram routers that the recipe of an encoder is chosen with are trained as by default. */
static zoo_trainer_settings ngram_trainer(const zoo_train_settings *s)
{
    zoo_train_settings usual = ZOO_TRAIN_DEFAULTS;

    usual.loss = s->loss;
    usual.seed = s->seed;
    return trainer_of(s->encoder ? &usual : s);
}

static int is_recipe_open(const zoo_train_settings *s)
{
    return !s->beta || !(s->temperature > 0);
}

static int prepare_ngrams(struct job *job, zoo_err *err)
{
    const zoo_train_settings *s = job->settings;
    zoo_trained *out = job->out;
    zoo_ngram_config config = { .features = s->features, .dim = s->dim, .hidden = s->hidden,
                                .experts = (uint32_t)job->data->k };
    int rc;

    config.kinds = (uint32_t)out->head_count;
    for (size_t i = 0; i < out->head_count; i++)
        config.kind_values[i] = (uint32_t)out->heads[i].values;
    rc = zoo_ngram_net_init(&out->net, &config, "the network", err);
    if (!rc)
        rc = zoo_features_new(&job->features, job->data, &s->features, s->feature_memory, job->parallel, err);
    job->distillery.features = job->features;
    job->distillery.net = &out->net;
    return rc ? rc : zoo_distiller_init(&job->distiller, &job->distillery, err);
}

static int prepare(struct job *job, zoo_err *err)
{
    const zoo_train_settings *s = job->settings;
    zoo_trained *out = job->out;
    int rc = zoo_heads_build(out->heads, &out->head_count, ZOO_TAG_KINDS_MAX, job->data, s->kinds, s->kind_count,
                             job->rows, out->learnt_rows, &out->arena, err);

    if (!rc)
        rc = zoo_parallel_new(&job->parallel, s->threads, err);
    if (rc)
        return rc;
    job->distillery = (zoo_distillery){
        .data = job->data, .units = &out->units, .kinds = s->kinds, .kind_count = s->kind_count, .heads = out->heads,
        .head_count = out->head_count,
        .weights = job->weights, .judged = job->judged, .trainer = ngram_trainer(s),
        .drawn = s->draws && !s->encoder ? s->balance : NULL
    };
    return !s->encoder || (is_recipe_open(s) && out->folds && !zoo_ranks_number(s->ranks)) ? prepare_ngrams(job, err) :
           ZOO_OK;
}

/* A comparison by the rewards of job->data, over rows[0..count), in the rewards' own unit. */
static void bring_home(const struct job *job, const size_t *rows, size_t count, zoo_router_worth *worth)
{
    const zoo_units *units = &job->out->units;
    double floor = zoo_units_floor(units, rows, count, job->judged);

    worth->router = zoo_units_own(units, floor, worth->router);
    worth->single = zoo_units_own(units, floor, worth->single);
    worth->random = zoo_units_own(units, floor, worth->random);
    worth->oracle = zoo_units_own(units, floor, worth->oracle);
    worth->gain *= units->unit;
    worth->error *= units->unit;
}

/* What `choices` for rows[0..count) are worth against always asking the expert that is best on
 * known[0..known_count). */
static int compare(const struct job *job, const size_t *known, size_t known_count, const size_t *rows, size_t count,
                   const uint32_t *choices, zoo_router_worth *out, zoo_err *err)
{
    const zoo_dataset *data = job->data;
    size_t k = data->k;
    uint32_t *other = malloc((count + 1) * sizeof *other);
    double *means = calloc(k, sizeof *means);

    *out = (zoo_router_worth){ .rows = count };
    if (!other || !means) {
        free(other);
        free(means);
        return zoo_fail_nomem(err);
    }
    out->single_expert = zoo_best_single(data, known, known_count, job->judged, means);
    for (size_t i = 0; i < count; i++)
        other[i] = (uint32_t)out->single_expert;
    out->router = zoo_reward_of(data, rows, count, job->judged, choices);
    out->single = zoo_reward_of(data, rows, count, job->judged, other);
    out->gain = zoo_reward_gain(data, rows, count, job->judged, choices, other, &out->error);
    zoo_best_single(data, rows, count, job->judged, means);
    for (size_t j = 0; j < k; j++)
        out->random += means[j] / (double)k;
    for (size_t i = 0; i < count; i++) {
        const double *rewards = data->rewards + rows[i] * k;
        other[i] = 0;
        for (size_t j = 1; j < k; j++)
            other[i] = rewards[j] > rewards[other[i]] ? (uint32_t)j : other[i];
    }
    out->oracle = zoo_reward_of(data, rows, count, job->judged, other);
    bring_home(job, rows, count, out);
    free(other);
    free(means);
    return ZOO_OK;
}

/* ---- the stages ---- */

/* At most ZOO_SAMPLE_ROWS of rows[0..count), by whole texts; free() them. */
static size_t *sample(const struct job *job, size_t count, size_t *sampled, zoo_err *err)
{
    size_t *rows = malloc((count + 1) * sizeof *rows);

    *sampled = count;
    if (!rows) {
        zoo_fail_nomem(err);
        return NULL;
    }
    memcpy(rows, job->rows, count * sizeof *rows);
    if (count > ZOO_SAMPLE_ROWS &&
        zoo_folds_set_aside(job->data, rows, count, count - ZOO_SAMPLE_ROWS, job->settings->seed + 1, sampled, err)) {
        free(rows);
        return NULL;
    }
    return rows;
}

/* What was tried, in the rewards' own unit. */
static void note_tried(struct job *job, const zoo_recipe *recipes, size_t recipe_count, const size_t *rows,
                       size_t count, const double *rewards)
{
    zoo_trained *out = job->out;
    double floor = zoo_units_floor(&out->units, rows, count, job->judged);

    out->tried_count = recipe_count;
    for (size_t r = 0; r < recipe_count; r++) {
        out->tried[r] = (zoo_tried){ recipes[r], zoo_units_own(&out->units, floor, rewards[r]) };
        out->tried[r].recipe.temperature *= out->units.unit;
    }
}

/* Settles job->recipe by cross-validation over what the settings leave open. */
static int choose_recipe(struct job *job, const zoo_recipe *recipes, size_t recipe_count, zoo_err *err)
{
    zoo_trained *out = job->out;
    size_t count, *rows = sample(job, out->fit_rows, &count, err);
    uint32_t *memory = rows ? malloc((recipe_count * count + 1) * sizeof *memory) : NULL, *choices[ZOO_RECIPES_MAX];
    double rewards[ZOO_RECIPES_MAX];
    zoo_progress progress;
    int rc = memory ? ZOO_OK : zoo_fail_nomem(err);

    zoo_progress_begin(&progress, job->settings->progress, "choosing the recipe, trainings", recipe_count * out->folds);
    for (size_t r = 0; !rc && r < recipe_count; r++)
        choices[r] = memory + r * count;
    if (!rc)
        rc = zoo_attempts_cross_validate(&job->distillery, recipes, recipe_count, rows, count, out->folds,
                                         job->parallel, &progress, choices, err);
    if (!rc) {
        zoo_progress_end(&progress);
        out->chosen = zoo_recipe_choose(recipe_count, job->data, rows, count, job->judged,
                                        (const uint32_t *const *)choices, rewards);
        job->recipe = recipes[out->chosen];
        note_tried(job, recipes, recipe_count, rows, count, rewards);
        rc = compare(job, rows, count, rows, count, choices[out->chosen], &out->crossed, err);
    }
    free(rows);
    free(memory);
    return rc;
}

/* Rank 0's recipe is everybody's; each was asked for the same. */
static int share_recipe(struct job *job, int rc, zoo_err *err)
{
    const zoo_train_settings *s = job->settings;
    const double asked[] = { s->temperature, s->is_standardised, s->beta ? s->beta->own : -1,
                             s->beta ? s->beta->is_shrunk : -1 };
    const zoo_common common = { zoo_hash64(asked, sizeof asked, 1), "another --beta or --temperature",
                                "give every rank the same options" };

    if (!s->ranks)
        return rc;
    if ((rc = zoo_ranks_follow(s->ranks, rc, err)) || (rc = zoo_ranks_compare(s->ranks, &common, 1, err)))
        return rc;
    return zoo_ranks_tell(s->ranks, &job->recipe, sizeof job->recipe, err);
}

static int settle_recipe(struct job *job, zoo_err *err)
{
    const zoo_train_settings *s = job->settings;
    zoo_trained *out = job->out;
    int is_own = s->temperature > 0 && !s->is_standardised;
    zoo_recipe recipes[ZOO_RECIPES_MAX];
    size_t count = zoo_recipe_grid(s->beta, s->temperature, recipes);
    int rc = ZOO_OK;

    for (size_t r = 0; r < count; r++) {
        double t = recipes[r].temperature;
        t = is_own ? t / out->units.unit : t * out->tags.scale;
        /* one out of all proportion does not become 0 or infinite */
        recipes[r].temperature = fmin(fmax(t, DBL_MIN), DBL_MAX);
    }
    job->recipe = recipes[0];
    if (count > 1 && out->folds && !zoo_ranks_number(s->ranks))
        rc = choose_recipe(job, recipes, count, err);
    rc = share_recipe(job, rc, err);
    out->recipe = job->recipe;
    out->recipe.temperature = is_own ? s->temperature : fmax(job->recipe.temperature * out->units.unit, DBL_TRUE_MIN);
    return rc;
}

/* Trains on the fit rows, watched by the validation rows: how many epochs are good, and what the router is worth. */
static int train_watched(struct job *job, zoo_err *err)
{
    zoo_trained *out = job->out;
    const size_t *held = job->rows + out->fit_rows;
    uint32_t *choices = NULL;
    zoo_progress progress;
    zoo_trainer_result result;
    int rc;

    out->epochs = job->settings->epochs;
    if (!out->validation_rows)
        return ZOO_OK;
    zoo_progress_begin(&progress, job->settings->progress, "training, rows", (uint64_t)out->epochs * out->fit_rows);
    rc = zoo_distil(&job->distiller, &job->distillery, &job->recipe, job->rows, out->fit_rows, held,
                    out->validation_rows, out->epochs, NULL, &progress, &result, err);
    if (rc)
        return rc;
    zoo_progress_end(&progress);
    out->epochs = result.best;
    choices = malloc((out->validation_rows + 1) * sizeof *choices);
    rc = choices ? zoo_trainer_choose(zoo_ngram_trainee_base(job->distiller.trainee), held, out->validation_rows,
                                      job->settings->batch, choices, err)
                 : zoo_fail_nomem(err);
    if (!rc)
        rc = compare(job, job->rows, out->fit_rows, held, out->validation_rows, choices, &out->validation, err);
    free(choices);
    return rc;
}

/* Trains what is kept, on all rows that may be learnt from. */
static int train_all(struct job *job, zoo_err *err)
{
    zoo_trained *out = job->out;
    zoo_progress progress;
    zoo_trainer_result result;
    int rc;

    zoo_progress_begin(&progress, job->settings->progress, "training on all rows, rows",
                       (uint64_t)out->epochs * out->learnt_rows);
    rc = zoo_distil(&job->distiller, &job->distillery, &job->recipe, job->rows, out->learnt_rows, NULL, 0, out->epochs,
                    NULL, &progress, &result, err);
    if (rc)
        return rc;
    zoo_progress_end(&progress);
    out->loss = result.loss;
    out->params = zoo_ngram_params_new(&out->net, err);
    if (!out->params)
        return ZOO_ENOMEM;
    memcpy(out->params, zoo_ngram_trainee_params(job->distiller.trainee), out->net.size * sizeof *out->params);
    for (size_t i = 0; i < out->net.size; i++)           /* the last step's loss is never looked at */
        if (!isfinite(out->params[i]))
            return zoo_fail(err, ZOO_EFORMAT, "the trained parameters are no longer numbers; a lower --rate helps");
    return ZOO_OK;
}

/* Fine-tunes an encoder on the fit rows, watched by the validation rows. */
static int train_encoder(struct job *job, zoo_err *err)
{
    const zoo_train_settings *s = job->settings;
    zoo_trained *out = job->out;
    zoo_distillery distillery = job->distillery;
    zoo_progress progress;
    zoo_encoder_job encoder = {
        .distillery = &distillery, .recipe = &job->recipe, .rows = job->rows, .held = job->rows + out->fit_rows,
        .count = out->fit_rows,
        .held_count = out->validation_rows, .parallel = job->parallel, .threads = s->threads, .progress = &progress,
        .ranks = s->ranks,
        .facts = { .k = job->data->k, .experts = job->data->experts, .mean_rewards = out->mean_rewards,
                   .temperature = out->recipe.temperature }
    };
    int rc;

    distillery.trainer = trainer_of(s);
    distillery.drawn = s->draws ? s->balance : NULL;
    zoo_progress_begin(&progress, s->progress, "training, rows", (uint64_t)s->epochs * out->fit_rows);
    rc = zoo_encoder_run(s->encoder, &encoder, &out->encoder, err);
    if (rc)
        return rc;
    zoo_progress_end(&progress);
    out->is_encoder = 1;
    out->epochs = out->encoder.trainer.best;
    out->loss = out->encoder.trainer.loss;
    return out->validation_rows ? compare(job, job->rows, out->fit_rows, encoder.held, out->validation_rows,
                                          out->encoder.choices, &out->validation, err)
                                : ZOO_OK;
}

static int leave_out(struct job *job, zoo_err *err)
{
    zoo_trained *out = job->out;
    size_t count, *rows;
    zoo_progress progress;
    int rc;

    if (!job->settings->left_out)
        return ZOO_OK;
    rows = sample(job, out->learnt_rows, &count, err);
    if (!rows)
        return ZOO_ENOMEM;
    zoo_progress_begin(&progress, job->settings->progress, "leaving one out", 0);
    rc = zoo_attempts_leave_out(&job->distillery, &job->recipe, job->settings->left_out, rows, count, ZOO_LEFT_OUT_MAX,
                                job->parallel, &progress, out->left_out, &out->left_out_count, err);
    if (!rc)
        zoo_progress_end(&progress);
    free(rows);
    return rc;
}

int zoo_train(const zoo_dataset *data, const zoo_train_settings *settings, zoo_trained *out, zoo_err *err)
{
    static int (*const ngram_stages[])(struct job *, zoo_err *) = {
        find_rows, set_aside, bring_to_units, weigh, prepare, settle_recipe, train_watched, train_all, leave_out, NULL
    };
    static int (*const encoder_stages[])(struct job *, zoo_err *) = {
        find_rows, set_aside, bring_to_units, weigh, prepare, settle_recipe, train_encoder, NULL
    };
    int (*const *stage)(struct job *, zoo_err *) = settings->encoder ? encoder_stages : ngram_stages;
    struct job job = { .data = data, .settings = settings, .out = out };
    int rc = ZOO_OK;

    memset(out, 0, sizeof *out);
    while (!rc && *stage)
        rc = (*stage++)(&job, err);
    zoo_distiller_release(&job.distiller);
    zoo_features_free(job.features);
    zoo_parallel_free(job.parallel);
    free(job.rows);
    free(job.weights);
    free(job.judged);
    if (rc)
        zoo_trained_release(out);
    return rc;
}

void zoo_trained_release(zoo_trained *trained)
{
    zoo_encoder_result_release(&trained->encoder);
    free(trained->params);
    free(trained->mean_rewards);
    zoo_tag_rewards_release(&trained->tags);
    zoo_units_release(&trained->units);
    zoo_holes_release(&trained->holes);
    zoo_arena_release(&trained->arena);
    memset(trained, 0, sizeof *trained);
}
