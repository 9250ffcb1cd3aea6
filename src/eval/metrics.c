/* metrics.c - what a router is worth: means, ranks, gap closed, and how sure they are; see metrics.h. */
#include "eval/metrics.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/parallel.h"
#include "eval/bootstrap.h"

/* While an evaluation is made. */
struct work {
    zoo_evaluation *e;
    const zoo_trial *t;
    const zoo_evaluate_options *o;
    size_t width;               /* columns of values: m, or 2m + 1 where queries stand in several subsets */
    double unit, base;          /* a reward is base + unit * value; unit: a power of two, so that no bit is lost */
    double *values;          /* (p,width): what each method earns at each place; then times the share; then the share */
    double *ties;               /* (s): means this close are equal; in values */
    double tie;                 /* the largest of them */
};

/* A tie is what rounding can explain. Rewards are often computed in 32-bit floats, whose last bits are chance, and 0.1
 * + 0.2 + 0.3 are not 0.3 + 0.3 + 0 in any precision; so last bits must not decide ranks. Their size is measured by how
 * far the answers to one query lie apart, FLT_EPSILON of the most in the subset, and not by how large rewards are: at
 * 1e9 + {0, 1} a float's last bit is 64, and every expert would tie. What doubles lose in summing, by n rewards of such
 * a size, is added: it is less unless rows differ much more than answers do. */
static double tie_of(double apart, double size, size_t n)
{
    return apart * (double)FLT_EPSILON + size * DBL_EPSILON * sqrt((double)n);
}

double zoo_rank_among(const double *scores, size_t k, double score, double tie)
{
    size_t better = 0;

    for (size_t j = 0; j < k; j++)
        better += scores[j] > score + tie;
    return 1.0 + (double)better;
}

double zoo_gap_closed(double score, double reference, double best, double tie)
{
    double gap = best - reference;

    return gap > tie ? (score - reference) / gap : NAN;
}

static double *values_at(const struct work *w, size_t place)
{
    return w->values + place * w->width;
}

static size_t size_of(const zoo_trial *t, size_t subset)
{
    return t->offsets[subset + 1] - t->offsets[subset];
}

