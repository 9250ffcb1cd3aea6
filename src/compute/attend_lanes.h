/* attend_lanes.h - the backward pass of attention, as a kernel that attend_portable.c, attend_avx2.c and
 * attend_avx512.c compile with a vector of LANES floats and tiles of TILE rows (see lanes.h); nobody else includes it.
 *
 * Every step is C += A B with the columns of B along a vector and A broadcast, whose rows may lie any way. Pairs: A and
 * B hold two bfloat16, neighbours along the sum, in each 32 bits, and the sum runs over groups of two; else groups are
 * floats. The gradients of position terms go through by (rows, C), the gradients of scores gathered by column. A row of
 * it has no more than T neighbours that are not zero, and only those are multiplied.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. */
#ifndef ZOO_COMPUTE_ATTEND_LANES_H
#define ZOO_COMPUTE_ATTEND_LANES_H
#include "compute/attention_kernel.h"
#include "compute/lanes.h"
#ifndef TILE
#define TILE 2
#endif

enum { PAD = 16 };

/* One head's work, laid out in the caller's scratch. */
typedef struct back {
    const zoo_attend *a;
    size_t ldp, width, C;               /* T, d and C in whole vectors */
    const float *p;                     /* (queries, ldp): probabilities */
    float *ds;                          /* the same: gradients of scores */
    float *by;                          /* (T, C) */
    float *values;                      /* (d/group, ldp): V^T */
    float *k, *q, *out, *table;         /* (T/group, width), (C/group, width): what is multiplied, rows in groups */
    float *along, *across;              /* pairs alone: the factor A in pairs along its rows, and across them */
} back;

/* ---- products ---- */

LANES_INLINE lanes multiply_add(lanes x, lanes y, lanes sum, bool is_pairs)
{
#ifdef LANES_PAIRS
    if (is_pairs)
        return (lanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)y);
#endif
    (void)is_pairs;
    return lanes_fma(x, y, sum);
}

LANES_INLINE lanes broadcast(const float *x, bool is_pairs)
{
#ifdef LANES_PAIRS
    if (is_pairs) {
        int bits;
        memcpy(&bits, x, sizeof bits);
        return (lanes)_mm512_set1_epi32(bits);
    }
#endif
    (void)is_pairs;
    return lanes_all(*x);
}

/* A factor: element (row, group) at a[row*rs + group*ks]. */
typedef struct factor { const float *at; size_t rs, ks; } factor;

/* `rows` rows and up to 2 vectors, `left` columns, of C (+)= A B over groups first..end. */
LANES_INLINE void tile(float *c, size_t ldc, const factor *a, size_t row, const float *b, size_t ldb, int rows,
                       size_t left, size_t first, size_t end, bool is_added, bool is_pairs)
{
    lanes sum[TILE][2] = { { { 0 } } };

    for (size_t g = first; g < end; g++) {
        lanes low = lanes_load(b + g*ldb), high = left > LANES ? lanes_load(b + g*ldb + LANES) : (lanes){ 0 };

        for (int r = 0; r < rows; r++) {
            lanes x = broadcast(a->at + (row + (size_t)r)*a->rs + g*a->ks, is_pairs);

            sum[r][0] = multiply_add(x, low, sum[r][0], is_pairs);
            sum[r][1] = multiply_add(x, high, sum[r][1], is_pairs);
        }
    }
    for (int r = 0; r < rows; r++, c += ldc) {
        lanes_store_some(c, is_added ? lanes_load_some(c, left) + sum[r][0] : sum[r][0], left);
        if (left > LANES)
            lanes_store_some(c + LANES, is_added ? lanes_load_some(c + LANES, left - LANES) + sum[r][1] : sum[r][1],
                             left - LANES);
    }
}

/* Rows row..row+rows (at most TILE) of C (M,N) (+)= A B over groups first..end. */
LANES_INLINE void multiply_rows(float *c, size_t ldc, const factor *a, const float *b, size_t ldb, size_t row,
                                size_t rows, size_t N, size_t first, size_t end, bool is_added, bool is_pairs)
{
    for (size_t n = 0; n < N; n += 2 * LANES) {
        if (rows == TILE)
            tile(c + row*ldc + n, ldc, a, row, b + n, ldb, TILE, N - n, first, end, is_added, is_pairs);
        else
            for (size_t r = row; r < row + rows; r++)
                tile(c + r*ldc + n, ldc, a, r, b + n, ldb, 1, N - n, first, end, is_added, is_pairs);
    }
}

