/* The whole network against what PyTorch computed on the golden checkpoints (first gradients, five steps of AdamW) and
 * against differences of its own loss. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "unit/cm.h"
#include "unit/train/small_network.h"
#include "base/json.h"
#include "base/rng.h"
#include "model/weights.h"
#include "train/adamw.h"
#include "compute/dropout.h"
#include "train/loss.h"
#include "train/network.h"
#include "train/schedule.h"

enum { N_MOST = 512, QUERIES_MOST = 16, STEPS = 5 };

/* Everything of one training by hand. */
struct fixture {
    zoo_network network;
    zoo_team *team;
    zoo_network_pass *pass;
    float *params, *m, *v, *grads, *dwords;         /* grads: of all parameters, the word embedding dense here */
    uint32_t ids[N_MOST];
    size_t lengths[QUERIES_MOST];
    float targets[QUERIES_MOST * 8], weights[QUERIES_MOST], logits[QUERIES_MOST * 8], dlogits[QUERIES_MOST * 8];
    zoo_packed batch;
};

static void path_of(char *out, size_t size, const char *folder, const char *file)
{
    snprintf(out, size, "tests/golden/%s/%s", folder, file);
}

static void set_up_in(struct fixture *f, enum zoo_precision precision, const zoo_transformer_config *config,
                      unsigned threads)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(zoo_network_init(&f->network, config, NULL), ZOO_OK);
    assert_int_equal(zoo_team_new(&f->team, threads, ZOO_UNPINNED, NULL), ZOO_OK);
    assert_int_equal(zoo_network_pass_new(&f->pass, &f->network, precision, f->team, N_MOST, QUERIES_MOST, NULL),
                     ZOO_OK);
    f->params = calloc(f->network.parameters.size, sizeof(float));
    f->m = calloc(f->network.parameters.size, sizeof(float));
    f->v = calloc(f->network.parameters.size, sizeof(float));
    f->grads = calloc(f->network.parameters.size, sizeof(float));
    f->dwords = calloc(N_MOST * config->embedding_size, sizeof(float));
    f->batch = (zoo_packed){ .ids = f->ids, .lengths = f->lengths };
}

static void set_up(struct fixture *f, const zoo_transformer_config *config, unsigned threads)
{
    set_up_in(f, ZOO_PRECISION_F32, config, threads);
}

static void tear_down(struct fixture *f)
{
    free(f->params);
    free(f->m);
    free(f->v);
    free(f->grads);
    free(f->dwords);
    zoo_network_pass_free(f->pass);
    zoo_team_free(f->team);
    zoo_network_release(&f->network);
}

static void add_query(struct fixture *f, const uint32_t *ids, size_t T)
{
    memcpy(f->ids + f->batch.N, ids, T * sizeof *ids);
    f->lengths[f->batch.n++] = T;
    f->batch.N += T;
}

/* The mean loss; with `grads`, its gradients in f->grads. */
static double loss(struct fixture *f, const zoo_network_noise *noise, int grads)
{
    const zoo_parameters *p = &f->network.parameters;
    size_t E = f->network.config.embedding_size, k = f->network.config.labels;
    double sum;

    zoo_network_forward(f->pass, f->params, &f->batch, noise, f->logits);
    for (size_t q = 0; q < f->batch.n; q++)
        f->weights[q] = 1.0f / (float)f->batch.n;
    sum = zoo_router_loss(ZOO_KL_FORWARD, f->logits, f->targets, f->weights, f->batch.n, k, f->dlogits);
    if (!grads)
        return sum;
    memset(f->grads, 0, p->size * sizeof *f->grads);
    zoo_network_backward(f->pass, f->params, f->dlogits, f->network.below, f->grads + p->dense, f->dwords);
    for (size_t t = 0; t < f->batch.N; t++)
        for (size_t e = 0; e < E; e++)
            f->grads[f->ids[t]*E + e] += f->dwords[t*E + e];
    return sum;
}

/* ---- golden ---- */

struct golden { json_t *train; struct fixture f; };

