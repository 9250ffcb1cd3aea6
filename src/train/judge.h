/* judge.h - what a choice of experts is worth: the mean reward,
 * every group of rows weighing alike where that is asked for.
 * Dimensions: n queries of the data set, k experts. Weights are by row of data (n); choices by position among the rows
 * given. Rewards are summed and squared as they are: units.h makes them fit for that. Layer: train -> base. Threads:
 * pure functions over the caller's memory. */
#ifndef ZOO_TRAIN_JUDGE_H
#define ZOO_TRAIN_JUDGE_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"

/* weights[row] of rows[0..count), mean 1, such that each value of `kind` has the same sum; rows without a tag of that
 * kind are one more group; a row with several tags has the mean of their weights. Where at least one group has `least`
 * rows, smaller groups get 0: too few to judge by. kind NULL: 1 each. Weights of other rows stay as they are. */
int zoo_weights_balance(const zoo_tag_kind *kind, const size_t *rows, size_t count, size_t least,
                        float *weights, zoo_err *err);

/* means (k) = weighted mean reward of every expert over the rows; returns the best, the lower index of equals. */
size_t zoo_best_single(const zoo_dataset *data, const size_t *rows, size_t count, const float *weights, double *means);

/* Weighted mean reward of asking choices[i] for rows[i]; 0 where no row has weight. */
double zoo_reward_of(const zoo_dataset *data, const size_t *rows, size_t count, const float *weights,
                     const uint32_t *choices);

/* The same of a less that of b, row by row, with its standard error in *error. */
double zoo_reward_gain(const zoo_dataset *data, const size_t *rows, size_t count, const float *weights,
                       const uint32_t *a, const uint32_t *b, double *error);
#endif
