/* recipe.h - how targets are made: which recipes are tried, what they are called, which one wins.
 * Layer: train -> base. Threads: pure functions. */
#ifndef ZOO_TRAIN_RECIPE_H
#define ZOO_TRAIN_RECIPE_H
#include <stddef.h>
#include "base/err.h"
#include "train/judge.h"

/* See labels.h. */
typedef struct zoo_recipe {
    int is_shrunk;                   /* 1: tag rewards by empirical Bayes; 0: plain means */
    double own;                      /* beta: share of a row's own reward, 0..1 */
    /* > 0; in units of the spread of rewards until it is settled, then of the rewards that are trained on */
    double temperature;
} zoo_recipe;

enum { ZOO_RECIPE_NAME_SIZE = 48, ZOO_RECIPES_MAX = 64 };

/* "auto", "auto+0.1" or a number 0..1, into is_shrunk and own. ZOO_EUSAGE. */
int zoo_recipe_parse_beta(const char *text, zoo_recipe *recipe, zoo_err *err);
/* The other way round; reads back alike. */
void zoo_recipe_name_beta(const zoo_recipe *recipe, char name[ZOO_RECIPE_NAME_SIZE]);

/* The grid that cross-validation tries, the most careful first: `beta` NULL: those of the grid, else this one;
 * temperature 0: those of the grid. Returns how many, at most ZOO_RECIPES_MAX; without tags, shrinking towards the
 * overall mean is all that there is. */
size_t zoo_recipe_grid(const zoo_recipe *beta, double temperature, zoo_recipe recipes[ZOO_RECIPES_MAX]);

/* The number of the winner. choices[r]: what recipe r chose for each of rows[0..count), each row judged by a router
 * that never saw it. The first recipe whose reward is within one standard error of the best one's wins: the grid begins
 * with the recipes that follow single rewards least, and the luck of a few rows must not talk us out of them. rewards
 * (recipe_count): what each is worth. */
size_t zoo_recipe_choose(size_t recipe_count, const zoo_dataset *data, const size_t *rows, size_t count,
                         const float *weights, const uint32_t *const *choices, double *rewards);
#endif
