/* A table of shapes; the three products of each agree with sums in double over what the
 * precision keeps of the operands. */
#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "compute/product_kernel.h"
#include "compute/train_product.h"
#if !defined ZOO_AMX_EMULATED
#include "unit/compute/isa.h"
#endif

static const struct { size_t R, I, O; } shapes[] = {
    { 1, 1, 1 }, { 3, 5, 2 }, { 17, 24, 40 }, { 40, 112, 80 }, { 65, 33, 31 }, { 29, 1600, 6 }, { 1700, 35, 45 },
        { 2, 64, 1601 },
    { 130, 96, 288 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, GAP = 3 };      /* GAP: floats between rows */

struct layer {
    enum zoo_precision precision;
    size_t R, I, O, ldx, ldy;
    float *x, *w, *bias, *dy;           /* given */
    float *y, *dx, *dw, *dbias;         /* wanted */
    void *scratch;
};

static float *normals(size_t n, uint64_t seed)
{
    float *x = malloc(n * sizeof *x);
    zoo_rng rng;

    assert_non_null(x);
    zoo_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)zoo_rng_normal(&rng);
    return x;
}

/* Results begin with numbers of their own, to which is added (y is written). */
static void layer_init(struct layer *l, enum zoo_precision precision, size_t R, size_t I, size_t O)
{
    size_t bytes = zoo_train_product_scratch(precision, R, I, O);

    *l = (struct layer){ .precision = precision, .R = R, .I = I, .O = O, .ldx = I + GAP, .ldy = O + GAP };
    l->x = normals(R * l->ldx, 1);
    l->w = normals(O * I, 2);
    l->bias = normals(O, 3);
    l->dy = normals(R * l->ldy, 4);
    l->y = normals(R * l->ldy, 5);
    l->dx = normals(R * l->ldx, 6);
    l->dw = normals(O * I, 7);
    l->dbias = normals(O, 8);
    l->scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(l->scratch);
    memset(l->scratch, 0xff, bytes);    /* NaN, where something is read that was not written */
}

static void layer_release(struct layer *l)
{
    float *all[] = { l->x, l->w, l->bias, l->dy, l->y, l->dx, l->dw, l->dbias };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(l->scratch);
}

static void compute(void *context, const zoo_member *me)
{
    struct layer *l = context;

    zoo_train_product_fwd(me, l->precision, l->scratch, l->y, l->ldy, l->x, l->ldx, l->w, l->bias, l->R, l->I, l->O);
    zoo_train_product_bwd_x(me, l->precision, l->scratch, l->dx, l->ldx, l->dy, l->ldy, l->w, l->R, l->I, l->O);
    zoo_train_product_bwd_w(me, l->precision, l->scratch, l->dw, l->dbias, l->dy, l->ldy, l->x, l->ldx, l->R, l->I,
                            l->O);
}

static void compute_with(struct layer *l, unsigned threads)
{
    zoo_team *team;

    assert_int_equal(zoo_team_new(&team, threads, ZOO_UNPINNED, NULL), ZOO_OK);
    zoo_team_run(team, compute, l);
    zoo_team_free(team);
}

static double kept(enum zoo_precision precision, float x)
{
    union { float value; uint32_t bits; } u = { x };

    if (precision == ZOO_PRECISION_BF16)
        u.bits = (u.bits + 0x7fff + (u.bits >> 16 & 1)) & 0xffff0000u;
    return u.value;
}

/* begin + sum of a[i*da] * b[i*db], against what was computed */
static void check(const struct layer *l, const char *what, float computed, double begin, const float *a, size_t da,
                  const float *b, size_t db, size_t n)
{
    double sum = begin, magnitude = fabs(begin) + 1e-30;

    for (size_t i = 0; i < n; i++) {
        double product = kept(l->precision, a[i * da]) * kept(l->precision, b[i * db]);
        sum += product;
        magnitude += fabs(product);
    }
    if (!(fabs((double)computed - sum) <= 3e-6 * magnitude))
        fail_msg("%s, %s of R %zu, I %zu, O %zu: %g, not %g", zoo_precision_name(l->precision), what, l->R, l->I, l->O,
                 (double)computed, sum);
}