static size_t argmax(const double *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* ---- methods and what they earn ---- */

static void name_method(struct work *w, size_t at, enum zoo_method_kind kind, const char *name)
{
    zoo_method *method = &w->e->methods[at];

    method->kind = kind;
    method->name = name;
    method->over_subsets = method->over_rows = (zoo_estimate){ 0, NAN, NAN };
}

static int list_methods(struct work *w, zoo_err *err)
{
    zoo_evaluation *e = w->e;
    size_t k = w->t->k, s = w->t->s;

    e->random = k;
    e->best_per_subset = k + 1;
    e->oracle = k + 2;
    e->router = k + 3 + w->o->ranker_count;
    e->m = e->router + (w->o->routed != NULL);
    e->methods = zoo_arena_alloc(&e->arena, e->m * sizeof *e->methods);
    if (!e->methods)
        return zoo_fail_nomem(err);
    for (size_t j = 0; j < k; j++)
        name_method(w, j, ZOO_METHOD_EXPERT, w->t->experts[j]);
    name_method(w, e->random, ZOO_METHOD_RANDOM, "random");
    name_method(w, e->best_per_subset, ZOO_METHOD_BEST_PER_SUBSET, "best per subset");
    name_method(w, e->oracle, ZOO_METHOD_ORACLE, "oracle");
    for (size_t i = 0; i < w->o->ranker_count; i++)
        name_method(w, e->oracle + 1 + i, ZOO_METHOD_RANKER, w->o->rankers[i].name);
    if (w->o->routed)
        name_method(w, e->router, ZOO_METHOD_ROUTER, "router");
    for (size_t j = 0; j < e->m; j++) {
        e->methods[j].by_subset = zoo_arena_alloc(&e->arena, s * sizeof(double));
        if (!e->methods[j].by_subset)
            return zoo_fail_nomem(err);
    }
    return ZOO_OK;
}

static int check_choices(const struct work *w, const uint32_t *choice, const char *who, zoo_err *err)
{
    for (size_t i = 0; i < w->t->n; i++)
        if (choice[i] >= w->t->k)
            return zoo_fail(err, ZOO_EUSAGE, "%s chose expert %u of %zu", who, choice[i], w->t->k);
    return ZOO_OK;
}

static int check_options(const struct work *w, zoo_err *err)
{
    int rc = w->o->routed ? check_choices(w, w->o->routed, "the router", err) : ZOO_OK;

    for (size_t i = 0; !rc && i < w->o->ranker_count; i++)
        rc = check_choices(w, w->o->rankers[i].choice, w->o->rankers[i].name, err);
    return rc;
}

/* The unit is near the largest reward. What all have in common is taken off where they lie further from 0 than from
 * each other: then no bit is lost by it (and elsewhere some would be). */
static void choose_unit(struct work *w)
{
    const zoo_trial *t = w->t;
    double low = INFINITY, high = -INFINITY, most = 0;
    int exponent;

    for (size_t i = 0; i < t->n * t->k; i++) {
        low = fmin(low, t->rewards[i]);
        high = fmax(high, t->rewards[i]);
    }
    most = fmax(fabs(low), fabs(high));
    frexp(most, &exponent);
    w->unit = most > 0 ? ldexp(1, exponent - 1) : 1;
    low /= w->unit;
    high /= w->unit;
    w->base = low > high - low ? low : -high > high - low ? high : 0;
}

/* The expert with the best mean in a subset; the first of equals. */
static size_t best_expert_of(const struct work *w, size_t subset, double *sums)
{
    const zoo_trial *t = w->t;

    memset(sums, 0, t->k * sizeof *sums);
    for (size_t at = t->offsets[subset]; at < t->offsets[subset + 1]; at++)
        for (size_t j = 0; j < t->k; j++)
            sums[j] += values_at(w, at)[j];
    return argmax(sums, t->k);
}

/* The experts alone. */
static void fill_experts(const struct work *w, size_t place)
{
    const double *rewards = w->t->rewards + (size_t)w->t->rows[place] * w->t->k;
    double *out = values_at(w, place);

    for (size_t j = 0; j < w->t->k; j++)
        out[j] = rewards[j] / w->unit - w->base;
}

/* The other methods, out of what the experts earn. */
static void fill_place(const struct work *w, size_t place, size_t best_of_subset)
{
    const zoo_evaluation *e = w->e;
    uint32_t row = w->t->rows[place];
    double *out = values_at(w, place), best = out[0], sum = 0, share = (double)w->t->shares[place];

    for (size_t j = 0; j < w->t->k; j++) {
        sum += out[j];
        best = out[j] > best ? out[j] : best;
    }
    out[e->random] = sum / (double)w->t->k;
    out[e->best_per_subset] = out[best_of_subset];
    out[e->oracle] = best;
    for (size_t i = 0; i < w->o->ranker_count; i++)
        out[e->oracle + 1 + i] = out[w->o->rankers[i].choice[row]];
    if (w->o->routed)
        out[e->router] = out[w->o->routed[row]];
    if (w->width > e->m) {
        for (size_t j = 0; j < e->m; j++)
            out[e->m + j] = out[j] * share;
        out[2 * e->m] = share;
    }
}

/* All places of a subset, and its tie. */
static void fill_subset(struct work *w, size_t subset, double *sums)
{
    const zoo_trial *t = w->t;
    double apart = 0, size = 0;
    size_t best;

    for (size_t at = t->offsets[subset]; at < t->offsets[subset + 1]; at++)
        fill_experts(w, at);
    best = best_expert_of(w, subset, sums);
    for (size_t at = t->offsets[subset]; at < t->offsets[subset + 1]; at++) {
        const double *values = values_at(w, at);
        double low = values[0];
        fill_place(w, at, best);
        for (size_t j = 0; j < t->k; j++) {
            low = fmin(low, values[j]);
            size = fmax(size, fabs(values[j]));
        }
        apart = fmax(apart, values[w->e->oracle] - low);
    }
    w->ties[subset] = tie_of(apart, size, size_of(t, subset));
    w->tie = fmax(w->tie, w->ties[subset]);
}

static int fill_values(struct work *w, zoo_err *err)
{
    const zoo_trial *t = w->t;
    double *sums = malloc(t->k * sizeof *sums);

    w->width = t->p == t->n ? w->e->m : 2 * w->e->m + 1;
    w->values = malloc(t->p * w->width * sizeof *w->values);
    w->ties = calloc(t->s, sizeof *w->ties);
    if (!sums || !w->values || !w->ties) {
        free(sums);
        return zoo_fail_nomem(err);
    }
    choose_unit(w);
    for (size_t j = 0; j < t->s; j++)
        fill_subset(w, j, sums);
    free(sums);
    return ZOO_OK;
}

/* ---- means and ranks ---- */

/* Random's answer is as good as the best with the share of experts that are. */
static double best_share(const double *rewards, size_t k, double best)
{
    size_t as_good = 0;

    for (size_t j = 0; j < k; j++)
        as_good += rewards[j] >= best;
    return (double)as_good / (double)k;
}

static void take_means(struct work *w)
{
    const zoo_trial *t = w->t;
    zoo_evaluation *e = w->e;

    for (size_t c = 0; c < e->m; c++) {
        zoo_method *method = &e->methods[c];
        double rows = 0, hits = 0, subsets = 0;
        for (size_t j = 0; j < t->s; j++) {
            double sum = 0;
            for (size_t at = t->offsets[j]; at < t->offsets[j + 1]; at++) {
                const double *value = values_at(w, at);
                double share = (double)t->shares[at], best = value[e->oracle];
                sum += value[c];
                rows += share * value[c];
                hits += share * (c == e->random ? best_share(value, t->k, best) : value[c] >= best);
            }
            method->by_subset[j] = sum / (double)size_of(t, j);
            subsets += method->by_subset[j];
        }
        method->over_subsets.mean = subsets / (double)t->s;
        method->over_rows.mean = rows / (double)t->n;
        method->picks_best = hits / (double)t->n;
    }
    for (size_t j = 1; j < t->k; j++) {
        if (e->methods[j].over_subsets.mean > e->methods[e->best_over_subsets].over_subsets.mean + w->tie)
            e->best_over_subsets = j;
        if (e->methods[j].over_rows.mean > e->methods[e->best_over_rows].over_rows.mean + w->tie)
            e->best_over_rows = j;
    }
}

/* One ranked row: scores (m), the experts' first. */
static void rank_row(zoo_evaluation *e, const double *scores, double tie)
{
    for (size_t c = 0; c < e->m; c++) {
        double rank = zoo_rank_among(scores, e->trial->k, scores[c], tie);
        e->methods[c].mtr += rank;
        e->methods[c].uplift += rank <= 1.0;
    }
    e->ranked_rows++;
}

/* The average of a group is the mean of its subsets. */
static void average_group(const zoo_evaluation *e, uint32_t group, double *scores)
{
    const zoo_trial *t = e->trial;
    size_t members = 0;

    memset(scores, 0, e->m * sizeof *scores);
    for (size_t j = 0; j < t->s; j++) {
        if (t->subsets[j].group != group)
            continue;
        members++;
        for (size_t c = 0; c < e->m; c++)
            scores[c] += e->methods[c].by_subset[j];
    }
    for (size_t c = 0; c < e->m; c++)
        scores[c] /= (double)members;
}

static int rank_methods(struct work *w, zoo_err *err)
{
    zoo_evaluation *e = w->e;
    double *scores = malloc(e->m * sizeof *scores);

    if (!scores)
        return zoo_fail_nomem(err);
    for (size_t j = 0; j < w->t->s; j++) {
        for (size_t c = 0; c < e->m; c++)
            scores[c] = e->methods[c].by_subset[j];
        rank_row(e, scores, w->ties[j]);
    }
    for (size_t g = 0; w->o->group_rows && g < w->t->groups; g++) {
        average_group(e, (uint32_t)g, scores);
        rank_row(e, scores, w->tie);
    }
    for (size_t c = 0; c < e->m; c++) {
        e->methods[c].mtr /= (double)e->ranked_rows;
        e->methods[c].uplift /= (double)e->ranked_rows;
    }
    free(scores);
    return ZOO_OK;
}

/* ---- the router against its references ---- */

static zoo_gain gain_of(double router, double reference, double oracle, double tie)
{
    return (zoo_gain){ { router - reference, NAN, NAN }, { zoo_gap_closed(router, reference, oracle, tie), NAN, NAN } };
}

static void add_comparison(struct work *w, const char *reference, size_t over_subsets, size_t over_rows)
{
    zoo_evaluation *e = w->e;
    const zoo_method *router = &e->methods[e->router], *oracle = &e->methods[e->oracle];

    e->comparisons[e->comparison_count++] = (zoo_comparison){
        .reference = reference, .method_over_subsets = over_subsets, .method_over_rows = over_rows,
        .over_subsets = gain_of(router->over_subsets.mean, e->methods[over_subsets].over_subsets.mean,
                                oracle->over_subsets.mean, w->tie),
        .over_rows = gain_of(router->over_rows.mean, e->methods[over_rows].over_rows.mean, oracle->over_rows.mean,
                             w->tie) };
}

static int compare_router(struct work *w, zoo_err *err)
{
    zoo_evaluation *e = w->e;
    zoo_gain *gains = zoo_arena_alloc(&e->arena, w->t->s * sizeof *gains);

    e->chosen = zoo_arena_alloc(&e->arena, w->t->k * sizeof *e->chosen);
    if (!gains || !e->chosen)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < w->t->n; i++)
        e->chosen[w->o->routed[i]] += 1.0 / (double)w->t->n;
    add_comparison(w, "best single", e->best_over_subsets, e->best_over_rows);
    for (size_t j = 0; j < w->t->s; j++)
        gains[j] = gain_of(e->methods[e->router].by_subset[j], e->methods[e->best_over_subsets].by_subset[j],
                           e->methods[e->oracle].by_subset[j], w->ties[j]);
    e->comparisons[0].by_subset = gains;
    if (e->best_on_training < w->t->k)
        add_comparison(w, "best on training data", e->best_on_training, e->best_on_training);
    add_comparison(w, "best per subset", e->best_per_subset, e->best_per_subset);
    return ZOO_OK;
}