/* The head is drawn anew unless its experts are known: that is the folder's business. */
static void read_classifier(struct fixture *f, const zoo_weights *weights)
{
    for (size_t i = 0; i < f->network.parameters.count; i++) {
        const zoo_parameter *p = &f->network.parameters.all[i];
        if (p->is_classifier)
            assert_int_equal(zoo_weights_read(weights, p->name, p->shape, p->dims, f->params + p->offset, NULL),
                             ZOO_OK);
    }
}

static void open_golden(struct golden *g, const char *folder, unsigned threads)
{
    char path[256];
    zoo_err err;
    json_t *json;
    zoo_transformer_config config;
    zoo_weights *weights;
    uint32_t ids[N_MOST];

    path_of(path, sizeof path, folder, "config.json");
    json = zoo_json_read(path, 1 << 20, &err);
    assert_non_null(json);
    assert_int_equal(zoo_transformer_config_parse(&config, json, path, &err), ZOO_OK);
    json_decref(json);
    set_up(&g->f, &config, threads);
    path_of(path, sizeof path, folder, "");
    assert_int_equal(zoo_weights_open(&weights, path, &err), ZOO_OK);
    assert_int_equal(zoo_parameters_read(&g->f.network.parameters, weights, 0.02, 1, g->f.params, NULL, &err), ZOO_OK);
    read_classifier(&g->f, weights);
    zoo_weights_close(weights);
    path_of(path, sizeof path, folder, "train.json");
    g->train = zoo_json_read(path, 1 << 20, &err);
    assert_non_null(g->train);
    for (size_t q = 0; q < json_array_size(json_object_get(g->train, "ids")); q++) {
        json_t *row = json_array_get(json_object_get(g->train, "ids"), q),
                      *target = json_array_get(json_object_get(g->train, "targets"), q);
        for (size_t t = 0; t < json_array_size(row); t++)
            ids[t] = (uint32_t)json_integer_value(json_array_get(row, t));
        add_query(&g->f, ids, json_array_size(row));
        for (size_t j = 0; j < config.labels; j++)
            g->f.targets[q * config.labels + j] = (float)json_number_value(json_array_get(target, j));
    }
}

static void close_golden(struct golden *g)
{
    json_decref(g->train);
    tear_down(&g->f);
}

/* A softmax does not see the bias of plain attention's keys: its gradient is 0, and what stands in the file is
 * PyTorch's rounding, which Adam has blown up. */
static int is_noise(const struct fixture *f, const char *name)
{
    return !f->network.config.has_p2c && strstr(name, "key.bias") != NULL;
}

/* The largest |a - b| / max(1, |b|) over all tensors of a file. */
static double distance(const struct fixture *f, const char *folder, const char *file, const float *ours)
{
    const zoo_parameters *p = &f->network.parameters;
    float *want = calloc(p->size, sizeof *want);
    char path[256];
    zoo_weights *weights;
    double worst = 0;

    path_of(path, sizeof path, folder, file);
    assert_int_equal(zoo_weights_open_file(&weights, path, NULL), ZOO_OK);
    for (size_t i = 0; i < p->count; i++) {
        const zoo_parameter *one = &p->all[i];
        if (is_noise(f, one->name))
            memcpy(want + one->offset, ours + one->offset, one->count * sizeof *want);
        else
            assert_int_equal(zoo_weights_read(weights, one->name, one->shape, one->dims, want + one->offset, NULL),
                             ZOO_OK);
    }
    zoo_weights_close(weights);
    for (size_t i = 0; i < p->size; i++) {
        double off = fabs((double)ours[i] - want[i]) / fmax(1, fabs(want[i]));
        worst = off <= worst ? worst : off;
    }
    free(want);
    return worst;
}

static double number_at(const json_t *train, const char *key, size_t i)
{
    return json_number_value(json_array_get(json_object_get(train, key), i));
}

static int agrees(double got, double want, double tol)
{
    return fabs(got - want) <= tol * fmax(1, fabs(want));
}

static void step(struct fixture *f, uint64_t t, double rate, double norm)
{
    const zoo_adamw adamw = ZOO_ADAMW_DEFAULT;
    const zoo_parameters *p = &f->network.parameters;

    for (size_t i = 0; i < p->count; i++) {
        size_t at = p->all[i].offset;
        zoo_adamw_step(&adamw, t, rate, p->all[i].decays ? 0.01 : 0, f->params + at, f->m + at, f->v + at,
                       f->grads + at, (float)zoo_clip_scale(norm, 1), p->all[i].count);
    }
}

