/* export.h - what jsonl_out.c (rows, responses, rewards) and export_answers.c (answers, judgements) share: a line in
 * the making, and scans that go side by side, all in the order of queries. Layer: store. Threads: one owner. */
#ifndef ZOO_STORE_EXPORT_H
#define ZOO_STORE_EXPORT_H
#include "store/jsonl.h"
#include "store/row.h"
#include "store/sql.h"

/* One scan; column 0 is the query. */
typedef struct zoo_side { enum zoo_sql id; int has_row; zoo_key query; } zoo_side;

typedef struct zoo_export {
    zoo_store *store;
    const zoo_export_options *options;
    FILE *to;
    zoo_selection selection;
    zoo_keys models;
    zoo_side sides[3];
    zoo_buf line;                        /* its failures are found once, at the line's end */
    zoo_buf dataset, subset, tags, text; /* parts of a line */
    int has_failed;                      /* no memory for the line */
    zoo_arena arena;                     /* models, and what outlives a row of a scan */
    zoo_err *err;
} zoo_export;

/* The current row's text; NULL where it is NULL, or where there is no memory, which the line's end finds.
 * size may be NULL. */
const char *zoo_export_text(zoo_export *o, enum zoo_sql id, int column, size_t *size);
void zoo_export_add(zoo_export *o, const char *text);
void zoo_export_add_string(zoo_export *o, const char *text, size_t size);
void zoo_export_add_column(zoo_export *o, enum zoo_sql id, int column);           /* a text as a JSON string */
void zoo_export_add_number(zoo_export *o, double value);
void zoo_export_add_integer(zoo_export *o, int64_t value);
void zoo_export_begin_line(zoo_export *o, const char *id, size_t size);          /* {"id": "..." */
int zoo_export_end_line(zoo_export *o);                                          /* closes the object and writes it */

/* Takes the first row of a scan that was bound with `rc`. */
int zoo_side_begin(zoo_export *o, zoo_side *side, enum zoo_sql id, int rc);
int zoo_side_next(zoo_export *o, zoo_side *side);
/* 1: the side's row is of `query`, which is not below the last one asked for; 0: it has none (left);
 * negative: an error. */
int zoo_side_at(zoo_export *o, zoo_side *side, zoo_key query);
int zoo_export_wants(zoo_export *o, enum zoo_sql id, int column);          /* the expert named there */

/* For one query, whose id is given: lines of the kind. */
int zoo_export_answers(zoo_export *o, zoo_key query, const char *id, size_t size);
int zoo_export_judgements(zoo_export *o, zoo_key query, const char *id, size_t size);
#endif
