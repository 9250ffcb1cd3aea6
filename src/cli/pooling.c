/* pooling.c - see pooling.h. Layer: cli. */
#include "cli/pooling.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"
#include "net/hub_cache.h"

enum { CONFIG_MAX = 16 << 20, LENGTH_MAX = 1 << 20 };

/* *value: NULL where the file is not there. */
static int read_file(json_t **value, char path[PATH_MAX], const char *dir, const char *name, zoo_err *err)
{
    int rc = zoo_fs_join(path, PATH_MAX, dir, name, err);

    *value = NULL;
    if (rc || !zoo_fs_exists(path))
        return rc;
    *value = zoo_json_read(path, CONFIG_MAX, err);
    return *value ? ZOO_OK : err->code;
}

/* Whole numbers as reals: transformers writes a model_max_length of 10^30, which no integer holds. */
static int read_tokenizer(json_t **value, const char *dir, zoo_err *err)
{
    char path[PATH_MAX], *text;
    size_t size;
    int rc = zoo_fs_join(path, PATH_MAX, dir, "tokenizer_config.json", err);

    *value = NULL;
    if (rc || !zoo_fs_exists(path) || (rc = zoo_fs_read(&text, &size, path, CONFIG_MAX, err)))
        return rc;
    *value = json_loadb(text, size, JSON_DECODE_INT_AS_REAL, NULL);
    free(text);
    return *value ? ZOO_OK : zoo_fail(err, ZOO_EFORMAT, "%s: not JSON", path);
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && !strcmp(text + n - m, end);
}

/* {"pooling_mode_mean_tokens": true, ...}, or "pooling_mode": "mean" as later versions write it. */
static int read_mode(zoo_pooling_facts *out, const json_t *config, const char *path, zoo_err *err)
{
    const char *word = json_string_value(json_object_get(config, "pooling_mode")), *key;
    json_t *value;
    int modes = 0;

    if (word && strcmp(word, "mean") && strcmp(word, "cls"))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: pooling_mode '%.40s' is not computed here; --pooling chooses cls or mean", path, word);
    if (word)
        out->pooling = word[0] == 'c' ? ZOO_POOL_CLS : ZOO_POOL_MEAN;
    json_object_foreach((json_t *)config, key, value) {
        if (word || strncmp(key, "pooling_mode_", 13) || !json_is_true(value))
            continue;
        if (++modes > 1 || (strcmp(key, "pooling_mode_mean_tokens") && strcmp(key, "pooling_mode_cls_token")))
            return zoo_fail(err, ZOO_EFORMAT, "%s: '%.60s' is not computed here; --pooling chooses cls or mean", path,
                            key);
        out->pooling = !strcmp(key, "pooling_mode_cls_token") ? ZOO_POOL_CLS : ZOO_POOL_MEAN;
    }
    if (!word && !modes)
        return zoo_fail(err, ZOO_EFORMAT, "%s: names no pooling; --pooling chooses cls or mean", path);
    out->is_known = 1;
    return ZOO_OK;
}

static int read_pooling(zoo_pooling_facts *out, const char *dir, const char *module, zoo_err *err)
{
    char path[PATH_MAX], name[256];
    json_t *config;
    int rc;

    snprintf(name, sizeof name, "%s/config.json", module);
    rc = read_file(&config, path, dir, name, err);
    if (!rc && !config)
        rc = zoo_fail(err, ZOO_EIO, "%s: is missing; --pooling chooses cls or mean", path);
    out->leaves_out_prompt = json_is_false(json_object_get(config, "include_prompt"));
    if (!rc)
        rc = read_mode(out, config, path, err);
    json_decref(config);
    return rc;
}

static int read_module(zoo_pooling_facts *out, const char *dir, const json_t *module, const char *path, zoo_err *err)
{
    const char *type = json_string_value(json_object_get(module, "type"));
    const char *where = json_string_value(json_object_get(module, "path"));

    if (!type || !where)
        return zoo_fail(err, ZOO_EFORMAT, "%s: a module should have 'type' and 'path'", path);
    if (ends_with(type, ".Transformer"))
        return *where ? zoo_fail(err, ZOO_EFORMAT,
                                 "%s: the transformer is in the folder %.60s; give that folder, with --pooling", path,
                                 where)
                      : ZOO_OK;
    if (ends_with(type, ".Normalize")) {
        out->is_unit = 1;
        return ZOO_OK;
    }
    if (!ends_with(type, ".Pooling"))
        return zoo_fail(err, ZOO_EFORMAT, "%s: the module '%.80s' is not computed here; --pooling leaves it out", path,
                        type);
    if (zoo_hub_check_file(where, NULL))
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'path' %.60s leads out of the folder", path, where);
    return read_pooling(out, dir, where, err);
}

