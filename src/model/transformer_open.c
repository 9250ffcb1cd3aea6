/* transformer_open.c - a checkpoint folder as a network in memory: names and shapes are checked first, all of them, so
 * that a config that lies about sizes allocates nothing; then the weights are read and packed,
 * layer by layer, several layers at a time.
 * Layer: model. Threads: opening uses threads of its own. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/parallel.h"
#include "model/checkpoint.h"
#include "model/transformer_net.h"

enum { NAME_SIZE = 160, PREFIX_SIZE = 32 };
static const size_t table_max = (size_t)64 << 20;       /* bytes; a larger table of embeddings stays in the file */

/* ---- names ----
 * The products of a layer, as both families call them. */
enum linear { QUERY, KEY, VALUE, POSITION_KEY, POSITION_QUERY, ATTENTION_OUT, UP, DOWN, LINEARS };
static const char *const linear_names[LINEARS][2] = {
    [QUERY] = { "attention.self.query_proj", "attention.self.query" },
    [KEY] = { "attention.self.key_proj", "attention.self.key" },
    [VALUE] = { "attention.self.value_proj", "attention.self.value" },
    [POSITION_KEY] = { "attention.self.pos_key_proj", NULL },
    [POSITION_QUERY] = { "attention.self.pos_query_proj", NULL },
    [ATTENTION_OUT] = { "attention.output.dense", "attention.output.dense" },
    [UP] = { "intermediate.dense", "intermediate.dense" },
    [DOWN] = { "output.dense", "output.dense" },
};

/* What opening works with. */
struct opening {
    zoo_transformer *t;
    const zoo_transformer_config *config;
    char prefix[PREFIX_SIZE];       /* of the backbone's tensors: "deberta." */
    const char *path;               /* config.json, for sentences */
    float *positions;               /* (2A, H): the normalised table of relative positions, or NULL */
    zoo_err *errors;                /* (layers) of the tasks */
};

__attribute__((format(printf, 3, 4)))
static void name_into(char out[NAME_SIZE], const struct opening *o, const char *format, ...)
{
    va_list args;
    size_t used = (size_t)snprintf(out, NAME_SIZE, "%s", o->prefix);

    va_start(args, format);
    vsnprintf(out + used, NAME_SIZE - used, format, args);
    va_end(args);
}

static int uses_linear(const zoo_transformer_config *c, enum linear which)
{
    if (which == POSITION_KEY)
        return c->has_relative && !c->shares_keys && c->has_c2p;
    if (which == POSITION_QUERY)
        return c->has_relative && !c->shares_keys && c->has_p2c;
    return 1;
}

static size_t outputs_of(const zoo_transformer_config *c, enum linear which)
{
    return which == UP ? c->intermediate_size : c->hidden_size;
}

static size_t inputs_of(const zoo_transformer_config *c, enum linear which)
{
    return which == DOWN ? c->intermediate_size : c->hidden_size;
}

static void linear_name(char out[NAME_SIZE], const struct opening *o, size_t layer, enum linear which)
{
    name_into(out, o, "encoder.layer.%zu.%s", layer, linear_names[which][o->config->family == ZOO_BERT]);
}

/* ---- checks before anything is allocated ---- */
static int check_tensor(const struct opening *o, const char *name, size_t rows, size_t columns, zoo_err *err)
{
    const zoo_weights *w = o->t->weights;
    const zoo_tensor *tensor = zoo_weights_find(w, name);
    size_t dims = columns ? 2 : 1;

    if (!tensor)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the weights have no tensor '%s', which this config needs", o->path,
                        name);
    if (tensor->dims == dims && tensor->shape[0] == rows && (dims < 2 || tensor->shape[1] == columns))
        return ZOO_OK;
    if (dims == 2 && tensor->dims == 2)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' is %zu x %zu, the config asks for %zu x %zu",
                        zoo_weights_path(w, tensor), name, tensor->shape[0], tensor->shape[1], rows, columns);
    return zoo_fail(err, ZOO_EFORMAT,
                    "%s: tensor '%s' has %zu dimensions and %zu rows, the config asks for %zu and %zu",
                    zoo_weights_path(w, tensor), name, tensor->dims, tensor->dims ? tensor->shape[0] : 0, dims, rows);
}

