/* name.c - which names may reach headers, pages and terminals; see name.h. */
#include "base/name.h"
#include <string.h>

int zoo_name_is_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@+-";
    size_t n = strspn(name, allowed);

    return n && !name[n] && n <= ZOO_NAME_MAX;
}

int zoo_name_check(const char *name, const char *place, zoo_err *err)
{
    if (zoo_name_is_valid(name))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: expert name '%.140s' should be 1 to %d characters of " ZOO_NAME_CHARACTERS,
                    place, name, ZOO_NAME_MAX);
}
