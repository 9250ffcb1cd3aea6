/* labels.c - training targets: rewards, calmed by what the tags say, as a distribution over experts; see labels.h. */
#include "train/labels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "model/ngram.h"

size_t zoo_kinds_order(const zoo_dataset *data, size_t *kinds)
{
    size_t count = 0, at;

    for (size_t i = 0; i < data->kind_count; i++) {
        if (data->kinds[i].values < 2)
            continue;
        for (at = count++; at > 0 && data->kinds[kinds[at - 1]].values > data->kinds[i].values; at--)
            kinds[at] = kinds[at - 1];
        kinds[at] = i;
    }
    return count;
}

/* ---- fit ---- */

static double weight_of(const float *weights, size_t row)
{
    return weights ? weights[row] : 1;
}

/* centred (k) = c of a row */
static void centre(const zoo_dataset *data, size_t row, double *centred)
{
    const double *rewards = data->rewards + row * data->k;
    double mean = 0;

    for (size_t j = 0; j < data->k; j++)
        mean += rewards[j];
    mean /= (double)data->k;
    for (size_t j = 0; j < data->k; j++)
        centred[j] = rewards[j] - mean;
}

/* rest (count,k) = c of the rows, then less `overall`, which is fitted with `scale` on the way. */
static void fit_overall(zoo_tag_rewards *out, const size_t *rows, size_t count, const float *weights, double *rest)
{
    size_t k = out->data->k;
    double squares = 0, total = 0;

    for (size_t i = 0; i < count; i++) {
        double w = weight_of(weights, rows[i]), *c = rest + i * k;
        centre(out->data, rows[i], c);
        for (size_t j = 0; j < k; j++) {
            out->overall[j] += w * c[j];
            squares += w * c[j] * c[j];
        }
        total += w;
    }
    for (size_t j = 0; j < k; j++)
        out->overall[j] /= total;
    out->scale = sqrt(squares / (total * (double)k));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < k; j++)
            rest[i * k + j] -= out->overall[j];
}

/* Sums of a kind's values: weights, squared weights, and, in effects, weighted rests, which become means. */
static void fit_means(zoo_kind_rewards *kind, const size_t *rows, size_t count, const float *weights,
                      const double *rest, size_t k, double *sums, double *squares)
{
    const zoo_tag_kind *tags = kind->kind;

    for (size_t i = 0; i < count; i++) {
        double w = weight_of(weights, rows[i]);
        for (size_t o = tags->offsets[rows[i]]; o < tags->offsets[rows[i] + 1]; o++) {
            size_t t = tags->tags[o];
            sums[t] += w;
            squares[t] += w * w;
            for (size_t j = 0; j < k; j++)
                kind->effects[t * k + j] += w * rest[i * k + j];
        }
    }
    for (size_t t = 0; t < tags->values; t++) {
        if (!(sums[t] > 0))
            continue;
        kind->seen[t] = 1;
        kind->used++;
        for (size_t j = 0; j < k; j++)
            kind->effects[t * k + j] /= sums[t];
    }
}

/* within and between of a kind whose effects are means. */
static void fit_variances(zoo_kind_rewards *kind, const size_t *rows, size_t count, const float *weights,
                          const double *rest, size_t k, const double *sums, const double *squares)
{
    const zoo_tag_kind *tags = kind->kind;
    double inside = 0, freedom = 0, across = 0, noise = 0, total = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t o = tags->offsets[rows[i]]; o < tags->offsets[rows[i] + 1]; o++) {
            const double *mean = kind->effects + tags->tags[o] * k;
            for (size_t j = 0; j < k; j++) {
                double d = rest[i * k + j] - mean[j];
                inside += weight_of(weights, rows[i]) * d * d;
            }
        }
    for (size_t t = 0; t < tags->values; t++) {
        if (!kind->seen[t])
            continue;
        double share = squares[t] / sums[t];                       /* W_t / n_t */
        freedom += sums[t] - share;
        noise += share;
        total += sums[t];
        for (size_t j = 0; j < k; j++)
            across += sums[t] * kind->effects[t * k + j] * kind->effects[t * k + j];
    }
    if (!(freedom > 1e-9 * total))
        return;
    kind->within = inside / ((double)k * freedom);
    kind->between = fmax(0, (across / (double)k - kind->within * noise) / total);
}

