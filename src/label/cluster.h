/* cluster.h - tags for queries that have none: groups of queries with similar words.
 *
 * Words are weighed (vocabulary.h) and grouped by spherical k-means (kmeans.h) on about 50,000 queries, drawn under the
 * seed; then every query joins the nearest group. Groups are numbered by size: "c001" is the largest. A query without a
 * known word gets no tag. Learning only reads; writing is apart, so that others may write to the store meanwhile.
 * Memory: the sample's vectors, at most 128 MiB of centres, 12 bytes a query. Layer: label -> store, text.
 * Threads: the store's owner calls; works on `threads` of its own. */
#ifndef ZOO_LABEL_CLUSTER_H
#define ZOO_LABEL_CLUSTER_H
#include <stdio.h>
#include "base/arena.h"
#include "store/store.h"

enum { ZOO_CLUSTER_WORDS = 8, ZOO_CLUSTERS_MAX = 10000 };
#define ZOO_CLUSTER_NONE UINT32_MAX

typedef struct zoo_cluster_options {
    const char *split;                  /* NULL: every query */
    size_t k;                        /* groups, fewer where some stay empty; 0: a hundredth of the queries, 2 to 1000 */
    uint64_t seed;
    unsigned threads;                   /* 0: one per processor; the result does not depend on it */
    FILE *progress;                     /* NULL: silent */
} zoo_cluster_options;

typedef struct zoo_cluster {
    char name[24];                      /* the tag */
    uint32_t number;                    /* of the group before sorting */
    uint64_t queries;
    const char *words[ZOO_CLUSTER_WORDS];       /* most typical first; NULL behind the last */
} zoo_cluster;

typedef struct zoo_clustering {
    size_t k;
    zoo_cluster *clusters;              /* (k), the largest first */
    size_t queries, sampled, untagged;
    zoo_key *keys;                      /* (queries) in the order of arrival */
    uint32_t *groups;                   /* (queries): cluster 0..k-1; ZOO_CLUSTER_NONE: no known word */
    double similarity;                  /* mean cosine between a sampled query and its group's centre, 0..1 */
    zoo_arena arena;
} zoo_clustering;

/* ZOO_EUSAGE: no such split, or more groups than queries with words. */
int zoo_clustering_learn(zoo_store *store, const zoo_cluster_options *options, zoo_clustering *out, zoo_err *err);
/* The queries' tags of `kind` become the names of their groups. The caller holds a transaction. */
int zoo_clustering_write(zoo_store *store, const zoo_clustering *clustering, const char *kind, FILE *progress,
                         zoo_err *err);
void zoo_clustering_release(zoo_clustering *clustering);
#endif
