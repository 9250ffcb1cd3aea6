/* stored.h - what the store has of a line's query, for the rules of merge.c and import_answers.c: from what was read
 * ahead (ahead.h), else asked of the store for this line alone. Either way it comes as rows of values, in the columns
 * that the statement named has.
 * Layer: store. Threads: one owner. */
#ifndef ZOO_STORE_STORED_H
#define ZOO_STORE_STORED_H
#include "store/import.h"

/* An answer's address, by the name of its expert. */
/* expert: its number in the row */
typedef struct zoo_place { zoo_key query; uint32_t expert; int64_t sample, turn; } zoo_place;
/* its texts are valid until it returns */
typedef int (*zoo_stored_take)(void *context, const zoo_db_value *row);

/* The key of the row's id. 1: found; 0: it is not stored. */
int zoo_stored_key(zoo_import *im, zoo_key *query);
/* The same as ZOO_SQL_QUERY_BY_ID; with `key_will_do` what follows the key may be missing. This row, and those of one
 * address below, live until im->arena is released. */
int zoo_stored_query(zoo_import *im, int key_will_do, const zoo_db_value **row);

/* Each row in turn. */
/* ZOO_SQL_QUERY_TAGS (the first column: any) */
int zoo_stored_tags(zoo_import *im, zoo_key query, zoo_stored_take take, void *context);
/* ZOO_SQL_REWARDS_OF */
int zoo_stored_rewards(zoo_import *im, zoo_key query, zoo_span model, zoo_stored_take take, void *context);
/* ZOO_SQL_RESPONSES_OF */
int zoo_stored_responses(zoo_import *im, zoo_key query, zoo_stored_take take, void *context);
/* ZOO_SQL_FIGURES_OF */
int zoo_stored_figures(zoo_import *im, zoo_key query, zoo_stored_take take, void *context);

/* One row. 1: it is stored; 0: it is not. */
/* ZOO_SQL_ANSWER_OF */
int zoo_stored_answer(zoo_import *im, const zoo_place *at, const zoo_db_value **row);
/* ZOO_SQL_FAILURE_OF */
int zoo_stored_failure(zoo_import *im, const zoo_place *at, const zoo_db_value **row);
/* ZOO_SQL_REWARD_OF */
int zoo_stored_reward(zoo_import *im, const zoo_place *at, zoo_span model, const zoo_db_value **row);
/* ZOO_SQL_JUDGEMENT_OF, of the row */
int zoo_stored_judgement(zoo_import *im, zoo_key query, const zoo_db_value **row);

/* 1: it is known, without asking the store, that no row of answers is at this address. */
int zoo_stored_lacks_answer(zoo_import *im, const zoo_place *at);
#endif
