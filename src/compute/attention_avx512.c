/* attention_avx512.c - attention for AVX-512, with and without its products of bfloat16 and of bytes, and for AMX.
 *
 * All that is multiplied goes through the tiles of product_kernel.h, a panel of 32 columns at a time:
 *     (1)  rows of pos_query by a panel of keys: k_j . pos_query[c] for the columns c that a block of queries meets
 *     (2)  queries by panels of pos_key: q_i . pos_key[c] for the columns c that those queries meet
 *     (3)  queries by a panel of keys
 *     (4)  probabilities by a panel of values
 * so that a position term is multiplied once a column, not once a distance: far off, many distances share a column.
 * What (1) and (2) yield is then brought into place. For query i, lane l of 16 keys from j wants row c(i-j-l) of (1),
 * lane l: a diagonal, which four blends by the bits of l straighten while rows stream by. Of (2) it wants row i, column
 * c(i-j-l): columns descend along the lanes by at most one each, so a window of 16 has them all and one permutation
 * orders them. Where columns leap (few buckets over a short distance) they are gathered.
 * Bytes: rows of q, k and the tables have a scale each (largest magnitude / 127). What is multiplied as rows (q,
 * pos_query) is shifted by 128 to be unsigned; 128 times the sum of a column of the panel is taken off again.
 * Layer: compute -> base. Threads: pure functions over the caller's memory, but for the tile registers of AMX. */
#if defined(__x86_64__)
#include <math.h>
#include <immintrin.h>
#include "compute/attention_pack_avx512.h"

ZOO_ISA_BEGIN(ATTENTION_ISA)

enum { MOST_ROWS = ZOO_TILE_ROWS, AT_ONCE = 8, BLOCK = 128 };

/* One head's work, laid out in the caller's scratch. Rows of x are (rows, G), panels (n/32, G, 32). */
typedef struct work {
    const zoo_attention *a;
    const zoo_backend *scores, *values; /* tiles of (1) to (3), of (4) */
    bool is_rounded;                    /* floats are rounded to bfloat16 */
    bool has_leaps;                     /* neighbouring distances whose columns are further apart than one */
    size_t T, width;                    /* T and d in whole panels */
    size_t groups;                      /* G of d */
    size_t stride, by_column_stride;    /* of scores, by_column */
    size_t last;                        /* query whose columns begin at columns[0] */
    uint32_t *keys, *values_panels, *queries;
    float *key_scales, *query_scales;   /* (T), times a's scale; (BLOCK): bytes alone */
    int32_t *key_zeros;                 /* (T) 128 times the sum of a key: bytes alone */
    const uint32_t *pos_key, *pos_query;        /* panels of columns; rows. NULL: plain attention */
    const float *pos_key_scales, *pos_query_scales;
    const int32_t *pos_key_zeros;
    int32_t *columns;                   /* see zoo_attention_columns */
    int32_t *rows;                      /* (BLOCK + 32) of by_key, that queries of a block want */
    float *by_key;                      /* (columns, 32): (1) */
    float *by_column;                   /* (MOST_ROWS, columns): (2) */
    float *scores_rows;                 /* (BLOCK, T), then probabilities in place: floats, or bfloat16 */
} work;

/* ---- products ---- */

/* The height of the next tile where `left` rows are left: tiles are of nearly equal height. */
LANES_INLINE size_t height_of(size_t left, const zoo_backend *backend)
{
    size_t tiles = (left + backend->rows - 1) / backend->rows;
    size_t rows = zoo_round_up((left + tiles - 1) / tiles, backend->unit);

    return rows < left ? rows : left;
}

/* sums (rows, 32), and room up to a unit of rows, of rows of x, `stride` groups apart, by a panel. */
LANES_INLINE void multiply(const zoo_backend *backend, float *sums, const uint32_t *x, size_t stride,
                           const uint32_t *panel, size_t groups, size_t rows)
{
    zoo_tile t = { .panel = panel, .stride = stride * sizeof *x, .step = sizeof *x, .groups = groups, .ahead = panel };

    for (size_t row = 0, height; row < rows; row += height) {
        height = height_of(rows - row, backend);
        t.x = x + row*stride;
        backend->tile(sums + row*PANEL, &t, height);
    }
}

