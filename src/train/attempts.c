/* attempts.c - many small trainings side by side: cross-validation over recipes, and each subset left out in turn;
 * see attempts.h. */
#include "train/attempts.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "train/folds.h"

struct running {
    const zoo_distillery *distillery;
    const zoo_attempt *attempts;
    zoo_distiller *distillers;       /* one a thread */
    zoo_err *errors;                 /* one a attempt */
    atomic_size_t done;
    zoo_progress *progress;
};

static void run_attempt(void *context, size_t task, unsigned thread)
{
    struct running *r = context;
    const zoo_attempt *t = &r->attempts[task];
    zoo_trainer_result result;
    size_t done;

    zoo_distil(&r->distillers[thread], r->distillery, &t->recipe, t->rows, t->count, t->held, t->held_count,
               r->distillery->trainer.epochs, t->choices, NULL, &result, &r->errors[task]);
    done = atomic_fetch_add(&r->done, 1) + 1;
    if (thread == 0)                 /* the progress line has one owner */
        zoo_progress_set(r->progress, done);
}

int zoo_attempts_run(const zoo_distillery *distillery, const zoo_attempt *attempts, size_t count,
                     zoo_parallel *parallel, zoo_progress *progress, zoo_err *err)
{
    unsigned threads = zoo_parallel_threads(parallel);
    struct running r = {
        .distillery = distillery, .attempts = attempts, .distillers = calloc(threads, sizeof *r.distillers),
        .errors = calloc(count + 1, sizeof *r.errors), .progress = progress
    };
    int rc = r.distillers && r.errors ? ZOO_OK : zoo_fail_nomem(err);

    for (unsigned i = 0; !rc && i < threads; i++)
        rc = zoo_distiller_init(&r.distillers[i], distillery, err);
    if (!rc)
        zoo_parallel_run(parallel, count, run_attempt, &r);
    for (size_t i = 0; !rc && i < count; i++)
        if (r.errors[i].code)
            rc = zoo_fail(err, r.errors[i].code, "%s", r.errors[i].message);
    if (!rc && progress)
        progress->done = count;
    for (unsigned i = 0; r.distillers && i < threads; i++)
        zoo_distiller_release(&r.distillers[i]);
    free(r.distillers);
    free(r.errors);
    return rc;
}

/* The rows of each fold, and of all others: parts[f] begins with the `held[f]` rows of fold f. */
struct folding {
    size_t folds;
    size_t *parts;                   /* (folds, count) */
    size_t *held;                    /* (folds) */
    uint32_t *fold;                  /* (count) */
};

static int fold_rows(struct folding *f, const zoo_dataset *data, const size_t *rows, size_t count, size_t folds,
                     uint64_t seed, zoo_err *err)
{
    int rc;

    *f = (struct folding){ .folds = folds };
    f->parts = malloc((folds * count + 1) * sizeof *f->parts);
    f->held = calloc(folds, sizeof *f->held);
    f->fold = malloc((count + 1) * sizeof *f->fold);
    if (!f->parts || !f->held || !f->fold)
        return zoo_fail_nomem(err);
    rc = zoo_folds_deal(data, rows, count, folds, seed, f->fold, err);
    for (size_t i = 0; i < folds && !rc; i++) {
        size_t *part = f->parts + i * count, at = 0;
        for (size_t r = 0; r < count; r++)
            if (f->fold[r] == i)
                part[at++] = rows[r];
        f->held[i] = at;
        for (size_t r = 0; r < count; r++)
            if (f->fold[r] != i)
                part[at++] = rows[r];
    }
    return rc;
}

static void folding_release(struct folding *f)
{
    free(f->parts);
    free(f->held);
    free(f->fold);
}

/* choices[r] (count) from those of the attempts, each of which has them in the order of its fold. */
static void gather_choices(const struct folding *f, const zoo_attempt *attempts, size_t recipe_count, size_t count,
                           uint32_t *const *choices)
{
    for (size_t r = 0; r < recipe_count; r++)
        for (size_t i = 0; i < f->folds; i++) {
            const zoo_attempt *t = &attempts[r * f->folds + i];
            for (size_t row = 0, at = 0; row < count; row++)
                if (f->fold[row] == i)
                    choices[r][row] = t->choices[at++];
        }
}