/* ---- intervals ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The middle 95% of x[0..b), which is reordered; values that are no numbers do not count. */
static void set_interval(zoo_estimate *estimate, double *x, size_t b)
{
    size_t n = 0;

    for (size_t i = 0; i < b; i++)
        if (isfinite(x[i]))
            x[n++] = x[i];
    qsort(x, n, sizeof *x, by_value);
    estimate->low = zoo_quantile(x, n, 0.025);
    estimate->high = zoo_quantile(x, n, 0.975);
}

/* Means of every resample. */
struct resamples {
    size_t b;
    double *over_subsets, *over_rows;       /* (b,m) */
    double *share;                          /* (b): drawn shares, what over_rows is divided by */
    double *part;                           /* (b,width): sums of one subset */
    double *scratch;                        /* (b) */
};

static void release_resamples(struct resamples *r)
{
    free(r->over_subsets);
    free(r->over_rows);
    free(r->share);
    free(r->part);
    free(r->scratch);
}

static int init_resamples(struct resamples *r, const struct work *w, zoo_err *err)
{
    size_t b = r->b = w->o->resamples, m = w->e->m;

    r->over_subsets = calloc(b * m, sizeof(double));
    r->over_rows = calloc(b * m, sizeof(double));
    r->share = calloc(b, sizeof(double));
    r->part = malloc(b * w->width * sizeof(double));
    r->scratch = malloc(b * sizeof(double));
    if (r->over_subsets && r->over_rows && r->share && r->part && r->scratch)
        return ZOO_OK;
    return zoo_fail_nomem(err);
}

