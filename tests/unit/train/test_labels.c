#include <math.h>
#include <stdlib.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "train/labels.h"

#define CLOSE(got, want) assert_true(fabs((double)(got) - (double)(want)) <= 1e-6)

static const size_t four[] = { 0, 1, 2, 3 };
/* Two experts; c of the first is 3, 1, -1, -3. */
static const double rewards[] = { 3, -3, 1, -1, -1, 1, -3, 3 };

static void plain_means_are_the_papers(void **state)
{
    zoo_dataset d = small_data(4, 2, (const double[]){ 1, 0, 3, 2, 5, 0, 7, 9 });
    size_t kind = small_kind(&d, "topic", 2, (const char *[]){ "0", "01", "1", "" });
    zoo_tag_rewards t;
    double out[2];

    (void)state;
    assert_int_equal(zoo_tag_rewards_fit(&t, &d, &kind, 1, four, 4, NULL, 0, NULL), ZOO_OK);
    CLOSE(t.kinds[0].effects[0], 2);                    /* r_0 = mean of (1,0) and (3,2) */
    CLOSE(t.kinds[0].effects[1], 1);
    CLOSE(t.kinds[0].effects[2], 4);                    /* r_1 = mean of (3,2) and (5,0) */
    CLOSE(t.kinds[0].effects[3], 1);
    zoo_tag_rewards_enhance(&t, 1, 0.3, out);           /* two tags: the mean of their rewards, (3,1) */
    CLOSE(out[0], 0.3 * 3 + 0.7 * 3);
    CLOSE(out[1], 0.3 * 2 + 0.7 * 1);
    zoo_tag_rewards_enhance(&t, 3, 0.3, out);           /* no tag: its own */
    CLOSE(out[0], 7);
    CLOSE(out[1], 9);
    zoo_tag_rewards_release(&t);
    zoo_dataset_release(&d);
}

static void shrunk_means_by_hand(void **state)
{
    zoo_dataset d = small_data(4, 2, rewards);
    size_t kind = small_kind(&d, "topic", 2, (const char *[]){ "0", "0", "1", "1" });
    zoo_tag_rewards t;
    double out[2];

    (void)state;
    assert_int_equal(zoo_tag_rewards_fit(&t, &d, &kind, 1, four, 4, NULL, 1, NULL), ZOO_OK);
    CLOSE(t.scale, sqrt(5));
    CLOSE(t.kinds[0].within, 2);                        /* 8 / (2 (4 - 2)) */
    CLOSE(t.kinds[0].between, 3);                       /* 4 - 2 * 2 / 4 */
    CLOSE(t.kinds[0].effects[0], 1.5);                  /* 2 * 3 / (2 * 3 + 2) of 2 */
    CLOSE(t.kinds[0].effects[2], -1.5);
    zoo_tag_rewards_enhance(&t, 0, 0.1, out);
    CLOSE(out[0], 0.1 * 3 + 0.9 * 1.5);
    zoo_tag_rewards_release(&t);
    zoo_dataset_release(&d);
}

static void shrunk_means_with_weights_by_hand(void **state)
{
    const float weights[] = { 1, 1, 2, 2 };
    zoo_dataset d = small_data(4, 2, rewards);
    size_t kind = small_kind(&d, "topic", 2, (const char *[]){ "0", "0", "1", "1" });
    zoo_tag_rewards t;

    (void)state;
    assert_int_equal(zoo_tag_rewards_fit(&t, &d, &kind, 1, four, 4, weights, 1, NULL), ZOO_OK);
    CLOSE(t.overall[0], -2.0 / 3);
    CLOSE(t.kinds[0].within, 2);                        /* 12 / (2 * 3) */
    CLOSE(t.kinds[0].between, (192.0 / 9 - 6) / 6);
    CLOSE(t.kinds[0].effects[0], 8.0 / 3 * 46 / 64);    /* n_t tau = 46/9, s2 = 18/9 */
    zoo_tag_rewards_release(&t);
    zoo_dataset_release(&d);
}

/* A kind that repeats a coarser one has nothing to add; one whose tags differ only by noise carries nothing. */
static void a_kind_that_says_nothing_switches_itself_off(void **state)
{
    zoo_dataset d = small_data(4, 2, rewards);
    size_t kinds[3];
    zoo_tag_rewards t;

    (void)state;
    kinds[0] = small_kind(&d, "topic", 2, (const char *[]){ "0", "0", "1", "1" });
    kinds[1] = small_kind(&d, "again", 2, (const char *[]){ "1", "1", "0", "0" });
    kinds[2] = small_kind(&d, "each", 4, (const char *[]){ "0", "1", "2", "3" });
    assert_int_equal(zoo_tag_rewards_fit(&t, &d, kinds, 3, four, 4, NULL, 1, NULL), ZOO_OK);
    assert_true(t.kinds[1].between == 0);
    assert_true(t.kinds[2].between == 0);               /* no tag occurs twice: nothing is known of its noise */
    for (size_t i = 0; i < 4; i++)
        assert_true(t.kinds[1].effects[i] == 0 && t.kinds[2].effects[i] == 0);
    zoo_tag_rewards_release(&t);
    assert_int_equal(zoo_tag_rewards_fit(&t, &d, &kinds[1], 1, (const size_t[]){ 0, 3 }, 2, NULL, 1, NULL), ZOO_OK);
    assert_true(t.kinds[0].between == 0);
    zoo_tag_rewards_release(&t);
    zoo_dataset_release(&d);
}

