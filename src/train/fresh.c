/* fresh.c - a checkpoint folder to train from: random weights for a config, or a backbone with a head for given
 * experts; see fresh.h. */
#include "train/fresh.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/name.h"
#include "base/rng.h"
#include "model/checkpoint.h"
#include "model/folder.h"
#include "model/ngram.h"
#include "model/weights_writer.h"
#include "train/parameters.h"

enum { CHUNK = 1 << 16 };                       /* floats at once */

struct making {
    const zoo_fresh *job;
    zoo_fresh_done *done;
    char beside[PATH_MAX];
    json_t *config;                             /* of the new folder */
    json_t *former;                             /* id2label of the backbone, or NULL */
    zoo_transformer_config network;
    zoo_parameters parameters;
    zoo_weights *weights;                       /* of the backbone, or NULL */
    const char *prefix;                         /* of its tensors */
    double spread;
    bool is_bare;                               /* names without the family's prefix, no classifier */
    zoo_planned *plan;
    size_t planned;
    zoo_weights_writer *writer;
    float values[CHUNK];
};

/* ---- config.json ---- */
static const char *family_name(const struct making *m)
{
    return m->network.family == ZOO_BERT ? "Bert" : "DebertaV2";
}

static int check_experts(const zoo_fresh *job, zoo_err *err)
{
    if (job->count > ZOO_EXPERTS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%zu experts, at most %d are possible", job->count, ZOO_EXPERTS_MAX);
    for (size_t i = 0; i < job->count; i++) {
        if (zoo_name_check(job->experts[i], "experts", err)) {
            if (err)
                err->code = ZOO_EUSAGE;
            return ZOO_EUSAGE;
        }
        for (size_t j = 0; j < i; j++)
            if (!strcmp(job->experts[i], job->experts[j]))
                return zoo_fail(err, ZOO_EUSAGE, "experts: '%s' is there twice", job->experts[i]);
    }
    return ZOO_OK;
}

/* The labels become the experts; what a former training knew of others goes, but for the length of texts. */
static int set_experts(struct making *m, zoo_err *err)
{
    static const char *const gone[] = { "num_labels", "problem_type", "_num_labels", "quantization_config", "zooter" };
    json_t *names = json_object(), *ids = json_object();
    json_t *most = json_object_get(json_object_get(m->config, "zooter"), "max_tokens");
    int failed = !names || !ids;
    char id[24];

    json_incref(most);
    for (size_t i = 0; i < m->job->count && !failed; i++) {
        snprintf(id, sizeof id, "%zu", i);
        failed = json_object_set_new(names, id, json_string(m->job->experts[i])) ||
                 json_object_set_new(ids, m->job->experts[i], json_integer((json_int_t)i));
    }
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        json_object_del(m->config, gone[i]);
    failed = json_object_set_new(m->config, "id2label", names) || failed;
    failed = json_object_set_new(m->config, "label2id", ids) || failed;
    if (most)
        failed = json_object_set_new(m->config, "zooter", json_pack("{s:o}", "max_tokens", most)) || failed;
    return failed ? zoo_fail_nomem(err) : ZOO_OK;
}

static int set_architecture(struct making *m, zoo_err *err)
{
    char name[64];

    snprintf(name, sizeof name, "%sForSequenceClassification", family_name(m));
    return json_object_set_new(m->config, "architectures", json_pack("[s]", name)) ? zoo_fail_nomem(err) : ZOO_OK;
}

/* A config without an architecture becomes a classifier's; that of a bare backbone stays one. */
static int read_architecture(struct making *m, const char *path, zoo_err *err)
{
    const char *name = json_string_value(json_array_get(json_object_get(m->config, "architectures"), 0));
    char bare[64];

    snprintf(bare, sizeof bare, "%sModel", family_name(m));
    m->is_bare = name && !strcmp(name, bare) && !m->job->count && !m->job->backbone;
    if (m->is_bare || m->network.head == ZOO_HEAD_CLASSIFIER)
        return ZOO_OK;
    if (name && strcmp(name, bare) && m->job->config && !m->job->count)
        return zoo_fail(err, ZOO_EUSAGE,
                        "%s: the architecture '%.60s' cannot be made, only %s and %sForSequenceClassification; with "
                        "--experts it becomes the latter", path, name, bare, family_name(m));
    return set_architecture(m, err);
}

static int read_config(struct making *m, zoo_err *err)
{
    const zoo_fresh *job = m->job;
    const json_t *spread;
    char path[PATH_MAX];
    int rc;

    if (job->config)
        rc = snprintf(path, sizeof path, "%s", job->config) < (int)sizeof path ? ZOO_OK :
             zoo_fail(err, ZOO_EUSAGE, "--config: name too long");
    else
        rc = zoo_fs_join(path, sizeof path, job->backbone, "config.json", err);
    if (rc)
        return rc;
    if (!(m->config = zoo_json_read(path, ZOO_CONFIG_MAX, err)))
        return ZOO_EFORMAT;
    if (!json_is_object(m->config))
        return zoo_fail(err, ZOO_EFORMAT, "%s: should be an object, is %s", path, zoo_json_kind(m->config));
    m->former = json_incref(json_object_get(m->config, "id2label"));
    if ((rc = zoo_transformer_config_parse(&m->network, m->config, path, err)) ||
        (rc = read_architecture(m, path, err)) || (job->count && (rc = set_experts(m, err))))
        return rc;
    spread = json_object_get(m->config, "initializer_range");
    m->spread = json_is_number(spread) ? json_number_value(spread) : 0.02;
    if (!(m->spread >= 0 && m->spread <= 10))
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'initializer_range' should be 0 to 10", path);
    return zoo_transformer_config_parse(&m->network, m->config, path, err);
}

/* ---- what is there already ---- */
/* As transformer_open.c finds it. */
static const char *find_prefix(const zoo_weights *weights)
{
    static const char *const prefixes[] = { "deberta.", "bert.", "pretrained_model." };
    char name[64];

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", prefixes[i]);
        if (zoo_weights_find(weights, name))
            return prefixes[i];
    }
    return "";
}

