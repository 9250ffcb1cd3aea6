/* store.h - what was collected: queries, tags, experts, answers, rewards and judgements per reward model,
 * runs. Nothing stored is lost.
 *
 *     zoo_store *store;
 *     zoo_dataset data;
 *     const char *split = "train";
 *     if (zoo_store_open(&store, "my.db", ZOO_STORE_READ, NULL, &err) ||
 *         zoo_store_load(store, &(zoo_store_filter){ .splits = { &split, 1 } }, &data, &err)) ...
 *
 * A store is an SQLite file, or a PostgreSQL database by its URL; versioned migrations. Reading in pages keeps memory
 * bounded and lets a caller write between pages. Keys (zoo_key) are the store's own numbers for rows: stable,
 * increasing in the order of arrival. An answer's address is its query, expert, sample and turn. Rewards, failures and
 * judgements have addresses too, whether the text of the answer is stored or not.
 * Layer: store -> base. Threads: a zoo_store has one owner; several processes may open one store. */
#ifndef ZOO_STORE_STORE_H
#define ZOO_STORE_STORE_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"
#include "base/progress.h"

typedef struct zoo_store zoo_store;
typedef int64_t zoo_key;                        /* > 0 */
typedef struct zoo_texts { const char *const *items; size_t count; } zoo_texts;
typedef struct zoo_keys { const zoo_key *items; size_t count; } zoo_keys;

/* Bytes at most. An id, split, kind or tag is UTF-8 without control characters; a split and a kind are not empty, and a
 * kind has no ':'. Experts and reward models: base/name.h. */
enum { ZOO_STORE_ID_MAX = 1024, ZOO_STORE_SPLIT_MAX = 128, ZOO_STORE_KIND_MAX = 128, ZOO_STORE_TAG_MAX = 1024 };
enum { ZOO_STORE_KINDS_MAX = 1000 };             /* kinds of tag in a store */
enum { ZOO_STORE_SAMPLES_MAX = 30000, ZOO_STORE_TURNS_MAX = 30000 };         /* both are counted from 1 */
enum { ZOO_STORE_NAME_MAX = 4096 };              /* bytes of a store's name for people */

enum zoo_store_mode {
    ZOO_STORE_READ,                             /* must exist */
    ZOO_STORE_WRITE,                            /* must exist; migrated to this version's schema */
    ZOO_STORE_CREATE                            /* made where missing */
};

/* What a caller would have its users do about an error, put behind the sentence;
 * "{store}" becomes the store's name. NULL: nothing. */
typedef struct zoo_store_advice {
    const char *missing;                        /* there is no such store */
    const char *old;                            /* made by an older version */
    const char *unknown;                        /* no such split, tag, expert or reward model */
    const char *several;                        /* reward models, and none is named */
    const char *conflict;                       /* stored with another value */
} zoo_store_advice;

/* where: a file, or postgresql://[USER@]HOST/NAME. A password in it is refused (ZOO_EUSAGE). ZOO_EIO, ZOO_EFORMAT (no
 * store; a newer version's store) with *out = NULL. `advice` is borrowed until the store is closed; NULL: none. */
int zoo_store_open(zoo_store **out, const char *where, enum zoo_store_mode mode, const zoo_store_advice *advice,
                   zoo_err *err);
void zoo_store_close(zoo_store *store);         /* an open transaction is rolled back; NULL is fine */
/* What logs, reports and sentences call the store: never with a user or password in it. */
const char *zoo_store_name(const zoo_store *store);
/* The same for a store that is not open. */
int zoo_store_describe(const char *where, char *name, size_t size, zoo_err *err);

int zoo_store_begin(zoo_store *store, zoo_err *err);
int zoo_store_commit(zoo_store *store, zoo_err *err);  /* after a failure nothing of it is stored and nothing is open */
void zoo_store_rollback(zoo_store *store);

/* ---- which queries are meant ---- */
/* Resolved once, used for many pages. Zeroed, or NULL in place of a pointer: all queries. */
typedef struct zoo_selection {
    zoo_texts splits;                           /* in one of these; count 0: in any or none */
    zoo_keys tags;                              /* with one of these tags of each of their kinds */
    int64_t kinds;                              /* distinct kinds among `tags` */
    zoo_arena arena;
} zoo_selection;

