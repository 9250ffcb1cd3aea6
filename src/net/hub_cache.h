/* hub_cache.h - the folder in which huggingface_hub keeps what it downloaded, read and written in the same way, so that
 * each uses what the other has fetched:
 *
 *     CACHE/models--org--name/blobs/ETAG                 the bytes of a file; ETAG.incomplete while it is fetched
 *                             refs/REVISION              the commit that a branch or tag named last, without a newline
 *                             snapshots/COMMIT/FILE      a link to ../../blobs/ETAG
 *     CACHE/.locks/models--org--name/ETAG.lock           held (flock) by who fetches that file
 *
 * Every name in these paths that comes from elsewhere is checked by one of the functions below before it is used.
 * Layer: net. Threads: any, for different files. */
#ifndef ZOO_NET_HUB_CACHE_H
#define ZOO_NET_HUB_CACHE_H
#include <limits.h>
#include <stddef.h>
#include "base/err.h"

/* "org/name" or "name"; each part of A-Z a-z 0-9 . _ - and not of dots alone, 96 bytes in all. ZOO_EUSAGE. */
int zoo_hub_check_repo(const char *repo, zoo_err *err);
/* A branch, tag, "refs/pr/1" or commit: the same, in any number of parts, 200 bytes. ZOO_EUSAGE. */
int zoo_hub_check_revision(const char *revision, zoo_err *err);
/* A file's path inside a repository: relative, of '/'-parted names that are neither empty nor "." nor "..", without
 * backslash and control characters, 200 bytes. ZOO_EFORMAT. */
int zoo_hub_check_file(const char *file, zoo_err *err);
/* A word of A-Z a-z 0-9 . _ - that may name a file: ETags and commits. */
int zoo_hub_is_word(const char *word);

typedef struct zoo_hub_cache {
    char folder[PATH_MAX], locks[PATH_MAX];
} zoo_hub_cache;

/* Of a checked repository. Makes nothing. */
int zoo_hub_cache_init(zoo_hub_cache *cache, const char *root, const char *repo, zoo_err *err);
/* CACHE/.../snapshots/COMMIT[/FILE]; file may be NULL. */
int zoo_hub_cache_snapshot(char out[PATH_MAX], const zoo_hub_cache *cache, const char *commit, const char *file,
                           zoo_err *err);
/* CACHE/.../blobs/ETAG followed by `suffix`. */
int zoo_hub_cache_blob(char out[PATH_MAX], const zoo_hub_cache *cache, const char *etag, const char *suffix,
                       zoo_err *err);
/* The commit that `revision` named last; ZOO_EIO where it is not known. */
int zoo_hub_cache_recall(char *commit, size_t size, const zoo_hub_cache *cache, const char *revision, zoo_err *err);
int zoo_hub_cache_remember(const zoo_hub_cache *cache, const char *revision, const char *commit, zoo_err *err);
/* Makes snapshots/COMMIT/FILE a link to a blob that is there; a copy where the file system has no links. */
int zoo_hub_cache_link(const zoo_hub_cache *cache, const char *commit, const char *file, const char *etag,
                       zoo_err *err);

/* *fd: the lock of that file, taken. `waits` (NULL is fine) is called once where another process holds it. */
int zoo_hub_cache_lock(int *fd, const zoo_hub_cache *cache, const char *etag, void (*waits)(void *context),
                       void *context, zoo_err *err);
void zoo_hub_cache_unlock(int fd);
#endif
