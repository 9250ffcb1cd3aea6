/* file.h - a regular file that is open for reading at any place, by any number of threads, and noticed when it changes.
 *
 *     zoo_file file;
 *     if (zoo_file_open(&file, "model.safetensors", &err)) ...
 *     zoo_file_read(&file, bytes, size, offset, &err);
 *     zoo_file_close(&file);
 *
 * Bytes are read, never mapped: a file that is cut meanwhile is an error, where a mapping would be a signal.
 * Layer: base. Threads: immutable once open. */
#ifndef ZOO_BASE_FILE_H
#define ZOO_BASE_FILE_H
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "base/err.h"

typedef struct zoo_file {
    char *path;                     /* for sentences */
    int fd;
    uint64_t size;                  /* bytes, when it was opened */
    struct timespec modified;       /* when it was opened */
} zoo_file;

/* On failure nothing is open and zoo_file_close() is fine. */
int zoo_file_open(zoo_file *file, const char *path, zoo_err *err);
void zoo_file_close(zoo_file *file);
/* Exactly `size` bytes at `offset`. ZOO_EFORMAT: the file ends before. */
int zoo_file_read(const zoo_file *file, void *to, size_t size, uint64_t offset, zoo_err *err);
/* ZOO_EIO where it was written to or cut since it was opened. One fstat. A file that was replaced, renamed or deleted
 * meanwhile is
 * unchanged: what is open is the former one. */
int zoo_file_check_unchanged(const zoo_file *file, zoo_err *err);
#endif