static void fold_subset(const struct work *w, struct resamples *r, size_t subset)
{
    size_t m = w->e->m, rows = size_of(w->t, subset), weighted = w->width > m ? m : 0;

    for (size_t i = 0; i < r->b; i++) {
        const double *sums = r->part + i * w->width;
        for (size_t c = 0; c < m; c++) {
            r->over_subsets[i * m + c] += sums[c] / (double)rows / (double)w->t->s;
            r->over_rows[i * m + c] += sums[weighted + c];
        }
        r->share[i] += weighted ? sums[2 * m] : (double)rows;
    }
    if (!w->e->comparison_count)
        return;
    for (size_t i = 0; i < r->b; i++) {
        const double *sums = r->part + i * w->width;
        r->scratch[i] = (sums[w->e->router] - sums[w->e->best_over_subsets]) / (double)rows;
    }
    set_interval(&w->e->comparisons[0].by_subset[subset].difference, r->scratch, r->b);
}

static void set_gain_intervals(const struct work *w, const struct resamples *r, const double *means, size_t reference,
                               zoo_gain *gain)
{
    const zoo_evaluation *e = w->e;
    size_t m = e->m;

    for (size_t i = 0; i < r->b; i++)
        r->scratch[i] = means[i * m + e->router] - means[i * m + reference];
    set_interval(&gain->difference, r->scratch, r->b);
    if (!isfinite(gain->gap_closed.mean))
        return;
    for (size_t i = 0; i < r->b; i++)
        r->scratch[i] = zoo_gap_closed(means[i * m + e->router], means[i * m + reference], means[i * m + e->oracle],
                                       w->tie);
    set_interval(&gain->gap_closed, r->scratch, r->b);
}

