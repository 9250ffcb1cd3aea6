/* bench_train.c - how fast a checkpoint is fine-tuned on this machine: the whole step (forward, backward, clipping,
 * AdamW, packing), and beside it its products alone on oneDNN as it comes; see bench_train.h. */
#include "cli/bench_train.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/fs.h"
#include "base/rng.h"
#include "cli/stock.h"
#include "model/folder.h"
#include "train/encoder_trainee.h"

enum { LABELS = 6, FIRST_ID = 5, LAST_ID = 20000, PRODUCT_RUNS = 3 };

struct training {
    const zoo_bench_train_settings *settings;
    zoo_network network;
    zoo_sequences sequences;         /* fresh ids for every step */
    zoo_team *team;
    zoo_encoder_trainee *trainee;
    float *logits, *targets, *weights;          /* (queries,K) (queries,K) (queries) */
    size_t *rows, *own;              /* (queries) */
};

/* ---- preparing ---- */

static int open_network(struct training *t, zoo_err *err)
{
    json_t *json = zoo_folder_config(t->settings->dir, err);
    zoo_transformer_config config;
    char path[PATH_MAX];
    int rc = json ? zoo_fs_join(path, sizeof path, t->settings->dir, "config.json", err) : ZOO_EFORMAT;

    if (!rc)
        rc = zoo_transformer_config_parse(&config, json, path, err);
    json_decref(json);
    if (rc)
        return rc;
    if (config.head != ZOO_HEAD_CLASSIFIER) {
        config.head = ZOO_HEAD_CLASSIFIER;
        config.labels = LABELS;
    }
    if (t->settings->tokens > config.max_positions)
        return zoo_fail(err, ZOO_EUSAGE, "--tokens %zu: %s reads at most %zu", t->settings->tokens, t->settings->dir,
                        config.max_positions);
    return zoo_network_init(&t->network, &config, err);
}

static int draw_queries(struct training *t, zoo_err *err)
{
    size_t T = t->settings->tokens, n = t->settings->queries * (t->settings->steps + 1),
               vocab = t->network.config.vocab_size;
    size_t last = vocab < LAST_ID ? vocab : LAST_ID, first = last > 2 * FIRST_ID ? FIRST_ID : 0;
    zoo_rng rng;

    t->sequences.ids = malloc(n * T * sizeof *t->sequences.ids);
    t->sequences.starts = malloc((n + 1) * sizeof *t->sequences.starts);
    if (!t->sequences.ids || !t->sequences.starts)
        return zoo_fail_nomem(err);
    zoo_rng_init(&rng, 0);
    for (size_t i = 0; i < n * T; i++)
        t->sequences.ids[i] = (uint32_t)(first + zoo_rng_below(&rng, last - first));
    for (size_t i = 0; i <= n; i++)
        t->sequences.starts[i] = i * T;
    t->sequences.n = n;
    t->sequences.longest = T;
    return ZOO_OK;
}

static int make_targets(struct training *t, zoo_err *err)
{
    size_t B = t->settings->queries, K = t->network.config.labels;

    t->logits = malloc(B * K * sizeof *t->logits);
    t->targets = malloc(B * K * sizeof *t->targets);
    t->weights = malloc(B * sizeof *t->weights);
    t->rows = malloc(B * sizeof *t->rows);
    t->own = malloc(B * sizeof *t->own);
    if (!t->logits || !t->targets || !t->weights || !t->rows || !t->own)
        return zoo_fail_nomem(err);
    for (size_t b = 0; b < B; b++) {
        t->weights[b] = 1.0f / (float)B;
        for (size_t j = 0; j < K; j++)
            t->targets[b * K + j] = (j == b % K ? 0.5f : 0.5f / (float)(K > 1 ? K - 1 : 1));
    }
    return ZOO_OK;
}

static int make_trainee(struct training *t, zoo_err *err)
{
    const zoo_bench_train_settings *s = t->settings;
    zoo_encoder_training training = ZOO_ENCODER_TRAINING_DEFAULTS;
    const zoo_encoder_keeper nobody = { 0 };
    float *params = malloc(t->network.parameters.size * sizeof *params);
    zoo_weights *weights;
    int rc;

    if (!params)
        return zoo_fail_nomem(err);
    rc = zoo_weights_open(&weights, s->dir, err);
    if (!rc) {
        rc = zoo_parameters_read(&t->network.parameters, weights, 0.02, 1, params, NULL, err);
        zoo_weights_close(weights);
    }
    if (!rc)
        rc = zoo_team_new(&t->team, s->threads, ZOO_UNPINNED, err);
    if (rc) {
        free(params);
        return rc;
    }
    training.precision = s->precision;
    training.batch_rows = s->queries;
    training.steps = s->steps + 1;
    return zoo_encoder_trainee_new(&t->trainee, &t->network, &t->sequences, t->team, NULL, &training, &nobody, params,
                                   err);
}

/* ---- steps ---- */

