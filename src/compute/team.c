/* team.c - threads that walk through one computation side by side: each runs the same function, takes its share of
 * every phase, and meets the others at a barrier between phases; see team.h. */
#include "compute/team.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/parallel.h"

enum { LINE = 64, SPINS = 4000 };       /* SPINS pauses: some 50 to 150 microseconds */

/* A number that somebody moves on and others watch: they spin for a moment, then sleep. */
struct gate { _Alignas(LINE) atomic_uint round; atomic_uint sleepers; };

/* The last to arrive opens the gate for all. */
struct barrier { struct gate gate; _Alignas(LINE) atomic_uint arrived; };

struct worker { zoo_member me; pthread_t thread; };

struct zoo_team {
    struct barrier meeting;
    struct gate start;                  /* one round a run; the last one says that the threads end */
    struct worker *workers;             /* size - 1; the caller is member 0 */
    cpu_set_t allowed;
    zoo_team_fn fn;                     /* of this run; NULL: the threads end */
    void *context;
    pthread_t caller;                   /* the thread that was pinned as member 0, where there is one */
    int caller_is_pinned, first_cpu;
    unsigned size, started, spins;
};

static void pause_a_moment(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static void sleep_until_changed(atomic_uint *round, unsigned seen)
{
    syscall(SYS_futex, round, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void wake_all(atomic_uint *round)
{
    syscall(SYS_futex, round, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
}

/* A sleeper says so before it looks at `round` for the last time, and who opens looks for sleepers after moving
 * `round`: one of the two sees the other. */
static void gate_open(struct gate *gate)
{
    atomic_fetch_add(&gate->round, 1);
    if (atomic_load(&gate->sleepers))
        wake_all(&gate->round);
}

static void gate_wait(struct gate *gate, unsigned seen, unsigned spins)
{
    for (unsigned i = 0; i < spins; i++) {
        if (atomic_load_explicit(&gate->round, memory_order_acquire) != seen)
            return;
        pause_a_moment();
    }
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->round) == seen)
        sleep_until_changed(&gate->round, seen);
    atomic_fetch_sub(&gate->sleepers, 1);
}

static void barrier_wait(struct barrier *b, unsigned of, unsigned spins)
{
    unsigned seen = atomic_load_explicit(&b->gate.round, memory_order_relaxed);

    if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1 < of) {
        gate_wait(&b->gate, seen, spins);
        return;
    }
    atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
    gate_open(&b->gate);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    zoo_team *team = w->me.team;

    for (unsigned run = 0;; run++) {
        gate_wait(&team->start, run, team->spins);
        if (!team->fn)
            return NULL;
        team->fn(team->context, &w->me);
        barrier_wait(&team->meeting, team->size, team->spins);
    }
}

/* The set that holds the processor of member `number` alone. */
static void processor_of(const zoo_team *team, unsigned number, cpu_set_t *out)
{
    int skip = team->first_cpu + (int)number, cpu = 0;

    CPU_ZERO(out);
    for (; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &team->allowed) && skip-- == 0)
            break;
    if (cpu < CPU_SETSIZE)
        CPU_SET(cpu, out);
}

static int start_worker(zoo_team *team, unsigned number, zoo_err *err)
{
    struct worker *w = &team->workers[number - 1];
    pthread_attr_t attributes;
    cpu_set_t mine;
    int errno_value = pthread_attr_init(&attributes);

    if (errno_value)
        return zoo_fail_errno(err, errno_value, "starting thread %u", number);
    w->me = (zoo_member){ team, number, team->size };
    processor_of(team, number, &mine);
    if (team->first_cpu != ZOO_UNPINNED)
        errno_value = pthread_attr_setaffinity_np(&attributes, sizeof mine, &mine);
    if (!errno_value)
        errno_value = pthread_create(&w->thread, &attributes, worker_main, w);
    pthread_attr_destroy(&attributes);
    if (errno_value)
        return zoo_fail_errno(err, errno_value, "starting thread %u", number);
    team->started++;
    return ZOO_OK;
}

int zoo_team_new(zoo_team **out, unsigned threads, int first_cpu, zoo_err *err)
{
    unsigned processors = zoo_parallel_processors();
    zoo_team *team;
    int code = ZOO_OK;

    *out = NULL;
    if (!threads)
        threads = processors;
    if (first_cpu != ZOO_UNPINNED && (first_cpu < 0 || (unsigned)first_cpu + threads > processors))
        return zoo_fail(err, ZOO_EUSAGE,
                        "%u threads from processor %d on do not fit on the %u processors that this process may use",
                        threads, first_cpu, processors);
    team = aligned_alloc(LINE, (sizeof *team + LINE - 1) / LINE * LINE);
    if (!team)
        return zoo_fail_nomem(err);
    *team = (zoo_team){ .size = threads, .first_cpu = first_cpu, .spins = threads > processors ? 0 : SPINS };
    if (sched_getaffinity(0, sizeof team->allowed, &team->allowed))
        CPU_ZERO(&team->allowed);
    team->workers = calloc(threads, sizeof *team->workers);
    if (!team->workers)
        code = zoo_fail_nomem(err);
    for (unsigned i = 1; !code && i < threads; i++)
        code = start_worker(team, i, err);
    if (code)
        zoo_team_free(team);
    else
        *out = team;
    return code;
}

unsigned zoo_team_size(const zoo_team *team)
{
    return team->size;
}

/* Member 0 is whoever calls; a system call only where it is another thread than last time. */
static void pin_caller(zoo_team *team)
{
    cpu_set_t mine;

    if (team->first_cpu == ZOO_UNPINNED || (team->caller_is_pinned && pthread_equal(team->caller, pthread_self())))
        return;
    processor_of(team, 0, &mine);
    team->caller = pthread_self();
    team->caller_is_pinned = !pthread_setaffinity_np(team->caller, sizeof mine, &mine);
}

void zoo_team_run(zoo_team *team, zoo_team_fn fn, void *context)
{
    zoo_member caller = { team, 0, team->size };

    pin_caller(team);
    if (team->size == 1) {
        fn(context, &caller);
        return;
    }
    team->fn = fn;
    team->context = context;
    gate_open(&team->start);
    fn(context, &caller);
    barrier_wait(&team->meeting, team->size, team->spins);
}

void zoo_team_meet(const zoo_member *me)
{
    if (me->of > 1)
        barrier_wait(&me->team->meeting, me->of, me->team->spins);
}

void zoo_team_free(zoo_team *team)
{
    if (!team)
        return;
    team->fn = NULL;
    if (team->started)
        gate_open(&team->start);
    for (unsigned i = 0; i < team->started; i++)
        pthread_join(team->workers[i].thread, NULL);
    free(team->workers);
    free(team);
}

void zoo_member_share(const zoo_member *me, size_t n, size_t block, size_t *first, size_t *end)
{
    size_t blocks = n / block + (n % block != 0), from = blocks * me->number / me->of,
                    to = blocks * (me->number + 1) / me->of;

    *first = from * block < n ? from * block : n;
    *end = to * block < n ? to * block : n;
}
