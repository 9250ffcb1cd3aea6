/* weights.c - the named tensors of a checkpoint folder, whatever file holds them: model.safetensors, shards with an
 * index, or pytorch_model.bin (a zip of a pickle that is read as data: tensors alone, nothing is executed); see
 * weights.h. */
#include "model/weights.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/fs.h"
#include "model/safetensors.h"
#include "model/shards.h"
#include "model/torch_file.h"

enum { CHUNK = 1 << 18, NARROW = 1 << 15 };  /* bytes read at once: of floats, in place; of other types, on the stack */

struct zoo_weights {
    zoo_file *files;
    size_t file_count;
    zoo_tensor_list tensors;                    /* by name */
};

/* ---- opening ---- */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const zoo_tensor *)a)->name, ((const zoo_tensor *)b)->name);
}

/* What compressed-tensors puts beside an 8-bit weight: one factor a row. An offset (asymmetric weights) is refused. */
static int find_scales(zoo_weights *w, zoo_err *err)
{
    char name[ZOO_TENSOR_NAME_MAX + 16];

    for (size_t i = 0; i < w->tensors.count; i++) {
        zoo_tensor *t = &w->tensors.items[i];
        const zoo_tensor *scale;
        if (t->dtype != ZOO_I8 || t->dims != 2)
            continue;
        snprintf(name, sizeof name, "%s_zero_point", t->name);
        if (zoo_weights_find(w, name))
            return zoo_fail(err, ZOO_EFORMAT,
                            "%s: '%s': 8-bit weights with a zero point are not read, only symmetric ones",
                            w->files[t->file].path, name);
        snprintf(name, sizeof name, "%s_scale", t->name);
        scale = zoo_weights_find(w, name);
        if (!scale)
            continue;
        if (scale->dtype > ZOO_F64 || zoo_tensor_elements(scale) != t->shape[0] || scale->dims < 1 ||
            scale->shape[0] != t->shape[0])
            return zoo_fail(err, ZOO_EFORMAT,
                            "%s: '%s' should hold one factor for each of the %zu rows of '%s'; only 8-bit weights "
                            "with a factor per output are read", w->files[scale->file].path, name, t->shape[0],
                            t->name);
        t->scale = scale;
    }
    return ZOO_OK;
}

/* Sorts; the same name in two files, or twice in one, is an error. */
static int finish(zoo_weights *w, zoo_err *err)
{
    zoo_tensor *t = w->tensors.items;

    if (w->tensors.count)
        qsort(t, w->tensors.count, sizeof *t, by_name);
    for (size_t i = 1; i < w->tensors.count; i++)
        if (!strcmp(t[i - 1].name, t[i].name))
            return zoo_fail(err, ZOO_EFORMAT, "%s: the tensor '%s' is there twice, also in %s",
                            w->files[t[i].file].path, t[i].name, w->files[t[i - 1].file].path);
    return find_scales(w, err);
}

static int has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);

    return n >= m && !strcmp(path + n - m, suffix);
}

static int add_file(zoo_weights *w, const char *path, zoo_err *err)
{
    zoo_file *file = &w->files[w->file_count];
    int rc = zoo_file_open(file, path, err);

    if (rc)
        return rc;
    w->file_count++;
    return (has_suffix(path, ".bin") ? zoo_torch_file_read : zoo_safetensors_read)(
        &w->tensors, file, (unsigned)(w->file_count - 1), err);
}

/* With room for n files; NULL: no memory. */
static zoo_weights *new_weights(size_t n, zoo_err *err)
{
    zoo_weights *w = calloc(1, sizeof *w);

    if (w && !(w->files = calloc(n, sizeof *w->files))) {
        free(w);
        w = NULL;
    }
    if (!w)
        zoo_fail_nomem(err);
    return w;
}

int zoo_weights_open_file(zoo_weights **out, const char *path, zoo_err *err)
{
    zoo_weights *w = new_weights(1, err);
    int rc;

    *out = NULL;
    if (!w)
        return ZOO_ENOMEM;
    rc = add_file(w, path, err);
    if (!rc)
        rc = finish(w, err);
    if (rc)
        zoo_weights_close(w);
    else
        *out = w;
    return rc;
}

