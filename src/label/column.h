/* column.h - tags out of a field that the rows were imported with: "category", "topics".
 *
 * The query's tags of a kind become what the field says: a string, number or boolean is one tag, an array of these is
 * several; null, "" or no such field is none. Anything else is refused, with the query's id.
 * The caller holds a transaction. Layer: label -> store. Threads: those of the store. */
#ifndef ZOO_LABEL_COLUMN_H
#define ZOO_LABEL_COLUMN_H
#include "base/progress.h"
#include "store/store.h"

enum { ZOO_COLUMN_TAGS_MAX = 1000 };            /* of one query */

typedef struct zoo_column_options {
    const char *field, *kind, *split;           /* split NULL: every query */
    zoo_progress *progress;                     /* may be NULL */
} zoo_column_options;

/* tags: places, not distinct ones */
typedef struct zoo_column_counts { uint64_t queries, tagged, tags; } zoo_column_counts;

/* ZOO_EUSAGE where no query has the field (the sentence lists the fields that there are) or the split is empty. */
int zoo_column_tag(zoo_store *store, const zoo_column_options *options, zoo_column_counts *counts, zoo_err *err);
#endif
