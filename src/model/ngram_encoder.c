/* ngram_encoder.c - the n-gram network behind encoder.h, and its folder. */
#include "model/ngram_encoder.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "compute/kernels.h"
#include "model/encoder.h"
#include "model/ngram_reader.h"
#include "model/safetensors.h"
#include "model/weights.h"

struct ngram_encoder {
    zoo_encoder base;
    zoo_ngram_net net;
    float *params;
};

struct workspace {
    zoo_ngram_reader reader;
    float pooled[ZOO_NGRAM_DIM_MAX], raw[ZOO_NGRAM_HIDDEN_MAX], hidden[ZOO_NGRAM_HIDDEN_MAX];
};

static const char *const encoder_keys[] = { "buckets", "dim", "hidden", "word_order", "char_min", "char_max" };

static uint32_t *encoder_value(zoo_ngram_config *c, size_t key)
{
    uint32_t *const values[] = { &c->features.buckets, &c->dim, &c->hidden, &c->features.word_order,
                                 &c->features.char_min, &c->features.char_max };

    return values[key];
}

enum { ENCODER_KEYS = sizeof encoder_keys / sizeof *encoder_keys };

/* ---- reading ---- */
static int read_config(zoo_ngram_net *net, const zoo_checkpoint *checkpoint, const char *place, zoo_err *err)
{
    zoo_ngram_config config = { .experts = (uint32_t)checkpoint->facts.k, .kinds = (uint32_t)checkpoint->facts.kinds };

    config.features.text_limit = (uint32_t)checkpoint->text_limit;
    for (size_t i = 0; i < ENCODER_KEYS; i++) {
        size_t value;
        int rc = zoo_checkpoint_count(checkpoint, encoder_keys[i], 0, UINT32_MAX, &value, place, err);
        if (rc)
            return rc;
        *encoder_value(&config, i) = (uint32_t)value;
    }
    for (size_t i = 0; i < checkpoint->facts.kinds; i++)
        config.kind_values[i] = (uint32_t)checkpoint->facts.tags[i].count;
    return zoo_ngram_net_init(net, &config, place, err);
}

/* Every parameter is there in its shape: a config that lies about sizes takes no memory. */
static int check_params(const zoo_ngram_net *net, const zoo_weights *weights, zoo_err *err)
{
    int rc = ZOO_OK;

    for (size_t i = 0; i < ZOO_NGRAM_PARAMS && !rc; i++) {
        const zoo_param *p = &net->params[i];
        if (p->rows)
            rc = zoo_weights_check(weights, p->name, (size_t[]){ p->rows, p->columns }, p->columns ? 2 : 1, err);
    }
    return rc;
}

static int read_params(struct ngram_encoder *e, const char *dir, zoo_err *err)
{
    zoo_weights *weights;
    int rc = zoo_weights_open(&weights, dir, err);

    if (rc)
        return rc;
    rc = check_params(&e->net, weights, err);
    if (!rc && !(e->params = zoo_ngram_params_new(&e->net, err)))
        rc = ZOO_ENOMEM;
    for (size_t i = 0; i < ZOO_NGRAM_PARAMS && !rc; i++) {
        const zoo_param *p = &e->net.params[i];
        if (p->rows)
            rc = zoo_weights_read(weights, p->name, (size_t[]){ p->rows, p->columns }, p->columns ? 2 : 1,
                                  e->params + p->offset, err);
    }
    if (!rc)
        rc = zoo_weights_check_unchanged(weights, err);
    zoo_weights_close(weights);
    return rc;
}

static void encoder_close(zoo_encoder *encoder)
{
    struct ngram_encoder *e = (struct ngram_encoder *)encoder;

    if (e)
        free(e->params);
    free(e);
}

static int encoder_open(zoo_encoder **out, const zoo_checkpoint *checkpoint, const char *dir,
                        const zoo_options *options, zoo_err *err)
{
    struct ngram_encoder *e = calloc(1, sizeof *e);
    char path[PATH_MAX];
    int rc;

    (void)options;
    *out = NULL;
    if (!e)
        return zoo_fail_nomem(err);
    e->base.class = &zoo_ngram_class;
    if ((rc = zoo_fs_join(path, sizeof path, dir, "config.json", err)) ||
        (rc = read_config(&e->net, checkpoint, path, err)) ||
        (rc = read_params(e, dir, err)))
        encoder_close(&e->base);
    else
        *out = &e->base;
    return rc;
}

/* ---- routing ---- */
static void workspace_free(void *workspace)
{
    struct workspace *w = workspace;

    if (w)
        zoo_ngram_reader_release(&w->reader);
    free(w);
}

