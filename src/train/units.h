/* units.h - rewards as training computes with them: above the worst of their row, in a common unit. So rewards of 1e9 +
 * {0, 1}, 1e-30 * {0, 1} and 1e300 * {0, 1} train as {0, 1} do: no offset takes bits away,
 * no square overflows or vanishes.
 *
 *     zoo_units units;
 *     zoo_units_make(&units, &data, rows, count, learnt, &err);
 *     worth = zoo_reward_of(&units.data, rows, count, weights, choices);                     // compare these
 *     printf("%g\n", zoo_units_own(&units, zoo_units_floor(&units, rows, count, weights), worth));  // and show those
 *     zoo_units_release(&units);
 *
 * What is learnt depends on the differences within a row alone, so that taking the row's floor off loses nothing; the
 * unit is a power of two, so that dividing by it keeps every bit.
 * Dimensions: n queries, k experts. Layer: train -> base. Threads: read-only once made. Refuses rewards whose
 * differences are no doubles, or so unlike that a sum of them forgets most. */
#ifndef ZOO_TRAIN_UNITS_H
#define ZOO_TRAIN_UNITS_H
#include <stddef.h>
#include "base/dataset.h"
#include "base/err.h"

typedef struct zoo_units {
    /* as given, borrowed, but for the rewards: (reward - floor of its row) / unit, 0..2; NaN in other rows */
    zoo_dataset data;
    double unit;           /* the power of two at or below the largest difference within a row; 1 where there is none */
    double *floors;                 /* (n): the lowest reward of each row, in floor_unit */
    double floor_unit;              /* likewise a power of two */
    double spread;                  /* the largest difference within a row, as it is */
    size_t widest;                  /* that row, where spread > 0 */
    size_t vanishing;               /* rows that differ so little that beside it they say nothing */
} zoo_units;

/* rows[0..count) are complete; the first `learnt` of them are learnt from, the others judged by. ZOO_EFORMAT where the
 * rewards of a row are further apart than a double can say, or half of the rows that tell experts apart vanish beside
 * the largest difference. */
int zoo_units_make(zoo_units *out, const zoo_dataset *data, const size_t *rows, size_t count, size_t learnt,
                   zoo_err *err);
void zoo_units_release(zoo_units *units);

/* Weighted mean of the floors, in the rewards' own unit: what was taken off a mean over these rows.
 * 0 where units is NULL. */
double zoo_units_floor(const zoo_units *units, const size_t *rows, size_t count, const float *weights);
/* A mean reward as users know it; units NULL: as it is. */
double zoo_units_own(const zoo_units *units, double floor, double reward);

enum { ZOO_REWARD_TEXT = 32 };
/* A reward in so many digits that differences of a thousandth of `spread` are seen: 0.4133, 1000000000.4133,
 * 4.133e-31. Returns `text`. */
const char *zoo_reward_text(char text[ZOO_REWARD_TEXT], double reward, double spread);
#endif
