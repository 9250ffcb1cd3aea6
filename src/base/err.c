/* err.c - errors as a code and a finished sentence (the public zoo_err); see err.h. */
#include "base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Foreign bytes reach sentences; a terminal must not obey them. */
static void tame(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

int zoo_fail(zoo_err *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        tame(err->message);
    }
    return code;
}

int zoo_fail_errno(zoo_err *err, int errno_value, const char *fmt, ...)
{
    int code = errno_value == ENOMEM ? ZOO_ENOMEM : ZOO_EIO;

    if (err) {
        char reason[128], what[sizeof err->message - sizeof reason - 3];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(what, sizeof what, fmt, ap);
        va_end(ap);
        err->code = code;
        snprintf(err->message, sizeof err->message, "%s: %s", what, strerror_r(errno_value, reason, sizeof reason));
        tame(err->message);
    }
    return code;
}

int zoo_fail_within(zoo_err *err, const char *fmt, ...)
{
    char outer[sizeof err->message], inner[sizeof err->message];
    va_list ap;

    if (!err)
        return ZOO_EFORMAT;
    va_start(ap, fmt);
    vsnprintf(outer, sizeof outer, fmt, ap);
    va_end(ap);
    memcpy(inner, err->message, sizeof inner);
    return zoo_fail(err, err->code, "%.400s: %.590s", outer, inner);
}

int zoo_fail_nomem(zoo_err *err)
{
    return zoo_fail(err, ZOO_ENOMEM, "out of memory");
}
