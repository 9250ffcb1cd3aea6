/* kmeans.c - spherical k-means: groups vectors of unit length by direction; see kmeans.h. */
#include "label/kmeans.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"

enum { CHUNK = 128 };                   /* vectors a task */

struct work {
    const zoo_sparse *x;
    const zoo_kmeans_options *o;
    float *centres;                     /* (d,k) */
    uint32_t *groups;                   /* (n) */
    float *nearest;                     /* (n): cosine with the own centre, or with the nearest while seeding */
    float *scores;                      /* (threads,k) */
    float *dense;                       /* (d): the newest centre while seeding */
    size_t *changed;                    /* (tasks) */
    double *norms;                      /* (k) */
};

uint32_t zoo_kmeans_nearest(const float *centres, size_t k, const uint32_t *columns, const float *values, size_t count,
                            float *restrict scores)
{
    size_t best = 0;

    memset(scores, 0, k * sizeof *scores);
    for (size_t i = 0; i < count; i++) {
        const float *restrict row = centres + (size_t)columns[i] * k;
        float value = values[i];
#pragma omp simd
        for (size_t c = 0; c < k; c++)
            scores[c] += value * row[c];
    }
    for (size_t c = 1; c < k; c++)
        if (scores[c] > scores[best])
            best = c;
    return (uint32_t)best;
}

static size_t tasks_of(const struct work *w)
{
    return (w->x->n + CHUNK - 1) / CHUNK;
}

static size_t end_of(const struct work *w, size_t task)
{
    return (task + 1) * CHUNK < w->x->n ? (task + 1) * CHUNK : w->x->n;
}

/* ---- seeding ---- */

static void measure_newest(void *context, size_t task, unsigned thread)
{
    const struct work *w = context;

    (void)thread;
    for (size_t i = task * CHUNK; i < end_of(w, task); i++) {
        float cosine = 0;
        for (size_t at = w->x->offsets[i]; at < w->x->offsets[i + 1]; at++)
            cosine += w->x->values[at] * w->dense[w->x->columns[at]];
        if (cosine > w->nearest[i])
            w->nearest[i] = cosine;
    }
}

/* Vector i becomes the centre of group c. */
static void place_centre(struct work *w, size_t c, size_t i)
{
    for (size_t at = w->x->offsets[i]; at < w->x->offsets[i + 1]; at++)
        w->centres[(size_t)w->x->columns[at] * w->o->k + c] = w->x->values[at];
}

static void seed_next(struct work *w, size_t c, size_t i)
{
    memset(w->dense, 0, w->x->d * sizeof *w->dense);
    for (size_t at = w->x->offsets[i]; at < w->x->offsets[i + 1]; at++)
        w->dense[w->x->columns[at]] = w->x->values[at];
    place_centre(w, c, i);
    zoo_parallel_run(w->o->threads, tasks_of(w), measure_newest, w);
}

static double distance(const struct work *w, size_t i)
{
    /* half the squared distance of unit vectors */
    return w->nearest[i] < 1.0f ? 1.0 - (double)w->nearest[i] : 0.0;
}

/* A vector drawn by its distance; where all are zero, any. */
static size_t draw(const struct work *w, zoo_rng *rng)
{
    double all = 0, at = 0, place;
    size_t last = 0;

    for (size_t i = 0; i < w->x->n; i++)
        all += distance(w, i);
    if (!(all > 0))
        return (size_t)zoo_rng_below(rng, w->x->n);
    place = zoo_rng_uniform(rng) * all;
    for (size_t i = 0; i < w->x->n; i++) {
        if (distance(w, i) <= 0)
            continue;
        last = i;
        at += distance(w, i);
        if (at > place)
            break;
    }
    return last;
}

static void seed_centres(struct work *w)
{
    zoo_rng rng;

    zoo_rng_init(&rng, w->o->seed);
    memset(w->centres, 0, w->x->d * w->o->k * sizeof *w->centres);
    for (size_t i = 0; i < w->x->n; i++)
        w->nearest[i] = 0;
    for (size_t c = 0; c < w->o->k; c++)
        seed_next(w, c, c ? draw(w, &rng) : (size_t)zoo_rng_below(&rng, w->x->n));
}

