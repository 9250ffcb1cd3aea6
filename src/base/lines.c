/* lines.c - a stream read line by line in bounded memory: JSONL files, stdin; see lines.h. */
#include "base/lines.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 };

int zoo_lines_open(zoo_lines *in, const char *path, size_t max, zoo_err *err)
{
    struct stat st;

    memset(in, 0, sizeof *in);
    in->max = max;
    if (!strcmp(path, "-")) {
        in->name = "stdin";
        in->fd = STDIN_FILENO;
    } else {
        in->name = path;
        in->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (in->fd < 0)
            return zoo_fail_errno(err, errno, "%s", path);
    }
    if (!fstat(in->fd, &st) && S_ISREG(st.st_mode))
        in->total = (uint64_t)st.st_size;
    if (!fstat(in->fd, &st) && S_ISDIR(st.st_mode)) {
        zoo_lines_close(in);
        return zoo_fail(err, ZOO_EIO, "%s: a folder, expected a file of lines", path);
    }
    return ZOO_OK;
}

/* Reads more behind [start, end); 0 at the end of input. */
static int fill(zoo_lines *in, zoo_err *err)
{
    ssize_t n;

    if (in->start) {
        memmove(in->block, in->block + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    if (in->capacity - in->end < BLOCK / 2 + 1) {
        size_t capacity = in->capacity ? in->capacity * 2 : BLOCK;
        char *block = realloc(in->block, capacity);
        if (!block)
            return zoo_fail_nomem(err);
        in->block = block;
        in->capacity = capacity;
    }
    do
        n = read(in->fd, in->block + in->end, in->capacity - in->end - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return zoo_fail_errno(err, errno, "%s:%zu", in->name, in->number + 1);
    if (n == 0)
        in->at_end = 1;
    in->end += (size_t)n;
    return ZOO_OK;
}

/* Takes `size` bytes away from what was read. */
static void consume(zoo_lines *in, size_t size)
{
    in->start += size;
    in->offset += size;
}

/* The bytes of the line ahead, without its \n; a line that has no end yet is as long as what is there. */
static size_t measure(const zoo_lines *in, size_t seen, int *has_end)
{
    size_t have = in->end - in->start;
    const char *newline = have > seen ? memchr(in->block + in->start + seen, '\n', have - seen) : NULL;

    *has_end = newline != NULL;
    return newline ? (size_t)(newline - (in->block + in->start)) : have;
}

/* Takes away what is there of a refused line, with its end where that is there. */
static void skip_refused(zoo_lines *in)
{
    size_t length;
    int has_end;

    if (!in->is_skipping)
        return;
    length = measure(in, 0, &has_end);
    consume(in, length + (size_t)has_end);
    in->is_skipping = !has_end;
}

static int refuse(zoo_lines *in, zoo_err *err)
{
    in->number++;
    in->is_skipping = 1;
    skip_refused(in);
    return zoo_fail(err, ZOO_EFORMAT, "%s:%zu: a line of over %zu bytes; split it or cut it", in->name, in->number,
                    in->max);
}

int zoo_lines_next(zoo_lines *in, char **line, size_t *size, zoo_err *err)
{
    size_t length = 0;
    int has_end;

    for (;;) {
        skip_refused(in);
        length = measure(in, length, &has_end);
        if (length > in->max)
            return refuse(in, err);
        if (has_end || in->at_end)
            break;
        int rc = fill(in, err);
        if (rc)
            return rc;
    }
    if (!has_end && !length)
        return 0;
    *line = in->block + in->start;
    consume(in, length + (size_t)has_end);
    in->number++;
    if (length && (*line)[length - 1] == '\r')
        length--;
    (*line)[length] = '\0';
    *size = length;
    return 1;
}

int zoo_lines_ready(zoo_lines *in)
{
    size_t length = 0;
    int has_end;

    for (;;) {
        struct pollfd waiting = { .fd = in->fd, .events = POLLIN };
        skip_refused(in);
        length = measure(in, length, &has_end);
        if (in->at_end || length > in->max || has_end)
            return 1;
        if (poll(&waiting, 1, 0) <= 0)
            return 0;
        if (fill(in, NULL))
            return 1;
    }
}

void zoo_lines_close(zoo_lines *in)
{
    if (in->fd > STDIN_FILENO)
        close(in->fd);
    free(in->block);
    memset(in, 0, sizeof *in);
    in->fd = -1;
}
