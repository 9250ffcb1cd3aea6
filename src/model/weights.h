/* weights.h - the named tensors of a checkpoint folder, whatever file holds them: model.safetensors, shards with an
 * index, or pytorch_model.bin (a zip of a pickle that is read as data: tensors alone, nothing is executed). Where
 * several are there, the first of model.safetensors, model.safetensors.index.json, pytorch_model.bin,
 * pytorch_model.bin.index.json is read.
 *
 *     zoo_weights *w;
 *     zoo_weights_open(&w, "my-router", &err);
 *     zoo_weights_read(w, "classifier.weight", (size_t[]){ K, H }, 2, out, &err);
 *     zoo_weights_close(w);
 *
 * Files are read with pread(), never mapped: one that is cut or rewritten while in use is an error and not a signal,
 * and a library may not catch signals. The page cache is shared all the same.
 * An 8-bit weight (I8 with NAME_scale beside it, as the compressed-tensors format has it)
 * reads as floats like any other.
 * Layer: model -> base. Threads: immutable once open; any number of threads may read. */
#ifndef ZOO_MODEL_WEIGHTS_H
#define ZOO_MODEL_WEIGHTS_H
#include <stddef.h>
#include "base/err.h"
#include "model/tensor.h"

typedef struct zoo_weights zoo_weights;

int zoo_weights_open(zoo_weights **out, const char *dir, zoo_err *err);
/* One file by itself: safetensors, or a .bin. */
int zoo_weights_open_file(zoo_weights **out, const char *path, zoo_err *err);
void zoo_weights_close(zoo_weights *weights);                                       /* NULL is fine */
size_t zoo_weights_count(const zoo_weights *weights);
const zoo_tensor *zoo_weights_at(const zoo_weights *weights, size_t i);             /* in the order of their names */
const zoo_tensor *zoo_weights_find(const zoo_weights *weights, const char *name);   /* NULL: there is none */
/* The file that holds a tensor, for errors. */
const char *zoo_weights_path(const zoo_weights *weights, const zoo_tensor *tensor);
size_t zoo_weights_file_count(const zoo_weights *weights);
const char *zoo_weights_file(const zoo_weights *weights, size_t i);                 /* path of file i */

/* ZOO_EFORMAT unless there is a tensor of that name and shape: to be asked before memory is
 * taken on the word of a config. */
int zoo_weights_check(const zoo_weights *weights, const char *name, const size_t *shape, size_t dims, zoo_err *err);
/* A tensor of that shape as floats (F32, F16, BF16, F64, I8 with a scale). Another shape or type,
 * or not finite: ZOO_EFORMAT. */
int zoo_weights_read(const zoo_weights *weights, const char *name, const size_t *shape, size_t dims, float *out,
                     zoo_err *err);
/* n elements of a tensor from element `first` on, in row-major order; first + n is at most its number of elements. */
int zoo_weights_read_some(const zoo_weights *weights, const zoo_tensor *tensor, uint64_t first, size_t n, float *out,
                          zoo_err *err);
/* Row `row` of a matrix as floats; checked by zoo_weights_find() before.
 * One system call (two where there is a scale), no memory. */
int zoo_weights_read_row(const zoo_weights *weights, const zoo_tensor *tensor, size_t row, float *out, zoo_err *err);
/* ZOO_EIO where a file was written to or cut since it was opened. One fstat a file. */
int zoo_weights_check_unchanged(const zoo_weights *weights, zoo_err *err);
#endif
