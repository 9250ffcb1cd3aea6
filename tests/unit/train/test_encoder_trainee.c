/* Steps of an encoder against the same steps by hand: dense AdamW over all parameters, the word embedding included,
 * whose gradients come straight from network.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "unit/cm.h"
#include "unit/train/small_network.h"
#include "base/rng.h"
#include "train/encoder_trainee.h"
#include "train/loss.h"

enum { ROWS = 12, BATCH = 6, STEPS = 5, LONGEST = 9, LABELS = 3, TOKENS = ROWS * LONGEST };

struct fixture {
    zoo_network network;
    zoo_team *team;
    zoo_sequences sequences;
    zoo_encoder_trainee *trainee;
    uint32_t ids[TOKENS];
    size_t starts[ROWS + 1];
    float *first;                    /* parameters to begin with */
};

static void draw_queries(struct fixture *f, const zoo_transformer_config *config)
{
    zoo_rng rng;

    zoo_rng_init(&rng, 21);
    for (size_t i = 0; i < ROWS; i++) {
        size_t T = 1 + zoo_rng_below(&rng, LONGEST);
        f->starts[i + 1] = f->starts[i] + T;
        for (size_t t = 0; t < T; t++)
            f->ids[f->starts[i] + t] = 1 + (uint32_t)zoo_rng_below(&rng, config->vocab_size - 1);
    }
    f->sequences = (zoo_sequences){ .n = ROWS, .ids = f->ids, .starts = f->starts, .longest = LONGEST };
}

static zoo_encoder_training usual(void)
{
    zoo_encoder_training t = ZOO_ENCODER_TRAINING_DEFAULTS;

    t.batch_rows = BATCH;
    t.steps = STEPS;
    t.decay = 0.1;
    t.layer_decay = 0.5;
    t.clip = 0.02;
    t.seed = 3;
    return t;
}

static float *copy_of(const float *x, size_t n)
{
    float *copy = malloc(n * sizeof *copy);

    memcpy(copy, x, n * sizeof *copy);
    return copy;
}

static void set_up(struct fixture *f, zoo_transformer_config config, int drops, unsigned threads,
                   const zoo_encoder_training *training)
{
    const zoo_encoder_keeper nobody = { 0 };
    const zoo_parameters *p;
    zoo_rng rng;

    memset(f, 0, sizeof *f);
    if (!drops)
        config.hidden_dropout = config.attention_dropout = config.classifier_dropout = config.pooler_dropout = 0;
    draw_queries(f, &config);
    assert_int_equal(zoo_network_init(&f->network, &config, NULL), ZOO_OK);
    assert_int_equal(zoo_team_new(&f->team, threads, ZOO_UNPINNED, NULL), ZOO_OK);
    p = &f->network.parameters;
    f->first = malloc(p->size * sizeof *f->first);
    zoo_rng_init(&rng, 4);
    for (size_t i = 0; i < p->size; i++)
        f->first[i] = (float)(0.3 * zoo_rng_normal(&rng));
    assert_int_equal(zoo_encoder_trainee_new(&f->trainee, &f->network, &f->sequences, f->team, NULL, training, &nobody,
                                             copy_of(f->first, p->size), NULL), ZOO_OK);
}

static void tear_down(struct fixture *f)
{
    zoo_encoder_trainee_free(f->trainee);
    zoo_team_free(f->team);
    zoo_network_release(&f->network);
    free(f->first);
}

/* dlogits (B,k) of a loss that pulls query `row` towards expert row % 3. */
static void loss_of(const size_t *rows, size_t B, const float *logits, float *dlogits)
{
    float targets[ROWS * LABELS], weights[ROWS];

    for (size_t b = 0; b < B; b++) {
        weights[b] = 1.0f / BATCH;
        for (size_t j = 0; j < LABELS; j++)
            targets[b * LABELS + j] = rows[b] % LABELS == j ? 0.8f : 0.1f;
    }
    zoo_router_loss(ZOO_KL_FORWARD, logits, targets, weights, B, LABELS, dlogits);
}

static double rate_of(size_t s) { return 1e-2 / (double)(s + 1); }

/* The rows of step s: neither all words nor the same ones each time. */
static void rows_of(size_t s, size_t *rows)
{
    for (size_t b = 0; b < BATCH; b++)
        rows[b] = (s * 5 + b) % ROWS;
}

