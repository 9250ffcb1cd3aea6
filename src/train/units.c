/* units.c - rewards as training computes with them: above the worst of their row, in a common unit; see units.h. */
#include "train/units.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A difference this much smaller than the largest says nothing beside it. Far below what a double keeps (2^-53), so
 * that rows whose rewards are equal but for rounding are no reason to refuse. */
static const double VANISHES = 0x1p-80;

/* The power of two at or below x > 0. */
static double power_below(double x)
{
    int exponent;

    frexp(x, &exponent);
    return ldexp(1, exponent - 1);
}

static int fail_apart(const zoo_dataset *data, size_t row, size_t low, size_t high, zoo_err *err)
{
    const double *rewards = data->rewards + row * data->k;

    return zoo_fail(err, ZOO_EFORMAT,
                    "query '%.128s': the rewards of '%.128s' (%g) and '%.128s' (%g) are further apart than a number "
                    "can say: correct them, or leave the query out", data->ids[row], data->experts[low], rewards[low],
                    data->experts[high], rewards[high]);
}

/* The lowest reward of a row into *low, the difference to its highest into *spread. */
static int measure_row(const zoo_dataset *data, size_t row, double *low, double *spread, zoo_err *err)
{
    const double *rewards = data->rewards + row * data->k;
    size_t lowest = 0, highest = 0;

    for (size_t j = 1; j < data->k; j++) {
        lowest = rewards[j] < rewards[lowest] ? j : lowest;
        highest = rewards[j] > rewards[highest] ? j : highest;
    }
    *low = rewards[lowest];
    *spread = rewards[highest] - rewards[lowest];
    return isfinite(*spread) ? ZOO_OK : fail_apart(data, row, lowest, highest, err);
}

/* Both units, and the row with the largest difference. */
static int measure(zoo_units *u, const zoo_dataset *data, const size_t *rows, size_t count, zoo_err *err)
{
    double furthest = 0, low, spread;
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < count; i++) {
        rc = measure_row(data, rows[i], &low, &spread, err);
        furthest = fmax(furthest, fabs(low));
        if (!rc && spread > u->spread) {
            u->spread = spread;
            u->widest = rows[i];
        }
    }
    u->unit = u->spread > 0 ? power_below(u->spread) : 1;
    u->floor_unit = furthest > 0 ? power_below(furthest) : 1;
    return rc;
}

static void fill(zoo_units *u, const zoo_dataset *data, const size_t *rows, size_t count)
{
    size_t k = data->k;

    for (size_t i = 0; i < data->n * k; i++)
        u->data.rewards[i] = NAN;
    for (size_t i = 0; i < count; i++) {
        const double *from = data->rewards + rows[i] * k;
        double *to = u->data.rewards + rows[i] * k, low = from[0];
        for (size_t j = 1; j < k; j++)
            low = from[j] < low ? from[j] : low;
        u->floors[rows[i]] = low / u->floor_unit;
        for (size_t j = 0; j < k; j++)
            to[j] = (from[j] - low) / u->unit;
    }
}

/* Rows that vanish beside the widest one are no reason to refuse,
 * unless they are half of those that tell experts apart. */
static int check_spreads(zoo_units *u, const zoo_dataset *data, const size_t *rows, size_t count, zoo_err *err)
{
    size_t differ = 0, vanish = 0;
    double low, spread;

    for (size_t i = 0; i < count; i++) {
        measure_row(data, rows[i], &low, &spread, NULL);
        differ += spread > 0;
        vanish += spread > 0 && spread / u->unit < VANISHES;
    }
    u->vanishing += vanish;
    if (!vanish || 2 * vanish < differ)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT,
                    "query '%.128s' has rewards that differ by %g, beside which those of %zu of the %zu queries that "
                    "tell experts apart vanish: correct its rewards and the like of them, or leave it out",
                    data->ids[u->widest], u->spread, vanish, differ);
}

int zoo_units_make(zoo_units *out, const zoo_dataset *data, const size_t *rows, size_t count, size_t learnt,
                   zoo_err *err)
{
    int rc;

    *out = (zoo_units){ .data = *data };
    out->data.m = 1;
    out->data.rewards = malloc((data->n * data->k + 1) * sizeof *out->data.rewards);
    out->floors = calloc(data->n + 1, sizeof *out->floors);
    rc = out->data.rewards && out->floors ? measure(out, data, rows, count, err) : zoo_fail_nomem(err);
    if (!rc)
        rc = check_spreads(out, data, rows, learnt, err);
    if (!rc)
        rc = check_spreads(out, data, rows + learnt, count - learnt, err);
    if (!rc)
        fill(out, data, rows, count);
    else
        zoo_units_release(out);
    return rc;
}

void zoo_units_release(zoo_units *units)
{
    free(units->data.rewards);
    free(units->floors);
    *units = (zoo_units){ 0 };
}

double zoo_units_floor(const zoo_units *units, const size_t *rows, size_t count, const float *weights)
{
    double sum = 0, total = 0, first = units && count ? units->floors[rows[0]] : 0;

    for (size_t i = 0; units && i < count; i++) {
        total += weights[rows[i]];
        /* what all have in common is not to be summed */
        sum += (double)weights[rows[i]] * (units->floors[rows[i]] - first);
    }
    return total > 0 ? (first + sum / total) * units->floor_unit : 0;
}

double zoo_units_own(const zoo_units *units, double floor, double reward)
{
    return units ? floor + reward * units->unit : reward;
}

const char *zoo_reward_text(char text[ZOO_REWARD_TEXT], double reward, double spread)
{
    double size = fmax(fabs(reward), spread), digits = ceil(log10(size / spread)) + 4;

    if (spread >= 1e-3 && size < 1e12)
        snprintf(text, ZOO_REWARD_TEXT, "%.4f", reward);
    else
        snprintf(text, ZOO_REWARD_TEXT, "%.*g", digits < 17 ? (int)digits : 17, reward);
    return text;
}
