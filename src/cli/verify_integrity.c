/* verify_integrity.c - is a checkpoint folder whole: every value finite, every tensor that the network needs there,
 * tokenizer and labels in keeping with it. Goes on after a check that failed, where that makes sense. Layer: cli. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/model_facts.h"
#include "cli/verify.h"
#include "model/folder.h"
#include "model/transformer.h"
#include "text/tokenizer.h"

enum { CHUNK = 1 << 16 };

struct checking { json_t *checks; const char *dir; int *is_fit; };

static void add(struct checking *c, const char *check, int is_ok, const char *says)
{
    json_array_append_new(c->checks, json_pack("{s:s, s:b, s:s}", "check", check, "ok", is_ok, "says", says));
    if (!is_ok)
        *c->is_fit = 0;
}

__attribute__((format(printf, 3, 4))) static void passed(struct checking *c, const char *check, const char *fmt, ...)
{
    char says[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(says, sizeof says, fmt, ap);
    va_end(ap);
    add(c, check, 1, says);
}

/* Every tensor of floats is read once; each that holds a NaN or an infinity is a failure of its own. */
static int check_values(struct checking *c, const zoo_weights *weights, zoo_err *err)
{
    float *values = malloc(CHUNK * sizeof *values);
    size_t bad = 0, read = 0;

    if (!values)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < zoo_weights_count(weights) && bad < VERIFY_PROBLEMS_MAX; i++) {
        const zoo_tensor *t = zoo_weights_at(weights, i);
        uint64_t n = zoo_tensor_elements(t);
        int rc = ZOO_OK;
        zoo_err why;
        if (t->dtype == ZOO_OTHER_DTYPE || (t->dtype == ZOO_I8 && !t->scale))
            continue;
        for (uint64_t from = 0; from < n && !rc; from += CHUNK)
            rc = zoo_weights_read_some(weights, t, from, n - from < CHUNK ? (size_t)(n - from) : CHUNK, values, &why);
        read++;
        if (rc) {
            add(c, "values", 0, why.message);
            bad++;
        }
    }
    free(values);
    if (!bad)
        passed(c, "values", "%zu tensors, every value finite", read);
    return ZOO_OK;
}

static int is_ngram(const json_t *facts)
{
    const char *type = json_string_value(json_object_get(facts, "model_type"));

    return type && !strcmp(type, "zooter-ngram");
}

/* Opening checks every name and shape before it reads. */
static void check_network(struct checking *c, const json_t *facts)
{
    zoo_transformer *transformer;
    zoo_err why;

    if (is_ngram(facts))
        return;                                 /* the router's check opens it */
    if (zoo_transformer_open(&transformer, c->dir, ZOO_PRECISION_F32, &why)) {
        add(c, "network", 0, why.message);
        return;
    }
    passed(c, "network", "every tensor of the %s is there in its shape",
           json_string_value(json_object_get(facts, "kind")));
    zoo_transformer_close(transformer);
}

static void check_tokenizer(struct checking *c, const json_t *facts)
{
    size_t rows = (size_t)json_integer_value(json_object_get(facts, "vocab_size")), pieces;
    zoo_tokenizer *tokenizer;
    char says[200];
    zoo_err why;

    if (is_ngram(facts))
        return;
    if (!zoo_tokenizer_exists(c->dir)) {
        add(c, "tokenizer", 0, "none of tokenizer.json, spm.model and vocab.txt is there");
        return;
    }
    if (zoo_tokenizer_open(&tokenizer, c->dir, &why)) {
        add(c, "tokenizer", 0, why.message);
        return;
    }
    pieces = zoo_tokenizer_size(tokenizer);
    zoo_tokenizer_close(tokenizer);
    snprintf(says, sizeof says, "%zu pieces, the embedding has %zu rows", pieces, rows);
    add(c, "tokenizer", pieces <= rows, says);
}

/* What has labels to choose from is a router: its experts' names, ids and facts have to be in order. */
static void check_router(struct checking *c, const json_t *facts)
{
    size_t labels = json_array_size(json_object_get(facts, "labels"));
    zoo_router *router;
    zoo_err why;

    if (labels < 2)
        return;
    if (zoo_router_open(&router, c->dir, &why)) {
        add(c, "router", 0, why.message);
        return;
    }
    passed(c, "router", "%zu experts", zoo_router_expert_count(router));
    zoo_router_close(router);
}

/* The precision that the config names, which other libraries go by. */
static void check_dtype(struct checking *c, const json_t *config, const json_t *facts)
{
    static const char *const names[][2] = { { "float32", "F32" }, { "float16", "F16" }, { "bfloat16", "BF16" } };
    const char *said = json_string_value(json_object_get(config, "dtype"));
    const json_t *types = json_object_get(facts, "dtypes");

    said = said ? said : json_string_value(json_object_get(config, "torch_dtype"));
    for (size_t i = 0; said && i < sizeof names / sizeof *names; i++)
        if (!strcmp(said, names[i][0]) && !json_object_get(types, names[i][1]))
            passed(c, "note", "config.json says %s, no tensor is %s; zooter goes by the tensors", said, names[i][1]);
}

int zoo_verify_integrity(json_t *checks, const char *dir, int *is_fit, zoo_err *err)
{
    struct checking c = { checks, dir, is_fit };
    zoo_weights *weights = NULL;
    json_t *facts = NULL;
    zoo_err why;
    int rc = ZOO_OK;

    if (zoo_weights_open(&weights, dir, &why)) {
        add(&c, "weights", 0, why.message);
        return ZOO_OK;
    }
    passed(&c, "weights", "%zu tensors, %zu file%s", zoo_weights_count(weights), zoo_weights_file_count(weights),
           zoo_weights_file_count(weights) == 1 ? "" : "s");
    rc = check_values(&c, weights, err);
    if (!rc && !(facts = zoo_model_facts(dir, weights, &why))) {
        add(&c, "config", 0, why.message);
    } else if (!rc) {
        json_t *config = zoo_folder_config(dir, NULL);
        check_network(&c, facts);
        check_tokenizer(&c, facts);
        if (*is_fit)
            check_router(&c, facts);
        check_dtype(&c, config, facts);
        json_decref(config);
    }
    json_decref(facts);
    zoo_weights_close(weights);
    return rc;
}
