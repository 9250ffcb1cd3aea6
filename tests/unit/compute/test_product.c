/* One table of shapes; each is computed in every precision and compared with sums in double
 * over what the precision stores. */
#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "compute/product.h"
#include "unit/compute/isa.h"

enum { MOST_ROWS = 300 };
static const struct { size_t rows, outputs, inputs; } shapes[] = {
    { 1, 1, 1 }, { 2, 3, 5 }, { 3, 24, 40 }, { 15, 40, 24 }, { 17, 80, 112 }, { 14, 112, 80 }, { 29, 6, 31 },
        { 16, 33, 96 },
    { 5, 64, 384 }, { 131, 50, 70 }, { MOST_ROWS, 33, 33 }, { 40, 96, 768 }, { 1, 768, 768 }, { 7, 48, 1536 },
        { 2, 33, 3072 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void fill(float *x, size_t n, uint64_t seed, float offset)
{
    zoo_rng rng;

    zoo_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)zoo_rng_normal(&rng) + offset;
}

static float *floats(size_t n)
{
    float *x = malloc((n ? n : 1) * sizeof *x);

    assert_non_null(x);
    return x;
}

/* A problem with its memory. */
struct problem {
    size_t rows, outputs, inputs;
    float *x, *w, *bias, *y;
    zoo_product *product;
    zoo_input input;
    void *memory;
    zoo_output out;
};

static void *aligned(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);

    assert_non_null(memory);
    return memory;
}

static void problem_init(struct problem *p, enum zoo_precision precision, size_t rows, size_t outputs, size_t inputs)
{
    zoo_err err;

    *p = (struct problem){ .rows = rows, .outputs = outputs, .inputs = inputs };
    p->x = floats(rows * inputs);
    p->w = floats(outputs * inputs);
    p->bias = floats(outputs);
    p->y = floats(rows * outputs);
    fill(p->x, rows * inputs, 1, 0.25f);
    fill(p->w, outputs * inputs, 2, 0);
    fill(p->bias, outputs, 3, 0);
    assert_int_equal(zoo_product_new(&p->product, precision, outputs, inputs, p->w, p->bias, &err), ZOO_OK);
    assert_true(zoo_product_bytes(p->product) > outputs * inputs *
                (precision == ZOO_PRECISION_F32 ? 4 : precision == ZOO_PRECISION_BF16 ? 2 : 1));
    p->memory = aligned(zoo_input_bytes(precision, rows, inputs));
    /* NaN, where something is read that was not written */
    memset(p->memory, 0xff, zoo_input_bytes(precision, rows, inputs));
    zoo_input_place(&p->input, precision, rows, inputs, p->memory);
    zoo_input_fill(&p->input, 0, rows, p->x, inputs);
    p->out = (zoo_output){ .data = p->y, .stride = outputs };
}

static void problem_release(struct problem *p)
{
    zoo_product_free(p->product);
    free(p->memory);
    free(p->x);
    free(p->w);
    free(p->bias);
    free(p->y);
}

static void run(void *context, const zoo_member *me)
{
    struct problem *p = context;

    zoo_product_run(p->product, &p->input, p->rows, &p->out, me);
}

static void run_with(struct problem *p, unsigned threads)
{
    zoo_team *team;

    assert_int_equal(zoo_team_new(&team, threads, ZOO_UNPINNED, NULL), ZOO_OK);
    memset(p->y, 0xff, p->rows * p->outputs * sizeof *p->y);
    zoo_team_run(team, run, p);
    zoo_team_free(team);
}

static double as_bf16(float x)
{
    union { float value; uint32_t bits; } u = { x };

    u.bits = (u.bits + 0x7fff + (u.bits >> 16 & 1)) & 0xffff0000u;
    return u.value;
}

/* What an element of x or w is worth in a precision; for int8 x is read back from the input. */
static double x_value(const struct problem *p, size_t r, size_t i)
{
    if (p->input.precision == ZOO_PRECISION_INT8)
        return (double)p->input.scales[r] * (((const uint8_t *)p->input.data)[r * p->input.stride + i] -
                                             p->input.zeros[r]);
    return p->input.precision == ZOO_PRECISION_BF16 ? as_bf16(p->x[r * p->inputs + i]) :
           (double)p->x[r * p->inputs + i];
}

