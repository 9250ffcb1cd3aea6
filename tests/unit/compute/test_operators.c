/* Walks the table of operators: agreement with the scalar reference on every instruction set that the processor has,
 * and gradients with finite differences of it.
 * With --time: microseconds of the fast version and of the reference, one JSON object a line.
 * With --agree: agreement alone. */
#include "unit/cm.h"
#include <math.h>
#include <stdio.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/rng.h"
#include "operators.h"

/* One operator at one shape, with inputs drawn by seed. */
typedef struct trial {
    const operator *op;
    const size_t *shape;
    size_t in_size, out_size;
    float *in, *out;
    double *exact_in, *expected;
    void *prepared;
} trial;

static trial trial_open(const operator *op, const size_t *shape)
{
    trial t = { .op = op, .shape = shape, .in_size = op->inputs(shape), .out_size = op->outputs(shape) };
    zoo_rng rng;

    zoo_rng_init(&rng, 7);
    t.in = malloc(t.in_size * sizeof *t.in);
    t.exact_in = malloc(t.in_size * sizeof *t.exact_in);
    t.out = calloc(t.out_size, sizeof *t.out);
    t.expected = calloc(t.out_size, sizeof *t.expected);
    for (size_t i = 0; i < t.in_size; i++)
        t.exact_in[i] = t.in[i] = (float)(1.5 * zoo_rng_normal(&rng));
    t.prepared = op->prepare ? op->prepare(t.in, shape) : NULL;
    return t;
}

static void trial_close(trial *t)
{
    if (t->op->release)
        t->op->release(t->prepared);
    free(t->in);
    free(t->exact_in);
    free(t->out);
    free(t->expected);
}

/* Largest difference relative to max(1, |expected|); NaN where one is. */
static double difference(const trial *t)
{
    double worst = 0;

    for (size_t i = 0; i < t->out_size; i++) {
        double error = fabs(t->out[i] - t->expected[i]) / fmax(1, fabs(t->expected[i]));

        if (!(error <= worst) && !isnan(worst))
            worst = error;
    }
    return worst;
}

static int agrees(const operator *op, const size_t *shape)
{
    trial t = trial_open(op, shape);
    double error;

    op->fast(t.out, t.in, shape, t.prepared);
    op->reference(t.expected, t.exact_in, shape);
    error = difference(&t);
    if (!(error <= op->tolerance))
        fprintf(stderr, "%s (%zu, %zu, %zu): off by %g, %g is allowed\n", op->name, shape[0], shape[1], shape[2], error,
                op->tolerance);
    trial_close(&t);
    return error <= op->tolerance;
}

/* ---- gradients ---- */

enum { GRADIENTS = 32, GRADIENT_OUTPUTS = 2500 };       /* inputs that are tried; larger shapes take too long */

static double loss(const trial *t, const float *dout)
{
    double sum = 0;

    t->op->reference(t->expected, t->exact_in, t->shape);
    for (size_t i = 0; i < t->out_size; i++)
        sum += dout[i] * t->expected[i];
    return sum;
}

/* An error in a gradient: its largest number is off by a share of itself, or is no number. */
enum plant { NOTHING, WRONG, NO_NUMBER };

static size_t largest_of(const float *x, size_t n)
{
    size_t most = 0;

    for (size_t i = 1; i < n; i++)
        most = fabsf(x[i] - 1) > fabsf(x[most] - 1) ? i : most;
    return most;
}

/* Returns the input whose gradient is now wrong. */
static size_t spoil(const operator *op, enum plant plant, float *din, size_t n)
{
    size_t most = largest_of(din, n);

    if (plant == WRONG)
        din[most] += (float)(3 * op->gradient_tolerance * fmax(1, fabs(din[most] - 1.0)));
    else if (plant == NO_NUMBER)
        din[most] = NAN;
    return most;
}

/* The largest difference between the gradient and a finite difference of the reference, over some inputs, among them
 * the one of the largest gradient; NaN where one is. */
