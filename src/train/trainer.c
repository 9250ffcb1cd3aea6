#include "train/trainer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "train/judge.h"

/* Memory of one run, allocated before the first step. */
struct run {
    zoo_trainee *trainee;
    const zoo_trainer_task *task;
    const zoo_trainer_settings *settings;
    size_t *order;                   /* (count) */
    size_t *partners;                /* (B) */
    float *logits, *dlogits, *targets;              /* (B,k) */
    float *tag_logits, *dtag_logits;                /* (B,G) */
    float *weights;                  /* (B) */
    uint32_t *choices;               /* (held_count), of this epoch */
    zoo_rng rng;
    uint64_t steps, steps_planned;
};

static int run_init(struct run *r, zoo_trainee *trainee, const zoo_trainer_task *task, const zoo_trainer_settings *s, zoo_err *err)
{
    size_t B = s->batch, k = trainee->k, G = trainee->tag_values;

    *r = (struct run){ .trainee = trainee, .task = task, .settings = s };
    r->order = malloc((task->count + 1) * sizeof *r->order);
    r->partners = malloc(B * sizeof *r->partners);
    r->logits = malloc(B * k * sizeof *r->logits);
    r->dlogits = malloc(B * k * sizeof *r->dlogits);
    r->targets = malloc(B * k * sizeof *r->targets);
    r->tag_logits = malloc((B * G + 1) * sizeof *r->tag_logits);
    r->dtag_logits = malloc((B * G + 1) * sizeof *r->dtag_logits);
    r->weights = malloc(B * sizeof *r->weights);
    r->choices = malloc((task->held_count + 1) * sizeof *r->choices);
    if (!r->order || !r->partners || !r->logits || !r->dlogits || !r->targets || !r->tag_logits || !r->dtag_logits ||
        !r->weights || !r->choices)
        return zoo_fail_nomem(err);
    memcpy(r->order, task->rows, task->count * sizeof *r->order);
    zoo_rng_init(&r->rng, s->seed);
    r->steps_planned = (uint64_t)s->epochs * ((task->count + B - 1) / B);
    return ZOO_OK;
}

static void run_release(struct run *r)
{
    free(r->order);
    free(r->partners);
    free(r->logits);
    free(r->dlogits);
    free(r->targets);
    free(r->tag_logits);
    free(r->dtag_logits);
    free(r->weights);
    free(r->choices);
}

/* Gradients of the tag heads' loss for one row. */
static void tag_gradients(struct run *r, size_t row, float weight, const float *logits, float *dlogits)
{
    for (size_t h = 0; h < r->task->head_count; h++) {
        const zoo_tag_kind *head = &r->task->heads[h];
        size_t first = head->offsets[row];
        zoo_tag_loss(logits, head->values, head->tags + first, head->offsets[row + 1] - first, weight, dlogits);
        logits += head->values;
        dlogits += head->values;
    }
}

/* The target of a blend is softmax(mean of both rows' r* / T): the geometric mean of their targets, scaled to sum to 1. */
static void blend_targets(float *target, const float *other, size_t k)
{
    double sum = 0;

    for (size_t j = 0; j < k; j++)
        sum += sqrt(fmax(target[j], 1e-37) * fmax(other[j], 1e-37));
    for (size_t j = 0; j < k; j++)
        target[j] = (float)(sqrt(fmax(target[j], 1e-37) * fmax(other[j], 1e-37)) / sum);
}

/* Targets, weights and partners of rows[0..B). */
static void make_examples(struct run *r, const size_t *rows, size_t B)
{
    const zoo_trainer_task *t = r->task;
    size_t k = r->trainee->k;

    for (size_t b = 0; b < B; b++) {
        r->weights[b] = t->weights[rows[b]] / (float)B;
        memcpy(r->targets + b*k, t->targets + rows[b]*k, k * sizeof *r->targets);
        r->partners[b] = ZOO_ALONE;
        if (!(zoo_rng_uniform(&r->rng) < r->settings->blend))
            continue;
        r->partners[b] = t->rows[zoo_rng_below(&r->rng, t->count)];
        blend_targets(r->targets + b*k, t->targets + r->partners[b]*k, k);
    }
}

