/* transformer_config.c - config.json of a network, key by key. Defaults are those of transformers' DebertaV2Config and
 * BertConfig; where both know a key under one name and default differently, the table of the family says so.
 * Refuses to guess: a value that asks for something else than transformer.c computes is an error that names the key. */
#include "model/transformer_config.h"
#include <math.h>
#include <string.h>
#include "compute/attention.h"

enum { HIDDEN_MAX = 16384, INTERMEDIATE_MAX = 131072, LAYERS_MAX = 512, HEADS_MAX = 1024, VOCAB_MAX = 1 << 24,
       POSITIONS_MAX = 1 << 20, COMPARISON_TOKENS = 2048, BUCKETS_MAX = 65536, TYPES_MAX = 256, LABELS_MAX = 65536 };

/* What is being read: keys are looked up in it, sentences begin with its place. */
struct source { const json_t *config; const char *place; zoo_err *err; };

struct defaults {
    size_t vocab_size, hidden_size, layers, heads, intermediate_size, types;
    double eps;
};

static const struct defaults family_defaults[] = {
    [ZOO_DEBERTA_V2] = { 128100, 1536, 24, 24, 6144, 0, 1e-7 },
    [ZOO_BERT] = { 30522, 768, 12, 12, 3072, 2, 1e-12 },
};

/* ---- values; null counts as missing, as in transformers ---- */
static const json_t *find(const struct source *in, const char *key)
{
    const json_t *value = json_object_get(in->config, key);

    return json_is_null(value) ? NULL : value;
}

static int read_size(const struct source *in, const char *key, size_t missing, size_t least, size_t most, size_t *out)
{
    const json_t *value = find(in, key);
    json_int_t n = json_integer_value(value);

    *out = missing;
    if (!value)
        return ZOO_OK;
    if (!json_is_integer(value) || n < (json_int_t)least || n > (json_int_t)most)
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: '%s' should be a whole number from %zu to %zu", in->place, key,
                        least, most);
    *out = (size_t)n;
    return ZOO_OK;
}

/* -1, as these keys say "none", becomes 0. */
static int read_optional_size(const struct source *in, const char *key, size_t most, size_t *out)
{
    const json_t *value = find(in, key);

    *out = 0;
    if (json_is_integer(value) && json_integer_value(value) == -1)
        return ZOO_OK;
    return read_size(in, key, 0, 0, most, out);
}

static int read_real(const struct source *in, const char *key, double missing, double least, double most, double *out)
{
    const json_t *value = find(in, key);

    *out = value ? json_number_value(value) : missing;
    if (value && (!json_is_number(value) || !(*out >= least && *out <= most)))
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: '%s' should be a number from %g to %g", in->place, key, least, most);
    return ZOO_OK;
}

static int read_bool(const struct source *in, const char *key, bool missing, bool *out)
{
    const json_t *value = find(in, key);

    *out = value ? json_is_true(value) : missing;
    if (value && !json_is_boolean(value))
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: '%s' should be true or false, is %s", in->place, key,
                        zoo_json_kind(value));
    return ZOO_OK;
}

/* *out: `missing` where the key is not there. */
static int read_word(const struct source *in, const char *key, const char *missing, const char **out)
{
    const json_t *value = find(in, key);

    *out = value ? json_string_value(value) : missing;
    if (value && (!*out || strlen(*out) != json_string_length(value)))
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: '%s' should be a string, is %s", in->place, key,
                        zoo_json_kind(value));
    return ZOO_OK;
}

static int read_activation(const struct source *in, const char *key, enum zoo_activation *out)
{
    static const struct { const char *name; enum zoo_activation activation; } known[] = {
        { "gelu", ZOO_GELU }, { "gelu_python", ZOO_GELU }, { "gelu_new", ZOO_GELU_TANH },
            { "gelu_pytorch_tanh", ZOO_GELU_TANH },
        { "gelu_fast", ZOO_GELU_TANH }, { "relu", ZOO_RELU }, { "tanh", ZOO_TANH }, { "silu", ZOO_SILU },
            { "swish", ZOO_SILU },
        { "linear", ZOO_IDENTITY },
    };
    const char *word;
    int rc = read_word(in, key, "gelu", &word);

    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(word, known[i].name)) {
            *out = known[i].activation;
            return ZOO_OK;
        }
    return zoo_fail(in->err, ZOO_EFORMAT,
                    "%s: '%s' is '%.40s', which is not supported; supported: gelu, gelu_new, relu, tanh, silu, linear",
                    in->place, key, word);
}

