/* operators.h - one table of the encoder's operators. A row says which shapes to try, how to run the fast version and
 * the scalar reference in double, how close they must be, and how to run the backward. test_operators.c walks it three
 * times: agreement, gradients by finite differences of the reference, and time (--time).
 * Inputs and outputs of an operator are one flat array each. */
#ifndef ZOO_TESTS_OPERATORS_H
#define ZOO_TESTS_OPERATORS_H
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/attend.h"
#include "compute/attention.h"
#include "compute/cpu.h"
#include "compute/product_kernel.h"
#include "compute/reference.h"
#include "compute/rows.h"

enum { DIMENSIONS = 3, SHAPES = 8 };

typedef struct operator {
    const char *name;
    size_t shapes[SHAPES][DIMENSIONS];                                          /* ends with zeros */
    size_t (*inputs)(const size_t s[DIMENSIONS]), (*outputs)(const size_t s[DIMENSIONS]);
    double (*flops)(const size_t s[DIMENSIONS]);                                /* or NULL */
    void *(*prepare)(const float *in, const size_t s[DIMENSIONS]);              /* what is made once; or NULL */
    void (*release)(void *prepared);
    void (*fast)(float *out, const float *in, const size_t s[DIMENSIONS], void *prepared);
    void (*reference)(double *out, const double *in, const size_t s[DIMENSIONS]);
    double tolerance;                                                           /* relative to max(1, |expected|) */
    /* din += gradient of sum(dout * out); NULL: none. */
    void (*backward)(float *din, const float *dout, const float *in, const size_t s[DIMENSIONS]);
    double gradient_tolerance;
} operator;

/* ---- attention: T tokens, head size d, 2A rows of a table; in: q, k, v side by side (T, 3d), tables (2A, d) ---- */
enum { T_, D_, A_ };

static size_t attention_inputs(const size_t s[]) { return 3*s[T_]*s[D_] + 4*s[A_]*s[D_]; }
static size_t attention_outputs(const size_t s[]) { return s[T_]*s[D_]; }
static double attention_flops(const size_t s[]) { return (s[A_] ? 8.0 : 4.0) * (double)(s[T_]*s[T_]*s[D_]); }

typedef struct prepared_attention {
    zoo_attention_positions *positions;
    int32_t *columns;
    void *scratch;
} prepared_attention;

/* Buckets as DeBERTa has them: as many as A, logarithmic up to 2A. */
static int32_t *columns_of(size_t T, size_t A, int max_relative)
{
    int32_t *columns = malloc((2*T - 1) * sizeof *columns);

    zoo_position_columns(columns, T - 1, A, (int)A, max_relative);
    return columns;
}

static void *prepare_attention_with(const float *in, const size_t s[], enum zoo_precision precision, int max_relative)
{
    prepared_attention *p = calloc(1, sizeof *p);
    const float *key = in + 3*s[T_]*s[D_], *query = key + 2*s[A_]*s[D_];
    size_t bytes = zoo_attention_scratch(s[T_], s[D_], s[A_]);

    p->scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!s[A_])
        return p;
    p->columns = columns_of(s[T_], s[A_], max_relative);
    if (zoo_attention_positions_new(&p->positions, precision, s[A_], 1, s[D_], key, query, NULL))
        abort();
    return p;
}

static void *prepare_f32(const float *in, const size_t s[])
{
    return prepare_attention_with(in, s, ZOO_PRECISION_F32, 2 * (int)s[A_]);
}
static void *prepare_bf16(const float *in, const size_t s[])
{
    return prepare_attention_with(in, s, ZOO_PRECISION_BF16, 2 * (int)s[A_]);
}
static void *prepare_int8(const float *in, const size_t s[])
{
    return prepare_attention_with(in, s, ZOO_PRECISION_INT8, 2 * (int)s[A_]);
}
/* Buckets that leap: half the distances in the first half of the columns, the rest in a few steps. */
static void *prepare_apart(const float *in, const size_t s[])
{
    return prepare_attention_with(in, s, ZOO_PRECISION_F32, (int)s[A_] / 2 + 2);
}

static void release_attention(void *prepared)
{
    prepared_attention *p = prepared;

    zoo_attention_positions_free(p->positions);
    free(p->columns);
    free(p->scratch);
    free(p);
}