static double gradient_error(trial *t, enum plant plant)
{
    float *din = calloc(t->in_size, sizeof *din), *dout = malloc(t->out_size * sizeof *dout);
    const double h = 1e-4;
    double worst = 0;
    size_t most, tries = plant ? 0 : GRADIENTS;         /* an error is planted where the first look goes */
    zoo_rng rng;

    zoo_rng_init(&rng, 9);
    for (size_t i = 0; i < t->out_size; i++)
        dout[i] = (float)zoo_rng_normal(&rng);
    for (size_t i = 0; i < t->in_size; i++)
        din[i] = 1;                                     /* backward adds to what is there */
    t->op->backward(din, dout, t->in, t->shape);
    most = spoil(t->op, plant, din, t->in_size);
    for (size_t n = 0; n <= tries && n <= t->in_size; n++) {
        size_t i = !n ? most : t->in_size <= GRADIENTS ? n - 1 : zoo_rng_below(&rng, t->in_size);
        double keep = t->exact_in[i], up, down, expected, error;

        t->exact_in[i] = keep + h;
        up = loss(t, dout);
        t->exact_in[i] = keep - h;
        down = loss(t, dout);
        t->exact_in[i] = keep;
        expected = (up - down) / (2 * h);
        error = fabs(din[i] - 1 - expected) / fmax(1, fabs(expected));
        if (!(error <= worst) && !isnan(worst))
            worst = error;
    }
    free(din);
    free(dout);
    return worst;
}

static int has_gradient(const operator *op, const size_t *shape)
{
    trial t = trial_open(op, shape);
    double error = gradient_error(&t, NOTHING);

    if (!(error <= op->gradient_tolerance))
        fprintf(stderr, "%s (%zu, %zu, %zu): gradient off by %g, %g is allowed\n", op->name, shape[0], shape[1],
                shape[2], error, op->gradient_tolerance);
    trial_close(&t);
    return error <= op->gradient_tolerance;
}

static int all_agree(void)
{
    int bad = 0;

    for (size_t o = 0; o < OPERATORS; o++)
        for (size_t n = 0; n < SHAPES && operators[o].shapes[n][0]; n++) {
            const operator *op = &operators[o];

            bad += !agrees(op, op->shapes[n]);
            if (op->backward && op->outputs(op->shapes[n]) <= GRADIENT_OUTPUTS)
                bad += !has_gradient(op, op->shapes[n]);
        }
    return bad;
}

static void operators_and_gradients_agree_with_the_scalar_reference(void **state)
{
    (void)state;
    assert_int_equal(all_agree(), 0);
}

