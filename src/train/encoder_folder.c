/* encoder_folder.c - the checkpoint folders of encoder training: the one it begins with (a backbone, a router, any
 * classifier of model_type deberta-v2 or bert) and the one it ends with, a router that `transformers` loads; see
 * encoder_folder.h. */
#include "train/encoder_folder.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "model/folder.h"
#include "model/weights_writer.h"

/* ---- what training begins with ---- */

static int read_config(zoo_encoder_source *s, size_t k, zoo_err *err)
{
    zoo_transformer_config config;
    char path[PATH_MAX];
    double range;
    int rc;

    if (!(s->config = zoo_folder_config(s->dir, err)))
        return err ? err->code : ZOO_EFORMAT;
    if ((rc = zoo_fs_join(path, sizeof path, s->dir, "config.json", err)) ||
        (rc = zoo_transformer_config_parse(&config, s->config, path, err)))
        return rc;
    if (config.head == ZOO_HEAD_PAIR)
        return zoo_fail(err, ZOO_EFORMAT, "%s: compares two answers to a query; begin with an encoder for single texts",
                        path);
    range = json_number_value(json_object_get(s->config, "initializer_range"));
    s->spread = range > 0 && range < 1 ? range : 0.02;
    config.head = ZOO_HEAD_CLASSIFIER;
    config.labels = k;
    return zoo_network_init(&s->network, &config, err);
}

static int open_tokenizer(zoo_encoder_source *s, zoo_err *err)
{
    size_t vocab = s->network.config.vocab_size, size;
    int rc;

    if (!zoo_tokenizer_exists(s->dir))
        return zoo_fail(err, ZOO_EFORMAT, "%s: there is no tokenizer.json, spm.model or vocab.txt beside config.json",
                        s->dir);
    if ((rc = zoo_tokenizer_open(&s->tokenizer, s->dir, err)))
        return rc;
    size = zoo_tokenizer_size(s->tokenizer);
    if (size > vocab)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: the tokenizer gives ids up to %zu, the embedding has %zu rows: they are of different "
                        "vocabularies", s->dir, size - 1, vocab);
    return ZOO_OK;
}

int zoo_encoder_source_open(zoo_encoder_source *s, const char *dir, size_t k, zoo_err *err)
{
    int rc;

    *s = (zoo_encoder_source){ .dir = dir };
    rc = read_config(s, k, err);
    return rc ? rc : open_tokenizer(s, err);
}

void zoo_encoder_source_release(zoo_encoder_source *s)
{
    json_decref(s->config);
    zoo_tokenizer_close(s->tokenizer);
    zoo_network_release(&s->network);
    *s = (zoo_encoder_source){ 0 };
}

/* The label of the folder's own head with this name; -1: there is none. */
static long find_label(const zoo_encoder_source *s, const char *name)
{
    const json_t *labels = json_object_get(s->config, "id2label"), *label;
    const char *id;
    void *at;

    for (at = json_object_iter((json_t *)labels); at; at = json_object_iter_next((json_t *)labels, at)) {
        id = json_object_iter_key(at);
        label = json_object_iter_value(at);
        if (json_is_string(label) && !strcmp(json_string_value(label), name))
            return strtol(id, NULL, 10);
    }
    return -1;
}

static int is_matrix_of(const zoo_tensor *t, size_t columns)
{
    return t && t->dims == (columns ? 2 : 1) && (!columns || t->shape[1] == columns);
}

/* Rows of the folder's own classifier for experts that it knows. */
static int keep_experts(zoo_encoder_source *s, const zoo_weights *weights, const char *const *experts, float *params,
                        zoo_err *err)
{
    const zoo_parameters *p = &s->network.parameters;
    const zoo_tensor *w = zoo_weights_find(weights, "classifier.weight"),
                          *b = zoo_weights_find(weights, "classifier.bias");
    size_t S = s->network.config.pooler_size;
    int rc = ZOO_OK;

    if (!is_matrix_of(w, S) || !is_matrix_of(b, 0) || b->shape[0] != w->shape[0] || s->has_new_pooler)
        return ZOO_OK;
    for (size_t j = 0; j < s->network.config.labels && !rc; j++) {
        long label = find_label(s, experts[j]);
        if (label < 0 || (size_t)label >= w->shape[0])
            continue;
        rc = zoo_weights_read_row(weights, w, (size_t)label, params + p->parts[ZOO_PART_CLASSIFIER_W] + j*S, err);
        if (!rc)
            rc = zoo_weights_read_some(weights, b, (uint64_t)label, 1, params + p->parts[ZOO_PART_CLASSIFIER_B] + j,
                                       err);
        s->kept_experts++;
    }
    return rc;
}

int zoo_encoder_source_read(zoo_encoder_source *s, const char *const *experts, const double *prior, uint64_t seed,
                            float *params, zoo_err *err)
{
    float *bias = params + s->network.parameters.parts[ZOO_PART_CLASSIFIER_B];
    zoo_weights *weights;
    int rc = zoo_weights_open(&weights, s->dir, err);

    if (rc)
        return rc;
    s->kept_experts = 0;
    rc = zoo_parameters_read(&s->network.parameters, weights, s->spread, seed, params, &s->has_new_pooler, err);
    if (!rc)
        rc = keep_experts(s, weights, experts, params, err);
    for (size_t j = 0; !rc && !s->kept_experts && j < s->network.config.labels; j++)
        bias[j] = (float)log(fmax(prior[j], 1e-6));
    if (!rc)
        rc = zoo_weights_check_unchanged(weights, err);
    zoo_weights_close(weights);
    return rc;
}

