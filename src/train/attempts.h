/* attempts.h - many small trainings side by side: cross-validation over recipes, and each subset left out in turn.
 * Every training runs on one thread and depends on its number alone,
 * so the results do not depend on how many threads there are.
 * Layer: train. */
#ifndef ZOO_TRAIN_ATTEMPTS_H
#define ZOO_TRAIN_ATTEMPTS_H
#include "base/parallel.h"
#include "train/distil.h"

/* One training: recipe, rows to learn from, rows to be judged on, where the choices for those go. All borrowed. */
typedef struct zoo_attempt {
    zoo_recipe recipe;
    const size_t *rows, *held;
    size_t count, held_count;
    uint32_t *choices;               /* (held_count) */
} zoo_attempt;

/* Runs all; the first failure by number is returned. */
int zoo_attempts_run(const zoo_distillery *distillery, const zoo_attempt *attempts, size_t count,
                     zoo_parallel *parallel, zoo_progress *progress, zoo_err *err);

/* Cross-validation: each of rows[0..count) is judged by a router trained on the other folds. choices[r] (count): what
 * recipe r chose for each row. */
int zoo_attempts_cross_validate(const zoo_distillery *distillery, const zoo_recipe *recipes, size_t recipe_count,
                                const size_t *rows, size_t count, size_t folds, zoo_parallel *parallel,
                                zoo_progress *progress, uint32_t *const *choices, zoo_err *err);

/* How a router does on a value of a kind that it never saw in training. */
typedef struct zoo_left_out {
    const char *value;               /* borrowed from the data set */
    size_t rows;
    double router, single, random;   /* mean rewards there; single: the expert that is best on the rest */
    const char *single_name;
} zoo_left_out;

/* Leaves out the most frequent values of `kind` in turn, at most `most`; out[0..*out_count).
 * A value held by all rows is passed over. */
int zoo_attempts_leave_out(const zoo_distillery *distillery, const zoo_recipe *recipe, const zoo_tag_kind *kind,
                           const size_t *rows, size_t count, size_t most, zoo_parallel *parallel,
                           zoo_progress *progress, zoo_left_out *out, size_t *out_count, zoo_err *err);
#endif