/* out (I): output o's weights */
static void w_values(const struct problem *p, size_t o, double *out)
{
    const float *w = p->w + o * p->inputs;
    float most = 0;

    for (size_t i = 0; i < p->inputs; i++)
        most = fmaxf(most, fabsf(w[i]));
    for (size_t i = 0; i < p->inputs; i++)
        out[i] = p->input.precision == ZOO_PRECISION_INT8 ? (double)(most / 127) * lrintf(w[i] * (1 / (most / 127)))
               : p->input.precision == ZOO_PRECISION_BF16 ? as_bf16(w[i]) : (double)w[i];
}

/* The largest difference from the sums in double, in units of the sum of magnitudes. */
static double worst(const struct problem *p)
{
    double most = 0;
    double *w = malloc(p->inputs * sizeof *w);

    assert_non_null(w);
    for (size_t o = 0; o < p->outputs; o++) {
        w_values(p, o, w);
        for (size_t r = 0; r < p->rows; r++) {
            double sum = p->bias[o], magnitude = fabs(sum);
            for (size_t i = 0; i < p->inputs; i++) {
                double product = x_value(p, r, i) * w[i];
                sum += product;
                magnitude += fabs(product);
            }
            double difference = fabs(p->y[r * p->outputs + o] - sum) / magnitude;
            if (!(difference <= most))
                most = difference;
        }
    }
    free(w);
    return most;
}

static void agrees_with_sums_in_double(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++)
        for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_INT8; precision++) {
            struct problem p;
            problem_init(&p, (enum zoo_precision)precision, shapes[s].rows, shapes[s].outputs, shapes[s].inputs);
            run_with(&p, 1);
            double error = worst(&p);
            if (!(error <= 2e-6))
                fail_msg("%s, %zu x %zu x %zu: off by %g", zoo_precision_name((enum zoo_precision)precision), p.rows,
                         p.outputs, p.inputs, error);
            problem_release(&p);
        }
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++)
        for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_INT8; precision++) {
            struct problem p;
            problem_init(&p, (enum zoo_precision)precision, shapes[s].rows, shapes[s].outputs, shapes[s].inputs);
            size_t bytes = p.rows * p.outputs * sizeof *p.y;
            float *one = floats(p.rows * p.outputs);
            run_with(&p, 1);
            memcpy(one, p.y, bytes);
            for (unsigned threads = 2; threads <= 5; threads++) {
                run_with(&p, threads);
                assert_memory_equal(one, p.y, bytes);
            }
            free(one);
            problem_release(&p);
        }
}

static void a_row_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_INT8; precision++) {
        struct problem p;
        problem_init(&p, (enum zoo_precision)precision, MOST_ROWS, 40, 100);
        float *all = floats(p.rows * p.outputs);
        run_with(&p, 1);
        memcpy(all, p.y, p.rows * p.outputs * sizeof *all);
        for (size_t rows = 1; rows < 40; rows++) {
            p.rows = rows;
            zoo_input_fill(&p.input, 0, rows, p.x + (MOST_ROWS - rows) * p.inputs, p.inputs);
            run_with(&p, 1);
            assert_memory_equal(all + (MOST_ROWS - rows) * p.outputs, p.y, rows * p.outputs * sizeof *all);
        }
        free(all);
        problem_release(&p);
    }
}

static double activated(enum zoo_activation activation, double x)
{
    switch (activation) {
    case ZOO_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case ZOO_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    case ZOO_RELU: return x < 0 ? 0 : x;
    case ZOO_TANH: return tanh(x);
    case ZOO_SILU: return x / (1 + exp(-x));
    case ZOO_IDENTITY: break;
    }
    return x;
}

/* W = 1: y is the activation of x. */
static void activations_are_accurate(void **state)
{
    static const float one[1] = { 1 };
    enum { N = 4001 };

    (void)state;
    for (int activation = ZOO_IDENTITY; activation <= ZOO_SILU; activation++) {
        struct problem p;
        problem_init(&p, ZOO_PRECISION_F32, N, 1, 1);
        zoo_product_free(p.product);
        assert_int_equal(zoo_product_new(&p.product, ZOO_PRECISION_F32, 1, 1, one, NULL, NULL), ZOO_OK);
        for (int i = 0; i < N; i++)
            p.x[i] = (float)(i - N / 2) * 0.01f;
        p.x[0] = -1e30f;
        p.x[1] = 1e30f;
        zoo_input_fill(&p.input, 0, N, p.x, 1);
        p.out.activation = (enum zoo_activation)activation;
        run_with(&p, 1);
        for (int i = 0; i < N; i++) {
            double expected = activated(p.out.activation, p.x[i]), difference = fabs(p.y[i] - expected);
            if (!(difference <= 1e-6 * fmax(1, fabs(expected))))
                fail_msg("activation %d of %g is %.9g, not %.9g", activation, (double)p.x[i], (double)p.y[i], expected);
        }
        problem_release(&p);
    }
}

