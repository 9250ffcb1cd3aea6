/* attention_avx512.c - attention for AVX-512, with and without its bfloat16 products.
 *
 * A tile is up to 8 queries by 16 keys; one register holds the sums of a query. All three score products of a tile are summed in one
 * walk over d: a register has one group of 16 keys, and the position terms want, in lane j, column c(i-j) of the tables. These
 * columns descend along the lanes by at most one each, so that for 8 queries by 16 keys they lie within 23 neighbours: two loads
 * and a permutation by a fixed register of indices bring them into place. Nothing but what is used is multiplied, and no table
 * of T^2 scores is written or skewed. Where columns leap further apart than that (few buckets over a short distance) they are gathered.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. */
#if defined(__x86_64__)
#include <math.h>
#include <string.h>
#include <immintrin.h>
#include "compute/attention_kernel.h"
#include "compute/isa.h"

#define LANES 16
ZOO_ISA_BEGIN("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")    /* bfloat16 instructions are only where pairs are */
#include "compute/lanes.h"

enum { TILE = 8, BLOCK = ZOO_QUERY_BLOCK, WINDOW = 2 * LANES };

/* One head's work, laid out in the caller's scratch. */
typedef struct work {
    const zoo_attention *a;
    bool is_rounded;                    /* floats are rounded to bfloat16 */
    size_t T, groups, q_stride;         /* T in whole vectors; G; groups from query to query */
    size_t width;                       /* d in whole vectors */
    const uint32_t *pos_key, *pos_query;        /* (G, C) of this head; NULL: plain attention */
    size_t C, last;                     /* query whose columns begin at columns[0] */
    int32_t *columns;
    uint32_t *keys, *values, *queries;
    float *scores;                      /* (BLOCK, T), then probabilities in place: floats, or bfloat16 */
    float *inverse;                     /* (BLOCK) 1 / sum of a query's exponentials */
} work;

/* The first `left` lanes. */
LANES_INLINE __mmask16 mask_of(size_t left)
{
    return left >= LANES ? 0xffff : (__mmask16)((1u << left) - 1);
}

LANES_INLINE __m512i round_bits(__m512i x)
{
    return (__m512i)lanes_round_bf16((lanes)x);
}

/* ---- packing -------------------------------------------------------------------------------------------------------- */

/* 16 groups from a row of floats of which `left` exist. */
LANES_INLINE __m512i load_groups(const float *x, size_t left, bool is_bf16, bool is_rounded)
{
    if (is_bf16) {
        __m512 low = _mm512_maskz_loadu_ps(mask_of(left), x);
        __m512 high = left > LANES ? _mm512_maskz_loadu_ps(mask_of(left - LANES), x + LANES) : _mm512_setzero_ps();
        return (__m512i)_mm512_cvtne2ps_pbh(high, low);
    }
    __m512i bits = _mm512_castps_si512(_mm512_maskz_loadu_ps(mask_of(left), x));
    return is_rounded ? round_bits(bits) : bits;
}

