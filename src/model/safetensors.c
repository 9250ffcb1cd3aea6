#include "model/safetensors.h"
#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"

/* ---- header ---- */
static int read_dtype(zoo_tensor *t, const json_t *entry, size_t *bytes, const char *path, zoo_err *err)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));

    if (name && zoo_dtype_find(name, &t->dtype, &t->dtype_name, bytes))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has the unknown dtype '%.40s'", path, t->name, name ? name : "");
}

/* *count = product of the shape; an overflow is an error. */
static int read_shape(zoo_tensor *t, const json_t *entry, uint64_t *count, const char *path, zoo_err *err)
{
    const json_t *shape = json_object_get(entry, "shape");

    if (!json_is_array(shape) || json_array_size(shape) > ZOO_TENSOR_DIMS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' should have a shape of up to %d sizes", path, t->name,
                        ZOO_TENSOR_DIMS_MAX);
    t->dims = json_array_size(shape);
    for (size_t i = 0; i < t->dims; i++) {
        const json_t *size = json_array_get(shape, i);
        json_int_t n = json_is_integer(size) ? json_integer_value(size) : -1;
        if (n < 0 || (uint64_t)n > SIZE_MAX)
            return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has an impossible shape", path, t->name);
        t->shape[i] = (size_t)n;
    }
    if (zoo_shape_elements(t->shape, t->dims, count))
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has an impossible shape", path, t->name);
    return ZOO_OK;
}

static int read_offset(uint64_t *out, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return ZOO_EFORMAT;
    *out = (uint64_t)json_integer_value(value);
    return ZOO_OK;
}

static int read_entry(zoo_tensor *t, const json_t *entry, const char *path, zoo_err *err)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t count = 0, bytes;
    size_t size = 0;
    int rc;

    if ((rc = read_dtype(t, entry, &size, path, err)) || (rc = read_shape(t, entry, &count, path, err)))
        return rc;
    if (json_array_size(offsets) != 2 || read_offset(&t->begin, json_array_get(offsets, 0)) ||
        read_offset(&t->end, json_array_get(offsets, 1)))
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' should have two data_offsets", path, t->name);
    if (__builtin_mul_overflow(count, (uint64_t)size, &bytes) || t->end < t->begin || t->end - t->begin != bytes)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has data_offsets that do not fit its shape", path, t->name);
    return ZOO_OK;
}