/* The name behind "deberta." or "bert."; of the head, which stands outside of it, the whole. */
static const char *bare_name(const struct making *m, const zoo_parameter *p)
{
    const char *prefix = m->network.family == ZOO_BERT ? "bert." : "deberta.";

    return strncmp(p->name, prefix, strlen(prefix)) ? p->name : p->name + strlen(prefix);
}

static const zoo_tensor *find_source(const struct making *m, const zoo_parameter *p)
{
    char name[ZOO_PARAMETER_NAME_SIZE + 32];
    const char *bare = bare_name(m, p);

    if (!m->weights)
        return NULL;
    snprintf(name, sizeof name, "%s%s", bare == p->name ? "" : m->prefix, bare);
    return zoo_weights_find(m->weights, name);
}

static bool is_classifier(const zoo_parameter *p)
{
    return !strncmp(p->name, "classifier.", strlen("classifier."));
}

/* Which row of the backbone's classifier was that expert's; -1: none. */
static long former_row(const struct making *m, const zoo_tensor *t, const char *expert)
{
    char id[24];

    for (size_t i = 0; t && i < t->shape[0] && i < ZOO_EXPERTS_MAX; i++) {
        const char *name;
        snprintf(id, sizeof id, "%zu", i);
        name = json_string_value(json_object_get(m->former, id));
        if (name && !strcmp(name, expert))
            return (long)i;
    }
    return -1;
}

/* ---- values ---- */
static int put(struct making *m, size_t n, zoo_err *err)
{
    return zoo_weights_writer_add(m->writer, m->values, n, err);
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);

    return n >= k && !strcmp(name + n - k, suffix);
}

