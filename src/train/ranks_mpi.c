/* ranks_mpi.c - ranks over MPI, the only file that knows MPI. It is built into a shared object of its own,
 * zooter-mpi.so, with mpicc, and opened by ranks_open.c where a process was started as one of several: the program
 * itself neither links to MPI nor starts slower for it. Waiting is polling with short sleeps, so that a rank that waits
 * takes no processor from one that computes; what takes longer than PATIENCE_S is a failure, so that a run between
 * machines that no longer hear each other ends.
 * Layer: train. Threads: one at a time (MPI_THREAD_SERIALIZED). */
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <time.h>
#include "train/ranks_open.h"

enum { PATIENCE_S = 1800, PARTING_S = 2, SPINS = 200 };
/* Bytes of a message. Between machines, below what Open MPI sends at once over TCP: larger ones ask the other side
 * first, piece by piece, and those questions wait behind the data of the other direction,
 * so that a slow link is half idle. */
static const size_t MESSAGE_NEAR = (size_t)1 << 20, MESSAGE_FAR = 65536 - 256;
static const long NAP_NS = 20000;

struct mpi_ranks {
    zoo_ranks base;
    MPI_Comm world, parting;         /* own copies; parting: of what is said at the end, whatever is under way */
    MPI_Request *requests;
    int requests_size;
    size_t message;                  /* bytes of one at most; the same on all ranks */
};

static int fail_mpi(zoo_err *err, int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;

    MPI_Error_string(code, text, &length);
    return zoo_fail(err, ZOO_EIO, "%s: %s", what, text);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Whether all of it is done within so many seconds; < 0: without end. */
static int wait_for(MPI_Request *requests, int count, double seconds, int *code)
{
    double end = now() + seconds;
    int done = 0;

    for (unsigned long tries = 0;; tries++) {
        *code = MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
        if (*code != MPI_SUCCESS || done)
            return 1;
        if (seconds >= 0 && now() > end)
            return 0;
        if (tries >= SPINS)
            nanosleep(&(struct timespec){ 0, NAP_NS }, NULL);
    }
}

/* ---- swap ---- */

static size_t pieces(const zoo_block *blocks, unsigned count, size_t message)
{
    size_t n = 0;

    for (unsigned r = 0; r < count; r++)
        n += (blocks[r].size + message - 1) / message;
    return n;
}

static int make_room(struct mpi_ranks *m, size_t wanted, zoo_err *err)
{
    MPI_Request *more;

    if (wanted <= (size_t)m->requests_size)
        return ZOO_OK;
    more = wanted < INT_MAX / 2 ? realloc(m->requests, 2 * wanted * sizeof *more) : NULL;
    if (!more)
        return zoo_fail_nomem(err);
    m->requests = more;
    m->requests_size = (int)(2 * wanted);
    return ZOO_OK;
}

/* Begins to send or to receive one block; between two ranks messages do not overtake each other. */
static int begin_block(struct mpi_ranks *m, const zoo_block *block, int rank, int sends, int *count)
{
    int code = MPI_SUCCESS;

    for (size_t at = 0; at < block->size && code == MPI_SUCCESS; at += m->message) {
        int size = (int)(block->size - at < m->message ? block->size - at : m->message);
        char *data = (char *)block->data + at;
        code = sends ? MPI_Isend(data, size, MPI_BYTE, rank, 0, m->world, &m->requests[*count])
                     : MPI_Irecv(data, size, MPI_BYTE, rank, 0, m->world, &m->requests[*count]);
        *count += code == MPI_SUCCESS;
    }
    return code;
}

static int swap(zoo_ranks *ranks, const zoo_block *out, const zoo_block *in, zoo_err *err)
{
    struct mpi_ranks *m = (struct mpi_ranks *)ranks;
    int count = 0, code = MPI_SUCCESS, R = (int)ranks->count, own = (int)ranks->rank;

    if (make_room(m, pieces(out, ranks->count, m->message) + pieces(in, ranks->count, m->message), err))
        return ZOO_ENOMEM;
    for (int i = 1; i < R && code == MPI_SUCCESS; i++)
        code = begin_block(m, &in[(own + R - i) % R], (own + R - i) % R, 0, &count);
    for (int i = 1; i < R && code == MPI_SUCCESS; i++)       /* each begins with another: nobody is everybody's first */
        code = begin_block(m, &out[(own + i) % R], (own + i) % R, 1, &count);
    if (code != MPI_SUCCESS)
        return fail_mpi(err, code, "the exchange with other ranks failed");
    if (!wait_for(m->requests, count, PATIENCE_S, &code))
        return zoo_fail(err, ZOO_EIO, "nothing came from the other ranks for %d s", PATIENCE_S);
    return code == MPI_SUCCESS ? ZOO_OK : fail_mpi(err, code, "the exchange with other ranks failed");
}

/* ---- the end ---- */

/* Requests that nobody answers are left behind: abort() follows. */
static int part(zoo_ranks *ranks, int code, int *codes)
{
    struct mpi_ranks *m = (struct mpi_ranks *)ranks;
    MPI_Request request;
    int rc = MPI_Iallgather(&code, 1, MPI_INT, codes, 1, MPI_INT, m->parting, &request);

    return rc == MPI_SUCCESS && wait_for(&request, 1, code ? PARTING_S : -1, &rc) && rc == MPI_SUCCESS;
}

static void end(zoo_ranks *ranks)
{
    struct mpi_ranks *m = (struct mpi_ranks *)ranks;

    if (m->world != MPI_COMM_NULL)
        MPI_Comm_free(&m->world);
    if (m->parting != MPI_COMM_NULL)
        MPI_Comm_free(&m->parting);
    MPI_Finalize();
    free(m->requests);
    free(m->base.blocks);
    free(m);
}

static void stop(zoo_ranks *ranks, int status)
{
    MPI_Abort(((struct mpi_ranks *)ranks)->world, status);
}

/* ---- the beginning ---- */

static int count_neighbours(MPI_Comm world, unsigned *neighbours)
{
    MPI_Comm machine;
    int size = 1, code = MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);

    if (code == MPI_SUCCESS) {
        code = MPI_Comm_size(machine, &size);
        MPI_Comm_free(&machine);
    }
    *neighbours = (unsigned)size;
    return code;
}

