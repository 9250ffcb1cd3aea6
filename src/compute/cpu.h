/* cpu.h - which instructions the kernels may use: what the processor has, limited by ONEDNN_MAX_CPU_ISA, so that a test
 * on one machine runs what another would. Variable and words are oneDNN's: where the two are compared it limits both.
 * Read once a process.
 * Layer: compute -> base. Threads: any. */
#ifndef ZOO_COMPUTE_CPU_H
#define ZOO_COMPUTE_CPU_H

/* Each has all that stands before it. */
enum zoo_cpu {
    ZOO_CPU_PORTABLE,       /* what the compiler was told: plain C */
    ZOO_CPU_AVX2,           /* with FMA */
    ZOO_CPU_AVX512,         /* F, BW, VL, DQ */
    ZOO_CPU_VNNI,           /* products of bytes */
    ZOO_CPU_BF16,           /* products of bfloat16 */
    ZOO_CPU_AMX             /* tiles of bytes and of bfloat16 */
};

enum zoo_cpu zoo_cpu_level(void);
#endif
