/* adamw.c - Adam with decoupled weight decay (Loshchilov & Hutter 2019), its bias correction as torch.optim.AdamW
 * has it; see adamw.h. */
#include "train/adamw.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void zoo_adamw_step(const zoo_adamw *a, uint64_t t, double rate, double decay, float *restrict params,
                    float *restrict m, float *restrict v, const float *restrict grads, float scale, size_t P)
{
    const float b1 = (float)a->beta1, b2 = (float)a->beta2, c1 = (float)(1 - a->beta1), c2 = (float)(1 - a->beta2);
    const float keep = (float)(1 - rate * decay), eps = (float)a->eps;
    const float step = (float)(rate / (1 - pow(a->beta1, (double)t))),
                       unbias = (float)sqrt(1 - pow(a->beta2, (double)t));

#pragma omp simd
    for (size_t i = 0; i < P; i++) {
        float g = scale * grads[i];
        m[i] = b1 * m[i] + c1 * g;
        v[i] = b2 * v[i] + c2 * g * g;
        params[i] = keep * params[i] - step * m[i] / (sqrtf(v[i]) / unbias + eps);
    }
}

double zoo_square_norm(const float *x, size_t n)
{
    const size_t block = 4096;
    double total = 0;

    for (size_t first = 0; first < n; first += block) {
        size_t end = n - first < block ? n : first + block;
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = first; i < end; i++)
            sum += x[i] * x[i];
        total += sum;
    }
    return total;
}

double zoo_clip_scale(double norm, double most)
{
    const double tiny = 1e-6;       /* as torch.nn.utils.clip_grad_norm_ */

    return most > 0 && norm + tiny > most ? most / (norm + tiny) : 1;
}

/* m / sqrt(v) shrinks by b1 / sqrt(b2) a step: how many until it is less than a float of the
 * first step can show, with room. */
static uint32_t count_replayed(const zoo_adamw *a)
{
    double shrink = log(a->beta1 / sqrt(a->beta2)), steps = ceil(log(1e-12) / shrink);

    return shrink < 0 && steps < UINT32_MAX ? (uint32_t)steps : UINT32_MAX;
}

int zoo_adamw_rows_init(zoo_adamw_rows *rows, const zoo_adamw *adamw, float *table, size_t V, size_t D, double decay,
                        size_t steps_most, zoo_err *err)
{
    if (steps_most >= ZOO_ADAMW_MOVED)
        return zoo_fail(err, ZOO_EUSAGE, "%zu steps, at most %u can be made", steps_most, ZOO_ADAMW_MOVED - 1);
    *rows = (zoo_adamw_rows){ .adamw = *adamw, .V = V, .D = D, .steps_most = steps_most, .decay = decay,
                              .table = table };
    rows->replayed_most = count_replayed(adamw);
    rows->m = calloc(V * D + 1, sizeof *rows->m);
    rows->v = calloc(V * D + 1, sizeof *rows->v);
    rows->made = calloc(V + 1, sizeof *rows->made);
    rows->rates = calloc(steps_most + 1, sizeof *rows->rates);
    rows->log_keep = calloc(steps_most + 1, sizeof *rows->log_keep);
    if (rows->m && rows->v && rows->made && rows->rates && rows->log_keep)
        return ZOO_OK;
    zoo_adamw_rows_release(rows);
    return zoo_fail_nomem(err);
}

void zoo_adamw_rows_release(zoo_adamw_rows *rows)
{
    free(rows->m);
    free(rows->v);
    free(rows->made);
    free(rows->rates);
    free(rows->log_keep);
    *rows = (zoo_adamw_rows){ 0 };
}

void zoo_adamw_rows_begin(zoo_adamw_rows *rows, double rate)
{
    uint32_t t = ++rows->steps;

    rows->rates[t] = (float)rate;
    rows->log_keep[t] = rows->log_keep[t - 1] + log1p(-rate * rows->decay);
}

static void scale_by(float *x, double factor, size_t n)
{
    const float f = (float)factor;

#pragma omp simd
    for (size_t i = 0; i < n; i++)
        x[i] *= f;
}

/* Step `t` without a gradient. */
static void coast(const zoo_adamw_rows *rows, uint32_t t, float *restrict p, float *restrict m, float *restrict v)
{
    const zoo_adamw *a = &rows->adamw;
    const double rate = rows->rates[t];
    const float b1 = (float)a->beta1, b2 = (float)a->beta2, keep = (float)(1 - rate * rows->decay), eps = (float)a->eps;
    const float step = (float)(rate / (1 - pow(a->beta1, t))), unbias = (float)sqrt(1 - pow(a->beta2, t));

#pragma omp simd
    for (size_t d = 0; d < rows->D; d++) {
        m[d] = b1 * m[d];
        v[d] = b2 * v[d];
        p[d] = keep * p[d] - step * m[d] / (sqrtf(v[d]) / unbias + eps);
    }
}

void zoo_adamw_rows_catch_up(zoo_adamw_rows *rows, size_t row)
{
    size_t at = row * rows->D;
    uint32_t has_moved = rows->made[row] & ZOO_ADAMW_MOVED, t = rows->made[row] ^ has_moved, end = rows->steps,
                         replayed;

    if (t == end)
        return;
    rows->made[row] = end | has_moved;
    if (has_moved) {
        replayed = end - t < rows->replayed_most ? end : t + rows->replayed_most;
        while (t < replayed)
            coast(rows, ++t, rows->table + at, rows->m + at, rows->v + at);
        if (t == end)
            return;
        scale_by(rows->m + at, pow(rows->adamw.beta1, end - t), rows->D);
        scale_by(rows->v + at, pow(rows->adamw.beta2, end - t), rows->D);
    }
    scale_by(rows->table + at, exp(rows->log_keep[end] - rows->log_keep[t]), rows->D);
}

void zoo_adamw_rows_step(zoo_adamw_rows *rows, size_t row, const float *grads, float scale)
{
    size_t at = row * rows->D;

    zoo_adamw_step(&rows->adamw, rows->steps, rows->rates[rows->steps], rows->decay, rows->table + at, rows->m + at,
                   rows->v + at, grads, scale, rows->D);
    rows->made[row] = rows->steps | ZOO_ADAMW_MOVED;
}

void zoo_adamw_rows_read(zoo_adamw_rows *rows, size_t row, float *out)
{
    uint32_t t = rows->made[row];

    if (t & ZOO_ADAMW_MOVED)
        zoo_adamw_rows_catch_up(rows, row);
    memcpy(out, rows->table + row * rows->D, rows->D * sizeof *out);
    if (!(t & ZOO_ADAMW_MOVED) && t != rows->steps)
        scale_by(out, exp(rows->log_keep[rows->steps] - rows->log_keep[t]), rows->D);
}
