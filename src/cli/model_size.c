/* model_size.c - amounts of memory as people write them; see model_size.h. */
#include "cli/model_size.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int zoo_size_parse(const char *text, uint64_t *bytes)
{
    static const struct { const char *name; uint64_t bytes; } units[] = {
        { "", 1 }, { "B", 1 }, { "KB", 1000 }, { "MB", 1000000 }, { "GB", 1000000000 }, { "KiB", 1 << 10 },
            { "MiB", 1 << 20 },
        { "GiB", 1 << 30 }
    };
    unsigned long long n;
    char *end;

    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    n = strtoull(text, &end, 10);
    while (*end == ' ')
        end++;
    for (size_t i = 0; !errno && i < sizeof units / sizeof *units; i++)
        if (!strcasecmp(end, units[i].name))
            return n && !__builtin_mul_overflow((uint64_t)n, units[i].bytes, bytes);
    return 0;
}

void zoo_size_print(char *out, size_t size, uint64_t bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB" };
    double n = (double)bytes / 1000;
    size_t i = 0;

    if (bytes < 1000) {
        snprintf(out, size, "%" PRIu64 " bytes", bytes);
        return;
    }
    for (; n >= 999.5 && i < 3; i++)
        n /= 1000;
    snprintf(out, size, n < 10 ? "%.1f %s" : "%.0f %s", n, units[i]);
}