LANES_INLINE void transpose(__m512i r[LANES])
{
    __m512i t[LANES];

    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

/* The groups of 16 rows (d) side by side, group from group `stride` words apart; rows past the end are zero. */
LANES_INLINE void pack_across(uint32_t *to, size_t stride, const float *from, size_t from_stride, size_t rows, size_t d, bool is_bf16,
                              bool is_rounded)
{
    size_t group = is_bf16 ? 2 : 1, groups = (d + group - 1) / group;

    for (size_t g = 0; g < groups; g += LANES) {
        __m512i r[LANES];
        size_t count = groups - g < LANES ? groups - g : LANES;

        for (size_t i = 0; i < LANES; i++)
            r[i] = i < rows ? load_groups(from + i*from_stride + g*group, d - g*group, is_bf16, is_rounded) : _mm512_setzero_si512();
        transpose(r);
        for (size_t i = 0; i < count; i++)
            _mm512_storeu_si512(to + (g + i)*stride, r[i]);
    }
}

/* keys (T/16, G, 16) from k (T, d) */
LANES_INLINE void pack_keys(const work *w, bool is_bf16)
{
    const zoo_attention *a = w->a;

    for (size_t j = 0; j < w->T; j += LANES)
        pack_across(w->keys + j*w->groups, LANES, a->k + j*a->stride, a->stride, a->T - j, a->d, is_bf16, w->is_rounded);
}

LANES_INLINE void pack_table(uint32_t *to, size_t C, const float *table, size_t rows, size_t stride, size_t d, bool is_bf16, bool is_rounded)
{
    for (size_t c = 0; c < rows; c += LANES)
        pack_across(to + c, C, table + c*stride, stride, rows - c, d, is_bf16, is_rounded);
}

/* values: for each key (pair of keys) its d numbers (pairs), zeros behind. */
LANES_INLINE void pack_values(const work *w, bool is_bf16)
{
    const zoo_attention *a = w->a;

    for (size_t j = 0; j < w->T; j += is_bf16 ? 2 : 1) {
        uint32_t *to = w->values + (is_bf16 ? j/2 : j)*w->width;

        for (size_t c = 0; c < w->width; c += LANES) {
            __mmask16 even = j < a->T ? mask_of(a->d - c) : 0, odd = j + 1 < a->T ? mask_of(a->d - c) : 0;
            __m512 x = _mm512_maskz_loadu_ps(even, a->v + j*a->stride + c);
            __m512i bits = _mm512_castps_si512(x);

            if (is_bf16) {
                __m256i low = (__m256i)_mm512_cvtneps_pbh(x);
                __m256i high = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(odd, a->v + (j + 1)*a->stride + c));
                bits = _mm512_or_si512(_mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
            } else if (w->is_rounded) {
                bits = round_bits(bits);
            }
            _mm512_store_si512(to + c, bits);
        }
    }
}

LANES_INLINE void pack_queries(const work *w, size_t first, size_t rows, bool is_bf16)
{
    const zoo_attention *a = w->a;
    size_t group = is_bf16 ? 2 : 1;

    for (size_t i = 0; i < rows; i++)
        for (size_t g = 0; g < w->groups; g += LANES)
            _mm512_store_si512(w->queries + i*w->q_stride + g,
                               load_groups(a->q + (first + i)*a->stride + g*group, a->d - g*group, is_bf16, w->is_rounded));
}

/* ---- scores --------------------------------------------------------------------------------------------------------- */

LANES_INLINE __m512 multiply_add(__m512 sum, __m512i x, __m512i y, bool is_bf16)
{
    return is_bf16 ? _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)y)
                   : _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(y), sum);
}

/* Queries i.. by keys j.. without position terms. */
LANES_INLINE void score_plain(const work *w, size_t i, size_t j, int rows, __m512 sum[TILE], bool is_bf16)
{
    const uint32_t *k = w->keys + j*w->groups, *q = w->queries + i*w->q_stride;

    for (int r = 0; r < rows; r++)
        sum[r] = _mm512_setzero_ps();
    for (size_t g = 0; g < w->groups; g++) {
        __m512i key = _mm512_load_si512(k + g*LANES);

        for (int r = 0; r < rows; r++)
            sum[r] = multiply_add(sum[r], key, _mm512_set1_epi32((int)q[(size_t)r*w->q_stride + g]), is_bf16);
    }
}

/* With position terms; `columns`: those of query i at key j, of query i + 1 one before. */
LANES_INLINE void score_near(const work *w, size_t i, size_t j, const int32_t *columns, int rows, __m512 sum[TILE], bool is_bf16)
{
    const uint32_t *k = w->keys + j*w->groups, *q = w->queries + i*w->q_stride;
    int32_t base = columns[LANES - 1];
    const uint32_t *pos_key = w->pos_key + base, *pos_query = w->pos_query + base;
    __m512i index[TILE];

    for (int r = 0; r < rows; r++) {
        index[r] = _mm512_sub_epi32(_mm512_loadu_si512(columns - r), _mm512_set1_epi32(base));
        sum[r] = _mm512_setzero_ps();
    }
    for (size_t g = 0; g < w->groups; g++, pos_key += w->C, pos_query += w->C) {
        __m512i key = _mm512_load_si512(k + g*LANES);
        __m512i key_low = _mm512_loadu_si512(pos_key), key_high = _mm512_loadu_si512(pos_key + LANES);
        __m512i query_low = _mm512_loadu_si512(pos_query), query_high = _mm512_loadu_si512(pos_query + LANES);

        for (int r = 0; r < rows; r++) {
            __m512i query = _mm512_set1_epi32((int)q[(size_t)r*w->q_stride + g]);

            sum[r] = multiply_add(sum[r], key, query, is_bf16);
            sum[r] = multiply_add(sum[r], _mm512_permutex2var_epi32(key_low, index[r], key_high), query, is_bf16);
            sum[r] = multiply_add(sum[r], _mm512_permutex2var_epi32(query_low, index[r], query_high), key, is_bf16);
        }
    }
}

