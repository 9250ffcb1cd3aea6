/* rows.c - operators of encoders on rows of floats, each forward beside its backward: layer norm with its residual,
 * activations, pooling, unit length; see rows.h. */
#include "compute/rows.h"
#include <math.h>
#include <string.h>
#include "compute/cpu.h"
#include "compute/rows_kernel.h"

enum { ROWS_AT_ONCE = 8 };              /* of a norm, before they are read again from the first-level cache */

static const zoo_rows_kernel *choose(void)
{
#if defined(__x86_64__)
    enum zoo_cpu level = zoo_cpu_level();

    if (level >= ZOO_CPU_AVX512)
        return &zoo_rows_avx512;
    if (level >= ZOO_CPU_AVX2)
        return &zoo_rows_avx2;
#endif
    return &zoo_rows_portable;
}

void zoo_norm_fwd(const zoo_norm *norm, float *y, zoo_input *next, const float *x, const float *residual, size_t first,
                  size_t count)
{
    const zoo_rows_kernel *kernel = choose();
    size_t width = norm->width;

    for (size_t end = first + count; first < end; first += ROWS_AT_ONCE) {
        size_t at = first * width, rows = end - first < ROWS_AT_ONCE ? end - first : ROWS_AT_ONCE;

        kernel->norm(y + at, NULL, NULL, x + at, residual ? residual + at : NULL, norm->gain, norm->shift, rows, width,
                     norm->eps);
        if (next)
            zoo_input_fill(next, first, rows, y + at, width);
    }
}

void zoo_layernorm_fwd(float *out, float *normal, float *scale, const float *x, const float *gain, const float *bias,
                       size_t B, size_t D, float eps)
{
    choose()->norm(out, normal, scale, x, NULL, gain, bias, B, D, eps);
}

void zoo_layernorm_bwd(float *dx, const float *dout, const float *normal, const float *scale, const float *gain,
                       size_t B, size_t D)
{
    choose()->norm_bwd(dx, dout, normal, scale, gain, B, D);
}

void zoo_layernorm_bwd_columns(float *dgain, float *dbias, const float *dout, const float *normal, size_t B, size_t D,
                               size_t first, size_t end)
{
    choose()->norm_bwd_columns(dgain, dbias, dout, normal, B, D, first, end);
}

void zoo_activation_fwd(enum zoo_activation activation, float *y, const float *x, size_t n)
{
    choose()->activation(activation, y, x, n);
}

void zoo_activation_through(enum zoo_activation activation, float *dx, const float *dout, const float *x, size_t n)
{
    choose()->activation_bwd(activation, dx, dout, x, n);
}

void zoo_dropout(const zoo_coins *coins, float *out, const float *x, size_t first, size_t B, size_t D)
{
    if (coins->dropped_below)
        choose()->drop(coins, out, x, first, B, D);
    else if (out != x)
        memcpy(out, x, B * D * sizeof *out);
}

void zoo_mean_fwd(float *y, const float *x, size_t B, size_t D)
{
    memset(y, 0, D * sizeof *y);
    for (size_t b = 0; b < B; b++)
#pragma omp simd
        for (size_t d = 0; d < D; d++)
            y[d] += x[b*D + d];
    for (size_t d = 0; d < D; d++)
        y[d] /= (float)B;
}

void zoo_unit_fwd(float *y, const float *x, size_t n)
{
    double squares = 0;
    float factor;

    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * x[i];
    factor = squares > 0 ? (float)(1 / sqrt(squares)) : 0;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * factor;
}