LANES_INLINE size_t rows_of(size_t left)
{
    return left < TILE ? left : TILE;
}

LANES_INLINE void multiply(float *c, size_t ldc, factor a, const float *b, size_t ldb, size_t M, size_t N,
                           size_t groups, bool is_added, bool is_pairs)
{
    for (size_t row = 0; row < M; row += TILE)
        multiply_rows(c, ldc, &a, b, ldb, row, rows_of(M - row), N, 0, groups, is_added, is_pairs);
}

/* ---- packing ---- */

LANES_INLINE size_t groups_of(size_t n, bool is_pairs)
{
    return is_pairs ? (n + 1) / 2 : n;
}

#ifdef LANES_PAIRS
/* n floats as pairs of neighbours; n is rounded up to 32. */
LANES_INLINE void put_along(float *to, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 2 * LANES) {
        size_t left = i + LANES < n ? n - i - LANES : 0;
        _mm512_storeu_si512(to + i / 2,
                            (__m512i)_mm512_cvtne2ps_pbh((__m512)lanes_load_some(x + i + LANES, left),
                                                         (__m512)lanes_load_some(x + i, n - i)));
    }
}

/* n pairs of one float of x and one of y, which may be NULL: zeros. */
LANES_INLINE void put_across(float *to, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        __m256i low = (__m256i)_mm512_cvtneps_pbh((__m512)lanes_load_some(x + i, n - i));
        __m256i high = y ? (__m256i)_mm512_cvtneps_pbh((__m512)lanes_load_some(y + i, n - i)) : _mm256_setzero_si256();

        _mm512_storeu_si512(to + i, _mm512_or_si512(_mm512_cvtepu16_epi32(low),
                                                    _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16)));
    }
}
#endif

/* Rows of x as B: (rows/group, width), zeros behind d. */
LANES_INLINE void pack_rows(float *to, size_t width, const float *x, size_t stride, size_t rows, size_t d,
                            bool is_pairs)
{
#ifdef LANES_PAIRS
    if (is_pairs) {
        for (size_t r = 0; r < rows; r += 2, to += width)
            put_across(to, x + r*stride, r + 1 < rows ? x + (r + 1)*stride : NULL, d);
        return;
    }
#endif
    (void)is_pairs;
    for (size_t r = 0; r < rows; r++, to += width)
        for (size_t c = 0; c < width; c += LANES)
            lanes_store(to + c, c < d ? lanes_load_some(x + r*stride + c, d - c) : (lanes){ 0 });
}

/* x (rows, n), rows `stride` apart, as A with the sum along its rows. */
LANES_INLINE factor rows_factor(const back *w, const float *x, size_t stride, size_t rows, size_t n, bool is_pairs)
{
#ifdef LANES_PAIRS
    if (is_pairs) {
        size_t ld = zoo_round_up(n, 2 * LANES) / 2;

        for (size_t r = 0; r < rows; r++)
            put_along(w->along + r*ld, x + r*stride, n);
        return (factor){ w->along, ld, 1 };
    }
#endif
    (void)w, (void)rows, (void)n, (void)is_pairs;
    return (factor){ x, stride, 1 };
}

/* x^T as A: the sum runs over its rows. */
LANES_INLINE factor columns_factor(const back *w, const float *x, size_t stride, size_t rows, size_t n, bool is_pairs)
{
#ifdef LANES_PAIRS
    if (is_pairs) {
        size_t ld = zoo_round_up(n, LANES);

        for (size_t r = 0; r < rows; r += 2)
            put_across(w->across + r/2*ld, x + r*stride, r + 1 < rows ? x + (r + 1)*stride : NULL, n);
        return (factor){ w->across, 1, ld };
    }
#endif
    (void)w, (void)rows, (void)n, (void)is_pairs;
    return (factor){ x, 1, stride };
}

/* ---- the softmax ---- */

/* w->ds = w->p, dropped */
LANES_INLINE void drop_probabilities(const back *w)
{
    const zoo_attend *a = w->a;

    for (size_t i = 0; i < a->queries; i++) {
        uint32_t key = zoo_coins_row(&a->coins, a->first_row + i);

        for (size_t j = 0; j < w->ldp; j += LANES) {
            lanes p = lanes_load(w->p + i*w->ldp + j);

            lanes_store(w->ds + i*w->ldp + j, a->coins.dropped_below ? p * lanes_coins(&a->coins, key, (uint32_t)j) :
                        p);
        }
    }
}

