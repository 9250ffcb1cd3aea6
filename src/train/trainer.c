/* trainer.c - the training loop over an abstract model: batches, loss, steps, validation, early stopping; see
 * trainer.h. */
#include "train/trainer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/rng.h"
#include "train/judge.h"
#include "train/sampler.h"

#define NO_CHOICE UINT32_MAX

/* A run: memory that is taken before the first step, and how far it is. */
struct run {
    zoo_trainee *trainee;
    const zoo_trainer_task *task;
    const zoo_trainer_settings *settings;
    zoo_trainer_result *result;
    size_t *order;                   /* (count) */
    size_t *partners, *own, *rows;   /* (B): own: which of the step's rows are this process's; rows: those */
    float *logits, *dlogits, *targets;              /* (B,k) */
    float *tag_logits, *dtag_logits;                /* (B,G) */
    float *weights;                  /* (B) */
    uint32_t *choices;               /* (held_count), of this epoch */
    zoo_sampler sampler;             /* where the task draws */
    zoo_schedule schedule;
    zoo_rng rng;
    uint64_t steps;                  /* taken */
    unsigned epoch;                  /* 1..: under way */
    size_t done;                     /* rows of this epoch */
    double sum;                      /* of their losses */
    unsigned improved;               /* the last epoch that was better than all before, not only as good */
    uint64_t saved_ns, started_ns, started_work;
};

static int run_init(struct run *r, zoo_trainee *trainee, const zoo_trainer_task *task, const zoo_trainer_settings *s,
                    zoo_trainer_result *result, zoo_err *err)
{
    size_t B = s->batch, k = trainee->k, G = trainee->tag_values;
    uint64_t planned = (uint64_t)s->epochs * ((task->count + B - 1) / B);

    *r = (struct run){ .trainee = trainee, .task = task, .settings = s, .result = result, .epoch = 1 };
    r->order = malloc((task->count + 1) * sizeof *r->order);
    r->partners = malloc(B * sizeof *r->partners);
    r->own = malloc(B * sizeof *r->own);
    r->rows = malloc(B * sizeof *r->rows);
    r->logits = malloc(B * k * sizeof *r->logits);
    r->dlogits = malloc(B * k * sizeof *r->dlogits);
    r->targets = malloc(B * k * sizeof *r->targets);
    r->tag_logits = malloc((B * G + 1) * sizeof *r->tag_logits);
    r->dtag_logits = malloc((B * G + 1) * sizeof *r->dtag_logits);
    r->weights = malloc(B * sizeof *r->weights);
    r->choices = malloc((task->held_count + 1) * sizeof *r->choices);
    if (!r->order || !r->partners || !r->own || !r->rows || !r->logits || !r->dlogits || !r->targets ||
        !r->tag_logits || !r->dtag_logits || !r->weights || !r->choices)
        return zoo_fail_nomem(err);
    memcpy(r->order, task->rows, task->count * sizeof *r->order);
    zoo_rng_init(&r->rng, s->seed);
    r->schedule = (zoo_schedule){ s->fall, (uint64_t)(s->warm_up * (double)planned), planned };
    r->saved_ns = r->started_ns = zoo_clock_ns();
    *result = (zoo_trainer_result){ .best = s->stop_after, .reward = -INFINITY };
    return task->drawn ? zoo_sampler_init(&r->sampler, task->drawn, task->rows, task->count, err) : ZOO_OK;
}

static void run_release(struct run *r)
{
    free(r->order);
    free(r->partners);
    free(r->own);
    free(r->rows);
    free(r->logits);
    free(r->dlogits);
    free(r->targets);
    free(r->tag_logits);
    free(r->dtag_logits);
    free(r->weights);
    free(r->choices);
    zoo_sampler_release(&r->sampler);
}

/* ---- how far it is, written down ---- */

