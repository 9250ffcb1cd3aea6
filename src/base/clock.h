/* clock.h - time: monotonic for durations, wall clock for records. Layer: base. Thread-safe. */
#ifndef ZOO_BASE_CLOCK_H
#define ZOO_BASE_CLOCK_H
#include <stddef.h>
#include <stdint.h>

uint64_t zoo_clock_ns(void);                       /* monotonic, nanoseconds since some moment */
int64_t zoo_clock_wall_ms(void);                   /* milliseconds since 1970-01-01 UTC */
#define ZOO_CLOCK_ISO_SIZE 25                      /* "2026-11-22T21:05:01.123Z" and NUL */
void zoo_clock_iso(char out[ZOO_CLOCK_ISO_SIZE], int64_t wall_ms);
/* "12 s", "3 min 5 s", "2 h 10 min" into out[0..size). */
void zoo_clock_human(char *out, size_t size, double seconds);
#endif
