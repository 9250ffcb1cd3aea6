/* model.c - the public API of encoders by themselves: texts are tokenised one after the other into a staging area, and
 * go through the network when the next would not fit. */
#include "model/model.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"
#include "base/parallel.h"
#include "compute/rows.h"
#include "model/checkpoint.h"
#include "model/options.h"
#include "text/tokenizer.h"

struct zoo_model {
    zoo_transformer *transformer;
    const zoo_transformer_config *config;       /* the transformer's */
    zoo_tokenizer *tokenizer;                   /* NULL: the folder has none */
    json_t *labels;                             /* id2label, or NULL */
};

/* Sequences that wait for a pass; `first` is the caller's number of the first. */
struct staging {
    uint32_t *ids;                              /* (capacity) */
    uint8_t *types;                             /* (capacity) */
    size_t *lengths;                            /* (capacity) */
    size_t n, N, first;
};

struct zoo_session {
    const zoo_model *model;
    zoo_options options;
    zoo_pass *pass;
    size_t capacity;                            /* tokens of the pass and of the staging area */
    zoo_tokenization *tokenization;             /* NULL: no tokenizer */
    struct staging staging;
    uint32_t *joined;                           /* (joined_size): the ids of a comparison */
    size_t joined_size, length;
};

/* ---- models ---- */
static int read_labels(zoo_model *m, const char *dir, zoo_err *err)
{
    char path[PATH_MAX];
    int rc = zoo_fs_join(path, sizeof path, dir, "config.json", err);
    json_t *config = rc ? NULL : zoo_json_read(path, ZOO_CONFIG_MAX, err);

    if (!config)
        return rc ? rc : ZOO_EFORMAT;
    m->labels = json_incref(json_object_get(config, "id2label"));
    json_decref(config);
    return ZOO_OK;
}

/* A large vocabulary takes as long to read as the weights: both at once. */
struct opening { zoo_model *model; const char *dir; enum zoo_precision precision; zoo_err errors[2]; };

static void open_part(void *context, size_t part, unsigned thread)
{
    struct opening *o = context;
    zoo_err *err = &o->errors[part];

    (void)thread;
    if (part == 0)
        zoo_transformer_open(&o->model->transformer, o->dir, o->precision, err);
    else if (zoo_tokenizer_exists(o->dir))
        zoo_tokenizer_open(&o->model->tokenizer, o->dir, err);
}

static int open_parts(zoo_model *m, const char *dir, enum zoo_precision precision, zoo_err *err)
{
    struct opening o = { .model = m, .dir = dir, .precision = precision };
    zoo_parallel *parallel;
    int rc = zoo_parallel_new(&parallel, 2, err);

    if (rc)
        return rc;
    zoo_parallel_run(parallel, 2, open_part, &o);
    zoo_parallel_free(parallel);
    for (size_t i = 0; i < 2; i++)
        if (o.errors[i].code) {
            if (err)
                *err = o.errors[i];
            return o.errors[i].code;
        }
    m->config = zoo_transformer_config_of(m->transformer);
    if (m->tokenizer && zoo_tokenizer_size(m->tokenizer) > m->config->vocab_size)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: the tokenizer has ids up to %zu, the embedding %zu rows; they are not of one model", dir,
                        zoo_tokenizer_size(m->tokenizer) - 1, m->config->vocab_size);
    return ZOO_OK;
}

int zoo_model_open(zoo_model **out, const char *dir, const zoo_options *options, zoo_err *err)
{
    zoo_options o;
    zoo_model *m;
    int rc = zoo_options_read(&o, options, err);

    *out = NULL;
    if (rc)
        return rc;
    m = calloc(1, sizeof *m);
    if (!m)
        return zoo_fail_nomem(err);
    if ((rc = open_parts(m, dir, o.precision, err)) || (rc = read_labels(m, dir, err)))
        zoo_model_close(m);
    else
        *out = m;
    return rc;
}

void zoo_model_close(zoo_model *m)
{
    if (!m)
        return;
    zoo_transformer_close(m->transformer);
    zoo_tokenizer_close(m->tokenizer);
    json_decref(m->labels);
    free(m);
}

