/* fs.h - files and folders, written beside, synced and renamed,
 * so that a reader sees the old or the new and never half.
 * Layer: base. Thread-safe for different paths. */
#ifndef ZOO_BASE_FS_H
#define ZOO_BASE_FS_H
#include <stddef.h>
#include "base/err.h"

/* Whole regular file of at most `max` bytes into a NUL-terminated block that the caller frees. ZOO_EIO, ZOO_EFORMAT
 * (too large), ZOO_ENOMEM with *data = NULL. */
int zoo_fs_read(char **data, size_t *size, const char *path, size_t max, zoo_err *err);
/* Replaces the file `path` by `size` bytes. */
int zoo_fs_write(const char *path, const void *data, size_t size, zoo_err *err);
/* Puts the finished file `beside` in the place of `path`, synced;
 * on failure `beside` is deleted and `path` as it was. */
int zoo_fs_replace(const char *beside, const char *path, zoo_err *err);
/* A checkpoint folder is made beside `dir`, filled by the caller, and put in its place at once:
 *     zoo_fs_folder_begin(beside, sizeof beside, dir, force, err)     refuses a non-empty `dir` unless `force`
 *     ... write files into `beside` ...
 *     zoo_fs_folder_commit(beside, dir, err)                          syncs, renames; on failure `dir` is as it was
 * or zoo_fs_folder_abandon(beside) to throw it away. */
int zoo_fs_folder_begin(char *beside, size_t size, const char *dir, int force, zoo_err *err);
int zoo_fs_folder_commit(const char *beside, const char *dir, zoo_err *err);
void zoo_fs_folder_abandon(const char *beside);
/* Deletes what killed processes of this machine left half written beside `path`, whether file or folder. */
int zoo_fs_sweep(const char *path, zoo_err *err);
/* Deletes a folder with all below it, links not followed. Missing is fine. */
int zoo_fs_remove_tree(const char *path, zoo_err *err);
/* 1: something is there, links followed. */
int zoo_fs_exists(const char *path);
/* Makes a folder, with those above it; one that is there is fine. */
int zoo_fs_make_folders(const char *path, zoo_err *err);
/* Makes the folder where missing and takes it for this process until *fd is closed or the process ends, however it
 * does. ZOO_EUSAGE: another has it. On file systems without flock() everybody gets it. *fd: -1 on failure. */
int zoo_fs_take_folder(int *fd, const char *dir, zoo_err *err);
/* Copies a regular file to `to`, synced; shares its blocks where the file system can. What was at `to` is replaced. */
int zoo_fs_copy(const char *from, const char *to, zoo_err *err);
/* Joins with one '/'; ZOO_EUSAGE where it does not fit. */
int zoo_fs_join(char *out, size_t size, const char *dir, const char *name, zoo_err *err);
#endif