/* n values of a tensor from its first on: norms 1, biases 0, weights normal, the row of the padding token 0. */
static int draw(struct making *m, const zoo_parameter *p, zoo_rng *rng, size_t n, zoo_err *err)
{
    bool is_norm = ends_with(p->name, "LayerNorm.weight"), is_zero = p->dims == 1 && !is_norm;
    bool is_words = ends_with(p->name, "word_embeddings.weight");
    size_t pad = is_words ? m->network.pad_id * p->shape[1] : SIZE_MAX;
    int rc = ZOO_OK;

    for (size_t from = 0; from < n && !rc; from += CHUNK) {
        size_t count = n - from < CHUNK ? n - from : CHUNK;
        for (size_t i = 0; i < count; i++)
            m->values[i] = is_norm ? 1 : is_zero ? 0 : (float)(m->spread * zoo_rng_normal(rng));
        for (size_t i = 0; is_words && i < count; i++)
            if (from + i >= pad && from + i - pad < p->shape[1])
                m->values[i] = 0;
        rc = put(m, count, err);
    }
    return rc;
}

/* The same for a name, whatever else is drawn. */
static void begin_drawing(const struct making *m, const char *name, zoo_rng *rng)
{
    zoo_rng_init(rng, zoo_mix64(m->job->seed ^ zoo_hash64(name, strlen(name), 1)));
}

static int copy_span(struct making *m, const zoo_tensor *t, uint64_t first, uint64_t n, zoo_err *err)
{
    int rc = ZOO_OK;

    for (uint64_t from = 0; from < n && !rc; from += CHUNK) {
        size_t count = n - from < CHUNK ? (size_t)(n - from) : CHUNK;
        rc = zoo_weights_read_some(m->weights, t, first + from, count, m->values, err);
        if (!rc)
            rc = put(m, count, err);
    }
    return rc;
}

/* Row by row: an expert that the backbone knew keeps its own,
 * another gets one that depends on its name and the seed alone. */
static int write_classifier(struct making *m, const zoo_parameter *p, const zoo_tensor *t, zoo_err *err)
{
    size_t columns = p->dims == 2 ? p->shape[1] : 1;
    size_t before = m->done->kept;
    int rc = ZOO_OK, fits = t && t->dims == p->dims && (p->dims == 1 || t->shape[1] == columns);

    for (size_t i = 0; i < p->shape[0] && !rc; i++) {
        const char *expert = m->job->experts[i];
        long row = fits ? former_row(m, t, expert) : -1;
        zoo_rng rng;
        begin_drawing(m, expert, &rng);
        rc = row < 0 ? draw(m, p, &rng, columns, err) : copy_span(m, t, (uint64_t)row * columns, columns, err);
        m->done->kept += row >= 0 && p->dims == 2;
    }
    m->done->drawn += p->dims == 2 && m->done->kept - before < p->shape[0];
    return rc;
}

static int write_one(struct making *m, const zoo_parameter *p, zoo_err *err)
{
    const zoo_tensor *t = find_source(m, p);
    zoo_rng rng;
    int rc;

    m->done->parameters += p->count;
    if (is_classifier(p) && m->job->count)
        return write_classifier(m, p, t, err);
    if (t) {
        rc = zoo_tensor_check_shape(t, p->shape, p->dims, zoo_weights_path(m->weights, t), err);
        return rc ? rc : copy_span(m, t, 0, p->count, err);
    }
    if (m->weights && !p->is_head)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the tensor '%s%s' is missing", zoo_weights_file(m->weights, 0),
                        m->prefix, bare_name(m, p));
    begin_drawing(m, p->name, &rng);
    m->done->drawn += p->dims == 2;
    return draw(m, p, &rng, p->count, err);
}

/* ---- the folder ---- */
/* A bare backbone has no classifier; BERT's has a pooler. */
static bool is_written(const struct making *m, const zoo_parameter *p)
{
    return !m->is_bare || !p->is_head || bare_name(m, p) != p->name;
}

/* The name it is written under; points into the parameter. */
static const char *written_name(const struct making *m, const zoo_parameter *p)
{
    return m->is_bare ? bare_name(m, p) : p->name;
}

/* Of the backbone, so that little of it is rounded again. */
static enum zoo_dtype choose_dtype(const struct making *m)
{
    char name[64];
    const zoo_tensor *t;

