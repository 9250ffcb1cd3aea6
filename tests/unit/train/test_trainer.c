/* The loop, with a model that does as it is told. */
#include <math.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/trainer.h"

/* Chooses the right expert (0) in `good` epochs only; counts what is asked of it. */
struct puppet { zoo_trainee base; unsigned epoch, kept, restored; const char *good; int is_broken; size_t steps, seen[4], blended; double blend; };

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

static void step(zoo_trainee *base, double rate)
{
    struct puppet *p = (struct puppet *)base;

    assert_true(rate > 0 && rate <= 0.1);
    p->epoch = (unsigned)(++p->steps + 1) / 2;       /* four rows in batches of two */
}

static void keep(zoo_trainee *base) { ((struct puppet *)base)->kept = ((struct puppet *)base)->epoch; }
static void restore(zoo_trainee *base) { ((struct puppet *)base)->restored = ((struct puppet *)base)->kept; }

static const zoo_trainee_class class = { forward, backward, step, keep, restore };

static zoo_trainer_result run(struct puppet *p, uint32_t *choices, int expected)
{
    const size_t rows[] = { 0, 1, 2, 3 }, held[] = { 4, 5 };
    const float ones[] = { 1, 1, 1, 1, 1, 1 }, targets[12] = { 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f };
    zoo_dataset d = small_data(6, 2, (const float[]){ 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 });
    zoo_trainer_task task = { .data = &d, .rows = rows, .count = 4, .targets = targets, .weights = ones, .held = held,
                              .held_count = 2, .held_weights = ones, .choices = choices };
    zoo_trainer_settings s = { .epochs = 4, .stop_after = 4, .batch = 2, .rate = 0.1, .seed = 1,
                               .blend = p->blend };
    zoo_trainer_result result;
    zoo_err err = { 0 };

    p->base = (zoo_trainee){ &class, 2, 0 };
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_epoch_is_kept),
        cmocka_unit_test(of_equal_epochs_the_later_is_kept),
        cmocka_unit_test(choices_are_those_of_the_end),
        cmocka_unit_test(examples_are_blended_as_often_as_asked),
        cmocka_unit_test(a_loss_that_is_no_number_stops),
    };
    return cmocka_run_group_tests_name("train/trainer", tests, NULL, NULL);
}