/* Sums as floats, each times its own scale. */
LANES_INLINE __m512 floats_of(const float *sums, __m512 scale, __m512i zero, unsigned group)
{
    if (group != BYTES)
        return _mm512_load_ps(sums);
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_load_si512(sums), zero)), scale);
}

/* ---- (1) ---- */

/* Lanes of the rows behind are blended in by the bits of their number. */
typedef struct shear { __m512 row, by_1[2], by_2[4], by_4[8]; } shear;

/* Takes row n of a matrix and gives, in lane l, row n - l of it; `at` is n % 8. */
LANES_INLINE __m512 straighten(shear *s, int at, __m512 row)
{
    __m512 one = _mm512_mask_mov_ps(row, 0xaaaa, s->row), two = _mm512_mask_mov_ps(one, 0xcccc, s->by_1[at & 1]);
    __m512 four = _mm512_mask_mov_ps(two, 0xf0f0, s->by_2[at & 3]),
                  eight = _mm512_mask_mov_ps(four, 0xff00, s->by_4[at]);

    s->row = row;
    s->by_1[at & 1] = one;
    s->by_2[at & 3] = two;
    s->by_4[at] = four;
    return eight;
}

/* Scores of `queries` queries by 16 keys from j, of which by_key has the rows that w->rows tells;
 * low: the first of them. */
LANES_INLINE void put_by_key(const work *w, size_t queries, size_t j, int32_t low, unsigned group)
{
    const float *by_key = w->by_key + j%PANEL, *scales = group == BYTES ? w->pos_query_scales + low : NULL;
    const int32_t *rows = w->rows + BLOCK + j%PANEL;
    __m512i zero = group == BYTES ? _mm512_load_si512(w->key_zeros + j) : _mm512_setzero_si512();
    __m512 scale = group == BYTES ? _mm512_load_ps(w->key_scales + j) : _mm512_set1_ps(w->a->scale);
    float *to = w->scores_rows + j;
    shear s = { .row = _mm512_setzero_ps() };

    for (int n = 0; n < 8; n++)
        s.by_1[n & 1] = s.by_2[n & 3] = s.by_4[n] = _mm512_setzero_ps();
    for (ptrdiff_t i = -LANES; i < (ptrdiff_t)queries; i += AT_ONCE)
        ZOO_UNROLL for (int n = 0; n < AT_ONCE; n++) {
            size_t row = (size_t)rows[-i - n];
            __m512 y = straighten(&s, n, floats_of(by_key + row*PANEL, _mm512_set1_ps(group == BYTES ? scales[row] : 1),
                                                   zero, group));

            if (i >= 0)
                _mm512_store_ps(to + (size_t)(i + n)*w->stride, _mm512_mul_ps(y, scale));
        }
}

/* Which row of by_key, columns low..high, each distance of a block wants. w->rows + BLOCK: that of query 0 and key j,
 * the next key's behind it, the next query's before. Of keys and queries past the end: any. */
LANES_INLINE void find_rows(const work *w, const int32_t *columns, int32_t low, int32_t high)
{
    __m512i first = _mm512_set1_epi32(low), last = _mm512_set1_epi32(high);

    for (int x = -BLOCK; x < PANEL + LANES; x += LANES) {
        __m512i column = _mm512_min_epi32(_mm512_max_epi32(_mm512_loadu_si512(columns + x), first), last);

        _mm512_store_si512(w->rows + BLOCK + x, _mm512_sub_epi32(column, first));
    }
}

