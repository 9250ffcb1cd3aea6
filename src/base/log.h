/* log.h - a server's log: one line an event, time first. Secrets, queries and answers never go in.
 * Layer: base; writes only to the stream it is given. Thread-safe: a line is one write. */
#ifndef ZOO_BASE_LOG_H
#define ZOO_BASE_LOG_H
#include <stdio.h>

enum zoo_log_level { ZOO_LOG_ERROR, ZOO_LOG_WARN, ZOO_LOG_INFO, ZOO_LOG_DEBUG };
typedef struct zoo_log { FILE *to; enum zoo_log_level level; } zoo_log;       /* to NULL: silent */

/* Nothing happens where log is NULL or `level` is above the log's. Control characters become '?'. */
__attribute__((format(printf, 3, 4))) void zoo_log_write(const zoo_log *log, enum zoo_log_level level, const char *fmt,
                                                         ...);
#endif
