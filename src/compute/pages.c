/* pages.c - memory for constants that many passes stream through, in large pages where the kernel grants them:
 * reading weights from memory is then about twice as fast; see pages.h. */
#include "compute/pages.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { LINE = 64, LARGE = 2 << 20, CHUNK = 64 << 20 };

/* Address space is taken in chunks; memory comes to it page by page, as it is touched. */
struct chunk { struct chunk *before; char *start; size_t size, used; };
struct zoo_pages { pthread_mutex_t lock; struct chunk *last; };

int zoo_pages_new(zoo_pages **out, zoo_err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return zoo_fail_nomem(err);
    pthread_mutex_init(&(*out)->lock, NULL);
    return ZOO_OK;
}

/* `size` bytes that begin on a large page. */
static char *map_aligned(size_t size)
{
    char *start = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t head;

    if (start == MAP_FAILED)
        return NULL;
    head = (LARGE - (uintptr_t)start % LARGE) % LARGE;
    if (head)
        munmap(start, head);
    munmap(start + head + size, LARGE - head);
#if defined MADV_HUGEPAGE
    madvise(start + head, size, MADV_HUGEPAGE);             /* a wish: small pages are right too */
#endif
    return start + head;
}

static int add_chunk(zoo_pages *pages, size_t least)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);

    if (!chunk)
        return 0;
    chunk->size = least > CHUNK ? (least + LARGE - 1) / LARGE * LARGE : CHUNK;
    chunk->start = map_aligned(chunk->size);
    if (!chunk->start) {
        free(chunk);
        return 0;
    }
    chunk->before = pages->last;
    pages->last = chunk;
    return 1;
}

void *zoo_pages_take(zoo_pages *pages, size_t bytes)
{
    void *block = NULL;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + LINE - 1) / LINE * LINE;
    pthread_mutex_lock(&pages->lock);
    if ((pages->last && pages->last->size - pages->last->used >= bytes) || add_chunk(pages, bytes)) {
        block = pages->last->start + pages->last->used;
        pages->last->used += bytes;
    }
    pthread_mutex_unlock(&pages->lock);
    return block;
}

void zoo_pages_free(zoo_pages *pages)
{
    if (!pages)
        return;
    for (struct chunk *chunk = pages->last, *before; chunk; chunk = before) {
        before = chunk->before;
        munmap(chunk->start, chunk->size);
        free(chunk);
    }
    pthread_mutex_destroy(&pages->lock);
    free(pages);
}
