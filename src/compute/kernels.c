/* kernels.c - the operators of the networks, each forward beside its backward; see kernels.h. */
#include "compute/kernels.h"
#include <math.h>
#include <string.h>

void zoo_bag_fwd(float *restrict out, const float *restrict table, const uint32_t *rows, const float *weights, size_t F,
                 size_t D)
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

void zoo_bag_bwd(float *restrict dtable, const float *restrict dout, const uint32_t *rows, const float *weights,
                 size_t F, size_t D)
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
