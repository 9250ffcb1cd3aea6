/* Ranks that are threads of one process: a transport for tests of what is built on ranks.h.
 * A block is copied once both sides have come. */
#ifndef ZOO_TESTS_RANKS_OF_THREADS_H
#define ZOO_TESTS_RANKS_OF_THREADS_H
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "unit/cm.h"
#include "train/ranks.h"

enum { THREADS_MOST = 8 };

struct meeting {
    unsigned count;
    pthread_barrier_t barrier;
    const zoo_block *out[THREADS_MOST];
    size_t swapped[THREADS_MOST], calls[THREADS_MOST];          /* bytes sent, calls of swap() */
};

struct thread_rank { zoo_ranks base; struct meeting *meeting; zoo_block blocks[2 * THREADS_MOST]; };

static int swap_of_threads(zoo_ranks *ranks, const zoo_block *out, const zoo_block *in, zoo_err *err)
{
    struct meeting *m = ((struct thread_rank *)ranks)->meeting;

    m->out[ranks->rank] = out;
    m->calls[ranks->rank]++;
    pthread_barrier_wait(&m->barrier);
    for (unsigned r = 0; r < m->count; r++) {
        if (m->out[r][ranks->rank].size != in[r].size)
            abort();
        if (in[r].size)
            memcpy(in[r].data, m->out[r][ranks->rank].data, in[r].size);
        m->swapped[ranks->rank] += out[r].size;
    }
    pthread_barrier_wait(&m->barrier);
    (void)err;
    return ZOO_OK;
}

static const zoo_ranks_class class_of_threads = { .swap = swap_of_threads };

struct thread_call { struct thread_rank rank; void (*fn)(zoo_ranks *ranks, void *context); void *context; };

static void *call_in_thread(void *opaque)
{
    struct thread_call *call = opaque;

    call->fn(&call->rank.base, call->context);
    return NULL;
}

/* fn on `count` ranks at once; contexts: (count) of `size` bytes. */
static void run_ranks(struct meeting *m, unsigned count, void (*fn)(zoo_ranks *, void *), void *contexts, size_t size)
{
    struct thread_call calls[THREADS_MOST];
    pthread_t threads[THREADS_MOST];

    *m = (struct meeting){ .count = count };
    assert_int_equal(pthread_barrier_init(&m->barrier, NULL, count), 0);
    for (unsigned r = 0; r < count; r++) {
        calls[r] = (struct thread_call){ .rank = { .base = { .class = &class_of_threads, .rank = r, .count = count,
                                                             .neighbours = count }, .meeting = m }, .fn = fn,
                                         .context = (char *)contexts + r * size };
        calls[r].rank.base.blocks = calls[r].rank.blocks;
        assert_int_equal(pthread_create(&threads[r], NULL, call_in_thread, &calls[r]), 0);
    }
    for (unsigned r = 0; r < count; r++)
        pthread_join(threads[r], NULL);
    pthread_barrier_destroy(&m->barrier);
}
#endif
