/* reference.h - the operators of encoders once more, in double and in the plainest order: what the fast ones are
 * compared with. Dimensions as in attention.h and rows.h. Layer: compute -> base. Threads: pure functions over the
 * caller's memory. Refuses to be fast. */
#ifndef ZOO_COMPUTE_REFERENCE_H
#define ZOO_COMPUTE_REFERENCE_H
#include <stddef.h>
#include <stdint.h>
#include "compute/product.h"

/* out (T,d) = softmax(scores) v; q, k, v (T,d); pos_key, pos_query (2A,d) or NULL; columns (2T-1): columns[r + T - 1] =
 * c(r). probabilities (T,T) or NULL. */
void zoo_reference_attention(double *out, double *probabilities, const double *q, const double *k, const double *v,
                             const double *pos_key, const double *pos_query, const int32_t *columns, double scale,
                             size_t T, size_t d);
/* y (width) = (x + residual - mean) / sqrt(variance + eps) * gain + shift; residual may be NULL. */
void zoo_reference_norm(double *y, const double *x, const double *residual, const double *gain, const double *shift,
                        double eps, size_t width);
double zoo_reference_activation(enum zoo_activation activation, double x);
void zoo_reference_softmax(double *y, const double *x, size_t n);
/* y (width) = mean of the rows of x (rows, width). */
void zoo_reference_mean(double *y, const double *x, size_t rows, size_t width);
/* y (n) = x / |x|; 0 where x is. */
void zoo_reference_unit(double *y, const double *x, size_t n);
#endif
