/* tensor.c - a named tensor of a checkpoint file: its type, its shape, where its bytes lie; see tensor.h. */
#include "model/tensor.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; size_t bytes; enum zoo_dtype dtype; } dtypes[] = {
    { "F32", 4, ZOO_F32 }, { "F16", 2, ZOO_F16 }, { "BF16", 2, ZOO_BF16 }, { "F64", 8, ZOO_F64 }, { "I8", 1, ZOO_I8 },
    { "I64", 8, ZOO_OTHER_DTYPE }, { "U64", 8, ZOO_OTHER_DTYPE }, { "I32", 4, ZOO_OTHER_DTYPE },
        { "U32", 4, ZOO_OTHER_DTYPE },
    { "I16", 2, ZOO_OTHER_DTYPE }, { "U16", 2, ZOO_OTHER_DTYPE }, { "U8", 1, ZOO_OTHER_DTYPE },
        { "BOOL", 1, ZOO_OTHER_DTYPE },
    { "F8_E4M3", 1, ZOO_OTHER_DTYPE }, { "F8_E5M2", 1, ZOO_OTHER_DTYPE }, { "C64", 8, ZOO_OTHER_DTYPE },
};

/* ---- list ---- */
static int check_name(const char *name, size_t size, const char *place, zoo_err *err)
{
    int ok = size > 0 && size <= ZOO_TENSOR_NAME_MAX;

    for (size_t i = 0; ok && i < size; i++)
        ok = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f;
    if (ok)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT,
                    "%s: a tensor's name should have 1 to %d bytes and no control characters, is '%.*s'", place,
                    ZOO_TENSOR_NAME_MAX, (int)(size < 100 ? size : 100), name);
}

int zoo_tensor_list_add(zoo_tensor_list *list, zoo_tensor **out, const char *name, size_t size, const char *place,
                        zoo_err *err)
{
    zoo_tensor *t;
    int rc = check_name(name, size, place, err);

    if (rc)
        return rc;
    if (list->count == ZOO_TENSORS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: more than %d tensors", place, ZOO_TENSORS_MAX);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 256;
        t = realloc(list->items, capacity * sizeof *t);
        if (!t)
            return zoo_fail_nomem(err);
        list->items = t;
        list->capacity = capacity;
    }
    t = &list->items[list->count];
    memset(t, 0, sizeof *t);
    t->name = zoo_arena_copy(&list->names, name, size);
    if (!t->name)
        return zoo_fail_nomem(err);
    list->count++;
    *out = t;
    return ZOO_OK;
}

void zoo_tensor_list_release(zoo_tensor_list *list)
{
    zoo_arena_release(&list->names);
    free(list->items);
    memset(list, 0, sizeof *list);
}

/* ---- types and shapes ---- */
int zoo_dtype_find(const char *name, enum zoo_dtype *dtype, const char **static_name, size_t *bytes)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(name, dtypes[i].name)) {
            *dtype = dtypes[i].dtype;
            *static_name = dtypes[i].name;
            *bytes = dtypes[i].bytes;
            return 1;
        }
    return 0;
}

const char *zoo_dtype_name(enum zoo_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t zoo_dtype_bytes(enum zoo_dtype dtype)
{
    return dtypes[dtype].bytes;
}

int zoo_shape_elements(const size_t *shape, size_t dims, uint64_t *out)
{
    *out = 1;
    for (size_t i = 0; i < dims; i++)
        if (__builtin_mul_overflow(*out, (uint64_t)shape[i], out))
            return 1;
    return 0;
}

uint64_t zoo_tensor_elements(const zoo_tensor *t)
{
    uint64_t n;

    zoo_shape_elements(t->shape, t->dims, &n);
    return n;
}

int zoo_tensor_check_shape(const zoo_tensor *t, const size_t *shape, size_t dims, const char *path, zoo_err *err)
{
    if (t->dims != dims)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has %zu dimensions, config.json asks for %zu", path, t->name,
                        t->dims, dims);
    for (size_t i = 0; i < dims; i++)
        if (t->shape[i] != shape[i])
            return zoo_fail(err, ZOO_EFORMAT, "%s: tensor '%s' has size %zu in dimension %zu, config.json asks for %zu",
                            path, t->name, t->shape[i], i, shape[i]);
    return ZOO_OK;
}

/* ---- values ---- */
static inline uint32_t to_bits(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
    uint32_t small = to_bits((float)(int32_t)fraction * 0x1p-24f);              /* subnormal: exact */
    uint32_t large = (exponent == 31 ? UINT32_C(0x7f800000) : (exponent + 112) << 23) | fraction << 13;

    return from_bits(sign | (exponent ? large : small));
}

/* Rounds to the nearest, ties to even. */
static inline uint16_t float_to_brain(float x)
{
    uint32_t bits = to_bits(x);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;

    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : rounded);
}

static inline uint16_t float_to_half(float x)
{
    uint32_t bits = to_bits(x), size = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;

    if (size > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (size >= 0x477ff000)                                     /* 65520 and more */
        return (uint16_t)(sign | 0x7c00);
    if (size < 0x38800000) {                               /* below 2^-14: the addition rounds to a multiple of 2^-24 */
        return (uint16_t)(sign | (to_bits(from_bits(size) + 0.5f) - to_bits(0.5f)));
    }
    return (uint16_t)(sign | ((size - UINT32_C(0x38000000) + 0xfff + (size >> 13 & 1)) >> 13));
}

static void widen_half(float *restrict out, const uint16_t *restrict raw, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = half_to_float(le16toh(raw[i]));
}

static void widen_brain(float *restrict out, const uint16_t *restrict raw, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = from_bits((uint32_t)le16toh(raw[i]) << 16);
}

static void widen_wide(float *restrict out, const uint32_t *restrict raw, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = from_bits(le32toh(raw[i]));
}

static void widen_double(float *restrict out, const uint64_t *restrict raw, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = le64toh(raw[i]);
        double x;
        memcpy(&x, &bits, sizeof x);
        out[i] = (float)x;
    }
}

static void widen_byte(float *restrict out, const int8_t *restrict raw, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = raw[i];
}

void zoo_floats_widen(float *out, const void *raw, enum zoo_dtype dtype, size_t n)
{
    switch (dtype) {
    case ZOO_F32: widen_wide(out, raw, n); break;
    case ZOO_F16: widen_half(out, raw, n); break;
    case ZOO_BF16: widen_brain(out, raw, n); break;
    case ZOO_F64: widen_double(out, raw, n); break;
    case ZOO_I8: widen_byte(out, raw, n); break;
    case ZOO_OTHER_DTYPE: break;
    }
}

static void narrow_brain(uint16_t *restrict out, const float *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = htole16(float_to_brain(x[i]));
}

static void narrow_half(uint16_t *restrict out, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = htole16(float_to_half(x[i]));
}

static void narrow_wide(uint32_t *restrict out, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = htole32(to_bits(x[i]));
}

void zoo_floats_narrow(void *raw, const float *x, enum zoo_dtype dtype, size_t n)
{
    if (dtype == ZOO_F16)
        narrow_half(raw, x, n);
    else if (dtype == ZOO_BF16)
        narrow_brain(raw, x, n);
    else
        narrow_wide(raw, x, n);
}

int zoo_floats_are_finite(const float *x, size_t n)
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