static int sync_run(struct run *r, int is_reading, zoo_err *err)
{
    const zoo_trainer_state *where = r->task->state;
    zoo_state *state;
    int rc = zoo_state_begin(&state, where->path, where->fingerprint, is_reading, err);

    if (rc)
        return rc;
    zoo_state_sync(state, r->order, r->task->count * sizeof *r->order);
    zoo_state_sync(state, &r->rng, sizeof r->rng);
    zoo_state_sync(state, &r->steps, sizeof r->steps);
    zoo_state_sync(state, &r->epoch, sizeof r->epoch);
    zoo_state_sync(state, &r->done, sizeof r->done);
    zoo_state_sync(state, &r->sum, sizeof r->sum);
    zoo_state_sync(state, &r->improved, sizeof r->improved);
    zoo_state_sync(state, r->result, sizeof *r->result);
    if (r->task->best_choices)
        zoo_state_sync(state, r->task->best_choices, r->task->held_count * sizeof *r->task->best_choices);
    r->trainee->class->sync(r->trainee, state);
    return zoo_state_end(state, err);
}

static int save(struct run *r, int is_due, zoo_err *err)
{
    const zoo_trainer_state *where = r->task->state;

    if (!where || !r->trainee->class->sync || zoo_ranks_number(r->task->ranks) ||
        (!is_due && (double)(zoo_clock_ns() - r->saved_ns) * 1e-9 < where->every))
        return ZOO_OK;
    if (sync_run(r, 0, err))
        return zoo_fail_within(err, "the state of the run could not be written");
    r->saved_ns = zoo_clock_ns();
    return ZOO_OK;
}

static int resume(struct run *r, zoo_err *err)
{
    const zoo_trainer_state *where = r->task->state;
    int rc;

    if (!where || !where->resumes || access(where->path, F_OK))
        return ZOO_OK;
    rc = sync_run(r, 1, err);
    r->started_work = r->trainee->work;
    if (!rc && r->task->watch && r->task->watch->resume)
        rc = r->task->watch->resume(r->task->watch->context, r->steps, err);
    return rc;
}

/* Ranks stand at the same step with the same parameters, to the bit. */
static int compare_ranks(const struct run *r, zoo_err *err)
{
    const zoo_trainer_task *t = r->task;
    const zoo_common things[] = {
        { r->steps, "another state of the run", "all must see the same folder OUT.run" },
        { t->ranks && r->trainee->class->mark ? r->trainee->class->mark(r->trainee) : 0, "other parameters",
          "a machine among them computes wrongly, or another state was read" }
    };

    return zoo_ranks_compare(t->ranks, things, sizeof things / sizeof *things, err);
}

static int look(struct run *r, double loss, double rate, double norm, double reward, int is_best, int ends_epoch,
                zoo_err *err)
{
    const zoo_trainer_watch *watch = r->task->watch;
    zoo_trainer_moment moment = {
        .step = r->steps, .steps = r->schedule.steps, .epoch = r->epoch, .loss = loss, .rate = rate, .norm = norm,
        .reward = reward,
        .is_best = is_best, .work = r->trainee->work
    };

    return watch && watch->look ? watch->look(watch->context, &moment, ends_epoch, err) : ZOO_OK;
}

/* ---- steps ---- */

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

/* The target of a blend is softmax(mean of both rows' r* / T): the geometric mean of their targets,
 * scaled to sum to 1. */
static void blend_targets(float *target, const float *other, size_t k)
{
    double sum = 0;

    for (size_t j = 0; j < k; j++)
        sum += sqrt(fmax(target[j], 1e-37) * fmax(other[j], 1e-37));
    for (size_t j = 0; j < k; j++)
        target[j] = (float)(sqrt(fmax(target[j], 1e-37) * fmax(other[j], 1e-37)) / sum);
}

/* Of a row's loss: rows that are drawn weigh alike. */
static float weight_of(const struct run *r, size_t row)
{
    return r->task->drawn ? 1 : r->task->weights[row];
}

/* Targets, weights and partners of rows[0..B). */
static void make_examples(struct run *r, const size_t *rows, size_t B)
{
    const zoo_trainer_task *t = r->task;
    size_t k = r->trainee->k;

    for (size_t b = 0; b < B; b++) {
        r->weights[b] = weight_of(r, rows[b]) / (float)B;
        memcpy(r->targets + b*k, t->targets + rows[b]*k, k * sizeof *r->targets);
        r->partners[b] = ZOO_ALONE;
        if (!(zoo_rng_uniform(&r->rng) < r->settings->blend))
            continue;
        r->partners[b] = (t->drawn ? r->order : t->rows)[zoo_rng_below(&r->rng, t->count)];
        blend_targets(r->targets + b*k, t->targets + r->partners[b]*k, k);
    }
}

