/* rows.h - operators of encoders on rows of floats: layer norm with its residual, activations, pooling, unit length.
 * A member of a team takes a range of rows; a row's result depends on that row alone.
 * Arrays are dense and row-major. Layer: compute -> base. Threads: pure functions over the caller's memory. Refuses to allocate. */
#ifndef ZOO_COMPUTE_ROWS_H
#define ZOO_COMPUTE_ROWS_H
#include <stddef.h>
#include "compute/product.h"

typedef struct zoo_norm {
    const float *gain, *shift;              /* (width), borrowed */
    size_t width;
    float eps;
} zoo_norm;

/* Rows first..first+count of y (R, width) = norm(x + residual), and the same rows of `next`, where not NULL, from them.
 * x, residual (R, width); residual may be NULL; y may be x or residual. */
void zoo_norm_fwd(const zoo_norm *norm, float *y, zoo_input *next, const float *x, const float *residual, size_t first, size_t count);

/* y (n) = act(x (n)); y may be x. */
void zoo_activation_fwd(enum zoo_activation activation, float *y, const float *x, size_t n);

/* y (width) = mean of the rows of x (rows, width), rows >= 1. */
void zoo_mean_fwd(float *y, const float *x, size_t rows, size_t width);

/* y (n) = x / |x|, zeros stay; y may be x. */
void zoo_unit_fwd(float *y, const float *x, size_t n);
#endif
