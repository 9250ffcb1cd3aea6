/* torch_file.h - the tensors of a file that torch.save wrote: a zip of a pickle, which names them, and their bytes.
 * Layer: model -> base. Threads: the caller owns list and file. */
#ifndef ZOO_MODEL_TORCH_FILE_H
#define ZOO_MODEL_TORCH_FILE_H
#include "base/err.h"
#include "base/file.h"
#include "model/tensor.h"

/* Adds its tensors; `number` becomes zoo_tensor.file. Several may share bytes. On failure the list may have grown. */
int zoo_torch_file_read(zoo_tensor_list *list, const zoo_file *file, unsigned number, zoo_err *err);
#endif
