/* parameters.c - the parameters of a transformer as one flat array: a table of name, shape and place, the names
 * those of the checkpoint; see parameters.h. */
#include "train/parameters.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"

enum dimension { NONE, V, E, H, I, A2, K, S, POSITIONS, TYPES, DIMENSIONS };
enum { DECAYS = 1, IS_POOLER = 2, IS_CLASSIFIER = 4, IS_HEAD = IS_POOLER | IS_CLASSIFIER };

struct row { const char *deberta, *bert; enum dimension rows, columns; int flags; };

static const struct row parts[ZOO_PARTS] = {
    [ZOO_PART_WORDS] = { "deberta.embeddings.word_embeddings.weight", "bert.embeddings.word_embeddings.weight", V, E,
                         DECAYS },
    [ZOO_PART_POSITIONS] = { "deberta.embeddings.position_embeddings.weight",
                             "bert.embeddings.position_embeddings.weight", POSITIONS, E, DECAYS },
    [ZOO_PART_TYPES] = { "deberta.embeddings.token_type_embeddings.weight",
                         "bert.embeddings.token_type_embeddings.weight", TYPES, E, DECAYS },
    [ZOO_PART_EMBED_PROJ] = { "deberta.embeddings.embed_proj.weight", NULL, H, E, DECAYS },
    [ZOO_PART_EMBED_NORM_W] = { "deberta.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.weight", H, NONE, 0 },
    [ZOO_PART_EMBED_NORM_B] = { "deberta.embeddings.LayerNorm.bias", "bert.embeddings.LayerNorm.bias", H, NONE, 0 },
    [ZOO_PART_RELATIVE] = { "deberta.encoder.rel_embeddings.weight", NULL, A2, H, DECAYS },
    [ZOO_PART_RELATIVE_NORM_W] = { "deberta.encoder.LayerNorm.weight", NULL, H, NONE, 0 },
    [ZOO_PART_RELATIVE_NORM_B] = { "deberta.encoder.LayerNorm.bias", NULL, H, NONE, 0 },
    [ZOO_PART_POOLER_W] = { "pooler.dense.weight", "bert.pooler.dense.weight", S, H, DECAYS | IS_POOLER },
    [ZOO_PART_POOLER_B] = { "pooler.dense.bias", "bert.pooler.dense.bias", S, NONE, IS_POOLER },
    [ZOO_PART_CLASSIFIER_W] = { "classifier.weight", "classifier.weight", K, S, DECAYS | IS_CLASSIFIER },
    [ZOO_PART_CLASSIFIER_B] = { "classifier.bias", "classifier.bias", K, NONE, IS_CLASSIFIER }
};