/* The mean effect of the row's tags of one kind is added to sum (k), times `factor`; returns how many tags it has. */
static size_t add_effects(const zoo_kind_rewards *kind, size_t row, size_t k, double factor, double *sum)
{
    const zoo_tag_kind *tags = kind->kind;
    size_t first = tags->offsets[row], end = tags->offsets[row + 1];

    for (size_t o = first; o < end; o++)
        for (size_t j = 0; j < k; j++)
            sum[j] += factor / (double)(end - first) * kind->effects[tags->tags[o] * k + j];
    return end - first;
}

static int fit_shrunk(zoo_kind_rewards *kind, const size_t *rows, size_t count, const float *weights, double *rest,
                      size_t k, zoo_err *err)
{
    size_t values = kind->kind->values;
    double *sums = calloc(2 * values, sizeof *sums), *squares;

    if (!sums)
        return zoo_fail_nomem(err);
    squares = sums + values;
    fit_means(kind, rows, count, weights, rest, k, sums, squares);
    fit_variances(kind, rows, count, weights, rest, k, sums, squares);
    for (size_t t = 0; t < values; t++) {
        double n_t = kind->seen[t] ? sums[t] * sums[t] / squares[t] : 0;
        double keep = kind->between > 0 ? n_t * kind->between / (n_t * kind->between + kind->within) : 0;
        for (size_t j = 0; j < k; j++)
            kind->effects[t * k + j] *= keep;
    }
    for (size_t i = 0; i < count; i++)
        add_effects(kind, rows[i], k, -1, rest + i * k);
    free(sums);
    return ZOO_OK;
}

static void fit_plain(zoo_kind_rewards *kind, const zoo_dataset *data, const size_t *rows, size_t count, size_t *counts)
{
    const zoo_tag_kind *tags = kind->kind;
    size_t k = data->k;

    memset(counts, 0, tags->values * sizeof *counts);
    for (size_t i = 0; i < count; i++)
        for (size_t o = tags->offsets[rows[i]]; o < tags->offsets[rows[i] + 1]; o++) {
            size_t t = tags->tags[o];
            counts[t]++;
            for (size_t j = 0; j < k; j++)
                kind->effects[t * k + j] += data->rewards[rows[i] * k + j];
        }
    for (size_t t = 0; t < tags->values; t++) {
        kind->seen[t] = counts[t] > 0;
        kind->used += counts[t] > 0;
        for (size_t j = 0; counts[t] && j < k; j++)
            kind->effects[t * k + j] /= (double)counts[t];
    }
}

static int alloc(zoo_tag_rewards *out, const zoo_dataset *data, const size_t *kinds, size_t kind_count, zoo_err *err)
{
    if (data->k > ZOO_EXPERTS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%zu experts are too many; a router takes at most %d", data->k,
                        ZOO_EXPERTS_MAX);
    out->kinds = calloc(kind_count + 1, sizeof *out->kinds);
    out->overall = calloc(data->k + 1, sizeof *out->overall);
    if (!out->kinds || !out->overall)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < kind_count; i++) {
        zoo_kind_rewards *kind = &out->kinds[out->kind_count++];
        kind->kind = &data->kinds[kinds[i]];
        kind->effects = calloc(kind->kind->values * data->k + 1, sizeof *kind->effects);
        kind->seen = calloc(kind->kind->values + 1, 1);
        if (!kind->effects || !kind->seen)
            return zoo_fail_nomem(err);
    }
    return ZOO_OK;
}

