/* train_ranks.c - zooter train as one of several processes that mpirun or srun has started: joining, threads, and
 * the common end; see train_ranks.h. */
#include "cli/train_ranks.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/rng.h"
#include "train/ranks_open.h"

int zoo_train_join(int trains_encoder, zoo_ranks **ranks, zoo_err *err)
{
    unsigned launched = zoo_ranks_launched();

    *ranks = NULL;
    if (launched == 1)
        return ZOO_OK;
    if (!trains_encoder)
        return zoo_fail(err, ZOO_EUSAGE, "one process trains an n-gram router in seconds: start it without mpirun, or "
                                         "give --encoder DIR");
    return zoo_ranks_open(ranks, err);
}

/* ---- threads ---- */

struct place { uint64_t machine; cpu_set_t processors; };

int zoo_train_threads(zoo_ranks *ranks, unsigned *threads, zoo_err *err)
{
    struct place *all = calloc(zoo_ranks_count(ranks), sizeof *all), own;
    unsigned sharing = 0, processors;
    char name[256] = "";
    int rc;

    if (!all)
        return zoo_fail_nomem(err);
    memset(&own, 0, sizeof own);
    gethostname(name, sizeof name - 1);
    own.machine = zoo_hash64(name, strlen(name), 1);
    sched_getaffinity(0, sizeof own.processors, &own.processors);
    rc = zoo_ranks_gather(ranks, &own, sizeof own, all, err);
    for (unsigned r = 0; !rc && r < zoo_ranks_count(ranks); r++)
        sharing += !memcmp(&all[r], &own, sizeof own);
    processors = (unsigned)CPU_COUNT(&own.processors);
    *threads = sharing && processors > sharing ? processors / sharing : 1;
    free(all);
    return rc;
}

/* ---- the end ---- */

/* Written once, before the handler is set: all that the handler may do is write and leave. */
static char last_words[512];

static void say_and_leave(int number)
{
    ssize_t written = write(STDERR_FILENO, last_words, strlen(last_words));

    _exit(written < 0 ? 1 : 128 + number);
}

int zoo_train_await_end(const zoo_ranks *ranks, const char *out, zoo_err *err)
{
    struct sigaction action = { .sa_handler = say_and_leave };

    if (!ranks || ranks->rank)
        return ZOO_OK;
    snprintf(last_words, sizeof last_words,
             "zooter train: ended from outside: another rank died, or the run was stopped; the same command with "
             "--resume goes on from what %.200s.run holds\n", out);
    return sigaction(SIGTERM, &action, NULL) ? zoo_fail_errno(err, errno, "SIGTERM") : ZOO_OK;
}

int zoo_train_part(zoo_ranks *ranks, int rc, int *all_came)
{
    int *codes = calloc(ranks->count, sizeof *codes), speaks = rc != 0;

    *all_came = codes && ranks->class->close(ranks, rc, codes);
    /* mpirun ends the slower ones with a signal as soon as one has left with a status: nobody has died */
    if (*all_came)
        signal(SIGTERM, SIG_IGN);
    for (unsigned r = 0; *all_came && r < ranks->rank; r++)
        speaks &= !codes[r];
    free(codes);
    return speaks;
}

void zoo_train_leave(zoo_ranks *ranks, int all_came, int status)
{
    if (all_came)
        ranks->class->end(ranks);
    else
        ranks->class->abort(ranks, status ? status : 1);
}
