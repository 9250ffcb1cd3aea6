/* model_facts.c - what a checkpoint folder holds, read from config.json and the headers of the weight files alone;
 * see model_facts.h. */
#include "cli/model_facts.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fs.h"
#include "compute/product.h"
#include "model/checkpoint.h"
#include "model/folder.h"
#include "model/transformer_config.h"

/* as transformer_open.c: larger tables of embeddings stay in the file */
static const size_t table_max = (size_t)64 << 20;

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

static void set_count(json_t *facts, const char *key, uint64_t n)
{
    json_object_set_new(facts, key, json_integer((json_int_t)n));
}

/* ---- weights ---- */
static int is_scale(const zoo_weights *weights, const zoo_tensor *t)
{
    char name[ZOO_TENSOR_NAME_MAX + 1];
    const zoo_tensor *of;

    if (!ends_with(t->name, "_scale"))
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(t->name) - strlen("_scale")), t->name);
    of = zoo_weights_find(weights, name);
    return of && of->scale == t;
}

/* How many tensors of each type, and how many numbers the network learned. */
static void count_tensors(json_t *facts, const zoo_weights *weights)
{
    json_t *types = json_object();
    uint64_t all = 0, words = 0;

    for (size_t i = 0; i < zoo_weights_count(weights); i++) {
        const zoo_tensor *t = zoo_weights_at(weights, i);
        uint64_t n = zoo_tensor_elements(t);
        set_count(types, t->dtype_name, (uint64_t)json_integer_value(json_object_get(types, t->dtype_name)) + 1);
        if (t->dtype == ZOO_OTHER_DTYPE || is_scale(weights, t))
            continue;
        all += n;
        words += ends_with(t->name, "embeddings.word_embeddings.weight") || !strcmp(t->name, "embedding.weight") ? n :
                 0;
    }
    set_count(facts, "parameters", all);
    set_count(facts, "backbone_parameters", all - words);
    set_count(facts, "tensors", zoo_weights_count(weights));
    json_object_set_new(facts, "dtypes", types);
}

static void list_files(json_t *facts, const zoo_weights *weights)
{
    json_t *files = json_array();

    for (size_t i = 0; i < zoo_weights_file_count(weights); i++) {
        const char *path = zoo_weights_file(weights, i), *slash = strrchr(path, '/');
        struct stat st;
        json_array_append_new(files, json_pack("{s:s, s:I}", "name", slash ? slash + 1 : path, "bytes",
                                               stat(path, &st) ? (json_int_t)0 : (json_int_t)st.st_size));
    }
    json_object_set_new(facts, "files", files);
}

static void list_tokenizer(json_t *facts, const char *dir)
{
    static const char *const names[] = { "tokenizer.json", "spm.model", "vocab.txt", "added_tokens.json",
                                         "special_tokens_map.json",
                                         "tokenizer_config.json" };
    json_t *found = json_array();
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!zoo_fs_join(path, sizeof path, dir, names[i], NULL) && zoo_fs_exists(path))
            json_array_append_new(found, json_string(names[i]));
    json_object_set_new(facts, "tokenizer", found);
}

/* ---- the network ---- */
static void set_labels(json_t *facts, const json_t *config, size_t n)
{
    const json_t *names = json_object_get(config, "id2label");
    json_t *labels = json_array();
    char id[24];

    for (size_t i = 0; i < n; i++) {
        snprintf(id, sizeof id, "%zu", i);
        const json_t *name = json_object_get(names, id);
        json_array_append_new(labels, name ? json_string(json_string_value(name)) : json_sprintf("LABEL_%zu", i));
    }
    json_object_set_new(facts, "labels", labels);
}

static const char *kind_of(const zoo_transformer_config *c, const zoo_weights *weights)
{
    int has_classifier = c->head == ZOO_HEAD_CLASSIFIER ||
                         (!c->names_architecture && zoo_weights_find(weights, "classifier.weight"));

    if (c->head == ZOO_HEAD_PAIR)
        return "comparer";
    return !has_classifier ? "backbone" : c->labels == 1 ? "scalar reward" : "classifier";
}