/* Behind "deberta.encoder.layer.0." and the like. */
static const struct row layer_parts[ZOO_LAYER_PARTS] = {
    [ZOO_LAYER_QUERY_W] = { "attention.self.query_proj.weight", "attention.self.query.weight", H, H, DECAYS },
    [ZOO_LAYER_KEY_W] = { "attention.self.key_proj.weight", "attention.self.key.weight", H, H, DECAYS },
    [ZOO_LAYER_VALUE_W] = { "attention.self.value_proj.weight", "attention.self.value.weight", H, H, DECAYS },
    [ZOO_LAYER_QUERY_B] = { "attention.self.query_proj.bias", "attention.self.query.bias", H, NONE, 0 },
    [ZOO_LAYER_KEY_B] = { "attention.self.key_proj.bias", "attention.self.key.bias", H, NONE, 0 },
    [ZOO_LAYER_VALUE_B] = { "attention.self.value_proj.bias", "attention.self.value.bias", H, NONE, 0 },
    [ZOO_LAYER_POS_QUERY_W] = { "attention.self.pos_query_proj.weight", NULL, H, H, DECAYS },
    [ZOO_LAYER_POS_KEY_W] = { "attention.self.pos_key_proj.weight", NULL, H, H, DECAYS },
    [ZOO_LAYER_POS_QUERY_B] = { "attention.self.pos_query_proj.bias", NULL, H, NONE, 0 },
    [ZOO_LAYER_POS_KEY_B] = { "attention.self.pos_key_proj.bias", NULL, H, NONE, 0 },
    [ZOO_LAYER_OUT_W] = { "attention.output.dense.weight", "attention.output.dense.weight", H, H, DECAYS },
    [ZOO_LAYER_OUT_B] = { "attention.output.dense.bias", "attention.output.dense.bias", H, NONE, 0 },
    [ZOO_LAYER_NORM1_W] = { "attention.output.LayerNorm.weight", "attention.output.LayerNorm.weight", H, NONE, 0 },
    [ZOO_LAYER_NORM1_B] = { "attention.output.LayerNorm.bias", "attention.output.LayerNorm.bias", H, NONE, 0 },
    [ZOO_LAYER_UP_W] = { "intermediate.dense.weight", "intermediate.dense.weight", I, H, DECAYS },
    [ZOO_LAYER_UP_B] = { "intermediate.dense.bias", "intermediate.dense.bias", I, NONE, 0 },
    [ZOO_LAYER_DOWN_W] = { "output.dense.weight", "output.dense.weight", H, I, DECAYS },
    [ZOO_LAYER_DOWN_B] = { "output.dense.bias", "output.dense.bias", H, NONE, 0 },
    [ZOO_LAYER_NORM2_W] = { "output.LayerNorm.weight", "output.LayerNorm.weight", H, NONE, 0 },
    [ZOO_LAYER_NORM2_B] = { "output.LayerNorm.bias", "output.LayerNorm.bias", H, NONE, 0 }
};

static bool has_part(const zoo_transformer_config *c, enum zoo_part part)
{
    switch (part) {
    case ZOO_PART_POSITIONS: return c->has_positions;
    case ZOO_PART_TYPES: return c->types > 0;
    case ZOO_PART_EMBED_PROJ: return c->embedding_size != c->hidden_size;
    case ZOO_PART_RELATIVE: return c->has_relative;
    case ZOO_PART_RELATIVE_NORM_W: case ZOO_PART_RELATIVE_NORM_B: return c->has_relative && c->norms_positions;
    default: return true;
    }
}

static bool has_layer_part(const zoo_transformer_config *c, enum zoo_layer_part part)
{
    bool has_own = c->has_relative && !c->shares_keys;

    switch (part) {
    case ZOO_LAYER_POS_QUERY_W: case ZOO_LAYER_POS_QUERY_B: return has_own && c->has_p2c;
    case ZOO_LAYER_POS_KEY_W: case ZOO_LAYER_POS_KEY_B: return has_own && c->has_c2p;
    default: return true;
    }
}

/* Adds a tensor behind those that are there; returns where it lies. */
static size_t add(zoo_parameters *p, const zoo_transformer_config *c, const struct row *row, const char *name,
                  unsigned below)
{
    const size_t sizes[DIMENSIONS] = {
        [NONE] = 1, [V] = c->vocab_size, [E] = c->embedding_size, [H] = c->hidden_size, [I] = c->intermediate_size,
        [A2] = 2 * zoo_transformer_span(c), [K] = c->labels, [S] = c->pooler_size, [POSITIONS] = c->max_positions,
               [TYPES] = c->types
    };
    zoo_parameter *one = &p->all[p->count++];

    snprintf(one->name, sizeof one->name, "%s", name);
    one->dims = row->columns == NONE ? 1 : 2;
    one->shape[0] = sizes[row->rows];
    one->shape[1] = sizes[row->columns];
    one->count = one->shape[0] * one->shape[1];
    one->offset = p->size;
    one->decays = row->flags & DECAYS;
    one->is_pooler = row->flags & IS_POOLER;
    one->is_classifier = row->flags & IS_CLASSIFIER;
    one->is_head = row->flags & IS_HEAD;
    one->below = below;
    p->size += one->count;
    return one->offset;
}