/* ---- what is refused ---- */
static int refuse(const struct source *in, const char *key, const char *why)
{
    return zoo_fail(in->err, ZOO_EFORMAT, "%s: '%s' %s", in->place, key, why);
}

static int refuse_true(const struct source *in, const char *key)
{
    bool value;
    int rc = read_bool(in, key, false, &value);

    return rc ? rc : value ? refuse(in, key, "is true; only plain encoders are supported") : ZOO_OK;
}

static int refuse_other_than(const struct source *in, const char *key, size_t only, const char *why)
{
    const json_t *value = find(in, key);

    return !value || (json_is_integer(value) && json_integer_value(value) == (json_int_t)only) ? ZOO_OK :
           refuse(in, key, why);
}

/* Compressed-tensors' int8 is the business of whoever reads the weights; other schemes change what is computed. */
static int check_quantization(const struct source *in)
{
    const json_t *scheme = find(in, "quantization_config");
    const char *method = json_string_value(json_object_get(scheme, "quant_method"));

    if (!scheme || (method && !strcmp(method, "compressed-tensors")))
        return ZOO_OK;
    return zoo_fail(in->err, ZOO_EFORMAT,
                    "%s: 'quantization_config' has the quant_method '%.40s', which is not supported; supported: "
                    "compressed-tensors", in->place, method ? method : "");
}

static int check_common(const struct source *in)
{
    const json_t *pruned = find(in, "pruned_heads");
    int rc;

    if (json_object_size(pruned))
        return refuse(in, "pruned_heads", "is not empty; checkpoints with heads cut out are not supported");
    if ((rc = refuse_true(in, "is_decoder")) || (rc = refuse_true(in, "is_encoder_decoder")) ||
        (rc = refuse_true(in, "add_cross_attention")))
        return rc;
    return check_quantization(in);
}

/* ---- both families ---- */
static int read_shape(zoo_transformer_config *c, const struct source *in)
{
    const struct defaults *d = &family_defaults[c->family];
    double eps;
    size_t pad;
    int rc;

    if ((rc = read_size(in, "vocab_size", d->vocab_size, 1, VOCAB_MAX, &c->vocab_size)) ||
        (rc = read_size(in, "hidden_size", d->hidden_size, 1, HIDDEN_MAX, &c->hidden_size)) ||
        (rc = read_size(in, "num_hidden_layers", d->layers, 1, LAYERS_MAX, &c->layers)) ||
        (rc = read_size(in, "num_attention_heads", d->heads, 1, HEADS_MAX, &c->heads)) ||
        (rc = read_size(in, "intermediate_size", d->intermediate_size, 1, INTERMEDIATE_MAX, &c->intermediate_size)) ||
        (rc = read_size(in, "max_position_embeddings", 512, 1, POSITIONS_MAX, &c->max_positions)) ||
        (rc = read_size(in, "type_vocab_size", d->types, 0, TYPES_MAX, &c->types)) ||
        (rc = read_size(in, "pad_token_id", 0, 0, VOCAB_MAX, &pad)) ||
        (rc = read_real(in, "layer_norm_eps", d->eps, 0, 1, &eps)) ||
        (rc = read_real(in, "hidden_dropout_prob", 0.1, 0, 1, &c->hidden_dropout)) ||
        (rc = read_real(in, "attention_probs_dropout_prob", 0.1, 0, 1, &c->attention_dropout)) ||
        (rc = read_activation(in, "hidden_act", &c->hidden_act)))
        return rc;
    c->eps = (float)eps;
    c->pad_id = (uint32_t)pad;
    if (c->hidden_size % c->heads)
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: 'num_attention_heads' %zu does not divide 'hidden_size' %zu",
                        in->place, c->heads, c->hidden_size);
    return refuse_other_than(in, "attention_head_size", c->hidden_size / c->heads,
                             "is not hidden_size / num_attention_heads, which is not supported");
}

static int read_labels(zoo_transformer_config *c, const struct source *in)
{
    const json_t *names = find(in, "id2label");
    size_t count = json_object_size(names);
    int rc = read_size(in, "num_labels", names ? count : 2, 1, LABELS_MAX, &c->labels);

    if (rc || !names)
        return rc;
    if (!json_is_object(names) || count < 1 || count > LABELS_MAX)
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: 'id2label' should be an object of 1 to %d names", in->place,
                        LABELS_MAX);
    if (c->labels != count)
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: 'num_labels' is %zu, 'id2label' has %zu names", in->place, c->labels,
                        count);
    return ZOO_OK;
}

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

static int read_token(const struct source *in, const char *key, size_t vocab, uint32_t *out)
{
    size_t id;
    int rc = find(in, key) ? read_size(in, key, 0, 0, vocab - 1, &id) :
             refuse(in, key, "is missing, and PairRM needs it");

    if (!rc)
        *out = (uint32_t)id;
    return rc;
}

