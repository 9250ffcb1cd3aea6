/* torch_file.c - the tensors of a file that torch.save wrote: a zip of a pickle, which names them, and their bytes;
 * see torch_file.h. */
#include "model/torch_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/pickle.h"
#include "model/zip.h"

enum { PREFIX_MAX = 256, KEY_MAX = 64 };

struct reading {
    zoo_tensor_list *list;
    const zoo_file *file;
    unsigned number;
    zoo_zip zip;
    char prefix[PREFIX_MAX];                    /* "archive/": the folder in the zip in which everything lies */
};

static int add_tensor(void *context, const zoo_pickled *p, zoo_err *err)
{
    struct reading *r = context;
    char name[PREFIX_MAX + KEY_MAX + 8];
    const zoo_zip_member *bytes;
    zoo_tensor *t;
    int rc = zoo_tensor_list_add(r->list, &t, p->name, p->name_size, r->file->path, err);

    if (rc)
        return rc;
    snprintf(name, sizeof name, "%sdata/%.*s", r->prefix, (int)(p->storage_size < KEY_MAX ? p->storage_size : KEY_MAX),
             p->storage);
    bytes = zoo_zip_find(&r->zip, name);
    if (!bytes)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the tensor '%s' lies in the member '%s', which is missing",
                        r->file->path, t->name, name);
    if ((p->offset + p->elements) * p->dtype_bytes > bytes->size)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: the tensor '%s' ends at byte %" PRIu64 " of the member '%s', which has %" PRIu64,
                        r->file->path, t->name, (p->offset + p->elements) * p->dtype_bytes, name, bytes->size);
    t->dtype_name = p->dtype_name;
    t->dtype = p->dtype;
    t->dims = p->dims;
    memcpy(t->shape, p->shape, sizeof t->shape);
    t->begin = bytes->begin + p->offset * p->dtype_bytes;
    t->end = t->begin + p->elements * p->dtype_bytes;
    t->file = r->number;
    return ZOO_OK;
}

/* The one member called FOLDER/data.pkl. */
static const zoo_zip_member *find_pickle(struct reading *r, zoo_err *err)
{
    for (size_t i = 0; i < r->zip.count; i++) {
        const zoo_zip_member *m = &r->zip.members[i];
        const char *slash = strchr(m->name, '/');
        size_t size = slash ? (size_t)(slash - m->name) + 1 : 0;
        if (slash && size < PREFIX_MAX && !strcmp(slash, "/data.pkl")) {
            memcpy(r->prefix, m->name, size);
            r->prefix[size] = '\0';
            return m;
        }
    }
    zoo_fail(err, ZOO_EFORMAT, "%s: a zip file, but not from torch.save: it has no member data.pkl", r->file->path);
    return NULL;
}

/* A member of at most `max` bytes, NUL-terminated, to be freed. */
static char *read_member(const struct reading *r, const zoo_zip_member *m, size_t max, zoo_err *err)
{
    char *bytes;

    if (m->size > max) {
        zoo_fail(err, ZOO_EFORMAT, "%s: the member '%s' has %" PRIu64 " bytes, at most %zu are read", r->file->path,
                 m->name, m->size, max);
        return NULL;
    }
    bytes = malloc((size_t)m->size + 1);
    if (!bytes) {
        zoo_fail_nomem(err);
    } else if (zoo_file_read(r->file, bytes, (size_t)m->size, m->begin, err)) {
        free(bytes);
        bytes = NULL;
    } else {
        bytes[m->size] = '\0';
    }
    return bytes;
}

/* Where nothing is said, the bytes are little-endian: what wrote it was older than the question. */
static int check_byte_order(const struct reading *r, zoo_err *err)
{
    char name[PREFIX_MAX + 16];
    const zoo_zip_member *m;
    char *order;
    int is_little;

    snprintf(name, sizeof name, "%sbyteorder", r->prefix);
    if (!(m = zoo_zip_find(&r->zip, name)))
        return ZOO_OK;
    if (!(order = read_member(r, m, 64, err)))
        return err->code;
    is_little = !strcmp(order, "little");
    free(order);
    return is_little ? ZOO_OK : zoo_fail(err, ZOO_EFORMAT, "%s: its numbers are big-endian; save it as safetensors",
                                         r->file->path);
}

static int check_kind(const zoo_file *file, zoo_err *err)
{
    unsigned char head[4] = { 0 };
    int rc = file->size < sizeof head ? ZOO_OK : zoo_file_read(file, head, sizeof head, 0, err);

    if (!rc && head[0] == 0x80 && head[1] >= 1 && head[1] <= 5)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: a pickle as torch.save wrote it before version 1.6; load it with torch and save it again, "
                        "as safetensors or with torch.save", file->path);
    return rc;
}

int zoo_torch_file_read(zoo_tensor_list *list, const zoo_file *file, unsigned number, zoo_err *err)
{
    struct reading r = { .list = list, .file = file, .number = number };
    const zoo_zip_member *m = NULL;
    char *pickle = NULL;
    zoo_err why = { 0 };
    int rc = check_kind(file, &why);

    if (!rc)
        rc = zoo_zip_read(&r.zip, file, &why);
    if (!rc && !(m = find_pickle(&r, &why)))
        rc = why.code;
    if (!rc)
        rc = check_byte_order(&r, &why);
    if (!rc && !(pickle = read_member(&r, m, ZOO_PICKLE_MAX, &why)))
        rc = why.code;
    if (!rc)
        rc = zoo_pickle_read(pickle, (size_t)m->size, file->path, add_tensor, &r, &why);
    free(pickle);
    zoo_zip_release(&r.zip);
    if (rc && err)
        *err = why;
    return rc;
}