static int join(struct mpi_ranks *m, zoo_err *err)
{
    int rank = 0, count = 0, code = MPI_Comm_dup(MPI_COMM_WORLD, &m->world);

    if (code == MPI_SUCCESS)
        code = MPI_Comm_dup(MPI_COMM_WORLD, &m->parting);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(m->world, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(m->parting, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(m->world, &rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(m->world, &count);
    if (code == MPI_SUCCESS)
        code = count_neighbours(m->world, &m->base.neighbours);
    if (code != MPI_SUCCESS)
        return fail_mpi(err, code, "MPI could not be begun");
    if (count > ZOO_RANKS_MOST)
        return zoo_fail(err, ZOO_EUSAGE, "%d ranks, at most %d are possible", count, ZOO_RANKS_MOST);
    m->base.rank = (unsigned)rank;
    m->base.count = (unsigned)count;
    m->message = m->base.neighbours == m->base.count ? MESSAGE_NEAR : MESSAGE_FAR;
    m->base.blocks = calloc(2 * (size_t)count, sizeof *m->base.blocks);
    return m->base.blocks ? ZOO_OK : zoo_fail_nomem(err);
}

int zoo_ranks_mpi_join(zoo_ranks **out, zoo_err *err)
{
    static const zoo_ranks_class class = { .swap = swap, .close = part, .end = end, .abort = stop };
    struct mpi_ranks *m = calloc(1, sizeof *m);
    int given = 0, rc;

    *out = NULL;
    if (!m)
        return zoo_fail_nomem(err);
    m->base.class = &class;
    m->world = m->parting = MPI_COMM_NULL;
    rc = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &given);
    if (rc != MPI_SUCCESS) {
        free(m);
        return zoo_fail(err, ZOO_EIO, "MPI could not be begun (code %d)", rc);
    }
    rc = given < MPI_THREAD_SERIALIZED ? zoo_fail(err, ZOO_EUSAGE, "this MPI does not serve programs with threads") :
         join(m, err);
    if (rc) {
        end(&m->base);
        return rc;
    }
    *out = &m->base;
    return ZOO_OK;
}
