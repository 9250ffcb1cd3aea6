/* weights_writer.h - model.safetensors, or shards with an index, written tensor by tensor into a folder: memory does
 * not grow with the weights.
 *
 *     zoo_planned plan[] = { { "classifier.weight", ZOO_BF16, 2, { K, H } }, ... };
 *     zoo_weights_writer_new(&w, beside, plan, n, ZOO_ONE_FILE, &err);           // sorts the plan
 *     for (each tensor of the plan, in its order now)
 *         zoo_weights_writer_add(w, floats, count, &err);                        // all at once or in pieces
 *     zoo_weights_writer_end(w, &err);
 *     zoo_weights_writer_free(w);
 *
 * The folder is one that base/fs.h puts in its place when it is complete (zoo_fs_folder_begin), which also syncs.
 * Layer: model -> base. Threads: one owner. */
#ifndef ZOO_MODEL_WEIGHTS_WRITER_H
#define ZOO_MODEL_WEIGHTS_WRITER_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "model/tensor.h"

#define ZOO_ONE_FILE UINT64_MAX

typedef struct zoo_weights_writer zoo_weights_writer;

/* The plan's names are borrowed until the writer is freed; types are F32, F16, BF16 and I8.
 * max_shard: bytes of tensors in a file; a larger tensor has a file of its own. Sorts `plan` into the order in which
 * its tensors are to be added: wide types first, so that each begins aligned, then by name. */
int zoo_weights_writer_new(zoo_weights_writer **out, const char *dir, zoo_planned *plan, size_t n, uint64_t max_shard,
                           zoo_err *err);
/* The next `count` elements, rounded to the type that was planned; they may end one tensor and begin the next. A float
 * that is finite and too large for a float16 is an error. Not for I8. */
int zoo_weights_writer_add(zoo_weights_writer *writer, const float *x, size_t count, zoo_err *err);
/* The same for tensors that are I8. */
int zoo_weights_writer_add_bytes(zoo_weights_writer *writer, const int8_t *x, size_t count, zoo_err *err);
/* Finishes the files. ZOO_EUSAGE: not all was added. */
int zoo_weights_writer_end(zoo_weights_writer *writer, zoo_err *err);
void zoo_weights_writer_free(zoo_weights_writer *writer);      /* NULL is fine; what was not ended is left incomplete */
#endif