/* Which of rows[0..B) are this process's, and their partners, targets and weights in front of the others';
 * returns how many. */
static size_t take_own(struct run *r, const size_t *rows, size_t B)
{
    const zoo_trainee_class *class = r->trainee->class;
    size_t k = r->trainee->k, count = class->begin ? class->begin(r->trainee, rows, B, 1, r->own) : B;

    for (size_t i = 0; i < count; i++) {
        size_t b = class->begin ? r->own[i] : i;
        r->own[i] = b;
        r->rows[i] = rows[b];
        r->partners[i] = r->partners[b];
        r->weights[i] = r->weights[b];
        memmove(r->targets + i*k, r->targets + b*k, k * sizeof *r->targets);
    }
    return count;
}

/* Rows first..first+B of this process's part of a step: their gradients.
 * Returns the weighted sum of the router's loss. */
static double learn(struct run *r, size_t first, size_t B, int is_last)
{
    const size_t *rows = r->rows;
    size_t k = r->trainee->k, G = r->trainee->tag_values;
    const zoo_trainer_settings *s = r->settings;
    const float *weights = r->weights + first;
    int has_tags = s->tag_weight > 0 && G > 0;
    double loss;

    r->trainee->class->forward(r->trainee, &(zoo_batch){ rows + first, r->partners + first, B, 1, r->own + first,
                                                         is_last }, r->logits, has_tags ? r->tag_logits : NULL);
    loss = zoo_router_loss(s->loss, r->logits, r->targets + first*k, weights, B, k, r->dlogits);
    if (!isfinite(loss))
        return loss;
    for (size_t b = 0; has_tags && b < B; b++)
        tag_gradients(r, rows[first + b], r->partners[first + b] == ZOO_ALONE ? weights[b] * (float)s->tag_weight : 0,
                      r->tag_logits + b*G, r->dtag_logits + b*G);
    r->trainee->class->backward(r->trainee, r->dlogits, has_tags ? r->dtag_logits : NULL);
    return loss;
}

static int is_no_number(const struct run *r, const char *what, zoo_err *err)
{
    return zoo_fail(err, ZOO_EFORMAT,
                    "the %s is no longer a number in epoch %u, after %zu rows (step %llu of %llu); a lower --rate or a "
                    "higher --temperature helps", what, r->epoch, r->done, (unsigned long long)r->steps + 1,
                    (unsigned long long)r->schedule.steps);
}

/* One step on rows[0..B) of the epoch. None is taken where the loss or the gradient is no number;
 * other ranks have to hear of that too. */
static int step(struct run *r, const size_t *rows, size_t B, zoo_err *err)
{
    const zoo_trainee_class *class = r->trainee->class;
    double loss = 0, norm = 0, rate = r->settings->rate * zoo_schedule_share(&r->schedule, r->steps);
    size_t own;
    int rc;

    make_examples(r, rows, B);
    own = take_own(r, rows, B);
    for (size_t first = 0, part; first < own && isfinite(loss); first += part) {
        part = class->fit ? class->fit(r->trainee, r->rows + first, own - first) : own;
        loss += learn(r, first, part, first + part == own);
    }
    if (!isfinite(loss) && !r->task->ranks)
        return is_no_number(r, "loss", err);
    if ((rc = class->step(r->trainee, rate, &loss, &norm, err)))
        return rc;
    if (!isfinite(loss) || !isfinite(norm))
        return is_no_number(r, isfinite(loss) ? "gradient" : "loss", err);
    r->steps++;
    r->sum += loss * (double)B;
    r->done += B;
    return look(r, loss, rate, norm, NAN, 0, 0, err);
}