int zoo_tag_rewards_fit(zoo_tag_rewards *out, const zoo_dataset *data, const size_t *kinds, size_t kind_count,
                        const size_t *rows, size_t count, const float *weights, int is_shrunk, zoo_err *err)
{
    double *rest = NULL;
    size_t *counts = NULL, most = 1;
    int rc;

    *out = (zoo_tag_rewards){ .data = data, .is_shrunk = is_shrunk };
    rc = alloc(out, data, kinds, kind_count, err);
    if (rc)
        goto out;
    for (size_t i = 0; i < kind_count; i++)
        most = out->kinds[i].kind->values > most ? out->kinds[i].kind->values : most;
    rest = calloc(count * data->k + 1, sizeof *rest);
    counts = calloc(most, sizeof *counts);
    if (!rest || !counts) {
        rc = zoo_fail_nomem(err);
        goto out;
    }
    fit_overall(out, rows, count, weights, rest);
    for (size_t i = 0; !rc && i < kind_count; i++) {
        if (is_shrunk)
            rc = fit_shrunk(&out->kinds[i], rows, count, weights, rest, data->k, err);
        else
            fit_plain(&out->kinds[i], data, rows, count, counts);
    }
out:
    free(rest);
    free(counts);
    if (rc)
        zoo_tag_rewards_release(out);
    return rc;
}

void zoo_tag_rewards_release(zoo_tag_rewards *tags)
{
    for (size_t i = 0; i < tags->kind_count; i++) {
        free(tags->kinds[i].effects);
        free(tags->kinds[i].seen);
    }
    free(tags->kinds);
    free(tags->overall);
    *tags = (zoo_tag_rewards){ 0 };
}

/* ---- labels ---- */

static void enhance_plain(const zoo_tag_rewards *tags, size_t row, double own, double *enhanced)
{
    size_t k = tags->data->k, count = 0;
    const double *rewards = tags->data->rewards + row * k;

    for (size_t i = 0; i < tags->kind_count; i++) {
        const zoo_kind_rewards *kind = &tags->kinds[i];
        for (size_t o = kind->kind->offsets[row]; o < kind->kind->offsets[row + 1]; o++) {
            size_t t = kind->kind->tags[o];
            if (!kind->seen[t])
                continue;
            count++;
            for (size_t j = 0; j < k; j++)
                enhanced[j] += kind->effects[t * k + j];
        }
    }
    for (size_t j = 0; j < k; j++)
        enhanced[j] = count ? own * rewards[j] + (1 - own) * enhanced[j] / (double)count : rewards[j];
}

void zoo_tag_rewards_enhance(const zoo_tag_rewards *tags, size_t row, double own, double *enhanced)
{
    size_t k = tags->data->k;
    const double *rewards = tags->data->rewards + row * k;
    double mean = 0;

    memset(enhanced, 0, k * sizeof *enhanced);
    if (!tags->is_shrunk) {
        enhance_plain(tags, row, own, enhanced);
        return;
    }
    for (size_t j = 0; j < k; j++)
        mean += rewards[j] / (double)k;
    for (size_t j = 0; j < k; j++)
        enhanced[j] = own * (rewards[j] - mean) + (1 - own) * tags->overall[j];
    for (size_t i = 0; i < tags->kind_count; i++)
        add_effects(&tags->kinds[i], row, k, 1 - own, enhanced);
}

void zoo_labels_fill(const zoo_tag_rewards *tags, const size_t *rows, size_t count, double own, double temperature,
                     float *targets)
{
    size_t k = tags->data->k;
    double enhanced[ZOO_EXPERTS_MAX];

    for (size_t i = 0; i < count; i++) {
        float *target = targets + rows[i] * k;
        double most = -INFINITY, sum = 0;
        zoo_tag_rewards_enhance(tags, rows[i], own, enhanced);
        for (size_t j = 0; j < k; j++)
            most = fmax(most, enhanced[j]);
        for (size_t j = 0; j < k; j++)
            sum += enhanced[j] = exp((enhanced[j] - most) / temperature);
        for (size_t j = 0; j < k; j++)
            target[j] = (float)(enhanced[j] / sum);
    }
}
