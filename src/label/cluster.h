/* cluster.h - tags for queries that have none: groups of queries with similar words.
 *
 * Words are weighed (vocabulary.h) and grouped by spherical k-means (kmeans.h) on about 50,000 queries, drawn under the seed;
 * then every query joins the nearest group. Groups are numbered by size: "c001" is the largest. A query without a known word
 * gets no tag. The caller holds a transaction.
 * Memory: the sample's vectors, at most 128 MiB of centres, 12 bytes a query. Layer: label -> store, text.
 * Threads: the store's owner calls; works on `threads` of its own. */
#ifndef ZOO_LABEL_CLUSTER_H
#define ZOO_LABEL_CLUSTER_H
#include <stdio.h>
#include "base/arena.h"
#include "store/store.h"

enum { ZOO_CLUSTER_WORDS = 8, ZOO_CLUSTERS_MAX = 10000 };

typedef struct zoo_cluster_options {
    const char *split, *kind;           /* split NULL: every query */
    size_t k;                           /* groups; 0: a hundredth of the queries, 2 to 1000 */
    uint64_t seed;
    unsigned threads;                   /* 0: one per processor; the result does not depend on it */
    int dry_run;                        /* writes nothing; no transaction needed */
    FILE *progress;                     /* NULL: silent */
} zoo_cluster_options;

typedef struct zoo_cluster {
    char name[16];                      /* the tag */
    uint32_t number;                    /* of the group before sorting */
    uint64_t queries;
    const char *words[ZOO_CLUSTER_WORDS];       /* most typical first; NULL behind the last */
} zoo_cluster;

typedef struct zoo_clustering {
    size_t k;
    zoo_cluster *clusters;              /* (k), the largest first */
    uint64_t queries, sampled, untagged;
    double similarity;                  /* mean cosine between a sampled query and its group's centre, 0..1 */
    zoo_arena arena;
} zoo_clustering;

/* ZOO_EUSAGE: no such split, or more groups than queries with words. */
int zoo_cluster_tag(zoo_store *store, const zoo_cluster_options *options, zoo_clustering *out, zoo_err *err);
void zoo_clustering_release(zoo_clustering *clustering);
#endif
