/* rows.h - operators of encoders on rows of floats, each forward beside its backward: layer norm with its residual,
 * activations, pooling, unit length.
 * A member of a team takes a range of rows; a row's result depends on that row alone.
 * Dimensions: B rows, D columns. Arrays are dense and row-major.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. Refuses to allocate. */
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
void zoo_norm_fwd(const zoo_norm *norm, float *y, zoo_input *next, const float *x, const float *residual, size_t first,
                  size_t count);

/* The same for training. Each row of out (B,D) = normal (B,D) * gain + bias, normal = (x - mean) * scale,
 * scale (B) = 1 / sqrt(variance + eps). normal and scale are for backward; both may be NULL. out may be x. */
void zoo_layernorm_fwd(float *out, float *normal, float *scale, const float *x, const float *gain, const float *bias,
                       size_t B, size_t D, float eps);
/* dx (B,D), written; may be dout. normal, scale: the forward's. */
void zoo_layernorm_bwd(float *dx, const float *dout, const float *normal, const float *scale, const float *gain,
                       size_t B, size_t D);
/* Columns first..end of dgain (D) += sum of dout * normal and of dbias (D) += sum of dout, over the rows. */
void zoo_layernorm_bwd_columns(float *dgain, float *dbias, const float *dout, const float *normal, size_t B, size_t D,
                               size_t first, size_t end);

/* y (n) = act(x (n)); y may be x. */
void zoo_activation_fwd(enum zoo_activation activation, float *y, const float *x, size_t n);
/* dx (n) = dout * act'(x), written; may be dout. */
void zoo_activation_through(enum zoo_activation activation, float *dx, const float *dout, const float *x, size_t n);

/* y (D) = mean of the rows of x (B,D), B >= 1. */
void zoo_mean_fwd(float *y, const float *x, size_t B, size_t D);

/* y (n) = x / |x|, zeros stay; y may be x. */
void zoo_unit_fwd(float *y, const float *x, size_t n);
#endif
