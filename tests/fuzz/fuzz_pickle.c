/* A pickle: whatever is accepted names tensors whose numbers lie in a storage, and nothing is called. */
#include "fuzz.h"
#include "model/pickle.h"

static int look(void *context, const zoo_pickled *tensor, zoo_err *err)
{
    const char *const *bytes = context;
    uint64_t elements;

    (void)err;
    MUST(tensor->name >= bytes[0] && tensor->name + tensor->name_size <= bytes[1]);
    MUST(tensor->storage >= bytes[0] && tensor->storage + tensor->storage_size <= bytes[1]);
    MUST(tensor->dims <= ZOO_TENSOR_DIMS_MAX && tensor->dtype_name && tensor->dtype_bytes);
    MUST(!zoo_shape_elements(tensor->shape, tensor->dims, &elements) && elements == tensor->elements);
    MUST(tensor->offset <= UINT64_MAX - elements && (tensor->offset + elements) <= UINT64_MAX / tensor->dtype_bytes);
    return ZOO_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes[2] = { (const char *)data, (const char *)data + size };
    zoo_err err = { 0 };

    if (zoo_pickle_read(bytes[0], size, "input", look, bytes, &err))
        MUST(err.code && *err.message);
    return 0;
}