/* A reward of the held-out rows in its own unit. */
static double own_reward(const struct run *r, double reward)
{
    const zoo_trainer_task *t = r->task;

    return zoo_units_own(t->units, zoo_units_floor(t->units, t->held, t->held_count, t->held_weights), reward);
}

static const char *reward_text(const struct run *r, double reward, char text[ZOO_REWARD_TEXT])
{
    return zoo_reward_text(text, own_reward(r, reward), r->task->units ? r->task->units->unit : 1);
}

static void note_step(const struct run *r)
{
    double seconds = (double)(zoo_clock_ns() - r->started_ns) * 1e-9;
    char reward[96] = "", text[ZOO_REWARD_TEXT];

    zoo_progress_set(r->task->progress, (uint64_t)(r->epoch - 1) * r->task->count + r->done);
    if (!r->trainee->work || r->steps % 8 || !r->done)
        return;
    if (isfinite(r->result->reward))
        snprintf(reward, sizeof reward, ", best validation reward %s", reward_text(r, r->result->reward, text));
    zoo_progress_note(r->task->progress, "epoch %u of %u, loss %.4f%s, %.0f tokens/s", r->epoch, r->settings->epochs,
                      r->sum / (double)r->done, reward, (double)(r->trainee->work - r->started_work) / seconds);
}

/* What is left of one pass over the rows, in a new order where it begins; *loss: the mean. */
static int epoch(struct run *r, double *loss, zoo_err *err)
{
    const zoo_trainer_task *t = r->task;
    double total = 0;
    int rc;

    if (!r->done && t->drawn)
        zoo_sampler_draw(&r->sampler, &r->rng, r->order, t->count);
    else if (!r->done)
        zoo_rng_shuffle(&r->rng, r->order, t->count);
    while (r->done < t->count) {
        size_t B = t->count - r->done < r->settings->batch ? t->count - r->done : r->settings->batch;
        if ((rc = step(r, r->order + r->done, B, err)) || (r->done < t->count && (rc = save(r, 0, err))))
            return rc;
        note_step(r);
    }
    for (size_t i = 0; i < t->count; i++)
        total += weight_of(r, t->rows[i]);
    *loss = total > 0 ? r->sum / total : 0;
    return ZOO_OK;
}

/* What is chosen for those of rows[0..B) that are this process's; other choices are left alone. rows_room, own (B) */
static void choose_own(zoo_trainee *trainee, const size_t *rows, size_t B, size_t *own, size_t *rows_room,
                       float *logits, uint32_t *choices)
{
    const zoo_trainee_class *class = trainee->class;
    size_t k = trainee->k, count = class->begin ? class->begin(trainee, rows, B, 0, own) : B;

    for (size_t i = 0; i < count; i++) {
        own[i] = class->begin ? own[i] : i;
        rows_room[i] = rows[own[i]];
    }
    for (size_t done = 0, part; done < count; done += part) {
        part = class->fit ? class->fit(trainee, rows_room + done, count - done) : count;
        class->forward(trainee, &(zoo_batch){ rows_room + done, NULL, part, 0, own + done, 0 }, logits, NULL);
        for (size_t b = 0; b < part; b++) {
            uint32_t best = 0;
            for (size_t j = 1; j < k; j++)
                best = logits[b*k + j] > logits[b*k + best] ? (uint32_t)j : best;
            choices[own[done + b]] = best;
        }
    }
}

/* Each rank knows the choices of its own rows alone, and NO_CHOICE elsewhere. */
static int share_choices(zoo_ranks *ranks, uint32_t *choices, size_t count, zoo_err *err)
{
    size_t R = zoo_ranks_count(ranks);
    uint32_t *all;
    int rc;

    if (R == 1 || !count)
        return ZOO_OK;
    all = malloc(R * count * sizeof *all);
    if (!all)
        return zoo_fail_nomem(err);
    rc = zoo_ranks_gather(ranks, choices, count * sizeof *choices, all, err);
    for (size_t i = 0; !rc && i < R * count; i++)
        if (all[i] != NO_CHOICE)
            choices[i % count] = all[i];
    free(all);
    return rc;
}

