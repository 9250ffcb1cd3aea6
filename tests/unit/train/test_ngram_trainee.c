/* Gradients through the whole small model, from the loss to the embedding, against differences of the loss. */
#include <math.h>
#include <stdlib.h>
#include "unit/cm.h"
#include "unit/train/small_data.h"
#include "base/rng.h"
#include "train/ngram_trainee.h"

enum { B = 5, K = 3, G = 4 };
static const size_t rows[B] = { 0, 1, 2, 3, 4 };
static const size_t partners[B] = { ZOO_ALONE, 3, 4, ZOO_ALONE, 4 };
static const zoo_batch batch = { .rows = rows, .partners = partners, .B = B, .learns = 1 };
static const float weights[B] = { 1, 2, 0.5f, 1, 1 };

struct fixture {
    zoo_dataset data;
    zoo_ngram_net net;
    zoo_parallel *parallel;
    zoo_features *features;
    zoo_ngram_trainee *trainee;
    float targets[B * K], dlogits[B * K], dtags[B * G];
};

static void set_up(struct fixture *f, uint32_t hidden)
{
    static const double none[B * K];
    zoo_ngram_config config = { .features = ZOO_NGRAMS_DEFAULT, .dim = 4, .hidden = hidden, .experts = K, .kinds = 1 };
    zoo_rng rng;

    memset(f, 0, sizeof *f);
    f->data = small_data(B, K, none);
    small_query(&f->data, 0, "write a poem about the sea, the sea");
    small_query(&f->data, 1, "what is 12 times 31?");
    small_query(&f->data, 3, "");
    small_kind(&f->data, "task", G, (const char *[]){ "0", "1", "23", "", "3" });
    config.features.buckets = 64;                       /* many n-grams share a row */
    config.kind_values[0] = G;
    assert_int_equal(zoo_ngram_net_init(&f->net, &config, "test", NULL), ZOO_OK);
    assert_int_equal(zoo_parallel_new(&f->parallel, 1, NULL), ZOO_OK);
    assert_int_equal(zoo_features_new(&f->features, &f->data, &config.features, 1 << 20, f->parallel, NULL), ZOO_OK);
    assert_int_equal(zoo_ngram_trainee_new(&f->trainee, &f->net, f->features, B, NULL), ZOO_OK);
    zoo_ngram_trainee_reset(f->trainee, 7, (const double[]){ 0.5, 0.3, 0.2 });
    zoo_rng_init(&rng, 3);
    for (size_t i = 0; i < f->net.size; i++)
        zoo_ngram_trainee_params(f->trainee)[i] += 0.3f * (float)zoo_rng_normal(&rng);
    for (size_t b = 0; b < B; b++)
        for (size_t j = 0; j < K; j++)
            f->targets[b * K + j] = (float)(j + 1 + b) / (float)(6 + 3 * b);
}

static void tear_down(struct fixture *f)
{
    zoo_ngram_trainee_free(f->trainee);
    zoo_features_free(f->features);
    zoo_parallel_free(f->parallel);
    zoo_dataset_release(&f->data);
}

static double loss(struct fixture *f, enum zoo_loss direction)
{
    const zoo_tag_kind *kind = &f->data.kinds[0];
    float logits[B * K], tags[B * G];
    double sum;

    zoo_ngram_trainee_base(f->trainee)->class->forward(zoo_ngram_trainee_base(f->trainee), &batch, logits, tags);
    sum = zoo_router_loss(direction, logits, f->targets, weights, B, K, f->dlogits);
    for (size_t b = 0; b < B; b++)
        sum += zoo_tag_loss(tags + b * G, G, kind->tags + kind->offsets[b], kind->offsets[b + 1] - kind->offsets[b],
                            0.3 * weights[b], f->dtags + b * G);
    return sum;
}

/* The largest difference between a gradient and the difference of the loss, over all parameters; `planted` is added to
 * one component of the loss's gradient. */