/* Every tensor that the index names is in the file that it names. */
static int check_index(const zoo_weights *w, const zoo_shards *shards, const char *path, zoo_err *err)
{
    const char *name;
    json_t *file;

    json_object_foreach((json_t *)zoo_shards_map(shards), name, file) {
        const zoo_tensor *t = zoo_weights_find(w, name);
        if (!t || strcmp(shards->files[t->file], json_string_value(file)))
            return zoo_fail(err, ZOO_EFORMAT, "%s: the tensor '%.100s' should be in %s and is %s%s", path, name,
                            json_string_value(file), t ? "in " : "in no file", t ? shards->files[t->file] : "");
    }
    return ZOO_OK;
}

static int open_shards(zoo_weights **out, const char *dir, const char *path, const char *suffix, zoo_err *err)
{
    zoo_shards shards;
    zoo_weights *w = NULL;
    char shard[PATH_MAX];
    int rc = zoo_shards_read(&shards, path, suffix, err);

    if (!rc && !(w = new_weights(shards.count, err)))
        rc = ZOO_ENOMEM;
    for (size_t i = 0; !rc && i < shards.count; i++)
        if (!(rc = zoo_fs_join(shard, sizeof shard, dir, shards.files[i], err)))
            rc = add_file(w, shard, err);
    if (!rc && !(rc = finish(w, err)))
        rc = check_index(w, &shards, path, err);
    zoo_shards_release(&shards);
    if (rc)
        zoo_weights_close(w);
    else
        *out = w;
    return rc;
}

static int is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);                   /* a link that leads nowhere is there, and opening it says so */
}

int zoo_weights_open(zoo_weights **out, const char *dir, zoo_err *err)
{
    static const struct { const char *file, *shards; } forms[] = {
        { "model.safetensors", NULL }, { "model.safetensors.index.json", ".safetensors" },
        { "pytorch_model.bin", NULL }, { "pytorch_model.bin.index.json", ".bin" },
    };
    char path[PATH_MAX];
    int rc;

    *out = NULL;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((rc = zoo_fs_join(path, sizeof path, dir, forms[i].file, err)))
            return rc;
        if (is_there(path))
            return forms[i].shards ? open_shards(out, dir, path, forms[i].shards, err) :
                   zoo_weights_open_file(out, path, err);
    }
    return zoo_fail(err, ZOO_EIO,
                    "%s/model.safetensors: No such file or directory, nor shards with an index, nor pytorch_model.bin",
                    dir);
}

void zoo_weights_close(zoo_weights *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->file_count; i++)
        zoo_file_close(&w->files[i]);
    free(w->files);
    zoo_tensor_list_release(&w->tensors);
    free(w);
}

/* ---- looking ---- */
size_t zoo_weights_count(const zoo_weights *w)
{
    return w->tensors.count;
}

const zoo_tensor *zoo_weights_at(const zoo_weights *w, size_t i)
{
    return &w->tensors.items[i];
}

const zoo_tensor *zoo_weights_find(const zoo_weights *w, const char *name)
{
    zoo_tensor key = { .name = name };

    return w->tensors.count ? bsearch(&key, w->tensors.items, w->tensors.count, sizeof key, by_name) : NULL;
}

const char *zoo_weights_path(const zoo_weights *w, const zoo_tensor *t)
{
    return w->files[t->file].path;
}

size_t zoo_weights_file_count(const zoo_weights *w)
{
    return w->file_count;
}

const char *zoo_weights_file(const zoo_weights *w, size_t i)
{
    return w->files[i].path;
}

/* ---- reading ---- */
static int check_finite(const zoo_weights *w, const zoo_tensor *t, const float *x, size_t n, zoo_err *err)
{
    if (zoo_floats_are_finite(x, n))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' holds a value that is not a finite number",
                    zoo_weights_path(w, t), t->name);
}

