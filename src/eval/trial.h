/* trial.h - what an evaluation looks at: queries whose reward is known for every expert that is compared,
 * parted into subsets.
 *
 *     zoo_trial trial;
 *     zoo_trial_build(&trial, &(zoo_trial_input){ .data = &data, .columns = columns, .k = k, .kind = "subset" }, &err);
 *     ...
 *     zoo_trial_release(&trial);
 *
 * Comparisons are paired, so a query with a missing reward is left out for everyone, and counted.
 * Refuses to guess rewards.
 * Dimensions: n queries, k experts, s subsets, p places: a query takes one place in each of its subsets, so p = n where
 * each has one tag of the kind. Layer: eval -> base. Threads: immutable once built. */
#ifndef ZOO_EVAL_TRIAL_H
#define ZOO_EVAL_TRIAL_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"
#include "base/holes.h"

typedef struct zoo_subset {
    const char *name;             /* the tag; "group/tag" where two groups share it; "(none)" for queries without one */
    uint32_t group;                 /* 0..groups-1: the tag of kind "dataset" */
} zoo_subset;

typedef struct zoo_trial {
    size_t n, k, s, p, groups;
    const char **experts;           /* (k), borrowed from the data set */
    const char **group_names;       /* (groups), borrowed or static */
    zoo_subset *subsets;            /* (s), in the order in which their queries arrived */
    double *rewards;                /* (n,k), all finite */
    size_t *source;                 /* (n): the query's row in the data set */
    size_t *offsets;                /* (s + 1): subset j has the places offsets[j] .. offsets[j+1] */
    uint32_t *rows;                 /* (p): the query at a place, 0..n-1 */
    float *shares;                  /* (p): 1 / subsets of that query; all of a query's places sum to 1 */
    size_t without_rewards;         /* queries left out: none of the experts has a reward */
    size_t with_holes;              /* queries left out: some experts have one, some have not */
    zoo_holes holes;                /* the same by expert, and who costs most of them */
    zoo_arena arena;
} zoo_trial;

typedef struct zoo_trial_input {
    const zoo_dataset *data;        /* must outlive the trial */
    const size_t *columns;          /* (k): the experts that are compared, columns of data->rewards */
    size_t k;
    const char *kind;               /* of tag that makes the subsets; NULL: all queries are one subset, "all" */
    const unsigned char *keep;      /* (data->n): 0 leaves the query out uncounted; NULL: all */
} zoo_trial_input;

/* ZOO_EUSAGE where no query is left (the sentence says who costs them)
 * or no tag is of that kind (it lists the kinds). */
int zoo_trial_build(zoo_trial *out, const zoo_trial_input *in, zoo_err *err);
void zoo_trial_release(zoo_trial *trial);
#endif