/* The same where the columns are further apart than two registers. */
LANES_INLINE void score_far(const work *w, size_t i, size_t j, const int32_t *columns, int rows, __m512 sum[TILE], bool is_bf16)
{
    const uint32_t *k = w->keys + j*w->groups, *q = w->queries + i*w->q_stride;

    for (int r = 0; r < rows; r++) {
        __m512i index = _mm512_loadu_si512(columns - r);

        sum[r] = _mm512_setzero_ps();
        for (size_t g = 0; g < w->groups; g++) {
            __m512i key = _mm512_load_si512(k + g*LANES), query = _mm512_set1_epi32((int)q[(size_t)r*w->q_stride + g]);

            sum[r] = multiply_add(sum[r], key, query, is_bf16);
            sum[r] = multiply_add(sum[r], _mm512_i32gather_epi32(index, w->pos_key + g*w->C, 4), query, is_bf16);
            sum[r] = multiply_add(sum[r], _mm512_i32gather_epi32(index, w->pos_query + g*w->C, 4), key, is_bf16);
        }
    }
}

LANES_INLINE void score_tile(const work *w, size_t first, size_t i, size_t j, int rows, bool is_bf16)
{
    __m512 sum[TILE], scale = _mm512_set1_ps(w->a->scale);

    if (!w->pos_key) {
        score_plain(w, i, j, rows, sum, is_bf16);
    } else {
        const int32_t *columns = w->columns + (w->last - first - i + j);

        if (columns[1 - rows] - columns[LANES - 1] < WINDOW)
            score_near(w, i, j, columns, rows, sum, is_bf16);
        else
            score_far(w, i, j, columns, rows, sum, is_bf16);
    }
    for (int r = 0; r < rows; r++)
        _mm512_store_ps(w->scores + (i + (size_t)r)*w->T + j, _mm512_mul_ps(sum[r], scale));
}

/* How many queries are taken at once where `left` are: queries past the end are zeros. */
LANES_INLINE size_t rows_of(size_t left)
{
    return left > 4 ? TILE : left > 1 ? 4 : 1;
}

/* scores of `queries` queries from `first`. Keys outside: a tile of keys stays in the first-level cache for all queries. */
LANES_INLINE void score_block(const work *w, size_t first, size_t queries, bool is_bf16)
{
    for (size_t j = 0; j < w->T; j += LANES)
        for (size_t i = 0; i < queries; i += TILE) {
            size_t rows = rows_of(queries - i);

            if (rows == TILE)
                score_tile(w, first, i, j, TILE, is_bf16);
            else if (rows == 4)
                score_tile(w, first, i, j, 4, is_bf16);
            else
                score_tile(w, first, i, j, 1, is_bf16);
        }
}

/* ---- softmax, times V ----------------------------------------------------------------------------------------------- */

/* A row of scores becomes e^(score - most), dropped where there are coins, zeros behind; returns 1 / the sum before. */
LANES_INLINE float softmax_row(float *row, size_t T, const zoo_coins *coins, uint64_t row_of_coins, bool is_bf16, bool is_rounded)
{
    uint32_t key = coins ? zoo_coins_row(coins, row_of_coins) : 0;
    __m512 most = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps();
    uint16_t *pairs = (uint16_t *)(void *)row;

    for (size_t j = 0; j < T; j += LANES)
        most = _mm512_mask_max_ps(most, mask_of(T - j), most, _mm512_load_ps(row + j));
    most = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    for (size_t j = 0; j < T; j += LANES) {
        __m512 p = _mm512_maskz_mov_ps(mask_of(T - j), (__m512)lanes_exp((lanes)_mm512_sub_ps(_mm512_load_ps(row + j), most)));

        sum = _mm512_add_ps(sum, p);
        if (coins)
            p = _mm512_mul_ps(p, (__m512)lanes_coins(coins, key, (uint32_t)j));
        if (is_bf16)
            _mm256_store_si256((__m256i *)(void *)(pairs + j), (__m256i)_mm512_cvtneps_pbh(p));
        else
            _mm512_store_ps(row + j, is_rounded ? (__m512)lanes_round_bf16((lanes)p) : p);
    }
    return 1 / lanes_sum((lanes)sum);
}

