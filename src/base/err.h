/* err.h - errors as a code and a finished sentence (the public zoo_err).
 *
 *     return zoo_fail(err, ZOO_EFORMAT, "%s:%zu: 'rewards' is missing", path, line);
 *
 * A sentence names the file, the place and the remedy; it ends without a full stop or newline.
 * Layer: base. Refuses to print. */
#ifndef ZOO_BASE_ERR_H
#define ZOO_BASE_ERR_H
#include "zooter.h"

/* Fills in *err (NULL is fine) and returns `code`. Control characters in the sentence become '?'. */
__attribute__((format(printf, 3, 4))) int zoo_fail(zoo_err *err, int code, const char *fmt, ...);

/* The same for a failed system call: appends ": " and strerror(errno_value).
 * Returns ZOO_ENOMEM for ENOMEM, else ZOO_EIO. */
__attribute__((format(printf, 3, 4))) int zoo_fail_errno(zoo_err *err, int errno_value, const char *fmt, ...);

/* Puts "fmt: " before the sentence that is already in *err; keeps its code and returns it. */
__attribute__((format(printf, 2, 3))) int zoo_fail_within(zoo_err *err, const char *fmt, ...);

/* "out of memory"; returns ZOO_ENOMEM. */
int zoo_fail_nomem(zoo_err *err);
#endif
