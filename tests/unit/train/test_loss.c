#include <math.h>
#include <string.h>
#include "unit/cm.h"
#include "train/loss.h"

#define CLOSE(got, want, tol) assert_true(fabs((double)(got) - (double)(want)) <= (tol))

static const float weights[] = { 1, 0.5f };

static void equal_distributions_cost_nothing(void **state)
{
    const float logits[] = { 1, 2, 3, 0, 0, 0 };
    float targets[6], dlogits[6];

    (void)state;
    for (size_t b = 0; b < 2; b++)
        for (size_t j = 0; j < 3; j++)
            targets[b * 3 + j] = expf(logits[b * 3 + j]) / (expf(logits[b * 3]) + expf(logits[b * 3 + 1]) +
                                                            expf(logits[b * 3 + 2]));
    for (int direction = 0; direction < 2; direction++) {
        CLOSE(zoo_router_loss((enum zoo_loss)direction, logits, targets, weights, 2, 3, dlogits), 0, 1e-6);
        for (size_t i = 0; i < 6; i++)
            CLOSE(dlogits[i], 0, 1e-6);
    }
}

static void the_two_directions_by_hand(void **state)
{
    const float logits[] = { 0, 0 }, targets[] = { 0.75f, 0.25f };

    (void)state;
    CLOSE(zoo_router_loss(ZOO_KL_FORWARD, logits, targets, weights, 1, 2, NULL), 0.75 * log(1.5) + 0.25 * log(0.5),
          1e-6);
    CLOSE(zoo_router_loss(ZOO_KL_REVERSE, logits, targets, weights, 1, 2, NULL), 0.5 * log(2.0 / 3) + 0.5 * log(2.0),
          1e-6);
}

static void gradients_agree_with_differences(void **state)
{
    float logits[] = { 0.3f, -1, 2, 0.1f, 0.2f, -0.4f };
    const float targets[] = { 0.2f, 0.5f, 0.3f, 0.9f, 0.1f, 0 };
    float dlogits[6];

    (void)state;
    for (int direction = 0; direction < 4; direction++) {
        zoo_router_loss((enum zoo_loss)direction, logits, targets, weights, 2, 3, dlogits);
        for (size_t i = 0; i < 6; i++) {
            float at = logits[i];
            logits[i] = at + 1e-2f;
            double above = zoo_router_loss((enum zoo_loss)direction, logits, targets, weights, 2, 3, NULL);
            logits[i] = at - 1e-2f;
            double below = zoo_router_loss((enum zoo_loss)direction, logits, targets, weights, 2, 3, NULL);
            logits[i] = at;
            CLOSE(dlogits[i], (above - below) / 2e-2, 2e-3 * (1 + fabs(dlogits[i])));
        }
    }
}

static void huge_logits_stay_finite(void **state)
{
    const float logits[] = { 1e30f, -1e30f, 0 }, targets[] = { 0, 1, 0 };
    float dlogits[3];

    (void)state;
    assert_true(isfinite(zoo_router_loss(ZOO_KL_FORWARD, logits, targets, weights, 1, 3, dlogits)));
    for (size_t i = 0; i < 3; i++)
        assert_true(isfinite(dlogits[i]));
}

static void tags_are_drawn_evenly(void **state)
{
    const float logits[] = { 0, 0, 0, 0 };
    const uint32_t tags[] = { 1, 3 };
    float dlogits[4];

    (void)state;
    CLOSE(zoo_tag_loss(logits, 4, tags, 2, 2, dlogits), 2 * log(4), 1e-6);
    CLOSE(dlogits[0], 2 * 0.25, 1e-6);
    CLOSE(dlogits[1], 2 * (0.25 - 0.5), 1e-6);
    CLOSE(zoo_tag_loss(logits, 4, NULL, 0, 2, dlogits), 0, 0);
    CLOSE(dlogits[1], 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_distributions_cost_nothing),
        cmocka_unit_test(the_two_directions_by_hand),
        cmocka_unit_test(gradients_agree_with_differences),
        cmocka_unit_test(huge_logits_stay_finite),
        cmocka_unit_test(tags_are_drawn_evenly),
    };
    return cmocka_run_group_tests_name("train/loss", tests, NULL, NULL);
}