static int workspace_new(void **out, const zoo_encoder *encoder, const zoo_options *options, zoo_err *err)
{
    const struct ngram_encoder *e = (const struct ngram_encoder *)encoder;
    struct workspace *w = calloc(1, sizeof *w);
    int rc;

    (void)options;
    *out = NULL;
    if (!w)
        return zoo_fail_nomem(err);
    rc = zoo_ngram_reader_init(&w->reader, &e->net, e->params, err);
    if (rc)
        free(w);
    else
        *out = w;
    return rc;
}

static const float *param(const struct ngram_encoder *e, enum zoo_ngram_param which)
{
    return e->params + e->net.params[which].offset;
}

static int encoder_logits(const zoo_encoder *encoder, void *workspace, const char *query, size_t size, float *logits,
                          float *tag_logits, int *was_cut, zoo_err *err)
{
    const struct ngram_encoder *e = (const struct ngram_encoder *)encoder;
    const zoo_ngram_net *net = &e->net;
    struct workspace *w = workspace;
    const float *top = w->pooled;
    size_t D = net->config.dim, H = net->config.hidden;

    (void)err;
    *was_cut = zoo_ngram_reader_pool(&w->reader, query, size, w->pooled);
    if (H) {
        zoo_linear_fwd(w->raw, w->pooled, param(e, ZOO_NGRAM_HIDDEN_WEIGHT), param(e, ZOO_NGRAM_HIDDEN_BIAS), 1, D, H);
        zoo_tanh_fwd(w->hidden, w->raw, H);
        top = w->hidden;
    }
    zoo_linear_fwd(logits, top, param(e, ZOO_NGRAM_CLASSIFIER_WEIGHT), param(e, ZOO_NGRAM_CLASSIFIER_BIAS), 1, net->top,
                   net->config.experts);
    if (tag_logits && net->tag_values)
        zoo_linear_fwd(tag_logits, top, param(e, ZOO_NGRAM_TAGS_WEIGHT), param(e, ZOO_NGRAM_TAGS_BIAS), 1, net->top,
                       net->tag_values);
    return ZOO_OK;
}

/* ---- explaining ---- */
/* slope (D): the difference between the two experts' logits is rest + slope . pooled, exactly. Without a hidden layer
 * that is plain; with one, tanh(b + a) = tanh(b) + s a with s = (tanh(b + a) - tanh(b)) / a,
 * the slope of the secant. */
static double find_slope(const struct ngram_encoder *e, const struct workspace *w, size_t expert, size_t against,
                         double *slope)
{
    size_t D = e->net.config.dim, H = e->net.config.hidden, X = e->net.top;
    const float *classifier = param(e, ZOO_NGRAM_CLASSIFIER_WEIGHT), *bias = param(e, ZOO_NGRAM_CLASSIFIER_BIAS);
    const float *hidden_weight = param(e, ZOO_NGRAM_HIDDEN_WEIGHT), *hidden_bias = param(e, ZOO_NGRAM_HIDDEN_BIAS);
    double rest = (double)bias[expert] - bias[against];

    for (size_t d = 0; d < D; d++)
        slope[d] = H ? 0 : (double)classifier[expert*X + d] - classifier[against*X + d];
    for (size_t h = 0; h < H; h++) {
        double weight = (double)classifier[expert*X + h] - classifier[against*X + h], b = hidden_bias[h], a = 0;
        for (size_t d = 0; d < D; d++)
            a += (double)hidden_weight[h*D + d] * w->pooled[d];
        double secant = fabs(a) > 1e-9 ? (tanh(b + a) - tanh(b)) / a : 1 - tanh(b) * tanh(b);
        for (size_t d = 0; d < D; d++)
            slope[d] += weight * secant * hidden_weight[h*D + d];
        rest += weight * tanh(b);
    }
    return rest;
}

static int by_group(const void *a, const void *b)
{
    const zoo_ngram_span *x = a, *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start);
}

static int by_share(const void *a, const void *b)
{
    double x = fabs(((const zoo_evidence *)a)->share), y = fabs(((const zoo_evidence *)b)->share);

    return (x < y) - (x > y);
}

/* One reason for each group of the sorted spans. */
static size_t weigh(const struct ngram_encoder *e, const struct workspace *w, const zoo_ngram_span *spans, size_t n,
                    const double *slope, zoo_evidence *reasons)
{
    size_t D = e->net.config.dim, count = 0;
    double scale = zoo_ngrams_scale(n);

    for (size_t i = 0; i < n; i++) {
        const float *row = param(e, ZOO_NGRAM_EMBEDDING) + spans[i].row*D;
        double dot = 0;
        for (size_t d = 0; d < D; d++)
            dot += slope[d] * row[d];
        if (!i || spans[i].group != spans[i - 1].group)
            reasons[count++] = (zoo_evidence){ w->reader.words.text + spans[i].start, spans[i].size, 0 };
        reasons[count - 1].share += dot * scale;
    }
    return count;
}