static int read_comparer(zoo_transformer_config *c, const struct source *in)
{
    int rc;

    c->head = ZOO_HEAD_PAIR;
    if ((rc = read_size(in, "n_tasks", 1, 1, LABELS_MAX, &c->labels)) ||
        (rc = read_token(in, "sep_token_id", c->vocab_size, &c->sep_id)) ||
        (rc = read_token(in, "source_prefix_id", c->vocab_size, &c->source_id)) ||
        (rc = read_token(in, "cand1_prefix_id", c->vocab_size, &c->candidate1_id)))
        return rc;
    return read_token(in, "cand2_prefix_id", c->vocab_size, &c->candidate2_id);
}

static int read_head(zoo_transformer_config *c, const struct source *in)
{
    const json_t *names = find(in, "architectures");
    const char *name = json_string_value(json_array_get(names, 0));

    if (names && !json_is_array(names))
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: 'architectures' should be an array, is %s", in->place,
                        zoo_json_kind(names));
    c->names_architecture = name != NULL;
    if (name && ends_with(name, "PairRM"))
        return read_comparer(c, in);
    if (name && ends_with(name, "ForSequenceClassification"))
        c->head = ZOO_HEAD_CLASSIFIER;
    return read_labels(c, in);
}

static int read_max_tokens(zoo_transformer_config *c, const struct source *in)
{
    const json_t *zooter = find(in, "zooter");
    struct source ours = { zooter, in->place, in->err };
    size_t most = c->has_positions ? c->max_positions : ZOO_SEQUENCE_MAX;
    size_t usual = c->head == ZOO_HEAD_PAIR ? COMPARISON_TOKENS : c->max_positions,
                   missing = usual < most ? usual : most;

    if (zooter && !json_is_object(zooter))
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: 'zooter' should be an object, is %s", in->place,
                        zoo_json_kind(zooter));
    return read_size(&ours, "max_tokens", missing, 4, most, &c->max_tokens);
}

/* ---- DeBERTa ---- */
static int add_term(zoo_transformer_config *c, const struct source *in, const char *word, size_t size)
{
    if (size == 3 && !memcmp(word, "c2p", 3))
        c->has_c2p = true;
    else if (size == 3 && !memcmp(word, "p2c", 3))
        c->has_p2c = true;
    else
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: 'pos_att_type' has '%.*s'; supported: c2p, p2c", in->place,
                        (int)(size < 40 ? size : 40), word);
    return ZOO_OK;
}

/* "p2c|c2p", or a list of such words. */
static int read_terms(zoo_transformer_config *c, const struct source *in)
{
    const json_t *value = find(in, "pos_att_type"), *word;
    const char *at = json_string_value(value);
    size_t i;
    int rc = ZOO_OK;

    if (value && !at && !json_is_array(value))
        return zoo_fail(in->err, ZOO_EFORMAT, "%s: 'pos_att_type' should be a string or an array, is %s", in->place,
                        zoo_json_kind(value));
    json_array_foreach(value, i, word) {
        const char *text = json_string_value(word);
        rc = text ? add_term(c, in, text, strlen(text)) : refuse(in, "pos_att_type", "should be an array of strings");
        if (rc)
            return rc;
    }
    while (at && *at && !rc) {
        size_t size = strcspn(at, "|");
        rc = add_term(c, in, at, size);
        at += size + (at[size] == '|');
    }
    return rc;
}

static int read_norm(zoo_transformer_config *c, const struct source *in)
{
    const char *word;
    int rc = read_word(in, "norm_rel_ebd", "none", &word);

    if (rc)
        return rc;
    c->norms_positions = !strcmp(word, "layer_norm");
    if (!c->norms_positions && strcmp(word, "none"))
        return zoo_fail(in->err, ZOO_EFORMAT,
                        "%s: 'norm_rel_ebd' is '%.40s', which is not supported; supported: none, layer_norm", in->place,
                        word);
    return ZOO_OK;
}