    if (!m->weights)
        return ZOO_F32;
    snprintf(name, sizeof name, "%sembeddings.LayerNorm.weight", m->prefix);
    t = zoo_weights_find(m->weights, name);
    return t && (t->dtype == ZOO_F16 || t->dtype == ZOO_BF16) ? t->dtype : ZOO_F32;
}

static int make_plan(struct making *m, zoo_err *err)
{
    enum zoo_dtype dtype = choose_dtype(m);
    size_t used = 0;

    m->plan = calloc(m->parameters.count + 1, sizeof *m->plan);
    if (!m->plan)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < m->parameters.count; i++) {
        const zoo_parameter *p = &m->parameters.all[i];
        used += find_source(m, p) != NULL;
        if (is_written(m, p))
            m->plan[m->planned++] = (zoo_planned){ written_name(m, p), dtype, p->dims, { p->shape[0], p->shape[1] } };
    }
    m->done->left_out = m->weights ? zoo_weights_count(m->weights) - used : 0;
    m->done->tensors = m->planned;
    zoo_folder_set_dtype(m->config, dtype == ZOO_F16 ? "float16" : dtype == ZOO_BF16 ? "bfloat16" : "float32");
    return ZOO_OK;
}

static int write_planned(struct making *m, const zoo_planned *planned, zoo_err *err)
{
    for (size_t i = 0; i < m->parameters.count; i++)
        if (written_name(m, &m->parameters.all[i]) == planned->name)
            return write_one(m, &m->parameters.all[i], err);
    return zoo_fail(err, ZOO_EUSAGE, "%s: no such parameter", planned->name);
}

static int write_weights(struct making *m, zoo_err *err)
{
    int rc = zoo_weights_writer_new(&m->writer, m->beside, m->plan, m->planned, ZOO_ONE_FILE, err);

    for (size_t i = 0; i < m->planned && !rc; i++) {
        rc = write_planned(m, &m->plan[i], err);
        zoo_progress_set(m->job->progress, m->done->parameters * zoo_dtype_bytes(m->plan[i].dtype));
    }
    return rc ? rc : zoo_weights_writer_end(m->writer, err);
}

static int write_folder(struct making *m, zoo_err *err)
{
    const char *beside = m->job->backbone ? m->job->backbone : m->job->tokenizer;
    int rc = zoo_fs_folder_begin(m->beside, sizeof m->beside, m->job->out, m->job->replaces, err);

    if (rc)
        return rc;
    if ((beside && (rc = zoo_folder_copy_tokenizer(beside, m->beside, err))) ||
        (rc = zoo_folder_write_config(m->beside, m->config, err)) || (rc = write_weights(m, err)) ||
        (m->weights && (rc = zoo_weights_check_unchanged(m->weights, err)))) {
        zoo_fs_folder_abandon(m->beside);
        return rc;
    }
    return zoo_fs_folder_commit(m->beside, m->job->out, err);
}

static int make(struct making *m, zoo_err *err)
{
    int rc;

    if ((rc = check_experts(m->job, err)) || (rc = read_config(m, err)))
        return rc;
    if (m->job->backbone) {
        if ((rc = zoo_weights_open(&m->weights, m->job->backbone, err)))
            return rc;
        m->prefix = find_prefix(m->weights);
    }
    if ((rc = zoo_parameters_init(&m->parameters, &m->network, err)) || (rc = make_plan(m, err)))
        return rc;
    return write_folder(m, err);
}

int zoo_fresh_make(const zoo_fresh *job, zoo_fresh_done *done, zoo_err *err)
{
    struct making *m = calloc(1, sizeof *m);
    int rc;

    *done = (zoo_fresh_done){ 0 };
    if (!m)
        return zoo_fail_nomem(err);
    m->job = job;
    m->done = done;
    rc = make(m, err);
    zoo_weights_writer_free(m->writer);
    zoo_weights_close(m->weights);
    zoo_parameters_release(&m->parameters);
    json_decref(m->config);
    json_decref(m->former);
    free(m->plan);
    free(m);
    return rc;
}