/* The least of what is there: model_max_length is 10^30 for "none". */
static void lower(size_t *most, const json_t *n)
{
    double value = json_number_value(n);

    if (value >= 1 && value <= LENGTH_MAX && (!*most || (size_t)value < *most))
        *most = (size_t)value;
}

/* Later versions leave max_seq_length to the tokenizer's settings. */
static int read_max_length(zoo_pooling_facts *out, const char *dir, zoo_err *err)
{
    char path[PATH_MAX];
    json_t *config, *tokenizer = NULL;
    const json_t *n, *task;
    int rc = read_file(&config, path, dir, "sentence_bert_config.json", err);

    if (rc)
        return rc;
    n = json_object_get(config, "max_seq_length");
    task = json_object_get(config, "transformer_task");
    if (json_is_true(json_object_get(config, "do_lower_case")))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: do_lower_case is not computed here; --pooling leaves it out", path);
    else if (json_is_string(task) && strcmp(json_string_value(task), "feature-extraction"))
        rc = zoo_fail(err, ZOO_EFORMAT,
                      "%s: the transformer_task '%.40s' is not computed here; --pooling leaves it out", path,
                      json_string_value(task));
    else if (n && !json_is_null(n) && json_integer_value(n) < 1)
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: 'max_seq_length' should be a number of tokens", path);
    else if (json_is_integer(n))
        lower(&out->max_length, n);
    else if (!(rc = read_tokenizer(&tokenizer, dir, err)))
        lower(&out->max_length, json_object_get(tokenizer, "model_max_length"));
    json_decref(config);
    json_decref(tokenizer);
    return rc;
}

/* ---- prompts ---- */
static int use_prompt(zoo_pooling_facts *out, const json_t *prompts, const char *name, const char *path, zoo_err *err)
{
    const json_t *prompt = json_object_get(prompts, name);
    size_t size = json_string_length(prompt);

    if (!json_is_string(prompt))
        return zoo_fail(err, ZOO_EFORMAT, "%s: has no prompt '%.60s'", path, name);
    if (size > ZOO_PROMPT_MAX || memchr(json_string_value(prompt), 0, size))
        return zoo_fail(err, ZOO_EFORMAT, "%s: the prompt '%.60s' has a NUL or more than %d bytes", path, name,
                        ZOO_PROMPT_MAX);
    memcpy(out->prompt, json_string_value(prompt), size + 1);
    if (size && out->leaves_out_prompt)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: the prompt '%.60s' and an include_prompt of false in the pooling's config.json: vectors "
                        "without the prompt's tokens are not computed here; --pooling leaves both out", path, name);
    return ZOO_OK;
}

int zoo_pooling_read_prompt(zoo_pooling_facts *out, const char *dir, const char *name, zoo_err *err)
{
    char path[PATH_MAX];
    json_t *config;
    const json_t *chosen;
    int rc = read_file(&config, path, dir, "config_sentence_transformers.json", err);

    if (rc)
        return rc;
    chosen = json_object_get(config, "default_prompt_name");
    if (!name && chosen && !json_is_null(chosen) && !(name = json_string_value(chosen)))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: 'default_prompt_name' should be a string, is %s", path,
                      zoo_json_kind(chosen));
    else if (name)
        rc = use_prompt(out, json_object_get(config, "prompts"), name, path, err);
    json_decref(config);
    return rc;
}

static int read_rest(zoo_pooling_facts *out, const char *dir, zoo_err *err)
{
    int rc = read_max_length(out, dir, err);

    return rc ? rc : zoo_pooling_read_prompt(out, dir, NULL, err);
}

int zoo_pooling_read(zoo_pooling_facts *out, const char *dir, zoo_err *err)
{
    char path[PATH_MAX];
    json_t *modules, *module;
    size_t i;
    int rc = read_file(&modules, path, dir, "modules.json", err);

    memset(out, 0, sizeof *out);
    if (rc)
        return rc;
    if (!modules) {
        rc = zoo_fs_join(path, sizeof path, dir, "1_Pooling/config.json", err);
        if (rc || !zoo_fs_exists(path))
            return rc;
        rc = read_pooling(out, dir, "1_Pooling", err);
        return rc ? rc : read_rest(out, dir, err);
    }
    if (!json_is_array(modules))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: should be an array of modules", path);
    json_array_foreach(modules, i, module)
        rc = rc ? rc : read_module(out, dir, module, path, err);
    if (!rc && !out->is_known)
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: names no pooling; --pooling chooses cls or mean", path);
    json_decref(modules);
    return rc ? rc : read_rest(out, dir, err);
}