const zoo_transformer_config *zoo_model_config(const zoo_model *m) { return m->config; }
enum zoo_precision zoo_model_precision(const zoo_model *m) { return zoo_transformer_precision(m->transformer); }
size_t zoo_model_hidden_size(const zoo_model *m) { return m->config->hidden_size; }
size_t zoo_model_vocab_size(const zoo_model *m) { return m->config->vocab_size; }
size_t zoo_model_max_tokens(const zoo_model *m) { return m->config->max_tokens; }
int zoo_model_has_tokenizer(const zoo_model *m) { return m->tokenizer != NULL; }

enum zoo_model_kind zoo_model_kind_of(const zoo_model *m)
{
    return m->config->head == ZOO_HEAD_NONE ? ZOO_MODEL_BACKBONE :
           m->config->head == ZOO_HEAD_PAIR ? ZOO_MODEL_COMPARER : ZOO_MODEL_CLASSIFIER;
}

size_t zoo_model_label_count(const zoo_model *m)
{
    return m->config->head == ZOO_HEAD_NONE ? 0 : m->config->head == ZOO_HEAD_PAIR ? 1 : m->config->labels;
}

const char *zoo_model_label(const zoo_model *m, size_t i)
{
    char id[24];

    snprintf(id, sizeof id, "%zu", i);
    return m->config->head == ZOO_HEAD_CLASSIFIER ? json_string_value(json_object_get(m->labels, id)) : NULL;
}

/* ---- sessions ---- */
static void session_clear(zoo_session *s)
{
    zoo_pass_free(s->pass);
    free(s->staging.ids);
    free(s->staging.types);
    free(s->staging.lengths);
    s->pass = NULL;
    s->staging = (struct staging){ 0 };
}

/* Room for `tokens` in a pass. What is staged is lost. */
static int session_grow(zoo_session *s, size_t tokens, zoo_err *err)
{
    struct staging *g = &s->staging;

    if (tokens <= s->capacity)
        return ZOO_OK;
    if (tokens > ZOO_SEQUENCE_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "a sequence of %zu tokens, at most %d can be computed", tokens,
                        ZOO_SEQUENCE_MAX);
    session_clear(s);
    s->capacity = 0;
    g->ids = malloc(tokens * sizeof *g->ids);
    g->types = malloc(tokens * sizeof *g->types);
    g->lengths = malloc(tokens * sizeof *g->lengths);
    if (!g->ids || !g->types || !g->lengths)
        return zoo_fail_nomem(err);
    int rc = zoo_pass_new(&s->pass, s->model->transformer, tokens, s->options.threads,
                          s->options.is_pinned ? (int)s->options.first_cpu : ZOO_UNPINNED, err);
    if (!rc)
        s->capacity = tokens;
    return rc;
}

int zoo_session_new(zoo_session **out, const zoo_model *model, const zoo_options *options, zoo_err *err)
{
    zoo_options o;
    zoo_session *s;
    int rc = zoo_options_read(&o, options, err);

    *out = NULL;
    if (rc)
        return rc;
    s = calloc(1, sizeof *s);
    if (!s)
        return zoo_fail_nomem(err);
    s->model = model;
    s->options = o;
    rc = session_grow(s, o.batch_tokens > model->config->max_tokens ? o.batch_tokens : model->config->max_tokens, err);
    if (!rc && model->tokenizer)
        rc = zoo_tokenization_new(&s->tokenization, model->tokenizer, err);
    if (rc)
        zoo_session_free(s);
    else
        *out = s;
    return rc;
}

void zoo_session_free(zoo_session *s)
{
    if (!s)
        return;
    session_clear(s);
    zoo_tokenization_free(s->tokenization);
    free(s->joined);
    free(s);
}

/* ---- running ---- */
/* Results of sequence `first` and those behind it. */
static zoo_results results_from(const zoo_model *m, const zoo_outputs *out, size_t first)
{
    size_t H = m->config->hidden_size;

    return (zoo_results){
        .logits = out->logits ? out->logits + first * zoo_model_label_count(m) : NULL,
        .cls = out->cls ? out->cls + first*H : NULL,
        .mean = out->mean ? out->mean + first*H : NULL,
    };
}

int zoo_model_run(const zoo_model *m, zoo_session *s, const zoo_tokens *tokens, const zoo_outputs *out, zoo_err *err)
{
    size_t i = 0, at = 0;
    int rc = ZOO_OK;

    while (i < tokens->n && !rc) {
        zoo_packed batch = { tokens->ids + at, tokens->types ? tokens->types + at : NULL, tokens->lengths + i, 1,
                             tokens->lengths[i] };
        zoo_results results = results_from(m, out, i);
        rc = session_grow(s, batch.N, err);
        while (!rc && i + batch.n < tokens->n && tokens->lengths[i + batch.n] <= s->capacity - batch.N)
            batch.N += tokens->lengths[i + batch.n++];
        rc = rc ? rc : zoo_transformer_run(m->transformer, s->pass, &batch, &results, err);
        i += batch.n;
        at += batch.N;
    }
    return rc;
}