static double disagreement(uint32_t hidden, enum zoo_loss direction, float planted)
{
    const float eps = 1e-2f;
    struct fixture f;
    float *grads, *params;
    double worst = 0;

    set_up(&f, hidden);
    grads = zoo_ngram_params_new(&f.net, NULL);
    params = zoo_ngram_trainee_params(f.trainee);
    loss(&f, direction);
    f.dlogits[K] += planted;
    zoo_ngram_trainee_base(f.trainee)->class->backward(zoo_ngram_trainee_base(f.trainee), f.dlogits, f.dtags);
    zoo_ngram_trainee_gradients(f.trainee, grads);
    for (size_t i = 0; i < f.net.size; i++) {
        float at = params[i];
        params[i] = at + eps;
        double above = loss(&f, direction);
        params[i] = at - eps;
        double below = loss(&f, direction), off;
        params[i] = at;
        off = fabs(grads[i] - (above - below) / (2 * (double)eps));
        worst = off <= worst ? worst : off;             /* NaN stays */
    }
    free(grads);
    tear_down(&f);
    return worst;
}

static void gradients_agree_with_differences(void **state)
{
    (void)state;
    for (uint32_t hidden = 0; hidden <= 6; hidden += 6)
        for (int direction = 0; direction < 2; direction++)
            assert_true(disagreement(hidden, (enum zoo_loss)direction, 0) <= 2e-3);
}

static void a_planted_error_is_found(void **state)
{
    (void)state;
    assert_true(disagreement(6, ZOO_KL_FORWARD, 0.05f) > 1e-2);
    assert_true(disagreement(0, ZOO_KL_REVERSE, 0.05f) > 1e-2);
}

static void a_step_follows_the_gradient_and_forgets_it(void **state)
{
    struct fixture f;
    float *grads;
    double before, after, sum = 0, norm;

    (void)state;
    set_up(&f, 6);
    grads = zoo_ngram_params_new(&f.net, NULL);
    before = loss(&f, ZOO_KL_FORWARD);
    for (int i = 0; i < 20; i++) {
        zoo_ngram_trainee_base(f.trainee)->class->backward(zoo_ngram_trainee_base(f.trainee), f.dlogits, f.dtags);
        zoo_ngram_trainee_base(f.trainee)->class->step(zoo_ngram_trainee_base(f.trainee), 0.02, &sum, &norm, NULL);
        after = loss(&f, ZOO_KL_FORWARD);
    }
    assert_true(after < 0.8 * before);
    zoo_ngram_trainee_gradients(f.trainee, grads);
    for (size_t i = 0; i < f.net.size; i++)
        assert_true(grads[i] == 0);
    free(grads);
    tear_down(&f);
}

/* Without a hidden layer logits are linear in the text: a blend's are the mean of its rows'. */
static void a_blend_lies_half_way(void **state)
{
    const size_t one[] = { 0 }, two[] = { 1 };
    float a[K], b[K], blend[K];
    struct fixture f;
    zoo_trainee *t;

    (void)state;
    set_up(&f, 0);
    t = zoo_ngram_trainee_base(f.trainee);
    t->class->forward(t, &(zoo_batch){ .rows = one, .partners = NULL, .B = 1 }, a, NULL);
    t->class->forward(t, &(zoo_batch){ .rows = two, .partners = NULL, .B = 1 }, b, NULL);
    t->class->forward(t, &(zoo_batch){ .rows = one, .partners = two, .B = 1 }, blend, NULL);
    for (size_t j = 0; j < K; j++)
        assert_true(fabsf(blend[j] - (a[j] + b[j]) / 2) <= 1e-5f);
    tear_down(&f);
}

static void untrained_it_chooses_what_is_best_on_average(void **state)
{
    struct fixture f;
    float logits[B * K];

    (void)state;
    set_up(&f, 6);
    zoo_ngram_trainee_reset(f.trainee, 1, (const double[]){ 0.2, 0.7, 0.1 });
    zoo_ngram_trainee_base(f.trainee)->class->forward(zoo_ngram_trainee_base(f.trainee), &batch, logits, NULL);
    for (size_t b = 0; b < B; b++)
        assert_true(fabs(logits[b * K + 1] - log(0.7)) <= 1e-6 && logits[b * K + 1] > logits[b * K]);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_differences),
        cmocka_unit_test(a_planted_error_is_found),
        cmocka_unit_test(a_step_follows_the_gradient_and_forgets_it),
        cmocka_unit_test(a_blend_lies_half_way),
        cmocka_unit_test(untrained_it_chooses_what_is_best_on_average),
    };
    return cmocka_run_group_tests_name("train/ngram_trainee", tests, NULL, NULL);
}
