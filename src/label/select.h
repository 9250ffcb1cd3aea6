/* select.h - chooses training queries from a pool: none that overlaps with a benchmark,
 * then at most N drawn for each tag.
 *
 * Candidates are the queries of the split `from` and those already in `into`, so that selecting again with the same
 * settings changes nothing. Afterwards `into` holds the drawn queries and no others; the rest of the candidates is
 * left, or put back, where it came from. The caller holds a transaction, so that all of it happens or nothing.
 * Memory: 16 bytes a drawn place, 8 bytes a query of `into`, and what overlap.h and draw.h say; not the texts.
 * Layer: label -> store. Threads: those of the store. */
#ifndef ZOO_LABEL_SELECT_H
#define ZOO_LABEL_SELECT_H
#include <stddef.h>
#include <stdint.h>
#include "base/progress.h"
#include "label/overlap.h"
#include "store/store.h"

typedef struct zoo_select_options {
    const char *from;                   /* split; NULL: the queries in no split */
    const char *into;                   /* split; another one */
    const char *const *kinds;           /* of tags to draw for; kind_count 0: every kind */
    size_t kind_count;
    size_t per_tag, untagged;           /* queries to draw for each tag, and from those without a tag */
    uint64_t seed;
    zoo_overlap *overlap;               /* what must not be trained on; NULL: nothing */
    /* Called for every candidate that overlaps; may be NULL. Not ZOO_OK stops. */
    int (*report)(void *context, const char *id, const zoo_overlap_hit *hit, zoo_err *err);
    void *context;
    int replace;                /* queries of `into` that are not drawn go back to `from`; else that is ZOO_ECONFLICT */
    int dry_run;                        /* writes nothing; no transaction needed */
    zoo_progress *progress;             /* may be NULL */
} zoo_select_options;

typedef struct zoo_select_counts {
    uint64_t candidates, overlapping, untagged;     /* untagged: of those that do not overlap */
    uint64_t tags;                                  /* distinct tags drawn for */
    uint64_t selected, moved_in, moved_out;
} zoo_select_counts;

/* ZOO_EUSAGE: a split or kind that does not exist (the sentence lists those that do), from = into. */
int zoo_select(zoo_store *store, const zoo_select_options *options, zoo_select_counts *counts, zoo_err *err);
#endif
