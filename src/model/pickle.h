/* pickle.h - the tensors that a pickled state_dict names, read as data. A pickle is a program; this reader runs none of
 * it: it knows the opcodes and the globals that torch.save writes for a dictionary of tensors, treats them as notation,
 * and refuses anything else, naming it. The numbers themselves lie elsewhere: a tensor says
 * in which storage, from which element on.
 * Layer: model -> base. Threads: pure. */
#ifndef ZOO_MODEL_PICKLE_H
#define ZOO_MODEL_PICKLE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "model/tensor.h"

enum { ZOO_PICKLE_MAX = 16 << 20 };

/* Strings are borrowed from the pickle, not NUL-terminated. */
typedef struct zoo_pickled {
    const char *name, *storage;                 /* "classifier.weight", "17" */
    size_t name_size, storage_size;
    const char *dtype_name;                     /* as safetensors calls it */
    enum zoo_dtype dtype;
    size_t dtype_bytes;
    size_t dims, shape[ZOO_TENSOR_DIMS_MAX];    /* row-major, contiguous */
    uint64_t offset, elements;                  /* in elements; their sum does not overflow, nor do they in bytes */
} zoo_pickled;

/* Not 0: an error, with a sentence; ends the reading. */
typedef int (*zoo_pickled_fn)(void *context, const zoo_pickled *tensor, zoo_err *err);

/* Calls fn for each tensor of the outermost dictionary; what in it is no tensor is left out. `place` begins the
 * sentence of an error. */
int zoo_pickle_read(const char *bytes, size_t size, const char *place, zoo_pickled_fn fn, void *context, zoo_err *err);
#endif
