/* ranks_open.c - is this process one of several that were started together (mpirun, srun), and if so, the others;
 * see ranks_open.h. */
#include "train/ranks_open.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/rng.h"

static const size_t PROGRAM_MAX = (size_t)1 << 30;

/* Open MPI tells OMPI_COMM_WORLD_SIZE, MPICH and its kin PMI_SIZE; srun --mpi=pmix the rank alone,
 * and Slurm the number. */
unsigned zoo_ranks_launched(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return (unsigned)strtoul(getenv(names[i]), NULL, 10);
    if (!getenv("PMIX_RANK"))
        return 1;
    return tasks ? (unsigned)strtoul(tasks, NULL, 10) : 0;
}

unsigned zoo_ranks_launched_as(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return (unsigned)strtoul(getenv(names[i]), NULL, 10);
    return 0;
}

/* zooter-mpi.so lies beside the program (a build), or in ../lib/zooter from there (an installation). */
static void *open_beside(char *place, size_t size)
{
    static const char *const where[] = { "", "../lib/zooter/" };
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    void *found = NULL;

    if (n < 0)
        return NULL;
    program[n] = 0;
    *(strrchr(program, '/') + 1) = 0;
    for (size_t i = 0; i < sizeof where / sizeof *where && !found; i++) {
        if (snprintf(place, size, "%s%szooter-mpi.so", program, where[i]) >= (int)size || access(place, R_OK))
            continue;
        found = dlopen(place, RTLD_NOW | RTLD_GLOBAL);
        if (!found)
            return NULL;
    }
    if (!found)
        *place = 0;
    return found;
}

static int no_mpi(const char *place, zoo_err *err)
{
    const char *why = dlerror();

    if (*place)
        return zoo_fail(err, ZOO_EUSAGE, "this is one of several processes, and %s does not open (%s): install the MPI "
                                         "it was built with", place, why ? why : "no reason told");
    return zoo_fail(err, ZOO_EUSAGE, "this is one of several processes, and zooter was built without MPI: install one "
                                     "(on Debian: apt install libopenmpi-dev openmpi-bin) and build again, or start it "
                                     "without mpirun");
}

/* Other builds may round otherwise: ranks must be the same program, byte for byte. */
static int check_program(zoo_ranks *ranks, zoo_err *err)
{
    zoo_common program = { .what = "another zooter",
                           .remedy = "start the same build of the same version (" ZOO_VERSION " here) everywhere" };
    char *bytes;
    size_t size;
    int rc = zoo_fs_read(&bytes, &size, "/proc/self/exe", PROGRAM_MAX, err);

    if (rc)
        return rc;
    program.mark = zoo_hash64(bytes, size, 1);
    free(bytes);
    return zoo_ranks_compare(ranks, &program, 1, err);
}

int zoo_ranks_open(zoo_ranks **out, zoo_err *err)
{
    char place[PATH_MAX] = "";
    void *mpi = open_beside(place, sizeof place);       /* stays open: MPI does not like to be unloaded */
    zoo_ranks_join join;
    int rc;

    *out = NULL;
    if (!mpi)
        return no_mpi(place, err);
    *(void **)&join = dlsym(mpi, "zoo_ranks_mpi_join");
    if (!join)
        return no_mpi(place, err);
    rc = join(out, err);
    return rc ? rc : check_program(*out, err);
}
