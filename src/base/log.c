#include "base/log.h"
#include <stdarg.h>
#include "base/clock.h"

void zoo_log_write(const zoo_log *log, enum zoo_log_level level, const char *fmt, ...)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    char line[1024], when[ZOO_CLOCK_ISO_SIZE];
    va_list ap;

    if (!log || !log->to || level > log->level)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    zoo_clock_iso(when, zoo_clock_wall_ms());
    fprintf(log->to, "%s %s %s\n", when, names[level], line);
    fflush(log->to);
}