/* w->ds: from gradients of dropped probabilities to those of scores: scale * p * (dp - sum(p * dp)) */
LANES_INLINE void through_softmax(const back *w)
{
    const zoo_attend *a = w->a;

    for (size_t i = 0; i < a->queries; i++) {
        const float *p = w->p + i*w->ldp;
        float *ds = w->ds + i*w->ldp, dot;
        uint32_t key = zoo_coins_row(&a->coins, a->first_row + i);
        lanes sum = { 0 };

        for (size_t j = 0; j < w->ldp; j += LANES) {
            lanes dp = lanes_load(ds + j);

            if (a->coins.dropped_below)
                dp *= lanes_coins(&a->coins, key, (uint32_t)j);
            lanes_store(ds + j, dp);
            sum = lanes_fma(lanes_load(p + j), dp, sum);
        }
        dot = lanes_sum(sum);
        for (size_t j = 0; j < w->ldp; j += LANES)
            lanes_store(ds + j, a->scale * lanes_load(p + j) * (lanes_load(ds + j) - dot));
    }
}

/* ---- positions ---- */

/* The row of a position table for query i and key j. */
LANES_INLINE size_t column(const zoo_attend *a, size_t i, size_t j)
{
    return (size_t)(a->columns[(ptrdiff_t)i - (ptrdiff_t)j] - a->first_column);
}

/* by (queries, C): gradients of scores of a query, by column. */
LANES_INLINE void gather_by_query(const back *w)
{
    const zoo_attend *a = w->a;

    memset(w->by, 0, a->queries * w->C * sizeof *w->by);
    for (size_t i = 0; i < a->queries; i++) {
        const float *ds = w->ds + i*w->ldp;
        float *by = w->by + i*w->C;

        for (size_t j = 0; j < a->T; j++)
            by[column(a, i, j)] += ds[j];
    }
}

/* by (T, C): the same of a key. */
LANES_INLINE void gather_by_key(const back *w)
{
    const zoo_attend *a = w->a;

    memset(w->by, 0, a->T * w->C * sizeof *w->by);
    for (size_t i = 0; i < a->queries; i++) {
        const float *ds = w->ds + i*w->ldp;

        for (size_t j = 0; j < a->T; j++)
            w->by[j*w->C + column(a, i, j)] += ds[j];
    }
}

/* Column of row r of by at the far end of the other side's indices: least and most. */
LANES_INLINE size_t least_column(const zoo_attend *a, size_t r, bool is_key)
{
    return is_key ? column(a, 0, r) : column(a, r, a->T - 1);
}

LANES_INLINE size_t most_column(const zoo_attend *a, size_t r, bool is_key)
{
    return is_key ? column(a, a->queries - 1, r) : column(a, r, 0);
}

/* dx (rows, d) += by table */
LANES_INLINE void by_times_table(const back *w, float *dx, size_t rows, bool is_key, bool is_pairs)
{
    const zoo_attend *a = w->a;
    factor by = rows_factor(w, w->by, w->C, rows, a->C, is_pairs);
    size_t group = is_pairs ? 2 : 1;

    for (size_t r = 0; r < rows; r += TILE) {
        size_t count = rows_of(rows - r), last = r + count - 1;
        size_t first = least_column(a, is_key ? last : r, is_key), most = most_column(a, is_key ? r : last, is_key);

        multiply_rows(dx, a->stride, &by, w->table, w->width, r, count, a->d, first / group, most / group + 1, true,
                      is_pairs);
    }
}

/* dtable (C, d) += by^T x; x in groups of rows */
LANES_INLINE void by_transposed_times(const back *w, float *dtable, const float *x, size_t rows, bool is_key,
                                      bool is_pairs)
{
    const zoo_attend *a = w->a;
    factor by = columns_factor(w, w->by, w->C, rows, a->C, is_pairs);
    size_t group = is_pairs ? 2 : 1;

    for (size_t c = 0; c < a->C; c += TILE) {
        size_t count = rows_of(a->C - c), first = 0, end = rows;

        /* Rows' columns ascend with queries and descend with keys. */
        while (first < end && (is_key ? least_column(a, first, is_key) > c + count - 1 :
                               most_column(a, first, is_key) < c))
            first++;
        while (end > first && (is_key ? most_column(a, end - 1, is_key) < c :
                               least_column(a, end - 1, is_key) > c + count - 1))
            end--;
        if (first < end)
            multiply_rows(dtable, a->pos_stride, &by, x, w->width, c, count, a->d, first / group,
                          (end + group - 1) / group, true, is_pairs);
    }
}

