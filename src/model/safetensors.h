/* safetensors.h - named tensors in one file: an 8-byte little-endian length, a JSON header of that length, the bytes.
 *
 *     zoo_safetensors *file;
 *     if (zoo_safetensors_open(&file, "model.safetensors", &err) ||
 *         zoo_safetensors_read_f32(file, "classifier.weight", (size_t[]){ K, D }, 2, out, &err)) ...
 *     zoo_safetensors_close(file);
 *
 * As strict as the format's reference reader: tensors neither overlap nor leave gaps, the last ends where the file ends, names are
 * distinct. Bytes are read, never mapped: a file that is cut or rewritten meanwhile is an error, not a signal.
 * Layer: model -> base. Threads: one owner. */
#ifndef ZOO_MODEL_SAFETENSORS_H
#define ZOO_MODEL_SAFETENSORS_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { ZOO_TENSOR_DIMS_MAX = 8, ZOO_TENSORS_MAX = 65536, ZOO_SAFETENSORS_HEADER_MAX = 16 << 20 };

enum zoo_dtype { ZOO_F32, ZOO_F16, ZOO_BF16, ZOO_OTHER_DTYPE };

typedef struct zoo_tensor {
    const char *name, *dtype_name;              /* "F32"; borrowed from the header */
    enum zoo_dtype dtype;
    size_t dims, shape[ZOO_TENSOR_DIMS_MAX];
    uint64_t begin, end;                        /* bytes behind the header */
} zoo_tensor;

typedef struct zoo_safetensors zoo_safetensors;

/* Opens `path` and checks its header. ZOO_EIO, ZOO_EFORMAT or ZOO_ENOMEM with *out = NULL. */
int zoo_safetensors_open(zoo_safetensors **out, const char *path, zoo_err *err);
void zoo_safetensors_close(zoo_safetensors *file);                      /* NULL is fine */
/* A header by itself, in front of data_size bytes; what open() uses, and fuzzing. */
int zoo_safetensors_parse(zoo_safetensors **out, const char *header, size_t size, uint64_t data_size, const char *path,
                          zoo_err *err);

size_t zoo_safetensors_count(const zoo_safetensors *file);
const zoo_tensor *zoo_safetensors_find(const zoo_safetensors *file, const char *name);         /* NULL: there is none */

/* Reads a tensor that must have that shape and be F32, F16 or BF16, as floats. A value that is not finite is an error. */
int zoo_safetensors_read_f32(zoo_safetensors *file, const char *name, const size_t *shape, size_t dims, float *out, zoo_err *err);

/* ZOO_EIO where the file was written to since it was opened, so that what was read may be half of each. */
int zoo_safetensors_check_unchanged(const zoo_safetensors *file, zoo_err *err);

/* A tensor to write: F32. */
typedef struct zoo_tensor_out { const char *name; size_t dims, shape[ZOO_TENSOR_DIMS_MAX]; const float *data; } zoo_tensor_out;
/* Writes and syncs the file `path`. */
int zoo_safetensors_write(const char *path, const zoo_tensor_out *tensors, size_t n, zoo_err *err);
#endif
