/* attention.c - softmax(scores) V for one head of one query, with DeBERTa's disentangled scores or plain ones; see
 * attention.h. */
#include "compute/attention.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/attention_kernel.h"
#include "compute/cpu.h"

const zoo_attention_kernel *zoo_attention_choose(enum zoo_precision precision)
{
#if defined(__x86_64__)
    enum zoo_cpu level = zoo_cpu_level();

    if (level >= ZOO_CPU_BF16 && precision != ZOO_PRECISION_F32)
        return precision == ZOO_PRECISION_INT8 ? &zoo_attention_avx512_vnni_bf16 : &zoo_attention_avx512_bf16;
    if (level >= ZOO_CPU_VNNI && precision == ZOO_PRECISION_INT8)
        return &zoo_attention_avx512_vnni;
    if (level >= ZOO_CPU_AVX512)
        return &zoo_attention_avx512;
    if (level >= ZOO_CPU_AVX2)
        return &zoo_attention_avx2;
#endif
    (void)precision;
    return &zoo_attention_portable;
}

/* ---- positions ---- */

/* The ceil below is sensitive: every step is in float32, as in the reference. */
int zoo_position_bucket(int r, int buckets, int max_relative)
{
    int mid = buckets / 2, distance = r < 0 ? -r : r, bucket;

    if (buckets <= 0 || distance <= mid)
        return r;
    bucket = (int)ceilf(logf((float)distance / (float)mid) / logf((float)(max_relative - 1) / (float)mid) *
                        (float)(mid - 1)) + mid;
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

void zoo_attention_columns(int32_t *out, size_t count, size_t last, const zoo_attention *a)
{
    int64_t most = (int64_t)a->max_distance, r = (int64_t)last;

    for (size_t x = 0; x < count; x++, r--)
        out[x] = a->columns[(r < -most ? -most : r > most ? most : r) + most] - a->positions->first_column;
}

/* The tables of all heads of a table (2A, H); zeros where that is NULL. */
static void *packed(const zoo_attention_positions *p, zoo_attention_pack_fn *pack, const float *table, bool is_rounded)
{
    char *to = aligned_alloc(64, p->heads * p->bytes);

    if (!to)
        return NULL;
    memset(to, 0, p->heads * p->bytes);
    for (size_t h = 0; table && h < p->heads; h++)
        pack(to + h*p->bytes, table + h*p->d, p->rows, p->heads * p->d, p->d, is_rounded);
    return to;
}

int zoo_attention_positions_new(zoo_attention_positions **out, enum zoo_precision precision, size_t A, size_t heads,
                                size_t d, const float *key, const float *query, zoo_err *err)
{
    zoo_attention_positions *p = calloc(1, sizeof *p);
    const zoo_attention_kernel *kernel = zoo_attention_choose(precision);
    bool is_rounded = precision != ZOO_PRECISION_F32;

    *out = NULL;
    if (!p)
        return zoo_fail_nomem(err);
    p->rows = 2 * A, p->heads = heads, p->d = d;
    p->bytes = kernel->table_bytes(p->rows, d);
    if ((key || query) && (!(p->key = packed(p, kernel->pack_key, key, is_rounded)) ||
                           !(p->query = packed(p, kernel->pack_query, query, is_rounded)))) {
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
    return sizeof *positions + (positions->key ? 2 * positions->heads * positions->bytes : 0);
}

/* ---- running ---- */

size_t zoo_attention_scratch(size_t max_T, size_t d, size_t A)
{
    return zoo_attention_choose(ZOO_PRECISION_F32)->scratch(max_T, d, A);
}

void zoo_attention_run(const zoo_attention *a, enum zoo_precision precision, void *scratch)
{
    if (a->queries)
        zoo_attention_choose(precision)->run(a, precision != ZOO_PRECISION_F32, scratch);
}