/* The queries of one split; NULL: all. */
#define ZOO_IN_SPLIT(split_) (&(zoo_selection){ .splits = { (const char *const[]){ split_ }, (split_) != NULL } })

typedef struct zoo_store_filter {
    zoo_texts splits;                           /* "train"...; count 0: all */
    zoo_texts where;                /* "KIND=TAG": dataset, subset or another kind of tag; one kind twice: either tag */
    zoo_texts experts, without;                 /* experts: only these (count 0: all), and not those */
    zoo_texts reward_models;
        /* to load: the first one leads; none, or NULL: the only one that has rewards,
                                                 * ZOO_EUSAGE where several have */
    int64_t sample;                             /* rewards of this sample alone; 0: the mean of a query's samples */
    const char *aside;                     /* a split whose queries come last, dataset.aside of them; NULL: none does */
} zoo_store_filter;

/* The filter's splits and tags. ZOO_EUSAGE where one does not exist. */
int zoo_store_select(zoo_store *store, const zoo_store_filter *filter, zoo_selection *out, zoo_err *err);
void zoo_selection_release(zoo_selection *selection);
/* Whether the filter wants this expert. */
int zoo_store_wants_expert(const zoo_store_filter *filter, const char *name);

/* The filter's queries with tags, rewards and what answers cost, in order of arrival, then those of filter->aside.
 * Experts are those with a reward of the first reward model. ZOO_EUSAGE where a split, tag, expert or reward model does
 * not exist, or a split is set aside from itself; zoo_dataset_release() it. */
int zoo_store_load(zoo_store *store, const zoo_store_filter *filter, zoo_dataset *out, zoo_err *err);

/* ---- queries ---- */
typedef struct zoo_store_query {
    zoo_key key;
    const char *id, *text, *split;              /* split NULL: none */
    size_t text_size;
    const char *extra;                          /* JSON object of the row's other fields (reference, turns...); "{}" */
} zoo_store_query;

/* Up to `limit` queries with key > after, ascending; strings live in `arena`. *count 0: the end. */
int zoo_store_queries(zoo_store *store, const zoo_selection *selection, zoo_key after, size_t limit,
                      zoo_store_query *out, size_t *count, zoo_arena *arena, zoo_err *err);
int zoo_store_count_queries(zoo_store *store, const zoo_selection *selection, uint64_t *count, zoo_err *err);
int zoo_store_set_split(zoo_store *store, zoo_key query, const char *split, zoo_err *err);
typedef struct zoo_store_tag {
    zoo_key key;                                /* of the tag: the same for every query that has it */
    const char *kind, *value;
} zoo_store_tag;
/* The query's tags in their order; the array and its strings live in `arena`. */
int zoo_store_tags(zoo_store *store, zoo_key query, zoo_store_tag **out, size_t *count, zoo_arena *arena, zoo_err *err);
/* The query's tags of `kind` become exactly values[0..n). */
int zoo_store_set_tags(zoo_store *store, zoo_key query, const char *kind, const char *const *values, size_t n,
                       zoo_err *err);

/* ---- experts and answers ---- */
/* The expert's key; made where missing. ZOO_EFORMAT for a name outside base/name.h. */
int zoo_store_expert(zoo_store *store, const char *name, zoo_key *key, zoo_err *err);
/* The key of the settings under which answers are asked for: a JSON object (system prompt,
 * temperature...), stored once. */
int zoo_store_settings(zoo_store *store, const char *json, zoo_key *key, zoo_err *err);

typedef struct zoo_address { zoo_key query, expert; int64_t sample, turn; } zoo_address;

/* What is not known: NULL, -1 for counts, NaN for numbers. */
typedef struct zoo_answer {
    zoo_key settings;                           /* 0: not known */
    const char *text;                           /* what the expert answered; may hold NULs */
    size_t text_size;
    const char *reasoning;                      /* what it thought aloud, apart from the answer */
    size_t reasoning_size;
    const char *finish_reason;                  /* "stop", "length"... */
    /* reasoning is part of out, cached part of in */
    int64_t tokens_in, tokens_out, tokens_reasoning, tokens_cached;
    double cost;                                /* dollars, at the price of that day */
    double first_seconds, seconds;              /* from asking to the first token, to the end */
    const char *asked;                          /* ISO 8601, UTC */
} zoo_answer;
#define ZOO_ANSWER_NONE { .tokens_in = -1, .tokens_out = -1, .tokens_reasoning = -1, .tokens_cached = -1, .cost = NAN, \
                          .first_seconds = NAN, .seconds = NAN }