/* Scores of a block become k_j . pos_query[c(i-j)] times the scale. */
LANES_INLINE void score_by_key(const work *w, size_t first, size_t queries, unsigned group)
{
    for (size_t j = 0; j < w->T; j += PANEL) {
        size_t keys = w->a->T - j < PANEL ? w->a->T - j : PANEL;
        const int32_t *columns = w->columns + (w->last - first + j);
        int32_t low = columns[keys - 1], high = columns[1 - (ptrdiff_t)queries];

        multiply(w->scores, w->by_key, w->pos_query + (size_t)low*w->groups, w->groups, w->keys + j*w->groups,
                 w->groups, (size_t)(high - low) + 1);
        find_rows(w, columns, low, high);
        put_by_key(w, queries, j, low, group);
        if (keys > LANES)
            put_by_key(w, queries, j + LANES, low, group);
    }
}

/* ---- (2), (3) ---- */

/* by_column becomes q . pos_key[c] of `rows` queries from i of the block; returns the first c. */
LANES_INLINE int32_t find_by_column(const work *w, size_t first, size_t i, size_t rows, unsigned group)
{
    _Alignas(64) float sums[MOST_ROWS * PANEL];
    const int32_t *columns = w->columns + (w->last - first - i);
    size_t low = (size_t)columns[w->T - 1] / PANEL * PANEL, high = (size_t)columns[1 - (ptrdiff_t)rows];

    for (size_t c = low; c <= high; c += PANEL) {
        multiply(w->scores, sums, w->queries + i*w->groups, w->groups, w->pos_key + c*w->groups, w->groups, rows);
        for (size_t half = 0; half < PANEL; half += LANES) {
            __m512i zero = group == BYTES ? _mm512_load_si512(w->pos_key_zeros + c + half) : _mm512_setzero_si512();
            __m512 scale = group == BYTES ? _mm512_load_ps(w->pos_key_scales + c + half) : _mm512_setzero_ps();

            for (size_t n = 0; n < rows; n++)
                _mm512_store_ps(w->by_column + n*w->by_column_stride + (c - low) + half,
                                floats_of(sums + n*PANEL + half, scale, zero, group));
        }
    }
    return (int32_t)low;
}

/* 16 numbers of a row of by_column; `columns` of 16 keys descend. */
LANES_INLINE __m512 in_place(const float *row, const int32_t *columns, int32_t low, bool has_leaps)
{
    __m512i index = _mm512_loadu_si512(columns);
    int32_t base = has_leaps ? low : columns[LANES - 1];

    index = _mm512_sub_epi32(index, _mm512_set1_epi32(base));
    return has_leaps ? _mm512_i32gather_ps(index, row, sizeof *row)
                     : _mm512_permutexvar_ps(index, _mm512_loadu_ps(row + (base - low)));
}

/* Queries i.., `rows` of them, by 16 keys from j: what (1) left there, if anything, becomes a score. sums: (3). */
LANES_INLINE void put_scores(const work *w, const float *sums, size_t first, size_t i, size_t j, size_t rows,
                             int32_t low, unsigned group, bool has_positions)
{
    __m512i zero = group == BYTES ? _mm512_load_si512(w->key_zeros + j) : _mm512_setzero_si512();
    __m512 key_scale = group == BYTES ? _mm512_load_ps(w->key_scales + j) : _mm512_set1_ps(w->a->scale);
    const int32_t *columns = w->columns + (w->last - first - i + j);
    float *to = w->scores_rows + i*w->stride + j;

    for (size_t n = 0; n < rows; n++, to += w->stride, columns--) {
        __m512 y = floats_of(sums + n*PANEL, key_scale, zero, group), scale = key_scale;

        if (group == BYTES)
            scale = _mm512_set1_ps(w->query_scales[i + n]);
        if (has_positions) {
            __m512 by_column = in_place(w->by_column + n*w->by_column_stride, columns, low, w->has_leaps);
            if (group == BYTES)
                y = _mm512_fmadd_ps(by_column, _mm512_set1_ps(w->a->scale), y);
            else
                y = _mm512_add_ps(by_column, y);
            y = _mm512_fmadd_ps(y, scale, _mm512_load_ps(to));
        } else {
            y = _mm512_mul_ps(y, scale);
        }
        _mm512_store_ps(to, y);
    }
}