static int check_linear(const struct opening *o, const char *stem, size_t outputs, size_t inputs, zoo_err *err)
{
    char name[NAME_SIZE + 8];
    int rc;

    snprintf(name, sizeof name, "%s.weight", stem);
    if ((rc = check_tensor(o, name, outputs, inputs, err)))
        return rc;
    snprintf(name, sizeof name, "%s.bias", stem);
    return check_tensor(o, name, outputs, 0, err);
}

/* Old checkpoints say gamma and beta. */
static const char *norm_suffix(const struct opening *o, const char *stem, int is_bias)
{
    char name[NAME_SIZE + 8];

    snprintf(name, sizeof name, "%s.gamma", stem);
    if (zoo_weights_find(o->t->weights, name))
        return is_bias ? "beta" : "gamma";
    return is_bias ? "bias" : "weight";
}

static int check_norm(const struct opening *o, const char *stem, size_t size, zoo_err *err)
{
    char name[NAME_SIZE + 8];
    int rc = ZOO_OK;

    for (int i = 0; i < 2 && !rc; i++) {
        snprintf(name, sizeof name, "%s.%s", stem, norm_suffix(o, stem, i));
        rc = check_tensor(o, name, size, 0, err);
    }
    return rc;
}

static int check_layer(const struct opening *o, size_t layer, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    char name[NAME_SIZE];
    int rc = ZOO_OK;

    for (int i = 0; i < LINEARS && !rc; i++) {
        if (!uses_linear(c, (enum linear)i))
            continue;
        linear_name(name, o, layer, (enum linear)i);
        rc = check_linear(o, name, outputs_of(c, (enum linear)i), inputs_of(c, (enum linear)i), err);
    }
    name_into(name, o, "encoder.layer.%zu.attention.output.LayerNorm", layer);
    rc = rc ? rc : check_norm(o, name, c->hidden_size, err);
    name_into(name, o, "encoder.layer.%zu.output.LayerNorm", layer);
    return rc ? rc : check_norm(o, name, c->hidden_size, err);
}

static int uses_positions(const zoo_transformer_config *c)
{
    return c->has_relative && (c->has_c2p || c->has_p2c);
}

static int check_backbone(const struct opening *o, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    const struct { const char *name; int is_used; size_t rows, columns; } tables[] = {
        { "embeddings.word_embeddings.weight", 1, c->vocab_size, c->embedding_size },
        { "embeddings.position_embeddings.weight", c->has_positions, c->max_positions, c->embedding_size },
        { "embeddings.token_type_embeddings.weight", c->types > 0, c->types, c->embedding_size },
        { "embeddings.embed_proj.weight", c->embedding_size != c->hidden_size, c->hidden_size, c->embedding_size },
        { "encoder.rel_embeddings.weight", uses_positions(c), 2 * zoo_transformer_span(c), c->hidden_size },
    };
    char name[NAME_SIZE];
    int rc = ZOO_OK;

    for (size_t i = 0; i < sizeof tables / sizeof *tables && !rc; i++) {
        name_into(name, o, "%s", tables[i].name);
        rc = tables[i].is_used ? check_tensor(o, name, tables[i].rows, tables[i].columns, err) : ZOO_OK;
    }
    name_into(name, o, "embeddings.LayerNorm");
    rc = rc ? rc : check_norm(o, name, c->hidden_size, err);
    name_into(name, o, "encoder.LayerNorm");
    if (!rc && uses_positions(c) && c->norms_positions)
        rc = check_norm(o, name, c->hidden_size, err);
    for (size_t i = 0; i < c->layers && !rc; i++)
        rc = check_layer(o, i, err);
    return rc;
}

static const char *pooler_name(const struct opening *o)
{
    return o->config->family == ZOO_BERT ? "bert.pooler.dense" : "pooler.dense";
}

