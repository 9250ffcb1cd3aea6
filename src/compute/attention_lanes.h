/* attention_lanes.h - attention for instruction sets without permutations over two registers, as a kernel that
 * attention_portable.c and attention_avx2.c compile with a vector of LANES floats and tiles of TILE queries (see
 * lanes.h); nobody else includes it.
 *
 * A tile is TILE queries by 16 keys. A call first spreads the columns of the position tables that its queries need over
 * relative positions, (G, X): then those of neighbouring keys lie side by side, and a term is one load and one product.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. */
#ifndef ZOO_COMPUTE_ATTENTION_LANES_H
#define ZOO_COMPUTE_ATTENTION_LANES_H
#include <math.h>
#include "compute/attention_kernel.h"
#include "compute/lanes.h"
#ifndef TILE
#define TILE 2
#endif

enum { KEYS = ZOO_LANES, VECTORS = KEYS / LANES, BLOCK = ZOO_QUERY_BLOCK };

/* One head's work, laid out in the caller's scratch. */
typedef struct work {
    const zoo_attention *a;
    bool is_rounded;
    size_t T, width, X, last;         /* T and d in whole tiles; relative positions; query whose positions begin at 0 */
    float *keys, *values, *queries;     /* (T/16, d, 16)   (T, width)   (BLOCK, d) */
    float *key_spread, *query_spread;   /* (d, X), NULL: plain attention */
    int32_t *columns;                   /* (X) */
    float *scores;                      /* (BLOCK, T), then probabilities in place */
    float *inverse;                     /* (BLOCK) 1 / sum of a query's exponentials */
} work;

/* ---- packing ---- */

LANES_INLINE float rounded(float x, bool is_rounded)
{
    return is_rounded ? lanes_round_bf16(lanes_all(x))[0] : x;
}

LANES_INLINE void pack_keys(const work *w)
{
    const zoo_attention *a = w->a;

    for (size_t j = 0; j < w->T; j++) {
        float *to = w->keys + (j / KEYS * KEYS)*a->d + j % KEYS;

        for (size_t c = 0; c < a->d; c++)
            to[c*KEYS] = j < a->T ? rounded(a->k[j*a->stride + c], w->is_rounded) : 0;
    }
}

LANES_INLINE void pack_rows(float *to, size_t width, const float *from, size_t stride, size_t rows, size_t d,
                            bool is_rounded)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < width; c += LANES) {
            lanes x = c < d ? lanes_load_some(from + i*stride + c, d - c) : (lanes){ 0 };

            lanes_store(to + i*width + c, is_rounded ? lanes_round_bf16(x) : x);
        }
}

LANES_INLINE void spread(const work *w, float *to, const float *table)
{
    const zoo_attention_positions *p = w->a->positions;

    table += w->a->head * p->bytes / sizeof *table;
    for (size_t c = 0; c < p->d; c++)
        for (size_t x = 0; x < w->X; x++)
            to[c*w->X + x] = table[c*p->rows + (size_t)w->columns[x]];
}

/* ---- scores ---- */

/* Queries i..i+TILE of the block that begins at query `first`, by keys j..j+16. */
LANES_INLINE void score_tile(const work *w, size_t first, size_t i, size_t j, bool has_positions)
{
    size_t d = w->a->d, x = w->last - first - i + j;
    const float *k = w->keys + j*d, *q = w->queries + i*w->width;
    lanes sum[TILE][VECTORS] = { { { 0 } } }, scale = lanes_all(w->a->scale);

    for (size_t c = 0; c < d; c++)
        for (int v = 0; v < VECTORS; v++) {
            lanes key = lanes_load(k + c*KEYS + (size_t)v*LANES);

            for (size_t r = 0; r < TILE; r++) {
                lanes query = lanes_all(q[r*w->width + c]);
                size_t at = c*w->X + x - r + (size_t)v*LANES;

                sum[r][v] = lanes_fma(key, query, sum[r][v]);
                if (has_positions) {
                    sum[r][v] = lanes_fma(lanes_load(w->key_spread + at), query, sum[r][v]);
                    sum[r][v] = lanes_fma(lanes_load(w->query_spread + at), key, sum[r][v]);
                }
            }
        }
    for (size_t r = 0; r < TILE; r++)
        for (int v = 0; v < VECTORS; v++)
            lanes_store(w->scores + (i + r)*w->T + j + (size_t)v*LANES, sum[r][v] * scale);
}

