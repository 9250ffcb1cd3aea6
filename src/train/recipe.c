/* recipe.c - how targets are made: which recipes are tried, what they are called, which one wins; see recipe.h. */
#include "train/recipe.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { int is_shrunk; double own; } betas[] = { { 1, 0 }, { 1, 0.1 }, { 1, 0.3 }, { 0, 1 } };
static const double temperatures[] = { 0.1, 0.3 };          /* in units of the spread of rewards */

int zoo_recipe_parse_beta(const char *text, zoo_recipe *recipe, zoo_err *err)
{
    const char *number = text;
    char *end;

    recipe->is_shrunk = !strncmp(text, "auto", 4);
    recipe->own = 0;
    if (!strcmp(text, "auto"))
        return ZOO_OK;
    if (recipe->is_shrunk)
        number = text[4] == '+' ? text + 5 : "";
    recipe->own = strtod(number, &end);
    if (*number < '.' || *number > '9' || *end || !(recipe->own >= 0 && recipe->own <= 1))
        return zoo_fail(err, ZOO_EUSAGE, "--beta '%.40s' should be 'auto', 'auto+SHARE' or a number from 0 to 1", text);
    return ZOO_OK;
}

void zoo_recipe_name_beta(const zoo_recipe *recipe, char name[ZOO_RECIPE_NAME_SIZE])
{
    if (recipe->is_shrunk && recipe->own == 0)
        snprintf(name, ZOO_RECIPE_NAME_SIZE, "auto");
    else
        snprintf(name, ZOO_RECIPE_NAME_SIZE, "%s%g", recipe->is_shrunk ? "auto+" : "", recipe->own);
}

size_t zoo_recipe_grid(const zoo_recipe *beta, double temperature, zoo_recipe recipes[ZOO_RECIPES_MAX])
{
    size_t count = 0;

    for (size_t b = 0; b < (beta ? 1 : sizeof betas / sizeof *betas); b++)
        for (size_t t = 0; t < (temperature > 0 ? 1 : sizeof temperatures / sizeof *temperatures); t++)
            recipes[count++] = (zoo_recipe){
                .is_shrunk = beta ? beta->is_shrunk : betas[b].is_shrunk, .own = beta ? beta->own : betas[b].own,
                .temperature = temperature > 0 ? temperature : temperatures[t]
            };
    return count;
}

size_t zoo_recipe_choose(size_t recipe_count, const zoo_dataset *data, const size_t *rows, size_t count,
                         const float *weights, const uint32_t *const *choices, double *rewards)
{
    size_t best = 0, winner;

    for (size_t r = 0; r < recipe_count; r++) {
        rewards[r] = zoo_reward_of(data, rows, count, weights, choices[r]);
        best = rewards[r] > rewards[best] ? r : best;
    }
    for (winner = 0; winner < best; winner++) {
        double error, behind = zoo_reward_gain(data, rows, count, weights, choices[best], choices[winner], &error);
        if (behind <= error)
            break;
    }
    return winner;
}
