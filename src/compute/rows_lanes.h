/* rows_lanes.h - the operators on rows, as kernels that rows_portable.c, rows_avx2.c and rows_avx512.c compile with a
 * vector of LANES floats (see lanes.h); nobody else includes it. Layer: compute -> base. Threads: pure functions. */
#ifndef ZOO_COMPUTE_ROWS_LANES_H
#define ZOO_COMPUTE_ROWS_LANES_H
#include <math.h>
#include "compute/lanes.h"
#include "compute/rows_kernel.h"

/* ---- layer norm ---- */

/* Four sums side by side hide the latency of an addition. */
typedef struct sums { lanes part[4]; } sums;

LANES_INLINE lanes sums_total(const sums *s)
{
    return (s->part[0] + s->part[1]) + (s->part[2] + s->part[3]);
}

LANES_INLINE lanes add_lanes(float *y, const float *x, const float *residual, size_t d)
{
    lanes v = lanes_load(x + d);

    if (residual)
        v += lanes_load(residual + d);
    lanes_store(y + d, v);
    return v;
}

LANES_INLINE lanes add_square(lanes sum, lanes x)
{
    return lanes_fma(x, x, sum);
}

/* y = x + residual; returns the mean. */
LANES_INLINE float add_residual(float *y, const float *x, const float *residual, size_t D)
{
    sums s = { { { 0 } } };
    float rest = 0;
    size_t d = 0;

    for (; d + 4*LANES <= D; d += 4*LANES)
        for (size_t n = 0; n < 4; n++)
            s.part[n] += add_lanes(y, x, residual, d + n*LANES);
    for (; d + LANES <= D; d += LANES)
        s.part[0] += add_lanes(y, x, residual, d);
    for (; d < D; d++)
        rest += y[d] = x[d] + (residual ? residual[d] : 0);
    return (lanes_sum(sums_total(&s)) + rest) / (float)D;
}

LANES_INLINE float variance_of(const float *y, float mean, size_t D)
{
    sums s = { { { 0 } } };
    float rest = 0;
    size_t d = 0;

    for (; d + 4*LANES <= D; d += 4*LANES)
        for (size_t n = 0; n < 4; n++)
            s.part[n] = add_square(s.part[n], lanes_load(y + d + n*LANES) - mean);
    for (; d + LANES <= D; d += LANES)
        s.part[0] = add_square(s.part[0], lanes_load(y + d) - mean);
    for (; d < D; d++)
        rest += (y[d] - mean) * (y[d] - mean);
    return (lanes_sum(sums_total(&s)) + rest) / (float)D;
}

static void norm(float *out, float *normal, float *scale, const float *x, const float *residual, const float *gain,
                 const float *shift, size_t B, size_t D, float eps)
{
    for (size_t b = 0; b < B; b++) {
        float *y = out + b*D, mean, s;
        size_t d = 0;

        mean = residual ? add_residual(y, x + b*D, residual + b*D, D) : add_residual(y, x + b*D, NULL, D);
        s = 1 / sqrtf(variance_of(y, mean, D) + eps);
        if (scale)
            scale[b] = s;
        for (; d + LANES <= D; d += LANES) {
            lanes v = (lanes_load(y + d) - mean) * s;

            if (normal)
                lanes_store(normal + b*D + d, v);
            lanes_store(y + d, lanes_fma(v, lanes_load(gain + d), lanes_load(shift + d)));
        }
        for (; d < D; d++) {
            float v = (y[d] - mean) * s;

            if (normal)
                normal[b*D + d] = v;
            y[d] = v * gain[d] + shift[d];
        }
    }
}

/* With e = dout * gain: dx = scale * (e - mean(e) - normal * mean(e * normal)) */
static void norm_bwd(float *dx, const float *dout, const float *normal, const float *scale, const float *gain, size_t B,
                     size_t D)
{
    for (size_t b = 0; b < B; b++, dx += D, dout += D, normal += D) {
        lanes sum = { 0 }, along = { 0 };
        float rest = 0, rest_along = 0, mean, slope;
        size_t d = 0;

        for (; d + LANES <= D; d += LANES) {
            lanes e = lanes_load(dout + d) * lanes_load(gain + d);

            sum += e;
            along = lanes_fma(e, lanes_load(normal + d), along);
        }
        for (; d < D; d++) {
            rest += dout[d] * gain[d];
            rest_along += dout[d] * gain[d] * normal[d];
        }
        mean = (lanes_sum(sum) + rest) / (float)D;
        slope = (lanes_sum(along) + rest_along) / (float)D;
        for (d = 0; d + LANES <= D; d += LANES) {
            lanes e = lanes_load(dout + d) * lanes_load(gain + d);

            lanes_store(dx + d, (e - mean - lanes_load(normal + d) * slope) * scale[b]);
        }
        for (; d < D; d++)
            dx[d] = (dout[d] * gain[d] - mean - normal[d] * slope) * scale[b];
    }
}