LANES_INLINE void score_block(const work *w, size_t first, size_t queries)
{
    for (size_t j = 0; j < w->T; j += KEYS)
        for (size_t i = 0; i < queries; i += TILE)
            if (w->key_spread)
                score_tile(w, first, i, j, true);
            else
                score_tile(w, first, i, j, false);
}

/* ---- softmax, times V ---- */

/* A row of scores becomes e^(score - most), dropped where there are coins, zeros behind; returns 1 / the sum before. */
LANES_INLINE float softmax_row(float *row, size_t T, size_t padded, const zoo_coins *coins, uint64_t row_of_coins,
                               bool is_rounded)
{
    uint32_t key = coins ? zoo_coins_row(coins, row_of_coins) : 0;
    lanes most, sum = { 0 };

    for (size_t j = T; j < padded; j++)
        row[j] = -INFINITY;
    most = lanes_load(row);
    for (size_t j = LANES; j < padded; j += LANES)
        most = lanes_max(most, lanes_load(row + j));
    most = lanes_all(lanes_most(most));
    for (size_t j = 0; j < padded; j += LANES) {
        lanes p = lanes_exp(lanes_load(row + j) - most);

        sum += p;
        if (coins)
            p *= lanes_coins(coins, key, (uint32_t)j);
        lanes_store(row + j, is_rounded ? lanes_round_bf16(p) : p);
    }
    return 1 / lanes_sum(sum);
}

LANES_INLINE void put(const zoo_attention *a, size_t i, size_t c, lanes x)
{
    size_t left = a->d - c, at;

    if (a->out) {
        lanes_store_some(a->out + i*a->out_stride + c, x, left);
        return;
    }
    at = (a->first_row + i) * a->next->stride + a->first_column + c;
    if (a->next->precision != ZOO_PRECISION_BF16) {
        lanes_store_some((float *)a->next->data + at, x, left);
        return;
    }
    x = lanes_round_bf16(x);
    for (size_t n = 0; n < LANES && n < left; n++)
        ((uint16_t *)a->next->data)[at + n] = (uint16_t)((uint32_t)((lanes_int)x)[n] >> 16);
}

/* 16 columns from c of the results of TILE queries, of which `real` exist. */
LANES_INLINE void value_tile(const work *w, size_t first, size_t i, size_t real, size_t c)
{
    const float *p = w->scores + i*w->T, *values = w->values + c;
    lanes sum[TILE][VECTORS] = { { { 0 } } };

    for (size_t j = 0; j < w->a->T; j++, values += w->width)
        for (int v = 0; v < VECTORS; v++) {
            lanes value = lanes_load(values + v*LANES);

            for (size_t r = 0; r < TILE; r++)
                sum[r][v] = lanes_fma(value, lanes_all(p[r*w->T + j]), sum[r][v]);
        }
    for (size_t r = 0; r < TILE; r++)
        for (size_t v = 0; v < VECTORS; v++)
            if (r < real && c + v*LANES < w->a->d)
                put(w->a, first + i + r - w->a->first_query, c + v*LANES, sum[r][v] * lanes_all(w->inverse[i + r]));
}

LANES_INLINE void value_block(const work *w, size_t first, size_t queries)
{
    for (size_t i = 0; i < queries; i += TILE)
        for (size_t c = 0; c < w->width; c += KEYS)
            value_tile(w, first, i, queries - i, c);
}

/* ---- one head ---- */

