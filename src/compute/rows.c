#include "compute/rows.h"
#include <math.h>

static void norm_row(const zoo_norm *norm, float *y, const float *x, const float *residual)
{
    size_t width = norm->width;
    float sum = 0, squares = 0, mean, factor;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < width; i++)
        sum += y[i] = x[i] + (residual ? residual[i] : 0);
    mean = sum / (float)width;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < width; i++)
        squares += (y[i] - mean) * (y[i] - mean);
    factor = 1 / sqrtf(squares / (float)width + norm->eps);
#pragma omp simd
    for (size_t i = 0; i < width; i++)
        y[i] = (y[i] - mean) * factor * norm->gain[i] + norm->shift[i];
}

void zoo_norm_fwd(const zoo_norm *norm, float *y, zoo_input *next, const float *x, const float *residual, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++) {
        size_t at = r * norm->width;

        norm_row(norm, y + at, x + at, residual ? residual + at : NULL);
        if (next)
            zoo_input_fill(next, r, 1, y + at, norm->width);
    }
}

static float activate(enum zoo_activation activation, float x)
{
    switch (activation) {
    case ZOO_GELU: return 0.5f * x * (1 + erff(x * 0.70710678f));
    case ZOO_GELU_TANH: return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case ZOO_RELU: return x < 0 ? 0 : x;
    case ZOO_TANH: return tanhf(x);
    case ZOO_SILU: return x / (1 + expf(-x));
    case ZOO_IDENTITY: break;
    }
    return x;
}

void zoo_activation_fwd(enum zoo_activation activation, float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = activate(activation, x[i]);
}

void zoo_mean_fwd(float *y, const float *x, size_t rows, size_t width)
{
    for (size_t i = 0; i < width; i++)
        y[i] = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            y[i] += x[r*width + i];
    for (size_t i = 0; i < width; i++)
        y[i] /= (float)rows;
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
