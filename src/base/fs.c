/* fs.c - files and folders, written beside, synced and renamed, so that a reader sees the old or the new and never
 * half; see fs.h. */
#include "base/fs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int zoo_fs_read(char **data, size_t *size, const char *path, size_t max, zoo_err *err)
{
    struct stat st;
    size_t have = 0;
    int fd, rc = ZOO_OK;
    char *bytes = NULL;

    *data = NULL;
    *size = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        rc = zoo_fail_errno(err, errno, "%s", path);
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = zoo_fail(err, ZOO_EIO, "%s: not a regular file", path);
        goto done;
    }
    if ((uint64_t)st.st_size > max) {
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: %lld bytes, at most %zu are read", path, (long long)st.st_size, max);
        goto done;
    }
    bytes = malloc((size_t)st.st_size + 1);
    if (!bytes) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    while (have < (size_t)st.st_size) {
        ssize_t n = read(fd, bytes + have, (size_t)st.st_size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = zoo_fail_errno(err, errno, "%s", path);
            goto done;
        }
        if (n == 0)
            break;                              /* cut while it was read: what is there is what we got */
        have += (size_t)n;
    }
    bytes[have] = '\0';
    *data = bytes;
    *size = have;
    bytes = NULL;
done:
    free(bytes);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int sync_path(const char *path, int flags, zoo_err *err)
{
    int fd = open(path, flags | O_CLOEXEC), failed;

    if (fd < 0)
        return zoo_fail_errno(err, errno, "%s", path);
    failed = fsync(fd) && errno != EINVAL;       /* some file systems cannot sync a folder */
    if (failed)
        zoo_fail_errno(err, errno, "%s", path);
    close(fd);
    return failed ? ZOO_EIO : ZOO_OK;
}

/* Syncs the folder that `path` stands in. */
static int sync_parent(const char *path, zoo_err *err)
{
    char parent[PATH_MAX];
    char *slash;

    if (snprintf(parent, sizeof parent, "%s", path) >= (int)sizeof parent)
        return zoo_fail(err, ZOO_EUSAGE, "%s: name too long", path);
    slash = strrchr(parent, '/');
    if (!slash)
        memcpy(parent, ".", 2);
    else if (slash == parent)
        parent[1] = '\0';
    else
        *slash = '\0';
    return sync_path(parent, O_RDONLY | O_DIRECTORY, err);
}

int zoo_fs_write(const char *path, const void *data, size_t size, zoo_err *err)
{
    char beside[PATH_MAX];
    int fd, rc = ZOO_OK;

    if (snprintf(beside, sizeof beside, "%s.part.%ld", path, (long)getpid()) >= (int)sizeof beside)
        return zoo_fail(err, ZOO_EUSAGE, "%s: name too long", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return zoo_fail_errno(err, errno, "%s", beside);
    if (write_all(fd, data, size) || fsync(fd))
        rc = zoo_fail_errno(err, errno, "%s", beside);
    if (close(fd) && !rc)
        rc = zoo_fail_errno(err, errno, "%s", beside);
    if (!rc && rename(beside, path))
        rc = zoo_fail_errno(err, errno, "%s", path);
    if (rc)
        unlink(beside);
    else
        rc = sync_parent(path, err);
    return rc;
}

int zoo_fs_replace(const char *beside, const char *path, zoo_err *err)
{
    int rc = sync_path(beside, O_RDONLY, err);

    if (!rc && rename(beside, path))
        rc = zoo_fail_errno(err, errno, "%s", path);
    if (rc)
        unlink(beside);
    else
        rc = sync_parent(path, err);
    return rc;
}

/* 1: `dir` holds something; 0: empty or missing; negative: an error. */
static int folder_holds(const char *dir, zoo_err *err)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int holds = 0;

    if (!d) {
        if (errno == ENOENT)
            return 0;
        if (errno == ENOTDIR)
            return zoo_fail(err, ZOO_EUSAGE, "%s: exists and is not a folder", dir);
        return zoo_fail_errno(err, errno, "%s", dir);
    }
    while (!holds && (e = readdir(d)))
        holds = strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return holds;
}

/* `dir` without its trailing slashes. */
static int trim(char *out, size_t size, const char *dir, zoo_err *err)
{
    size_t n = strlen(dir);

    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (n == 0 || n >= size)
        return zoo_fail(err, ZOO_EUSAGE, "'%.200s': not a usable folder name", dir);
    memcpy(out, dir, n);
    out[n] = '\0';
    return ZOO_OK;
}

int zoo_fs_folder_begin(char *beside, size_t size, const char *dir, int force, zoo_err *err)
{
    char clean[PATH_MAX];
    int holds;

    if (trim(clean, sizeof clean, dir, err))
        return ZOO_EUSAGE;
    holds = folder_holds(clean, err);
    if (holds < 0)
        return holds;
    if (holds && !force)
        return zoo_fail(err, ZOO_EUSAGE, "%s: the folder is not empty; name another or add --force", clean);
    if (snprintf(beside, size, "%s.part.%ld", clean, (long)getpid()) >= (int)size)
        return zoo_fail(err, ZOO_EUSAGE, "%s: name too long", clean);
    if (zoo_fs_remove_tree(beside, err))
        return ZOO_EIO;
    if (mkdir(beside, 0777))
        return zoo_fail_errno(err, errno, "%s", beside);
    return ZOO_OK;
}

static int sync_files(const char *dir, zoo_err *err)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = ZOO_OK;

    if (!d)
        return zoo_fail_errno(err, errno, "%s", dir);
    while (!rc && (e = readdir(d))) {
        char path[PATH_MAX];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        rc = zoo_fs_join(path, sizeof path, dir, e->d_name, err);
        if (!rc)
            rc = sync_path(path, O_RDONLY, err);
    }
    closedir(d);
    return rc ? rc : sync_path(dir, O_RDONLY | O_DIRECTORY, err);
}

