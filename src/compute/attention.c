#include "compute/attention.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct zoo_attention_positions {
    size_t A, heads, d;
    float *key, *query;                 /* (2A, H) or NULL */
};

/* The ceil below is sensitive: every step is in float32, as in the reference. */
int zoo_position_bucket(int r, int buckets, int max_relative)
{
    int mid = buckets / 2, distance = r < 0 ? -r : r, bucket;

    if (buckets <= 0 || distance <= mid)
        return r;
    bucket = (int)ceilf(logf((float)distance / (float)mid) / logf((float)(max_relative - 1) / (float)mid) * (float)(mid - 1)) + mid;
    return r < 0 ? -bucket : bucket;
}

void zoo_position_columns(int32_t *columns, size_t max_distance, size_t A, int buckets, int max_relative)
{
    int most = (int)max_distance, last = 2 * (int)A - 1;

    for (int r = -most; r <= most; r++) {
        int column = zoo_position_bucket(r, buckets, max_relative) + (int)A;

        columns[r + most] = column < 0 ? 0 : column > last ? last : column;
    }
}

static float *copied(const float *table, size_t n)
{
    float *copy = malloc(n * sizeof *copy);

    return copy ? memcpy(copy, table, n * sizeof *copy) : NULL;
}

int zoo_attention_positions_new(zoo_attention_positions **out, enum zoo_precision precision, size_t A, size_t heads, size_t d,
                                const float *key, const float *query, zoo_err *err)
{
    zoo_attention_positions *p = calloc(1, sizeof *p);
    size_t n = 2 * A * heads * d;

    (void)precision;
    *out = NULL;
    if (!p)
        return zoo_fail_nomem(err);
    p->A = A, p->heads = heads, p->d = d;
    if ((key && !(p->key = copied(key, n))) || (query && !(p->query = copied(query, n)))) {
        zoo_attention_positions_free(p);
        return zoo_fail_nomem(err);
    }
    *out = p;
    return 0;
}

void zoo_attention_positions_free(zoo_attention_positions *positions)
{
    if (!positions)
        return;
    free(positions->key);
    free(positions->query);
    free(positions);
}

size_t zoo_attention_positions_bytes(const zoo_attention_positions *positions)
{
    size_t table = 2 * positions->A * positions->heads * positions->d * sizeof(float);

    return sizeof *positions + (positions->key ? table : 0) + (positions->query ? table : 0);
}

size_t zoo_attention_scratch(size_t max_T, size_t d, size_t A)
{
    (void)A;
    return (max_T + d) * sizeof(float);
}

static float dot(const float *x, const float *y, size_t d)
{
    float sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}

static float score(const zoo_attention *a, size_t i, size_t j)
{
    const zoo_attention_positions *p = a->positions;
    const float *q = a->q + i*a->stride, *k = a->k + j*a->stride;
    float sum = dot(q, k, a->d);

    if (p) {
        long r = (long)i - (long)j, most = (long)a->max_distance;
        size_t column = (size_t)a->columns[(r < -most ? -most : r > most ? most : r) + most];
        size_t at = (column * p->heads + a->head) * p->d;       /* table[column, head, :] */

        sum += p->key ? dot(q, p->key + at, a->d) : 0;
        sum += p->query ? dot(k, p->query + at, a->d) : 0;
    }
    return sum * a->scale;
}

static uint16_t to_bf16(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(x == x ? (bits + 0x7fff + (bits >> 16 & 1)) >> 16 : bits >> 16 | 0x40);
}

static void put_row(const zoo_attention *a, size_t i, const float *row)
{
    size_t at;

    if (a->out) {
        memcpy(a->out + i*a->out_stride, row, a->d * sizeof *row);
        return;
    }
    at = (a->first_row + i) * a->next->stride + a->first_column;
    for (size_t c = 0; c < a->d; c++)
        if (a->next->precision == ZOO_PRECISION_BF16)
            ((uint16_t *)a->next->data)[at + c] = to_bf16(row[c]);
        else
            ((float *)a->next->data)[at + c] = row[c];
}

void zoo_attention_run(const zoo_attention *a, enum zoo_precision precision, void *scratch)
{
    float *p = scratch, *row = p + a->T;

    (void)precision;
    for (size_t i = 0; i < a->queries; i++) {
        float most = -INFINITY, sum = 0;

        for (size_t j = 0; j < a->T; j++) {
            p[j] = score(a, a->first_query + i, j);
            most = p[j] > most ? p[j] : most;
        }
        memset(row, 0, a->d * sizeof *row);
        for (size_t j = 0; j < a->T; j++) {
            float weight = expf(p[j] - most);

            sum += weight;
            for (size_t c = 0; c < a->d; c++)
                row[c] += weight * a->v[j*a->stride + c];
        }
        for (size_t c = 0; c < a->d; c++)
            row[c] /= sum;
        put_row(a, i, row);
    }
}
