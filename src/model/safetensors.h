/* safetensors.h - the format: an 8-byte little-endian length, a JSON header of that length, the bytes.
 * weights.h reads values.
 *
 * As strict as the format's reference reader: tensors neither overlap nor leave gaps, the last ends where the file
 * ends, names are distinct. Layer: model -> base. Threads: the caller owns list and file. */
#ifndef ZOO_MODEL_SAFETENSORS_H
#define ZOO_MODEL_SAFETENSORS_H
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "model/tensor.h"

enum { ZOO_SAFETENSORS_HEADER_MAX = 16 << 20 };

/* Adds the tensors of an open file, by offset. `number` becomes zoo_tensor.file. On failure the list may have grown. */
int zoo_safetensors_read(zoo_tensor_list *list, const zoo_file *file, unsigned number, zoo_err *err);
/* A header by itself, whose data are the `data_size` bytes at `data_start`; what read() uses, and fuzzing. */
int zoo_safetensors_parse(zoo_tensor_list *list, const char *header, size_t size, uint64_t data_start,
                          uint64_t data_size, unsigned number, const char *path, zoo_err *err);

/* Appends what such a file begins with: length and header of tensors whose bytes follow in that order. ZOO_ENOMEM. */
int zoo_safetensors_add_head(zoo_buf *out, const zoo_planned *tensors, size_t n);

/* A tensor in memory: F32. */
typedef struct zoo_tensor_out { const char *name; size_t dims,
                                shape[ZOO_TENSOR_DIMS_MAX]; const float *data; } zoo_tensor_out;
/* Writes and syncs the file `path`. What does not fit into memory: weights_writer.h. */
int zoo_safetensors_write(const char *path, const zoo_tensor_out *tensors, size_t n, zoo_err *err);
#endif
