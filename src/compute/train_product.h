/* train_product.h - the three products of a linear layer in training, where both operands change with every step: x and
 * W, dy and W, dy and x. Operands are packed again in each call,
 * and rounded to bfloat16 where that is the precision; sums are float32.
 *
 *     bytes = zoo_train_product_scratch(ZOO_PRECISION_BF16, most_rows, widest_inputs, widest_outputs);
 *     ... every member of the team calls the same, with the same scratch memory (64-byte aligned):
 *     zoo_train_product_fwd(me, ZOO_PRECISION_BF16, scratch, y, O, x, I, w, bias, R, I, O);
 *
 * A call begins and goes on behind a barrier: what members wrote before it is seen, and calls may follow one another.
 * The results are seen behind the caller's next barrier. They do not depend on the number of members, and y and dx not
 * on the batch a row is in.
 * Dimensions: R rows, I inputs, O outputs; rows of x, y and their gradients lie `ldx`, `ldy` floats apart; w is dense.
 * Layer: compute -> base. Threads: see above. Refuses ZOO_PRECISION_INT8 and to allocate. */
#ifndef ZOO_COMPUTE_TRAIN_PRODUCT_H
#define ZOO_COMPUTE_TRAIN_PRODUCT_H
#include <stddef.h>
#include "compute/team.h"

/* Bytes that serve products of up to so many rows, inputs and outputs. */
size_t zoo_train_product_scratch(enum zoo_precision precision, size_t R, size_t I, size_t O);

/* y (R,O) = x (R,I) w (O,I)^T + bias (O); bias may be NULL */
void zoo_train_product_fwd(const zoo_member *me, enum zoo_precision precision, void *scratch, float *y, size_t ldy,
                           const float *x, size_t ldx, const float *w, const float *bias, size_t R, size_t I, size_t O);
/* dx (R,I) += dy (R,O) w (O,I) */
void zoo_train_product_bwd_x(const zoo_member *me, enum zoo_precision precision, void *scratch, float *dx, size_t ldx,
                             const float *dy, size_t ldy, const float *w, size_t R, size_t I, size_t O);
/* dw (O,I) += dy^T x;  dbias (O), unless NULL, += column sums of dy, in float32 whatever the precision */
void zoo_train_product_bwd_w(const zoo_member *me, enum zoo_precision precision, void *scratch, float *dw, float *dbias,
                             const float *dy, size_t ldy, const float *x, size_t ldx, size_t R, size_t I, size_t O);
#endif
