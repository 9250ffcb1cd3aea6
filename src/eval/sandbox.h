/* sandbox.h - runs a program that nobody trusts, such as code that a model wrote, where it can do no harm.
 *
 *     zoo_buf output = ZOO_BUF_INIT(1 << 20);                  // its maximum is the program's limit of output
 *     if (zoo_sandbox_probe("/usr/bin/python3", &err)) ...     // says in a sentence why no sandbox works here
 *     zoo_sandbox_run(argv, source, size, &zoo_sandbox_defaults, &output, &result, &err);
 *
 * The program sees a read-only /usr, an empty /tmp of its own, /dev/null, /dev/zero and /dev/urandom; no /home, /root,
 * /etc, /proc, no network, no environment but PATH, HOME and LANG, no other processes. It is one process: it may start
 * threads but not fork. It dies with the caller. bubblewrap builds the namespaces, sandbox_filter.c refuses system
 * calls, setrlimit sets the limits. There is no way to run it without: where bubblewrap does not work,
 * so does nothing here.
 * Layer: eval -> base. Threads: any number may run programs at once. */
#ifndef ZOO_EVAL_SANDBOX_H
#define ZOO_EVAL_SANDBOX_H
#include <stddef.h>
#include "base/buf.h"
#include "base/err.h"

typedef struct zoo_sandbox_limits {
    unsigned cpu_seconds, wall_ms;
    size_t memory;                 /* bytes of address space */
    size_t disk;                   /* bytes of /tmp, and of a single file */
} zoo_sandbox_limits;

extern const zoo_sandbox_limits zoo_sandbox_defaults;          /* 5 s of processor, 10 s, 512 MiB, 32 MiB */

typedef struct zoo_sandbox_result {
    enum { ZOO_SANDBOX_EXITED,     /* with `status` */
           ZOO_SANDBOX_TIMEOUT,    /* killed: wall clock */
           ZOO_SANDBOX_OUTPUT      /* killed: wrote more than `output` may hold */
    } outcome;
    int status;                    /* exit status; 128 + n: ended by signal n */
} zoo_sandbox_result;

/* ZOO_OK where `program` (an absolute path below /usr) starts in a sandbox on this machine; else a sentence that says
 * what is missing and what to install or allow. */
int zoo_sandbox_probe(const char *program, zoo_err *err);

/* Runs argv (ends with NULL; argv[0] an absolute path below /usr) with `input` on its stdin; stdout and stderr are
 * appended to `output`. ZOO_OK whatever the program did; ZOO_EIO where the sandbox could not be built,
 * and then nothing was run. */
int zoo_sandbox_run(const char *const *argv, const void *input, size_t size, const zoo_sandbox_limits *limits,
                    zoo_buf *output, zoo_sandbox_result *result, zoo_err *err);
#endif
