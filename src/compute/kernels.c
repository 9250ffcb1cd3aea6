#include "compute/kernels.h"
#include <math.h>
#include <string.h>

void zoo_bag_fwd(float *restrict out, const float *restrict table, const uint32_t *rows, const float *weights, size_t F, size_t D)
{
    memset(out, 0, D * sizeof *out);
    for (size_t f = 0; f < F; f++) {
        const float *row = table + (size_t)rows[f]*D;              /* table[rows[f], :] */
        float weight = weights[f];
#pragma omp simd
        for (size_t d = 0; d < D; d++)
            out[d] += weight * row[d];
    }
}

void zoo_bag_bwd(float *restrict dtable, const float *restrict dout, const uint32_t *rows, const float *weights, size_t F, size_t D)
{
    for (size_t f = 0; f < F; f++) {
        float *drow = dtable + (size_t)rows[f]*D;                  /* dtable[rows[f], :] */
        float weight = weights[f];
#pragma omp simd
        for (size_t d = 0; d < D; d++)
            drow[d] += weight * dout[d];
    }
}

void zoo_linear_fwd(float *restrict out, const float *restrict x, const float *restrict w, const float *restrict bias,
                    size_t B, size_t I, size_t O)
{
    for (size_t b = 0; b < B; b++)
        for (size_t o = 0; o < O; o++) {
            const float *x_b = x + b*I, *w_o = w + o*I;            /* x[b,:]   w[o,:] */
            float sum = 0;
#pragma omp simd reduction(+ : sum)
            for (size_t i = 0; i < I; i++)
                sum += x_b[i] * w_o[i];
            out[b*O + o] = sum + bias[o];
        }
}

void zoo_linear_bwd(float *restrict dx, float *restrict dw, float *restrict dbias, const float *restrict dout,
                    const float *restrict x, const float *restrict w, size_t B, size_t I, size_t O)
{
    for (size_t b = 0; b < B; b++)
        for (size_t o = 0; o < O; o++) {
            const float *x_b = x + b*I, *w_o = w + o*I;
            float *dw_o = dw + o*I, d = dout[b*O + o];
#pragma omp simd
            for (size_t i = 0; i < I; i++)
                dw_o[i] += d * x_b[i];
            dbias[o] += d;
            if (!dx)
                continue;
#pragma omp simd
            for (size_t i = 0; i < I; i++)
                dx[b*I + i] += d * w_o[i];
        }
}

void zoo_tanh_fwd(float *restrict out, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = tanhf(x[i]);
}

void zoo_tanh_bwd(float *restrict dx, const float *restrict dout, const float *restrict out, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        dx[i] += dout[i] * (1 - out[i] * out[i]);
}

void zoo_softmax_fwd(float *restrict out, const float *restrict x, size_t B, size_t O)
{
    for (size_t b = 0; b < B; b++) {
        const float *x_b = x + b*O;
        float *out_b = out + b*O, most = -INFINITY, sum = 0;
        for (size_t o = 0; o < O; o++)
            most = x_b[o] > most ? x_b[o] : most;
        for (size_t o = 0; o < O; o++)
            sum += out_b[o] = expf(x_b[o] - most);
        for (size_t o = 0; o < O; o++)
            out_b[o] /= sum;
    }
}

void zoo_softmax_bwd(float *restrict dx, const float *restrict dout, const float *restrict out, size_t B, size_t O)
{
    for (size_t b = 0; b < B; b++) {
        const float *dout_b = dout + b*O, *out_b = out + b*O;
        float dot = 0;
        for (size_t o = 0; o < O; o++)
            dot += out_b[o] * dout_b[o];
        for (size_t o = 0; o < O; o++)
            dx[b*O + o] += out_b[o] * (dout_b[o] - dot);
    }
}

void zoo_layernorm_fwd(float *out, float *normal, float *scale, const float *x, const float *gain, const float *bias, size_t B, size_t D,
                       float eps)
{
    for (size_t b = 0; b < B; b++) {
        const float *x_b = x + b*D;
        float *out_b = out + b*D, sum = 0, square = 0, mean, s;
#pragma omp simd reduction(+ : sum)
        for (size_t d = 0; d < D; d++)
            sum += x_b[d];
        mean = sum / (float)D;
#pragma omp simd reduction(+ : square)
        for (size_t d = 0; d < D; d++)
            square += (x_b[d] - mean) * (x_b[d] - mean);
        s = 1 / sqrtf(square / (float)D + eps);
        if (scale)
            scale[b] = s;
        if (normal)
#pragma omp simd
            for (size_t d = 0; d < D; d++)
                normal[b*D + d] = (x_b[d] - mean) * s;
#pragma omp simd
        for (size_t d = 0; d < D; d++)
            out_b[d] = (x_b[d] - mean) * s * gain[d] + bias[d];
    }
}

/* With e = dout * gain: dx = scale * (e - mean(e) - normal * mean(e * normal)) */
void zoo_layernorm_bwd(float *dx, const float *dout, const float *normal, const float *scale, const float *gain, size_t B, size_t D)
{
    for (size_t b = 0; b < B; b++) {
        const float *dout_b = dout + b*D, *normal_b = normal + b*D;
        float *dx_b = dx + b*D, sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
        for (size_t d = 0; d < D; d++) {
            sum += dout_b[d] * gain[d];
            along += dout_b[d] * gain[d] * normal_b[d];
        }
        sum /= (float)D;
        along /= (float)D;
#pragma omp simd
        for (size_t d = 0; d < D; d++)
            dx_b[d] = scale[b] * (dout_b[d] * gain[d] - sum - normal_b[d] * along);
    }
}

void zoo_layernorm_bwd_columns(float *dgain, float *dbias, const float *dout, const float *normal, size_t B, size_t D, size_t first,
                               size_t end)
{
    for (size_t b = 0; b < B; b++) {
        const float *dout_b = dout + b*D, *normal_b = normal + b*D;
#pragma omp simd
        for (size_t d = first; d < end; d++) {
            dgain[d] += dout_b[d] * normal_b[d];
            dbias[d] += dout_b[d];
        }
    }
}

static const float ROOT_HALF = 0.707106781f, ROOT_2_BY_PI = 0.797884561f, NORMAL_DENSITY = 0.398942280f, CUBE = 0.044715f;

static float slope(enum zoo_activation activation, float x)
{
    float t;

    switch (activation) {
    case ZOO_IDENTITY: return 1;
    case ZOO_GELU: return 0.5f * (1 + erff(x * ROOT_HALF)) + x * NORMAL_DENSITY * expf(-0.5f * x * x);
    case ZOO_GELU_TANH:
        t = tanhf(ROOT_2_BY_PI * (x + CUBE * x * x * x));
        return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * ROOT_2_BY_PI * (1 + 3 * CUBE * x * x);
    case ZOO_RELU: return x > 0;
    case ZOO_TANH:
        t = tanhf(x);
        return 1 - t * t;
    case ZOO_SILU:
        t = 1 / (1 + expf(-x));
        return t * (1 + x * (1 - t));
    }
    return NAN;
}

void zoo_activation_through(enum zoo_activation activation, float *dx, const float *dout, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = dout[i] * slope(activation, x[i]);
}