static int check_head(const struct opening *o, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    size_t H = c->hidden_size;
    int rc;

    if (c->head == ZOO_HEAD_NONE)
        return ZOO_OK;
    if (c->head == ZOO_HEAD_PAIR) {
        rc = check_linear(o, "head_layer.1", H, 2 * H, err);
        return rc ? rc : check_linear(o, "head_layer.4", c->labels, H, err);
    }
    rc = check_linear(o, pooler_name(o), H, H, err);
    return rc ? rc : check_linear(o, "classifier", c->labels, H, err);
}

/* Which prefix the backbone's tensors have: found by the table that every encoder has. */
static void find_prefix(struct opening *o)
{
    static const char *const prefixes[] = { "deberta.", "bert.", "pretrained_model.", "" };
    char name[NAME_SIZE];

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        snprintf(o->prefix, sizeof o->prefix, "%s", prefixes[i]);
        name_into(name, o, "embeddings.word_embeddings.weight");
        if (zoo_weights_find(o->t->weights, name))
            return;
    }
}

/* A config that names no architecture: the weights of a head say whether there is one. */
static void find_head(struct opening *o)
{
    zoo_transformer_config *c = &o->t->config;
    char name[NAME_SIZE];

    snprintf(name, sizeof name, "%s.weight", pooler_name(o));
    if (!c->names_architecture && zoo_weights_find(o->t->weights, "classifier.weight") &&
        zoo_weights_find(o->t->weights, name))
        c->head = ZOO_HEAD_CLASSIFIER;
}

/* ---- reading ---- */
static float *floats_new(size_t rows, size_t columns, zoo_err *err)
{
    float *out = aligned_alloc(64, (rows * columns * sizeof *out + 63) / 64 * 64);

    if (!out)
        zoo_fail_nomem(err);
    return out;
}

static int read_new(float **out, const struct opening *o, const char *name, size_t rows, size_t columns, zoo_err *err)
{
    const size_t shape[] = { rows, columns };

    *out = floats_new(rows, columns ? columns : 1, err);
    return *out ? zoo_weights_read(o->t->weights, name, shape, columns ? 2 : 1, *out, err) : ZOO_ENOMEM;
}

static int read_norm(zoo_norm *norm, const struct opening *o, const char *stem, zoo_err *err)
{
    char name[NAME_SIZE + 8];
    float *values;
    int rc = ZOO_OK;

    norm->width = o->config->hidden_size;
    norm->eps = o->config->eps;
    for (int i = 0; i < 2 && !rc; i++) {
        snprintf(name, sizeof name, "%s.%s", stem, norm_suffix(o, stem, i));
        rc = read_new(&values, o, name, norm->width, 0, err);
        *(i ? &norm->shift : &norm->gain) = values;
    }
    return rc;
}

static void norm_release(const zoo_norm *norm)
{
    free((void *)norm->gain);
    free((void *)norm->shift);
}

/* weight (outputs, inputs) and bias (outputs) into memory of the caller's. */
static int read_linear(const struct opening *o, const char *stem, size_t outputs, size_t inputs, float *weight,
                       float *bias, zoo_err *err)
{
    char name[NAME_SIZE + 8];
    int rc;

    snprintf(name, sizeof name, "%s.weight", stem);
    if ((rc = zoo_weights_read(o->t->weights, name, (size_t[]){ outputs, inputs }, 2, weight, err)))
        return rc;
    snprintf(name, sizeof name, "%s.bias", stem);
    return zoo_weights_read(o->t->weights, name, (size_t[]){ outputs }, 1, bias, err);
}

/* ---- layers ---- */
/* One task's memory. */
struct scratch {
    float *weight;          /* (3H, H) or (I, H) */
    float *bias;            /* (3H) or (I) */
    float *projected[2];    /* (2A, H): pos_key, pos_query */
};

/* `count` products one behind the other as one. */
static int pack(zoo_product **out, const struct opening *o, size_t layer, enum linear first, size_t count,
                struct scratch *s, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    size_t O = outputs_of(c, first), I = inputs_of(c, first);
    char name[NAME_SIZE];
    int rc = ZOO_OK;

    for (size_t i = 0; i < count && !rc; i++) {
        linear_name(name, o, layer, (enum linear)(first + i));
        rc = read_linear(o, name, O, I, s->weight + i*O*I, s->bias + i*O, err);
    }
    return rc ? rc : zoo_product_new_in(out, o->t->pages, o->t->precision, count * O, I, s->weight, s->bias, err);
}