static void set_intervals(const struct work *w, struct resamples *r)
{
    zoo_evaluation *e = w->e;
    size_t m = e->m;

    for (size_t i = 0; i < r->b; i++)
        for (size_t c = 0; c < m; c++)
            r->over_rows[i * m + c] /= r->share[i];
    for (size_t c = 0; c < m; c++) {
        for (size_t i = 0; i < r->b; i++)
            r->scratch[i] = r->over_subsets[i * m + c];
        set_interval(&e->methods[c].over_subsets, r->scratch, r->b);
        for (size_t i = 0; i < r->b; i++)
            r->scratch[i] = r->over_rows[i * m + c];
        set_interval(&e->methods[c].over_rows, r->scratch, r->b);
    }
    for (size_t i = 0; i < e->comparison_count; i++) {
        zoo_comparison *c = &e->comparisons[i];
        set_gain_intervals(w, r, r->over_subsets, c->method_over_subsets, &c->over_subsets);
        set_gain_intervals(w, r, r->over_rows, c->method_over_rows, &c->over_rows);
    }
}

static int bootstrap(struct work *w, zoo_err *err)
{
    struct resamples r = { 0 };
    zoo_parallel *threads = NULL;
    zoo_bootstrap boot = { w->values, w->t->offsets, w->width, w->o->seed };
    int rc = zoo_parallel_new(&threads, w->o->threads, err);

    if (!rc)
        rc = init_resamples(&r, w, err);
    if (rc)
        goto done;
    for (size_t j = 0; j < w->t->s; j++) {
        zoo_bootstrap_part(&boot, j, r.part, r.b, threads);
        fold_subset(w, &r, j);
    }
    set_intervals(w, &r);
done:
    release_resamples(&r);
    zoo_parallel_free(threads);
    return rc;
}

/* ---- back to rewards ---- */

static void restore_mean(const struct work *w, zoo_estimate *x)
{
    x->mean = (x->mean + w->base) * w->unit;
    x->low = (x->low + w->base) * w->unit;
    x->high = (x->high + w->base) * w->unit;
}

static void restore_difference(const struct work *w, zoo_estimate *x)
{
    x->mean *= w->unit;
    x->low *= w->unit;
    x->high *= w->unit;
}

/* Everything was computed in values. */
static void restore_rewards(const struct work *w)
{
    zoo_evaluation *e = w->e;

    for (size_t c = 0; c < e->m; c++) {
        restore_mean(w, &e->methods[c].over_subsets);
        restore_mean(w, &e->methods[c].over_rows);
        for (size_t j = 0; j < w->t->s; j++)
            e->methods[c].by_subset[j] = (e->methods[c].by_subset[j] + w->base) * w->unit;
    }
    for (size_t i = 0; i < e->comparison_count; i++) {
        restore_difference(w, &e->comparisons[i].over_subsets.difference);
        restore_difference(w, &e->comparisons[i].over_rows.difference);
        for (size_t j = 0; e->comparisons[i].by_subset && j < w->t->s; j++)
            restore_difference(w, &e->comparisons[i].by_subset[j].difference);
    }
}

int zoo_evaluate(zoo_evaluation *out, const zoo_trial *trial, const zoo_evaluate_options *options, zoo_err *err)
{
    struct work w = { .e = out, .t = trial, .o = options };
    int rc;

    memset(out, 0, sizeof *out);
    out->trial = trial;
    out->resamples = options->resamples;
    out->best_on_training = options->best_on_training < trial->k ? options->best_on_training : trial->k;
    rc = check_options(&w, err);
    if (!rc)
        rc = list_methods(&w, err);
    if (!rc)
        rc = fill_values(&w, err);
    if (!rc) {
        take_means(&w);
        rc = rank_methods(&w, err);
    }
    if (!rc && options->routed)
        rc = compare_router(&w, err);
    if (!rc && options->resamples)
        rc = bootstrap(&w, err);
    if (!rc)
        restore_rewards(&w);
    free(w.values);
    free(w.ties);
    if (rc)
        zoo_evaluation_release(out);
    return rc;
}

void zoo_evaluation_release(zoo_evaluation *e)
{
    zoo_arena_release(&e->arena);
    memset(e, 0, sizeof *e);
}
