/* One table row per operator: agreement of its gradients with finite differences. NaN fails every check. */
#include "unit/cm.h"
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/rng.h"
#include "compute/kernels.h"

enum { B = 3, I = 5, O = 4, V = 6, F = 4, D = 5, MAX = 64 };

/* An operator as a function of one flat input to one flat output, with the backward that belongs to it. */
struct op {
    const char *name;
    size_t in, out;
    void (*fwd)(float *out, const float *in);
    void (*bwd)(float *din, const float *dout, const float *in, const float *out);
};

static const uint32_t bag_rows[F] = { 4, 0, 4, 2 };
static const float bag_weights[F] = { 0.5f, -1.0f, 0.25f, 2.0f };
static void bag_fwd(float *out, const float *in) { zoo_bag_fwd(out, in, bag_rows, bag_weights, F, D); }
static void bag_bwd(float *din, const float *dout, const float *in, const float *out)
{
    (void)in, (void)out;
    zoo_bag_bwd(din, dout, bag_rows, bag_weights, F, D);
}

/* in: x (B,I), w (O,I), bias (O) */
static void linear_fwd(float *out, const float *in) { zoo_linear_fwd(out, in, in + B*I, in + B*I + O*I, B, I, O); }
static void linear_bwd(float *din, const float *dout, const float *in, const float *out)
{
    (void)out;
    zoo_linear_bwd(din, din + B*I, din + B*I + O*I, dout, in, in + B*I, B, I, O);
}

static void tanh_fwd(float *out, const float *in) { zoo_tanh_fwd(out, in, B*O); }
static void tanh_bwd(float *din, const float *dout, const float *in, const float *out)
{
    (void)in;
    zoo_tanh_bwd(din, dout, out, B*O);
}

static void softmax_fwd(float *out, const float *in) { zoo_softmax_fwd(out, in, B, O); }
static void softmax_bwd(float *din, const float *dout, const float *in, const float *out)
{
    (void)in;
    zoo_softmax_bwd(din, dout, out, B, O);
}

static const struct op ops[] = {
    { "bag",     V*D,             D,   bag_fwd,     bag_bwd },
    { "linear",  B*I + O*I + O,   B*O, linear_fwd,  linear_bwd },
    { "tanh",    B*O,             B*O, tanh_fwd,    tanh_bwd },
    { "softmax", B*O,             B*O, softmax_fwd, softmax_bwd },
};

static void fill(float *x, size_t n, uint64_t seed)
{
    zoo_rng rng;

    zoo_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)zoo_rng_normal(&rng);
}

static double loss(const struct op *op, const float *in, const float *dout)
{
    float out[MAX];
    double sum = 0;

    op->fwd(out, in);
    for (size_t i = 0; i < op->out; i++)
        sum += (double)dout[i] * out[i];
    return sum;
}

/* The largest difference between the backward's gradient and finite differences; NaN where either is. */
static double gradient_error(const struct op *op)
{
    float in[MAX], out[MAX], dout[MAX], din[MAX];
    double worst = 0;

    fill(in, op->in, 1);
    fill(dout, op->out, 2);
    for (size_t i = 0; i < op->in; i++)
        din[i] = 1;                                     /* backward adds to what is there */
    op->fwd(out, in);
    op->bwd(din, dout, in, out);
    for (size_t i = 0; i < op->in; i++) {
        float keep = in[i], h = 1e-2f;
        in[i] = keep + h;
        double up = loss(op, in, dout);
        in[i] = keep - h;
        double down = loss(op, in, dout), error = fabs(din[i] - 1 - (up - down) / (2 * (double)h));
        in[i] = keep;
        if (!(error <= worst) && !isnan(worst))         /* NaN is the worst, and stays */
            worst = error;
    }
    return worst;
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        double error = gradient_error(&ops[i]);
        if (!(error <= 2e-3)) {
            print_error("%s: gradient off by %g\n", ops[i].name, error);
            fail();
        }
    }
}

static void wrong_bwd(float *din, const float *dout, const float *in, const float *out)
{
    tanh_bwd(din, dout, in, out);
    din[3] += 0.01f;
}

static void nan_bwd(float *din, const float *dout, const float *in, const float *out)
{
    tanh_bwd(din, dout, in, out);
    din[0] = NAN;
}

static void the_gradient_check_can_fail(void **state)
{
    struct op wrong = { "wrong", B*O, B*O, tanh_fwd, wrong_bwd }, nan = { "nan", B*O, B*O, tanh_fwd, nan_bwd };

    (void)state;
    assert_false(gradient_error(&wrong) <= 2e-3);
    assert_false(gradient_error(&nan) <= 2e-3);
}

/* Sums in double, in the plainest order. */
static void linear_agrees_with_the_scalar_reference(void **state)
{
    enum { N = 37 };
    float x[N], w[3 * N], bias[3] = { 0.5f, -0.5f, 0 }, out[3];

    (void)state;
    fill(x, N, 3);
    fill(w, 3 * N, 4);
    zoo_linear_fwd(out, x, w, bias, 1, N, 3);
    for (size_t o = 0; o < 3; o++) {
        double sum = bias[o];
        for (size_t i = 0; i < N; i++)
            sum += (double)x[i] * w[o*N + i];
        assert_true(fabs(out[o] - sum) <= 1e-5);
    }
}

static void softmax_takes_any_finite_logits(void **state)
{
    float x[4] = { 3e38f, -3e38f, 0, 3e38f }, out[4];

    (void)state;
    zoo_softmax_fwd(out, x, 1, 4);
    assert_true(fabsf(out[0] - 0.5f) <= 1e-6f && fabsf(out[3] - 0.5f) <= 1e-6f && out[1] == 0 && out[2] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(the_gradient_check_can_fail),
        cmocka_unit_test(linear_agrees_with_the_scalar_reference),
        cmocka_unit_test(softmax_takes_any_finite_logits),
    };
    return cmocka_run_group_tests_name("compute/kernels", tests, NULL, NULL);
}