static size_t scratch_bytes(size_t max_T, size_t d, size_t A)
{
    size_t T = zoo_round_up(max_T, KEYS), width = zoo_round_up(d, KEYS), X = 2*T + KEYS;

    (void)A;
    return (2*T*width + BLOCK*width + 2*d*X + X + BLOCK*T + BLOCK) * sizeof(float);
}

static float *take(float **memory, size_t numbers)
{
    float *at = *memory;

    *memory += numbers;
    return at;
}

static work place(const zoo_attention *a, bool is_rounded, void *scratch)
{
    work w = { .a = a, .is_rounded = is_rounded, .T = zoo_round_up(a->T, KEYS), .width = zoo_round_up(a->d, KEYS),
               .last = a->first_query + a->queries - 1 + TILE };
    float *memory = scratch;

    w.X = zoo_round_up(a->queries + TILE + w.T, LANES);
    w.keys = take(&memory, w.T*w.width);
    w.values = take(&memory, w.T*w.width);
    w.queries = take(&memory, BLOCK*w.width);
    w.scores = take(&memory, BLOCK*w.T);
    w.inverse = take(&memory, BLOCK);
    if (a->positions && a->positions->key) {
        w.key_spread = take(&memory, a->d*w.X);
        w.query_spread = take(&memory, a->d*w.X);
        w.columns = (int32_t *)(void *)take(&memory, w.X);
    }
    return w;
}

static work begin(const zoo_attention *a, bool is_rounded, void *scratch)
{
    work w = place(a, is_rounded, scratch);

    if (w.key_spread) {
        zoo_attention_columns(w.columns, w.X, w.last, a);
        spread(&w, w.key_spread, a->positions->key);
        spread(&w, w.query_spread, a->positions->query);
    }
    pack_keys(&w);
    return w;
}

/* Scores of a block of queries, ready for the softmax. */
static void find_scores(const work *w, size_t first, size_t queries)
{
    const zoo_attention *a = w->a;

    memset(w->queries, 0, BLOCK * w->width * sizeof *w->queries);
    pack_rows(w->queries, w->width, a->q + first*a->stride, a->stride, queries, a->d, w->is_rounded);
    score_block(w, first, queries);
}

static void run(const zoo_attention *a, bool is_rounded, void *scratch)
{
    work w = begin(a, is_rounded, scratch);
    size_t end = a->first_query + a->queries;

    pack_rows(w.values, w.width, a->v, a->stride, a->T, a->d, is_rounded);
    for (size_t first = a->first_query; first < end; first += BLOCK) {
        size_t queries = end - first < BLOCK ? end - first : BLOCK;

        find_scores(&w, first, queries);
        for (size_t i = 0; i < queries; i++)
            w.inverse[i] = softmax_row(w.scores + i*w.T, a->T, w.T, a->coins, a->first_coins + first + i, is_rounded);
        value_block(&w, first, queries);
    }
}

static void probabilities(const zoo_attention *a, bool is_rounded, float *p, size_t ldp, void *scratch)
{
    work w = begin(a, is_rounded, scratch);

    for (size_t first = 0; first < a->queries; first += BLOCK) {
        size_t queries = a->queries - first < BLOCK ? a->queries - first : BLOCK;

        find_scores(&w, first, queries);
        for (size_t i = 0; i < queries; i++) {
            float inverse = softmax_row(w.scores + i*w.T, a->T, w.T, NULL, 0, false);

            for (size_t j = 0; j < w.T; j += LANES)
                lanes_store(p + (first + i)*ldp + j, lanes_load(w.scores + i*w.T + j) * inverse);
        }
    }
}

static void pack_table(void *to, size_t C, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < d; c++)
            ((float *)to)[c*C + r] = rounded(table[r*stride + c], is_rounded);
}

/* A position table is (d, rows). */
static size_t table_bytes(size_t rows, size_t d)
{
    return zoo_round_up(d * rows * sizeof(float), 64);
}

static void pack_position(void *to, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded)
{
    pack_table(to, rows, table, rows, stride, d, is_rounded);
}
#endif
