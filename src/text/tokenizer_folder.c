/* tokenizer_folder.c - the small files beside an spm.model or a vocab.txt, read as transformers reads them:
 * tokenizer_config.json, special_tokens_map.json, added_tokens.json; see tokenizer_folder.h. */
#include "text/tokenizer_folder.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"

enum { FILE_MAX = 16 << 20 };

static const struct { const char *key, *content; } specials[ZOO_SPECIALS] = {
    [ZOO_SPECIAL_BOS] = { "bos_token", "[CLS]" }, [ZOO_SPECIAL_EOS] = { "eos_token", "[SEP]" },
    [ZOO_SPECIAL_UNK] = { "unk_token", "[UNK]" }, [ZOO_SPECIAL_SEP] = { "sep_token", "[SEP]" },
    [ZOO_SPECIAL_PAD] = { "pad_token", "[PAD]" }, [ZOO_SPECIAL_CLS] = { "cls_token", "[CLS]" },
    [ZOO_SPECIAL_MASK] = { "mask_token", "[MASK]" },
};

/* Whole numbers as reals: transformers writes a model_max_length of 10^30. NULL with ZOO_OK: there is no such file. */
static int read_file(json_t **out, const char *dir, const char *name, zoo_err *err)
{
    char path[PATH_MAX], *text;
    json_error_t why;
    size_t size;
    int rc = zoo_fs_join(path, sizeof path, dir, name, err);

    *out = NULL;
    if (rc || access(path, F_OK))
        return rc;
    rc = zoo_fs_read(&text, &size, path, FILE_MAX, err);
    if (rc)
        return rc;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    free(text);
    if (!*out)
        return zoo_fail(err, ZOO_EFORMAT, "%s, line %d, column %d: not JSON: %s", path, why.line, why.column, why.text);
    return json_is_object(*out) ? ZOO_OK : zoo_fail(err, ZOO_EFORMAT, "%s: not a JSON object", path);
}

/* A token is its content, or an object that has it. */
static const char *content_of(const json_t *token)
{
    return json_is_string(token) ? json_string_value(token) : json_string_value(json_object_get(token, "content"));
}

int zoo_folder_open(zoo_folder *folder, const char *dir, zoo_err *err)
{
    const json_t *decoder;
    int rc;

    *folder = (zoo_folder){ .dir = dir ? dir : "" };
    rc = !dir ? ZOO_OK : read_file(&folder->config, dir, "tokenizer_config.json", err);
    if (!rc && dir)
        rc = read_file(&folder->map, dir, "special_tokens_map.json", err);
    if (!rc && dir)
        rc = read_file(&folder->added, dir, "added_tokens.json", err);
    if (rc)
        return rc;
    decoder = json_object_get(folder->config, "added_tokens_decoder");
    for (size_t i = 0; i < ZOO_SPECIALS; i++) {
        const char *set = content_of(json_object_get(folder->config, specials[i].key));
        const char *mapped = decoder ? NULL : content_of(json_object_get(folder->map, specials[i].key));
        folder->specials[i] = mapped ? mapped : set ? set : specials[i].content;
    }
    return ZOO_OK;
}

void zoo_folder_close(zoo_folder *folder)
{
    json_decref(folder->config);
    json_decref(folder->map);
    json_decref(folder->added);
}

int zoo_folder_flag(const zoo_folder *folder, const char *key, int otherwise)
{
    const json_t *value = json_object_get(folder->config, key);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* ---- added tokens ---- */

static int put(const zoo_folder *folder, zoo_tokenizer *t, const char *content, size_t size, const json_t *options,
               int64_t id, zoo_err *err)
{
    zoo_added_token token = { .content = (char *)content, .size = (uint32_t)size, .id = (uint32_t)id };

    if (!size)
        return ZOO_OK;
    if (id < 0 || id >= ZOO_PIECES_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the added token '%s' has no usable id", folder->dir, content);
    token.lstrip = (uint8_t)json_is_true(json_object_get(options, "lstrip"));
    token.rstrip = (uint8_t)json_is_true(json_object_get(options, "rstrip"));
    token.single_word = (uint8_t)json_is_true(json_object_get(options, "single_word"));
    return zoo_added_put(&t->added, &token, err);
}

static int put_decoder(const zoo_folder *folder, zoo_tokenizer *t, const json_t *decoder, zoo_err *err)
{
    const char *key, *content;
    const json_t *token;
    char *end;
    int rc = ZOO_OK;

    json_object_foreach((json_t *)decoder, key, token) {
        int64_t id = strtoll(key, &end, 10);
        content = content_of(token);
        if (!*key || *end || !content)
            return zoo_fail(err, ZOO_EFORMAT,
                            "%s/tokenizer_config.json: 'added_tokens_decoder' should hold ids with tokens",
                            folder->dir);
        rc = put(folder, t, content, strlen(content), token, id, err);
        if (rc)
            return rc;
    }
    return rc;
}

static int put_added(const zoo_folder *folder, zoo_tokenizer *t, zoo_err *err)
{
    const json_t *decoder = json_object_get(folder->config, "added_tokens_decoder"), *id;
    const char *content;
    int rc = ZOO_OK;

    if (decoder)
        return put_decoder(folder, t, decoder, err);
    json_object_foreach(folder->added, content, id) {
        rc = put(folder, t, content, strlen(content), NULL, json_is_number(id) ? (int64_t)json_number_value(id) : -1,
                 err);
        if (rc)
            return rc;
    }
    return rc;
}

/* The first id behind the pieces that no token has. */
static int64_t free_id(const zoo_tokenizer *t)
{
    int64_t id = (int64_t)t->pieces.count;

    for (size_t i = 0; i < t->added.count; i++)
        if (t->added.tokens[i].id == id) {
            id++;
            i = SIZE_MAX;                       /* begin again */
        }
    return id;
}

static int put_special(const zoo_folder *folder, zoo_tokenizer *t, const json_t *token, const char *content,
                       zoo_err *err)
{
    int64_t id;

    if (!content || zoo_added_find(&t->added, content, strlen(content)))
        return ZOO_OK;
    id = zoo_tokenizer_id_of(t, content, strlen(content));
    return put(folder, t, content, strlen(content), token, id < 0 ? free_id(t) : id, err);
}

int zoo_folder_add_tokens(const zoo_folder *folder, zoo_tokenizer *t, zoo_err *err)
{
    static const char *const lists[] = { "additional_special_tokens", "extra_special_tokens" };
    const json_t *token;
    size_t j;
    int rc = put_added(folder, t, err);

    for (size_t i = 0; i < ZOO_SPECIALS && !rc; i++) {
        token = json_object_get(folder->config, specials[i].key);
        rc = put_special(folder, t, token, folder->specials[i], err);
    }
    for (size_t i = 0; i < 2 && !rc; i++)
        json_array_foreach(json_object_get(folder->config, lists[i]), j, token)
            if (!rc)
                rc = put_special(folder, t, token, content_of(token), err);
    return rc;
}

uint32_t zoo_folder_special(const zoo_folder *folder, const zoo_tokenizer *t, enum zoo_special which)
{
    int64_t id = zoo_tokenizer_id_of(t, folder->specials[which], strlen(folder->specials[which]));

    return id < 0 ? 0 : (uint32_t)id;
}