static int choose(struct run *r, uint32_t *choices, zoo_err *err)
{
    const zoo_trainer_task *t = r->task;
    size_t batch = r->settings->batch;

    memset(choices, 0xff, t->held_count * sizeof *choices);
    for (size_t done = 0, B; done < t->held_count; done += B) {
        B = t->held_count - done < batch ? t->held_count - done : batch;
        choose_own(r->trainee, t->held + done, B, r->own, r->rows, r->logits, choices + done);
    }
    return share_choices(t->ranks, choices, t->held_count, err);
}

int zoo_trainer_choose(zoo_trainee *trainee, const size_t *rows, size_t count, size_t batch, uint32_t *choices,
                       zoo_err *err)
{
    struct run r = { .trainee = trainee };
    const zoo_trainer_task task = { .held = rows, .held_count = count };
    const zoo_trainer_settings settings = { .batch = batch };
    int rc;

    r.task = &task;
    r.settings = &settings;
    r.logits = malloc(batch * trainee->k * sizeof *r.logits);
    r.own = malloc(batch * sizeof *r.own);
    r.rows = malloc(batch * sizeof *r.rows);
    rc = r.logits && r.own && r.rows ? choose(&r, choices, err) : zoo_fail_nomem(err);
    run_release(&r);
    return rc;
}

/* Looks at the held-out rows at the end of an epoch and keeps the parameters where they are the best so far. */
static int validate(struct run *r, zoo_err *err)
{
    const zoo_trainer_task *t = r->task;
    char text[ZOO_REWARD_TEXT];
    double reward;
    int is_best, rc = choose(r, r->choices, err);

    if (rc)
        return rc;
    reward = zoo_reward_of(t->data, t->held, t->held_count, t->held_weights, r->choices);
    is_best = reward >= r->result->reward;
    if (reward > r->result->reward)
        r->improved = r->epoch;
    if (is_best) {
        r->result->best = r->epoch;
        r->result->reward = reward;
        if (t->best_choices)
            memcpy(t->best_choices, r->choices, t->held_count * sizeof *r->choices);
        rc = r->trainee->class->keep(r->trainee, err);
    }
    zoo_progress_note(t->progress, "epoch %u of %u, loss %.4f, validation reward %s", r->epoch, r->settings->epochs,
                      r->result->loss, reward_text(r, reward, text));
    return rc ? rc : look(r, r->result->loss, 0, 0, own_reward(r, reward), is_best, 1, err);
}

static int end_epoch(struct run *r, int validates, zoo_err *err)
{
    int rc = compare_ranks(r, err);

    if (rc)
        return rc;
    if (validates)
        rc = validate(r, err);
    else {
        zoo_progress_note(r->task->progress, "epoch %u of %u, loss %.4f", r->epoch, r->settings->epochs,
                          r->result->loss);
        rc = look(r, r->result->loss, 0, 0, NAN, 0, 1, err);
    }
    r->result->epochs = r->epoch++;
    r->done = 0;
    r->sum = 0;
    return rc ? rc : save(r, 1, err);
}

static int has_lost_patience(const struct run *r, int validates)
{
    return validates && r->settings->patience && r->result->epochs >= r->improved + r->settings->patience;
}

int zoo_trainer_run(zoo_trainee *trainee, const zoo_trainer_task *task, const zoo_trainer_settings *settings,
                    zoo_trainer_result *result, zoo_err *err)
{
    int validates = task->held_count > 0 && !task->choices;
    struct run r;
    int rc = run_init(&r, trainee, task, settings, result, err);

    if (!rc)
        rc = resume(&r, err);
    if (!rc)
        rc = compare_ranks(&r, err);
    while (!rc && r.epoch <= settings->stop_after && !(r.epoch > 1 && has_lost_patience(&r, validates))) {
        rc = epoch(&r, &result->loss, err);
        if (!rc)
            rc = end_epoch(&r, validates, err);
    }
    if (!rc && validates)
        rc = trainee->class->restore(trainee, err);
    if (!rc && task->choices && task->held_count) {
        rc = choose(&r, task->choices, err);
        result->reward = zoo_reward_of(task->data, task->held, task->held_count, task->held_weights, task->choices);
    }
    run_release(&r);
    return rc;
}
