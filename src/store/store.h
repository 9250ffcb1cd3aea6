/* store.h - what was collected: queries, tags, experts, responses, rewards per reward model, runs. Nothing stored is lost.
 *
 *     zoo_store *store;
 *     zoo_dataset data;
 *     if (zoo_store_open(&store, "my.db", ZOO_STORE_READ, &err) ||
 *         zoo_store_load(store, &(zoo_store_filter){ .split = "train" }, &data, &err)) ...
 *
 * One file, SQLite: WAL, foreign keys, versioned migrations. Reading in pages keeps memory bounded and lets a caller write
 * between pages. Keys (zoo_key) are the store's own numbers for rows: stable, increasing in the order of arrival.
 * Layer: store -> base. Threads: a zoo_store has one owner; several processes may open one file. */
#ifndef ZOO_STORE_STORE_H
#define ZOO_STORE_STORE_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"
#include "base/progress.h"

typedef struct zoo_store zoo_store;
typedef int64_t zoo_key;                        /* > 0 */

/* Bytes at most. An id, split, kind or tag is UTF-8 without control characters; a split and a kind are not empty, and a kind has
 * no ':'. Experts and reward models: base/name.h. */
enum { ZOO_STORE_ID_MAX = 1024, ZOO_STORE_SPLIT_MAX = 128, ZOO_STORE_KIND_MAX = 128, ZOO_STORE_TAG_MAX = 1024 };
enum { ZOO_STORE_KINDS_MAX = 1000 };             /* kinds of tag in a store */

enum zoo_store_mode {
    ZOO_STORE_READ,                             /* must exist */
    ZOO_STORE_WRITE,                            /* must exist; migrated to this version's schema */
    ZOO_STORE_CREATE                            /* made where missing */
};

/* ZOO_EIO, ZOO_EFORMAT (no store; a newer version's store) with *out = NULL. */
int zoo_store_open(zoo_store **out, const char *path, enum zoo_store_mode mode, zoo_err *err);
void zoo_store_close(zoo_store *store);         /* an open transaction is rolled back; NULL is fine */

int zoo_store_begin(zoo_store *store, zoo_err *err);
int zoo_store_commit(zoo_store *store, zoo_err *err);
void zoo_store_rollback(zoo_store *store);

/* Which queries and rewards are meant. NULL members: all. */
typedef struct zoo_store_filter {
    const char *split;                          /* "train" */
    const char *reward_model;                   /* NULL: the only one there is; ZOO_EUSAGE where there are several */
    const char *aside;                          /* a split whose queries come last, dataset.aside of them; NULL: none does */
} zoo_store_filter;

/* Queries of the split with tags and rewards, in order of arrival, then those of filter->aside. ZOO_EUSAGE where a split or the reward
 * model does not exist, or both splits are the same; zoo_dataset_release() it. */
int zoo_store_load(zoo_store *store, const zoo_store_filter *filter, zoo_dataset *out, zoo_err *err);

/* ---- queries ---- */
typedef struct zoo_store_query {
    zoo_key key;
    const char *id, *text, *split;              /* split NULL: none */
    size_t text_size;
    const char *extra;                          /* JSON object of the row's other fields (reference, grader...); "{}" */
} zoo_store_query;

/* Up to `limit` queries with key > after, ascending; strings live in `arena`. *count 0: the end. */
int zoo_store_queries(zoo_store *store, const char *split, zoo_key after, size_t limit, zoo_store_query *out, size_t *count,
                      zoo_arena *arena, zoo_err *err);
int zoo_store_count_queries(zoo_store *store, const char *split, uint64_t *count, zoo_err *err);
int zoo_store_set_split(zoo_store *store, zoo_key query, const char *split, zoo_err *err);
typedef struct zoo_store_tag {
    zoo_key key;                                /* of the tag: the same for every query that has it */
    const char *kind, *value;
} zoo_store_tag;
/* The query's tags in their order; the array and its strings live in `arena`. */
int zoo_store_tags(zoo_store *store, zoo_key query, zoo_store_tag **out, size_t *count, zoo_arena *arena, zoo_err *err);
/* The query's tags of `kind` become exactly values[0..n). */
int zoo_store_set_tags(zoo_store *store, zoo_key query, const char *kind, const char *const *values, size_t n, zoo_err *err);

