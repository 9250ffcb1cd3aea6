#include <float.h>
#include <math.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/units.h"

#define CLOSE(got, want) assert_true(fabs((got) - (want)) <= 1e-12 * fabs(want))

static const size_t rows[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
static const float ones[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
static const double plain[] = { 1, 0, 0, 1, 1, 1, 0, 0 };

/* Four rows of plain, each 0 or 1 at its own place. */
static zoo_dataset make(double offset, double slope, double scale)
{
    double rewards[8];

    for (size_t i = 0; i < 8; i++)
        rewards[i] = offset + slope * (double)(i / 2) + scale * plain[i];
    return small_data(4, 2, rewards);
}

static void no_offset_and_no_scale_reaches_what_is_learnt(void **state)
{
    static const struct { double offset, slope, scale; } cases[] = {
        { 0, 0, 1 }, { 1e9, 0, 1 }, { 0, 0, 1e-30 }, { 0, 0, 1e300 }, { 0, 0, DBL_MAX }, { 0, 0, 1e-310 },
            { -1e300, 0, 0x1p950 },
        { 7, 1e9, 1 }, { -1e15, 1e14, 1 }
    };

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        zoo_dataset d = make(cases[c].offset, cases[c].slope, cases[c].scale);
        zoo_units u;
        assert_int_equal(zoo_units_make(&u, &d, rows, 4, 4, NULL), ZOO_OK);
        double one = u.data.rewards[0];
        assert_true(one >= 1 && one < 2);
        CLOSE(one * u.unit, cases[c].scale);
        for (size_t i = 0; i < 8; i++)                       /* row 2, where both are 1, has no difference */
            assert_true(u.data.rewards[i] == (i < 4 ? plain[i] * one : 0));
        assert_true(d.rewards != u.data.rewards && d.rewards[0] == cases[c].offset + cases[c].scale);
        zoo_units_release(&u);
        zoo_dataset_release(&d);
    }
}

static void means_come_back_in_their_own_unit(void **state)
{
    const float heavy[] = { 3, 1, 0, 0 };
    zoo_dataset d = make(1e9, 10, 1);
    zoo_units u;

    (void)state;
    assert_int_equal(zoo_units_make(&u, &d, rows, 4, 4, NULL), ZOO_OK);
    CLOSE(zoo_units_floor(&u, rows, 4, ones), 1e9 + 15.25);      /* row 2's floor is its 1 */
    CLOSE(zoo_units_floor(&u, rows, 4, heavy), 1e9 + 2.5);
    assert_true(zoo_units_own(&u, 1e9, 0.25) == 1e9 + 0.25);
    assert_true(zoo_units_floor(NULL, rows, 4, ones) == 0 && zoo_units_own(NULL, 5, 0.25) == 0.25);
    zoo_units_release(&u);
    zoo_dataset_release(&d);
    d = make(DBL_MAX, 0, 0);                                     /* no sum overflows on the way */
    assert_int_equal(zoo_units_make(&u, &d, rows, 4, 4, NULL), ZOO_OK);
    assert_true(zoo_units_floor(&u, rows, 4, ones) == DBL_MAX && u.unit == 1 && u.spread == 0);
    zoo_units_release(&u);
    zoo_dataset_release(&d);
}

static void rows_that_are_not_asked_for_have_no_rewards(void **state)
{
    zoo_dataset d = make(0, 0, 1);
    zoo_units u;

    (void)state;
    d.rewards[2] = NAN;
    d.rewards[6] = 1e300;                                        /* of row 3 */
    assert_int_equal(zoo_units_make(&u, &d, (const size_t[]){ 0, 2 }, 2, 2, NULL), ZOO_OK);
    assert_true(u.unit == 1 && isnan(u.data.rewards[2]) && isnan(u.data.rewards[6]) && u.data.rewards[0] == 1);
    zoo_units_release(&u);
    zoo_dataset_release(&d);
}

static void refused(const zoo_dataset *d, size_t learnt, const char *sentence)
{
    zoo_units u;
    zoo_err err = { 0 };

    assert_int_equal(zoo_units_make(&u, d, rows, d->n, learnt, &err), ZOO_EFORMAT);
    if (!strstr(err.message, sentence))
        print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, sentence));
    assert_null(u.floors);
}

