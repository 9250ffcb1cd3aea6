/* version.c - the version of the library, as the build says it. */
#include "zooter.h"

const char *zoo_version(void)
{
    return ZOO_VERSION;
}
