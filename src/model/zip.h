/* zip.h - where the members of a zip file lie, for archives whose members are stored as they are: what torch.save
 * writes. Refuses compressed and encrypted members by name, archives in several parts,
 * members that do not lie inside the file.
 * Layer: model -> base. Threads: immutable once read. */
#ifndef ZOO_MODEL_ZIP_H
#define ZOO_MODEL_ZIP_H
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"

enum { ZOO_ZIP_MEMBERS_MAX = 70000, ZOO_ZIP_DIRECTORY_MAX = 16 << 20 };

typedef struct zoo_zip_member { const char *name; uint64_t begin, size; } zoo_zip_member;     /* bytes in the file */

typedef struct zoo_zip {
    zoo_zip_member *members;                    /* by name; names are distinct */
    size_t count;
    zoo_arena names;
} zoo_zip;

/* zoo_zip_release() in any case. */
int zoo_zip_read(zoo_zip *zip, const zoo_file *file, zoo_err *err);
void zoo_zip_release(zoo_zip *zip);
const zoo_zip_member *zoo_zip_find(const zoo_zip *zip, const char *name);         /* NULL: there is none */
#endif
