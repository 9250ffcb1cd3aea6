/* Attention on AMX tiles by emulation, beside the kernels of this processor. */
#include "unit/cm.h"

#if defined __x86_64__
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "compute/attention_kernel.h"
#include "unit/compute/amx.h"

static const zoo_backend *choose(enum zoo_precision precision)
{
    return precision == ZOO_PRECISION_INT8 ? &emulated_int8 : precision == ZOO_PRECISION_BF16 ? &emulated_bf16 :
           &zoo_avx512_f32;
}
#define zoo_backend_choose choose
#define zoo_attention_avx512 emulated_attention_f32
#define zoo_attention_avx512_bf16 emulated_attention_bf16
#define zoo_attention_avx512_vnni emulated_attention_vnni
#define zoo_attention_avx512_vnni_bf16 emulated_attention_int8
#include "compute/attention_avx512.c"

enum { MOST_T = 150, MOST_D = 64, MOST_A = 64 };

/* A 0: plain attention */
static const struct shape { size_t T, d, A, first, queries; } shapes[] = {
    { 1, 64, 64, 0, 1 }, { 16, 64, 64, 0, 16 }, { 45, 24, 16, 0, 45 }, { 150, 64, 64, 0, 150 },
        { 150, 33, 64, 131, 17 }, { 70, 32, 0, 3, 40 }
};

static struct {
    float qkv[3 * MOST_T * MOST_D], key[2 * MOST_A * MOST_D], query[2 * MOST_A * MOST_D];
    float ours[MOST_T * MOST_D], expected[MOST_T * MOST_D];
    int32_t columns[2 * MOST_T - 1];
} f;

static void fill(float *x, size_t n, zoo_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)zoo_rng_normal(rng);
}

/* What a kernel gives, with tables that it packed, in memory of just the size that it asks for. */
static void attend_with(const zoo_attention_kernel *kernel, const struct shape *s, float *out)
{
    zoo_attention_positions p = { .rows = 2 * s->A, .heads = 1, .d = s->d,
                                  .bytes = kernel->table_bytes(2 * s->A, s->d) };
    zoo_attention a = { .T = s->T, .d = s->d, .scale = 0.1f, .columns = f.columns, .max_distance = s->T - 1,
                        .positions = s->A ? &p : NULL, .q = f.qkv, .k = f.qkv + s->d, .v = f.qkv + 2*s->d,
                        .stride = 3*s->d, .first_query = s->first, .queries = s->queries, .out = out,
                        .out_stride = s->d };
    void *scratch = aligned_alloc(64, kernel->scratch(s->T, s->d, s->A));

    p.key = aligned_alloc(64, p.bytes);
    p.query = aligned_alloc(64, p.bytes);
    assert_true(scratch && p.key && p.query);
    memset(p.key, 0, p.bytes);
    memset(p.query, 0, p.bytes);
    kernel->pack_key(p.key, f.key, p.rows, s->d, s->d, true);
    kernel->pack_query(p.query, f.query, p.rows, s->d, s->d, true);
    kernel->run(&a, true, scratch);
    free(p.key);
    free(p.query);
    free(scratch);
}

/* Tiles differ in the order of sums; a probability may then round to a neighbour. */
static void agree(const zoo_attention_kernel *emulated, enum zoo_precision precision)
{
    zoo_rng rng;

    zoo_rng_init(&rng, 11);
    fill(f.qkv, sizeof f.qkv / sizeof *f.qkv, &rng);
    fill(f.key, sizeof f.key / sizeof *f.key, &rng);
    fill(f.query, sizeof f.query / sizeof *f.query, &rng);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *s = &shapes[i];

        zoo_position_columns(f.columns, s->T - 1, s->A, (int)s->A, 2 * (int)s->A);
        attend_with(emulated, s, f.ours);
        assert_int_equal(registers.is_set, 0);
        attend_with(zoo_attention_choose(precision), s, f.expected);
        for (size_t n = 0; n < s->queries * s->d; n++)
            if (!(fabsf(f.ours[n] - f.expected[n]) <= 5e-3f))
                fail_msg("T = %zu, d = %zu: number %zu is %g, not %g", s->T, s->d, n, (double)f.ours[n],
                         (double)f.expected[n]);
    }
}

static void bfloat16_agrees(void **state)
{
    (void)state;
    agree(&emulated_attention_bf16, ZOO_PRECISION_BF16);
}

static void bytes_agree(void **state)
{
    (void)state;
    agree(&emulated_attention_int8, ZOO_PRECISION_INT8);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bfloat16_agrees), cmocka_unit_test(bytes_agree) };
    return RUN_EMULATED("compute/attention_amx", tests);
}
#else
static void not_here(void **state) { (void)state; skip(); }
int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(not_here) };
    return cmocka_run_group_tests_name("compute/attention_amx", tests, NULL, NULL);
}
#endif
