/* folder.c - what of a checkpoint folder is neither weights nor network: config.json as JSON, and the files beside
 * it that a copy takes along (tokenizer, licence, notes); see folder.h. */
#include "model/folder.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fs.h"
#include "model/checkpoint.h"

/* ---- config.json ---- */
json_t *zoo_folder_config(const char *dir, zoo_err *err)
{
    char path[PATH_MAX];
    json_t *config;

    if (zoo_fs_join(path, sizeof path, dir, "config.json", err))
        return NULL;
    config = zoo_json_read(path, ZOO_CONFIG_MAX, err);
    if (config && !json_is_object(config)) {
        zoo_fail(err, ZOO_EFORMAT, "%s: should be an object, is %s", path, zoo_json_kind(config));
        json_decref(config);
        config = NULL;
    }
    return config;
}

int zoo_folder_write_config(const char *dir, const json_t *config, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(ZOO_CONFIG_MAX);
    char path[PATH_MAX];
    int rc = zoo_fs_join(path, sizeof path, dir, "config.json", err);

    if (!rc && zoo_json_dump_lines(&text, config))
        rc = zoo_fail_nomem(err);
    if (!rc)
        rc = zoo_fs_write(path, text.data, text.size, err);
    zoo_buf_release(&text);
    return rc;
}

void zoo_folder_set_dtype(json_t *config, const char *name)
{
    json_object_set_new(config, json_object_get(config, "torch_dtype") ? "torch_dtype" : "dtype", json_string(name));
}

/* ---- files beside ---- */
static int is_side_file(const char *name)
{
    static const char *const not[] = { ".safetensors", ".bin", ".index.json", ".h5", ".msgpack", ".pt", ".pth", ".ckpt",
                                       ".onnx",
                                       ".gguf", ".ot", ".tflite", ".part" };
    size_t n = strlen(name);

    if (*name == '.' || !strcmp(name, "config.json"))
        return 0;
    for (size_t i = 0; i < sizeof not / sizeof *not; i++) {
        size_t m = strlen(not[i]);
        if (n >= m && !strcmp(name + n - m, not[i]))
            return 0;
    }
    return 1;
}

static int is_tokenizer_file(const char *name)
{
    static const char *const files[] = { "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                         "added_tokens.json",
                                         "spm.model", "sentencepiece.bpe.model", "vocab.txt", "vocab.json",
                                         "merges.txt" };

    if (!strncmp(name, "LICENSE", 7) || !strncmp(name, "NOTICE", 6))
        return 1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(name, files[i]))
            return 1;
    return 0;
}

/* 1: copied; 0: no regular file, or too large; negative: an error. */
static int copy_one(const char *from, const char *to, const char *name, zoo_err *err)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct stat st;
    int rc;

    if ((rc = zoo_fs_join(source, sizeof source, from, name, err)) ||
        (rc = zoo_fs_join(target, sizeof target, to, name, err)))
        return rc;
    if (stat(source, &st))
        return errno == ENOENT ? 0 : zoo_fail_errno(err, errno, "%s", source);
    if (!S_ISREG(st.st_mode) || st.st_size > ZOO_SIDE_FILE_MAX)
        return 0;
    rc = zoo_fs_copy(source, target, err);
    return rc ? rc : 1;
}

static int copy_pooling(const char *from, const char *to, zoo_err *err)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct stat st;
    int rc;

    if ((rc = zoo_fs_join(source, sizeof source, from, "1_Pooling", err)) ||
        (rc = zoo_fs_join(target, sizeof target, to, "1_Pooling", err)))
        return rc;
    if (stat(source, &st) || !S_ISDIR(st.st_mode))
        return ZOO_OK;
    if ((rc = zoo_fs_make_folders(target, err)) || (rc = copy_one(source, target, "config.json", err)) < 0)
        return rc;
    return ZOO_OK;
}

static int copy_files(const char *from, const char *to, int (*is_wanted)(const char *name), zoo_err *err)
{
    DIR *dir = opendir(from);
    const struct dirent *entry;
    int rc = ZOO_OK, copied = 0;

    if (!dir)
        return zoo_fail_errno(err, errno, "%s", from);
    while (rc >= 0 && (entry = readdir(dir)))
        if (is_wanted(entry->d_name) && (rc = copy_one(from, to, entry->d_name, err)) > 0 &&
            ++copied > ZOO_SIDE_FILES_MAX)
            rc = zoo_fail(err, ZOO_EFORMAT, "%s: more than %d files beside the weights", from, ZOO_SIDE_FILES_MAX);
    closedir(dir);
    return rc < 0 ? rc : ZOO_OK;
}

int zoo_folder_copy_side_files(const char *from, const char *to, zoo_err *err)
{
    int rc = copy_files(from, to, is_side_file, err);

    return rc ? rc : copy_pooling(from, to, err);
}

int zoo_folder_copy_tokenizer(const char *from, const char *to, zoo_err *err)
{
    return copy_files(from, to, is_tokenizer_file, err);
}
