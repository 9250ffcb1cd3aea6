/* optimiser.c - Adagrad (Duchi, Hazan, Singer 2011): every parameter's step shrinks with the gradients it has seen,
 * so that rare n-grams still move when they come; see optimiser.h. */
#include "train/optimiser.h"
#include <math.h>

#define TINY 1e-10f         /* under the square root: no division by 0 where no gradient has come yet */

void zoo_adagrad_step(float *restrict params, float *restrict sums, const float *restrict grads, size_t P, float rate)
{
    for (size_t i = 0; i < P; i++) {
        sums[i] += grads[i] * grads[i];
        params[i] -= rate * grads[i] / sqrtf(sums[i] + TINY);
    }
}

void zoo_adagrad_rows(float *restrict table, float *restrict sums, const float *restrict grads, const uint32_t *rows,
                      size_t R, size_t D, float rate)
{
    for (size_t r = 0; r < R; r++) {
        const float *grad = grads + r*D;                           /* grads[r,:] */
        float *row = table + (size_t)rows[r]*D, square = 0, step;
#pragma omp simd reduction(+ : square)
        for (size_t d = 0; d < D; d++)
            square += grad[d] * grad[d];
        sums[rows[r]] += square / (float)D;
        step = rate / sqrtf(sums[rows[r]] + TINY);
#pragma omp simd
        for (size_t d = 0; d < D; d++)
            row[d] -= step * grad[d];
    }
}
