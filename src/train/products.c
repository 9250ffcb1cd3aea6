#include "train/products.h"

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add_scaled(float *restrict to, float factor, const float *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] += factor * x[i];
}

void zoo_products_fwd(const zoo_member *me, float *y, size_t ldy, const float *x, size_t ldx, const float *w, const float *bias, size_t R,
                      size_t I, size_t O)
{
    size_t first, end;

    zoo_member_share(me, O, 16, &first, &end);
    for (size_t r = 0; r < R; r++)
        for (size_t o = first; o < end; o++)
            y[r*ldy + o] = dot(x + r*ldx, w + o*I, I) + (bias ? bias[o] : 0);
}

void zoo_products_bwd_x(const zoo_member *me, float *dx, size_t ldx, const float *dy, size_t ldy, const float *w, size_t R, size_t I,
                        size_t O)
{
    size_t first, end;

    zoo_member_share(me, R, 1, &first, &end);
    for (size_t r = first; r < end; r++)
        for (size_t o = 0; o < O; o++)
            add_scaled(dx + r*ldx, dy[r*ldy + o], w + o*I, I);
}

void zoo_products_bwd_w(const zoo_member *me, float *dw, float *dbias, const float *dy, size_t ldy, const float *x, size_t ldx, size_t R,
                        size_t I, size_t O)
{
    size_t first, end;

    zoo_member_share(me, O, 16, &first, &end);
    for (size_t o = first; o < end; o++)
        for (size_t r = 0; r < R; r++) {
            add_scaled(dw + o*I, dy[r*ldy + o], x + r*ldx, I);
            if (dbias)
                dbias[o] += dy[r*ldy + o];
        }
}
