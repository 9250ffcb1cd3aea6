/* precision.c - names of precisions. Layer: compute -> base. Threads: pure. */
#include <string.h>
#include "zooter.h"

static const char *const names[] = {
    [ZOO_PRECISION_AUTO] = "auto", [ZOO_PRECISION_F32] = "f32", [ZOO_PRECISION_BF16] = "bf16",
                           [ZOO_PRECISION_INT8] = "int8"
};

enum { NAMES = sizeof names / sizeof *names };

const char *zoo_precision_name(enum zoo_precision precision)
{
    return (unsigned)precision < NAMES ? names[precision] : "?";
}

int zoo_precision_parse(const char *word, enum zoo_precision *out)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (!strcmp(names[i], word)) {
            *out = (enum zoo_precision)i;
            return 1;
        }
    return 0;
}