static void products_agree_with_sums_in_double(void **state)
{
    (void)state;
    for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_BF16; precision++)
        for (size_t s = 0; s < SHAPES; s++) {
            size_t R = shapes[s].R, I = shapes[s].I, O = shapes[s].O;
            struct layer l, before;
            layer_init(&l, (enum zoo_precision)precision, R, I, O);
            layer_init(&before, (enum zoo_precision)precision, R, I, O);
            compute_with(&l, 2);
            for (size_t r = 0; r < R; r++)
                for (size_t o = 0; o < O; o++)
                    check(&l, "y", l.y[r * l.ldy + o], l.bias[o], l.x + r * l.ldx, 1, l.w + o * I, 1, I);
            for (size_t r = 0; r < R; r++)
                for (size_t i = 0; i < I; i++)
                    check(&l, "dx", l.dx[r * l.ldx + i], before.dx[r * l.ldx + i], l.dy + r * l.ldy, 1, l.w + i, I, O);
            for (size_t o = 0; o < O; o++)
                for (size_t i = 0; i < I; i++)
                    check(&l, "dw", l.dw[o * I + i], before.dw[o * I + i], l.dy + o, l.ldy, l.x + i, l.ldx, R);
            for (size_t r = 0; r < R; r++) {        /* between rows nothing is touched */
                assert_memory_equal(l.y + r * l.ldy + O, before.y + r * l.ldy + O, GAP * sizeof *l.y);
                assert_memory_equal(l.dx + r * l.ldx + I, before.dx + r * l.ldx + I, GAP * sizeof *l.dx);
            }
            layer_release(&before);
            layer_release(&l);
        }
}

static void bias_gradients_are_column_sums(void **state)
{
    struct layer l, before;

    (void)state;
    layer_init(&l, ZOO_PRECISION_BF16, 50, 20, 30);
    layer_init(&before, ZOO_PRECISION_BF16, 50, 20, 30);
    compute_with(&l, 3);
    for (size_t o = 0; o < 30; o++) {
        double sum = before.dbias[o];
        for (size_t r = 0; r < 50; r++)
            sum += l.dy[r * l.ldy + o];
        assert_true(fabs(l.dbias[o] - sum) <= 1e-4);
    }
    layer_release(&before);
    layer_release(&l);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_BF16; precision++)
        for (size_t s = 0; s < SHAPES; s++) {
            struct layer one;
            layer_init(&one, (enum zoo_precision)precision, shapes[s].R, shapes[s].I, shapes[s].O);
            compute_with(&one, 1);
            for (unsigned threads = 2; threads <= 4; threads++) {
                struct layer l;
                layer_init(&l, (enum zoo_precision)precision, shapes[s].R, shapes[s].I, shapes[s].O);
                compute_with(&l, threads);
                assert_memory_equal(l.y, one.y, l.R * l.ldy * sizeof *l.y);
                assert_memory_equal(l.dx, one.dx, l.R * l.ldx * sizeof *l.dx);
                assert_memory_equal(l.dw, one.dw, l.O * l.I * sizeof *l.dw);
                assert_memory_equal(l.dbias, one.dbias, l.O * sizeof *l.dbias);
                layer_release(&l);
            }
            layer_release(&one);
        }
}

/* Any count, ties, numbers without a mantissa to spare, infinities and NaN; what lies behind is left alone. */
static void pairs_are_two_rounded_rows(void **state)
{
    enum { MOST = 40, UNTOUCHED = 0x55 };
    static const uint32_t bits[] = { 0x3f808000, 0x3f818000, 0x3f808001, 0x00000001, 0x807fffff, 0x7f7fffff, 0x7f800000,
                                     0xff800000, 0x7fc00001, 0xffffffff, 0x7f800001 };
    const zoo_backend *backend = zoo_backend_choose(ZOO_PRECISION_BF16);
    float a[MOST], b[MOST], *random = normals(2 * MOST, 9);

    (void)state;
    for (size_t i = 0; i < MOST; i++) {
        memcpy(&a[i], i % 3 ? (const void *)&random[i] : &bits[i / 3 % (sizeof bits / sizeof *bits)], sizeof *a);
        memcpy(&b[i], i % 2 ? (const void *)&random[MOST + i] : &bits[i / 2 % (sizeof bits / sizeof *bits)], sizeof *b);
    }
    for (size_t n = 0; n <= MOST; n++) {
        uint32_t out[MOST + 1];
        memset(out, UNTOUCHED, sizeof out);
        backend->to_pairs(out, a, b, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(out[i], zoo_float_bf16(a[i]) | (uint32_t)zoo_float_bf16(b[i]) << 16);
        for (size_t i = n; i <= MOST; i++)
            assert_int_equal(out[i], 0x55555555);
    }
    free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_agree_with_sums_in_double),
        cmocka_unit_test(bias_gradients_are_column_sums),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(pairs_are_two_rounded_rows),
#if !defined ZOO_AMX_EMULATED
        cmocka_unit_test(lesser_processors_pass_too),
#endif
    };
#if defined ZOO_AMX_EMULATED
    return RUN_EMULATED("compute/train_product_amx", tests);
#else
    return cmocka_run_group_tests_name("compute/train_product", tests, NULL, NULL);
#endif
}