/* Scores of `rows` queries from i of a block. */
LANES_INLINE void score_rows(const work *w, size_t first, size_t i, size_t rows, unsigned group)
{
    _Alignas(64) float sums[MOST_ROWS * PANEL];
    int32_t low = w->pos_key ? find_by_column(w, first, i, rows, group) : 0;

    for (size_t j = 0; j < w->T; j += PANEL) {
        multiply(w->scores, sums, w->queries + i*w->groups, w->groups, w->keys + j*w->groups, w->groups, rows);
        for (size_t half = 0; half < PANEL; half += LANES)
            if (w->pos_key)
                put_scores(w, sums + half, first, i, j + half, rows, low, group, true);
            else
                put_scores(w, sums + half, first, i, j + half, rows, low, group, false);
    }
}

/* ---- softmax, times V ---- */

/* e^x for x <= 0 to 3e-6 of its value, far below what bfloat16 keeps of it; 1e-38 below its range; a NaN stays one. */
LANES_INLINE __m512 short_exp(__m512 x)
{
    __m512 t = _mm512_max_ps(_mm512_set1_ps(-126), _mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)));
    __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), r = _mm512_sub_ps(t, n), p;

    p = _mm512_set1_ps(9.582869546e-03f);                         /* 2^r on |r| <= 1/2, minimax */
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.590646801e-02f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.402409859e-01f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.931241885e-01f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
    return _mm512_scalef_ps(p, n);
}

/* A row of scores becomes e^(score - most), dropped where there are coins, zeros behind; returns 1 / the sum before. */
LANES_INLINE float softmax_row(float *row, size_t T, size_t padded, const zoo_coins *coins, uint64_t row_of_coins,
                               bool is_pairs, bool is_rounded)
{
    uint32_t key = coins ? zoo_coins_row(coins, row_of_coins) : 0;
    __m512 most = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps();
    uint16_t *pairs = (uint16_t *)(void *)row;

    for (size_t j = 0; j < T; j += LANES)
        most = _mm512_mask_max_ps(most, mask_of(T - j), most, _mm512_load_ps(row + j));
    most = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    for (size_t j = 0; j < padded; j += LANES) {
        __m512 x = _mm512_sub_ps(_mm512_load_ps(row + j), most), p = is_pairs ? short_exp(x) :
                   (__m512)lanes_exp((lanes)x);

        if (j + LANES > T)
            p = _mm512_maskz_mov_ps(j < T ? mask_of(T - j) : 0, p);

        sum = _mm512_add_ps(sum, p);
        if (coins)
            p = _mm512_mul_ps(p, (__m512)lanes_coins(coins, key, (uint32_t)j));
        if (is_pairs)
            _mm256_store_si256((__m256i *)(void *)(pairs + j), (__m256i)_mm512_cvtneps_pbh(p));
        else
            _mm512_store_ps(row + j, is_rounded ? (__m512)lanes_round_bf16((lanes)p) : p);
    }
    return 1 / lanes_sum((lanes)sum);
}

/* Up to 16 numbers of query i of the call, from column c. */
LANES_INLINE void put_row(const zoo_attention *a, size_t i, size_t c, __m512 x, bool is_pairs)
{
    __mmask16 mask = mask_of(a->d - c);
    size_t at;

    if (a->out) {
        _mm512_mask_storeu_ps(a->out + i*a->out_stride + c, mask, x);
        return;
    }
    at = (a->first_row + i) * a->next->stride + a->first_column + c;
    if (a->next->precision != ZOO_PRECISION_BF16) {
        _mm512_mask_storeu_ps((float *)a->next->data + at, mask, x);
    } else {
        __m256i half = is_pairs ? (__m256i)_mm512_cvtneps_pbh(x)
            : _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_bits(_mm512_castps_si512(x)), 16));
        _mm256_mask_storeu_epi16((uint16_t *)a->next->data + at, mask, half);
    }
}

