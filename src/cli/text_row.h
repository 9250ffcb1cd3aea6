/* text_row.h - one row of JSONL with a text, a pair of texts, or a query and two candidates, as `zooter model run` and
 * `zooter embed` read them.
 *
 *     zoo_text_row row = ZOO_TEXT_ROW_INIT;
 *     zoo_text_row_read(&row, line, size, ROW_TEXT | ROW_PAIR, "stdin:17", &err);
 *     ... row.texts[ROW_AT_TEXT], row.max_length
 *     zoo_text_row_release(&row);
 *
 * Bytes that are not UTF-8, and lone surrogates, are read as U+FFFD; keys that are not asked for are ignored.
 * Layer: cli. Threads: one owner. Memory is kept from row to row. */
#ifndef ZOO_CLI_TEXT_ROW_H
#define ZOO_CLI_TEXT_ROW_H
#include <stddef.h>
#include "base/buf.h"
#include "base/err.h"
#include "zooter.h"

enum { ROW_AT_TEXT, ROW_AT_PAIR, ROW_AT_QUERY, ROW_AT_CANDIDATE1, ROW_AT_CANDIDATE2, ROW_TEXTS };
/* What is read; all of it must be there but the pair, and with ROW_EITHER one of them does. */
enum { ROW_EITHER = 1 << ROW_TEXTS, ROW_TEXT_OR_QUERY = ROW_EITHER | 1 << ROW_AT_TEXT | 1 << ROW_AT_QUERY,
       ROW_TEXT = 1 << ROW_AT_TEXT, ROW_PAIR = 1 << ROW_AT_PAIR,
       ROW_COMPARISON = 1 << ROW_AT_QUERY | 1 << ROW_AT_CANDIDATE1 | 1 << ROW_AT_CANDIDATE2 };
enum { ROW_LINE_MAX = 64 << 20 };         /* bytes of a line */

typedef struct zoo_text_row {
    zoo_text texts[ROW_TEXTS];            /* data NULL: not there. Until the next row */
    size_t max_length;                    /* 0: not there */
    zoo_text id;                      /* JSON text of a string or whole number; data NULL: not there. Inside the line */
    zoo_buf decoded, valid;
} zoo_text_row;

#define ZOO_TEXT_ROW_INIT { .decoded = ZOO_BUF_INIT(3 * (size_t)ROW_LINE_MAX + 64), \
                            .valid = ZOO_BUF_INIT(3 * (size_t)ROW_LINE_MAX) }

/* ZOO_EFORMAT with a sentence that begins with `place`. `id` may point into `line`. */
int zoo_text_row_read(zoo_text_row *row, const char *line, size_t size, unsigned wanted, const char *place,
                      zoo_err *err);
void zoo_text_row_release(zoo_text_row *row);
#endif