int zoo_attempts_cross_validate(const zoo_distillery *distillery, const zoo_recipe *recipes, size_t recipe_count,
                                const size_t *rows, size_t count, size_t folds, zoo_parallel *parallel,
                                zoo_progress *progress, uint32_t *const *choices, zoo_err *err)
{
    zoo_attempt *attempts = calloc(recipe_count * folds, sizeof *attempts);
    uint32_t *memory = malloc((recipe_count * count + 1) * sizeof *memory), *at = memory;
    struct folding f = { 0 };
    int rc = attempts && memory ? fold_rows(&f, distillery->data, rows, count, folds, distillery->trainer.seed, err)
                              : zoo_fail_nomem(err);

    for (size_t i = 0; !rc && i < recipe_count * folds; i++) {
        size_t fold = i % folds, held = f.held[fold];
        const size_t *part = f.parts + fold * count;
        attempts[i] = (zoo_attempt){ .recipe = recipes[i / folds], .rows = part + held, .count = count - held,
                                     .held = part, .held_count = held, .choices = at };
        at += held;
    }
    if (!rc)
        rc = zoo_attempts_run(distillery, attempts, recipe_count * folds, parallel, progress, err);
    if (!rc)
        gather_choices(&f, attempts, recipe_count, count, choices);
    folding_release(&f);
    free(attempts);
    free(memory);
    return rc;
}

/* ---- leave one out ---- */

static int has_tag(const zoo_tag_kind *kind, size_t row, size_t value)
{
    for (size_t o = kind->offsets[row]; o < kind->offsets[row + 1]; o++)
        if (kind->tags[o] == value)
            return 1;
    return 0;
}

/* The most frequent values among the rows, the lower number of equals first; returns how many. */
static size_t frequent_values(const zoo_tag_kind *kind, const size_t *rows, size_t count, size_t most, size_t *counts,
                              size_t *values)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t o = kind->offsets[rows[i]]; o < kind->offsets[rows[i] + 1]; o++)
            counts[kind->tags[o]]++;
    while (found < most) {
        size_t best = 0;
        for (size_t v = 1; v < kind->values; v++)
            best = counts[v] > counts[best] ? v : best;
        if (!counts[best])
            break;
        if (counts[best] < count)
            values[found++] = best;
        counts[best] = 0;
    }
    return found;
}

/* What became of a attempt that left `value` out, in the rewards' own unit. */
static void judge_left_out(const zoo_distillery *d, const zoo_attempt *t, const char *value, const float *ones,
                           double *means, zoo_left_out *out)
{
    size_t k = d->data->k, best = zoo_best_single(d->data, t->rows, t->count, d->weights, means);
    double floor = zoo_units_floor(d->units, t->held, t->held_count, ones), random = 0;

    *out = (zoo_left_out){ .value = value, .rows = t->held_count, .single_name = d->data->experts[best] };
    out->router = zoo_units_own(d->units, floor, zoo_reward_of(d->data, t->held, t->held_count, ones, t->choices));
    zoo_best_single(d->data, t->held, t->held_count, ones, means);
    out->single = zoo_units_own(d->units, floor, means[best]);
    for (size_t j = 0; j < k; j++)
        random += means[j] / (double)k;
    out->random = zoo_units_own(d->units, floor, random);
}

int zoo_attempts_leave_out(const zoo_distillery *distillery, const zoo_recipe *recipe, const zoo_tag_kind *kind,
                           const size_t *rows, size_t count, size_t most, zoo_parallel *parallel,
                           zoo_progress *progress, zoo_left_out *out, size_t *out_count, zoo_err *err)
{
    const zoo_dataset *data = distillery->data;
    size_t *counts = calloc(kind->values + 1, sizeof *counts), *values = calloc(most + 1, sizeof *values),
                     *parts = NULL, found = 0;
    zoo_attempt *attempts = calloc(most + 1, sizeof *attempts);
    float *ones = malloc((data->n + 1) * sizeof *ones);
    double *means = calloc(data->k + 1, sizeof *means);
    int rc = ZOO_OK;

    *out_count = 0;
    if (counts && values)
        found = frequent_values(kind, rows, count, most, counts, values);
    parts = malloc((found * count + 1) * sizeof *parts);
    if (!counts || !values || !parts || !attempts || !ones || !means)
        rc = zoo_fail_nomem(err);
    for (size_t v = 0; !rc && v < found; v++) {
        size_t *part = parts + v * count, held = 0, kept = count;
        for (size_t i = 0; i < count; i++)
            if (has_tag(kind, rows[i], values[v]))
                part[held++] = rows[i];
            else
                part[--kept] = rows[i];
        attempts[v] = (zoo_attempt){ .recipe = *recipe, .rows = part + held, .count = count - held, .held = part,
                                     .held_count = held };
        attempts[v].choices = malloc((held + 1) * sizeof *attempts[v].choices);
        if (!attempts[v].choices)
            rc = zoo_fail_nomem(err);
    }
    for (size_t i = 0; !rc && i < data->n; i++)
        ones[i] = 1;
    if (!rc)
        rc = zoo_attempts_run(distillery, attempts, found, parallel, progress, err);
    for (size_t v = 0; !rc && v < found; v++)
        judge_left_out(distillery, &attempts[v], kind->value_names[values[v]], ones, means, &out[v]);
    *out_count = rc ? 0 : found;
    for (size_t v = 0; attempts && v < found; v++)
        free(attempts[v].choices);
    free(counts);
    free(values);
    free(parts);
    free(attempts);
    free(ones);
    free(means);
    return rc;
}