/* Results of `rows` queries from i of a block that begins at `first`; inverse: what softmax_row gave for each. */
LANES_INLINE void put_values(const work *w, size_t first, size_t i, size_t rows, const float *inverse, unsigned group)
{
    _Alignas(64) float sums[MOST_ROWS * PANEL];
    const uint32_t *p = (const uint32_t *)(const void *)(w->scores_rows + i*w->stride);
    size_t groups = w->T / group;

    for (size_t panel = 0; panel < w->width; panel += PANEL) {
        multiply(w->values, sums, p, w->stride, w->values_panels + panel*groups, groups, rows);
        for (size_t n = 0; n < rows; n++)
            for (size_t c = 0; c < PANEL && panel + c < w->a->d; c += LANES)
                put_row(w->a, first + i + n - w->a->first_query, panel + c,
                    _mm512_mul_ps(_mm512_load_ps(sums + n*PANEL + c), _mm512_set1_ps(inverse[n])), group == PAIRS);
    }
}

/* ---- one head ---- */

static size_t bytes_of(size_t numbers)
{
    return zoo_round_up(numbers * sizeof(uint32_t), 64);
}

/* Numbers from row to row: an odd number of lines, so that a column's lie in many sets of the first-level cache. */
static size_t odd_lines(size_t numbers)
{
    return (zoo_round_up(numbers, LANES) / LANES | 1) * LANES;
}

static size_t columns_in(size_t A)
{
    return zoo_round_up(2*A, PANEL);
}

/* The most that place() takes. */
static size_t scratch_bytes(size_t max_T, size_t d, size_t A)
{
    size_t T = zoo_round_up(max_T, PANEL), groups = zoo_round_up(d, LANES), width = zoo_round_up(d, PANEL);

    return bytes_of(T*groups) + 2*bytes_of(T) + bytes_of(T*width) + bytes_of((BLOCK + MOST_ROWS)*groups) +
           bytes_of(BLOCK) + bytes_of((BLOCK + MOST_ROWS)*odd_lines(T)) + bytes_of(2*T + 4*PANEL) +
               bytes_of(BLOCK + 2*PANEL) + bytes_of((columns_in(A) + MOST_ROWS)*PANEL) +
                   bytes_of(MOST_ROWS*odd_lines(columns_in(A) + LANES));
}

static void *take(char **memory, size_t numbers)
{
    void *at = *memory;

    *memory += bytes_of(numbers);
    return at;
}

static void place_positions(work *w, unsigned group)
{
    const zoo_attention_positions *p = w->a->positions;

    if (!p || !p->key)
        return;
    w->pos_key = (const uint32_t *)(const void *)((const char *)p->key + w->a->head*p->bytes);
    w->pos_query = (const uint32_t *)(const void *)((const char *)p->query + w->a->head*p->bytes);
    if (group == BYTES) {
        w->pos_key_scales = scales_of(w->pos_key, p->rows, w->groups);
        w->pos_key_zeros = zeros_of(w->pos_key, p->rows, w->groups);
        w->pos_query_scales = scales_of(w->pos_query, p->rows, w->groups);
    }
}

