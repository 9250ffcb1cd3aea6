/* checksum.h - does a downloaded file have the content that its hub's ETag stands for?
 *
 *     zoo_checksum_new(&sum, etag, size, &err);
 *     zoo_checksum_add(sum, bytes, n);                  // for every block, in order
 *     if (!zoo_checksum_agrees(sum)) ...
 *     zoo_checksum_free(sum);
 *
 * An ETag of 64 hexadecimal digits is the SHA-256 of a large file (git LFS), one of 40 the SHA-1 that git gives a small
 * one; mirrors without git below them answer the plain SHA-1. Of any other ETag nothing can be said,
 * and it always agrees.
 * Layer: net. Threads: one owner. Refuses to hash by itself: libcrypto does. */
#ifndef ZOO_NET_CHECKSUM_H
#define ZOO_NET_CHECKSUM_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

typedef struct zoo_checksum zoo_checksum;

/* `size`: bytes of the whole file, part of git's sum; negative: not known, and a SHA-1 says nothing. */
int zoo_checksum_new(zoo_checksum **out, const char *etag, int64_t size, zoo_err *err);
void zoo_checksum_free(zoo_checksum *sum);                                  /* NULL is fine */
void zoo_checksum_add(zoo_checksum *sum, const void *bytes, size_t size);
void zoo_checksum_restart(zoo_checksum *sum);                               /* as new */
/* Ends the sum; once. */
int zoo_checksum_agrees(zoo_checksum *sum);
#endif