static void attend(float *out, const float *in, const size_t s[], const prepared_attention *p,
                   enum zoo_precision precision)
{
    zoo_attention a = {
        .T = s[T_], .d = s[D_], .scale = 1 / sqrtf((s[A_] ? 3.0f : 1.0f) * (float)s[D_]), .columns = p->columns,
        .max_distance = s[T_] - 1,
        .positions = p->positions, .q = in, .k = in + s[D_], .v = in + 2*s[D_], .stride = 3*s[D_], .queries = s[T_],
        .out = out, .out_stride = s[D_]
    };

    zoo_attention_run(&a, precision, p->scratch);
}

static void attend_f32(float *out, const float *in, const size_t s[],
                       void *p) { attend(out, in, s, p, ZOO_PRECISION_F32); }
static void attend_bf16(float *out, const float *in, const size_t s[],
                        void *p) { attend(out, in, s, p, ZOO_PRECISION_BF16); }
static void attend_int8(float *out, const float *in, const size_t s[],
                        void *p) { attend(out, in, s, p, ZOO_PRECISION_INT8); }

static void reference_probabilities(double *out, double *p, const double *in, const size_t s[], int max_relative)
{
    size_t n = s[T_]*s[D_];
    double *q = malloc(3*n * sizeof *q), *k = q + n, *v = k + n;
    const double *key = in + 3*n, *query = key + 2*s[A_]*s[D_];
    int32_t *columns = s[A_] ? columns_of(s[T_], s[A_], max_relative) : NULL;

    for (size_t i = 0; i < s[T_]; i++)
        for (size_t c = 0; c < s[D_]; c++)
            for (size_t which = 0; which < 3; which++)
                q[which*n + i*s[D_] + c] = in[i*3*s[D_] + which*s[D_] + c];
    zoo_reference_attention(out, p, q, k, v, s[A_] ? key : NULL, s[A_] ? query : NULL, columns,
                            1 / sqrt((s[A_] ? 3 : 1) * (double)s[D_]), s[T_], s[D_]);
    free(columns);
    free(q);
}

static void reference_attention(double *out, const double *in, const size_t s[], int max_relative)
{
    reference_probabilities(out, NULL, in, s, max_relative);
}

static void reference_attend(double *out, const double *in, const size_t s[])
{
    reference_attention(out, in, s, 2 * (int)s[A_]);
}
static void reference_apart(double *out, const double *in, const size_t s[])
{
    reference_attention(out, in, s, (int)s[A_] / 2 + 2);
}

/* What is multiplied is rounded first: what is left is the rounding of the probabilities. */
static void reference_rounded(double *out, const double *in, const size_t s[])
{
    size_t n = attention_inputs(s);
    double *rounded = malloc(n * sizeof *rounded);

    for (size_t i = 0; i < n; i++)
        rounded[i] = (double)zoo_bf16_float(zoo_float_bf16((float)in[i]));
    reference_attend(out, rounded, s);
    free(rounded);
}

/* A row as bytes with a scale. */
static void round_row(double *x, size_t d)
{
    float most = 0;

    for (size_t c = 0; c < d; c++)
        most = fmaxf(most, fabsf((float)x[c]));
    for (size_t c = 0; c < d; c++)
        x[c] = most > 0 ? (double)(nearbyintf((float)x[c] * (127 / most)) * most / 127) : 0;
}

/* The same where bytes are multiplied: all but the values. */
static void reference_bytes(double *out, const double *in, const size_t s[])
{
    size_t n = attention_inputs(s), d = s[D_];
    double *rounded = malloc(n * sizeof *rounded);

    if (zoo_cpu_level() < ZOO_CPU_VNNI) {
        reference_rounded(out, in, s);
    } else {
        memcpy(rounded, in, n * sizeof *rounded);
        for (size_t row = 0; row < n / d; row++)
            if (row >= 3*s[T_] || row % 3 < 2)
                round_row(rounded + row*d, d);
        reference_attend(out, rounded, s);
    }
    free(rounded);
}

/* ---- attention in training: probabilities dropped, with a backward pass ---- */

static zoo_coins coins_of_test(void) { return zoo_coins_of(5, 6, 7, 0.25); }