static work place(const zoo_attention *a, unsigned group, unsigned value_group, bool is_rounded, void *scratch)
{
    work w = { .a = a, .scores = backend_of(group), .values = backend_of(value_group), .is_rounded = is_rounded,
               .T = zoo_round_up(a->T, PANEL), .width = zoo_round_up(a->d, PANEL), .groups = groups_of(a->d, group),
               .last = a->first_query + a->queries - 1 + LANES };
    size_t columns = a->positions ? zoo_round_up(a->positions->rows, PANEL) : 0;
    char *memory = scratch;

    w.stride = odd_lines(w.T);
    w.by_column_stride = odd_lines(columns + LANES);
    w.keys = take(&memory, w.T*w.groups);
    w.key_scales = take(&memory, w.T);
    w.key_zeros = take(&memory, w.T);
    w.values_panels = take(&memory, w.T*w.width);
    w.queries = take(&memory, (BLOCK + MOST_ROWS)*w.groups);
    w.query_scales = take(&memory, BLOCK);
    w.scores_rows = take(&memory, (BLOCK + MOST_ROWS)*w.stride);
    w.columns = take(&memory, a->queries + w.T + 2*PANEL);
    w.rows = take(&memory, BLOCK + 2*PANEL);
    w.by_key = take(&memory, (columns + MOST_ROWS)*PANEL);
    w.by_column = take(&memory, MOST_ROWS*w.by_column_stride);
    place_positions(&w, group);
    return w;
}

static bool leaps(const int32_t *columns, size_t count)
{
    bool found = false;

    for (size_t x = 1; x < count; x++)
        found |= columns[x - 1] - columns[x] > 1;
    return found;
}

LANES_INLINE work begin_head(const zoo_attention *a, unsigned group, unsigned value_group, bool is_rounded,
                             void *scratch)
{
    work w = place(a, group, value_group, is_rounded, scratch);
    size_t count = a->queries + w.T + 2*PANEL;

    if (w.pos_key) {
        zoo_attention_columns(w.columns, count, w.last, a);
        w.has_leaps = leaps(w.columns, count);
    }
    pack_panels(w.keys, w.groups, a->k, a->stride, a->T, a->d, group, is_rounded, w.key_scales, w.key_zeros);
    for (size_t j = 0; j < w.T && group == BYTES; j += LANES)
        _mm512_store_ps(w.key_scales + j, _mm512_mul_ps(_mm512_load_ps(w.key_scales + j), _mm512_set1_ps(a->scale)));
    if (w.scores->begin)
        w.scores->begin();
    return w;
}

static void end_head(const work *w)
{
    if (w->scores->end)
        w->scores->end();
}

/* What scores of a block of queries need. */
LANES_INLINE void begin_block(const work *w, size_t first, size_t queries, unsigned group)
{
    const zoo_attention *a = w->a;

    for (size_t i = 0; i < queries; i++) {
        fetch_rows(a->q, a->stride, first + i + AHEAD, 1, first + queries, a->d);
        pack_row(w->queries + i*w->groups, w->groups, a->q + (first + i)*a->stride, a->d, group, w->is_rounded,
                 w->query_scales + i);
    }
    if (w->pos_key)
        score_by_key(w, first, queries, group);
}

LANES_INLINE size_t block_of(size_t left)
{
    return left < BLOCK ? left : BLOCK;
}

/* Rows of a block that fit a tile: their scores stay in the first-level cache until they are values. */
LANES_INLINE void run_rows(const work *w, size_t first, size_t i, size_t rows, unsigned group, unsigned value_group)
{
    const zoo_attention *a = w->a;
    float inverse[MOST_ROWS];

    score_rows(w, first, i, rows, group);
    for (size_t n = 0; n < rows; n++)
        inverse[n] = softmax_row(w->scores_rows + (i + n)*w->stride, a->T, w->T, a->coins,
                                 a->first_coins + first + i + n, value_group == PAIRS, w->is_rounded);
    put_values(w, first, i, rows, inverse, value_group);
}

LANES_INLINE void run(const zoo_attention *a, unsigned group, unsigned value_group, bool is_rounded, void *scratch)
{
    work w = begin_head(a, group, value_group, is_rounded, scratch);
    size_t last = a->first_query + a->queries;

    pack_values(w.values_panels, a, value_group, is_rounded);
    for (size_t first = a->first_query; first < last; first += BLOCK) {
        size_t queries = block_of(last - first);

        begin_block(&w, first, queries, group);
        for (size_t i = 0, rows; i < queries; i += rows) {
            rows = height_of(queries - i, w.scores);
            run_rows(&w, first, i, rows, group, value_group);
        }
    }
    end_head(&w);
}

