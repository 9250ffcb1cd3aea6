/* The loop, with a model that does as it is told. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "base/rng.h"
#include "train/trainer.h"

/* Chooses the right expert (0) in `good` epochs only; counts what is asked of it. */
struct puppet { zoo_trainee base; unsigned epoch, kept, restored; const char *good; int is_broken; size_t steps,
                seen[4], blended; double blend; };

static void forward(zoo_trainee *base, const zoo_batch *batch, float *logits, float *tag_logits)
{
    struct puppet *p = (struct puppet *)base;

    (void)tag_logits;
    for (size_t b = 0; b < batch->B; b++) {
        logits[2 * b] = p->is_broken ? NAN : p->epoch && p->good[p->epoch - 1] == '+' ? 1 : -1;
        logits[2 * b + 1] = 0;
        if (batch->rows[b] < 4)
            p->seen[batch->rows[b]]++;
        p->blended += batch->partners && batch->partners[b] != ZOO_ALONE;
    }
}

static void backward(zoo_trainee *base, const float *dlogits, const float *dtag_logits)
{
    (void)base;
    assert_true(isfinite(dlogits[0]));
    assert_null(dtag_logits);
}

static int step(zoo_trainee *base, double rate, double *loss, double *norm, zoo_err *err)
{
    struct puppet *p = (struct puppet *)base;

    (void)loss;
    (void)err;
    assert_true(rate > 0 && rate <= 0.1);
    p->epoch = (unsigned)(++p->steps + 1) / 2;       /* four rows in batches of two */
    *norm = 1;
    return ZOO_OK;
}

static int keep(zoo_trainee *base, zoo_err *err)
{
    (void)err;
    ((struct puppet *)base)->kept = ((struct puppet *)base)->epoch;
    return ZOO_OK;
}

static int restore(zoo_trainee *base, zoo_err *err)
{
    (void)err;
    ((struct puppet *)base)->restored = ((struct puppet *)base)->kept;
    return ZOO_OK;
}

static const zoo_trainee_class class = { .forward = forward, .backward = backward, .step = step, .keep = keep,
                                         .restore = restore };

static zoo_trainer_result run(struct puppet *p, uint32_t *choices, int expected)
{
    const size_t rows[] = { 0, 1, 2, 3 }, held[] = { 4, 5 };
    const float ones[] = { 1, 1, 1, 1, 1, 1 }, targets[12] = { 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f };
    zoo_dataset d = small_data(6, 2, (const double[]){ 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 });
    zoo_trainer_task task = { .data = &d, .rows = rows, .count = 4, .targets = targets, .weights = ones, .held = held,
                              .held_count = 2, .held_weights = ones, .choices = choices };
    zoo_trainer_settings s = { .epochs = 4, .stop_after = 4, .batch = 2, .rate = 0.1, .seed = 1,
                               .blend = p->blend };
    zoo_trainer_result result;
    zoo_err err = { 0 };

    p->base = (zoo_trainee){ .class = &class, .k = 2 };
    assert_int_equal(zoo_trainer_run(&p->base, &task, &s, &result, &err), expected);
    if (expected)
        assert_non_null(strstr(err.message, "no longer a number in epoch 1"));
    zoo_dataset_release(&d);
    return result;
}