LANES_INLINE void through_positions(const back *w, const zoo_attend_gradients *g, bool is_pairs)
{
    const zoo_attend *a = w->a;

    if (a->pos_key) {
        gather_by_query(w);
        pack_rows(w->table, w->width, a->pos_key, a->pos_stride, a->C, a->d, is_pairs);
        by_times_table(w, g->q, a->queries, false, is_pairs);
        by_transposed_times(w, g->pos_key, w->q, a->queries, false, is_pairs);
    }
    if (a->pos_query) {
        gather_by_key(w);
        pack_rows(w->table, w->width, a->pos_query, a->pos_stride, a->C, a->d, is_pairs);
        by_times_table(w, g->k, a->T, true, is_pairs);
        by_transposed_times(w, g->pos_query, w->k, a->T, true, is_pairs);
    }
}

/* ---- one head ---- */

/* The next `floats` of memory; memory NULL: counted only. */
static float *take(float *memory, size_t *used, size_t floats)
{
    float *at = memory ? memory + *used : NULL;

    *used += zoo_round_up(floats, PAD);
    return at;
}

/* Returns the floats that it takes. */
static size_t place(back *w, size_t T, size_t d, size_t C, float *memory)
{
    size_t rows = zoo_round_up(T, PAD), used = 0, most;

    w->ldp = rows;
    w->width = zoo_round_up(d, PAD);
    w->C = zoo_round_up(C, 2 * PAD);
    most = w->ldp > w->C ? w->ldp : w->C;
    most = most > w->width ? most : w->width;
    w->ds = take(memory, &used, rows * w->ldp);
    w->by = take(memory, &used, C ? rows * w->C : 0);
    w->values = take(memory, &used, zoo_round_up(d, 2) * w->ldp);
    w->k = take(memory, &used, rows * w->width);
    w->q = take(memory, &used, rows * w->width);
    w->out = take(memory, &used, rows * w->width);
    w->table = take(memory, &used, w->C * w->width);
    w->along = take(memory, &used, rows * (most / 2 + PAD));
    w->across = take(memory, &used, (rows / 2 + 1) * most);
    return used;
}

static size_t bwd_scratch(size_t T, size_t d, size_t C)
{
    back w;

    return place(&w, T, d, C, NULL) * sizeof(float);
}

LANES_INLINE void bwd(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *g,
                      const float *p, size_t ldp, void *scratch, const zoo_attention_kernel *kernel, bool is_pairs)
{
    back w = { .a = a, .p = p };
    size_t T = a->T, d = a->d, n = a->queries, query_groups = groups_of(n, is_pairs);

    place(&w, T, d, a->pos_key || a->pos_query ? a->C : 0, scratch);
    memset(w.values, 0, zoo_round_up(d, 2) * w.ldp * sizeof *w.values);
    kernel->pack_table(w.values, ldp, a->v, T, a->stride, d, false);
    pack_rows(w.k, w.width, a->k, a->stride, T, d, is_pairs);
    pack_rows(w.q, w.width, a->q, a->stride, n, d, is_pairs);
    pack_rows(w.out, w.width, dout, out_stride, n, d, is_pairs);

    drop_probabilities(&w);
    multiply(g->v, a->stride, columns_factor(&w, w.ds, ldp, n, T, is_pairs), w.out, w.width, T, d, query_groups, true,
             is_pairs);
    multiply(w.ds, ldp, rows_factor(&w, dout, out_stride, n, d, is_pairs), w.values, ldp, n, ldp,
             groups_of(d, is_pairs), false, is_pairs);
    through_softmax(&w);
    multiply(g->q, a->stride, rows_factor(&w, w.ds, ldp, n, T, is_pairs), w.k, w.width, n, d, groups_of(T, is_pairs),
             true, is_pairs);
    multiply(g->k, a->stride, columns_factor(&w, w.ds, ldp, n, T, is_pairs), w.q, w.width, T, d, query_groups, true,
             is_pairs);
    if (a->pos_key || a->pos_query)
        through_positions(&w, g, is_pairs);
}
#endif
