/* optimiser.h - Adagrad (Duchi, Hazan, Singer 2011): every parameter's step shrinks with the gradients it has seen, so
 * that rare n-grams still move when they come. Rows of an embedding share one accumulator,
 * which costs 1/D of the memory.
 * Dimensions: P parameters, R rows touched by a batch, D features.
 * Layer: train -> base. Threads: pure functions over the caller's memory. Refuses to allocate. */
#ifndef ZOO_TRAIN_OPTIMISER_H
#define ZOO_TRAIN_OPTIMISER_H
#include <stddef.h>
#include <stdint.h>

/* sums (P) += grads^2;  params (P) -= rate * grads / sqrt(sums) */
void zoo_adagrad_step(float *restrict params, float *restrict sums, const float *restrict grads, size_t P, float rate);

/* For each r < R, with grads (R,D) that of row rows[r] of table (V,D), rows distinct:
 *     sums[row] += |grads_r|^2 / D;  table[row] -= rate * grads_r / sqrt(sums[row])             sums (V) */
void zoo_adagrad_rows(float *restrict table, float *restrict sums, const float *restrict grads, const uint32_t *rows,
                      size_t R, size_t D, float rate);
#endif