static double take_step(zoo_trainee *base, size_t s, size_t *parts)
{
    float logits[BATCH * LABELS];
    size_t rows[BATCH], own[BATCH], part;
    double sum = 0, norm;

    rows_of(s, rows);
    assert_int_equal(base->class->begin(base, rows, BATCH, 1, own), BATCH);
    for (size_t at = 0; at < BATCH; at += part, *parts += 1) {
        part = base->class->fit(base, rows + at, BATCH - at);
        base->class->forward(base, &(zoo_batch){ .rows = rows + at, .B = part, .learns = 1, .places = own + at,
                                                 .is_last = at + part == BATCH }, logits, NULL);
        loss_of(rows + at, part, logits, logits);
        base->class->backward(base, logits, NULL);
    }
    assert_int_equal(base->class->step(base, rate_of(s), &sum, &norm, NULL), ZOO_OK);
    return norm;
}

/* The parameters after STEPS steps; norms (STEPS). */
static float *train(struct fixture *f, double *norms, size_t *parts)
{
    *parts = 0;
    for (size_t s = 0; s < STEPS; s++)
        norms[s] = take_step(zoo_encoder_trainee_base(f->trainee), s, parts);
    return zoo_encoder_trainee_take(f->trainee);
}

/* ---- by hand ---- */

struct by_hand { zoo_network_pass *pass; float *params, *m, *v, *grads, *dwords; };

static double gradients_by_hand(struct fixture *f, struct by_hand *h, size_t s, unsigned layers)
{
    const zoo_parameters *p = &f->network.parameters;
    size_t rows[BATCH], lengths[BATCH], E = f->network.config.embedding_size;
    uint32_t ids[BATCH * LONGEST];
    float logits[BATCH * LABELS];
    zoo_packed batch = { .ids = ids, .lengths = lengths, .n = BATCH };

    rows_of(s, rows);
    for (size_t b = 0; b < BATCH; b++) {
        lengths[b] = zoo_sequences_length(&f->sequences, rows[b]);
        memcpy(ids + batch.N, f->ids + f->starts[rows[b]], lengths[b] * sizeof *ids);
        batch.N += lengths[b];
    }
    memset(h->grads, 0, p->size * sizeof *h->grads);
    zoo_network_forward(h->pass, h->params, &batch, NULL, logits);
    loss_of(rows, BATCH, logits, logits);
    zoo_network_backward(h->pass, h->params, logits, layers, h->grads + p->dense, h->dwords);
    for (size_t t = 0; layers >= f->network.below && t < batch.N; t++)
        for (size_t e = 0; e < E && ids[t] != f->network.config.pad_id; e++)
            h->grads[ids[t]*E + e] += h->dwords[t*E + e];
    return sqrt(zoo_square_norm(h->grads, p->size));
}

static float *train_by_hand(struct fixture *f, const zoo_encoder_training *training, double *norms)
{
    const zoo_adamw adamw = ZOO_ADAMW_DEFAULT;
    const zoo_parameters *p = &f->network.parameters;
    struct by_hand h = { .params = copy_of(f->first, p->size), .m = calloc(p->size, sizeof *h.m),
                         .v = calloc(p->size, sizeof *h.v), .grads = malloc(p->size * sizeof *h.grads),
                         .dwords = malloc(BATCH * LONGEST * f->network.config.embedding_size * sizeof *h.dwords) };

    assert_int_equal(zoo_network_pass_new(&h.pass, &f->network, ZOO_PRECISION_F32, f->team, BATCH * LONGEST, BATCH,
                                          NULL), ZOO_OK);
    for (size_t s = 0; s < STEPS; s++) {
        float clip = (float)((norms[s] = gradients_by_hand(f, &h, s, training->layers)) > training->clip ?
                             training->clip / norms[s] : 1);
        for (size_t i = 0; i < p->count; i++) {
            const zoo_parameter *one = &p->all[i];
            size_t at = one->offset;
            if (one->below <= training->layers)
                zoo_adamw_step(&adamw, s + 1, rate_of(s) * pow(training->layer_decay, one->below),
                               one->decays ? training->decay : 0, h.params + at, h.m + at, h.v + at, h.grads + at, clip,
                               one->count);
        }
    }
    zoo_network_pass_free(h.pass);
    free(h.m);
    free(h.v);
    free(h.grads);
    free(h.dwords);
    return h.params;
}

/* The largest difference; rows of words that no query holds are left as they were, and not compared. */
static double distance(const struct fixture *f, const float *a, const float *b)
{
    const zoo_parameters *p = &f->network.parameters;
    size_t E = f->network.config.embedding_size;
    unsigned char is_read[64] = { 0 };
    double worst = 0;

    for (size_t t = 0; t < f->starts[ROWS]; t++)
        is_read[f->ids[t]] = 1;
    for (size_t i = 0; i < p->size; i++) {
        double off = i < p->dense && !is_read[i / E] ? 0 : fabs((double)a[i] - b[i]);
        worst = off <= worst ? worst : off;
    }
    return worst;
}