/* Stores an answer; one that is already there is kept and ZOO_ECONFLICT returned. ZOO_EIO: its query,
 * expert or reward model was deleted. */
int zoo_store_put_answer(zoo_store *store, const zoo_address *at, const zoo_answer *answer, zoo_err *err);

/* An ask that failed: counted, the last cause kept. A final one is not asked again unless one says so. */
/* cost NaN: nothing */
typedef struct zoo_failure { const char *cause; int is_final; double cost; const char *last; } zoo_failure;
int zoo_store_note_failure(zoo_store *store, const zoo_address *at, const zoo_failure *failure, zoo_err *err);

/* like->query is not read. *failed_for_good, where not NULL: how many of *count are not asked
 * again unless one says so. */
int zoo_store_count_unanswered(zoo_store *store, const zoo_selection *selection, const zoo_address *like,
                               uint64_t *count, uint64_t *failed_for_good, zoo_err *err);
int zoo_store_count_answered(zoo_store *store, const zoo_selection *selection, const zoo_address *like, uint64_t *count,
                             zoo_err *err);

/* ---- rewards and judgements ---- */
/* made where missing */
int zoo_store_reward_model(zoo_store *store, const char *name, zoo_key *key, zoo_err *err);
/* A finite value; replaces one that is there. ZOO_EIO: its query, expert or reward model was deleted. */
int zoo_store_put_reward(zoo_store *store, zoo_key reward_model, const zoo_address *at, double value, zoo_err *err);
int zoo_store_count_unrewarded(zoo_store *store, const zoo_selection *selection, zoo_key reward_model, uint64_t *count,
                               zoo_err *err);

enum zoo_verdict { ZOO_VERDICT_A, ZOO_VERDICT_B, ZOO_VERDICT_TIE };
typedef struct zoo_judgement {
    zoo_key query, expert_a, expert_b;
    int64_t sample_a, sample_b, turn;
    int shown_ba;                               /* 1: answer b was shown first */
    enum zoo_verdict verdict;
    double probability;                         /* that a is better; NaN: not given */
    const char *text;                           /* what the judge said; NULL: nothing */
    size_t text_size;
} zoo_judgement;
/* Replaces the verdict on the same answers in the same order. */
int zoo_store_put_judgement(zoo_store *store, zoo_key reward_model, const zoo_judgement *judgement, zoo_err *err);

/* ---- several processes at one store: work is claimed before it is done ---- */
/* Makes this zoo_store an owner of claims, which hold until zoo_store_leave(), or until it was not renewed for lease_ms
 * of the database's clock, or its process is seen to be dead (on the same machine). */
int zoo_store_join(zoo_store *store, int64_t lease_ms, zoo_err *err);
int zoo_store_renew(zoo_store *store, zoo_err *err);
void zoo_store_leave(zoo_store *store);         /* claims are given back; closing does it too */
/* 1, once, where a renewal, claim or drop has found that the lease was lost (the process was stopped for longer): it is
 * an owner again, but what was claimed before may be another's by now. */
int zoo_store_lost_lease(zoo_store *store);

/* Up to `limit` queries with key > after that nobody has answered or claimed, now claimed by this store, whose lease
 * begins anew; as
 * zoo_store_queries(). Commits by itself: not inside a transaction. The next page goes on behind the last key: claims
 * of this store's own behind `after` would come again. */
int zoo_store_claim_questions(zoo_store *store, const zoo_selection *selection, const zoo_address *like, int again,
                              zoo_key after, size_t limit, zoo_store_query *out, size_t *count, zoo_arena *arena,
                              zoo_err *err);

