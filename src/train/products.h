/* products.h - the three products of a linear layer in training, shared out to a team: a member computes a part that is its own, every
 * element summed in the same order whatever the number of members.
 * Dimensions: R rows, I inputs, O outputs; rows of x, y and their gradients lie `ldx`, `ldy` floats apart.
 * Layer: train -> compute. Threads: between two barriers, each member calls the same. */
#ifndef ZOO_TRAIN_PRODUCTS_H
#define ZOO_TRAIN_PRODUCTS_H
#include <stddef.h>
#include "compute/team.h"

/* y (R,O) = x (R,I) w (O,I)^T + bias (O); bias may be NULL */
void zoo_products_fwd(const zoo_member *me, float *y, size_t ldy, const float *x, size_t ldx, const float *w, const float *bias, size_t R,
                      size_t I, size_t O);
/* dx (R,I) += dy (R,O) w (O,I) */
void zoo_products_bwd_x(const zoo_member *me, float *dx, size_t ldx, const float *dy, size_t ldy, const float *w, size_t R, size_t I,
                        size_t O);
/* dw (O,I) += dy^T x;  dbias (O), unless NULL, += column sums of dy */
void zoo_products_bwd_w(const zoo_member *me, float *dw, float *dbias, const float *dy, size_t ldy, const float *x, size_t ldx, size_t R,
                        size_t I, size_t O);
#endif
