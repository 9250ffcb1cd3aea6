/* safetensors.c - the format: an 8-byte little-endian length, a JSON header of that length, the bytes; see
 * safetensors.h. */
#include "model/safetensors.h"
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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

/* The tensors from `first` on fill the data exactly: none overlaps, no gap, nothing behind the last. Moves them to
 * their places in the file. */
static int check_places(zoo_tensor_list *list, size_t first, uint64_t data_start, uint64_t data_size, const char *path,
                        zoo_err *err)
{
    uint64_t at = 0;

    if (list->count > first)
        qsort(list->items + first, list->count - first, sizeof *list->items, by_offset);
    for (size_t i = first; i < list->count; i++) {
        zoo_tensor *t = &list->items[i];
        if (t->begin != at)
            return zoo_fail(err, ZOO_EFORMAT,
                            "%s: tensor '%s' begins at byte %" PRIu64 " of the data, expected %" PRIu64, path, t->name,
                            t->begin, at);
        at = t->end;
        if (at > data_size)
            return zoo_fail(err, ZOO_EFORMAT,
                            "%s: cut short: tensor '%s' ends at byte %" PRIu64 " of the data, %" PRIu64
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

int zoo_safetensors_parse(zoo_tensor_list *list, const char *header, size_t size, uint64_t data_start,
                          uint64_t data_size, unsigned file, const char *path, zoo_err *err)
{
    size_t before = list->count;
    zoo_err why;
    json_t *json = zoo_json_parse(header, size, path, &why);
    int rc;

    if (!json)
        return zoo_fail(err, why.code, "%s", why.message);
    rc = read_tensors(list, json, file, path, err);
    if (!rc)
        rc = check_places(list, before, data_start, data_size, path, err);
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
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: not safetensors, or cut short: a header of %" PRIu64 " bytes is announced", file->path,
                        size);
    header = malloc((size_t)size + 1);
    rc = header ? zoo_file_read(file, header, (size_t)size, sizeof size, err) : zoo_fail_nomem(err);
    if (!rc)
        rc = zoo_safetensors_parse(list, header, (size_t)size, sizeof size + size, file->size - sizeof size - size,
                                   number, file->path, err);
    free(header);
    return rc;
}

/* ---- writing ---- */
static int add_entry(zoo_buf *out, const zoo_planned *t, uint64_t begin, uint64_t end)
{
    int failed = zoo_buf_add_str(out, ",") || zoo_buf_add_json_str(out, t->name, strlen(t->name)) ||
                 zoo_buf_addf(out, ":{\"dtype\":\"%s\",\"shape\":[", zoo_dtype_name(t->dtype));

    for (size_t d = 0; d < t->dims && !failed; d++)
        failed = zoo_buf_addf(out, "%s%zu", d ? "," : "", t->shape[d]);
    return failed || zoo_buf_addf(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin, end) ? ZOO_ENOMEM :
           ZOO_OK;
}

int zoo_safetensors_add_head(zoo_buf *out, const zoo_planned *tensors, size_t n)
{
    size_t start = out->size;
    uint64_t length = 0, at = 0;
    int rc = zoo_buf_add(out, &length, sizeof length) || zoo_buf_add_str(out, "{\"__metadata__\":{\"format\":\"pt\"}");

    for (size_t i = 0; i < n && !rc; i++) {
        uint64_t elements, bytes;
        if (zoo_shape_elements(tensors[i].shape, tensors[i].dims, &elements))
            return ZOO_ENOMEM;
        bytes = elements * zoo_dtype_bytes(tensors[i].dtype);
        rc = add_entry(out, &tensors[i], at, at + bytes);
        at += bytes;
    }
    rc = rc || zoo_buf_add_str(out, "}");
    while (!rc && (out->size - start) % 8)                      /* the data begin aligned */
        rc = zoo_buf_add_str(out, " ");
    if (rc)
        return ZOO_ENOMEM;
    length = htole64(out->size - start - sizeof length);
    memcpy(out->data + start, &length, sizeof length);
    return ZOO_OK;
}

static size_t count_of(const zoo_tensor_out *t)
{
    uint64_t n;

    zoo_shape_elements(t->shape, t->dims, &n);
    return (size_t)n;
}

/* 0: all was written. */
static int put_floats(FILE *file, const float *x, size_t n)
{
    float chunk[2048];

    for (size_t m; n; x += m, n -= m) {
        m = n < 2048 ? n : 2048;
        zoo_floats_narrow(chunk, x, ZOO_F32, m);
        if (fwrite(chunk, sizeof *x, m, file) != m)
            return -1;
    }
    return 0;
}

static int put_all(const char *path, const zoo_buf *head, const zoo_tensor_out *tensors, size_t n, zoo_err *err)
{
    FILE *file = fopen(path, "wbe");
    int failed;

    if (!file)
        return zoo_fail_errno(err, errno, "%s", path);
    failed = fwrite(head->data, 1, head->size, file) != head->size;
    for (size_t i = 0; i < n && !failed; i++)
        failed = put_floats(file, tensors[i].data, count_of(&tensors[i]));
    failed = failed || fflush(file);
    if (failed)
        zoo_fail_errno(err, errno, "%s", path);
    if (fclose(file) && !failed) {
        zoo_fail_errno(err, errno, "%s", path);
        failed = 1;
    }
    return failed ? ZOO_EIO : ZOO_OK;
}

int zoo_safetensors_write(const char *path, const zoo_tensor_out *tensors, size_t n, zoo_err *err)
{
    zoo_buf head = ZOO_BUF_INIT(ZOO_SAFETENSORS_HEADER_MAX);
    zoo_planned *plan = calloc(n + 1, sizeof *plan);
    char beside[PATH_MAX];
    int rc = ZOO_OK;

    for (size_t i = 0; plan && i < n; i++) {
        plan[i] = (zoo_planned){ .name = tensors[i].name, .dtype = ZOO_F32, .dims = tensors[i].dims };
        memcpy(plan[i].shape, tensors[i].shape, sizeof plan[i].shape);
    }
    if (!plan || zoo_safetensors_add_head(&head, plan, n))
        rc = zoo_fail_nomem(err);
    else if (snprintf(beside, sizeof beside, "%s.part.%ld", path, (long)getpid()) >= (int)sizeof beside)
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: name too long", path);
    else if ((rc = put_all(beside, &head, tensors, n, err)))
        unlink(beside);
    else
        rc = zoo_fs_replace(beside, path, err);
    free(plan);
    zoo_buf_release(&head);
    return rc;
}