typedef struct zoo_store_answer {
    zoo_store_query query;
    zoo_address at;
    const char *expert_name, *text;
    size_t text_size;
} zoo_store_answer;
/* The same with answers that have no reward of `reward_model`, in the order of their addresses, behind `after`. */
int zoo_store_claim_answers(zoo_store *store, const zoo_selection *selection, zoo_key reward_model,
                            const zoo_address *after, size_t limit, zoo_store_answer *out, size_t *count,
                            zoo_arena *arena, zoo_err *err);
/* The work at `at` is done: an answer is stored (reward_model 0), or its reward.
 * *was_ours = 0: the lease was lost meanwhile. */
int zoo_store_drop_claim(zoo_store *store, zoo_key reward_model, const zoo_address *at, int *was_ours, zoo_err *err);
/* The same of several queries at once, by the expert, sample and turn of `like`. */
int zoo_store_drop_claims(zoo_store *store, zoo_key reward_model, const zoo_address *like, const zoo_keys *queries,
                          zoo_err *err);
/* It cannot be done now: nobody tries it again until this store leaves, and nobody waits for it. */
int zoo_store_give_up_claim(zoo_store *store, zoo_key reward_model, const zoo_address *at, zoo_err *err);
/* What others are at now, after the claims of dead and late ones were given back. expert 0: any. */
int zoo_store_count_others(zoo_store *store, zoo_key reward_model, zoo_key expert, uint64_t *count, zoo_err *err);

/* ---- what is in it, copies, deletion ---- */
typedef struct zoo_store_totals { uint64_t queries, experts, responses, reward_models, rewards, runs, failures,
                                  judgements; } zoo_store_totals;
int zoo_store_count(zoo_store *store, zoo_store_totals *out, zoo_err *err);

enum zoo_store_list {
    ZOO_LIST_SPLITS,                            /* name (NULL: none), count = queries; by name */
    ZOO_LIST_KINDS,                    /* name of a kind of tag, count = queries that have one; in the order of kinds */
    ZOO_LIST_EXPERTS,                           /* name, count = responses; in order of arrival */
    ZOO_LIST_REWARDS          /* name of the reward model, expert, count, mean (may be infinite); in order of arrival */
};
typedef struct zoo_store_item { const char *name, *expert; uint64_t count; double mean; } zoo_store_item;
/* *out lives in `arena`. Counts by reading all rows of the tables concerned. */
int zoo_store_list(zoo_store *store, enum zoo_store_list what, zoo_store_item **out, size_t *count, zoo_arena *arena,
                   zoo_err *err);
/* The names of such a list for a sentence about one that is not in it: "there are 'train', 'test'", "there is none at
 * all"; of many the first ones. Returns `text`. */
enum { ZOO_STORE_NAMES_SIZE = 600 };
const char *zoo_store_say_names(zoo_store *store, enum zoo_store_list what, char text[ZOO_STORE_NAMES_SIZE]);

/* A copy of the store as it is now into the new file `path`, beside and renamed; others may write meanwhile. An
 * existing file is replaced only with `force`. ZOO_EUSAGE (also where the back end has no files), ZOO_EIO. */
int zoo_store_backup(zoo_store *store, const char *path, int force, zoo_progress *progress, zoo_err *err);
/* All rows of `from`, as they are at one moment, into `to`, keys and all. ZOO_ECONFLICT where `to` has rows. Rows are
 * counted in `progress`, which may be NULL. */
int zoo_store_copy(zoo_store *from, zoo_store *to, zoo_progress *progress, zoo_err *err);

/* Deletion of queries (with all that hangs on them), a reward model (with its rewards and judgements) or an expert
 * (with its answers, rewards and judgements). ZOO_EUSAGE where there is no such thing, ZOO_ECONFLICT where somebody has
 * claimed work on it. Space is reused, a file does not shrink. */
enum zoo_store_thing { ZOO_THING_SPLIT, ZOO_THING_QUERY, ZOO_THING_REWARD_MODEL, ZOO_THING_EXPERT };
int zoo_store_delete(zoo_store *store, enum zoo_store_thing thing, const char *name, zoo_err *err);

/* ---- runs: what was done to this store, when, with which settings ---- */
int zoo_store_begin_run(zoo_store *store, const char *command, const char *settings_json, zoo_key *run, zoo_err *err);
int zoo_store_end_run(zoo_store *store, zoo_key run, const char *status, const char *summary_json, zoo_err *err);
#endif
