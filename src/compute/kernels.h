/* kernels.h - the operators of the networks, each forward beside its backward.
 * Dimensions: B rows of a batch, I inputs, O outputs, D features, F entries of a bag, V rows of a table.
 * Arrays are dense and row-major; outputs must not overlap inputs. Backward kernels add to gradients, which the caller
 * zeroes, but where `written` is said.
 * A row's result does not depend on the batch that it is in.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. Refuses to allocate. */
#ifndef ZOO_COMPUTE_KERNELS_H
#define ZOO_COMPUTE_KERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "compute/product.h"

/* out (D) = sum_f weights[f] * table[rows[f], :]        table (V,D)   rows, weights (F) */
void zoo_bag_fwd(float *restrict out, const float *restrict table, const uint32_t *rows, const float *weights, size_t F, size_t D);
/* dtable (V,D): dtable[rows[f], :] += weights[f] * dout (D) */
void zoo_bag_bwd(float *restrict dtable, const float *restrict dout, const uint32_t *rows, const float *weights, size_t F, size_t D);

/* out (B,O) = x (B,I) w (O,I)^T + bias (O) */
void zoo_linear_fwd(float *restrict out, const float *restrict x, const float *restrict w, const float *restrict bias,
                    size_t B, size_t I, size_t O);
/* dx (B,I) += dout (B,O) w, unless NULL;   dw (O,I) += dout^T x;   dbias (O) += column sums of dout */
void zoo_linear_bwd(float *restrict dx, float *restrict dw, float *restrict dbias, const float *restrict dout,
                    const float *restrict x, const float *restrict w, size_t B, size_t I, size_t O);

/* out (n) = tanh(x (n)) */
void zoo_tanh_fwd(float *restrict out, const float *restrict x, size_t n);
/* dx (n) += dout * (1 - out^2); takes the forward's output */
void zoo_tanh_bwd(float *restrict dx, const float *restrict dout, const float *restrict out, size_t n);

/* Each row of out (B,O) = softmax of that row of x (B,O) */
void zoo_softmax_fwd(float *restrict out, const float *restrict x, size_t B, size_t O);
/* dx (B,O) += out * (dout - sum_o out * dout); takes the forward's output */
void zoo_softmax_bwd(float *restrict dx, const float *restrict dout, const float *restrict out, size_t B, size_t O);

/* Each row of out (B,D) = normal (B,D) * gain + bias, normal = (x - mean) * scale, scale (B) = 1 / sqrt(variance + eps). normal and scale are
 * for backward; both may be NULL. out may be x. */
void zoo_layernorm_fwd(float *out, float *normal, float *scale, const float *x, const float *gain, const float *bias, size_t B, size_t D,
                       float eps);
/* dx (B,D), written; may be dout. normal, scale: the forward's. */
void zoo_layernorm_bwd(float *dx, const float *dout, const float *normal, const float *scale, const float *gain, size_t B, size_t D);
/* Columns first..end of dgain (D) += sum of dout * normal and of dbias (D) += sum of dout, over the rows. */
void zoo_layernorm_bwd_columns(float *dgain, float *dbias, const float *dout, const float *normal, size_t B, size_t D, size_t first,
                               size_t end);

/* dx (n) = dout * activation'(x), written; may be dout. Its forward is in rows.h. */
void zoo_activation_through(enum zoo_activation activation, float *dx, const float *dout, const float *x, size_t n);
#endif
