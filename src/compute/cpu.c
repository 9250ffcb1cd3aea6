/* cpu.c - which instructions the kernels may use: what the processor has, limited by ONEDNN_MAX_CPU_ISA, so that a
 * test on one machine runs what another would; see cpu.h. */
#include "compute/cpu.h"

#if defined __x86_64__
#include <cpuid.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the leaf 7: whether the kernel saves the tile registers it says itself.
 * Linux hands them out on request, once a process. */
static int may_use_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    const unsigned bf16 = 1u << 22, tiles = 1u << 24, int8 = 1u << 25;
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & bf16) && (d & tiles) && (d & int8) &&
           !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

/* As oneDNN reads it; a word that it does not know limits nothing. */
static enum zoo_cpu level_allowed(void)
{
    static const struct { const char *word; enum zoo_cpu level; } words[] = {
        { "SSE41", ZOO_CPU_PORTABLE }, { "AVX", ZOO_CPU_PORTABLE }, { "AVX2", ZOO_CPU_AVX2 },
            { "AVX2_VNNI", ZOO_CPU_AVX2 },
        { "AVX2_VNNI_2", ZOO_CPU_AVX2 }, { "AVX512_CORE", ZOO_CPU_AVX512 }, { "AVX512_CORE_VNNI", ZOO_CPU_VNNI },
        { "AVX512_CORE_BF16", ZOO_CPU_BF16 }, { "AVX512_CORE_FP16", ZOO_CPU_BF16 }, { "AVX10_1_512", ZOO_CPU_BF16 },
    };
    const char *word = getenv("ONEDNN_MAX_CPU_ISA");

    for (unsigned i = 0; word && i < sizeof words / sizeof *words; i++)
        if (!strcasecmp(word, words[i].word))
            return words[i].level;
    return ZOO_CPU_AMX;
}

/* What the processor has and the kernel saves when it switches threads. */
static enum zoo_cpu level_of_processor(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return ZOO_CPU_PORTABLE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
        return ZOO_CPU_AVX2;
    if (!__builtin_cpu_supports("avx512vnni"))
        return ZOO_CPU_AVX512;
    return __builtin_cpu_supports("avx512bf16") ? ZOO_CPU_BF16 : ZOO_CPU_VNNI;
}

static enum zoo_cpu find_level(void)
{
    enum zoo_cpu level = level_of_processor(), allowed = level_allowed();

    if (level > allowed)
        return allowed;
    return level == ZOO_CPU_BF16 && allowed == ZOO_CPU_AMX && may_use_tiles() ? ZOO_CPU_AMX : level;
}

/* Asked for in every call of a kernel, and the same each time. */
enum zoo_cpu zoo_cpu_level(void)
{
    static _Atomic int known = -1;
    int level = atomic_load_explicit(&known, memory_order_relaxed);

    if (level < 0)
        atomic_store_explicit(&known, level = (int)find_level(), memory_order_relaxed);
    return (enum zoo_cpu)level;
}
#else
enum zoo_cpu zoo_cpu_level(void)
{
    return ZOO_CPU_PORTABLE;
}
#endif