static void train_as_golden(const char *folder, unsigned threads)
{
    const zoo_schedule schedule = { ZOO_FALL_LINEAR, 0, STEPS };
    struct golden g;

    open_golden(&g, folder, threads);
    for (uint64_t s = 0; s < STEPS; s++) {
        double got = loss(&g.f, NULL, 1), norm = sqrt(zoo_square_norm(g.f.grads, g.f.network.parameters.size));
        assert_true(agrees(got, number_at(g.train, "loss", s), 1e-4));
        assert_true(agrees(norm, number_at(g.train, "grad_norm", s), 1e-4));
        if (s == 0)
            assert_true(distance(&g.f, folder, "grad_step1.safetensors", g.f.grads) <= 2e-4);
        step(&g.f, s + 1, 1e-3 * zoo_schedule_share(&schedule, s), norm);
    }
    assert_true(distance(&g.f, folder, "params_after.safetensors", g.f.params) <= 2e-4);
    close_golden(&g);
}

static void deberta_trains_as_pytorch_does(void **state)
{
    (void)state;
    train_as_golden("router", 1);
}

static void bert_trains_as_pytorch_does(void **state)
{
    (void)state;
    train_as_golden("bert", 2);
}

/* ---- differences ---- */

static void fill(struct fixture *f)
{
    static uint8_t types[N_MOST];
    const zoo_parameters *p = &f->network.parameters;
    const size_t lengths[] = { 7, 1, 11 };
    uint32_t ids[16];
    zoo_rng rng;

    zoo_rng_init(&rng, 4);
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->all[i].count; j++)
            f->params[p->all[i].offset + j] = (float)(zoo_rng_normal(&rng) * (p->all[i].dims == 1 ? 0.2 : 0.4) +
                                                      (strstr(p->all[i].name, "Norm.weight") ? 1 : 0));
    for (size_t q = 0; q < 3; q++) {
        for (size_t t = 0; t < lengths[q]; t++)
            ids[t] = (uint32_t)zoo_rng_below(&rng, f->network.config.vocab_size);
        add_query(f, ids, lengths[q]);
        f->targets[q*3] = 0.2f, f->targets[q*3 + 1] = 0.7f, f->targets[q*3 + 2] = 0.1f;
    }
    for (size_t t = 0; t < N_MOST; t++)
        types[t] = t % 3 == 0;
    f->batch.types = types;
}

/* The loss `far` steps of eps along `direction` in one tensor, the parameters as they were afterwards. */
static double loss_at(struct fixture *f, const zoo_parameter *p, const float *direction, double far,
                      const zoo_network_noise *noise)
{
    float *at = f->params + p->offset, *kept = malloc(p->count * sizeof *kept);
    double got;

    memcpy(kept, at, p->count * sizeof *at);
    for (size_t i = 0; i < p->count; i++)
        at[i] += (float)far * direction[i];
    got = loss(f, noise, 0);
    memcpy(at, kept, p->count * sizeof *at);
    free(kept);
    return got;
}

/* Differences over five points, with steps of eps. */
static double difference(struct fixture *f, const zoo_parameter *p, const float *direction, double eps,
                         const zoo_network_noise *noise)
{
    return (8 * (loss_at(f, p, direction, eps, noise) - loss_at(f, p, direction, -eps, noise)) -
            (loss_at(f, p, direction, 2 * eps, noise) - loss_at(f, p, direction, -2 * eps, noise))) / (12 * eps);
}

/* The slope of the loss along `direction`. Small steps drown in the rounding of a float32 loss, large ones in
 * curvature; where three neighbours agree best, the one in the middle is neither. */
