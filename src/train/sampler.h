/* sampler.h - which rows an epoch learns from, where tags are to come up equally often: frequent tags lend some of
 * their rows, another choice each epoch, and rows of rare tags come up again and again.
 * The other way to the same end is weighing rows (judge.h). In expectation the gradients are the same; weights learn
 * from every row each epoch, but a rare tag's few rows then make few, large steps where batches are small, and sampling
 * spreads them evenly.
 * Layer: train -> base. Threads: immutable once built, but for zoo_sampler_draw(), which has one caller at a time. */
#ifndef ZOO_TRAIN_SAMPLER_H
#define ZOO_TRAIN_SAMPLER_H
#include <stddef.h>
#include "base/dataset.h"
#include "base/err.h"
#include "base/rng.h"

/* Rows by tag of one kind. A row with several tags stands in each of their groups;
 * rows without one are a group of their own. */
typedef struct zoo_sampler {
    size_t groups;
    size_t *starts;                  /* (groups + 1): group g has rows[starts[g]..starts[g + 1]), one at least */
    size_t *rows;
    size_t *pool;                    /* scratch, as long as the largest group */
} zoo_sampler;

int zoo_sampler_init(zoo_sampler *sampler, const zoo_tag_kind *kind, const size_t *rows, size_t count, zoo_err *err);
void zoo_sampler_release(zoo_sampler *sampler);
/* order (count): rows in random order, each group's share of them count / groups, give or take one; within a group each
 * row comes up equally often, give or take one. Depends on the generator alone, not on earlier draws. */
void zoo_sampler_draw(zoo_sampler *sampler, zoo_rng *rng, size_t *order, size_t count);
#endif