static int read_relative(zoo_transformer_config *c, const struct source *in)
{
    int rc;

    if ((rc = read_bool(in, "relative_attention", false, &c->has_relative)) ||
        (rc = read_bool(in, "share_att_key", false, &c->shares_keys)) || (rc = read_terms(c, in)) ||
        (rc = read_norm(c, in)) || (rc = read_optional_size(in, "position_buckets", BUCKETS_MAX, &c->buckets)) ||
        (rc = read_optional_size(in, "max_relative_positions", POSITIONS_MAX, &c->max_relative)))
        return rc;
    if (!c->max_relative)
        c->max_relative = c->max_positions;
    if (c->has_relative && c->buckets == 1)
        return refuse(in, "position_buckets", "is 1; at least 2 are needed");
    if (c->has_relative && zoo_transformer_span(c) > BUCKETS_MAX)
        return zoo_fail(in->err, ZOO_EFORMAT,
                        "%s: 'max_relative_positions' gives %zu rows of positions each side, at most %d can be "
                        "computed", in->place, zoo_transformer_span(c), BUCKETS_MAX);
    if (c->has_relative && c->buckets && !(c->max_relative - 1 > c->buckets / 2))
        return refuse(in, "position_buckets",
                      "is too large for max_relative_positions: half of it should be less than that less 1");
    return ZOO_OK;
}

static int read_deberta(zoo_transformer_config *c, const struct source *in)
{
    int rc;

    if ((rc = read_relative(c, in)) || (rc = read_bool(in, "position_biased_input", true, &c->has_positions)) ||
        (rc = read_size(in, "embedding_size", c->hidden_size, 1, HIDDEN_MAX, &c->embedding_size)) ||
        (rc = read_size(in, "pooler_hidden_size", c->hidden_size, 1, HIDDEN_MAX, &c->pooler_size)) ||
        (rc = read_activation(in, "pooler_hidden_act", &c->pooler_act)) ||
        (rc = read_real(in, "pooler_dropout", 0, 0, 1, &c->pooler_dropout)) ||
        (rc = read_real(in, "cls_dropout", c->hidden_dropout, 0, 1, &c->classifier_dropout)) ||
        (rc = refuse_other_than(in, "conv_kernel_size", 0,
                                "is not 0; the convolution layer of DeBERTa-v2-xlarge is not supported")))
        return rc;
    return c->pooler_size == c->hidden_size
               ? ZOO_OK : refuse(in, "pooler_hidden_size", "is not hidden_size, which is not supported");
}

/* ---- BERT ---- */
static int read_bert(zoo_transformer_config *c, const struct source *in)
{
    const char *positions;
    int rc;

    if ((rc = read_word(in, "position_embedding_type", "absolute", &positions)) ||
        (rc = read_real(in, "classifier_dropout", c->hidden_dropout, 0, 1, &c->classifier_dropout)))
        return rc;
    if (strcmp(positions, "absolute"))
        return zoo_fail(in->err, ZOO_EFORMAT,
                        "%s: 'position_embedding_type' is '%.40s', which is not supported; supported: absolute",
                        in->place, positions);
    c->has_positions = true;
    c->embedding_size = c->pooler_size = c->hidden_size;
    c->pooler_act = ZOO_TANH;
    return ZOO_OK;
}

int zoo_transformer_config_parse(zoo_transformer_config *c, const json_t *config, const char *place, zoo_err *err)
{
    struct source in = { config, place, err };
    const char *type;
    int rc;

    memset(c, 0, sizeof *c);
    if (!json_is_object(config))
        return zoo_fail(err, ZOO_EFORMAT, "%s: should be an object, is %s", place, zoo_json_kind(config));
    if ((rc = read_word(&in, "model_type", "", &type)))
        return rc;
    if (strcmp(type, "deberta-v2") && strcmp(type, "bert"))
        return zoo_fail(err, ZOO_EFORMAT, "%s: model_type '%.100s' is not supported; supported: deberta-v2, bert",
                        place, type);
    c->family = strcmp(type, "bert") ? ZOO_DEBERTA_V2 : ZOO_BERT;
    if ((rc = check_common(&in)) || (rc = read_shape(c, &in)) ||
        (rc = c->family == ZOO_BERT ? read_bert(c, &in) : read_deberta(c, &in)) || (rc = read_head(c, &in)))
        return rc;
    return read_max_tokens(c, &in);
}

size_t zoo_transformer_span(const zoo_transformer_config *c)
{
    return c->buckets ? c->buckets : c->max_relative;
}

/* An odd number of buckets has its last one far beyond max_relative;
 * with two or three there is none beyond the middle. */
size_t zoo_transformer_reach(const zoo_transformer_config *c)
{
    int A = (int)zoo_transformer_span(c), buckets = (int)c->buckets, relative = (int)c->max_relative, last;
    size_t distance = 2 * c->max_relative;

    if (!buckets)
        return (size_t)A;
    last = zoo_position_bucket(ZOO_SEQUENCE_MAX, buckets, relative);
    while (distance < ZOO_SEQUENCE_MAX && zoo_position_bucket((int)distance, buckets, relative) < (last < A ? last : A))
        distance *= 2;
    return distance;
}
