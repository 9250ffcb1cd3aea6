/* judge.c - what a choice of experts is worth: the mean reward, every group of rows weighing alike where that is
 * asked for; see judge.h. */
#include "train/judge.h"
#include <math.h>
#include <stdlib.h>

static size_t tags_of(const zoo_tag_kind *kind, size_t row)
{
    return kind->offsets[row + 1] - kind->offsets[row];
}

int zoo_weights_balance(const zoo_tag_kind *kind, const size_t *rows, size_t count, size_t least,
                        float *weights, zoo_err *err)
{
    size_t none = kind ? kind->values : 0, largest = 0;
    size_t *counts;
    double total = 0;

    for (size_t i = 0; i < count; i++)
        weights[rows[i]] = 1;
    if (!kind)
        return ZOO_OK;
    counts = calloc(none + 1, sizeof *counts);
    if (!counts)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        counts[none] += !tags_of(kind, rows[i]);
        for (size_t o = kind->offsets[rows[i]]; o < kind->offsets[rows[i] + 1]; o++)
            counts[kind->tags[o]]++;
    }
    for (size_t t = 0; t <= none; t++)
        largest = counts[t] > largest ? counts[t] : largest;
    for (size_t t = 0; t <= none; t++)
        if (largest >= least && counts[t] < least)
            counts[t] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t tags = tags_of(kind, rows[i]);
        double sum = tags || !counts[none] ? 0 : 1.0 / (double)counts[none];
        for (size_t o = kind->offsets[rows[i]]; o < kind->offsets[rows[i] + 1]; o++)
            if (counts[kind->tags[o]])
                sum += 1.0 / (double)(counts[kind->tags[o]] * tags);
        weights[rows[i]] = (float)sum;
        total += sum;
    }
    for (size_t i = 0; i < count; i++)
        weights[rows[i]] *= (float)((double)count / total);
    free(counts);
    return ZOO_OK;
}

size_t zoo_best_single(const zoo_dataset *data, const size_t *rows, size_t count, const float *weights, double *means)
{
    size_t best = 0;
    double total = 0;

    for (size_t j = 0; j < data->k; j++)
        means[j] = 0;
    for (size_t i = 0; i < count; i++) {
        total += weights[rows[i]];
        for (size_t j = 0; j < data->k; j++)
            means[j] += (double)weights[rows[i]] * data->rewards[rows[i] * data->k + j];
    }
    for (size_t j = 0; j < data->k; j++) {
        means[j] = total > 0 ? means[j] / total : 0;
        best = means[j] > means[best] ? j : best;
    }
    return best;
}

double zoo_reward_of(const zoo_dataset *data, const size_t *rows, size_t count, const float *weights,
                     const uint32_t *choices)
{
    double sum = 0, total = 0;

    for (size_t i = 0; i < count; i++) {
        total += weights[rows[i]];
        sum += (double)weights[rows[i]] * data->rewards[rows[i] * data->k + choices[i]];
    }
    return total > 0 ? sum / total : 0;
}

double zoo_reward_gain(const zoo_dataset *data, const size_t *rows, size_t count, const float *weights,
                       const uint32_t *a, const uint32_t *b, double *error)
{
    double mean = zoo_reward_of(data, rows, count, weights, a) - zoo_reward_of(data, rows, count, weights, b);
    double total = 0, squares = 0;

    for (size_t i = 0; i < count; i++) {
        const double *rewards = data->rewards + rows[i] * data->k;
        double d = (double)weights[rows[i]] * (rewards[a[i]] - rewards[b[i]] - mean);
        total += weights[rows[i]];
        squares += d * d;
    }
    *error = total > 0 ? sqrt(squares) / total : 0;
    return mean;
}