/* Up to 16 numbers of query i of the call, from column c. */
LANES_INLINE void put(const zoo_attention *a, size_t i, size_t c, __m512 x, bool is_bf16)
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
        __m256i half = is_bf16 ? (__m256i)_mm512_cvtneps_pbh(x)
            : _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_bits(_mm512_castps_si512(x)), 16));
        _mm256_mask_storeu_epi16((uint16_t *)a->next->data + at, mask, half);
    }
}

/* Columns c.. of `vectors` registers of the results of queries i.., of which `real` exist. */
LANES_INLINE void value_tile(const work *w, size_t first, size_t i, size_t real, size_t c, int rows, int vectors, bool is_bf16)
{
    const uint32_t *p = (const uint32_t *)(const void *)(w->scores + i*w->T), *v = w->values + c;
    size_t count = is_bf16 ? (w->a->T + 1) / 2 : w->a->T;
    __m512 sum[TILE][2];

    for (int r = 0; r < rows; r++)
        for (int n = 0; n < vectors; n++)
            sum[r][n] = _mm512_setzero_ps();
    for (size_t j = 0; j < count; j++, v += w->width) {
        __m512i value[2];

        for (int n = 0; n < vectors; n++)
            value[n] = _mm512_load_si512(v + n*LANES);
        for (int r = 0; r < rows; r++)
            for (int n = 0; n < vectors; n++)
                sum[r][n] = multiply_add(sum[r][n], value[n], _mm512_set1_epi32((int)p[(size_t)r*w->T + j]), is_bf16);
    }
    for (size_t r = 0; r < (size_t)rows; r++)
        for (int n = 0; n < vectors && r < real; n++)
            put(w->a, first + i + r - w->a->first_query, c + (size_t)n*LANES,
                _mm512_mul_ps(sum[r][n], _mm512_set1_ps(w->inverse[i + r])), is_bf16);
}

LANES_INLINE void value_rows(const work *w, size_t first, size_t i, size_t real, int rows, bool is_bf16)
{
    size_t c = 0;

    for (; c + 2*LANES <= w->width; c += 2*LANES)
        value_tile(w, first, i, real, c, rows, 2, is_bf16);
    if (c < w->width)
        value_tile(w, first, i, real, c, rows, 1, is_bf16);
}

LANES_INLINE void value_block(const work *w, size_t first, size_t queries, bool is_bf16)
{
    for (size_t i = 0; i < queries; i += TILE) {
        size_t left = queries - i, rows = rows_of(left);

        if (rows == TILE)
            value_rows(w, first, i, left < TILE ? left : TILE, TILE, is_bf16);
        else if (rows == 4)
            value_rows(w, first, i, left, 4, is_bf16);
        else
            value_rows(w, first, i, 1, 1, is_bf16);
    }
}

/* ---- one head ------------------------------------------------------------------------------------------------------- */

static size_t bytes_of(size_t numbers)
{
    return zoo_round_up(numbers * sizeof(uint32_t), 64);
}

/* The most that place() takes: with floats. */
static size_t scratch_bytes(size_t max_T, size_t d, size_t A)
{
    size_t T = zoo_round_up(max_T, LANES), width = zoo_round_up(d, LANES);

    (void)A;
    return 2*bytes_of(T*width) + bytes_of(BLOCK*width) + bytes_of(BLOCK*T) + bytes_of(BLOCK) + bytes_of(2*T + TILE + LANES);
}

static void *take(char **memory, size_t numbers)
{
    void *at = *memory;

    *memory += bytes_of(numbers);
    return at;
}

static work place(const zoo_attention *a, bool is_bf16, bool is_rounded, void *scratch)
{
    size_t groups = is_bf16 ? (a->d + 1) / 2 : a->d;
    work w = { .a = a, .is_rounded = is_rounded, .T = zoo_round_up(a->T, LANES), .groups = groups, .q_stride = zoo_round_up(groups, LANES),
               .width = zoo_round_up(a->d, LANES), .last = a->first_query + a->queries - 1 + TILE };
    const zoo_attention_positions *p = a->positions;
    char *memory = scratch;

    w.keys = take(&memory, w.T*w.width);
    w.values = take(&memory, w.T*w.width);
    w.queries = take(&memory, BLOCK*w.width);
    w.scores = take(&memory, BLOCK*w.T);
    w.inverse = take(&memory, BLOCK);
    w.columns = take(&memory, a->queries + w.T + TILE);
    if (p && p->key) {
        w.C = p->stride;
        w.pos_key = (const uint32_t *)p->key + a->head*groups*w.C;
        w.pos_query = (const uint32_t *)p->query + a->head*groups*w.C;
    }
    return w;
}

