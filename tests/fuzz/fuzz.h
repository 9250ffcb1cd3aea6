/* fuzz.h - what every fuzzer begins with. A property that does not hold ends the program, which libFuzzer reports. */
#ifndef ZOO_TESTS_FUZZ_H
#define ZOO_TESTS_FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) do { if (!(condition)) __builtin_trap(); } while (0)
#endif
