/* answers.h - writing whole rows of answers; for import beside store.h. Layer: store. */
#ifndef ZOO_STORE_ANSWERS_H
#define ZOO_STORE_ANSWERS_H
#include "store/sql.h"

/* id: ZOO_SQL_ANSWER_PUT or ZOO_SQL_ANSWER_REPLACE. */
int zoo_store_write_answer(zoo_store *store, enum zoo_sql id, const zoo_address *at, const zoo_answer *answer, zoo_err *err);
#endif
