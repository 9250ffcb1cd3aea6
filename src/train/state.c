/* state.c - what a run needs to go on after it was killed, in one file that is written beside and put in place at
 * once; see state.h. */
#include "train/state.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/rng.h"

static const char magic[16] = "zooter-state-2\n";

struct zoo_state {
    FILE *file;
    int is_reading;
    char path[PATH_MAX], beside[PATH_MAX];
    uint64_t sum;
    zoo_err failure;                /* code 0: none so far */
};

static void fail_io(zoo_state *s)
{
    if (s->is_reading && !ferror(s->file))
        zoo_fail(&s->failure, ZOO_EFORMAT, "%s: ends too early; begin anew without --resume", s->path);
    else
        zoo_fail_errno(&s->failure, errno, "%s", s->is_reading ? s->path : s->beside);
}

static void transfer(zoo_state *s, void *data, size_t size)
{
    if (s->failure.code || !size)
        return;
    if ((s->is_reading ? fread(data, 1, size, s->file) : fwrite(data, 1, size, s->file)) != size)
        fail_io(s);
}

void zoo_state_sync(zoo_state *s, void *data, size_t size)
{
    uint64_t length = size;

    transfer(s, &length, sizeof length);
    if (!s->failure.code && length != size)
        zoo_fail(&s->failure, ZOO_EFORMAT, "%s: is of another run; begin anew without --resume", s->path);
    transfer(s, data, size);
    if (s->failure.code && s->is_reading)
        memset(data, 0, size);
    else if (!s->failure.code)
        s->sum = zoo_hash64(data, size, s->sum);
}

int zoo_state_is_reading(const zoo_state *s)
{
    return s->is_reading;
}

int zoo_state_begin(zoo_state **out, const char *path, uint64_t fingerprint, int is_reading, zoo_err *err)
{
    zoo_state *s = calloc(1, sizeof *s);
    char head[sizeof magic];

    *out = NULL;
    if (!s)
        return zoo_fail_nomem(err);
    s->is_reading = is_reading;
    snprintf(s->path, sizeof s->path, "%s", path);
    if (snprintf(s->beside, sizeof s->beside, "%s.part", path) >= (int)sizeof s->beside) {
        free(s);
        return zoo_fail(err, ZOO_EUSAGE, "%s: the path is too long", path);
    }
    s->file = fopen(is_reading ? s->path : s->beside, is_reading ? "rbe" : "wbe");
    if (!s->file) {
        int rc = zoo_fail_errno(err, errno, "%s", is_reading ? s->path : s->beside);
        free(s);
        return rc;
    }
    memcpy(head, magic, sizeof head);
    transfer(s, head, sizeof head);
    if (!s->failure.code && memcmp(head, magic, sizeof head) != 0)
        zoo_fail(&s->failure, ZOO_EFORMAT, "%s: is not the state of a run of this version; begin anew without --resume",
                 path);
    if (!s->failure.code) {
        uint64_t mark = fingerprint;
        transfer(s, &mark, sizeof mark);
        if (!s->failure.code && mark != fingerprint)
            zoo_fail(&s->failure, ZOO_EUSAGE,
                     "%s: is of a run with other queries, rewards, settings or another encoder; begin anew "
                     "without --resume", path);
    }
    if (s->failure.code) {
        int code = s->failure.code;
        if (err)
            *err = s->failure;
        fclose(s->file);
        free(s);
        return code;
    }
    *out = s;
    return ZOO_OK;
}

static void check_sum(zoo_state *s)
{
    uint64_t sum = s->sum, told = sum;

    transfer(s, &told, sizeof told);
    if (!s->failure.code && told != sum)
        zoo_fail(&s->failure, ZOO_EFORMAT, "%s: is damaged; begin anew without --resume", s->path);
}

int zoo_state_end(zoo_state *s, zoo_err *err)
{
    int rc;

    check_sum(s);
    if (!s->is_reading && !s->failure.code && (fflush(s->file) || fsync(fileno(s->file))))
        fail_io(s);
    if (fclose(s->file) && !s->is_reading && !s->failure.code)
        zoo_fail_errno(&s->failure, errno, "%s", s->beside);
    rc = s->failure.code;
    if (rc && err)
        *err = s->failure;
    if (rc && !s->is_reading)
        unlink(s->beside);
    if (!rc && !s->is_reading)
        rc = zoo_fs_replace(s->beside, s->path, err);
    free(s);
    return rc;
}