static double slope_along(struct fixture *f, const zoo_parameter *p, const float *direction,
                          const zoo_network_noise *noise)
{
    enum { SIZES = 8 };
    double at[SIZES], least = INFINITY, best = NAN;

    for (int i = 0; i < SIZES; i++) {
        at[i] = difference(f, p, direction, ldexp(0.00125, i), noise);
        if (i >= 2 && fabs(at[i] - at[i - 1]) + fabs(at[i - 1] - at[i - 2]) < least) {
            least = fabs(at[i] - at[i - 1]) + fabs(at[i - 1] - at[i - 2]);
            best = at[i - 1];
        }
    }
    return best;
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static double off(double got, double want)
{
    return fabs(got - want) / (0.01 + fabs(want));
}

/* How far gradients are from differences, dropout included: at worst over all tensors; and where a tensor's gradient is
 * spoilt, at best over the tensors that are spoilt in turn. */
struct disagreement { double honest, scaled, forgotten; size_t unseen; };

static double larger(double a, double b)
{
    return a <= b ? b : a;
}

/* One tensor, in a random direction and in that of its gradient. */
static void compare_tensor(struct fixture *f, const zoo_parameter *p, const float *grads, float *direction,
                           zoo_rng *rng, struct disagreement *d)
{
    const zoo_network_noise noise = { .seed = 3, .step = 17 };
    double honest = 0, scaled = 0, forgotten = 0, length = sqrt(dot(grads, grads, p->count));
    size_t most = 0;

    for (size_t j = 1; j < p->count; j++)
        most = fabsf(grads[j]) > fabsf(grads[most]) ? j : most;
    d->unseen += !(length > 0);
    for (int way = 0; way < 2 && (!way || length > 0); way++) {
        double norm, along, slope;
        for (size_t j = 0; j < p->count; j++)
            direction[j] = way ? grads[j] : (float)zoo_rng_normal(rng);
        norm = sqrt(dot(direction, direction, p->count));
        for (size_t j = 0; j < p->count; j++)
            direction[j] = (float)(direction[j] / norm);
        along = dot(grads, direction, p->count);
        slope = slope_along(f, p, direction, &noise);
        honest = larger(honest, off(along, slope));
        scaled = larger(scaled, off(along * 1.02, slope));
        forgotten = larger(forgotten, off(along - grads[most] * direction[most], slope));
    }
    d->honest = larger(d->honest, honest);
    if (length > 0) {
        d->scaled = scaled < d->scaled ? scaled : d->scaled;
        d->forgotten = forgotten < d->forgotten ? forgotten : d->forgotten;
    }
}

static struct disagreement compare(zoo_transformer_config config)
{
    const zoo_network_noise noise = { .seed = 3, .step = 17 };
    struct disagreement d = { .scaled = INFINITY, .forgotten = INFINITY };
    struct fixture f;
    float *direction, *grads;
    zoo_rng rng;

    set_up(&f, &config, 1);
    fill(&f);
    zoo_rng_init(&rng, 8);
    direction = calloc(f.network.parameters.size, sizeof *direction);
    grads = calloc(f.network.parameters.size, sizeof *grads);
    loss(&f, &noise, 1);
    memcpy(grads, f.grads, f.network.parameters.size * sizeof *grads);
    for (size_t i = 0; i < f.network.parameters.count; i++)
        compare_tensor(&f, &f.network.parameters.all[i], grads + f.network.parameters.all[i].offset, direction, &rng,
                       &d);
    free(direction);
    free(grads);
    tear_down(&f);
    return d;
}

/* unseen: biases whose gradient is 0 in exact arithmetic. A gradient that is 2% too large in any one tensor is found,
 * and so is one whose largest number was forgotten. */
static void agrees_with_differences(zoo_transformer_config config, size_t unseen)
{
    struct disagreement d = compare(config);

    if (!(d.honest <= 2e-3 && d.scaled > 1e-2 && d.forgotten > 1e-2))
        print_error("off by %g; scaled %g, forgotten %g\n", d.honest, d.scaled, d.forgotten);
    assert_true(d.honest <= 2e-3);
    assert_true(d.scaled > 1e-2 && d.forgotten > 1e-2);
    assert_int_equal(d.unseen, unseen);
}

static void gradients_of_bert_agree_with_differences(void **state)
{
    (void)state;
    agrees_with_differences(small_bert(), 2);
}

static void gradients_of_deberta_agree_with_differences(void **state)
{
    (void)state;
    agrees_with_differences(small_deberta(), 0);
}

static void gradients_of_odd_deberta_agree_with_differences(void **state)
{
    (void)state;
    agrees_with_differences(odd_deberta(), 2);
}

/* ---- what results must not depend on ---- */

static void threads_change_no_bit(void **state)
{
    const zoo_network_noise noise = { .seed = 3, .step = 17 };
    struct fixture one, three;
    zoo_transformer_config config = small_deberta();

    (void)state;
    set_up(&one, &config, 1);
    set_up(&three, &config, 3);
    fill(&one);
    fill(&three);
    assert_true(loss(&one, &noise, 1) == loss(&three, &noise, 1));
    assert_memory_equal(one.grads, three.grads, one.network.parameters.size * sizeof(float));
    tear_down(&one);
    tear_down(&three);
}

/* Products of bfloat16 have three digits; the gradient as a whole points the same way. */
static void bfloat16_is_near(void **state)
{
    const zoo_network_noise noise = { .seed = 3, .step = 17 };
    struct fixture full, half;
    zoo_transformer_config config = small_deberta();
    double dot = 0, a = 0, b = 0;

    (void)state;
    set_up(&full, &config, 1);
    set_up_in(&half, ZOO_PRECISION_BF16, &config, 2);
    fill(&full);
    fill(&half);
    assert_true(fabs(loss(&full, &noise, 1) - loss(&half, &noise, 1)) <= 0.03);
    for (size_t i = 0; i < full.network.parameters.size; i++) {
        dot += (double)full.grads[i] * half.grads[i];
        a += (double)full.grads[i] * full.grads[i];
        b += (double)half.grads[i] * half.grads[i];
    }
    assert_true(dot >= 0.999 * sqrt(a * b) && fabs(sqrt(b / a) - 1) <= 0.02);
    tear_down(&full);
    tear_down(&half);
}

/* Queries of a step in another order and in parts, with their places told: the same coins,
 * so the same logits to the bit. */
static void parts_have_the_coins_of_the_whole(void **state)
{
    zoo_transformer_config config = small_deberta();
    size_t k = config.labels, n, tokens = 0, starts[QUERIES_MOST];
    zoo_network_noise noise = { .seed = 3, .step = 17 };
    float whole[QUERIES_MOST * 8];
    struct fixture f;

    (void)state;
    set_up(&f, &config, 2);
    fill(&f);
    n = f.batch.n;
    loss(&f, &noise, 0);
    memcpy(whole, f.logits, n * k * sizeof *whole);
    for (size_t q = 0; q < n; tokens += f.lengths[q++])
        starts[q] = tokens;
    for (size_t q = n; q-- > 1; q--) {                      /* two queries at once, the later first */
        const size_t queries[] = { q, q - 1 }, at[] = { starts[q], starts[q - 1] },
                                 lengths[] = { f.lengths[q], f.lengths[q - 1] };
        const zoo_network_noise part = { 3, 17, tokens, queries, at };
        uint32_t ids[N_MOST];
        zoo_packed two = { .ids = ids, .lengths = lengths, .n = 2, .N = lengths[0] + lengths[1] };
        memcpy(ids, f.ids + at[0], lengths[0] * sizeof *ids);
        memcpy(ids + lengths[0], f.ids + at[1], lengths[1] * sizeof *ids);
        zoo_network_forward(f.pass, f.params, &two, &part, f.logits);
        assert_memory_equal(f.logits, whole + q*k, k * sizeof *whole);
        assert_memory_equal(f.logits + k, whole + (q - 1)*k, k * sizeof *whole);
    }
    tear_down(&f);
}

static void steps_have_coins_of_their_own(void **state)
{
    zoo_network_noise noise = { .seed = 3, .step = 17 };
    zoo_transformer_config config = small_deberta();
    struct fixture f;
    double first, none;

    (void)state;
    set_up(&f, &config, 1);
    fill(&f);
    none = loss(&f, NULL, 0);
    first = loss(&f, &noise, 0);
    noise.step++;
    assert_true(loss(&f, &noise, 0) != first && first != none);
    noise.step--;
    assert_true(loss(&f, &noise, 0) == first);
    tear_down(&f);
}

/* Below the layers that learn nothing is computed, and above them the same. */
static void frozen_layers_have_no_gradients(void **state)
{
    zoo_transformer_config config = small_deberta();
    const zoo_parameters *p;
    struct fixture f;
    float *all;

    (void)state;
    set_up(&f, &config, 1);
    fill(&f);
    p = &f.network.parameters;
    all = calloc(p->size, sizeof *all);
    loss(&f, NULL, 1);
    memcpy(all, f.grads, p->size * sizeof *all);
    for (unsigned below = 0; below <= 1; below++) {
        memset(f.grads, 0, p->size * sizeof *all);
        loss(&f, NULL, 0);
        zoo_network_backward(f.pass, f.params, f.dlogits, below, f.grads + p->dense, f.dwords);
        for (size_t i = 0; i < p->count; i++)
            for (size_t j = p->all[i].offset; j < p->all[i].offset + p->all[i].count; j++)
                assert_true(f.grads[j] == (p->all[i].below <= below ? all[j] : 0));
    }
    free(all);
    tear_down(&f);
}

/* A pass in two halves is the pass, its gradients those of the head alone. */
static void what_the_head_reads_can_be_kept(void **state)
{
    zoo_transformer_config config = small_deberta();
    const zoo_parameters *p;
    struct fixture f;
    float hidden[QUERIES_MOST * HIDDEN], whole[QUERIES_MOST * 8], *all;

    (void)state;
    set_up(&f, &config, 2);
    fill(&f);
    p = &f.network.parameters;
    all = calloc(p->size, sizeof *all);
    loss(&f, NULL, 1);
    memcpy(all, f.grads, p->size * sizeof *all);
    memcpy(whole, f.logits, sizeof whole);
    zoo_network_encode(f.pass, f.params, &f.batch, hidden);
    memset(f.grads, 0, p->size * sizeof *all);
    memset(f.logits, 0, sizeof f.logits);
    zoo_network_classify(f.pass, f.params, hidden, f.batch.n, NULL, f.logits);
    assert_memory_equal(f.logits, whole, f.batch.n * config.labels * sizeof *whole);
    zoo_network_backward(f.pass, f.params, f.dlogits, 0, f.grads + p->dense, f.dwords);
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = p->all[i].offset; j < p->all[i].offset + p->all[i].count; j++)
            assert_true(f.grads[j] == (p->all[i].is_head ? all[j] : 0));
    free(all);
    tear_down(&f);
}

