/* bootstrap.h - how far the mean of a column may be off: the paired bootstrap, resampled within parts.
 *
 * A resample draws, in every part on its own, as many rows as it has, with replacement, and takes the same rows for
 * every column, so that differences between columns are paired. The draws depend on seed, part and resample alone: not
 * on the number of threads.
 * Dimensions: s parts, p rows in all, m columns, b resamples.
 * Layer: eval -> base. Threads: one call at a time per zoo_parallel. */
#ifndef ZOO_EVAL_BOOTSTRAP_H
#define ZOO_EVAL_BOOTSTRAP_H
#include <stddef.h>
#include <stdint.h>
#include "base/parallel.h"

typedef struct zoo_bootstrap {
    const double *values;           /* (p,m) */
    const size_t *offsets;          /* (s + 1): part j is the rows offsets[j] .. offsets[j+1] */
    size_t m;
    uint64_t seed;
} zoo_bootstrap;

/* sums (b,m) = the column sums of resamples 0..b-1 of part `part`. */
void zoo_bootstrap_part(const zoo_bootstrap *boot, size_t part, double *sums, size_t b, zoo_parallel *threads);

/* The value below which the share `at` (0..1) of sorted[0..n) lies, between neighbours in proportion;
 * NaN where n is 0. */
double zoo_quantile(const double *sorted, size_t n, double at);
#endif