static void what_doubles_cannot_hold_is_refused_by_name(void **state)
{
    zoo_dataset d = make(0, 0, 1);

    (void)state;
    d.rewards[2] = -1.7e308;
    d.rewards[3] = 1.7e308;
    refused(&d, 4, "query 'query 1': the rewards of 'expert-0' (-1.7e+308) and 'expert-1' (1.7e+308)");
    zoo_dataset_release(&d);
}

/* Eight rows; the first `wide` of them differ by 1e300, the others by 1. */
static zoo_dataset mixed(size_t wide)
{
    double rewards[16] = { 0 };

    for (size_t i = 0; i < 8; i++)
        rewards[2 * i] = i < wide ? 1e300 : 1;
    return small_data(8, 2, rewards);
}

static void rows_that_vanish_beside_others_are_counted_and_half_of_them_refused(void **state)
{
    zoo_dataset d = mixed(1);
    zoo_units u;

    (void)state;
    refused(&d, 8, "query 'query 0' has rewards that differ by 1e+300, beside which those of 7 of the 8 queries");
    zoo_dataset_release(&d);
    d = mixed(4);
    refused(&d, 8, "those of 4 of the 8");
    zoo_dataset_release(&d);
    d = mixed(5);
    refused(&d, 5, "those of 3 of the 3");                       /* all that is judged by */
    assert_int_equal(zoo_units_make(&u, &d, rows, 8, 8, NULL), ZOO_OK);
    assert_true(u.vanishing == 3 && u.widest == 0 && u.spread == 1e300);
    zoo_units_release(&u);
    zoo_dataset_release(&d);
}

/* 0.1 + 0.2 is not 0.3: answers that are equal but for that are equal, and nobody is refused for them. */
static void rounding_is_no_reason_to_refuse(void **state)
{
    double rewards[16] = { 0 };
    zoo_dataset d;
    zoo_units u;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        rewards[2 * i] = i ? 0.1 + 0.2 : 1e4;
        rewards[2 * i + 1] = i ? 0.3 : 0;
    }
    d = small_data(8, 2, rewards);
    assert_int_equal(zoo_units_make(&u, &d, rows, 8, 8, NULL), ZOO_OK);
    assert_int_equal(u.vanishing, 0);
    zoo_units_release(&u);
    zoo_dataset_release(&d);
}

static void rewards_are_shown_so_that_a_difference_is_seen(void **state)
{
    static const struct { double reward, spread; const char *text; } cases[] = {
        { 0.92134, 1, "0.9213" }, { -3.25, 0.5, "-3.2500" }, { 1e9 + 0.25, 1, "1000000000.2500" },
            { 9.2134e-31, 1e-30, "9.213e-31" },
        { 4.8148e299, 1e300, "4.815e+299" }, { 1 + 1e-9, 1e-9, "1.000000001" }, { 0, 0, "0" }
    };
    char text[ZOO_REWARD_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(zoo_reward_text(text, cases[i].reward, cases[i].spread), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_offset_and_no_scale_reaches_what_is_learnt),
        cmocka_unit_test(means_come_back_in_their_own_unit),
        cmocka_unit_test(rows_that_are_not_asked_for_have_no_rewards),
        cmocka_unit_test(what_doubles_cannot_hold_is_refused_by_name),
        cmocka_unit_test(rows_that_vanish_beside_others_are_counted_and_half_of_them_refused),
        cmocka_unit_test(rounding_is_no_reason_to_refuse),
        cmocka_unit_test(rewards_are_shown_so_that_a_difference_is_seen),
    };
    return cmocka_run_group_tests_name("train/units", tests, NULL, NULL);
}
