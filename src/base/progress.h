/* progress.h - one line of progress with an ETA, for long work.
 * On a terminal the line is rewritten in place; elsewhere a line is written every ten seconds and at the end.
 * Layer: base; writes only to the stream it is given, so libraries stay silent with NULL. Threads: one owner. */
#ifndef ZOO_BASE_PROGRESS_H
#define ZOO_BASE_PROGRESS_H
#include <stdint.h>
#include <stdio.h>

typedef struct zoo_progress {
    FILE *to;                     /* NULL: silent */
    const char *label;            /* "collect"; borrowed */
    uint64_t done, total;         /* total 0: unknown */
    uint64_t before;              /* of `done`: from an earlier run; not part of the rate. Set after begin */
    uint64_t started_ns, shown_ns;
    int is_terminal, was_shown;
    char note[96];
} zoo_progress;

void zoo_progress_begin(zoo_progress *p, FILE *to, const char *label, uint64_t total);
/* done = how much is done by now; cheap to call often. p may be NULL. */
void zoo_progress_set(zoo_progress *p, uint64_t done);
/* Words behind the figures: "3 failed", "loss 0.41". */
__attribute__((format(printf, 2, 3))) void zoo_progress_note(zoo_progress *p, const char *fmt, ...);
/* Last line, with the time it took. */
void zoo_progress_end(zoo_progress *p);
#endif