static int encoder_explain(const zoo_encoder *encoder, void *workspace, const char *query, size_t size, size_t expert,
                           size_t against, zoo_evidence **reasons, size_t *count, double *rest, zoo_err *err)
{
    const struct ngram_encoder *e = (const struct ngram_encoder *)encoder;
    const zoo_ngrams *spec = &e->net.config.features;
    struct workspace *w = workspace;
    double slope[ZOO_NGRAM_DIM_MAX];
    size_t n;
    uint32_t *rows = malloc(zoo_ngrams_max(spec) * sizeof *rows);
    zoo_ngram_span *spans = malloc(zoo_ngrams_max(spec) * sizeof *spans);
    int rc = ZOO_OK;

    *reasons = NULL;
    *count = 0;
    if (!rows || !spans) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    zoo_ngram_reader_pool(&w->reader, query, size, w->pooled);
    *rest = find_slope(e, w, expert, against, slope);
    n = zoo_ngrams_list(spec, &w->reader.words, rows, spans);
    *reasons = malloc((n + 1) * sizeof **reasons);
    if (!*reasons) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    qsort(spans, n, sizeof *spans, by_group);
    *count = weigh(e, w, spans, n, slope, *reasons);
    qsort(*reasons, *count, sizeof **reasons, by_share);
done:
    free(rows);
    free(spans);
    return rc;
}

const zoo_encoder_class zoo_ngram_class = {
    .model_type = "zooter-ngram", .open = encoder_open, .close = encoder_close, .workspace_new = workspace_new,
    .workspace_free = workspace_free, .logits = encoder_logits, .explain = encoder_explain
};

/* ---- writing ---- */
static int check_facts(const zoo_ngram_net *net, const zoo_router_facts *facts, zoo_err *err)
{
    int same = facts->k == net->config.experts && facts->kinds == net->config.kinds;

    for (size_t i = 0; same && i < facts->kinds; i++)
        same = facts->tags[i].count == net->config.kind_values[i];
    return same ? ZOO_OK : zoo_fail(err, ZOO_EUSAGE, "the experts or tags do not agree with the shape of the network");
}

static int write_config(const char *path, const zoo_ngram_net *net, const zoo_router_facts *facts, json_t *training,
                        zoo_err *err)
{
    zoo_ngram_config config = net->config;
    zoo_buf text = ZOO_BUF_INIT(ZOO_CONFIG_MAX);
    json_t *encoder = json_object();
    int rc;

    for (size_t i = 0; i < ENCODER_KEYS; i++)
        json_object_set_new(encoder, encoder_keys[i], json_integer(*encoder_value(&config, i)));
    rc = zoo_checkpoint_write(&text, facts, "ZooterNgramForSequenceClassification", zoo_ngram_class.model_type,
                              config.features.text_limit, encoder, training, err);
    if (!rc)
        rc = zoo_fs_write(path, text.data, text.size, err);
    json_decref(encoder);
    zoo_buf_release(&text);
    return rc;
}

static int write_params(const char *path, const zoo_ngram_net *net, const float *params, zoo_err *err)
{
    zoo_tensor_out tensors[ZOO_NGRAM_PARAMS];
    size_t n = 0;

    for (size_t i = 0; i < ZOO_NGRAM_PARAMS; i++) {
        const zoo_param *p = &net->params[i];
        if (p->rows)
            tensors[n++] = (zoo_tensor_out){ p->name, p->columns ? 2 : 1, { p->rows, p->columns }, params + p->offset };
    }
    return zoo_safetensors_write(path, tensors, n, err);
}

int zoo_ngram_save(const char *dir, int force, const zoo_ngram_net *net, const float *params,
                   const zoo_router_facts *facts, json_t *training, zoo_err *err)
{
    char beside[PATH_MAX], path[PATH_MAX];
    int rc;

    if ((rc = check_facts(net, facts, err)) || (rc = zoo_fs_folder_begin(beside, sizeof beside, dir, force, err)))
        return rc;
    if ((rc = zoo_fs_join(path, sizeof path, beside, "config.json", err)) ||
        (rc = write_config(path, net, facts, training, err)) ||
        (rc = zoo_fs_join(path, sizeof path, beside, "model.safetensors", err)) ||
        (rc = write_params(path, net, params, err))) {
        zoo_fs_folder_abandon(beside);
        return rc;
    }
    return zoo_fs_folder_commit(beside, dir, err);
}