static int step(struct training *t, size_t number, double *ms, zoo_err *err)
{
    zoo_trainee *base = zoo_encoder_trainee_base(t->trainee);
    size_t B = t->settings->queries, K = base->k;
    uint64_t began = zoo_clock_ns();
    double loss = 0, norm;
    int rc;

    for (size_t b = 0; b < B; b++)
        t->rows[b] = number * B + b;
    base->class->begin(base, t->rows, B, 1, t->own);
    for (size_t first = 0, part; first < B; first += part) {
        part = base->class->fit(base, t->rows + first, B - first);
        base->class->forward(base, &(zoo_batch){ t->rows + first, NULL, part, 1, t->own + first, 0 }, t->logits, NULL);
        zoo_router_loss(ZOO_KL_FORWARD, t->logits, t->targets + first * K, t->weights, part, K, t->logits);
        base->class->backward(base, t->logits, NULL);
    }
    rc = base->class->step(base, 1e-5, &loss, &norm, err);
    *ms = (double)(zoo_clock_ns() - began) * 1e-6;
    return rc;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int time_steps(struct training *t, zoo_bench_train_result *result, zoo_err *err)
{
    size_t n = t->settings->steps;
    double *ms = malloc(n * sizeof *ms);
    int rc = ZOO_OK;

    if (!ms)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = step(t, i + 1, &ms[i], err);
    if (rc) {
        free(ms);
        return rc;
    }
    qsort(ms, n, sizeof *ms, by_size);
    result->min_ms = ms[0];
    result->median_ms = n % 2 ? ms[n / 2] : (ms[n / 2 - 1] + ms[n / 2]) / 2;
    free(ms);
    return ZOO_OK;
}

/* ---- products ---- */

/* The least of a few runs over all products with that number of rows. */
static int time_products(const struct training *t, const zoo_shape *shapes, size_t n, size_t rows, double *sum,
                         zoo_err *err)
{
    zoo_stock *stock;
    double least = INFINITY;
    int rc = zoo_stock_new(&stock, t->settings->precision, shapes, n, rows, t->settings->threads, err);

    if (rc)
        return rc;
    for (int i = 0; i <= PRODUCT_RUNS; i++) {
        double ms = zoo_stock_run(stock);
        least = i && ms < least ? ms : least;           /* the first warms up */
    }
    zoo_stock_free(stock);
    *sum += least;
    return least >= 0 ? ZOO_OK : zoo_fail(err, ZOO_EIO, "oneDNN failed in the products that are timed beside the step");
}

/* y = x W^T and dx = dy W over the tokens' rows; dW = dy^T x has a row an output. */
static int time_all_products(const struct training *t, zoo_bench_train_result *result, zoo_err *err)
{
    const zoo_transformer_config *c = &t->network.config;
    size_t H = c->hidden_size, I = c->intermediate_size, L = c->layers, N = t->settings->queries * t->settings->tokens;
    const zoo_shape by_token[] = { { 3 * H, H, L }, { H, H, L }, { I, H, L }, { H, I, L }, { H, 3 * H, L }, { H, H, L },
                                   { H, I, L }, { I, H, L } };
    const zoo_shape projection = { H, N, L }, ends[] = { { H, N, L }, { I, N, L } }, up = { H, N, L };
    double sum = 0;
    int rc;

    if ((rc = time_products(t, by_token, sizeof by_token / sizeof *by_token, N, &sum, err)) ||
        (rc = time_products(t, &projection, 1, 3 * H, &sum, err)) || (rc = time_products(t, ends, 2, H, &sum, err)) ||
        (rc = time_products(t, &up, 1, I, &sum, err)))
        sum = NAN;
    result->products_ms = sum;
    return rc == ZOO_EUSAGE ? ZOO_OK : rc;
}

int zoo_bench_train(const zoo_bench_train_settings *settings, long (*peak)(void), zoo_bench_train_result *result,
                    zoo_err *err)
{
    struct training t = { .settings = settings };
    uint64_t began = zoo_clock_ns();
    double first_ms;
    int rc;

    if ((rc = open_network(&t, err)) || (rc = draw_queries(&t, err)) || (rc = make_targets(&t, err)) ||
        (rc = make_trainee(&t, err)) || (rc = step(&t, 0, &first_ms, err)))
        goto done;
    result->start_ms = (double)(zoo_clock_ns() - began) * 1e-6;
    rc = time_steps(&t, result, err);
    result->peak_mib = peak();
    zoo_encoder_trainee_free(t.trainee);
    t.trainee = NULL;
    if (!rc)
        rc = time_all_products(&t, result, err);
done:
    zoo_encoder_trainee_free(t.trainee);
    zoo_team_free(t.team);
    zoo_sequences_release(&t.sequences);
    zoo_network_release(&t.network);
    free(t.logits);
    free(t.targets);
    free(t.weights);
    free(t.rows);
    free(t.own);
    return rc;
}