/* ---- rounds ---- */

static void assign_chunk(void *context, size_t task, unsigned thread)
{
    const struct work *w = context;
    float *scores = w->scores + thread * w->o->k;

    w->changed[task] = 0;
    for (size_t i = task * CHUNK; i < end_of(w, task); i++) {
        size_t begin = w->x->offsets[i];
        uint32_t group = zoo_kmeans_nearest(w->centres, w->o->k, w->x->columns + begin, w->x->values + begin,
                                            w->x->offsets[i + 1] - begin, scores);
        w->changed[task] += group != w->groups[i];
        w->groups[i] = group;
        w->nearest[i] = scores[group];
    }
}

/* How many vectors changed their group. */
static size_t assign(struct work *w)
{
    size_t changed = 0;

    zoo_parallel_run(w->o->threads, tasks_of(w), assign_chunk, w);
    for (size_t task = 0; task < tasks_of(w); task++)
        changed += w->changed[task];
    return changed;
}

/* Centres are the sums of their vectors, made of unit length; without any, zero: nobody comes back. */
static void move_centres(struct work *w)
{
    size_t k = w->o->k, d = w->x->d;

    memset(w->centres, 0, d * k * sizeof *w->centres);
    for (size_t i = 0; i < w->x->n; i++)
        for (size_t at = w->x->offsets[i]; at < w->x->offsets[i + 1]; at++)
            w->centres[(size_t)w->x->columns[at] * k + w->groups[i]] += w->x->values[at];
    memset(w->norms, 0, k * sizeof *w->norms);
    for (size_t f = 0; f < d; f++)
        for (size_t c = 0; c < k; c++)
            w->norms[c] += (double)w->centres[f * k + c] * (double)w->centres[f * k + c];
    for (size_t c = 0; c < k; c++)
        w->norms[c] = w->norms[c] > 0 ? 1.0 / sqrt(w->norms[c]) : 0.0;
    for (size_t f = 0; f < d; f++)
        for (size_t c = 0; c < k; c++)
            w->centres[f * k + c] = (float)((double)w->centres[f * k + c] * w->norms[c]);
}

static double mean_similarity(const struct work *w)
{
    double sum = 0;

    for (size_t i = 0; i < w->x->n; i++)
        sum += (double)w->nearest[i];
    return sum / (double)w->x->n;
}

static int init(struct work *w, zoo_err *err)
{
    size_t n = w->x->n, k = w->o->k;

    w->nearest = malloc(n * sizeof *w->nearest);
    w->scores = malloc(zoo_parallel_threads(w->o->threads) * k * sizeof *w->scores);
    w->dense = malloc((w->x->d + 1) * sizeof *w->dense);
    w->changed = malloc(tasks_of(w) * sizeof *w->changed);
    w->norms = malloc(k * sizeof *w->norms);
    if (w->nearest && w->scores && w->dense && w->changed && w->norms)
        return ZOO_OK;
    return zoo_fail_nomem(err);
}

int zoo_kmeans(const zoo_sparse *x, const zoo_kmeans_options *o, float *centres, uint32_t *groups, double *similarity,
               zoo_err *err)
{
    struct work w = { .x = x, .o = o, .centres = centres, .groups = groups };
    int rc;

    if (!o->k || o->k > x->n || o->k > UINT32_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%zu groups out of %zu vectors: should be 1 to %zu", o->k, x->n, x->n);
    rc = init(&w, err);
    if (!rc) {
        seed_centres(&w);
        memset(groups, 0xff, x->n * sizeof *groups);
        for (size_t round = 1;; round++) {
            size_t changed = assign(&w);
            zoo_progress_set(o->progress, round);
            if (changed <= x->n / 1000 || round >= o->rounds)
                break;
            move_centres(&w);
        }
        *similarity = mean_similarity(&w);
    }
    free(w.nearest);
    free(w.scores);
    free(w.dense);
    free(w.changed);
    free(w.norms);
    return rc;
}
