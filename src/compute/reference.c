/* reference.c - the operators of encoders once more, in double and in the plainest order: what the fast ones are
 * compared with; see reference.h. */
#include "compute/reference.h"
#include <math.h>

static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

void zoo_reference_softmax(double *y, const double *x, size_t n)
{
    double most = -INFINITY, sum = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += y[i] = exp(x[i] - most);
    for (size_t i = 0; i < n; i++)
        y[i] /= sum;
}

static double score(const double *q, const double *k, const double *pos_key, const double *pos_query, size_t d)
{
    return dot(q, k, d) + (pos_key ? dot(q, pos_key, d) : 0) + (pos_query ? dot(k, pos_query, d) : 0);
}

void zoo_reference_attention(double *out, double *probabilities, const double *q, const double *k, const double *v,
                             const double *pos_key, const double *pos_query, const int32_t *columns, double scale,
                             size_t T, size_t d)
{
    for (size_t i = 0; i < T; i++) {
        double most = -INFINITY, sum = 0;

        for (int pass = 0; pass < 3; pass++)            /* the largest score; the sum of exponentials; the result */
            for (size_t j = 0; j < T; j++) {
                size_t at = columns ? (size_t)columns[i - j + T - 1] * d : 0;
                double s = scale * score(q + i*d, k + j*d, pos_key ? pos_key + at : NULL,
                                         pos_query ? pos_query + at : NULL, d), p;

                if (pass == 0) {
                    most = fmax(most, s);
                    continue;
                }
                p = exp(s - most);
                if (pass == 1) {
                    sum += p;
                    continue;
                }
                for (size_t c = 0; c < d; c++)
                    out[i*d + c] = (j ? out[i*d + c] : 0) + p / sum * v[j*d + c];
                if (probabilities)
                    probabilities[i*T + j] = p / sum;
            }
    }
}

void zoo_reference_norm(double *y, const double *x, const double *residual, const double *gain, const double *shift,
                        double eps, size_t width)
{
    double mean = 0, variance = 0;

    for (size_t i = 0; i < width; i++)
        mean += (y[i] = x[i] + (residual ? residual[i] : 0)) / (double)width;
    for (size_t i = 0; i < width; i++)
        variance += (y[i] - mean) * (y[i] - mean) / (double)width;
    for (size_t i = 0; i < width; i++)
        y[i] = (y[i] - mean) / sqrt(variance + eps) * gain[i] + shift[i];
}

double zoo_reference_activation(enum zoo_activation activation, double x)
{
    switch (activation) {
    case ZOO_GELU: return 0.5 * x * erfc(-x * 0.70710678118654752440);
    case ZOO_GELU_TANH: return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case ZOO_RELU: return x < 0 ? 0 : x;
    case ZOO_TANH: return tanh(x);
    case ZOO_SILU: return x / (1 + exp(-x));
    case ZOO_IDENTITY: break;
    }
    return x;
}

void zoo_reference_mean(double *y, const double *x, size_t rows, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        double sum = 0;

        for (size_t r = 0; r < rows; r++)
            sum += x[r*width + i];
        y[i] = sum / (double)rows;
    }
}

void zoo_reference_unit(double *y, const double *x, size_t n)
{
    double norm = sqrt(dot(x, x, n));

    for (size_t i = 0; i < n; i++)
        y[i] = norm > 0 ? x[i] / norm : 0;
}