/* Floats as they lie in the file, chunk by chunk, so that the check finds them in the cache. */
static int read_floats(const zoo_weights *w, const zoo_tensor *t, uint64_t first, size_t n, float *out, zoo_err *err)
{
    const size_t step = CHUNK / sizeof *out;
    int rc = ZOO_OK;

    for (size_t from = 0; from < n && !rc; from += step) {
        size_t m = n - from < step ? n - from : step;
        rc = zoo_file_read(&w->files[t->file], out + from, m * sizeof *out, t->begin + (first + from) * sizeof *out,
                           err);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (size_t i = 0; i < m; i++) {
            float x = out[from + i];
            zoo_floats_widen(&out[from + i], &x, ZOO_F32, 1);
        }
#endif
        if (!rc)
            rc = check_finite(w, t, out + from, m, err);
    }
    return rc;
}

static int read_others(const zoo_weights *w, const zoo_tensor *t, uint64_t first, size_t n, float *out, zoo_err *err)
{
    const size_t bytes = zoo_dtype_bytes(t->dtype), step = NARROW / bytes;
    uint64_t raw[NARROW / sizeof(uint64_t)];
    int rc = ZOO_OK;

    for (size_t from = 0; from < n && !rc; from += step) {
        size_t m = n - from < step ? n - from : step;
        rc = zoo_file_read(&w->files[t->file], raw, m * bytes, t->begin + (first + from) * bytes, err);
        if (!rc) {
            zoo_floats_widen(out + from, raw, t->dtype, m);
            rc = check_finite(w, t, out + from, m, err);
        }
    }
    return rc;
}

/* Multiplies elements first..first+n of an 8-bit matrix by the factors of their rows. */
static int apply_scale(const zoo_weights *w, const zoo_tensor *t, uint64_t first, size_t n, float *out, zoo_err *err)
{
    const size_t columns = t->shape[1];

    for (size_t i = 0; i < n;) {
        uint64_t row = (first + i) / columns;
        size_t end = i + (size_t)((row + 1) * columns - (first + i));
        float scale;
        int rc = zoo_weights_read_some(w, t->scale, row, 1, &scale, err);
        if (rc)
            return rc;
        for (end = end < n ? end : n; i < end; i++)
            out[i] *= scale;
    }
    return ZOO_OK;
}

int zoo_weights_read_some(const zoo_weights *w, const zoo_tensor *t, uint64_t first, size_t n, float *out, zoo_err *err)
{
    int rc;

    if (t->dtype == ZOO_F32)
        return read_floats(w, t, first, n, out, err);
    if (t->dtype == ZOO_OTHER_DTYPE || (t->dtype == ZOO_I8 && !t->scale))
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' is %s, should be F32, F16 or BF16", zoo_weights_path(w, t),
                        t->name, t->dtype_name);
    rc = read_others(w, t, first, n, out, err);
    return !rc && t->scale ? apply_scale(w, t, first, n, out, err) : rc;
}

int zoo_weights_check(const zoo_weights *w, const char *name, const size_t *shape, size_t dims, zoo_err *err)
{
    const zoo_tensor *t = zoo_weights_find(w, name);

    if (!t)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the tensor '%s' is missing", w->files[0].path, name);
    return zoo_tensor_check_shape(t, shape, dims, zoo_weights_path(w, t), err);
}

int zoo_weights_read(const zoo_weights *w, const char *name, const size_t *shape, size_t dims, float *out, zoo_err *err)
{
    const zoo_tensor *t = zoo_weights_find(w, name);
    int rc = zoo_weights_check(w, name, shape, dims, err);

    return rc ? rc : zoo_weights_read_some(w, t, 0, (size_t)zoo_tensor_elements(t), out, err);
}

int zoo_weights_read_row(const zoo_weights *w, const zoo_tensor *t, size_t row, float *out, zoo_err *err)
{
    return zoo_weights_read_some(w, t, (uint64_t)row * t->shape[1], t->shape[1], out, err);
}

int zoo_weights_check_unchanged(const zoo_weights *w, zoo_err *err)
{
    int rc = ZOO_OK;

    for (size_t i = 0; i < w->file_count && !rc; i++)
        rc = zoo_file_check_unchanged(&w->files[i], err);
    return rc;
}
