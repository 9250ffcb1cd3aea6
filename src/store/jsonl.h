/* jsonl.h - JSONL into a store and out of it. The rows are described in docs/store.md.
 *
 *     zoo_import_counts counts;
 *     zoo_import_options options = { .reward_model = "gpt-4", .progress = stderr };
 *     if (zoo_store_import(store, "rows.jsonl", &options, &counts, &err)) ...      // "-" is stdin
 *
 * A file is one transaction: all of it is stored or nothing. Memory does not grow with the file.
 * Layer: store. Threads: those of the zoo_store. */
#ifndef ZOO_STORE_JSONL_H
#define ZOO_STORE_JSONL_H
#include <stdio.h>
#include "store/store.h"

#define ZOO_REWARD_MODEL_USUAL "default"        /* of rewards that name none */
enum { ZOO_JSONL_LINE_MAX = 64 << 20 };         /* bytes of a line */

typedef struct zoo_import_options {
    const char *reward_model;                   /* of rows that name none; NULL: "default" */
    const char *split;                          /* of all rows, whatever they say; NULL: what they say */
    int update;                                 /* what is stored differently is replaced instead of refused */
    int skip_bad;                               /* rows that break a rule are left out instead of the whole file */
    void (*report)(void *context, const zoo_err *why);      /* called for each row left out; may be NULL */
    void *context;
    FILE *progress;                             /* NULL: silent */
} zoo_import_options;

typedef struct zoo_import_counts {
    uint64_t added, updated, unchanged, skipped;        /* rows */
    uint64_t rewards, responses, judgements;            /* added or replaced */
    uint64_t mended;                                    /* half surrogates that became U+FFFD */
} zoo_import_counts;

/* Adds to *counts. ZOO_EFORMAT and ZOO_ECONFLICT name file, line and column;
 * after any failure the store is as it was. */
int zoo_store_import(zoo_store *store, const char *path, const zoo_import_options *options, zoo_import_counts *counts,
                     zoo_err *err);

enum zoo_export_what {
    ZOO_EXPORT_ROWS,               /* queries with tags, the rewards of one reward model and costs: what import reads */
    ZOO_EXPORT_RESPONSES,                       /* {"id", "responses": {expert: text}} of queries that have some */
    ZOO_EXPORT_REWARDS,               /* {"id", "reward_model", "rewards": {expert: number}}, a line per reward model */
    ZOO_EXPORT_ANSWERS,        /* a line an answer, of every sample and turn, with all that is known; failed asks too */
    ZOO_EXPORT_JUDGEMENTS                       /* a line a judgement */
};

typedef struct zoo_export_options {
    enum zoo_export_what what;
    /* queries, experts; reward models: rows: count 0 is the only one there is; else all */
    const zoo_store_filter *filter;
    FILE *progress;                             /* NULL: silent */
} zoo_export_options;

/* Writes lines in order of arrival, reward models and experts by name, so that what is imported from them exports
 * alike. Rows, responses and rewards are those of the first sample and turn. ZOO_EUSAGE: no such split, tag or reward
 * model, or several; ZOO_EIO: `out` takes no more. */
int zoo_store_export(zoo_store *store, const zoo_export_options *options, FILE *out, zoo_err *err);
#endif
