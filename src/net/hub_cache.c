/* hub_cache.c - see hub_cache.h. Layer: net. */
#include "net/hub_cache.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/fs.h"

enum { REPO_MAX = 96, REVISION_MAX = 200, FILE_MAX = 200, WORD_MAX = 128, REF_MAX = 4096 };
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* ---- names ---- */

/* '/'-parted names, none of them empty, "." or "..". */
static int is_path(const char *text, size_t max, size_t parts_max)
{
    size_t parts = 0;

    if (strlen(text) > max)
        return 0;
    for (;; text++) {
        size_t n = strcspn(text, "/");
        if (!n || (n == 1 && text[0] == '.') || (n == 2 && text[0] == '.' && text[1] == '.') || ++parts > parts_max)
            return 0;
        text += n;
        if (!*text)
            return 1;
    }
}

int zoo_hub_check_repo(const char *repo, zoo_err *err)
{
    if (is_path(repo, REPO_MAX, 2) && repo[strspn(repo, WORD "/")] == '\0' && !strchr(".-", *repo) &&
        !strstr(repo, "--") && !strstr(repo, "..") && !strstr(repo, "/."))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EUSAGE,
                    "'%.120s' is not a model's name: org/name, of A-Z a-z 0-9 . _ - (no -- and ..), at most %d "
                    "characters", repo, REPO_MAX);
}

int zoo_hub_check_revision(const char *revision, zoo_err *err)
{
    if (is_path(revision, REVISION_MAX, REVISION_MAX) && revision[strspn(revision, WORD "/")] == '\0' &&
        *revision != '-')
        return ZOO_OK;
    return zoo_fail(err, ZOO_EUSAGE, "'%.120s' is not a revision: a branch, tag or commit, of A-Z a-z 0-9 . _ - /, at "
                                     "most %d characters", revision, REVISION_MAX);
}

int zoo_hub_check_file(const char *file, zoo_err *err)
{
    int is_plain = is_path(file, FILE_MAX, FILE_MAX);

    for (const char *c = file; is_plain && *c; c++)
        is_plain = (unsigned char)*c >= 0x20 && *c != 0x7f && *c != '\\';
    return is_plain ? ZOO_OK : zoo_fail(err, ZOO_EFORMAT, "'%.120s' is not a file name inside a folder", file);
}

int zoo_hub_is_word(const char *word)
{
    size_t n = strspn(word, WORD);

    return n && !word[n] && n <= WORD_MAX && word[0] != '.';
}

/* ---- paths ---- */

__attribute__((format(printf, 3, 4))) static int place(char out[PATH_MAX], zoo_err *err, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(out, PATH_MAX, fmt, ap);
    va_end(ap);
    return n < PATH_MAX ? ZOO_OK : zoo_fail(err, ZOO_EUSAGE, "%.200s...: name too long", out);
}

int zoo_hub_cache_init(zoo_hub_cache *cache, const char *root, const char *repo, zoo_err *err)
{
    const char *slash = strchr(repo, '/');
    int org = slash ? (int)(slash - repo) : 0;
    const char *parting = slash ? "--" : "", *name = slash ? slash + 1 : repo;
    int rc = place(cache->folder, err, "%s/models--%.*s%s%s", root, org, repo, parting, name);

    return rc ? rc : place(cache->locks, err, "%s/.locks/models--%.*s%s%s", root, org, repo, parting, name);
}

int zoo_hub_cache_snapshot(char out[PATH_MAX], const zoo_hub_cache *cache, const char *commit, const char *file,
                           zoo_err *err)
{
    return place(out, err, "%s/snapshots/%s%s%s", cache->folder, commit, file ? "/" : "", file ? file : "");
}

int zoo_hub_cache_blob(char out[PATH_MAX], const zoo_hub_cache *cache, const char *etag, const char *suffix,
                       zoo_err *err)
{
    return place(out, err, "%s/blobs/%s%s", cache->folder, etag, suffix);
}

static int make_parents(const char *path, zoo_err *err)
{
    char parent[PATH_MAX];
    char *slash;

    snprintf(parent, sizeof parent, "%s", path);
    slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return ZOO_OK;
    *slash = '\0';
    return zoo_fs_make_folders(parent, err);
}

