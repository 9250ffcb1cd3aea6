/* distil.c - reward distillation of one recipe on some rows: tag rewards, targets, training; see distil.h. */
#include "train/distil.h"
#include <stdlib.h>
#include <string.h>

int zoo_distiller_init(zoo_distiller *distiller, const zoo_distillery *d, zoo_err *err)
{
    *distiller = (zoo_distiller){ 0 };
    distiller->targets = calloc(d->data->n * d->data->k + 1, sizeof *distiller->targets);
    distiller->prior = calloc(d->data->k + 1, sizeof *distiller->prior);
    if (!distiller->targets || !distiller->prior)
        return zoo_fail_nomem(err);
    return zoo_ngram_trainee_new(&distiller->trainee, d->net, d->features, d->trainer.batch, err);
}

void zoo_distiller_release(zoo_distiller *distiller)
{
    zoo_ngram_trainee_free(distiller->trainee);
    free(distiller->targets);
    free(distiller->prior);
    *distiller = (zoo_distiller){ 0 };
}

static void find_prior(const zoo_distillery *d, const size_t *rows, size_t count, const float *targets, double *prior)
{
    size_t k = d->data->k;
    double total = 0;

    memset(prior, 0, k * sizeof *prior);
    for (size_t i = 0; i < count; i++) {
        double w = d->weights[rows[i]];
        total += w;
        for (size_t j = 0; j < k; j++)
            prior[j] += w * targets[rows[i] * k + j];
    }
    for (size_t j = 0; j < k; j++)
        prior[j] /= total;
}

int zoo_distil_targets(const zoo_distillery *d, const zoo_recipe *recipe, const size_t *rows, size_t count,
                       float *targets, double *prior, zoo_err *err)
{
    zoo_tag_rewards tags;
    int rc = zoo_tag_rewards_fit(&tags, d->data, d->kinds, d->kind_count, rows, count, d->weights, recipe->is_shrunk,
                                 err);

    if (rc)
        return rc;
    zoo_labels_fill(&tags, rows, count, recipe->own, recipe->temperature, targets);
    zoo_tag_rewards_release(&tags);
    find_prior(d, rows, count, targets, prior);
    return ZOO_OK;
}

int zoo_distil(zoo_distiller *distiller, const zoo_distillery *d, const zoo_recipe *recipe, const size_t *rows,
               size_t count, const size_t *held, size_t held_count, unsigned stop_after, uint32_t *choices,
               zoo_progress *progress, zoo_trainer_result *result, zoo_err *err)
{
    zoo_trainer_settings settings = d->trainer;
    zoo_trainer_task task = {
        .data = d->data, .units = d->units, .rows = rows, .count = count, .targets = distiller->targets,
        .weights = d->weights, .drawn = d->drawn, .heads = d->heads,
        .head_count = d->head_count, .held = held, .held_count = held_count, .held_weights = d->judged,
        .choices = choices,
        .progress = progress
    };
    int rc = zoo_distil_targets(d, recipe, rows, count, distiller->targets, distiller->prior, err);

    if (rc)
        return rc;
    zoo_ngram_trainee_reset(distiller->trainee, settings.seed, distiller->prior);
    settings.stop_after = stop_after;
    return zoo_trainer_run(zoo_ngram_trainee_base(distiller->trainee), &task, &settings, result, err);
}
