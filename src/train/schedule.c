/* schedule.c - how the rate of learning rises and falls over a run; see schedule.h. */
#include "train/schedule.h"
#include <math.h>
#include <string.h>

double zoo_schedule_share(const zoo_schedule *s, uint64_t done)
{
    double progress;

    if (done < s->warm_up)
        return (double)done / (double)s->warm_up;
    if (done >= s->steps)
        return 0;
    progress = (double)(done - s->warm_up) / (double)(s->steps - s->warm_up);
    return s->fall == ZOO_FALL_COSINE ? 0.5 * (1 + cos(acos(-1) * progress)) : 1 - progress;
}

double zoo_layer_share(double decay, unsigned below)
{
    return pow(decay, below);
}

int zoo_fall_parse(const char *word, enum zoo_fall *out)
{
    if (!strcmp(word, "linear"))
        *out = ZOO_FALL_LINEAR;
    else if (!strcmp(word, "cosine"))
        *out = ZOO_FALL_COSINE;
    else
        return 0;
    return 1;
}
