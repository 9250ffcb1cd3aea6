/* pooling.c - see pooling.h. Layer: cli. */
#include "cli/pooling.h"
#include <limits.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"
#include "net/hub_cache.h"

enum { CONFIG_MAX = 1 << 20 };

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
        return zoo_fail(err, ZOO_EFORMAT, "%s: pooling_mode '%.40s' is not computed here; --pooling chooses cls or mean", path, word);
    if (word)
        out->pooling = word[0] == 'c' ? ZOO_POOL_CLS : ZOO_POOL_MEAN;
    json_object_foreach((json_t *)config, key, value) {
        if (word || strncmp(key, "pooling_mode_", 13) || !json_is_true(value))
            continue;
        if (++modes > 1 || (strcmp(key, "pooling_mode_mean_tokens") && strcmp(key, "pooling_mode_cls_token")))
            return zoo_fail(err, ZOO_EFORMAT, "%s: '%.60s' is not computed here; --pooling chooses cls or mean", path, key);
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
        return *where ? zoo_fail(err, ZOO_EFORMAT, "%s: the transformer is in the folder %.60s; give that folder, with --pooling", path, where)
                      : ZOO_OK;
    if (ends_with(type, ".Normalize")) {
        out->is_unit = 1;
        return ZOO_OK;
    }
    if (!ends_with(type, ".Pooling"))
        return zoo_fail(err, ZOO_EFORMAT, "%s: the module '%.80s' is not computed here; --pooling leaves it out", path, type);
    if (zoo_hub_check_file(where, NULL))
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'path' %.60s leads out of the folder", path, where);
    return read_pooling(out, dir, where, err);
}

static int read_max_length(zoo_pooling_facts *out, const char *dir, zoo_err *err)
{
    char path[PATH_MAX];
    json_t *config;
    const json_t *n;
    int rc = read_file(&config, path, dir, "sentence_bert_config.json", err);

    if (rc || !config)
        return rc;
    n = json_object_get(config, "max_seq_length");
    if (json_is_true(json_object_get(config, "do_lower_case")))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: do_lower_case is not computed here; --pooling leaves it out", path);
    else if (n && !json_is_null(n) && json_integer_value(n) < 1)
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: 'max_seq_length' should be a number of tokens", path);
    else
        out->max_length = (size_t)json_integer_value(n);
    json_decref(config);
    return rc;
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
        return rc ? rc : read_max_length(out, dir, err);
    }
    if (!json_is_array(modules))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: should be an array of modules", path);
    json_array_foreach(modules, i, module)
        rc = rc ? rc : read_module(out, dir, module, path, err);
    if (!rc && !out->is_known)
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: names no pooling; --pooling chooses cls or mean", path);
    json_decref(modules);
    return rc ? rc : read_max_length(out, dir, err);
}