static zoo_attend attend_of(const float *in, const size_t s[], size_t queries, enum zoo_precision precision,
                            const int32_t *columns)
{
    const float *key = in + 3*s[T_]*s[D_];
    zoo_attend a = {
        .T = s[T_], .d = s[D_], .queries = queries, .precision = precision,
        .scale = 1 / sqrtf((s[A_] ? 3.0f : 1.0f) * (float)s[D_]),
        .q = in, .k = in + s[D_], .v = in + 2*s[D_], .stride = 3*s[D_], .pos_stride = s[D_], .coins = coins_of_test(),
        .first_row = 11
    };

    if (columns) {
        a.columns = columns + s[T_] - 1;
        a.first_column = columns[0];
        a.C = (size_t)(columns[2*s[T_] - 2] - columns[0]) + 1;
        a.pos_key = key + (size_t)a.first_column*s[D_];
        a.pos_query = a.pos_key + 2*s[A_]*s[D_];
    }
    return a;
}

/* Forward where din is NULL. */
static void train_attention(float *out, float *din, const float *dout, const float *in, const size_t s[],
                            size_t queries, enum zoo_precision precision)
{
    int32_t *columns = s[A_] ? columns_of(s[T_], s[A_], 2 * (int)s[A_]) : NULL;
    zoo_attend a = attend_of(in, s, queries, precision, columns);
    float *scratch = malloc(zoo_attend_scratch(a.T, a.d, a.C) * sizeof *scratch);

    if (din) {
        zoo_attend_gradients g = { .q = din, .k = din + s[D_], .v = din + 2*s[D_] };

        if (columns) {
            g.pos_key = din + (a.pos_key - in);
            g.pos_query = din + (a.pos_query - in);
        }
        zoo_attend_bwd(&a, dout, s[D_], &g, scratch);
    } else {
        zoo_attend_fwd(&a, out, s[D_], scratch);
    }
    free(scratch);
    free(columns);
}

static void reference_dropped(double *out, const double *in, const size_t s[], size_t queries)
{
    size_t T = s[T_], d = s[D_];
    double *all = malloc((T*d + T*T) * sizeof *all), *p = all + T*d;
    const zoo_coins coins = coins_of_test();

    reference_probabilities(all, p, in, s, 2 * (int)s[A_]);
    for (size_t i = 0; i < queries; i++)
        for (size_t c = 0; c < d; c++) {
            out[i*d + c] = 0;
            for (size_t j = 0; j < T; j++)
                out[i*d + c] += p[i*T + j] * (double)zoo_coin(&coins, zoo_coins_row(&coins, 11 + i), (uint32_t)j) *
                    in[j*3*d + 2*d + c];
        }
    free(all);
}

#define TRAINED(name, queries, precision) \
    static void name##_fwd(float *out, const float *in, const size_t s[], void *prepared) \
    { \
        (void)prepared; \
        train_attention(out, NULL, NULL, in, s, queries, precision); \
    } \
    static void name##_bwd(float *din, const float *dout, const float *in, const size_t s[]) \
    { \
        train_attention(NULL, din, dout, in, s, queries, precision); \
    } \
    static void reference_##name(double *out, const double *in, const size_t s[]) \
    { \
        reference_dropped(out, in, s, queries); \
    }
TRAINED(trained_f32, s[T_], ZOO_PRECISION_F32)
TRAINED(trained_bf16, s[T_], ZOO_PRECISION_BF16)
TRAINED(first_f32, 1, ZOO_PRECISION_F32)
TRAINED(first_bf16, 1, ZOO_PRECISION_BF16)
static size_t first_outputs(const size_t s[]) { return s[D_]; }

/* ---- rows: R rows of width W ---- */
enum { R_, W_ };

static size_t rows_size(const size_t s[]) { return s[R_]*s[W_]; }
static size_t row_size(const size_t s[]) { return s[W_]; }

/* in: x, residual (R, W), gain, shift (W) */
static size_t norm_inputs(const size_t s[]) { return 2*s[R_]*s[W_] + 2*s[W_]; }

static void norm(float *out, const float *in, const size_t s[], void *prepared)
{
    const float *gain = in + 2*rows_size(s);
    zoo_norm n = { .gain = gain, .shift = gain + s[W_], .width = s[W_], .eps = 1e-7f };

    (void)prepared;
    zoo_norm_fwd(&n, out, NULL, in, in + rows_size(s), 0, s[R_]);
}