/* ---- tokens ---- */
static int needs_tokenizer(const zoo_model *m, zoo_err *err)
{
    return m->tokenizer ? ZOO_OK :
           zoo_fail(err, ZOO_EUSAGE, "the checkpoint has no tokenizer: add tokenizer.json, spm.model or vocab.txt");
}

int zoo_model_tokenize(const zoo_model *m, zoo_session *s, const zoo_text *text, const zoo_text *pair,
                       size_t max_length, zoo_tokens *out, zoo_err *err)
{
    zoo_ids ids;
    int rc = needs_tokenizer(m, err);

    rc = rc ? rc : zoo_tokenizer_encode(m->tokenizer, s->tokenization, text->data, text->size, pair ? pair->data : NULL,
                                        pair ? pair->size : 0, max_length ? max_length : ZOO_UNTRUNCATED, &ids, err);
    if (rc)
        return rc;
    s->length = ids.count;
    *out = (zoo_tokens){ ids.ids, ids.types, &s->length, 1, ids.was_cut };
    return ZOO_OK;
}

static int join(zoo_session *s, const uint32_t *ids, size_t n, zoo_err *err)
{
    if (s->length + n > s->joined_size) {
        size_t size = 2 * (s->length + n);
        uint32_t *grown = realloc(s->joined, size * sizeof *grown);
        if (!grown)
            return zoo_fail_nomem(err);
        s->joined = grown;
        s->joined_size = size;
    }
    if (n)
        memcpy(s->joined + s->length, ids, n * sizeof *ids);
    s->length += n;
    return ZOO_OK;
}

/* A marker, at most `most` tokens of the text, and the separator. */
static int join_part(const zoo_model *m, zoo_session *s, uint32_t marker, const zoo_text *text, size_t most,
                     int *was_cut, zoo_err *err)
{
    zoo_ids ids;
    int rc = join(s, &marker, 1, err);

    if (rc || (rc = zoo_tokenizer_encode_plain(m->tokenizer, s->tokenization, text->data, text->size, most, &ids,
                                               err)) || (rc = join(s, ids.ids, ids.count, err)))
        return rc;
    *was_cut |= ids.was_cut;
    return join(s, &m->config->sep_id, 1, err);
}

int zoo_model_tokenize_comparison(const zoo_model *m, zoo_session *s, const zoo_text *query, const zoo_text *first,
                                  const zoo_text *second, size_t max_length, zoo_tokens *out, zoo_err *err)
{
    enum { SPECIAL = 7 };                       /* [CLS] and, three times, a marker and [SEP] */
    size_t body = max_length > SPECIAL ? max_length - SPECIAL : 0;
    size_t most_query = max_length ? body * 3 / 5 : ZOO_UNTRUNCATED,
                        most_candidate = max_length ? body / 5 : ZOO_UNTRUNCATED;
    int64_t cls;
    int was_cut = 0, rc = needs_tokenizer(m, err);

    if (rc)
        return rc;
    if (m->config->head != ZOO_HEAD_PAIR)
        return zoo_fail(err, ZOO_EUSAGE, "the checkpoint compares no answers: it has not PairRM's head");
    if (max_length && body < 5)
        return zoo_fail(err, ZOO_EUSAGE, "max_length is %zu, a comparison needs at least %d tokens", max_length,
                        SPECIAL + 5);
    cls = zoo_tokenizer_find(m->tokenizer, "[CLS]");
    if (cls < 0)
        return zoo_fail(err, ZOO_EFORMAT, "the tokenizer has no token [CLS], with which a comparison begins");
    s->length = 0;
    if ((rc = join(s, &(uint32_t){ (uint32_t)cls }, 1, err)) ||
        (rc = join_part(m, s, m->config->source_id, query, most_query, &was_cut, err)) ||
        (rc = join_part(m, s, m->config->candidate1_id, first, most_candidate, &was_cut, err)) ||
        (rc = join_part(m, s, m->config->candidate2_id, second, most_candidate, &was_cut, err)))
        return rc;
    *out = (zoo_tokens){ s->joined, NULL, &s->length, 1, was_cut };
    return ZOO_OK;
}

