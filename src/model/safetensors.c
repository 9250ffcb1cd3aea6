#include "model/safetensors.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/json.h"

enum { CHUNK = 1 << 20, NARROW = 8192 };        /* bytes read at once; 16-bit values converted at once */

struct zoo_safetensors {
    char *path;
    int fd;
    struct stat opened;
    uint64_t data_start;                        /* byte in the file */
    json_t *header;                             /* owns the names */
    zoo_tensor *tensors;                        /* by offset */
    size_t count;
};

static const struct { const char *name; size_t size; enum zoo_dtype dtype; } dtypes[] = {
    { "F32", 4, ZOO_F32 }, { "F16", 2, ZOO_F16 }, { "BF16", 2, ZOO_BF16 },
    { "F64", 8, ZOO_OTHER_DTYPE }, { "I64", 8, ZOO_OTHER_DTYPE }, { "U64", 8, ZOO_OTHER_DTYPE },
    { "I32", 4, ZOO_OTHER_DTYPE }, { "U32", 4, ZOO_OTHER_DTYPE }, { "I16", 2, ZOO_OTHER_DTYPE },
    { "U16", 2, ZOO_OTHER_DTYPE }, { "I8", 1, ZOO_OTHER_DTYPE }, { "U8", 1, ZOO_OTHER_DTYPE },
    { "BOOL", 1, ZOO_OTHER_DTYPE }, { "F8_E4M3", 1, ZOO_OTHER_DTYPE }, { "F8_E5M2", 1, ZOO_OTHER_DTYPE },
};

/* ---- header ---- */
static int read_dtype(zoo_tensor *t, const json_t *entry, size_t *size, const char *path, zoo_err *err)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));

    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(name, dtypes[i].name)) {
            t->dtype_name = dtypes[i].name;
            t->dtype = dtypes[i].dtype;
            *size = dtypes[i].size;
            return ZOO_OK;
        }
    return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has the unknown dtype '%s'", path, t->name, name ? name : "");
}

/* *count = product of the shape; an overflow is an error. */
static int read_shape(zoo_tensor *t, const json_t *entry, uint64_t *count, const char *path, zoo_err *err)
{
    const json_t *shape = json_object_get(entry, "shape");

    if (!json_is_array(shape) || json_array_size(shape) > ZOO_TENSOR_DIMS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' should have a shape of up to %d sizes", path, t->name,
                        ZOO_TENSOR_DIMS_MAX);
    *count = 1;
    t->dims = json_array_size(shape);
    for (size_t i = 0; i < t->dims; i++) {
        const json_t *size = json_array_get(shape, i);
        json_int_t n = json_is_integer(size) ? json_integer_value(size) : -1;
        if (n < 0 || (uint64_t)n > SIZE_MAX || __builtin_mul_overflow(*count, (uint64_t)n, count))
            return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has an impossible shape", path, t->name);
        t->shape[i] = (size_t)n;
    }
    return ZOO_OK;
}

static int read_offset(uint64_t *out, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return ZOO_EFORMAT;
    *out = (uint64_t)json_integer_value(value);
    return ZOO_OK;
}

static int read_entry(zoo_tensor *t, const char *name, const json_t *entry, const char *path, zoo_err *err)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t count = 0, bytes;
    size_t size = 0;
    int rc;

    t->name = name;
    if ((rc = read_dtype(t, entry, &size, path, err)) || (rc = read_shape(t, entry, &count, path, err)))
        return rc;
    if (json_array_size(offsets) != 2 || read_offset(&t->begin, json_array_get(offsets, 0)) ||
        read_offset(&t->end, json_array_get(offsets, 1)))
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' should have two data_offsets", path, name);
    if (__builtin_mul_overflow(count, (uint64_t)size, &bytes) || t->end < t->begin || t->end - t->begin != bytes)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has data_offsets that do not fit its shape", path, name);
    return ZOO_OK;
}

