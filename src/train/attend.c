#include "train/attend.h"
#include <math.h>
#include <string.h>

/* ---- small products; rows lda, ldb, ldc floats apart ---- */

/* C (M,N) = A (M,K) B (N,K)^T */
static void times_transposed(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t M, size_t N, size_t K)
{
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            const float *a_m = a + m*lda, *b_n = b + n*ldb;
            float sum = 0;
#pragma omp simd reduction(+ : sum)
            for (size_t i = 0; i < K; i++)
                sum += a_m[i] * b_n[i];
            c[m*ldc + n] = sum;
        }
}

/* C (M,N) += A (M,K) B (K,N) */
static void add_times(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t M, size_t N, size_t K)
{
    for (size_t m = 0; m < M; m++)
        for (size_t i = 0; i < K; i++) {
            const float factor = a[m*lda + i], *b_i = b + i*ldb;
            float *c_m = c + m*ldc;
#pragma omp simd
            for (size_t n = 0; n < N; n++)
                c_m[n] += factor * b_i[n];
        }
}

/* C (M,N) += A (K,M)^T B (K,N) */
static void add_transposed_times(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t M, size_t N, size_t K)
{
    for (size_t i = 0; i < K; i++)
        for (size_t m = 0; m < M; m++) {
            const float factor = a[i*lda + m], *b_i = b + i*ldb;
            float *c_m = c + m*ldc;
#pragma omp simd
            for (size_t n = 0; n < N; n++)
                c_m[n] += factor * b_i[n];
        }
}

/* ---- probabilities ---- */

/* What lies in the scratch. */
struct scratch { float *p, *dp, *by_key, *by_query; };       /* (queries,T) (queries,T) (queries,C) (T,C) */

static struct scratch place(const zoo_attend *a, float *scratch)
{
    struct scratch s = { .p = scratch };

    s.dp = s.p + a->queries * a->T;
    s.by_key = s.dp + a->queries * a->T;
    s.by_query = s.by_key + a->queries * a->C;
    return s;
}

size_t zoo_attend_scratch(size_t T, size_t C)
{
    return 2 * T * T + 2 * T * C;
}

static void softmax_row(float *p, size_t T)
{
    float most = -INFINITY, sum = 0;

    for (size_t j = 0; j < T; j++)
        most = p[j] > most ? p[j] : most;
    for (size_t j = 0; j < T; j++)
        sum += p[j] = expf(p[j] - most);
    for (size_t j = 0; j < T; j++)
        p[j] /= sum;
}

/* The row of a position table for query i and key j. */
static inline size_t column(const zoo_attend *a, size_t i, size_t j)
{
    return (size_t)(a->columns[(ptrdiff_t)i - (ptrdiff_t)j] - a->first_column);
}

/* s->p = softmax of the scores, before dropout */
static void find_probabilities(const zoo_attend *a, const struct scratch *s)
{
    size_t T = a->T, C = a->C;

    times_transposed(s->p, T, a->q, a->stride, a->k, a->stride, a->queries, T, a->d);
    if (a->pos_key)
        times_transposed(s->by_key, C, a->q, a->stride, a->pos_key, a->pos_stride, a->queries, C, a->d);
    if (a->pos_query)
        times_transposed(s->by_query, C, a->k, a->stride, a->pos_query, a->pos_stride, T, C, a->d);
    for (size_t i = 0; i < a->queries; i++) {
        float *p = s->p + i*T;
        for (size_t j = 0; j < T; j++) {
            if (a->pos_key)
                p[j] += s->by_key[i*C + column(a, i, j)];
            if (a->pos_query)
                p[j] += s->by_query[j*C + column(a, i, j)];
            p[j] *= a->scale;
        }
        softmax_row(p, T);
    }
}

static void drop(const zoo_attend *a, float *out, const float *p)
{
    zoo_dropout(&a->coins, out, p, a->first_row, a->queries, a->T);
}

void zoo_attend_fwd(const zoo_attend *a, float *out, size_t out_stride, float *scratch)
{
    struct scratch s = place(a, scratch);

    find_probabilities(a, &s);
    drop(a, s.p, s.p);
    for (size_t i = 0; i < a->queries; i++)
        memset(out + i*out_stride, 0, a->d * sizeof *out);
    add_times(out, out_stride, s.p, a->T, a->v, a->stride, a->queries, a->d, a->T);
}

/* s->dp: from gradients of dropped probabilities to those of scores. dscore = scale * p * (dp - sum(p * dp)) */
static void through_softmax(const zoo_attend *a, const struct scratch *s)
{
    drop(a, s->dp, s->dp);
    for (size_t i = 0; i < a->queries; i++) {
        const float *p = s->p + i*a->T;
        float *dp = s->dp + i*a->T, dot = 0;
#pragma omp simd reduction(+ : dot)
        for (size_t j = 0; j < a->T; j++)
            dot += p[j] * dp[j];
#pragma omp simd
        for (size_t j = 0; j < a->T; j++)
            dp[j] = a->scale * p[j] * (dp[j] - dot);
    }
}

/* Gradients of scores to the position table and to what it was multiplied by. */
static void through_positions(const zoo_attend *a, const struct scratch *s, const zoo_attend_gradients *g)
{
    size_t T = a->T, C = a->C;

    memset(s->by_key, 0, a->queries * C * sizeof *s->by_key);
    memset(s->by_query, 0, T * C * sizeof *s->by_query);
    for (size_t i = 0; i < a->queries; i++)
        for (size_t j = 0; j < T; j++) {
            size_t c = column(a, i, j);
            s->by_key[i*C + c] += s->dp[i*T + j];
            s->by_query[j*C + c] += s->dp[i*T + j];
        }
    if (a->pos_key) {
        add_times(g->q, a->stride, s->by_key, C, a->pos_key, a->pos_stride, a->queries, a->d, C);
        add_transposed_times(g->pos_key, a->pos_stride, s->by_key, C, a->q, a->stride, C, a->d, a->queries);
    }
    if (a->pos_query) {
        add_times(g->k, a->stride, s->by_query, C, a->pos_query, a->pos_stride, T, a->d, C);
        add_transposed_times(g->pos_query, a->pos_stride, s->by_query, C, a->k, a->stride, C, a->d, T);
    }
}

void zoo_attend_bwd(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *g, float *scratch)
{
    struct scratch s = place(a, scratch);
    size_t T = a->T;

    find_probabilities(a, &s);
    drop(a, s.dp, s.p);
    add_transposed_times(g->v, a->stride, s.dp, T, dout, out_stride, T, a->d, a->queries);
    times_transposed(s.dp, T, dout, out_stride, a->v, a->stride, a->queries, T, a->d);
    through_softmax(a, &s);
    add_times(g->q, a->stride, s.dp, T, a->k, a->stride, a->queries, a->d, T);
    add_transposed_times(g->k, a->stride, s.dp, T, a->q, a->stride, T, a->d, a->queries);
    if (a->pos_key || a->pos_query)
        through_positions(a, &s, g);
}