int zoo_encoder_folder_read(const zoo_encoder_source *s, const char *dir, float *params, zoo_err *err)
{
    zoo_weights *weights;
    int rc = zoo_weights_open(&weights, dir, err);

    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < s->network.parameters.count; i++) {
        const zoo_parameter *p = &s->network.parameters.all[i];
        rc = zoo_weights_read(weights, p->name, p->shape, p->dims, params + p->offset, err);
    }
    zoo_weights_close(weights);
    return rc;
}

/* ---- what training ends with ---- */

static void set_labels(json_t *config, const zoo_router_facts *facts)
{
    json_t *names = json_object(), *ids = json_object();
    char id[24];

    for (size_t i = 0; i < facts->k; i++) {
        snprintf(id, sizeof id, "%zu", i);
        json_object_set_new(names, id, json_string(facts->experts[i]));
        json_object_set_new(ids, facts->experts[i], json_integer((json_int_t)i));
    }
    json_object_set_new(config, "id2label", names);
    json_object_set_new(config, "label2id", ids);
}

static json_t *zooter_json(const zoo_encoder_folder *f)
{
    json_t *means = json_object();

    for (size_t i = 0; i < f->facts.k; i++)
        json_object_set_new(means, f->facts.experts[i], json_real(f->facts.mean_rewards[i]));
    json_t *out = json_pack("{s:i, s:I, s:f, s:o}", "format", ZOO_CHECKPOINT_FORMAT, "max_tokens",
                            (json_int_t)f->max_tokens, "temperature", f->facts.temperature, "mean_rewards", means);
    if (out && f->training)
        json_object_set(out, "training", f->training);
    return out;
}

/* The folder's own config with our head; what speaks of another head goes. */
static json_t *make_config(const zoo_encoder_folder *f)
{
    static const char *const gone[] = { "num_labels", "problem_type", "quantization_config", "auto_map",
                                        "_name_or_path" };
    json_t *config = json_deep_copy(f->source->config), *zooter = zooter_json(f);

    if (!config || !zooter) {
        json_decref(config);
        json_decref(zooter);
        return NULL;
    }
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        json_object_del(config, gone[i]);
    json_object_set_new(config, "architectures", json_pack("[s]", f->source->network.config.family == ZOO_BERT
                                                           ? "BertForSequenceClassification" :
                                                           "DebertaV2ForSequenceClassification"));
    set_labels(config, &f->facts);
    zoo_folder_set_dtype(config, "float32");
    json_object_set_new(config, "zooter", zooter);
    return config;
}

static int write_config(const zoo_encoder_folder *f, const char *dir, zoo_err *err)
{
    json_t *config = make_config(f);
    zoo_checkpoint again = { 0 };
    zoo_buf text = ZOO_BUF_INIT(ZOO_CONFIG_MAX);
    int rc;

    if (!config || zoo_json_dump_lines(&text, config))
        rc = zoo_fail_nomem(err);
    else
        rc = zoo_checkpoint_parse(&again, text.data, text.size, "config.json", err);
    if (!rc)
        rc = zoo_folder_write_config(dir, config, err);
    zoo_checkpoint_release(&again);
    zoo_buf_release(&text);
    json_decref(config);
    return rc;
}

static const zoo_parameter *find_parameter(const zoo_parameters *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (!strcmp(p->all[i].name, name))
            return &p->all[i];
    return NULL;
}

/* A tensor a few rows at a time, so that memory does not grow with it. */
static int write_tensor(const zoo_encoder_folder *f, zoo_weights_writer *writer, const zoo_parameter *p, zoo_err *err)
{
    size_t row = p->dims == 1 ? p->count : p->shape[1], step = row > 65536 ? row : 65536 / row * row;
    float *some = malloc(step * sizeof *some);
    int rc = some ? ZOO_OK : zoo_fail_nomem(err);

    for (size_t at = 0; !rc && at < p->count; at += step) {
        size_t count = p->count - at < step ? p->count - at : step;
        f->read(f->context, p->offset + at, count, some);
        rc = zoo_weights_writer_add(writer, some, count, err);
    }
    free(some);
    return rc;
}

static int write_weights(const zoo_encoder_folder *f, const char *dir, zoo_err *err)
{
    const zoo_parameters *p = &f->source->network.parameters;
    zoo_planned *plan = calloc(p->count, sizeof *plan);
    zoo_weights_writer *writer = NULL;
    int rc;

    if (!plan)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < p->count; i++)
        plan[i] = (zoo_planned){ p->all[i].name, ZOO_F32, p->all[i].dims, { p->all[i].shape[0], p->all[i].shape[1] } };
    rc = zoo_weights_writer_new(&writer, dir, plan, p->count, ZOO_ONE_FILE, err);
    for (size_t i = 0; !rc && i < p->count; i++)
        rc = write_tensor(f, writer, find_parameter(p, plan[i].name), err);
    if (!rc)
        rc = zoo_weights_writer_end(writer, err);
    zoo_weights_writer_free(writer);
    free(plan);
    return rc;
}

int zoo_encoder_folder_write(const zoo_encoder_folder *f, const char *dir, int force, zoo_err *err)
{
    char beside[PATH_MAX];
    int rc = zoo_fs_folder_begin(beside, sizeof beside, dir, force, err);

    if (rc)
        return rc;
    if ((rc = zoo_folder_copy_tokenizer(f->source->dir, beside, err)) || (rc = write_config(f, beside, err)) ||
        (rc = write_weights(f, beside, err))) {
        zoo_fs_folder_abandon(beside);
        return rc;
    }
    return zoo_fs_folder_commit(beside, dir, err);
}