static void reference_norm(double *out, const double *in, const size_t s[])
{
    const double *gain = in + 2*rows_size(s);

    for (size_t r = 0; r < s[R_]; r++)
        zoo_reference_norm(out + r*s[W_], in + r*s[W_], in + rows_size(s) + r*s[W_], gain, gain + s[W_], 1e-7, s[W_]);
}

static void norm_bwd(float *din, const float *dout, const float *in, const size_t s[])
{
    size_t n = rows_size(s);
    const float *gain = in + 2*n;
    float *memory = calloc(3*n + s[R_], sizeof *memory), *sum = memory, *normal = sum + n, *dx = normal + n,
                    *scale = dx + n;

    for (size_t i = 0; i < n; i++)
        sum[i] = in[i] + in[n + i];
    zoo_layernorm_fwd(sum, normal, scale, sum, gain, gain + s[W_], s[R_], s[W_], 1e-7f);
    zoo_layernorm_bwd(dx, dout, normal, scale, gain, s[R_], s[W_]);
    for (size_t i = 0; i < n; i++) {
        din[i] += dx[i];
        din[n + i] += dx[i];
    }
    zoo_layernorm_bwd_columns(din + 2*n, din + 2*n + s[W_], dout, normal, s[R_], s[W_], 0, s[W_]);
    free(memory);
}

static void drop(float *out, const float *in, const size_t s[], void *prepared)
{
    const zoo_coins coins = coins_of_test();

    (void)prepared;
    zoo_dropout(&coins, out, in, 3, s[R_], s[W_]);
}

static void drop_bwd(float *din, const float *dout, const float *in, const size_t s[])
{
    float *dx = malloc(rows_size(s) * sizeof *dx);

    (void)in;
    drop(dx, dout, s, NULL);
    for (size_t i = 0; i < rows_size(s); i++)
        din[i] += dx[i];
    free(dx);
}

static void reference_drop(double *out, const double *in, const size_t s[])
{
    const zoo_coins coins = coins_of_test();

    for (size_t i = 0; i < rows_size(s); i++)
        out[i] = in[i] * (double)zoo_coin(&coins, zoo_coins_row(&coins, 3 + i / s[W_]), (uint32_t)(i % s[W_]));
}

#define ACTIVATION(name, kind) \
    static void name(float *out, const float *in, const size_t s[], void *prepared) \
    { \
        (void)prepared; \
        zoo_activation_fwd(kind, out, in, rows_size(s)); \
    } \
    static void reference_##name(double *out, const double *in, const size_t s[]) \
    { \
        for (size_t i = 0; i < rows_size(s); i++) \
            out[i] = zoo_reference_activation(kind, in[i]); \
    } \
    static void name##_bwd(float *din, const float *dout, const float *in, const size_t s[]) \
    { \
        float *dx = malloc(rows_size(s) * sizeof *dx); \
        zoo_activation_through(kind, dx, dout, in, rows_size(s)); \
        for (size_t i = 0; i < rows_size(s); i++) \
            din[i] += dx[i]; \
        free(dx); \
    }
ACTIVATION(gelu, ZOO_GELU)
ACTIVATION(gelu_tanh, ZOO_GELU_TANH)
ACTIVATION(relu, ZOO_RELU)
ACTIVATION(tanh_, ZOO_TANH)
ACTIVATION(silu, ZOO_SILU)

static void mean(float *out, const float *in, const size_t s[], void *prepared)
{
    (void)prepared;
    zoo_mean_fwd(out, in, s[R_], s[W_]);
}
static void reference_mean(double *out, const double *in, const size_t s[])
{
    zoo_reference_mean(out, in, s[R_], s[W_]);
}

static void unit(float *out, const float *in, const size_t s[], void *prepared)
{
    (void)prepared;
    for (size_t r = 0; r < s[R_]; r++)
        zoo_unit_fwd(out + r*s[W_], in + r*s[W_], s[W_]);
}
static void reference_unit(double *out, const double *in, const size_t s[])
{
    for (size_t r = 0; r < s[R_]; r++)
        zoo_reference_unit(out + r*s[W_], in + r*s[W_], s[W_]);
}

