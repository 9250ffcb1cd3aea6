/* progress.c - one line of progress with an ETA, for long work; see progress.h. */
#include "base/progress.h"
#include <stdarg.h>
#include <unistd.h>
#include <string.h>
#include "base/clock.h"

static void show(zoo_progress *p, int is_last)
{
    uint64_t now = zoo_clock_ns();
    double seconds = (double)(now - p->started_ns) * 1e-9;
    uint64_t now_done = p->done > p->before ? p->done - p->before : 0;
    char took[32], left[32] = "";

    p->shown_ns = now;
    p->was_shown = 1;
    zoo_clock_human(took, sizeof took, seconds);
    if (p->is_terminal)
        fputs("\r\033[K", p->to);
    fprintf(p->to, "%s: %llu", p->label, (unsigned long long)p->done);
    if (p->total) {
        fprintf(p->to, "/%llu (%.0f%%)", (unsigned long long)p->total, 100.0 * (double)p->done / (double)p->total);
        if (!is_last && now_done)
            zoo_clock_human(left, sizeof left, seconds * (double)(p->total - p->done) / (double)now_done);
    }
    if (seconds > 0.5)
        fprintf(p->to, ", %.0f/s", (double)now_done / seconds);
    if (p->note[0])
        fprintf(p->to, ", %s", p->note);
    if (is_last)
        fprintf(p->to, ", took %s\n", took);
    else if (left[0])
        fprintf(p->to, ", ETA %s%s", left, p->is_terminal ? "" : "\n");
    else
        fprintf(p->to, ", %s so far%s", took, p->is_terminal ? "" : "\n");
    fflush(p->to);
}

void zoo_progress_begin(zoo_progress *p, FILE *to, const char *label, uint64_t total)
{
    memset(p, 0, sizeof *p);
    p->to = to;
    p->label = label;
    p->total = total;
    p->is_terminal = to && isatty(fileno(to));
    p->started_ns = p->shown_ns = zoo_clock_ns();
}

void zoo_progress_set(zoo_progress *p, uint64_t done)
{
    if (!p || !p->to)
        return;
    p->done = p->total && done > p->total ? p->total : done;
    if (zoo_clock_ns() - p->shown_ns >= (p->is_terminal ? 100000000u : 10000000000u))
        show(p, 0);
}

void zoo_progress_note(zoo_progress *p, const char *fmt, ...)
{
    va_list ap;

    if (!p)
        return;
    va_start(ap, fmt);
    vsnprintf(p->note, sizeof p->note, fmt, ap);
    va_end(ap);
}

void zoo_progress_end(zoo_progress *p)
{
    if (p && p->to)
        show(p, 1);
}
