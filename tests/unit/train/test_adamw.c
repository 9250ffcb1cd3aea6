/* AdamW against its formula in double precision,
 * and rows that are stepped when touched against the same steps taken densely. */
#include <math.h>
#include <stdlib.h>
#include "unit/cm.h"
#include "base/rng.h"
#include "train/adamw.h"
#include "train/schedule.h"

static const zoo_adamw adamw = ZOO_ADAMW_DEFAULT;

static int close_to(double got, double want, double tol)
{
    return fabs(got - want) <= tol * fmax(1, fabs(want));
}

static void steps_follow_the_formula(void **state)
{
    const double grads[] = { 0.5, -2, 0, 1e-3 };
    float p = 1, m = 0, v = 0;
    double P = 1, M = 0, V = 0;

    (void)state;
    for (int t = 1; t <= 4; t++) {
        double rate = 1e-2 / t, g = 0.5 * grads[t - 1];
        float grad = (float)grads[t - 1];
        zoo_adamw_step(&adamw, (uint64_t)t, rate, 0.1, &p, &m, &v, &grad, 0.5f, 1);
        M = 0.9 * M + 0.1 * g;
        V = 0.999 * V + 0.001 * g * g;
        P = P * (1 - rate * 0.1) - rate * (M / (1 - pow(0.9, t))) / (sqrt(V / (1 - pow(0.999, t))) + 1e-8);
        assert_true(close_to(p, P, 1e-6));
    }
}

/* A table of rows that are touched at random, rarely or never,
 * beside the same table stepped densely with zero gradients. */
struct tables { float *dense, *m, *v, *lazy; zoo_adamw_rows rows; size_t V, D; };

static void set_up(struct tables *t, size_t V, size_t D, double decay, size_t steps)
{
    zoo_rng rng;

    *t = (struct tables){ .V = V, .D = D };
    t->dense = calloc(V * D, sizeof(float));
    t->m = calloc(V * D, sizeof(float));
    t->v = calloc(V * D, sizeof(float));
    t->lazy = calloc(V * D, sizeof(float));
    zoo_rng_init(&rng, 5);
    for (size_t i = 0; i < V * D; i++)
        t->dense[i] = t->lazy[i] = (float)zoo_rng_normal(&rng);
    assert_int_equal(zoo_adamw_rows_init(&t->rows, &adamw, t->lazy, V, D, decay, steps, NULL), ZOO_OK);
}

static void tear_down(struct tables *t)
{
    zoo_adamw_rows_release(&t->rows);
    free(t->dense);
    free(t->m);
    free(t->v);
    free(t->lazy);
}

/* The largest relative difference after `steps`; row i is touched once in touched_every[i] steps, 0: never. */
static double difference(size_t steps, double decay, const unsigned *touched_every, size_t V, double planted)
{
    enum { D = 24 };
    const zoo_schedule schedule = { ZOO_FALL_LINEAR, steps / 10, steps };
    float *grads = calloc(V * D, sizeof *grads);
    struct tables t;
    zoo_rng rng;
    double worst = 0;

    set_up(&t, V, D, decay, steps);
    zoo_rng_init(&rng, 9);
    for (size_t s = 0; s < steps; s++) {
        double rate = 1e-2 * zoo_schedule_share(&schedule, s);
        for (size_t i = 0; i < V; i++) {
            int is_touched = touched_every[i] && s % touched_every[i] == i % touched_every[i];
            for (size_t d = 0; d < D; d++)
                grads[i * D + d] = is_touched ? (float)zoo_rng_normal(&rng) : 0;
            if (is_touched)
                zoo_adamw_rows_catch_up(&t.rows, i);
        }
        zoo_adamw_rows_begin(&t.rows, rate + planted);
        for (size_t i = 0; i < V; i++)
            if (touched_every[i] && s % touched_every[i] == i % touched_every[i])
                zoo_adamw_rows_step(&t.rows, i, grads + i * D, 0.7f);
        zoo_adamw_step(&adamw, s + 1, rate, decay, t.dense, t.m, t.v, grads, 0.7f, V * D);
    }
    for (size_t i = 0; i < V; i++) {
        float row[D];
        zoo_adamw_rows_read(&t.rows, i, row);
        zoo_adamw_rows_catch_up(&t.rows, i);
        assert_memory_equal(row, t.lazy + i * D, sizeof row);
    }
    for (size_t i = 0; i < V * D; i++) {
        double off = fabs((double)t.lazy[i] - t.dense[i]) / fmax(1, fabs(t.dense[i]));
        double off_v = fabs((double)t.rows.v[i] - t.v[i]) / fmax(1, fabs(t.v[i]));
        worst = off <= worst ? worst : off;
        worst = off_v <= worst ? worst : off_v;
    }
    free(grads);
    tear_down(&t);
    return worst;
}