static void add_layer(zoo_parameters *p, const zoo_transformer_config *c, size_t l)
{
    char name[ZOO_PARAMETER_NAME_SIZE];

    for (int i = 0; i < ZOO_LAYER_PARTS; i++) {
        const struct row *row = &layer_parts[i];
        p->layer_parts[l][i] = ZOO_NO_PART;
        if (!has_layer_part(c, (enum zoo_layer_part)i))
            continue;
        if (c->family == ZOO_BERT)
            snprintf(name, sizeof name, "bert.encoder.layer.%zu.%s", l, row->bert);
        else
            snprintf(name, sizeof name, "deberta.encoder.layer.%zu.%s", l, row->deberta);
        p->layer_parts[l][i] = add(p, c, row, name, (unsigned)(c->layers - l));
    }
}

int zoo_parameters_init(zoo_parameters *p, const zoo_transformer_config *c, zoo_err *err)
{
    *p = (zoo_parameters){ .layers = c->layers };
    p->all = calloc(ZOO_PARTS + c->layers * ZOO_LAYER_PARTS, sizeof *p->all);
    p->layer_parts = calloc(c->layers + 1, sizeof *p->layer_parts);
    if (!p->all || !p->layer_parts) {
        zoo_parameters_release(p);
        return zoo_fail_nomem(err);
    }
    for (int i = 0; i < ZOO_PARTS; i++) {
        const struct row *row = &parts[i];
        unsigned below = row->flags & IS_HEAD ? 0 : (unsigned)c->layers + 1;
        if (i == ZOO_PART_POOLER_W)
            for (size_t l = 0; l < c->layers; l++)
                add_layer(p, c, l);
        p->parts[i] = has_part(c, (enum zoo_part)i) ? add(p, c, row, c->family == ZOO_BERT ? row->bert : row->deberta,
                                                          below) : ZOO_NO_PART;
    }
    p->dense = p->all[0].count;
    return ZOO_OK;
}

void zoo_parameters_release(zoo_parameters *p)
{
    free(p->all);
    free(p->layer_parts);
    *p = (zoo_parameters){ 0 };
}

/* The name in the file: a bare backbone has no prefix of its family. */
static const char *find_name(const zoo_weights *weights, const zoo_parameter *p)
{
    const char *bare = strchr(p->name, '.') + 1;

    return zoo_weights_find(weights, p->name) || p->is_classifier || !zoo_weights_find(weights, bare) ? p->name : bare;
}

static void draw(const zoo_parameter *p, double spread, uint64_t seed, float *out)
{
    zoo_rng rng;

    zoo_rng_init(&rng, zoo_mix64(seed ^ zoo_hash64(p->name, strlen(p->name), 1)));
    for (size_t i = 0; i < p->count; i++)
        out[i] = p->dims == 1 ? 0 : (float)(spread * zoo_rng_normal(&rng));
}

int zoo_parameters_read(const zoo_parameters *parameters, const zoo_weights *weights, double spread, uint64_t seed,
                        float *params, int *has_new_pooler, zoo_err *err)
{
    int is_new = 0, rc;

    for (size_t i = 0; i < parameters->count; i++) {
        const zoo_parameter *p = &parameters->all[i];
        const char *name = find_name(weights, p);
        int lacks_pooler = p->is_pooler && !zoo_weights_find(weights, name);
        is_new |= lacks_pooler;
        if (p->is_classifier || lacks_pooler)
            draw(p, spread, seed, params + p->offset);
        else if ((rc = zoo_weights_read(weights, name, p->shape, p->dims, params + p->offset, err)))
            return rc;
    }
    if (has_new_pooler)
        *has_new_pooler = is_new;
    return ZOO_OK;
}
