/* attend.c - attention in training: one head over one query with dropout of probabilities and position tables that
 * change, and its backward pass: gradients of queries, keys, values and position tables; see attend.h. */
#include "compute/attend.h"
#include <string.h>
#include "compute/attention_kernel.h"

/* Where the processor has no products of bfloat16 those of float32 are taken as they are: nothing is rounded. */

/* A pass over one head: the attention of inference with tables of one head packed into the scratch. */
struct pass {
    const zoo_attention_kernel *kernel;
    zoo_attention_positions positions;
    zoo_attention attention;
    float *rest;                        /* of the scratch, 64-byte aligned */
};

static enum zoo_precision precision_of(const zoo_attend *a)
{
    return a->precision == ZOO_PRECISION_BF16 ? ZOO_PRECISION_BF16 : ZOO_PRECISION_F32;
}

/* Floats of a table, whatever kernel packs it. */
static size_t table_size(size_t d, size_t C)
{
    return zoo_attention_choose(ZOO_PRECISION_F32)->table_bytes(C, d) / sizeof(float);
}

size_t zoo_attend_scratch(size_t T, size_t d, size_t C)
{
    const zoo_attention_kernel *kernel = zoo_attention_choose(ZOO_PRECISION_F32);
    size_t forward = kernel->scratch(T, d, C), backward = kernel->bwd_scratch(T, d, C);

    return 16 + 2 * table_size(d, C) + zoo_round_up(T, 16) * zoo_round_up(T, 16) +
           zoo_round_up((forward > backward ? forward : backward) / sizeof(float) + 1, 16);
}

/* The next `floats` of the scratch. */
static float *take(float **scratch, size_t floats)
{
    float *at = *scratch;

    *scratch += floats;
    return at;
}

static void *pack(zoo_attention_pack_fn *pack_as, const zoo_attend *a, const float *table, float **scratch)
{
    float *to = take(scratch, table_size(a->d, a->C));

    memset(to, 0, table_size(a->d, a->C) * sizeof *to);
    if (table)
        pack_as(to, table, a->C, a->pos_stride, a->d, false);
    return to;
}

static void open_pass(struct pass *p, const zoo_attend *a, float *scratch)
{
    scratch += (64 - (uintptr_t)scratch % 64) % 64 / sizeof *scratch;
    p->kernel = zoo_attention_choose(precision_of(a));
    p->attention = (zoo_attention){
        .T = a->T, .d = a->d, .scale = a->scale, .q = a->q, .k = a->k, .v = a->v, .stride = a->stride,
        .queries = a->queries,
        .coins = a->coins.dropped_below ? &a->coins : NULL, .first_coins = a->first_row
    };
    if (a->pos_key || a->pos_query) {
        p->positions = (zoo_attention_positions){ .rows = a->C, .heads = 1, .d = a->d,
                                                  .first_column = a->first_column };
        p->positions.key = pack(p->kernel->pack_key, a, a->pos_key, &scratch);
        p->positions.query = pack(p->kernel->pack_query, a, a->pos_query, &scratch);
        p->attention.positions = &p->positions;
        p->attention.columns = a->columns - (a->T - 1);
        p->attention.max_distance = a->T - 1;
    }
    p->rest = scratch;
}

void zoo_attend_fwd(const zoo_attend *a, float *out, size_t out_stride, float *scratch)
{
    struct pass p;

    open_pass(&p, a, scratch);
    p.attention.out = out;
    p.attention.out_stride = out_stride;
    p.kernel->run(&p.attention, false, p.rest);
}

void zoo_attend_bwd(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *gradients,
                    float *scratch)
{
    size_t ldp = zoo_round_up(a->T, 16);
    struct pass p;
    float *probabilities;

    open_pass(&p, a, scratch);
    probabilities = take(&p.rest, zoo_round_up(a->queries, 16) * ldp);
    p.kernel->probabilities(&p.attention, false, probabilities, ldp, p.rest);
    p.kernel->bwd(a, dout, out_stride, gradients, probabilities, ldp, p.rest);
}