static void rows_touched_rarely_end_where_dense_steps_put_them(void **state)
{
    const unsigned every[] = { 1, 2, 7, 50, 333, 900, 1999, 0 };

    (void)state;
    assert_true(difference(2000, 0.01, every, 8, 0) <= 5e-6);
    assert_true(difference(2000, 0, every, 8, 0) <= 5e-6);
    assert_true(difference(30, 0.3, every, 8, 0) <= 5e-6);
    assert_true(difference(2000, 0.01, every, 8, 1e-4) > 1e-3);         /* and with wrong rates they would not */
}

/* Between two touches a row moves although its gradient is 0: leaving it alone (as sparse Adams do)
 * is something else. */
static void rows_that_are_left_alone_would_be_elsewhere(void **state)
{
    const float grad[4] = { 1, -1, 2, 0.5f };
    float before;
    struct tables t;

    (void)state;
    set_up(&t, 1, 4, 0.01, 20);
    zoo_adamw_rows_begin(&t.rows, 1e-2);
    zoo_adamw_rows_step(&t.rows, 0, grad, 1);
    before = t.lazy[0];
    for (int i = 0; i < 10; i++)
        zoo_adamw_rows_begin(&t.rows, 1e-2);
    assert_true(t.lazy[0] == before);                                   /* nothing was spent on it */
    zoo_adamw_rows_catch_up(&t.rows, 0);
    assert_true(fabsf(t.lazy[0] - before) > 1e-2f);
    tear_down(&t);
}

static void norms_and_clipping(void **state)
{
    float *x = calloc(10000, sizeof *x);

    (void)state;
    for (int i = 0; i < 10000; i++)
        x[i] = 0.5f;
    assert_true(close_to(zoo_square_norm(x, 10000), 2500, 1e-6));
    assert_true(zoo_square_norm(x, 0) == 0);
    x[9999] = NAN;
    assert_true(isnan(zoo_square_norm(x, 10000)));
    assert_true(zoo_clip_scale(0.5, 1) == 1);
    assert_true(close_to(zoo_clip_scale(4, 1), 0.25, 1e-6));
    assert_true(zoo_clip_scale(4, 0) == 1);
    free(x);
}

static void schedules_rise_and_fall(void **state)
{
    const zoo_schedule linear = { ZOO_FALL_LINEAR, 4, 12 }, cosine = { ZOO_FALL_COSINE, 0, 10 };

    (void)state;
    assert_true(zoo_schedule_share(&linear, 0) == 0 && zoo_schedule_share(&linear, 2) == 0.5);
    assert_true(zoo_schedule_share(&linear, 4) == 1 && zoo_schedule_share(&linear, 8) == 0.5);
    assert_true(zoo_schedule_share(&linear, 12) == 0 && zoo_schedule_share(&linear, 99) == 0);
    assert_true(zoo_schedule_share(&cosine, 0) == 1 && close_to(zoo_schedule_share(&cosine, 5), 0.5, 1e-12));
    assert_true(close_to(zoo_layer_share(0.9, 2), 0.81, 1e-12) && zoo_layer_share(1, 7) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_follow_the_formula),
        cmocka_unit_test(rows_touched_rarely_end_where_dense_steps_put_them),
        cmocka_unit_test(rows_that_are_left_alone_would_be_elsewhere),
        cmocka_unit_test(norms_and_clipping),
        cmocka_unit_test(schedules_rise_and_fall),
    };
    return cmocka_run_group_tests_name("train/adamw", tests, NULL, NULL);
}