static void norm_bwd_columns(float *dgain, float *dshift, const float *dout, const float *normal, size_t B, size_t D,
                             size_t first, size_t end)
{
    size_t d = first;

    for (; d + LANES <= end; d += LANES) {
        lanes gain = lanes_load(dgain + d), shift = lanes_load(dshift + d);

        for (size_t b = 0; b < B; b++) {
            lanes e = lanes_load(dout + b*D + d);

            gain = lanes_fma(e, lanes_load(normal + b*D + d), gain);
            shift += e;
        }
        lanes_store(dgain + d, gain);
        lanes_store(dshift + d, shift);
    }
    for (; d < end; d++)
        for (size_t b = 0; b < B; b++) {
            dgain[d] += dout[b*D + d] * normal[b*D + d];
            dshift[d] += dout[b*D + d];
        }
}

/* ---- activations ---- */
#define ROOT_HALF 0.707106781f
#define ROOT_2_BY_PI 0.797884561f
#define NORMAL_DENSITY 0.398942280f
#define CUBE 0.044715f

LANES_INLINE lanes gelu_argument(lanes x)
{
    return ROOT_2_BY_PI * x * lanes_fma(x * x, lanes_all(CUBE), lanes_all(1));
}

LANES_INLINE lanes value(enum zoo_activation activation, lanes x)
{
    switch (activation) {
    case ZOO_GELU: return 0.5f * x * (1 + lanes_erf(x * ROOT_HALF));
    case ZOO_GELU_TANH: return x * lanes_logistic(2 * gelu_argument(x));
    case ZOO_RELU: return lanes_max(lanes_all(0), x);
    case ZOO_TANH: return lanes_tanh(x);
    case ZOO_SILU: return x * lanes_logistic(x);
    case ZOO_IDENTITY: break;
    }
    return x;
}

LANES_INLINE lanes slope(enum zoo_activation activation, lanes x)
{
    lanes t;

    switch (activation) {
    case ZOO_GELU: return 0.5f * (1 + lanes_erf(x * ROOT_HALF)) + x * (NORMAL_DENSITY * lanes_exp(-0.5f * x * x));
    case ZOO_GELU_TANH:
        t = lanes_tanh(gelu_argument(x));
        return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * ROOT_2_BY_PI * (1 + 3 * CUBE * x * x);
    case ZOO_RELU: return (lanes)((x > 0) & (lanes_int)lanes_all(1));
    case ZOO_TANH:
        t = lanes_tanh(x);
        return 1 - t * t;
    case ZOO_SILU:
        t = lanes_logistic(x);
        return t * (1 + x * (1 - t));
    case ZOO_IDENTITY: break;
    }
    return lanes_all(1);
}

LANES_INLINE void each_value(enum zoo_activation activation, float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        lanes_store_some(y + i, value(activation, lanes_load_some(x + i, n - i)), n - i);
}

LANES_INLINE void each_slope(enum zoo_activation activation, float *dx, const float *dout, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        lanes_store_some(dx + i, lanes_load_some(dout + i, n - i) * slope(activation, lanes_load_some(x + i, n - i)),
                         n - i);
}

/* A loop of its own for each activation. */
static void activation_fwd(enum zoo_activation activation, float *y, const float *x, size_t n)
{
    switch (activation) {
    case ZOO_GELU: each_value(ZOO_GELU, y, x, n); break;
    case ZOO_GELU_TANH: each_value(ZOO_GELU_TANH, y, x, n); break;
    case ZOO_RELU: each_value(ZOO_RELU, y, x, n); break;
    case ZOO_TANH: each_value(ZOO_TANH, y, x, n); break;
    case ZOO_SILU: each_value(ZOO_SILU, y, x, n); break;
    case ZOO_IDENTITY: each_value(ZOO_IDENTITY, y, x, n); break;
    }
}

static void activation_bwd(enum zoo_activation activation, float *dx, const float *dout, const float *x, size_t n)
{
    switch (activation) {
    case ZOO_GELU: each_slope(ZOO_GELU, dx, dout, x, n); break;
    case ZOO_GELU_TANH: each_slope(ZOO_GELU_TANH, dx, dout, x, n); break;
    case ZOO_RELU: each_slope(ZOO_RELU, dx, dout, x, n); break;
    case ZOO_TANH: each_slope(ZOO_TANH, dx, dout, x, n); break;
    case ZOO_SILU: each_slope(ZOO_SILU, dx, dout, x, n); break;
    case ZOO_IDENTITY: each_slope(ZOO_IDENTITY, dx, dout, x, n); break;
    }
}

/* ---- dropout ---- */

static void drop(const zoo_coins *coins, float *out, const float *x, size_t first, size_t B, size_t D)
{
    for (size_t b = 0; b < B; b++) {
        uint32_t key = zoo_coins_row(coins, first + b);

        for (size_t d = 0; d < D; d += LANES)
            lanes_store_some(out + b*D + d, lanes_load_some(x + b*D + d, D - d) * lanes_coins(coins, key, (uint32_t)d),
                             D - d);
    }
}
#endif
