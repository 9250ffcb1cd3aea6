/* clock.c - time: monotonic for durations, wall clock for records; see clock.h. */
#include "base/clock.h"
#include <stdio.h>
#include <time.h>

uint64_t zoo_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t zoo_clock_wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void zoo_clock_iso(char out[ZOO_CLOCK_ISO_SIZE], int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, ZOO_CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + 19, ZOO_CLOCK_ISO_SIZE - 19, ".%03uZ", (unsigned)(wall_ms % 1000) % 1000u);
}

void zoo_clock_human(char *out, size_t size, double seconds)
{
    if (!(seconds >= 0))
        snprintf(out, size, "?");
    else if (seconds < 10)
        snprintf(out, size, "%.1f s", seconds);
    else if (seconds < 60)
        snprintf(out, size, "%.0f s", seconds);
    else if (seconds < 3600)
        snprintf(out, size, "%d min %d s", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(out, size, "%.0f h %d min", (double)(long)(seconds / 3600), (int)((long)seconds / 60 % 60));
}