static void the_best_epoch_is_kept(void **state)
{
    struct puppet p = { .good = "-+--" };
    zoo_trainer_result r = run(&p, NULL, ZOO_OK);

    (void)state;
    assert_int_equal(r.best, 2);
    assert_int_equal(p.restored, 2);
    assert_true(r.reward == 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(p.seen[i], 4);              /* every row once an epoch */
}

static void of_equal_epochs_the_later_is_kept(void **state)
{
    struct puppet p = { .good = "-++-" };

    (void)state;
    assert_int_equal(run(&p, NULL, ZOO_OK).best, 3);
    assert_int_equal(p.restored, 3);
}

static void choices_are_those_of_the_end(void **state)
{
    struct puppet p = { .good = "+++-" };
    uint32_t choices[2] = { 9, 9 };

    (void)state;
    assert_int_equal(run(&p, choices, ZOO_OK).best, 4);
    assert_int_equal(choices[0], 1);
    assert_int_equal(choices[1], 1);
    assert_int_equal(p.kept, 0);
}

static void a_loss_that_is_no_number_stops(void **state)
{
    struct puppet p = { .good = "++++", .is_broken = 1 };

    (void)state;
    run(&p, NULL, ZOO_EFORMAT);
}

static void examples_are_blended_as_often_as_asked(void **state)
{
    struct puppet never = { .good = "++++" }, always = { .good = "++++", .blend = 1 };

    (void)state;
    run(&never, NULL, ZOO_OK);
    assert_int_equal(never.blended, 0);
    run(&always, NULL, ZOO_OK);
    assert_int_equal(always.blended, 16);            /* and none of the held-out rows */
}

/* ---- parts of a step, patience, states ---- */

/* Remembers what it learnt from; its parameter is a hash of that, so that two runs agree only where every step does. */
struct witness { zoo_trainee base; uint64_t seen, kept; size_t parts, largest, steps, dies_at,
                 drawn[3]; double reward; int draws; };

static size_t fit(const zoo_trainee *base, const size_t *rows, size_t B)
{
    (void)base;
    (void)rows;
    return B < 3 ? B : 3;
}

static void witness_forward(zoo_trainee *base, const zoo_batch *batch, float *logits, float *tag_logits)
{
    struct witness *w = (struct witness *)base;

    (void)tag_logits;
    w->parts++;
    w->largest = batch->B > w->largest ? batch->B : w->largest;
    for (size_t b = 0; b < batch->B; b++) {
        logits[2 * b] = w->reward > 0 && w->steps > 8 ? -1 : 1;         /* the first two epochs choose well */
        logits[2 * b + 1] = 0;
        if (batch->learns) {
            w->seen = zoo_mix64(w->seen ^ (batch->rows[b] + 1));
            w->drawn[batch->rows[b] < 13 ? 0 : batch->rows[b] - 13]++;
        }
    }
}

static void witness_backward(zoo_trainee *base, const float *dlogits, const float *dtag_logits)
{
    (void)base;
    (void)dlogits;
    (void)dtag_logits;
}

static int witness_step(zoo_trainee *base, double rate, double *loss, double *norm, zoo_err *err)
{
    struct witness *w = (struct witness *)base;

    (void)loss;
    (void)err;
    w->seen = zoo_mix64(w->seen ^ (uint64_t)(rate * 1e12));
    *norm = ++w->steps == w->dies_at ? NAN : 1;
    return ZOO_OK;
}

static int witness_keep(zoo_trainee *base, zoo_err *err)
{
    (void)err;
    ((struct witness *)base)->kept = ((struct witness *)base)->seen;
    return ZOO_OK;
}

static int witness_restore(zoo_trainee *base, zoo_err *err)
{
    (void)base;
    (void)err;
    return ZOO_OK;
}

static void witness_sync(zoo_trainee *base, zoo_state *state)
{
    struct witness *w = (struct witness *)base;

    zoo_state_sync(state, &w->seen, sizeof w->seen);
    zoo_state_sync(state, &w->kept, sizeof w->kept);
    zoo_state_sync(state, &w->steps, sizeof w->steps);
}

static const zoo_trainee_class witness_class = {
    .fit = fit, .forward = witness_forward, .backward = witness_backward, .step = witness_step, .keep = witness_keep,
    .restore = witness_restore, .sync = witness_sync
};

enum { WITNESS_ROWS = 16 };

static int run_witness(struct witness *w, const zoo_trainer_state *state, unsigned patience, zoo_trainer_result *result,
                       zoo_err *err)
{
    static const char *const tags[18] = { "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "1",
                                          "2", "0", "0" };
    size_t rows[WITNESS_ROWS];
    const size_t held[] = { 16, 17 };
    float ones[18], targets[36];
    double rewards[36];
    zoo_dataset d;
    zoo_trainer_task task = { .rows = rows, .count = WITNESS_ROWS, .targets = targets, .weights = ones, .held = held,
                              .held_count = 2, .held_weights = ones, .state = state };
    zoo_trainer_settings s = { .epochs = 5, .stop_after = 5, .batch = 4, .rate = 0.1, .warm_up = 0.2, .seed = 1,
                               .patience = patience };
    int rc;

    for (size_t i = 0; i < 18; i++) {
        ones[i] = 1;
        targets[2 * i] = targets[2 * i + 1] = 0.5f;
        rewards[2 * i] = 1;
        rewards[2 * i + 1] = 0;
        if (i < WITNESS_ROWS)
            rows[i] = i;
    }
    d = small_data(18, 2, rewards);
    task.data = &d;
    task.drawn = w->draws ? &d.kinds[small_kind(&d, "kind", 3, tags)] : NULL;
    w->base = (zoo_trainee){ .class = &witness_class, .k = 2 };
    rc = zoo_trainer_run(&w->base, &task, &s, result, err);
    zoo_dataset_release(&d);
    return rc;
}

static void a_step_goes_through_in_parts_that_fit(void **state)
{
    struct witness w = { .reward = 0 };
    zoo_trainer_result result;

    (void)state;
    assert_int_equal(run_witness(&w, NULL, 0, &result, NULL), ZOO_OK);
    assert_int_equal(w.largest, 3);
    assert_int_equal(w.steps, 5 * 4);
    assert_int_equal(w.parts, 5 * (4 * 2 + 1));           /* 3 + 1 rows of each four; the held-out rows once an epoch */
}

static void patience_ends_a_run_that_gets_no_better(void **state)
{
    struct witness w = { .reward = 1 };
    zoo_trainer_result result;

    (void)state;
    assert_int_equal(run_witness(&w, NULL, 2, &result, NULL), ZOO_OK);
    assert_int_equal(result.best, 2);                                  /* as good as the first, and later */
    assert_int_equal(result.epochs, 3);
}

static void epochs_draw_tags_equally_often(void **state)
{
    struct witness w = { .draws = 1 };
    zoo_trainer_result result;

    (void)state;
    assert_int_equal(run_witness(&w, NULL, 0, &result, NULL), ZOO_OK);
    /* thirds of 16, in 5 epochs */
    assert_true(w.drawn[1] >= 5 * 5 && w.drawn[2] >= 5 * 5 && w.drawn[1] + w.drawn[2] <= 5 * 12);
}

/* Broken off anywhere and resumed, a run learns from the same rows in the same order at the same rates. */
static void goes_on_where_it_was(int draws)
{
    char path[] = "build/test_trainer_state_XXXXXX";
    zoo_trainer_state where = { .path = path, .fingerprint = 7, .every = 0 };
    struct witness whole = { .draws = draws };
    zoo_trainer_result result, again;
    zoo_err err;

    assert_true(mkstemp(path) >= 0);
    assert_int_equal(run_witness(&whole, NULL, 0, &result, NULL), ZOO_OK);
    for (size_t at = 2; at <= 20; at++) {
        struct witness first = { .dies_at = at, .draws = draws }, second = { .draws = draws };
        where.resumes = 0;
        assert_int_equal(run_witness(&first, &where, 0, &again, &err), ZOO_EFORMAT);
        assert_non_null(strstr(err.message, "gradient is no longer a number"));
        where.resumes = 1;
        assert_int_equal(run_witness(&second, &where, 0, &again, &err), ZOO_OK);
        assert_true(second.seen == whole.seen && second.kept == whole.kept && second.steps == whole.steps);
        assert_int_equal(again.best, result.best);
    }
    where.fingerprint = 8;
    assert_int_equal(run_witness(&whole, &where, 0, &again, &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "other queries, rewards, settings"));
    unlink(path);
}

static void a_run_goes_on_where_it_was(void **state)
{
    (void)state;
    goes_on_where_it_was(0);
    goes_on_where_it_was(1);
}

static void a_damaged_state_is_refused(void **state)
{
    char path[] = "build/test_trainer_damage_XXXXXX";
    zoo_trainer_state where = { .path = path, .fingerprint = 7, .every = 0, .resumes = 0 };
    struct witness w = { .reward = 0 };
    zoo_trainer_result result;
    char bytes[4096];
    size_t size;
    zoo_err err;
    FILE *file;

    (void)state;
    assert_true(mkstemp(path) >= 0);
    assert_int_equal(run_witness(&w, &where, 0, &result, &err), ZOO_OK);
    file = fopen(path, "rb");
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    where.resumes = 1;
    for (int damage = 0; damage < 3; damage++) {
        bytes[damage == 2 ? 0 : size / 2] ^= 1;
        file = fopen(path, "wb");
        fwrite(bytes, 1, damage == 1 ? size - 20 : size, file);
        fclose(file);
        bytes[damage == 2 ? 0 : size / 2] ^= 1;
        assert_true(run_witness(&w, &where, 0, &result, &err) == ZOO_EFORMAT);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_epoch_is_kept),
        cmocka_unit_test(of_equal_epochs_the_later_is_kept),
        cmocka_unit_test(choices_are_those_of_the_end),
        cmocka_unit_test(examples_are_blended_as_often_as_asked),
        cmocka_unit_test(a_step_goes_through_in_parts_that_fit),
        cmocka_unit_test(patience_ends_a_run_that_gets_no_better),
        cmocka_unit_test(epochs_draw_tags_equally_often),
        cmocka_unit_test(a_run_goes_on_where_it_was),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(a_loss_that_is_no_number_stops),
    };
    return cmocka_run_group_tests_name("train/trainer", tests, NULL, NULL);
}
