/* A file that torch.save might have written: whatever is accepted has tensors that lie inside it. */
#include "fuzz.h"
#include <sys/mman.h>
#include <unistd.h>
#include "model/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[] = "input";
    zoo_file file = { .path = name, .fd = memfd_create("input", MFD_CLOEXEC), .size = size };
    zoo_tensor_list list = { 0 };
    zoo_err err = { 0 };

    MUST(file.fd >= 0 && (!size || write(file.fd, data, size) == (ssize_t)size));
    if (zoo_torch_file_read(&list, &file, 3, &err)) {
        MUST(err.code && *err.message);
    } else {
        for (size_t i = 0; i < list.count; i++) {
            const zoo_tensor *t = &list.items[i];
            MUST(*t->name && t->file == 3 && t->dims <= ZOO_TENSOR_DIMS_MAX && t->begin <= t->end && t->end <= size);
            MUST(t->dtype == ZOO_OTHER_DTYPE || t->end - t->begin ==
                 zoo_tensor_elements(t) * zoo_dtype_bytes(t->dtype));
        }
    }
    zoo_tensor_list_release(&list);
    close(file.fd);
    return 0;
}
