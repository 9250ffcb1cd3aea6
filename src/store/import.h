/* import.h - what jsonl_in.c (rows that are new) and merge.c (rows whose id is stored) share.
 * Layer: store. Threads: one owner. */
#ifndef ZOO_STORE_IMPORT_H
#define ZOO_STORE_IMPORT_H
#include "store/db.h"
#include "store/jsonl.h"
#include "store/row.h"

/* Rewards written by one statement: 1.3 times as fast as one by one. */
enum { ZOO_IMPORT_REWARDS = 16 };

/* Names of a file and their keys in the store, found once. */
struct zoo_keys {
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
    struct zoo_keys tags, reward_models;
    sqlite3_stmt *put_query, *put_tag;
    sqlite3_stmt *put_rewards[ZOO_IMPORT_REWARDS + 1];       /* [n]: for n rewards; NULL until it is needed */
    zoo_err *err;
} zoo_import;

/* Keys, made where missing. */
int zoo_import_expert(zoo_import *im, uint32_t number, zoo_key *key);
int zoo_import_reward_model(zoo_import *im, zoo_key *key);
zoo_span zoo_import_reward_model_name(const zoo_import *im);         /* of the row's rewards */

/* Write what the row has; a reward or response that is there is replaced. */
int zoo_import_put_tag(zoo_import *im, zoo_key query, int64_t position, zoo_span kind, zoo_span value);
int zoo_import_put_rewards(zoo_import *im, zoo_key query);
int zoo_import_put_responses(zoo_import *im, zoo_key query);

/* The row's id is stored already, or the row needs it to be: adds what is new. Nothing is written where it fails with
 * ZOO_EFORMAT or ZOO_ECONFLICT. */
int zoo_import_merge(zoo_import *im);
#endif