static int by_offset(const void *a, const void *b)
{
    const zoo_tensor *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors fill the data exactly: none overlaps, no gap, nothing behind the last. Moves them to their places in the file. */
static int check_places(zoo_tensor *tensors, size_t n, uint64_t data_start, uint64_t data_size, const char *path, zoo_err *err)
{
    uint64_t at = 0;

    if (n)
        qsort(tensors, n, sizeof *tensors, by_offset);
    for (size_t i = 0; i < n; i++) {
        zoo_tensor *t = &tensors[i];
        if (t->begin != at)
            return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' begins at byte %" PRIu64 " of the data, expected %" PRIu64, path,
                            t->name, t->begin, at);
        at = t->end;
        if (at > data_size)
            return zoo_fail(err, ZOO_EFORMAT, "%s: cut short: tensor '%s' ends at byte %" PRIu64 " of the data, %" PRIu64
                            " are there", path, t->name, at, data_size);
        t->begin += data_start;
        t->end += data_start;
    }
    if (at < data_size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %" PRIu64 " bytes behind the last tensor", path, data_size - at);
    return ZOO_OK;
}

static int read_tensors(zoo_tensor_list *list, const json_t *header, unsigned file, const char *path, zoo_err *err)
{
    const char *name;
    size_t size;
    json_t *entry;

    if (!json_is_object(header))
        return zoo_fail(err, ZOO_EFORMAT, "%s: the header should be an object, is %s", path, zoo_json_kind(header));
    json_object_keylen_foreach((json_t *)header, name, size, entry) {
        zoo_tensor *t;
        int rc;
        if (!strcmp(name, "__metadata__"))
            continue;
        if ((rc = zoo_tensor_list_add(list, &t, name, size, path, err)) || (rc = read_entry(t, entry, path, err)))
            return rc;
        t->file = file;
    }
    return ZOO_OK;
}

int zoo_safetensors_parse(zoo_tensor_list *list, const char *header, size_t size, uint64_t data_start, uint64_t data_size,
                          unsigned file, const char *path, zoo_err *err)
{
    size_t before = list->count;
    zoo_err why;
    json_t *json = zoo_json_parse(header, size, path, &why);
    int rc;

    if (!json)
        return zoo_fail(err, why.code, "%s", why.message);
    rc = read_tensors(list, json, file, path, err);
    if (!rc)
        rc = check_places(list->items + before, list->count - before, data_start, data_size, path, err);
    json_decref(json);
    return rc;
}

int zoo_safetensors_read(zoo_tensor_list *list, const zoo_file *file, unsigned number, zoo_err *err)
{
    uint64_t size;
    char *header = NULL;
    int rc;

    if (file->size < sizeof size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %" PRIu64 " bytes, too short for safetensors", file->path, file->size);
    if ((rc = zoo_file_read(file, &size, sizeof size, 0, err)))
        return rc;
    size = le64toh(size);
    if (size > file->size - sizeof size || size > ZOO_SAFETENSORS_HEADER_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: not safetensors, or cut short: a header of %" PRIu64 " bytes is announced",
                        file->path, size);
    header = malloc((size_t)size + 1);
    rc = header ? zoo_file_read(file, header, (size_t)size, sizeof size, err) : zoo_fail_nomem(err);
    if (!rc)
        rc = zoo_safetensors_parse(list, header, (size_t)size, sizeof size + size, file->size - sizeof size - size, number,
                                   file->path, err);
    free(header);
    return rc;
}

/* ---- writing ---- */
static size_t tensor_count(const zoo_tensor_out *t)
{
    size_t n = 1;

    for (size_t i = 0; i < t->dims; i++)
        n *= t->shape[i];
    return n;
}

static int add_header(zoo_buf *out, const zoo_tensor_out *tensors, size_t n)
{
    size_t at = 0;
    int rc = zoo_buf_add_str(out, "{\"__metadata__\":{\"format\":\"pt\"}");

    for (size_t i = 0; i < n && !rc; i++) {
        const zoo_tensor_out *t = &tensors[i];
        size_t bytes = tensor_count(t) * sizeof(float);
        rc = zoo_buf_add_str(out, ",") || zoo_buf_add_json_str(out, t->name, strlen(t->name)) ||
             zoo_buf_add_str(out, ":{\"dtype\":\"F32\",\"shape\":[");
        for (size_t d = 0; d < t->dims && !rc; d++)
            rc = zoo_buf_addf(out, "%s%zu", d ? "," : "", t->shape[d]);
        rc = rc || zoo_buf_addf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
        at += bytes;
    }
    rc = rc || zoo_buf_add_str(out, "}");
    while (!rc && out->size % 8)                                /* the data begins aligned */
        rc = zoo_buf_add_str(out, " ");
    return rc ? ZOO_ENOMEM : ZOO_OK;
}

static int add_data(zoo_buf *out, const zoo_tensor_out *t)
{
    size_t n = tensor_count(t);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &t->data[i], sizeof bits);
        bits = htole32(bits);
        if (zoo_buf_add(out, &bits, sizeof bits))
            return ZOO_ENOMEM;
    }
    return ZOO_OK;
#else
    return zoo_buf_add(out, t->data, n * sizeof(float));
#endif
}

int zoo_safetensors_write(const char *path, const zoo_tensor_out *tensors, size_t n, zoo_err *err)
{
    zoo_buf out = ZOO_BUF_INIT(SIZE_MAX / 4);
    uint64_t length = 0;
    size_t data = 0;
    int rc = zoo_buf_add(&out, &length, sizeof length) || add_header(&out, tensors, n);

    for (size_t i = 0; i < n; i++)
        data += tensor_count(&tensors[i]) * sizeof(float);
    if (!rc) {
        length = htole64(out.size - sizeof length);
        memcpy(out.data, &length, sizeof length);
        rc = zoo_buf_reserve(&out, data);
    }
    for (size_t i = 0; i < n && !rc; i++)
        rc = add_data(&out, &tensors[i]);
    rc = rc ? zoo_fail_nomem(err) : zoo_fs_write(path, out.data, out.size, err);
    zoo_buf_release(&out);
    return rc;
}
