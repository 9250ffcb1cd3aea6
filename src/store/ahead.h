/* ahead.h - what the store has of the queries that a batch of lines speaks of, read for many of them at once: over a
 * network each look of its own would wait.
 *
 *     zoo_ahead_begin(&ahead, keys, lines);    // keys[i]: the query of line i, 0: none; the array stays the caller's
 *     ahead.at = i;                            // the line that is being imported, in ascending order
 *     rc = zoo_ahead_rows(&ahead, ZOO_AHEAD_REWARDS, query, &rows, &count, err);
 *     if (rc == 1) ... all that is stored of it is in rows[0..count), a value a column
 *     if (rc == 0) ... it has to be asked of the store
 *
 * A kind is read when a line first asks for it, from that line on for as many as fit into ZOO_AHEAD_BYTES. Rows are as
 * they were in the store
 * then: what the batch's own lines have written of a query since, its caller knows (is_blind).
 * Layer: store. Threads: one owner. */
#ifndef ZOO_STORE_AHEAD_H
#define ZOO_STORE_AHEAD_H
#include "base/names.h"
#include "store/sql.h"

enum { ZOO_AHEAD_LINES = 4096, ZOO_AHEAD_BYTES = 16 << 20, ZOO_AHEAD_MODELS = 1000 };        /* bytes: of each kind */

/* Columns. Rows come by query; tags then by position, rewards and answers by expert's name.
 * queries     key, split, text, extra
 * tags        query, kind, value, position
 * rewards     query, sample, turn, reward model's name, expert's name, value; of the reward models that were added
 * answers     query, sample, turn, expert's name, then those of ZOO_SQL_ANSWER_OF
 * failures    query, sample, turn, expert's name, then those of ZOO_SQL_FAILURE_OF
 * judgements  query, reward model's name, a's name, sample, b's name, sample, turn, shown ba, then those of
 * ZOO_SQL_JUDGEMENT_OF */
enum zoo_ahead_kind {
    ZOO_AHEAD_QUERIES, ZOO_AHEAD_TAGS, ZOO_AHEAD_REWARDS, ZOO_AHEAD_ANSWERS, ZOO_AHEAD_FAILURES, ZOO_AHEAD_JUDGEMENTS,
        ZOO_AHEAD_KINDS
};

typedef struct zoo_ahead {
    zoo_store *store;                    /* NULL: nothing is read ahead */
    size_t at;
    int is_blind;              /* the query of line `at` has been written to: everything has to be asked of the store */
    const zoo_key *keys;                 /* (lines) */
    size_t lines;
    zoo_key *wanted;                     /* (ZOO_AHEAD_LINES): of one look */
    const char **names;                  /* (ZOO_AHEAD_MODELS): the same */
    zoo_names models;                    /* whose rewards are read */
    struct zoo_ahead_part {
        zoo_db_value *cells;             /* (rows * columns) */
        size_t rows, capacity, bytes;
        size_t end, window;              /* the first line that was not looked up; lines to look up next time */
        zoo_arena arena;
    } parts[ZOO_AHEAD_KINDS];
} zoo_ahead;

/* Zeroed: nothing is read ahead. ZOO_ENOMEM. */
int zoo_ahead_init(zoo_ahead *ahead, zoo_store *store, zoo_err *err);
void zoo_ahead_release(zoo_ahead *ahead);
void zoo_ahead_begin(zoo_ahead *ahead, const zoo_key *keys, size_t lines);
/* *rows: the first of *count rows, one after another, each of as many values as its kind has columns. Valid until the
 * kind is read again for a later line. */
int zoo_ahead_rows(zoo_ahead *ahead, enum zoo_ahead_kind kind, zoo_key query, const zoo_db_value **rows, size_t *count,
                   zoo_err *err);
/* Before rewards are asked for: those of this reward model too. */
int zoo_ahead_add_model(zoo_ahead *ahead, const char *name, size_t size, zoo_err *err);
size_t zoo_ahead_columns(enum zoo_ahead_kind kind);
#endif