/* out (2A, H) = positions W^T + b */
static int project(float *out, const struct opening *o, size_t layer, enum linear which, const zoo_input *positions,
                   struct scratch *s, zoo_err *err)
{
    size_t H = o->config->hidden_size;
    char name[NAME_SIZE];
    zoo_product *product;
    int rc;

    linear_name(name, o, layer, which);
    if ((rc = read_linear(o, name, H, H, s->weight, s->bias, err)) ||
        (rc = zoo_product_new(&product, ZOO_PRECISION_F32, H, H, s->weight, s->bias, err)))
        return rc;
    zoo_product_run(product, positions, 2 * zoo_transformer_span(o->config), &(zoo_output){ .data = out, .stride = H },
                    &(zoo_member){ .of = 1 });
    zoo_product_free(product);
    return ZOO_OK;
}

/* Positions go through the network's own projections once, here, and not for every query. */
static int fold_positions(zoo_transformer_layer *l, const struct opening *o, size_t layer, struct scratch *s,
                          zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    size_t A = zoo_transformer_span(c), H = c->hidden_size;
    enum linear key = c->shares_keys ? KEY : POSITION_KEY, query = c->shares_keys ? QUERY : POSITION_QUERY;
    zoo_input x;
    void *memory = aligned_alloc(64, (zoo_input_bytes(ZOO_PRECISION_F32, 2 * A, H) + 63) / 64 * 64);
    int rc = memory ? ZOO_OK : zoo_fail_nomem(err);

    if (!rc) {
        zoo_input_place(&x, ZOO_PRECISION_F32, 2 * A, H, memory);
        zoo_input_fill(&x, 0, 2 * A, o->positions, H);
    }
    if (!rc && c->has_c2p)
        rc = project(s->projected[0], o, layer, key, &x, s, err);
    if (!rc && c->has_p2c)
        rc = project(s->projected[1], o, layer, query, &x, s, err);
    free(memory);
    return rc ? rc : zoo_attention_positions_new(&l->positions, o->t->precision, A, c->heads, H / c->heads,
                                                 c->has_c2p ? s->projected[0] : NULL,
                                                 c->has_p2c ? s->projected[1] : NULL, err);
}

static int scratch_init(struct scratch *s, const struct opening *o, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    size_t H = c->hidden_size, wide = c->intermediate_size > 3 * H ? c->intermediate_size : 3 * H;

    memset(s, 0, sizeof *s);
    if (!(s->weight = floats_new(wide, H, err)) || !(s->bias = floats_new(wide, 1, err)))
        return ZOO_ENOMEM;
    for (int i = 0; i < 2 && o->positions; i++)
        if (!(s->projected[i] = floats_new(2 * zoo_transformer_span(c), H, err)))
            return ZOO_ENOMEM;
    return ZOO_OK;
}

static void scratch_release(struct scratch *s)
{
    free(s->weight);
    free(s->bias);
    free(s->projected[0]);
    free(s->projected[1]);
}

static int open_layer(const struct opening *o, size_t i, zoo_err *err)
{
    zoo_transformer_layer *l = &o->t->layers[i];
    int is_last = i + 1 == o->config->layers;
    struct scratch s;
    char name[NAME_SIZE];
    int rc = scratch_init(&s, o, err);

    if (!rc && is_last && !(rc = pack(&l->q, o, i, QUERY, 1, &s, err)))
        rc = pack(&l->kv, o, i, KEY, 2, &s, err);
    if (!rc && !is_last)
        rc = pack(&l->qkv, o, i, QUERY, 3, &s, err);
    if (rc || (rc = pack(&l->out, o, i, ATTENTION_OUT, 1, &s, err)) || (rc = pack(&l->up, o, i, UP, 1, &s, err)) ||
        (rc = pack(&l->down, o, i, DOWN, 1, &s, err)))
        goto done;
    name_into(name, o, "encoder.layer.%zu.attention.output.LayerNorm", i);
    if ((rc = read_norm(&l->attention_norm, o, name, err)))
        goto done;
    name_into(name, o, "encoder.layer.%zu.output.LayerNorm", i);
    rc = read_norm(&l->output_norm, o, name, err);
    if (!rc && o->positions)
        rc = fold_positions(l, o, i, &s, err);
done:
    scratch_release(&s);
    return rc;
}

