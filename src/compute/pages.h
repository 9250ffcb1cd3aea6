/* pages.h - memory for constants that many passes stream through, in large pages where the kernel grants them: reading
 * weights from memory is then about twice as fast. Blocks of one lifetime, given back together.
 * Layer: compute -> base. Threads: any may take. */
#ifndef ZOO_COMPUTE_PAGES_H
#define ZOO_COMPUTE_PAGES_H
#include <stddef.h>
#include "base/err.h"

typedef struct zoo_pages zoo_pages;

int zoo_pages_new(zoo_pages **out, zoo_err *err);
void *zoo_pages_take(zoo_pages *pages, size_t bytes);       /* zeroed, 64-byte aligned; NULL: no memory */
void zoo_pages_free(zoo_pages *pages);                      /* NULL is fine */
#endif
