/* adamw.h - Adam with decoupled weight decay (Loshchilov & Hutter 2019),
 * its bias correction as torch.optim.AdamW has it:
 *
 *     m = b1 m + (1 - b1) g        v = b2 v + (1 - b2) g^2        at step t = 1, 2, ...
 *     p = (1 - rate decay) p - rate / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)
 *
 * A row of an embedding that no query of a batch holds has g = 0, and still moves: it decays, and its momentum runs
 * out. Such rows cost nothing here until they are read again; then the steps that they have missed are made up for,
 * with the rates that those steps had. After the first few hundred of them the momentum moves a float no more, and what
 * is left is closed form: products of (1 - rate decay) and powers of b1 and b2. Rows that were never read have no
 * momentum, and their memory is never touched.
 * Dimensions: P parameters, V rows of D columns.
 * Layer: train -> base. Threads: steps of different parameters or rows may run side by side. */
#ifndef ZOO_TRAIN_ADAMW_H
#define ZOO_TRAIN_ADAMW_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

typedef struct zoo_adamw { double beta1, beta2, eps; } zoo_adamw;
#define ZOO_ADAMW_DEFAULT { 0.9, 0.999, 1e-8 }

/* Step `t` (from 1) of params (P), whose gradients are scale * grads (P): what clipping makes of them. */
void zoo_adamw_step(const zoo_adamw *adamw, uint64_t t, double rate, double decay, float *restrict params,
                    float *restrict m, float *restrict v, const float *restrict grads, float scale, size_t P);

/* The square of the length of x (n): sums of 4,096 in single, their sum in double precision. */
double zoo_square_norm(const float *x, size_t n);
/* What gradients of length `norm` are scaled by to be no longer than `most`; `most` 0: 1. */
double zoo_clip_scale(double norm, double most);

#define ZOO_ADAMW_MOVED 0x80000000u

/* A table (V,D) whose rows are stepped when they are touched. */
typedef struct zoo_adamw_rows {
    zoo_adamw adamw;
    size_t V, D, steps_most;
    double decay;
    float *table, *m, *v;            /* (V,D); table is the caller's */
    uint32_t *made;           /* (V): steps that a row has made; ZOO_ADAMW_MOVED: it has had a gradient, and momentum */
    uint32_t steps;                  /* begun, all but the last complete once a row catches up */
    float *rates;                    /* (steps_most + 1), by step */
    double *log_keep;                /* (steps_most + 1): log of the product of (1 - rate decay) up to a step */
    uint32_t replayed_most;          /* beyond so many steps without gradients momentum moves nothing */
} zoo_adamw_rows;

/* For at most `steps_most` steps (below 2^31). ZOO_ENOMEM, ZOO_EUSAGE. */
int zoo_adamw_rows_init(zoo_adamw_rows *rows, const zoo_adamw *adamw, float *table, size_t V, size_t D, double decay,
                        size_t steps_most, zoo_err *err);
void zoo_adamw_rows_release(zoo_adamw_rows *rows);
/* Makes up for all steps begun so far that row `row` has missed: before the row is read,
 * and before a new step begins. */
void zoo_adamw_rows_catch_up(zoo_adamw_rows *rows, size_t row);
/* out (D): the row as it is after all steps begun; a row that never had a gradient is left as it was. */
void zoo_adamw_rows_read(zoo_adamw_rows *rows, size_t row, float *out);
/* Begins a step, with rate * decay < 1. */
void zoo_adamw_rows_begin(zoo_adamw_rows *rows, double rate);
/* That step for a row which had caught up before it began; scale * grads (D) is its gradient. */
void zoo_adamw_rows_step(zoo_adamw_rows *rows, size_t row, const float *grads, float scale);
#endif
