/* bootstrap.c - how far the mean of a column may be off: the paired bootstrap, resampled within parts; see
 * bootstrap.h. */
#include "eval/bootstrap.h"
#include <math.h>
#include <string.h>
#include "base/rng.h"

enum { CHUNK = 64 };                /* resamples a task */

struct job { const zoo_bootstrap *boot; size_t part, b; double *sums; };

/* sum (m) += rows drawn from values (rows,m), as many as there are. Two draws come out of one random number. */
static void add_resample(double *restrict sum, const double *restrict values, size_t rows, size_t m, zoo_rng *rng)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < rows; i++) {
        bits = i & 1 ? bits >> 32 : zoo_rng_u64(rng);
        /* rows < 2^32: a bias below rows / 2^32 */
        const double *row = values + ((bits & UINT32_MAX) * rows >> 32) * m;
#pragma omp simd
        for (size_t c = 0; c < m; c++)
            sum[c] += row[c];
    }
}

static void sum_chunk(void *context, size_t task, unsigned thread)
{
    const struct job *job = context;
    const zoo_bootstrap *boot = job->boot;
    size_t begin = boot->offsets[job->part], rows = boot->offsets[job->part + 1] - begin, m = boot->m;
    size_t last = (task + 1) * CHUNK < job->b ? (task + 1) * CHUNK : job->b;

    (void)thread;
    for (size_t i = task * CHUNK; i < last; i++) {
        zoo_rng rng;
        zoo_rng_init(&rng, zoo_mix64(boot->seed) ^ zoo_mix64(job->part * UINT64_C(0x100000000) + i));
        memset(job->sums + i * m, 0, m * sizeof *job->sums);
        add_resample(job->sums + i * m, boot->values + begin * m, rows, m, &rng);
    }
}

void zoo_bootstrap_part(const zoo_bootstrap *boot, size_t part, double *sums, size_t b, zoo_parallel *threads)
{
    struct job job = { boot, part, b, sums };

    zoo_parallel_run(threads, (b + CHUNK - 1) / CHUNK, sum_chunk, &job);
}

double zoo_quantile(const double *sorted, size_t n, double at)
{
    double place = at * (double)(n - 1);
    size_t below;

    if (!n || !(at >= 0 && at <= 1))
        return NAN;
    below = (size_t)place;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}