/* Of the open model, without workspaces and without the tables that stay in the file. */
static uint64_t memory_in(const zoo_transformer_config *c, enum zoo_precision precision)
{
    uint64_t H = c->hidden_size, bytes = precision == ZOO_PRECISION_F32 ? 4 : precision == ZOO_PRECISION_BF16 ? 2 : 1;
    uint64_t products = (4 * H * H + 2 * H * c->intermediate_size) * c->layers,
                        words = (uint64_t)c->vocab_size * c->embedding_size * 4;
    uint64_t positions = c->has_relative ? c->layers * 2 * 2 * zoo_transformer_span(c) * H *
                         (precision == ZOO_PRECISION_F32 ? 4 : 2) : 0;

    return products * bytes + positions + (words <= table_max ? words : 0) + (H * H + (uint64_t)c->labels * H) * 4;
}

static void set_memory(json_t *facts, const zoo_transformer_config *c)
{
    static const enum zoo_precision each[] = { ZOO_PRECISION_F32, ZOO_PRECISION_BF16, ZOO_PRECISION_INT8 };
    json_t *memory = json_object();

    for (size_t i = 0; i < 3; i++)
        set_count(memory, zoo_precision_name(each[i]), memory_in(c, each[i]));
    json_object_set_new(facts, "memory", memory);
    json_object_set_new(facts, "auto", json_string(zoo_precision_name(zoo_precision_auto())));
}

static int add_transformer(json_t *facts, const json_t *config, const zoo_weights *weights, const char *path,
                           zoo_err *err)
{
    zoo_transformer_config c;
    const char *kind;
    int rc = zoo_transformer_config_parse(&c, config, path, err);

    if (rc)
        return rc;
    kind = kind_of(&c, weights);
    json_object_set_new(facts, "kind", json_string(kind));
    set_count(facts, "layers", c.layers);
    set_count(facts, "hidden_size", c.hidden_size);
    set_count(facts, "heads", c.heads);
    set_count(facts, "intermediate_size", c.intermediate_size);
    set_count(facts, "vocab_size", c.vocab_size);
    set_count(facts, "max_tokens", c.max_tokens);
    set_labels(facts, config, strcmp(kind, "classifier") && strcmp(kind, "scalar reward") ? 0 : c.labels);
    set_memory(facts, &c);
    return ZOO_OK;
}

static int add_ngram(json_t *facts, const json_t *config)
{
    const json_t *encoder = json_object_get(json_object_get(config, "zooter"), "encoder");

    json_object_set_new(facts, "kind", json_string("n-gram router"));
    json_object_set(facts, "encoder", encoder ? (json_t *)encoder : json_null());
    set_labels(facts, config, json_object_size(json_object_get(config, "id2label")));
    return ZOO_OK;
}

json_t *zoo_model_facts(const char *dir, const zoo_weights *weights, zoo_err *err)
{
    char path[PATH_MAX];
    json_t *config = zoo_folder_config(dir, err), *facts = json_object(), *zooter = json_object_get(config, "zooter");
    const char *type = json_string_value(json_object_get(config, "model_type"));
    const json_t *architecture = json_array_get(json_object_get(config, "architectures"), 0);
    int rc = config ? zoo_fs_join(path, sizeof path, dir, "config.json", err) : ZOO_EFORMAT;

    if (!rc) {
        json_object_set_new(facts, "model_type", json_string(type ? type : ""));
        json_object_set(facts, "architecture", architecture ? (json_t *)architecture : json_null());
        rc = type && !strcmp(type, "zooter-ngram") ? add_ngram(facts, config) :
             add_transformer(facts, config, weights, path, err);
    }
    if (!rc) {
        count_tensors(facts, weights);
        list_files(facts, weights);
        list_tokenizer(facts, dir);
        json_object_set(facts, "zooter", zooter ? zooter : json_null());
    } else {
        json_decref(facts);
        facts = NULL;
    }
    json_decref(config);
    return facts;
}