int zoo_fs_folder_commit(const char *beside, const char *dir, zoo_err *err)
{
    char clean[PATH_MAX], old[PATH_MAX];
    struct stat st;
    int replaces;

    if (trim(clean, sizeof clean, dir, err) || sync_files(beside, err))
        goto failed;
    if (snprintf(old, sizeof old, "%s.old.%ld", clean, (long)getpid()) >= (int)sizeof old) {
        zoo_fail(err, ZOO_EUSAGE, "%s: name too long", clean);
        goto failed;
    }
    replaces = !lstat(clean, &st);
    if (replaces && renameat2(AT_FDCWD, beside, AT_FDCWD, clean, RENAME_EXCHANGE) == 0) {
        zoo_fs_remove_tree(beside, NULL);        /* now the former content */
        return sync_parent(clean, err);
    }
    if (replaces && rename(clean, old)) {        /* a file system without exchange: two steps, undone on failure */
        zoo_fail_errno(err, errno, "%s", clean);
        goto failed;
    }
    if (rename(beside, clean)) {
        zoo_fail_errno(err, errno, "%s", clean);
        if (replaces && rename(old, clean))
            zoo_fail_errno(err, errno, "%s: kept as %s", clean, old);
        goto failed;
    }
    if (replaces)
        zoo_fs_remove_tree(old, NULL);
    return sync_parent(clean, err);
failed:
    zoo_fs_folder_abandon(beside);
    return ZOO_EIO;
}

void zoo_fs_folder_abandon(const char *beside)
{
    zoo_fs_remove_tree(beside, NULL);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

int zoo_fs_remove_tree(const char *path, zoo_err *err)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
        return zoo_fail_errno(err, errno, "%s", path);
    return ZOO_OK;
}

/* Is `name` what a process that is no more wrote beside `of`: OF.part.NUMBER? */
static int is_left_over(const char *name, const char *of)
{
    size_t n = strlen(of);
    char *end;
    long pid;

    if (strncmp(name, of, n) != 0 || strncmp(name + n, ".part.", 6) != 0)
        return 0;
    pid = strtol(name + n + 6, &end, 10);
    return pid > 0 && !*end && kill((pid_t)pid, 0) && errno == ESRCH;
}

int zoo_fs_sweep(const char *path, zoo_err *err)
{
    char dir[PATH_MAX], *of;
    struct dirent *e;
    int rc = trim(dir, sizeof dir, path, err);
    DIR *d;

    if (rc)
        return rc;
    of = strrchr(dir, '/');
    if (of)
        *of++ = '\0';
    d = opendir(!of ? "." : *dir ? dir : "/");
    while (!rc && d && (e = readdir(d))) {
        char left[PATH_MAX];
        if (is_left_over(e->d_name, of ? of : dir) &&
            !(rc = zoo_fs_join(left, sizeof left, !of ? "." : *dir ? dir : "/", e->d_name, err)))
            rc = zoo_fs_remove_tree(left, err);
    }
    if (d)
        closedir(d);
    return rc;
}

int zoo_fs_join(char *out, size_t size, const char *dir, const char *name, zoo_err *err)
{
    size_t n = strlen(dir);
    const char *slash = n && dir[n - 1] == '/' ? "" : "/";

    if (snprintf(out, size, "%s%s%s", dir, slash, name) >= (int)size)
        return zoo_fail(err, ZOO_EUSAGE, "%s/%s: name too long", dir, name);
    return ZOO_OK;
}

int zoo_fs_exists(const char *path)
{
    return !access(path, F_OK);
}

int zoo_fs_make_folders(const char *path, zoo_err *err)
{
    char part[PATH_MAX];
    struct stat st;

    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return zoo_fail(err, ZOO_EUSAGE, "%s: name too long", path);
    for (char *slash = part; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(part, 0777) && errno != EEXIST)
            return zoo_fail_errno(err, errno, "%s", part);
        if (slash)
            *slash = '/';
    }
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return zoo_fail(err, ZOO_EIO, "%s: exists and is not a folder", path);
    return ZOO_OK;
}

int zoo_fs_take_folder(int *fd, const char *dir, zoo_err *err)
{
    *fd = -1;
    if (mkdir(dir, 0777) && errno != EEXIST)
        return zoo_fail_errno(err, errno, "%s", dir);
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return zoo_fail_errno(err, errno, "%s", dir);
    if (flock(*fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        close(*fd);
        *fd = -1;
        return zoo_fail(err, ZOO_EUSAGE, "%s: another process is at work there", dir);
    }
    return ZOO_OK;
}

static int copy_bytes(int from, int to)
{
    char block[64 << 10];
    ssize_t n;

    while ((n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0)) > 0)
        ;
    if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return -1;
    /* Where the kernel does not copy, this does; at the end of a file both find nothing more. */
    while ((n = read(from, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && write_all(to, block, (size_t)n))
            return -1;
    return n ? -1 : 0;
}

int zoo_fs_copy(const char *from, const char *to, zoo_err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = ZOO_OK;

    if (in < 0)
        return zoo_fail_errno(err, errno, "%s", from);
    if (unlink(to) && errno != ENOENT)
        rc = zoo_fail_errno(err, errno, "%s", to);
    else if ((out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0 || copy_bytes(in, out) || fsync(out))
        rc = zoo_fail_errno(err, errno, "%s", to);
    close(in);
    if (out >= 0 && close(out) && !rc)
        rc = zoo_fail_errno(err, errno, "%s", to);
    if (rc && out >= 0)
        unlink(to);
    return rc;
}