static void open_task(void *context, size_t task, unsigned thread)
{
    struct opening *o = context;

    (void)thread;
    open_layer(o, task, &o->errors[task]);
}

static int open_layers(struct opening *o, zoo_err *err)
{
    size_t n = o->config->layers;
    zoo_parallel *parallel = NULL;
    int rc = ZOO_OK;

    o->t->layers = calloc(n, sizeof *o->t->layers);
    o->errors = calloc(n, sizeof *o->errors);
    if (!o->t->layers || !o->errors)
        return zoo_fail_nomem(err);
    if ((rc = zoo_pages_new(&o->t->pages, err)) || (rc = zoo_parallel_new(&parallel, 0, err)))
        return rc;
    zoo_parallel_run(parallel, n, open_task, o);
    zoo_parallel_free(parallel);
    for (size_t i = 0; i < n; i++)
        if (o->errors[i].code) {
            if (err)
                *err = o->errors[i];
            return o->errors[i].code;
        }
    return ZOO_OK;
}

/* ---- the rest ---- */
static int read_relative(struct opening *o, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    size_t rows = 2 * zoo_transformer_span(c), H = c->hidden_size;
    zoo_norm norm = { 0 };
    char name[NAME_SIZE];
    int rc;

    name_into(name, o, "encoder.rel_embeddings.weight");
    if ((rc = read_new(&o->positions, o, name, rows, H, err)) || !c->norms_positions)
        return rc;
    name_into(name, o, "encoder.LayerNorm");
    rc = read_norm(&norm, o, name, err);
    if (!rc)
        zoo_norm_fwd(&norm, o->positions, NULL, o->positions, NULL, 0, rows);
    norm_release(&norm);
    return rc;
}

/* c(r) for every distance up to where it does not change any more. */
static int make_columns(zoo_transformer *t, zoo_err *err)
{
    const zoo_transformer_config *c = &t->config;
    size_t A = zoo_transformer_span(c);

    t->max_distance = zoo_transformer_reach(c);
    t->columns = malloc((2 * t->max_distance + 1) * sizeof *t->columns);
    if (!t->columns)
        return zoo_fail_nomem(err);
    zoo_position_columns(t->columns, t->max_distance, A, (int)c->buckets, (int)c->max_relative);
    return ZOO_OK;
}

static int open_embeddings(struct opening *o, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    zoo_transformer *t = o->t;
    size_t E = c->embedding_size, H = c->hidden_size;
    char name[NAME_SIZE];
    float *weight = NULL;
    int rc = ZOO_OK;

    name_into(name, o, "embeddings.word_embeddings.weight");
    t->words.tensor = zoo_weights_find(t->weights, name);
    if (c->vocab_size * E * sizeof(float) <= table_max)
        rc = read_new(&t->words.rows, o, name, c->vocab_size, E, err);
    name_into(name, o, "embeddings.position_embeddings.weight");
    if (!rc && c->has_positions)
        rc = read_new(&t->positions, o, name, c->max_positions, E, err);
    name_into(name, o, "embeddings.token_type_embeddings.weight");
    if (!rc && c->types)
        rc = read_new(&t->types, o, name, c->types, E, err);
    name_into(name, o, "embeddings.embed_proj.weight");
    if (!rc && E != H && !(rc = read_new(&weight, o, name, H, E, err)))
        rc = zoo_product_new(&t->projection, ZOO_PRECISION_F32, H, E, weight, NULL, err);
    free(weight);
    name_into(name, o, "embeddings.LayerNorm");
    return rc ? rc : read_norm(&t->embedding_norm, o, name, err);
}

