/* file.c - a regular file that is open for reading at any place, by any number of threads, and noticed when it
 * changes; see file.h. */
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int zoo_file_open(zoo_file *file, const char *path, zoo_err *err)
{
    struct stat st;
    int rc = ZOO_OK;

    /* a FIFO would wait for its writer */
    *file = (zoo_file){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
    if (file->fd < 0 || fstat(file->fd, &st))
        rc = zoo_fail_errno(err, errno, "%s", path);
    else if (!S_ISREG(st.st_mode))
        rc = zoo_fail(err, ZOO_EIO, "%s: not a regular file", path);
    else if (!(file->path = strdup(path)))
        rc = zoo_fail_nomem(err);
    if (rc) {
        zoo_file_close(file);
        return rc;
    }
    file->size = (uint64_t)st.st_size;
    file->modified = st.st_mtim;
    return ZOO_OK;
}

void zoo_file_close(zoo_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    *file = (zoo_file){ .fd = -1 };
}

int zoo_file_read(const zoo_file *file, void *to, size_t size, uint64_t offset, zoo_err *err)
{
    char *at = to;

    while (size) {
        ssize_t n = pread(file->fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return zoo_fail_errno(err, errno, "%s", file->path);
        if (n == 0)
            return zoo_fail(err, ZOO_EFORMAT, "%s: cut short at byte %" PRIu64, file->path, offset);
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return ZOO_OK;
}

int zoo_file_check_unchanged(const zoo_file *file, zoo_err *err)
{
    struct stat st;

    if (fstat(file->fd, &st))
        return zoo_fail_errno(err, errno, "%s", file->path);
    if ((uint64_t)st.st_size != file->size || st.st_mtim.tv_sec != file->modified.tv_sec ||
        st.st_mtim.tv_nsec != file->modified.tv_nsec)
        return zoo_fail(err, ZOO_EIO, "%s: written to while it was in use; files are to be replaced, not rewritten",
                        file->path);
    return ZOO_OK;
}