/* ---- refs ---- */

int zoo_hub_cache_recall(char *commit, size_t size, const zoo_hub_cache *cache, const char *revision, zoo_err *err)
{
    char path[PATH_MAX], *text;
    size_t n;
    int rc = place(path, err, "%s/refs/%s", cache->folder, revision);

    if (!rc)
        rc = zoo_fs_read(&text, &n, path, REF_MAX, err);
    if (rc)
        return rc;
    text[strcspn(text, "\r\n")] = '\0';
    if (!zoo_hub_is_word(text) || strlen(text) >= size)
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: not a commit", path);
    else
        memcpy(commit, text, strlen(text) + 1);
    free(text);
    return rc;
}

int zoo_hub_cache_remember(const zoo_hub_cache *cache, const char *revision, const char *commit, zoo_err *err)
{
    char path[PATH_MAX], known[WORD_MAX + 1];
    int rc = place(path, err, "%s/refs/%s", cache->folder, revision);

    if (rc || !strcmp(revision, commit) ||
        (!zoo_hub_cache_recall(known, sizeof known, cache, revision, NULL) && !strcmp(known, commit)))
        return rc;
    rc = make_parents(path, err);
    return rc ? rc : zoo_fs_write(path, commit, strlen(commit), err);
}

/* ---- links ---- */

/* "../../blobs/ETAG", with one more "../" for each folder that FILE is in. */
static int link_target(char out[PATH_MAX], const char *file, const char *etag, zoo_err *err)
{
    char up[3 * FILE_MAX + 7] = "../../";
    size_t n = 6;

    for (; (file = strchr(file, '/')); file++, n += 3)
        memcpy(up + n, "../", 4);
    return place(out, err, "%sblobs/%s", up, etag);
}

int zoo_hub_cache_link(const zoo_hub_cache *cache, const char *commit, const char *file, const char *etag, zoo_err *err)
{
    char path[PATH_MAX], target[PATH_MAX], beside[PATH_MAX], blob[PATH_MAX];
    int rc = zoo_hub_cache_snapshot(path, cache, commit, file, err);

    if (rc || (rc = link_target(target, file, etag, err)) ||
        (rc = place(beside, err, "%s.part.%ld", path, (long)getpid())) ||
        (rc = zoo_hub_cache_blob(blob, cache, etag, "", err)) || (rc = make_parents(path, err)))
        return rc;
    unlink(beside);
    if (symlink(target, beside)) {
        if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS)
            return zoo_fail_errno(err, errno, "%s", path);
        if ((rc = zoo_fs_copy(blob, beside, err)))
            return rc;
    }
    if (rename(beside, path)) {
        rc = zoo_fail_errno(err, errno, "%s", path);
        unlink(beside);
    }
    return rc;
}

/* ---- locks ---- */

/* 1: the file that `fd` locks is the one at `path`; whoever held it before may have deleted it. */
static int is_current(int fd, const char *path)
{
    struct stat ours, theirs;

    return !fstat(fd, &ours) && !stat(path, &theirs) && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

static int lock_file(int fd, void (*waits)(void *context), void *context)
{
    if (!flock(fd, LOCK_EX | LOCK_NB))
        return 0;
    if (errno == EWOULDBLOCK) {
        if (waits)
            waits(context);
        while (flock(fd, LOCK_EX))
            if (errno != EINTR)
                return -1;
        return 0;
    }
    /* a file system without locks: checksums find a collision */
    return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
}

int zoo_hub_cache_lock(int *fd, const zoo_hub_cache *cache, const char *etag, void (*waits)(void *context),
                       void *context, zoo_err *err)
{
    char path[PATH_MAX];
    int rc = place(path, err, "%s/%s.lock", cache->locks, etag);

    *fd = -1;
    if (rc || (rc = make_parents(path, err)))
        return rc;
    for (;;) {
        *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
        if (*fd < 0)
            return zoo_fail_errno(err, errno, "%s", path);
        if (lock_file(*fd, waits, context)) {
            rc = zoo_fail_errno(err, errno, "%s", path);
            break;
        }
        if (is_current(*fd, path))
            return ZOO_OK;
        close(*fd);
    }
    close(*fd);
    *fd = -1;
    return rc;
}

void zoo_hub_cache_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}