LANES_INLINE void probabilities(const zoo_attention *a, unsigned group, bool is_rounded, float *p, size_t ldp,
                                void *scratch)
{
    work w = begin_head(a, group, FLOATS, is_rounded, scratch);

    for (size_t first = 0; first < a->queries; first += BLOCK) {
        size_t queries = block_of(a->queries - first);

        begin_block(&w, first, queries, group);
        for (size_t i = 0, rows; i < queries; i += rows) {
            rows = height_of(queries - i, w.scores);
            score_rows(&w, first, i, rows, group);
        }
        for (size_t i = 0; i < queries; i++) {
            float *row = w.scores_rows + i*w.stride;
            __m512 inverse = _mm512_set1_ps(softmax_row(row, a->T, w.T, NULL, 0, false, false));

            for (size_t j = 0; j < a->T; j += LANES)
                _mm512_storeu_ps(p + (first + i)*ldp + j, _mm512_mul_ps(_mm512_load_ps(row + j), inverse));
        }
    }
    end_head(&w);
}

/* ---- for each kind of numbers ---- */

#define KERNEL(name, group, value_group) \
    static void run_##name(const zoo_attention *a, bool is_rounded, void *scratch) \
    { \
        run(a, group, value_group, is_rounded, scratch); \
    } \
    static size_t table_bytes_##name(size_t rows, size_t d) \
    { \
        return table_bytes(rows, d, group); \
    } \
    static void pack_key_##name(void *to, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded) \
    { \
        pack_key(to, table, rows, stride, d, group, is_rounded); \
    } \
    static void pack_query_##name(void *to, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded) \
    { \
        pack_query(to, table, rows, stride, d, group, is_rounded); \
    }

#define TRAINING_KERNEL(name, group) \
    static void probabilities_##name(const zoo_attention *a, bool is_rounded, float *p, size_t ldp, void *scratch) \
    { \
        probabilities(a, group, is_rounded, p, ldp, scratch); \
    } \
    static void pack_table_##name(void *to, size_t C, const float *table, size_t rows, size_t stride, size_t d, \
                                  bool is_rounded) \
    { \
        pack_table(to, C, table, rows, stride, d, group, is_rounded); \
    }
KERNEL(floats, FLOATS, FLOATS)
KERNEL(pairs, PAIRS, PAIRS)
KERNEL(bytes, BYTES, FLOATS)
KERNEL(bytes_pairs, BYTES, PAIRS)
TRAINING_KERNEL(floats, FLOATS)
TRAINING_KERNEL(pairs, PAIRS)
ZOO_ISA_END

#define TRAINING_NAMES(name) probabilities_##name, pack_table_##name, zoo_attend_avx512_scratch
#define KERNEL_NAMES(name) scratch_bytes, run_##name, table_bytes_##name, pack_key_##name, pack_query_##name

const zoo_attention_kernel zoo_attention_avx512 = {
    "avx512", KERNEL_NAMES(floats), TRAINING_NAMES(floats), zoo_attend_avx512_bwd
};
const zoo_attention_kernel zoo_attention_avx512_bf16 = {
    "avx512_bf16", KERNEL_NAMES(pairs), TRAINING_NAMES(pairs), zoo_attend_avx512_bf16_bwd
};
const zoo_attention_kernel zoo_attention_avx512_vnni = { "avx512_vnni", KERNEL_NAMES(bytes), NULL, NULL, NULL, NULL };
const zoo_attention_kernel zoo_attention_avx512_vnni_bf16 = {
    "avx512_vnni_bf16", KERNEL_NAMES(bytes_pairs), NULL, NULL, NULL, NULL
};
#else
typedef int zoo_attention_avx512_is_for_x86_64;
#endif
