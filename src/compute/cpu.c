#include "compute/cpu.h"
#include <stdatomic.h>
#include <oneapi/dnnl/dnnl.h>

#if defined __x86_64__
#include <sys/syscall.h>
#include <unistd.h>

/* Linux hands out the tile registers on request, once a process. */
static int may_use_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

static enum zoo_cpu find_level(void)
{
    static const struct { dnnl_cpu_isa_t isa; enum zoo_cpu level; } levels[] = {
        { dnnl_cpu_isa_avx512_core_amx, ZOO_CPU_AMX }, { dnnl_cpu_isa_avx512_core_bf16, ZOO_CPU_BF16 },
        { dnnl_cpu_isa_avx512_core_vnni, ZOO_CPU_VNNI }, { dnnl_cpu_isa_avx512_core, ZOO_CPU_AVX512 },
    };
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();

    if ((isa & dnnl_cpu_isa_avx2) != dnnl_cpu_isa_avx2 || !__builtin_cpu_supports("fma"))
        return ZOO_CPU_PORTABLE;
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++)
        if ((isa & levels[i].isa) == levels[i].isa)
            return levels[i].level == ZOO_CPU_AMX && !may_use_tiles() ? ZOO_CPU_BF16 : levels[i].level;
    return ZOO_CPU_AVX2;
}

/* Asked for in every call of a kernel, and the same each time: oneDNN, too, settles it once a process. */
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
