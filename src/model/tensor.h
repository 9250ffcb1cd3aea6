/* tensor.h - a named tensor of a checkpoint file: its type, its shape, where its bytes lie;
 * and the types as floats and back.
 * Layer: model -> base. Threads: a list has one owner while it grows; the rest are pure functions. */
#ifndef ZOO_MODEL_TENSOR_H
#define ZOO_MODEL_TENSOR_H
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"

enum { ZOO_TENSOR_DIMS_MAX = 8, ZOO_TENSORS_MAX = 65536, ZOO_TENSOR_NAME_MAX = 1024 };

/* ZOO_OTHER_DTYPE: integers wider than a byte, booleans and the like, which no network here computes with. */
enum zoo_dtype { ZOO_F32, ZOO_F16, ZOO_BF16, ZOO_F64, ZOO_I8, ZOO_OTHER_DTYPE };

typedef struct zoo_tensor {
    const char *name, *dtype_name;              /* "F32" */
    enum zoo_dtype dtype;
    size_t dims, shape[ZOO_TENSOR_DIMS_MAX];
    uint64_t begin, end;                        /* bytes in its file */
    unsigned file;                              /* number of that file in its checkpoint */
    const struct zoo_tensor *scale;             /* ZOO_I8: the factor of each row, (rows) or (rows, 1); NULL: none */
} zoo_tensor;

/* A tensor that will be written. */
typedef struct zoo_planned { const char *name; enum zoo_dtype dtype; size_t dims,
                             shape[ZOO_TENSOR_DIMS_MAX]; } zoo_planned;

/* Tensors with their names, growing. Zeroed: empty. */
typedef struct zoo_tensor_list { zoo_arena names; zoo_tensor *items; size_t count, capacity; } zoo_tensor_list;

/* A new tensor of that name (copied, NUL-terminated), the rest zeroed, in *out until the next is added. `place` begins
 * the sentence of an error: too many tensors, a name that is empty, too long or holds a control character. */
int zoo_tensor_list_add(zoo_tensor_list *list, zoo_tensor **out, const char *name, size_t size, const char *place,
                        zoo_err *err);
void zoo_tensor_list_release(zoo_tensor_list *list);

/* The type called `name` as safetensors calls it: 1, with its name and bytes an element; 0: there is none. */
int zoo_dtype_find(const char *name, enum zoo_dtype *dtype, const char **static_name, size_t *bytes);
/* The name of a type that is not ZOO_OTHER_DTYPE, and the bytes of an element. */
const char *zoo_dtype_name(enum zoo_dtype dtype);
size_t zoo_dtype_bytes(enum zoo_dtype dtype);
/* Product of the sizes; 1 where it overflows. */
int zoo_shape_elements(const size_t *shape, size_t dims, uint64_t *out);
/* The elements of a tensor that was checked. */
uint64_t zoo_tensor_elements(const zoo_tensor *tensor);
/* ZOO_EFORMAT, with a sentence, unless it has that shape. `path`: of its file. */
int zoo_tensor_check_shape(const zoo_tensor *tensor, const size_t *shape, size_t dims, const char *path, zoo_err *err);

/* n values as they lie in a file (little-endian) to floats; `dtype` is not ZOO_OTHER_DTYPE. out may not overlap raw. */
void zoo_floats_widen(float *out, const void *raw, enum zoo_dtype dtype, size_t n);
/* n floats to F32, F16 or BF16 as they lie in a file, to the nearest, ties to even; too large: infinity. */
void zoo_floats_narrow(void *raw, const float *x, enum zoo_dtype dtype, size_t n);
/* Whether all of x[0..n) are finite. */
int zoo_floats_are_finite(const float *x, size_t n);
#endif
