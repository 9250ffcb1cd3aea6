/* holes.h - which queries have a reward of every expert, and which experts, or mixture of data sets, cost many of them.
 *
 *     zoo_holes holes;
 *     char advice[ZOO_HOLES_ADVICE];
 *     if (zoo_holes_count(&holes, data, NULL, data->k, NULL, &err) == ZOO_OK && holes.without)
 *         puts(zoo_holes_advise(&holes, data, NULL, advice));     // "without 'c', 200 would be complete (--without c)"
 *     zoo_holes_release(&holes);
 *
 * Training and evaluation compare experts query by query, so a query counts where each of them has a reward. One expert
 * that was asked little then costs nearly all queries, and is better left out. Where data sets with other experts each
 * came together, no expert is at fault: one data set is better taken alone.
 * Dimensions: n queries, k experts. Layer: base. Threads: pure functions. Refuses to leave anything out by itself. */
#ifndef ZOO_BASE_HOLES_H
#define ZOO_BASE_HOLES_H
#include <stddef.h>
#include "base/dataset.h"
#include "base/err.h"

enum { ZOO_HOLES_ADVICE = 400 };    /* bytes of an advice, with its end */

typedef struct zoo_holes {
    size_t rewarded;                /* queries with a reward of some expert; the others do not count */
    size_t complete;                /* of those, with a reward of every expert */
    size_t k;
    size_t *lacks;                  /* (k): rewarded queries without a reward of that expert */
    size_t *order;                  /* (k): experts, the one that lacks most first, equals as they stand */
    size_t without;
        /* order[0..without) are better left out: most rewards are then used, complete queries times
                                       experts that are left, two at least. 0: none is */
    size_t would_be;                /* queries that are complete without them */
    const zoo_tag_kind *kind;
        /* dataset or subset: its tags have other experts each, and `tag` taken alone uses as many
                                       rewards or more; NULL: not so */
    uint32_t tag;
    size_t tag_experts, tag_complete;       /* experts that have rewards there, queries that have all of those */
} zoo_holes;

/* columns (k): the experts that count, as columns of data->rewards, and NULL: all; keep (n): 0 passes a query over,
 * NULL: none. Experts in *out are positions in `columns`. ZOO_ENOMEM; *out is to be released then too. */
int zoo_holes_count(zoo_holes *out, const zoo_dataset *data, const size_t *columns, size_t k, const unsigned char *keep,
                    zoo_err *err);
void zoo_holes_release(zoo_holes *holes);

/* Half a sentence that says who is better left out, or which data set taken alone, and what that would bring; "" where
 * nothing helps. Returns `text`. */
const char *zoo_holes_advise(const zoo_holes *holes, const zoo_dataset *data, const size_t *columns,
                             char text[ZOO_HOLES_ADVICE]);
#endif
