/* A header of a tensor file: whatever is accepted lies inside the file, is whole, has a name and does not overlap. */
#include "fuzz.h"
#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_tensor_list list = { 0 };
    zoo_err err = { 0 };
    uint64_t data_size = size ? data[0] * UINT64_C(4) : 0, at = 100;

    if (!size)
        return 0;
    if (zoo_safetensors_parse(&list, (const char *)data + 1, size - 1, at, data_size, 7, "input", &err)) {
        MUST(err.code && *err.message);
    } else {
        for (size_t i = 0; i < list.count; i++) {
            const zoo_tensor *t = &list.items[i];
            MUST(t->begin == at && t->begin <= t->end && t->dims <= ZOO_TENSOR_DIMS_MAX && *t->name && t->file == 7);
            MUST(t->dtype == ZOO_OTHER_DTYPE || t->end - t->begin ==
                 zoo_tensor_elements(t) * zoo_dtype_bytes(t->dtype));
            at = t->end;
        }
        MUST(at == 100 + data_size);
    }
    zoo_tensor_list_release(&list);
    return 0;
}
