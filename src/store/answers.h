/* answers.h - writing whole rows of answers, and their settings; for import beside store.h. Layer: store. */
#ifndef ZOO_STORE_ANSWERS_H
#define ZOO_STORE_ANSWERS_H
#include "store/sql.h"

enum { ZOO_DIGEST_SIZE = 65 };
/* What settings are the same by. */
int zoo_store_digest(const char *text, size_t size, char out[ZOO_DIGEST_SIZE], zoo_err *err);
/* id: ZOO_SQL_ANSWER_PUT or ZOO_SQL_ANSWER_REPLACE. */
int zoo_store_write_answer(zoo_store *store, enum zoo_sql id, const zoo_address *at, const zoo_answer *answer,
                           zoo_err *err);
#endif