LANES_INLINE work begin(const zoo_attention *a, bool is_bf16, bool is_rounded, void *scratch)
{
    work w = place(a, is_bf16, is_rounded, scratch);

    if (w.pos_key)
        zoo_attention_columns(w.columns, a->queries + w.T + TILE, w.last, a);
    pack_keys(&w, is_bf16);
    return w;
}

/* Scores of a block of queries, ready for the softmax. */
LANES_INLINE void find_scores(const work *w, size_t first, size_t queries, bool is_bf16)
{
    memset(w->queries, 0, zoo_round_up(queries, TILE) * w->q_stride * sizeof *w->queries);
    pack_queries(w, first, queries, is_bf16);
    score_block(w, first, queries, is_bf16);
}

LANES_INLINE size_t block_of(size_t left)
{
    return left < BLOCK ? left : BLOCK;
}

LANES_INLINE void run(const zoo_attention *a, bool is_bf16, bool is_rounded, void *scratch)
{
    work w = begin(a, is_bf16, is_rounded, scratch);
    size_t end = a->first_query + a->queries;

    pack_values(&w, is_bf16);
    for (size_t first = a->first_query; first < end; first += BLOCK) {
        size_t queries = block_of(end - first);

        find_scores(&w, first, queries, is_bf16);
        for (size_t i = 0; i < queries; i++)
            w.inverse[i] = softmax_row(w.scores + i*w.T, a->T, a->coins, a->first_coins + first + i, is_bf16, is_rounded);
        value_block(&w, first, queries, is_bf16);
    }
}

LANES_INLINE void probabilities(const zoo_attention *a, bool is_bf16, bool is_rounded, float *p, size_t ldp, void *scratch)
{
    work w = begin(a, is_bf16, is_rounded, scratch);

    for (size_t first = 0; first < a->queries; first += BLOCK) {
        size_t queries = block_of(a->queries - first);

        find_scores(&w, first, queries, is_bf16);
        for (size_t i = 0; i < queries; i++) {
            __m512 inverse = _mm512_set1_ps(softmax_row(w.scores + i*w.T, a->T, NULL, 0, false, false));

            for (size_t j = 0; j < w.T; j += LANES)
                _mm512_storeu_ps(p + (first + i)*ldp + j, _mm512_mul_ps(_mm512_load_ps(w.scores + i*w.T + j), inverse));
        }
    }
}

static void run_f32(const zoo_attention *a, bool is_rounded, void *scratch)
{
    run(a, false, is_rounded, scratch);
}

static void run_bf16(const zoo_attention *a, bool is_rounded, void *scratch)
{
    (void)is_rounded;
    run(a, true, false, scratch);
}

static void probabilities_f32(const zoo_attention *a, bool is_rounded, float *p, size_t ldp, void *scratch)
{
    probabilities(a, false, is_rounded, p, ldp, scratch);
}

static void probabilities_bf16(const zoo_attention *a, bool is_rounded, float *p, size_t ldp, void *scratch)
{
    (void)is_rounded;
    probabilities(a, true, false, p, ldp, scratch);
}

static void pack_table_f32(void *to, size_t C, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded)
{
    pack_table(to, C, table, rows, stride, d, false, is_rounded);
}

static void pack_table_bf16(void *to, size_t C, const float *table, size_t rows, size_t stride, size_t d, bool is_rounded)
{
    (void)is_rounded;
    pack_table(to, C, table, rows, stride, d, true, false);
}
ZOO_ISA_END

const zoo_attention_kernel zoo_attention_avx512 = {
    "avx512", 1, scratch_bytes, run_f32, probabilities_f32, pack_table_f32, zoo_attend_avx512_scratch, zoo_attend_avx512_bwd
};
const zoo_attention_kernel zoo_attention_avx512_bf16 = {
    "avx512_bf16", 2, scratch_bytes, run_bf16, probabilities_bf16, pack_table_bf16, zoo_attend_avx512_scratch, zoo_attend_avx512_bf16_bwd
};
#else
typedef int zoo_attention_avx512_is_for_x86_64;
#endif
