#include "unit/cm.h"
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "model/ngram.h"

enum { B = 3, D = 4, K = 3, G = 5, V = 50 };

static zoo_ngram_config small(uint32_t hidden)
{
    zoo_ngram_config c = { .features = ZOO_NGRAMS_DEFAULT, .dim = D, .hidden = hidden, .experts = K, .kinds = 2,
                           .kind_values = { 2, 3 } };

    c.features.buckets = V;
    return c;
}

static const uint32_t rows[B][3] = { { 1, 7, 49 }, { 7, 8, 9 }, { 0 } };
static const float weights[B][3] = { { 0.5f, 0.25f, 0.25f }, { 0.2f, 0.4f, 0.4f }, { 0 } };
static const zoo_bag bags[B] = { { rows[0], weights[0], 3 }, { rows[1], weights[1], 3 }, { rows[2], weights[2], 0 } };

static void randomise(float *x, size_t n, uint64_t seed)
{
    zoo_rng rng;

    zoo_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)zoo_rng_normal(&rng);
}

static double loss(const zoo_ngram_net *net, const float *params, const float *dlogits, const float *dtags)
{
    float activations[B * (D + 8)], logits[B * K], tags[B * G];
    double sum = 0;

    zoo_ngram_forward(net, params, bags, B, activations, logits, tags);
    for (size_t i = 0; i < B * K; i++)
        sum += (double)dlogits[i] * logits[i];
    for (size_t i = 0; i < B * G; i++)
        sum += (double)dtags[i] * tags[i];
    return sum;
}

/* d loss / d params[at] as backward gives it. */
static float gradient(const zoo_ngram_net *net, size_t at, const float *grads, const float *dpooled)
{
    float sum = 0;

    if (at >= net->dense)
        return grads[at - net->dense];
    for (size_t b = 0; b < B; b++)
        for (size_t f = 0; f < bags[b].count; f++)
            if (bags[b].rows[f] == at / D)
                sum += bags[b].weights[f] * dpooled[b*D + at % D];
    return sum;
}

static void check_gradients(uint32_t hidden)
{
    zoo_ngram_config config = small(hidden);
    zoo_ngram_net net;
    float dlogits[B * K], dtags[B * G], activations[B * (D + 8)], logits[B * K], tags[B * G], scratch[B * 8],
        dpooled[B * D];
    float *params, *grads;

    assert_int_equal(zoo_ngram_net_init(&net, &config, "test", NULL), ZOO_OK);
    params = zoo_ngram_params_new(&net, NULL);
    grads = calloc(net.size - net.dense, sizeof *grads);
    assert_non_null(params);
    assert_non_null(grads);
    randomise(params, net.size, 1);
    randomise(dlogits, B * K, 2);
    randomise(dtags, B * G, 3);
    zoo_ngram_forward(&net, params, bags, B, activations, logits, tags);
    zoo_ngram_backward(&net, params, B, activations, dlogits, dtags, scratch, grads, dpooled);
    for (size_t i = 0; i < ZOO_NGRAM_PARAMS; i++) {
        const zoo_param *p = &net.params[i];
        for (size_t at = p->offset; at < p->offset + p->rows * (p->columns ? p->columns : 1); at++) {
            float keep = params[at], h = 1e-2f;
            params[at] = keep + h;
            double up = loss(&net, params, dlogits, dtags);
            params[at] = keep - h;
            double down = loss(&net, params, dlogits, dtags), want = (up - down) / (2 * (double)h);
            params[at] = keep;
            float got = gradient(&net, at, grads, dpooled);
            if (!(fabs(got - want) <= 5e-3))
                fail_msg("%s[%zu]: gradient %g, finite differences %g", p->name, at - p->offset, (double)got, want);
        }
    }
    free(grads);
    free(params);
}

static void gradients_match_finite_differences_without_a_hidden_layer(void **state) { (void)state; check_gradients(0); }
static void gradients_match_finite_differences_with_a_hidden_layer(void **state) { (void)state; check_gradients(8); }

static void the_table_covers_every_float_once(void **state)
{
    zoo_ngram_config config = small(8);
    zoo_ngram_net net;

    (void)state;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "test", NULL), ZOO_OK);
    for (size_t i = 0; i < ZOO_NGRAM_PARAMS; i++) {
        const zoo_param *p = &net.params[i];
        size_t end = i + 1 < ZOO_NGRAM_PARAMS ? net.params[i + 1].offset : net.size;
        assert_int_equal(p->offset % 16, 0);
        assert_true(p->offset + p->rows * (p->columns ? p->columns : 1) <= end);
    }
}

static void a_seed_gives_the_same_parameters(void **state)
{
    zoo_ngram_config config = small(8);
    zoo_ngram_net net;
    float *a, *b;

    (void)state;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "test", NULL), ZOO_OK);
    a = zoo_ngram_params_new(&net, NULL);
    b = zoo_ngram_params_new(&net, NULL);
    assert_true(a && b);
    zoo_ngram_params_init(&net, a, 5);
    zoo_ngram_params_init(&net, b, 5);
    assert_memory_equal(a, b, net.size * sizeof *a);
    zoo_ngram_params_init(&net, b, 6);
    assert_memory_not_equal(a, b, net.size * sizeof *a);
    free(a);
    free(b);
}

static void numbers_out_of_range_are_named(void **state)
{
    zoo_ngram_net net;
    zoo_ngram_config config;
    zoo_err err;

    (void)state;
    config = small(0);
    config.experts = 0;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "x.json", &err), ZOO_EFORMAT);
    assert_string_equal(err.message, "x.json: 0 experts, should be 1 to 4096");
    config = small(0);
    config.dim = 257;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "x.json", &err), ZOO_EFORMAT);
    config = small(0);
    config.kind_values[1] = 0;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "x.json", &err), ZOO_EFORMAT);
    config = small(0);
    config.features.buckets = 0;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "x.json", &err), ZOO_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_match_finite_differences_without_a_hidden_layer),
        cmocka_unit_test(gradients_match_finite_differences_with_a_hidden_layer),
        cmocka_unit_test(the_table_covers_every_float_once),
        cmocka_unit_test(a_seed_gives_the_same_parameters),
        cmocka_unit_test(numbers_out_of_range_are_named),
    };
    return cmocka_run_group_tests_name("model/ngram", tests, NULL, NULL);
}
