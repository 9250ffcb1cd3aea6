/* log.c - a server's log: one line an event, time first; see log.h. */
#include "base/log.h"
#include <stdarg.h>
#include "base/clock.h"

void zoo_log_write(const zoo_log *log, enum zoo_log_level level, const char *fmt, ...)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    char line[1100];
    va_list ap;
    size_t n;

    if (!log || !log->to || level > log->level)
        return;
    zoo_clock_iso(line, zoo_clock_wall_ms());
    n = ZOO_CLOCK_ISO_SIZE - 1;
    n += (size_t)snprintf(line + n, sizeof line - n, " %s ", names[level]);
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - 1 - n, fmt, ap);
    va_end(ap);
    for (; line[n]; n++)
        if ((unsigned char)line[n] < 0x20 || line[n] == 0x7f)
            line[n] = '?';
    line[n++] = '\n';
    fwrite(line, 1, n, log->to);
    fflush(log->to);
}
