/* shards.c - model.safetensors.index.json and its like: which file of a folder holds which tensor; see shards.h. */
#include "model/shards.h"
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"

static int ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n > m && !strcmp(name + n - m, suffix);
}

/* A name in this folder: letters, digits, '.', '_', '-', not beginning with a dot. */
static int is_plain(const char *name)
{
    return *name != '.' && strlen(name) <= 200 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

static int add_file(zoo_shards *s, const char *name, const char *path, zoo_err *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->files[i], name))
            return ZOO_OK;
    if (s->count == ZOO_SHARDS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: more than %d shards", path, ZOO_SHARDS_MAX);
    s->files[s->count++] = name;
    return ZOO_OK;
}

static int read_map(zoo_shards *s, const char *suffix, const char *path, zoo_err *err)
{
    const json_t *map = zoo_shards_map(s);
    const char *tensor;
    json_t *value;

    if (!json_is_object(map) || !json_object_size(map))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: 'weight_map' should be an object that says which file holds which tensor", path);
    json_object_foreach((json_t *)map, tensor, value) {
        const char *name = json_string_value(value);
        int rc;
        if (!name || strlen(name) != json_string_length(value) || !is_plain(name) || !ends_with(name, suffix))
            return zoo_fail(err, ZOO_EFORMAT,
                            "%s: the shard of '%.100s' should be the name of a file in this folder that ends in %s, is "
                            "'%.100s'", path, tensor, suffix, name ? name : "");
        if ((rc = add_file(s, name, path, err)))
            return rc;
    }
    return ZOO_OK;
}

int zoo_shards_parse(zoo_shards *s, const char *text, size_t size, const char *suffix, const char *path, zoo_err *err)
{
    zoo_err why;

    s->count = 0;
    s->index = zoo_json_parse(text, size, path, &why);
    return s->index ? read_map(s, suffix, path, err) : zoo_fail(err, why.code, "%s", why.message);
}

int zoo_shards_read(zoo_shards *s, const char *path, const char *suffix, zoo_err *err)
{
    char *text;
    size_t size;
    int rc;

    s->index = NULL;
    s->count = 0;
    if ((rc = zoo_fs_read(&text, &size, path, ZOO_SHARDS_INDEX_MAX, err)))
        return rc;
    rc = zoo_shards_parse(s, text, size, suffix, path, err);
    free(text);
    return rc;
}

void zoo_shards_release(zoo_shards *s)
{
    json_decref(s->index);
    s->index = NULL;
    s->count = 0;
}

const json_t *zoo_shards_map(const zoo_shards *s)
{
    return json_object_get(s->index, "weight_map");
}
