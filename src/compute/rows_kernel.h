/* rows_kernel.h - what rows.c and its kernels for one instruction set share; nobody else includes it. What they
 * compute: rows.h, dropout.h.
 * Dimensions: B rows, D columns. Layer: compute -> base. Threads: pure functions. */
#ifndef ZOO_COMPUTE_ROWS_KERNEL_H
#define ZOO_COMPUTE_ROWS_KERNEL_H
#include "compute/dropout.h"
#include "compute/rows.h"

typedef struct zoo_rows_kernel {
    const char *name;
    /* residual, normal and scale may be NULL. */
    void (*norm)(float *out, float *normal, float *scale, const float *x, const float *residual, const float *gain,
                 const float *shift, size_t B, size_t D, float eps);
    void (*norm_bwd)(float *dx, const float *dout, const float *normal, const float *scale, const float *gain, size_t B,
                     size_t D);
    void (*norm_bwd_columns)(float *dgain, float *dshift, const float *dout, const float *normal, size_t B, size_t D,
                             size_t first, size_t end);
    void (*activation)(enum zoo_activation activation, float *y, const float *x, size_t n);
    void (*activation_bwd)(enum zoo_activation activation, float *dx, const float *dout, const float *x, size_t n);
    void (*drop)(const zoo_coins *coins, float *out, const float *x, size_t first, size_t B, size_t D);
} zoo_rows_kernel;

extern const zoo_rows_kernel zoo_rows_portable;
#if defined(__x86_64__)
extern const zoo_rows_kernel zoo_rows_avx2, zoo_rows_avx512;
#endif
#endif