/* The head is small: it is multiplied in float32, or in bfloat16 with everything else. */
static int open_head(struct opening *o, zoo_err *err)
{
    const zoo_transformer_config *c = o->config;
    int is_pair = c->head == ZOO_HEAD_PAIR;
    size_t H = c->hidden_size, inputs = is_pair ? 2 * H : H;
    zoo_transformer *t = o->t;
    float *weight, *bias;
    int rc;

    if (c->head == ZOO_HEAD_NONE)
        return ZOO_OK;
    weight = floats_new(H, inputs, err);
    bias = floats_new(H, 1, err);
    t->classifier = floats_new(c->labels, H, err);
    t->classifier_bias = floats_new(c->labels, 1, err);
    if (!weight || !bias || !t->classifier || !t->classifier_bias)
        rc = ZOO_ENOMEM;
    else if (!(rc = read_linear(o, is_pair ? "head_layer.1" : pooler_name(o), H, inputs, weight, bias, err)) &&
             !(rc = read_linear(o, is_pair ? "head_layer.4" : "classifier", c->labels, H, t->classifier,
                                t->classifier_bias, err)))
        rc = zoo_product_new(&t->pooler, zoo_transformer_head_precision(t), H, inputs, weight, bias, err);
    free(weight);
    free(bias);
    return rc;
}

static int read_folder(struct opening *o, const char *dir, zoo_err *err)
{
    zoo_transformer *t = o->t;
    json_t *config = zoo_json_read(o->path, ZOO_CONFIG_MAX, err);
    int rc = config ? zoo_transformer_config_parse(&t->config, config, o->path, err) : ZOO_EFORMAT;

    if (!config && err)
        rc = err->code;
    json_decref(config);
    if (rc || (rc = zoo_weights_open(&t->weights, dir, err)))
        return rc;
    find_prefix(o);
    find_head(o);
    if ((rc = check_backbone(o, err)) || (rc = check_head(o, err)) || (rc = open_embeddings(o, err)) ||
        (uses_positions(o->config) && ((rc = read_relative(o, err)) || (rc = make_columns(t, err)))) ||
        (rc = open_layers(o, err)) || (rc = open_head(o, err)))
        return rc;
    return zoo_weights_check_unchanged(t->weights, err);
}

int zoo_transformer_open(zoo_transformer **out, const char *dir, enum zoo_precision precision, zoo_err *err)
{
    char path[PATH_MAX];
    struct opening o = { .t = calloc(1, sizeof *o.t), .path = path };
    int rc;

    *out = NULL;
    if (!o.t)
        return zoo_fail_nomem(err);
    o.config = &o.t->config;
    o.t->precision = precision == ZOO_PRECISION_AUTO ? zoo_precision_auto() : precision;
    if (!(rc = zoo_fs_join(path, sizeof path, dir, "config.json", err)))
        rc = read_folder(&o, dir, err);
    free(o.positions);
    free(o.errors);
    if (rc)
        zoo_transformer_close(o.t);
    else
        *out = o.t;
    return rc;
}

/* ---- closing ---- */
static void layer_free(const zoo_transformer_layer *l)
{
    zoo_product *const products[] = { l->qkv, l->q, l->kv, l->out, l->up, l->down };

    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        zoo_product_free(products[i]);
    norm_release(&l->attention_norm);
    norm_release(&l->output_norm);
    zoo_attention_positions_free(l->positions);
}

void zoo_transformer_close(zoo_transformer *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->layers && i < t->config.layers; i++)
        layer_free(&t->layers[i]);
    free(t->layers);
    free(t->words.rows);
    free(t->positions);
    free(t->types);
    zoo_product_free(t->projection);
    norm_release(&t->embedding_norm);
    free(t->columns);
    zoo_product_free(t->pooler);
    free(t->classifier);
    free(t->classifier_bias);
    zoo_pages_free(t->pages);
    zoo_weights_close(t->weights);
    free(t);
}

const zoo_transformer_config *zoo_transformer_config_of(const zoo_transformer *t) { return &t->config; }
enum zoo_precision zoo_transformer_precision(const zoo_transformer *t) { return t->precision; }
enum zoo_precision zoo_transformer_head_precision(const zoo_transformer *t)
{
    return t->precision == ZOO_PRECISION_BF16 ? ZOO_PRECISION_BF16 : ZOO_PRECISION_F32;
}