static void follows_steps_by_hand(zoo_transformer_config config, unsigned layers)
{
    zoo_encoder_training training = usual();
    double norms[STEPS], by_hand[STEPS];
    struct fixture f;
    float *got, *want;
    size_t parts;

    training.layers = layers;
    set_up(&f, config, 0, 2, &training);
    want = train_by_hand(&f, &training, by_hand);
    got = train(&f, norms, &parts);
    assert_int_equal(parts, STEPS);
    for (size_t s = 0; s < STEPS; s++)
        assert_true(fabs(norms[s] - by_hand[s]) <= 1e-5 * by_hand[s]);
    assert_true(by_hand[0] > training.clip);                            /* clipping is put to use */
    assert_true(distance(&f, got, want) <= 2e-5);
    assert_true(distance(&f, got, f.first) > 5e-3);
    free(got);
    free(want);
    tear_down(&f);
}

static void steps_are_those_of_dense_adamw(void **state)
{
    (void)state;
    follows_steps_by_hand(small_bert(), ~0u);
    follows_steps_by_hand(small_deberta(), ~0u);
    follows_steps_by_hand(odd_deberta(), ~0u);
}

static void so_they_are_where_some_layers_learn(void **state)
{
    (void)state;
    follows_steps_by_hand(small_bert(), 1);
    follows_steps_by_hand(small_deberta(), 0);
}

/* ---- what results must not depend on ---- */

/* Dropout included: a token's coins do not depend on what goes through with it. */
static void parts_of_a_step_add_up(void **state)
{
    zoo_encoder_training whole = usual(), parted = usual();
    double norms[STEPS], parted_norms[STEPS];
    struct fixture f, g;
    float *a, *b;
    size_t parts;

    (void)state;
    parted.batch_tokens = LONGEST;
    set_up(&f, small_deberta(), 1, 1, &whole);
    set_up(&g, small_deberta(), 1, 1, &parted);
    a = train(&f, norms, &parts);
    b = train(&g, parted_norms, &parts);
    assert_true(parts >= 3 * STEPS);
    for (size_t s = 0; s < STEPS; s++)
        assert_true(fabs(norms[s] - parted_norms[s]) <= 1e-5 * norms[s]);
    assert_true(distance(&f, a, b) <= 2e-5);
    free(a);
    free(b);
    tear_down(&f);
    tear_down(&g);
}

static void keep_state(struct fixture *f, const char *path, int is_reading)
{
    zoo_state *state;
    zoo_trainee *base = zoo_encoder_trainee_base(f->trainee);

    assert_int_equal(zoo_state_begin(&state, path, 1, is_reading, NULL), ZOO_OK);
    base->class->sync(base, state);
    assert_int_equal(zoo_state_end(state, NULL), ZOO_OK);
}

/* Dropout included, on one thread or three, and written down and read between any two steps. */
static void the_bits_are_the_same(unsigned layers)
{
    char path[] = "build/test_encoder_trainee_XXXXXX";
    zoo_encoder_training training = usual();
    double norms[STEPS];
    struct fixture f;
    float *want, *got;
    size_t parts;

    training.layers = layers;
    assert_true(mkstemp(path) >= 0);
    set_up(&f, small_deberta(), 1, 1, &training);
    want = train(&f, norms, &parts);
    tear_down(&f);
    for (size_t at = 0; at < STEPS; at++) {
        set_up(&f, small_deberta(), 1, 3, &training);
        for (size_t s = 0; s < at; s++)
            take_step(zoo_encoder_trainee_base(f.trainee), s, &parts);
        keep_state(&f, path, 0);
        tear_down(&f);
        set_up(&f, small_deberta(), 1, 2, &training);
        keep_state(&f, path, 1);
        for (size_t s = at; s < STEPS; s++)
            take_step(zoo_encoder_trainee_base(f.trainee), s, &parts);
        got = zoo_encoder_trainee_take(f.trainee);
        assert_memory_equal(got, want, f.network.parameters.size * sizeof *got);
        free(got);
        tear_down(&f);
    }
    free(want);
    unlink(path);
}

static void the_bits_depend_on_the_seed_alone(void **state)
{
    (void)state;
    the_bits_are_the_same(~0u);
    the_bits_are_the_same(1);
    the_bits_are_the_same(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_dense_adamw),
        cmocka_unit_test(so_they_are_where_some_layers_learn),
        cmocka_unit_test(parts_of_a_step_add_up),
        cmocka_unit_test(the_bits_depend_on_the_seed_alone),
    };
    return cmocka_run_group_tests_name("train/encoder_trainee", tests, NULL, NULL);
}
