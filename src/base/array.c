/* array.c - the growing array of items of one size, with a limit; see array.h. */
#include "base/array.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"

enum { FIRST = 16 };                     /* items of an array that was empty */

/* The next capacity: twice the last, as much as is needed, and not above the limit. */
static size_t choose(size_t capacity, size_t need, size_t limit)
{
    size_t twice = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2, more = twice > FIRST ? twice : FIRST;

    more = more > need ? more : need;
    return more < limit ? more : limit;
}

int zoo_array_grow(void *items_pointer, size_t *capacity, size_t need, size_t item_size, size_t limit)
{
    size_t more;
    char *items, *grown;

    if (need > limit)
        return ZOO_EUSAGE;
    if (need <= *capacity)
        return ZOO_OK;
    more = choose(*capacity, need, limit);
    if (more > PTRDIFF_MAX / item_size)
        return ZOO_ENOMEM;
    memcpy(&items, items_pointer, sizeof items);             /* of any type, so not through a void ** */
    grown = realloc(items, more * item_size);
    if (!grown)
        return ZOO_ENOMEM;
    memset(grown + *capacity * item_size, 0, (more - *capacity) * item_size);
    memcpy(items_pointer, &grown, sizeof grown);
    *capacity = more;
    // cppcheck-suppress memleak ; memcpy() has handed it over
    return ZOO_OK;
}