/* Nested: the finer tag is drawn towards what the coarser one says, not towards the overall mean. */
static void a_finer_tag_starts_from_the_coarser_one(void **state)
{
    double r[32];
    const char *coarse[16], *fine[16];
    size_t rows[16], kinds[2];
    zoo_tag_rewards t;
    double out[2];

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        double c = (i < 8 ? 4 : -4) + (i % 8 < 4 ? 1 : -1) * (i < 8) + (i % 2 ? 0.5 : -0.5);
        r[2 * i] = c;
        r[2 * i + 1] = -c;
        coarse[i] = i < 8 ? "0" : "1";
        fine[i] = i < 4 ? "0" : i < 8 ? "1" : "";
        rows[i] = i;
    }
    zoo_dataset d = small_data(16, 2, r);
    kinds[0] = small_kind(&d, "coarse", 2, coarse);
    kinds[1] = small_kind(&d, "fine", 2, fine);
    assert_int_equal(zoo_tag_rewards_fit(&t, &d, kinds, 2, rows, 16, NULL, 1, NULL), ZOO_OK);
    zoo_tag_rewards_enhance(&t, 0, 0, out);
    assert_true(out[0] > 4.7 && out[0] < 5);            /* 5, drawn a little towards 4 */
    zoo_tag_rewards_enhance(&t, 4, 0, out);
    assert_true(out[0] > 3 && out[0] < 3.3);
    zoo_tag_rewards_enhance(&t, 8, 0, out);             /* has no finer tag */
    assert_true(out[0] < -3.8 && out[0] > -4.1);
    zoo_tag_rewards_release(&t);
    zoo_dataset_release(&d);
}

static void tags_are_learnt_from_training_rows_only(void **state)
{
    const size_t training[] = { 0, 1, 2 };
    float before[8], after[8];
    zoo_dataset d = small_data(4, 2, rewards);
    size_t kind = small_kind(&d, "topic", 2, (const char *[]){ "0", "0", "1", "1" });

    (void)state;
    for (int shrunk = 0; shrunk < 2; shrunk++)
        for (int changed = 0; changed < 2; changed++) {
            zoo_tag_rewards t;
            d.rewards[6] = changed ? 1000 : -3;         /* of row 3, which is held out */
            assert_int_equal(zoo_tag_rewards_fit(&t, &d, &kind, 1, training, 3, NULL, shrunk, NULL), ZOO_OK);
            zoo_labels_fill(&t, training, 3, 0.3, 0.5, changed ? after : before);
            zoo_tag_rewards_release(&t);
            if (changed)
                assert_memory_equal(before, after, 6 * sizeof *before);
        }
    zoo_dataset_release(&d);
}

static void targets_are_a_distribution_also_when_very_cold(void **state)
{
    const double temperatures[] = { 1e-9, 1, 1e9 };
    zoo_dataset d = small_data(4, 2, rewards);
    zoo_tag_rewards t;
    float targets[8];

    (void)state;
    assert_int_equal(zoo_tag_rewards_fit(&t, &d, NULL, 0, four, 4, NULL, 1, NULL), ZOO_OK);
    for (size_t i = 0; i < 3; i++) {
        zoo_labels_fill(&t, four, 4, 1, temperatures[i], targets);
        for (size_t row = 0; row < 4; row++)
            CLOSE(targets[2 * row] + targets[2 * row + 1], 1);
    }
    zoo_labels_fill(&t, four, 4, 1, 2, targets);
    CLOSE(targets[2], 1 / (1 + exp(-1)));               /* r = (1,-1), T = 2 */
    zoo_labels_fill(&t, four, 4, 1, 1e-9, targets);
    CLOSE(targets[0], 1);
    zoo_tag_rewards_release(&t);
    zoo_dataset_release(&d);
}

static void kinds_are_ordered_coarse_to_fine(void **state)
{
    zoo_dataset d = small_data(4, 2, rewards);
    size_t kinds[4];

    (void)state;
    small_kind(&d, "fine", 4, (const char *[]){ "0", "1", "2", "3" });
    small_kind(&d, "one", 1, (const char *[]){ "0", "0", "0", "0" });
    small_kind(&d, "coarse", 2, (const char *[]){ "0", "0", "1", "1" });
    small_kind(&d, "coarse too", 2, (const char *[]){ "0", "1", "1", "1" });
    assert_int_equal(zoo_kinds_order(&d, kinds), 3);
    assert_int_equal(kinds[0], 2);
    assert_int_equal(kinds[1], 3);
    assert_int_equal(kinds[2], 0);
    zoo_dataset_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_means_are_the_papers),
        cmocka_unit_test(shrunk_means_by_hand),
        cmocka_unit_test(shrunk_means_with_weights_by_hand),
        cmocka_unit_test(a_kind_that_says_nothing_switches_itself_off),
        cmocka_unit_test(a_finer_tag_starts_from_the_coarser_one),
        cmocka_unit_test(tags_are_learnt_from_training_rows_only),
        cmocka_unit_test(targets_are_a_distribution_also_when_very_cold),
        cmocka_unit_test(kinds_are_ordered_coarse_to_fine),
    };
    return cmocka_run_group_tests_name("train/labels", tests, NULL, NULL);
}
