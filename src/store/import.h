/* import.h - what jsonl_in.c (lines of a file), import_new.c (rows that are new), merge.c (rows whose id is stored) and
 * import_answers.c share; what is stored they ask stored.h.
 * Layer: store. Threads: one owner. */
#ifndef ZOO_STORE_IMPORT_H
#define ZOO_STORE_IMPORT_H
#include "store/ahead.h"
#include "store/jsonl.h"
#include "store/row.h"
#include "store/sql.h"

/* Names of a file and their keys in the store, found once. */
struct zoo_known_keys {
    zoo_names names;
    zoo_key *keys;                       /* (capacity): 0 is not known yet */
    size_t capacity;
};

typedef struct zoo_import {
    zoo_store *store;
    const zoo_import_options *options;
    zoo_import_counts *counts;
    zoo_row row;
    zoo_buf extra, tag;                  /* scratch */
    zoo_arena arena;                     /* of one merge */
    zoo_key next_query;                  /* key of the next new query */
    zoo_key *expert_keys;                /* (expert_capacity): by the row's number of the expert; 0 is not known yet */
    size_t expert_capacity;
    struct zoo_known_keys tags, reward_models, settings;         /* settings: by their digests */
    zoo_names known;                     /* ids of a batch; (ZOO_AHEAD_LINES): */
    zoo_key *known_keys;                 /* by the id's number: its query, 0: it is not stored */
    unsigned char *known_states;         /* what the batch's lines so far have written of it (jsonl_in.c) */
    zoo_names touched;                   /* addresses of the batch's answers and judgements so far */
    zoo_ahead ahead;
    zoo_err *err;
} zoo_import;

void zoo_import_init(zoo_import *im, zoo_store *store, const zoo_import_options *options, zoo_import_counts *counts,
                     zoo_err *err);
void zoo_import_release(zoo_import *im);

/* Keys, made where missing; `find` gives 0 there. */
int zoo_import_expert(zoo_import *im, uint32_t number, zoo_key *key);
int zoo_import_find_expert(zoo_import *im, uint32_t number, zoo_key *key);
int zoo_import_named_reward_model(zoo_import *im, zoo_span name, zoo_key *key);
int zoo_import_settings(zoo_import *im, zoo_span json, zoo_key *key);
int zoo_import_find_reward_model(zoo_import *im, zoo_span name, zoo_key *key);
zoo_span zoo_import_reward_model_name(const zoo_import *im);         /* of the row's rewards */

/* Write what the row has for a query; what is there is replaced, unless is_new says that there is nothing. */
int zoo_import_put_tag(zoo_import *im, zoo_key query, int64_t position, zoo_span kind, zoo_span value);
int zoo_import_put_rewards(zoo_import *im, zoo_key query, int is_new);
int zoo_import_put_answers(zoo_import *im, zoo_key query, int is_new);       /* responses, costs and tokens */

/* The row's query is in no store: writes it as the next, with all that the row has. */
int zoo_import_new(zoo_import *im);
/* The same, but looks first: 1: written; 0: the id is there already. */
int zoo_import_new_or_known(zoo_import *im);
/* The row's id is stored already, or the row needs it to be: adds what is new. Nothing is written where it fails with
 * ZOO_EFORMAT or ZOO_ECONFLICT. */
int zoo_import_merge(zoo_import *im);
/* A line that is an answer or a judgement, by the same rules; refused lines have written nothing here either. */
int zoo_import_answer(zoo_import *im);
int zoo_import_judgement(zoo_import *im);

/* The line says something else than the store about `what`: fine with `update`,
 * else ZOO_ECONFLICT at `at` (NULL: the line's beginning). */
int zoo_import_differ(zoo_import *im, const char *at, const char *what);
#endif
