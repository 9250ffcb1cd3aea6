/* kernels.h - the operators of the networks, each forward beside its backward.
 * Dimensions: B rows of a batch, I inputs, O outputs, D features, F entries of a bag, V rows of a table.
 * Arrays are dense and row-major; outputs must not overlap inputs. Backward kernels add to gradients: the caller zeroes
 * them. A row's result does not depend on the batch that it is in.
 * Layer: compute -> base. Threads: pure functions over the caller's memory. Refuses to allocate. */
#ifndef ZOO_COMPUTE_KERNELS_H
#define ZOO_COMPUTE_KERNELS_H
#include <stddef.h>
#include <stdint.h>

/* out (D) = sum_f weights[f] * table[rows[f], :]        table (V,D)   rows, weights (F) */
void zoo_bag_fwd(float *restrict out, const float *restrict table, const uint32_t *rows, const float *weights, size_t F,
                 size_t D);
/* dtable (V,D): dtable[rows[f], :] += weights[f] * dout (D) */
void zoo_bag_bwd(float *restrict dtable, const float *restrict dout, const uint32_t *rows, const float *weights,
                 size_t F, size_t D);

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
#endif
