/* isa.h - runs this test program again as on a lesser processor, for each that this one can play. */
#ifndef ZOO_TESTS_COMPUTE_ISA_H
#define ZOO_TESTS_COMPUTE_ISA_H
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit/cm.h"

#define ISA_VARIABLE "ONEDNN_MAX_CPU_ISA"

static int passes_as(const char *isa)
{
    pid_t child = fork();
    int status = -1;

    assert_true(child >= 0);
    if (!child) {
        int nothing = open("/dev/null", O_WRONLY);
        if (nothing < 0 || dup2(nothing, 1) < 0 || dup2(nothing, 2) < 0 || setenv(ISA_VARIABLE, isa, 1))
            _exit(126);
        execl("/proc/self/exe", "lesser", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void lesser_processors_pass_too(void **state)
{
    static const char *const isas[] = { "SSE41", "AVX2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16" };

    (void)state;
#if !defined __x86_64__
    return;                             /* elsewhere there is one set of kernels */
#endif
    if (getenv(ISA_VARIABLE))
        return;                         /* this is one of them */
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
        if (!passes_as(isas[i]))
            fail_msg("fails with " ISA_VARIABLE "=%s", isas[i]);
}
#endif
