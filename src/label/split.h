/* split.h - divides queries among splits by shares: train 0.7, test 0.3. No text stands in two of the parts.
 *
 *     const zoo_split_part parts[] = { { "train", 0.7 }, { "test", 0.3 } };
 *     zoo_split_result result;
 *     rc = zoo_split(store, &(zoo_split_options){ .parts = parts, .part_count = 2, .seed = 1 }, &result, &err);
 *     ... result.queries[group * (part_count + 1) + part] ...
 *     zoo_split_release(&result);
 *
 * Candidates are the queries of the splits `from`. What is in a part already stays there, and a candidate whose text is
 * that of a query in a part joins it; texts are equal where their words are (label/plain.h). Every other text has a
 * number of its own, out of seed and text:
 *   - without `by`, that number alone says where it goes, so what is imported later moves nothing that was there;
 *   - with `by`, the texts of a tag stand in the order of their numbers, and each part takes from them what it lacks of
 *     its share
 *     of all of the tag's texts, rounded up or down by chance, so that many small tags add up.
 * Either way the same again changes nothing. What no part takes stays where it is.
 * The caller holds a transaction, so that all of it happens or nothing. Memory: 24 bytes a query (twice for what is in
 * the parts, with `where`), and 16 bytes a tag and part; not the texts.
 * Layer: label -> store. Threads: those of the store. */
#ifndef ZOO_LABEL_SPLIT_H
#define ZOO_LABEL_SPLIT_H
#include "base/progress.h"
#include "store/store.h"

enum { ZOO_SPLIT_PARTS_MAX = 64, ZOO_SPLIT_TAGS_MAX = 65536 };     /* parts; distinct tags of `by` */

typedef struct zoo_split_part { const char *name; double share; } zoo_split_part;

typedef struct zoo_split_options {
    const zoo_split_part *parts;        /* shares > 0 that add up to 1 at most */
    size_t part_count;
    zoo_texts from;                     /* splits; count 0: the queries in no split */
    zoo_texts where;                    /* as zoo_store_filter.where */
    const char *by;                /* a kind of tag: shares hold within each tag, a query's first one; NULL: over all */
    uint64_t seed;
    int dry_run;                        /* writes nothing; no transaction needed */
    zoo_progress *progress;             /* may be NULL */
} zoo_split_options;

typedef struct zoo_split_result {
    uint64_t candidates;
    uint64_t joined;                    /* of them, those whose text stood in a part already */
    uint64_t torn;                      /* texts that stood in several parts before; they still do */
    size_t groups, columns;             /* tags, and 1 for the queries without one; part_count and 1 */
    const char **names;                 /* (groups): tags of the kind `by`; names[0] is NULL: without one */
    uint64_t *queries;       /* (groups, columns): the queries of each part, afterwards; last: what stays where it is */
    uint64_t *moved;                    /* (part_count) */
    zoo_arena arena;
} zoo_split_result;

/* ZOO_EUSAGE: parts that are none, a split, tag or kind that does not exist (the sentence lists those that do). */
int zoo_split(zoo_store *store, const zoo_split_options *options, zoo_split_result *result, zoo_err *err);
void zoo_split_release(zoo_split_result *result);
#endif