/* ---- experts and responses ---- */
/* The expert's key; made where missing. ZOO_EFORMAT for a name outside base/name.h. */
int zoo_store_expert(zoo_store *store, const char *name, zoo_key *key, zoo_err *err);

typedef struct zoo_response {
    const char *text;                           /* what the expert answered */
    size_t text_size;
    const char *finish_reason;                  /* "stop", "length"...; NULL: not given */
    int64_t prompt_tokens, completion_tokens;   /* -1: not given */
    double seconds;                             /* from asking to the whole answer */
} zoo_response;

/* Queries of the split that the expert has not answered, as zoo_store_queries(). */
int zoo_store_unanswered(zoo_store *store, const char *split, zoo_key expert, zoo_key after, size_t limit,
                         zoo_store_query *out, size_t *count, zoo_arena *arena, zoo_err *err);
int zoo_store_count_unanswered(zoo_store *store, const char *split, zoo_key expert, uint64_t *count, zoo_err *err);
/* Stores an answer; one that is already there is kept and ZOO_ECONFLICT returned. */
int zoo_store_put_response(zoo_store *store, zoo_key query, zoo_key expert, const zoo_response *response, zoo_err *err);

/* ---- rewards ---- */
int zoo_store_reward_model(zoo_store *store, const char *name, zoo_key *key, zoo_err *err);      /* made where missing */

typedef struct zoo_store_answer {
    zoo_store_query query;
    zoo_key expert;
    const char *expert_name, *text;
    size_t text_size;
} zoo_store_answer;

/* Answers without a reward of `reward_model`, ordered by (query, expert), beginning behind (after_query, after_expert). */
int zoo_store_unrewarded(zoo_store *store, const char *split, zoo_key reward_model, zoo_key after_query, zoo_key after_expert,
                         size_t limit, zoo_store_answer *out, size_t *count, zoo_arena *arena, zoo_err *err);
int zoo_store_count_unrewarded(zoo_store *store, const char *split, zoo_key reward_model, uint64_t *count, zoo_err *err);
/* A finite value; replaces one that is there. */
int zoo_store_put_reward(zoo_store *store, zoo_key reward_model, zoo_key query, zoo_key expert, double value, zoo_err *err);

/* ---- what is in it, copies, deletion ---- */
typedef struct zoo_store_totals { uint64_t queries, experts, responses, reward_models, rewards, runs; } zoo_store_totals;
int zoo_store_count(zoo_store *store, zoo_store_totals *out, zoo_err *err);

enum zoo_store_list {
    ZOO_LIST_SPLITS,                            /* name (NULL: none), count = queries; by name */
    ZOO_LIST_KINDS,                             /* name of a kind of tag, count = queries that have one; in the order of kinds */
    ZOO_LIST_EXPERTS,                           /* name, count = responses; in order of arrival */
    ZOO_LIST_REWARDS                            /* name of the reward model, expert, count, mean; in order of arrival */
};
typedef struct zoo_store_item { const char *name, *expert; uint64_t count; double mean; } zoo_store_item;
/* *out lives in `arena`. Counts by reading all rows of the tables concerned. */
int zoo_store_list(zoo_store *store, enum zoo_store_list what, zoo_store_item **out, size_t *count, zoo_arena *arena, zoo_err *err);

/* A copy of the store as it is now into the new file `path`, beside and renamed; others may write meanwhile. An existing file is
 * replaced only with `force`. ZOO_EUSAGE, ZOO_EIO. */
int zoo_store_backup(zoo_store *store, const char *path, int force, zoo_progress *progress, zoo_err *err);

/* Deletion of queries (with their tags, responses and rewards), a reward model (with its rewards) or an expert (with its responses
 * and rewards). ZOO_EUSAGE where there is no such thing. Space is reused, the file does not shrink. */
enum zoo_store_thing { ZOO_THING_SPLIT, ZOO_THING_QUERY, ZOO_THING_REWARD_MODEL, ZOO_THING_EXPERT };
int zoo_store_delete(zoo_store *store, enum zoo_store_thing thing, const char *name, zoo_err *err);

/* ---- runs: what was done to this store, when, with which settings ---- */
int zoo_store_begin_run(zoo_store *store, const char *command, const char *settings_json, zoo_key *run, zoo_err *err);
int zoo_store_end_run(zoo_store *store, zoo_key run, const char *status, const char *summary_json, zoo_err *err);
#endif
