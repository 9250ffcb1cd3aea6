/* lines.h - a stream read line by line in bounded memory: JSONL files, stdin.
 *
 *     zoo_lines in;
 *     zoo_lines_open(&in, "rows.jsonl", 64 << 20, &err);        // "-" is stdin
 *     while ((rc = zoo_lines_next(&in, &line, &size, &err)) == 1) ...   // in.number is the line's number, from 1
 *     zoo_lines_close(&in);
 *
 * A line ends with \n or \r\n; the last may lack it. Layer: base. Threads: one owner. */
#ifndef ZOO_BASE_LINES_H
#define ZOO_BASE_LINES_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

typedef struct zoo_lines {
    const char *name;            /* for sentences: the path, or "stdin" */
    size_t number;               /* of the line last given or refused, 1.. */
    uint64_t offset, total;      /* bytes consumed; file size, 0 where unknown */
    int fd;
    char *block;                 /* [start, end) is read and not yet given */
    size_t start, end, capacity, max;
    int at_end;
    int is_skipping;             /* what comes up to the next \n is the rest of a line that was refused */
} zoo_lines;

/* `path` must outlive the reader. A line longer than `max` bytes is refused. */
int zoo_lines_open(zoo_lines *in, const char *path, size_t max, zoo_err *err);
/* 1: *line (size bytes, NUL-terminated, valid until the next call); 0: the end;
 * negative: an error that names file and line.
 * ZOO_EFORMAT: a line of over `max` bytes; the next call goes on behind it, and none of it is kept. */
int zoo_lines_next(zoo_lines *in, char **line, size_t *size, zoo_err *err);
/* Whether zoo_lines_next() would return without waiting for input. Reads what is there to find out; 1 also at the end
 * and where reading fails, which zoo_lines_next() will say. */
int zoo_lines_ready(zoo_lines *in);
void zoo_lines_close(zoo_lines *in);
#endif
