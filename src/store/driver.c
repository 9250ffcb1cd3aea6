/* driver.c - which driver a store's name means. Layer: store. */
#include "store/driver.h"
#include <string.h>

const zoo_driver *zoo_driver_of(const char *where)
{
    static const char *const schemes[] = { "postgresql:", "postgres:" };

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (!strncasecmp(where, schemes[i], strlen(schemes[i])))
            return &zoo_driver_postgres;
    return &zoo_driver_sqlite;
}
