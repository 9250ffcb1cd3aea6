/* Walks the table of operators: agreement with the scalar reference on every instruction set that the processor has.
 * With --time: microseconds of the fast version and of the reference, one JSON object a line. With --agree: agreement alone. */
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
        fprintf(stderr, "%s (%zu, %zu, %zu): off by %g, %g is allowed\n", op->name, shape[0], shape[1], shape[2], error, op->tolerance);
    trial_close(&t);
    return error <= op->tolerance;
}

static int all_agree(void)
{
    int bad = 0;

    for (size_t o = 0; o < OPERATORS; o++)
        for (size_t s = 0; s < SHAPES && operators[o].shapes[s][0]; s++)
            bad += !agrees(&operators[o], operators[o].shapes[s]);
    return bad;
}

static void operators_agree_with_the_scalar_reference(void **state)
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
    operator op = { "planted", ROWS, norm_inputs, rows_size, NULL, NULL, NULL, wrong_norm, reference_norm, 5e-6 };

    (void)state;
    fprintf(stderr, "two planted errors follow:\n");
    assert_false(agrees(&op, op.shapes[2]));
    op.fast = nan_norm;
    assert_false(agrees(&op, op.shapes[2]));
}

/* Least time of some runs, in microseconds. */
static double time_of(const trial *t, int is_reference)
{
    uint64_t least = UINT64_MAX, begin = zoo_clock_ns();

    for (int i = 0; i < 3 || (i < 1000 && zoo_clock_ns() - begin < 50000000); i++) {
        uint64_t start = zoo_clock_ns(), took;

        if (is_reference)
            t->op->reference(t->expected, t->exact_in, t->shape);
        else
            t->op->fast(t->out, t->in, t->shape, t->prepared);
        took = zoo_clock_ns() - start;
        least = took < least ? took : least;
    }
    return (double)least / 1000;
}

static void time_all(const char *part)
{
    for (size_t o = 0; o < OPERATORS; o++)
        for (size_t n = 0; n < SHAPES && operators[o].shapes[n][0] && strstr(operators[o].name, part); n++) {
            const operator *op = &operators[o];
            trial t = trial_open(op, op->shapes[n]);
            double ours = time_of(&t, 0), peer = time_of(&t, 1);

            printf("{\"bench\": \"operators\", \"case\": \"%s (%zu, %zu, %zu)\", \"ours\": %.2f, \"peer\": %.2f, \"ratio\": %.3f, \"unit\": \"us\"",
                   op->name, t.shape[0], t.shape[1], t.shape[2], ours, peer, peer / ours);
            if (op->flops)
                printf(", \"gflops\": %.1f", op->flops(t.shape) / ours / 1000);
            printf("}\n");
            trial_close(&t);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_agree_with_the_scalar_reference),
        cmocka_unit_test(so_they_do_on_every_instruction_set),
        cmocka_unit_test(the_comparison_can_fail),
    };

    if (argc > 1 && !strcmp(argv[1], "--agree"))
        return all_agree() != 0;
    if (argc > 1 && !strcmp(argv[1], "--time")) {
        time_all(argc > 2 ? argv[2] : "");
        return 0;
    }
    return cmocka_run_group_tests_name("compute/operators", tests, NULL, NULL);
}