static void coins_drop_their_share(void **state)
{
    const zoo_coins coins = zoo_coins_of(1, 2, 3, 0.1), none = zoo_coins_of(1, 2, 3, 0);
    enum { ROWS = 200, COLUMNS = 500 };
    float *x = malloc(sizeof(float) * ROWS * COLUMNS);
    size_t dropped = 0;

    (void)state;
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++)
        x[i] = 1;
    zoo_dropout(&coins, x, x, 7, ROWS, COLUMNS);
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
        assert_true(x[i] == 0 || fabsf(x[i] - 1 / 0.9f) <= 1e-6f);
        dropped += x[i] == 0;
    }
    assert_true(fabs((double)dropped / (ROWS * COLUMNS) - 0.1) < 0.004);           /* four standard errors */
    x[0] = 2;
    zoo_dropout(&none, x, x, 0, 1, 1);
    assert_true(x[0] == 2);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_bert_agree_with_differences),
        cmocka_unit_test(gradients_of_deberta_agree_with_differences),
        cmocka_unit_test(gradients_of_odd_deberta_agree_with_differences),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(bfloat16_is_near),
        cmocka_unit_test(parts_have_the_coins_of_the_whole),
        cmocka_unit_test(steps_have_coins_of_their_own),
        cmocka_unit_test(frozen_layers_have_no_gradients),
        cmocka_unit_test(what_the_head_reads_can_be_kept),
        cmocka_unit_test(coins_drop_their_share),
        cmocka_unit_test(deberta_trains_as_pytorch_does),
        cmocka_unit_test(bert_trains_as_pytorch_does),
    };
    return cmocka_run_group_tests_name("train/network", tests, NULL, NULL);
}