/* ---- texts, staged ---- */
static int staging_flush(const zoo_model *m, zoo_session *s, const zoo_outputs *out, zoo_err *err)
{
    struct staging *g = &s->staging;
    zoo_packed batch = { g->ids, g->types, g->lengths, g->n, g->N };
    zoo_results results = results_from(m, out, g->first);
    int rc = zoo_transformer_run(m->transformer, s->pass, &batch, &results, err);

    g->first += g->n;
    g->n = g->N = 0;
    return rc;
}

static int staging_add(const zoo_model *m, zoo_session *s, const zoo_tokens *tokens, const zoo_outputs *out,
                       zoo_err *err)
{
    struct staging *g = &s->staging;
    size_t T = tokens->lengths[0], first;
    int rc = ZOO_OK;

    if (g->N + T > s->capacity)
        rc = staging_flush(m, s, out, err);
    first = g->first;
    if (rc || (rc = session_grow(s, T, err)))
        return rc;
    g->first = first;                           /* growing has cleared it */
    memcpy(g->ids + g->N, tokens->ids, T * sizeof *g->ids);
    if (tokens->types)
        memcpy(g->types + g->N, tokens->types, T);
    else
        memset(g->types + g->N, 0, T);
    g->lengths[g->n++] = T;
    g->N += T;
    return ZOO_OK;
}

/* What is run: `n` texts, pairs or comparisons. */
struct texts { const zoo_text *a, *b, *c; size_t n; };

static int run_texts(const zoo_model *m, zoo_session *s, const struct texts *t, const zoo_outputs *out, int *was_cut,
                     zoo_err *err)
{
    size_t most = m->config->max_tokens;
    zoo_tokens tokens;
    int rc = needs_tokenizer(m, err);

    s->staging.n = s->staging.N = s->staging.first = 0;
    for (size_t i = 0; i < t->n && !rc; i++) {
        if (t->c)
            rc = zoo_model_tokenize_comparison(m, s, &t->a[i], &t->b[i], &t->c[i], most, &tokens, err);
        else
            rc = zoo_model_tokenize(m, s, &t->a[i], t->b ? &t->b[i] : NULL, most, &tokens, err);
        rc = rc ? rc : staging_add(m, s, &tokens, out, err);
        if (!rc && was_cut)
            was_cut[i] = tokens.was_cut;
    }
    return rc ? rc : staging_flush(m, s, out, err);
}

int zoo_model_embed(const zoo_model *m, zoo_session *s, const zoo_text *texts, size_t n, enum zoo_pooling pooling,
                    int is_unit, float *vectors, zoo_err *err)
{
    size_t H = m->config->hidden_size;
    zoo_outputs out = { .mean = pooling == ZOO_POOL_MEAN ? vectors : NULL,
                        .cls = pooling == ZOO_POOL_MEAN ? NULL : vectors };
    int rc = run_texts(m, s, &(struct texts){ .a = texts, .n = n }, &out, NULL, err);

    for (size_t i = 0; i < n && !rc && is_unit; i++)
        zoo_unit_fwd(vectors + i*H, vectors + i*H, H);
    return rc;
}

int zoo_model_score_cut(const zoo_model *m, zoo_session *s, const zoo_text *texts, const zoo_text *pairs, size_t n,
                        float *logits, int *was_cut, zoo_err *err)
{
    if (m->config->head != ZOO_HEAD_CLASSIFIER)
        return zoo_fail(err, ZOO_EUSAGE, "the checkpoint is no classifier: it gives no score to a text");
    return run_texts(m, s, &(struct texts){ .a = texts, .b = pairs, .n = n }, &(zoo_outputs){ .logits = logits },
                     was_cut, err);
}

int zoo_model_score(const zoo_model *m, zoo_session *s, const zoo_text *texts, const zoo_text *pairs, size_t n,
                    float *logits, zoo_err *err)
{
    return zoo_model_score_cut(m, s, texts, pairs, n, logits, NULL, err);
}

int zoo_model_compare(const zoo_model *m, zoo_session *s, const zoo_text *queries, const zoo_text *firsts,
                      const zoo_text *seconds, size_t n, float *logits, zoo_err *err)
{
    return run_texts(m, s, &(struct texts){ queries, firsts, seconds, n }, &(zoo_outputs){ .logits = logits }, NULL,
                     err);
}