static void nan_stays_nan(void **state)
{
    (void)state;
    for (int activation = ZOO_IDENTITY; activation <= ZOO_SILU; activation++)
        for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_BF16; precision++) {
            struct problem p;
            problem_init(&p, (enum zoo_precision)precision, 3, 5, 7);
            p.x[7] = NAN;
            zoo_input_fill(&p.input, 0, 3, p.x, 7);
            p.out.activation = (enum zoo_activation)activation;
            run_with(&p, 1);
            for (size_t o = 0; o < 5; o++) {
                assert_false(isnan(p.y[o]));
                assert_true(isnan(p.y[5 + o]));
                assert_false(isnan(p.y[10 + o]));
            }
            problem_release(&p);
        }
}

/* Results that go straight into the next product's input are those that zoo_input_fill would have put there. */
static void the_next_input_is_the_rounded_output(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct problem p;
        zoo_input filled, direct;
        problem_init(&p, ZOO_PRECISION_BF16, shapes[s].rows, shapes[s].outputs, shapes[s].inputs);
        size_t bytes = zoo_input_bytes(ZOO_PRECISION_BF16, p.rows, p.outputs);
        void *memory = aligned(bytes), *other = aligned(bytes);
        zoo_input_place(&filled, ZOO_PRECISION_BF16, p.rows, p.outputs, memory);
        zoo_input_place(&direct, ZOO_PRECISION_BF16, p.rows, p.outputs, other);
        p.out.activation = ZOO_GELU;
        run_with(&p, 2);
        zoo_input_fill(&filled, 0, p.rows, p.y, p.outputs);
        p.out.data = NULL;
        p.out.next = &direct;
        run_with(&p, 2);
        assert_memory_equal(memory, other, bytes);
        free(memory);
        free(other);
        problem_release(&p);
    }
}

static void int8_keeps_a_row_within_half_a_step(void **state)
{
    struct problem p;

    (void)state;
    problem_init(&p, ZOO_PRECISION_INT8, 40, 3, 100);
    memset(p.x, 0, 100 * sizeof *p.x);                              /* a row of zeros */
    for (size_t i = 0; i < 100; i++)
        p.x[100 + i] = 5 + (float)i * 0.01f, p.x[200 + i] = -5 - (float)i;       /* rows of one sign */
    zoo_input_fill(&p.input, 0, 40, p.x, 100);
    for (size_t r = 0; r < 40; r++)
        for (size_t i = 0; i < 100; i++)
            assert_true(fabs(x_value(&p, r, i) - (double)p.x[r * 100 + i]) <= 0.51 * (double)p.input.scales[r] + 1e-12);
    run_with(&p, 1);
    assert_true(worst(&p) <= 2e-6);
    problem_release(&p);
}

static void weights_that_are_not_finite_are_refused(void **state)
{
    float w[6] = { 1, 2, 3, 4, NAN, 6 }, bias[2] = { 0, INFINITY };
    zoo_product *product;
    zoo_err err;

    (void)state;
    for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_INT8; precision++) {
        assert_int_equal(zoo_product_new(&product, (enum zoo_precision)precision, 2, 3, w, NULL, &err), ZOO_EFORMAT);
        assert_null(product);
        assert_non_null(strstr(err.message, "not a finite number"));
    }
    w[4] = 5;
    assert_int_equal(zoo_product_new(&product, ZOO_PRECISION_F32, 2, 3, w, bias, &err), ZOO_EFORMAT);
    assert_int_equal(zoo_product_new(&product, ZOO_PRECISION_F32, 0, 3, w, NULL, &err), ZOO_EFORMAT);
    zoo_product_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_sums_in_double),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(a_row_does_not_depend_on_its_batch),
        cmocka_unit_test(activations_are_accurate),
        cmocka_unit_test(nan_stays_nan),
        cmocka_unit_test(the_next_input_is_the_rounded_output),
        cmocka_unit_test(int8_keeps_a_row_within_half_a_step),
        cmocka_unit_test(weights_that_are_not_finite_are_refused),
        cmocka_unit_test(lesser_processors_pass_too),
    };
    return cmocka_run_group_tests_name("compute/product", tests, NULL, NULL);
}