/* This program again, with other instructions forbidden: 0 where all agree. */
static int run_with(const char *isa)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        setenv("ONEDNN_MAX_CPU_ISA", isa, 1);
        execl("/proc/self/exe", "test_operators", "--agree", (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return status;
}

static void so_they_do_on_every_instruction_set(void **state)
{
    static const char *const sets[] = { "SSE41", "AVX2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16" };

    (void)state;
#if !defined __x86_64__
    return;                             /* there is one set of kernels */
#endif
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (run_with(sets[i]) != 0) {
            print_error("ONEDNN_MAX_CPU_ISA=%s: operators disagree\n", sets[i]);
            fail();
        }
}

static void wrong_norm(float *out, const float *in, const size_t s[], void *prepared)
{
    norm(out, in, s, prepared);
    out[0] += 1e-3f;
}

static void nan_norm(float *out, const float *in, const size_t s[], void *prepared)
{
    norm(out, in, s, prepared);
    out[0] = NAN;
}

static void the_comparison_can_fail(void **state)
{
    operator op = { "planted", ROWS, norm_inputs, rows_size, NULL, NULL, NULL, wrong_norm, reference_norm, 5e-6, NULL,
                    0 };

    (void)state;
    fprintf(stderr, "two planted errors follow:\n");
    assert_false(agrees(&op, op.shapes[2]));
    op.fast = nan_norm;
    assert_false(agrees(&op, op.shapes[2]));
}

/* One position's gradient is forgotten: that of distance 0. */
static void wrong_attention_bwd(float *din, const float *dout, const float *in, const size_t s[])
{
    float *row = din + 3*s[T_]*s[D_] + s[A_]*s[D_];

    trained_f32_bwd(din, dout, in, s);
    for (size_t c = 0; c < s[D_]; c++)
        row[c] = 1;
}

static void nan_attention_bwd(float *din, const float *dout, const float *in, const size_t s[])
{
    trained_f32_bwd(din, dout, in, s);
    for (size_t i = 0; i < s[T_]*s[D_]; i += 5)
        din[i] = NAN;
}

static void the_gradient_check_can_fail(void **state)
{
    operator op = { "planted", { { 3, 2, 2 } }, attention_inputs, attention_outputs, NULL, NULL, NULL, trained_f32_fwd,
                    reference_trained_f32, 1e-5, wrong_attention_bwd, 2e-5 };

    (void)state;
    fprintf(stderr, "two planted errors follow:\n");
    assert_false(has_gradient(&op, op.shapes[0]));
    op.backward = nan_attention_bwd;
    assert_false(has_gradient(&op, op.shapes[0]));
}

/* In every operator of the table, at every shape that gradients are checked at. */
static void an_error_planted_in_any_gradient_is_found(void **state)
{
    (void)state;
    for (size_t o = 0; o < OPERATORS; o++)
        for (size_t n = 0; n < SHAPES && operators[o].shapes[n][0]; n++) {
            const operator *op = &operators[o];
            trial t;

            if (!op->backward || op->outputs(op->shapes[n]) > GRADIENT_OUTPUTS)
                continue;
            t = trial_open(op, op->shapes[n]);
            if (gradient_error(&t, WRONG) <= op->gradient_tolerance ||
                gradient_error(&t, NO_NUMBER) <= op->gradient_tolerance) {
                print_error("%s (%zu, %zu, %zu): a wrong gradient passed\n", op->name, op->shapes[n][0],
                            op->shapes[n][1], op->shapes[n][2]);
                fail();
            }
            trial_close(&t);
        }
}

enum timed { FAST, BACKWARD, REFERENCE };

static void run_once(trial *t, enum timed what, float *din)
{
    if (what == FAST)
        t->op->fast(t->out, t->in, t->shape, t->prepared);
    else if (what == BACKWARD)
        t->op->backward(din, t->out, t->in, t->shape);
    else
        t->op->reference(t->expected, t->exact_in, t->shape);
}

/* Least time of some runs, in microseconds. */
static double time_of(trial *t, enum timed what)
{
    uint64_t least = UINT64_MAX, begin = zoo_clock_ns();
    float *din = calloc(t->in_size, sizeof *din);

    for (int i = 0; i < 3 || (i < 1000 && zoo_clock_ns() - begin < 50000000); i++) {
        uint64_t start = zoo_clock_ns(), took;

        run_once(t, what, din);
        took = zoo_clock_ns() - start;
        least = took < least ? took : least;
    }
    free(din);
    return (double)least / 1000;
}

/* The peer of a backward pass is the reference's forward. */
static void print_time(trial *t, enum timed what, double reference)
{
    const operator *op = t->op;
    double ours = time_of(t, what);

    printf("{\"bench\": \"operators\", \"case\": \"%s%s (%zu, %zu, %zu)\", \"ours\": %.2f, \"peer\": %.2f, \"ratio\": "
           "%.3f, \"unit\": \"us\"", op->name, what == BACKWARD ? ", backward" : "", t->shape[0], t->shape[1],
           t->shape[2], ours, reference, reference / ours);
    if (op->flops && what == FAST)
        printf(", \"gflops\": %.1f", op->flops(t->shape) / ours / 1000);
    printf("}\n");
}

/* Of the operators whose names begin with `part`. */
static void time_all(const char *part)
{
    for (size_t o = 0; o < OPERATORS; o++)
        for (size_t n = 0; n < SHAPES && operators[o].shapes[n][0] &&
             !strncmp(operators[o].name, part, strlen(part)); n++) {
            trial t = trial_open(&operators[o], operators[o].shapes[n]);
            double reference = time_of(&t, REFERENCE);

            print_time(&t, FAST, reference);
            if (t.op->backward)
                print_time(&t, BACKWARD, reference);
            trial_close(&t);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_and_gradients_agree_with_the_scalar_reference),
        cmocka_unit_test(so_they_do_on_every_instruction_set),
        cmocka_unit_test(the_comparison_can_fail),
        cmocka_unit_test(the_gradient_check_can_fail),
        cmocka_unit_test(an_error_planted_in_any_gradient_is_found),
    };

    if (argc > 1 && !strcmp(argv[1], "--agree"))
        return all_agree() != 0;
    if (argc > 1 && !strcmp(argv[1], "--time")) {
        time_all(argc > 2 ? argv[2] : "");
        return 0;
    }
    return cmocka_run_group_tests_name("compute/operators", tests, NULL, NULL);
}