/* ---- the table ---- */
#define PLAIN { { 1, 64 }, { 2, 5 }, { 13, 8 }, { 16, 32 }, { 64, 32 }, { 128, 64 }, { 131, 33 } }
#define DISENTANGLED { { 1, 64, 256 }, { 16, 64, 256 }, { 64, 64, 256 }, { 128, 64, 256 }, { 512, 64, 256 }, \
                       { 77, 7, 8 }, { 50, 33, 2 } }
#define TRAINING { { 1, 64, 256 }, { 13, 8, 0 }, { 31, 16, 8 }, { 64, 32, 0 }, { 40, 32, 64 }, { 29, 7, 4 }, \
                   { 96, 64, 256 } }
#define ROWS { { 1, 1 }, { 3, 7 }, { 5, 100 }, { 64, 768 }, { 128, 3072 } }
#define ACTIVATION_ROW(text, name) { text, ROWS, rows_size, rows_size, NULL, NULL, NULL, name, reference_##name, 1e-6, \
                                     name##_bwd, 5e-6 }

static const operator operators[] = {
    { "attention, plain", PLAIN, attention_inputs, attention_outputs, attention_flops, prepare_f32, release_attention,
      attend_f32, reference_attend, 1e-5, NULL, 0 },
    { "attention, plain, bf16", PLAIN, attention_inputs, attention_outputs, attention_flops, prepare_bf16,
      release_attention, attend_bf16, reference_rounded, 1e-2, NULL, 0 },
    { "attention, disentangled", DISENTANGLED, attention_inputs, attention_outputs, attention_flops, prepare_f32,
      release_attention, attend_f32, reference_attend, 1e-5, NULL, 0 },
    { "attention, disentangled, bf16", DISENTANGLED, attention_inputs, attention_outputs, attention_flops, prepare_bf16,
      release_attention, attend_bf16, reference_rounded, 1e-2, NULL, 0 },
    { "attention, plain, int8", PLAIN, attention_inputs, attention_outputs, attention_flops, prepare_int8,
      release_attention, attend_int8, reference_bytes, 1e-2, NULL, 0 },
    { "attention, disentangled, int8", DISENTANGLED, attention_inputs, attention_outputs, attention_flops, prepare_int8,
      release_attention, attend_int8, reference_bytes, 1e-2, NULL, 0 },
    { "attention, columns far apart", { { 300, 16, 256 }, { 301, 5, 128 } }, attention_inputs, attention_outputs,
      attention_flops, prepare_apart, release_attention, attend_f32, reference_apart, 1e-5, NULL, 0 },
    { "attention in training", TRAINING, attention_inputs, attention_outputs, attention_flops, NULL, NULL,
      trained_f32_fwd, reference_trained_f32, 1e-5, trained_f32_bwd, 2e-5 },
    { "attention in training, bf16", TRAINING, attention_inputs, attention_outputs, attention_flops, NULL, NULL,
      trained_bf16_fwd, reference_trained_bf16, 5e-2, trained_bf16_bwd, 4e-2 },
    { "attention in training, token 0", TRAINING, attention_inputs, first_outputs, NULL, NULL, NULL, first_f32_fwd,
      reference_first_f32, 1e-5, first_f32_bwd, 2e-5 },
    { "attention in training, token 0, bf16", TRAINING, attention_inputs, first_outputs, NULL, NULL, NULL,
      first_bf16_fwd, reference_first_bf16, 5e-2, first_bf16_bwd, 4e-2 },
    { "layer norm of a sum", ROWS, norm_inputs, rows_size, NULL, NULL, NULL, norm, reference_norm, 5e-6, norm_bwd,
      2e-5 },
    { "dropout", ROWS, rows_size, rows_size, NULL, NULL, NULL, drop, reference_drop, 1e-6, drop_bwd, 1e-6 },
    ACTIVATION_ROW("gelu", gelu),
    ACTIVATION_ROW("gelu by tanh", gelu_tanh),
    ACTIVATION_ROW("relu", relu),
    ACTIVATION_ROW("tanh", tanh_),
    ACTIVATION_ROW("silu", silu),
    { "mean of rows", ROWS, rows_size, row_size, NULL, NULL, NULL, mean, reference_mean, 1e-6, NULL, 0 },
    { "unit length", ROWS, rows_size, rows_size, NULL, NULL, NULL, unit, reference_unit, 1e-6, NULL, 0 },
};
enum { OPERATORS = sizeof operators / sizeof *operators };
#endif
