/* A header of a tensor file: whatever is accepted lies inside the file, is whole and has a name. */
#include "fuzz.h"
#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "a", "b", "classifier.weight" };
    zoo_safetensors *file;
    zoo_err err = { 0 };
    uint64_t data_size = size ? data[0] * UINT64_C(4) : 0;

    if (!size)
        return 0;
    if (zoo_safetensors_parse(&file, (const char *)data + 1, size - 1, data_size, "input", &err)) {
        MUST(!file && err.code && *err.message);
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const zoo_tensor *t = zoo_safetensors_find(file, names[i]);
        MUST(!t || (t->begin <= t->end && t->end <= data_size && t->dims <= ZOO_TENSOR_DIMS_MAX && !strcmp(t->name, names[i])));
    }
    zoo_safetensors_close(file);
    return 0;
}