/* One step on rows[0..B); returns the weighted sum of the router's loss. None is taken where that is no number. */
static double step(struct run *r, const size_t *rows, size_t B)
{
    size_t k = r->trainee->k, G = r->trainee->tag_values;
    const zoo_trainer_settings *s = r->settings;
    int has_tags = s->tag_weight > 0 && G > 0;
    double loss;

    make_examples(r, rows, B);
    r->trainee->class->forward(r->trainee, &(zoo_batch){ rows, r->partners, B }, r->logits, has_tags ? r->tag_logits : NULL);
    loss = zoo_kl_loss(s->direction, r->logits, r->targets, r->weights, B, k, r->dlogits);
    if (!isfinite(loss))
        return loss;
    for (size_t b = 0; has_tags && b < B; b++)
        tag_gradients(r, rows[b], r->partners[b] == ZOO_ALONE ? r->weights[b] * (float)s->tag_weight : 0, r->tag_logits + b*G, r->dtag_logits + b*G);
    r->trainee->class->backward(r->trainee, r->dlogits, has_tags ? r->dtag_logits : NULL);
    r->trainee->class->step(r->trainee, s->rate * (1 - (double)r->steps / (double)r->steps_planned));
    r->steps++;
    return loss * (double)B;
}

/* One pass over the rows in a new order; *loss: the mean. */
static int epoch(struct run *r, unsigned number, double *loss, zoo_err *err)
{
    const zoo_trainer_task *t = r->task;
    double sum = 0, total = 0;

    zoo_rng_shuffle(&r->rng, r->order, t->count);
    for (size_t done = 0; done < t->count;) {
        size_t B = t->count - done < r->settings->batch ? t->count - done : r->settings->batch;
        sum += step(r, r->order + done, B);
        if (!isfinite(sum))
            return zoo_fail(err, ZOO_EFORMAT, "the loss is no longer a number in epoch %u, after %zu rows; a lower --rate or a "
                            "higher --temperature helps", number, done);
        done += B;
        zoo_progress_set(t->progress, (uint64_t)(number - 1) * t->count + done);
    }
    for (size_t i = 0; i < t->count; i++)
        total += t->weights[t->rows[i]];
    *loss = total > 0 ? sum / total : 0;
    return ZOO_OK;
}

static void choose(zoo_trainee *trainee, const size_t *rows, size_t count, size_t batch, float *logits, uint32_t *choices)
{
    size_t k = trainee->k;

    for (size_t done = 0; done < count; done += batch) {
        size_t B = count - done < batch ? count - done : batch;
        trainee->class->forward(trainee, &(zoo_batch){ rows + done, NULL, B }, logits, NULL);
        for (size_t b = 0; b < B; b++) {
            uint32_t best = 0;
            for (size_t j = 1; j < k; j++)
                best = logits[b*k + j] > logits[b*k + best] ? (uint32_t)j : best;
            choices[done + b] = best;
        }
    }
}

int zoo_trainer_choose(zoo_trainee *trainee, const size_t *rows, size_t count, size_t batch, uint32_t *choices, zoo_err *err)
{
    float *logits = malloc(batch * trainee->k * sizeof *logits);

    if (!logits)
        return zoo_fail_nomem(err);
    choose(trainee, rows, count, batch, logits, choices);
    free(logits);
    return ZOO_OK;
}

/* Looks at the held-out rows after epoch e and keeps the parameters where they are the best so far. */
static void validate(struct run *r, unsigned e, zoo_trainer_result *result)
{
    const zoo_trainer_task *t = r->task;
    double reward;

    choose(r->trainee, t->held, t->held_count, r->settings->batch, r->logits, r->choices);
    reward = zoo_reward_of(t->data, t->held, t->held_count, t->held_weights, r->choices);
    if (reward >= result->reward) {
        result->best = e;
        result->reward = reward;
        r->trainee->class->keep(r->trainee);
    }
    zoo_progress_note(t->progress, "epoch %u of %u, loss %.4f, validation reward %.4f", e, r->settings->epochs, result->loss, reward);
}

int zoo_trainer_run(zoo_trainee *trainee, const zoo_trainer_task *task, const zoo_trainer_settings *settings,
                    zoo_trainer_result *result, zoo_err *err)
{
    int validates = task->held_count > 0 && !task->choices;
    struct run r;
    int rc = run_init(&r, trainee, task, settings, err);

    *result = (zoo_trainer_result){ .best = settings->stop_after, .reward = -INFINITY };
    for (unsigned e = 1; !rc && e <= settings->stop_after; e++) {
        rc = epoch(&r, e, &result->loss, err);
        if (rc)
            break;
        if (validates)
            validate(&r, e, result);
        else
            zoo_progress_note(task->progress, "epoch %u of %u, loss %.4f", e, settings->epochs, result->loss);
    }
    if (!rc && validates)
        trainee->class->restore(trainee);
    if (!rc && task->choices && task->held_count) {
        choose(trainee, task->held, task->held_count, settings->batch, r.logits, task->choices);
        result->reward = zoo_reward_of(task->data, task->held, task->held_count, task->held_weights, task->choices);
    }
    run_release(&r);
    return rc;
}