static int by_offset(const void *a, const void *b)
{
    const zoo_tensor *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int read_tensors(zoo_safetensors *file, uint64_t data_size, zoo_err *err)
{
    const char *name;
    json_t *entry;
    uint64_t at = 0;

    if (!json_is_object(file->header) || json_object_size(file->header) > ZOO_TENSORS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the header should be an object of at most %d tensors", file->path, ZOO_TENSORS_MAX);
    file->tensors = calloc(json_object_size(file->header) + 1, sizeof *file->tensors);
    if (!file->tensors)
        return zoo_fail_nomem(err);
    json_object_foreach(file->header, name, entry) {
        if (!strcmp(name, "__metadata__"))
            continue;
        int rc = read_entry(&file->tensors[file->count], name, entry, file->path, err);
        if (rc)
            return rc;
        file->count++;
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, by_offset);
    for (size_t i = 0; i < file->count; i++) {
        const zoo_tensor *t = &file->tensors[i];
        if (t->begin != at)
            return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' begins at byte %" PRIu64 " of the data, expected %" PRIu64,
                            file->path, t->name, t->begin, at);
        at = t->end;
    }
    if (at > data_size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: cut short: %" PRIu64 " bytes of tensors are announced, %" PRIu64 " are there",
                        file->path, at, data_size);
    if (at < data_size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %" PRIu64 " bytes behind the last tensor", file->path, data_size - at);
    return ZOO_OK;
}

int zoo_safetensors_parse(zoo_safetensors **out, const char *header, size_t size, uint64_t data_size, const char *path,
                          zoo_err *err)
{
    zoo_safetensors *file = calloc(1, sizeof *file);
    int rc = ZOO_OK;

    *out = NULL;
    if (!file)
        return zoo_fail_nomem(err);
    file->fd = -1;
    file->path = strdup(path);
    if (!file->path) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    file->header = zoo_json_parse(header, size, path, err);
    if (!file->header) {
        rc = err && err->code == ZOO_ENOMEM ? ZOO_ENOMEM : ZOO_EFORMAT;
        goto done;
    }
    rc = read_tensors(file, data_size, err);
done:
    if (rc)
        zoo_safetensors_close(file);
    else
        *out = file;
    return rc;
}

/* ---- file ---- */
/* Exactly `size` bytes at `offset`. */
static int read_exactly(int fd, void *to, size_t size, uint64_t offset, const char *path, zoo_err *err)
{
    char *at = to;

    while (size) {
        ssize_t n = pread(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return zoo_fail_errno(err, errno, "%s", path);
        if (n == 0)
            return zoo_fail(err, ZOO_EFORMAT, "%s: cut short at byte %" PRIu64, path, offset);
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return ZOO_OK;
}

static int read_header(char **header, uint64_t *size, int fd, const struct stat *st, const char *path, zoo_err *err)
{
    uint64_t length, file_size = (uint64_t)st->st_size;
    int rc;

    if (!S_ISREG(st->st_mode))
        return zoo_fail(err, ZOO_EIO, "%s: not a regular file", path);
    if (file_size < sizeof length)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %" PRIu64 " bytes, too short for safetensors", path, file_size);
    rc = read_exactly(fd, &length, sizeof length, 0, path, err);
    if (rc)
        return rc;
    *size = le64toh(length);
    if (*size > file_size - sizeof length || *size > ZOO_SAFETENSORS_HEADER_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: not safetensors, or cut short: a header of %" PRIu64 " bytes is announced", path,
                        *size);
    *header = malloc((size_t)*size + 1);
    if (!*header)
        return zoo_fail_nomem(err);
    return read_exactly(fd, *header, (size_t)*size, sizeof length, path, err);
}

int zoo_safetensors_open(zoo_safetensors **out, const char *path, zoo_err *err)
{
    zoo_err why;
    struct stat st;
    char *header = NULL;
    uint64_t size = 0;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *out = NULL;
    if (fd < 0 || fstat(fd, &st) < 0) {
        rc = zoo_fail_errno(err, errno, "%s", path);
        goto done;
    }
    rc = read_header(&header, &size, fd, &st, path, err);
    if (rc)
        goto done;
    rc = zoo_safetensors_parse(out, header, (size_t)size, (uint64_t)st.st_size - sizeof size - size, path, &why);
    if (rc) {
        zoo_fail(err, rc, "%s", why.message);
        goto done;
    }
    (*out)->fd = fd;
    (*out)->opened = st;
    (*out)->data_start = sizeof size + size;
    fd = -1;
done:
    free(header);
    if (fd >= 0)
        close(fd);
    return rc;
}

void zoo_safetensors_close(zoo_safetensors *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    json_decref(file->header);
    free(file->tensors);
    free(file->path);
    free(file);
}

size_t zoo_safetensors_count(const zoo_safetensors *file)
{
    return file->count;
}

const zoo_tensor *zoo_safetensors_find(const zoo_safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (!strcmp(file->tensors[i].name, name))
            return &file->tensors[i];
    return NULL;
}

int zoo_safetensors_check_unchanged(const zoo_safetensors *file, zoo_err *err)
{
    struct stat st;

    if (fstat(file->fd, &st))
        return zoo_fail_errno(err, errno, "%s", file->path);
    if (st.st_size != file->opened.st_size || st.st_mtim.tv_sec != file->opened.st_mtim.tv_sec ||
        st.st_mtim.tv_nsec != file->opened.st_mtim.tv_nsec)
        return zoo_fail(err, ZOO_EIO, "%s: written to while it was read; try again", file->path);
    return ZOO_OK;
}

/* ---- values ---- */
static float bits_to_float(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;

    if (exponent == 0) {                                        /* fraction * 2^-24 is exact */
        float x = (float)fraction * 0x1p-24f;
        return sign ? -x : x;
    }
    exponent = exponent == 31 ? 255 : exponent + 127 - 15;
    return bits_to_float(sign | exponent << 23 | fraction << 13);
}

/* Whether all of x[0..n) are finite. */
static int all_finite(const float *x, size_t n)
{
    uint32_t bad = 0;

#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        __builtin_memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

static int read_wide(zoo_safetensors *file, const zoo_tensor *t, float *out, size_t from, size_t n, zoo_err *err)
{
    int rc = read_exactly(file->fd, out + from, n * 4, file->data_start + t->begin + from * 4, file->path, err);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; !rc && i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &out[from + i], sizeof bits);
        out[from + i] = bits_to_float(le32toh(bits));
    }
#endif
    return rc;
}

static int read_narrow(zoo_safetensors *file, const zoo_tensor *t, float *out, size_t from, size_t n, zoo_err *err)
{
    uint16_t raw[NARROW];
    int rc = read_exactly(file->fd, raw, n * 2, file->data_start + t->begin + from * 2, file->path, err);

    for (size_t i = 0; !rc && i < n; i++) {
        uint16_t x = le16toh(raw[i]);
        out[from + i] = t->dtype == ZOO_F16 ? half_to_float(x) : bits_to_float((uint32_t)x << 16);
    }
    return rc;
}

static int check_shape(const zoo_safetensors *file, const zoo_tensor *t, const char *name, const size_t *shape, size_t dims,
                       zoo_err *err)
{
    if (!t)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the tensor '%s' is missing", file->path, name);
    if (t->dtype == ZOO_OTHER_DTYPE)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' is %s, should be F32, F16 or BF16", file->path, name, t->dtype_name);
    if (t->dims != dims)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has %zu dimensions, config.json asks for %zu", file->path, name,
                        t->dims, dims);
    for (size_t i = 0; i < dims; i++)
        if (t->shape[i] != shape[i])
            return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has size %zu in dimension %zu, config.json asks for %zu",
                            file->path, name, t->shape[i], i, shape[i]);
    return ZOO_OK;
}

int zoo_safetensors_read_f32(zoo_safetensors *file, const char *name, const size_t *shape, size_t dims, float *out, zoo_err *err)
{
    const zoo_tensor *t = zoo_safetensors_find(file, name);
    int rc = check_shape(file, t, name, shape, dims, err);
    size_t count, step, n;

    if (rc)
        return rc;
    count = (size_t)(t->end - t->begin) / (t->dtype == ZOO_F32 ? 4 : 2);
    step = t->dtype == ZOO_F32 ? CHUNK / 4 : NARROW;
    for (size_t from = 0; from < count; from += n) {
        n = count - from < step ? count - from : step;
        rc = t->dtype == ZOO_F32 ? read_wide(file, t, out, from, n, err) : read_narrow(file, t, out, from, n, err);
        if (rc)
            return rc;
        if (!all_finite(out + from, n))
            return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' holds a value that is not a finite number", file->path, name);
    }
    return ZOO_OK;
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
