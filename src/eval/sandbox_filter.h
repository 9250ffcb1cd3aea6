/* sandbox_filter.h - the system calls that a sandboxed program is refused, as a classic BPF program for seccomp.
 * Layer: eval. Thread-safe. */
#ifndef ZOO_EVAL_SANDBOX_FILTER_H
#define ZOO_EVAL_SANDBOX_FILTER_H
#include <stddef.h>
#include <linux/filter.h>

enum { ZOO_SANDBOX_FILTER_MAX = 256 };

/* Fills in the program and returns its length; 0: this processor's system calls are not known here. */
size_t zoo_sandbox_filter(struct sock_filter program[ZOO_SANDBOX_FILTER_MAX]);
#endif
