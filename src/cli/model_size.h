/* model_size.h - amounts of memory as people write them. Layer: cli. */
#ifndef ZOO_CLI_MODEL_SIZE_H
#define ZOO_CLI_MODEL_SIZE_H
#include <stddef.h>
#include <stdint.h>

/* "5GB", "500 MiB", "1000000": 1 and *bytes; 0: no such size, or 0. KB, MB, GB are powers of 1000, KiB,
 * MiB, GiB of 1024. */
int zoo_size_parse(const char *text, uint64_t *bytes);
/* "1.1 GB" into out. */
void zoo_size_print(char *out, size_t size, uint64_t bytes);
#endif
