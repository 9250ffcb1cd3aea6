/* metrics.h - what a router is worth: means, ranks, gap closed, and how sure they are.
 * docs/evaluation.md defines every figure.
 *
 *     zoo_evaluation e;
 *     zoo_evaluate(&e, &trial, &(zoo_evaluate_options){ .routed = routed, .resamples = 10000 }, &err);
 *     ...
 *     zoo_evaluation_release(&e);
 *
 * Methods, in this order: the k experts alone; random, best per subset, oracle; rankers; the router, where there is
 * one. Rewards are summed in a common unit, less what they have in common, so that 1e9 + {0, 1} and 1e300 * {0, 1} are
 * as good as {0, 1}. Means are equal where they differ by less than rounding can explain: see `ties` in metrics.c.
 * Dimensions: n queries, k experts, s subsets, m methods. Layer: eval -> base. Threads: one owner. */
#ifndef ZOO_EVAL_METRICS_H
#define ZOO_EVAL_METRICS_H
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "eval/trial.h"

enum zoo_method_kind { ZOO_METHOD_EXPERT, ZOO_METHOD_RANDOM, ZOO_METHOD_BEST_PER_SUBSET, ZOO_METHOD_ORACLE,
                       ZOO_METHOD_RANKER, ZOO_METHOD_ROUTER };

/* low, high: 95% interval; NaN: not known */
typedef struct zoo_estimate { double mean, low, high; } zoo_estimate;

typedef struct zoo_method {
    enum zoo_method_kind kind;
    const char *name;                   /* the expert, the ranker; else the kind in words */
    zoo_estimate over_subsets;          /* every subset counts alike: the headline */
    zoo_estimate over_rows;             /* every query counts alike */
    double *by_subset;                  /* (s) means */
    double mtr;                         /* mean task rank: 1 + experts that are better, averaged over the ranked rows */
    double uplift;                      /* share of the ranked rows on which no expert is better, 0..1 */
    double picks_best;                  /* share of queries on which its answer has the best reward, 0..1 */
} zoo_method;

typedef struct zoo_gain {
    zoo_estimate difference;            /* router - reference */
    zoo_estimate gap_closed;            /* difference / (oracle - reference); NaN where that is nothing */
} zoo_gain;

/* The router against one reference; which expert a reference is may differ between the two means. */
typedef struct zoo_comparison {
    const char *reference;              /* "best single", "best on training data", "best per subset" */
    size_t method_over_subsets, method_over_rows;
    zoo_gain over_subsets, over_rows;
    zoo_gain *by_subset;         /* (s) against method_over_subsets, gap without interval; NULL but for "best single" */
} zoo_comparison;

enum { ZOO_COMPARISONS_MAX = 3 };

typedef struct zoo_evaluation {
    const zoo_trial *trial;             /* borrowed */
    size_t m, ranked_rows, resamples;   /* ranked_rows: s, or s + groups */
    zoo_method *methods;                /* (m) */
    size_t random, best_per_subset, oracle, router;        /* methods; router = m where there is none */
    size_t best_over_subsets, best_over_rows;              /* experts: the best single by either mean */
    size_t best_on_training;                               /* expert; k: not known */
    zoo_comparison comparisons[ZOO_COMPARISONS_MAX];
    size_t comparison_count;            /* 0 without a router */
    double *chosen;                     /* (k): share of queries the router sends to each expert; NULL without one */
    zoo_arena arena;
} zoo_evaluation;

/* Ranks the experts' answers by something else than the rewards that score them: another reward model. */
/* choice (n): expert 0..k-1 */
typedef struct zoo_ranker { const char *name; const uint32_t *choice; } zoo_ranker;

typedef struct zoo_evaluate_options {
    const uint32_t *routed;             /* (n): the expert that the router chose; NULL: no router */
    size_t best_on_training;            /* expert; k or more: not known */
    const zoo_ranker *rankers;
    size_t ranker_count;
    int group_rows;                     /* ranks count the average of each group as a row too */
    size_t resamples;                   /* of the bootstrap; 0: no intervals */
    uint64_t seed;
    unsigned threads;                   /* 0: one per processor; the figures do not depend on it */
} zoo_evaluate_options;

/* `trial` and the names must outlive *out. ZOO_ENOMEM, ZOO_EUSAGE (a choice that is no expert). */
int zoo_evaluate(zoo_evaluation *out, const zoo_trial *trial, const zoo_evaluate_options *options, zoo_err *err);
void zoo_evaluation_release(zoo_evaluation *e);

/* 1 + how many of scores[0..k), the experts, are better than `score` by more than `tie`. */
double zoo_rank_among(const double *scores, size_t k, double score, double tie);
/* (score - reference) / (best - reference); NaN where best is not above reference by more than `tie`. */
double zoo_gap_closed(double score, double reference, double best, double tie);
#endif
