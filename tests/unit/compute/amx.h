/* amx.h - AMX's instructions as functions that do what the manual says, and the kernels built on them: for tests on any
 * machine with AVX-512, which what surrounds the tiles needs. */
#ifndef ZOO_TESTS_COMPUTE_AMX_H
#define ZOO_TESTS_COMPUTE_AMX_H
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "compute/cpu.h"
#include "unit/cm.h"

#define ZOO_AMX_EMULATED
static _Thread_local struct { int is_set; uint32_t cells[8][16][16]; } registers;     /* 16 rows of 64 bytes */

struct tile_settings { uint8_t palette, start_row, zeros[14]; uint16_t row_bytes[16]; uint8_t rows[16]; };

/* The kernels are written for eight full tiles. */
static void tile_config(const void *config)
{
    const struct tile_settings *s = config;

    registers.is_set = s->palette == 1 && !s->start_row;
    for (int i = 0; i < 8; i++)
        registers.is_set &= s->row_bytes[i] == 64 && s->rows[i] == 16;
    for (int i = 8; i < 16; i++)
        registers.is_set &= s->row_bytes[i] == 0 && s->rows[i] == 0;
}
static void tile_release(void) { registers.is_set = 0; }
static void tile_zero(int tile) { memset(registers.cells[tile], 0, sizeof registers.cells[tile]); }
static void tile_load(int tile, const void *from, size_t stride)
{
    for (size_t r = 0; r < 16; r++)
        memcpy(registers.cells[tile][r], (const char *)from + r * stride, 64);
}
static void tile_store(int tile, void *to, size_t stride)
{
    for (size_t r = 0; r < 16; r++)
        memcpy((char *)to + r * stride, registers.cells[tile][r], 64);
}
static float half(uint32_t pair, int is_odd)
{
    union { uint32_t bits; float value; } u = { is_odd ? pair & 0xffff0000u : pair << 16 };
    return u.value;
}
static void tile_bf16(int sum, int x, int w)
{
    for (int r = 0; r < 16; r++)
        for (int k = 0; k < 16; k++)
            for (int c = 0; c < 16; c++) {
                float *to = (float *)(void *)&registers.cells[sum][r][c];
                uint32_t a = registers.cells[x][r][k], b = registers.cells[w][k][c];
                *to += half(a, 0) * half(b, 0);
                *to += half(a, 1) * half(b, 1);
            }
}
static void tile_int8(int sum, int x, int w)
{
    for (int r = 0; r < 16; r++)
        for (int k = 0; k < 16; k++)
            for (int c = 0; c < 16; c++)
                for (int i = 0; i < 4; i++)
                    registers.cells[sum][r][c] += (uint32_t)(((const uint8_t *)&registers.cells[x][r][k])[i] *
                                                             ((const int8_t *)&registers.cells[w][k][c])[i]);
}
#define zoo_amx_bf16 emulated_bf16
#define zoo_amx_int8 emulated_int8
#include "compute/product_amx.c"

static void needs_avx512(void **state)
{
    (void)state;
    fprintf(stderr, "skip: needs a processor with AVX-512, on which AMX is played\n");
    skip();
}

/* What surrounds the tiles is not emulated. */
#define RUN_EMULATED(name, tests) \
    (zoo_cpu_level() < ZOO_CPU_BF16 \
     ? cmocka_run_group_tests_name(name, ((const struct CMUnitTest[]){ cmocka_unit_test(needs_avx512) }), NULL, NULL) \
     : cmocka_run_group_tests_name(name, tests, NULL, NULL))
#endif
