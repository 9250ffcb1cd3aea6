/* sql.h - what the records share: a store over a driver, statements by name, transactions within transactions, checks.
 *
 *     rc = zoo_sql_bind(s, ZOO_SQL_QUERY_TAGS, err, query);          // arguments as the statement's types say
 *     while (!rc && (rc = zoo_sql_step(s, ZOO_SQL_QUERY_TAGS, err)) == 1) ... zoo_sql_number(s, ZOO_SQL_QUERY_TAGS, 0)
 *     ...
 *     zoo_sql_reset(s, ZOO_SQL_QUERY_TAGS);                         // where the loop was left early
 *
 * Knows no SQL. Layer: store. Threads: those of the zoo_store. */
#ifndef ZOO_STORE_SQL_H
#define ZOO_STORE_SQL_H
#include "base/buf.h"
#include "store/driver.h"

struct zoo_store {
    zoo_db *db;
    const char *name;                           /* db->name */
    const zoo_store_advice *advice;             /* never NULL */
    zoo_key owner;                              /* of claims; 0: has not joined */
    int64_t lease_ms;
    int has_lost_lease;                         /* since zoo_store_lost_lease() */
};

/* Arguments by the statement's letters: k n int64_t; d double; s const char *; t b const char *, size_t; S const
 * zoo_texts *; K const zoo_keys *. Texts must live until the statement is reset. */
int zoo_sql_bind(zoo_store *store, enum zoo_sql id, zoo_err *err, ...);
/* 1: a row; 0: the end, it is reset; negative: it is reset */
int zoo_sql_step(zoo_store *store, enum zoo_sql id, zoo_err *err);
int zoo_sql_run(zoo_store *store, enum zoo_sql id, zoo_err *err, ...);  /* bind, and step to the end */
void zoo_sql_reset(zoo_store *store, enum zoo_sql id);
int64_t zoo_sql_number(zoo_store *store, enum zoo_sql id, int column);
double zoo_sql_real(zoo_store *store, enum zoo_sql id, int column);            /* NaN for NULL */
int64_t zoo_sql_count_or_none(zoo_store *store, enum zoo_sql id, int column);  /* -1 for NULL */
/* NULL for NULL, and where there is no memory for it; zoo_sql_get() tells them apart. */
const char *zoo_sql_text(zoo_store *store, enum zoo_sql id, int column, size_t *size);
/* A text that is valid until the next step; *out = NULL for NULL. size may be NULL. ZOO_ENOMEM. */
int zoo_sql_get(zoo_store *store, enum zoo_sql id, int column, const char **out, size_t *size, zoo_err *err);
int64_t zoo_sql_changes(zoo_store *store);
/* The number in the only row of a statement that is bound; resets it. *found may be NULL. */
int zoo_sql_single(zoo_store *store, enum zoo_sql id, int64_t *out, int *found, zoo_err *err);
/* A column of the current row copied into `arena`; *out = NULL for NULL. size may be NULL. ZOO_ENOMEM. */
int zoo_sql_copy(zoo_store *store, enum zoo_sql id, int column, zoo_arena *arena, const char **out, size_t *size,
                 zoo_err *err);

/* All columns of the current row, as `types` says (the letters of statements.h): numbers, and texts that are valid
 * until the next step. */
int zoo_sql_row(zoo_store *store, enum zoo_sql id, const char *types, zoo_db_value *row, zoo_err *err);

/* A selection as the three arguments that begin the types "SKk". */
#define ZOO_SELECTED(selection) zoo_selected_splits(selection), zoo_selected_tags(selection), \
    zoo_selected_kinds(selection)
const zoo_texts *zoo_selected_splits(const zoo_selection *selection);
const zoo_keys *zoo_selected_tags(const zoo_selection *selection);
int64_t zoo_selected_kinds(const zoo_selection *selection);

/* Several statements as one: a transaction of their own, or a savepoint inside the caller's (*own tells `end` which).
 * `end` commits where rc is 0, else undoes, and returns rc or the failure to commit. */
int zoo_sql_atomic_begin(zoo_store *store, int *own, zoo_err *err);
int zoo_sql_atomic_end(zoo_store *store, int own, int rc, zoo_err *err);
/* A view that does not change while others write; inside a transaction it is that one's. */
int zoo_sql_snapshot_begin(zoo_store *store, int *own, zoo_err *err);
void zoo_sql_snapshot_end(zoo_store *store, int own);

/* Columns key, id, split, text, extra of the current row. */
int zoo_sql_read_query(zoo_store *store, enum zoo_sql id, zoo_store_query *out, zoo_arena *arena, zoo_err *err);

/* Puts "; " and an advice behind the sentence in *err; returns its code. */
int zoo_store_advise(const zoo_store *store, const char *advice, zoo_err *err);

/* Names that are there, for a sentence about one that is not, as zoo_store_say_names() has them; zeroed: none. */
typedef struct zoo_said { char names[ZOO_STORE_NAMES_SIZE - 32]; size_t used, count; int has_more; } zoo_said;
void zoo_said_add(zoo_said *said, const char *name);
const char *zoo_said_text(const zoo_said *said, char text[ZOO_STORE_NAMES_SIZE]);

/* Every one of these experts must be known: ZOO_EUSAGE. */
int zoo_store_check_experts(zoo_store *store, const zoo_texts *names, zoo_err *err);

/* Text that reaches tables and terminals (ids, splits, tags): ZOO_EFORMAT where it is longer than `most` bytes, not
 * UTF-8 or has control characters. `what` ("id") and place begin the sentence. */
int zoo_store_check_label(const char *text, size_t size, size_t most, const char *place, const char *what,
                          zoo_err *err);
/* A split that may be given to a query; NULL (none) is fine. */
int zoo_store_check_split_name(const char *split, const char *place, zoo_err *err);
/* of a reward model or expert */
int zoo_store_check_name(const zoo_store *store, const char *what, const char *name, zoo_err *err);

/* The key of `name`: `find` looks for it, `put` makes it; another process may make it at the same time. */
int zoo_store_named_key(zoo_store *store, enum zoo_sql find, enum zoo_sql put, const char *name, zoo_key *key,
                        zoo_err *err);
/* The key of a tag; made where missing. */
int zoo_store_tag_key(zoo_store *store, const char *kind, size_t kind_size, const char *value, size_t value_size,
                      zoo_key *key, zoo_err *err);
/* The keys of the named reward models, in this order; a NULL, or no name at all, is the only one (count or key 0: there
 * is none). ZOO_EUSAGE: no such one, or several. *out lives in `arena`. */
int zoo_store_find_reward_models(zoo_store *store, const zoo_texts *names, zoo_keys *out, zoo_arena *arena,
                                 zoo_err *err);
#endif
