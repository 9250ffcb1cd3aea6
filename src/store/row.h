/* row.h - one line of a JSONL file as a row: which fields it has, what they hold, where it breaks the rules.
 *
 *     {"id": "q1", "query": "...", "dataset": "d", "subset": "s", "split": "train", "tags": ["kind:value"],
 *      "rewards": {"expert": 0.5}, "responses": {"expert": "text"}, any other field}
 *
 * A row without `query` adds rewards or responses to a query that is stored already. Knows nothing of the store.
 * Layer: store. Threads: one owner. Everything in a row is valid until the next is read. */
#ifndef ZOO_STORE_ROW_H
#define ZOO_STORE_ROW_H
#include "store/names.h"
#include "store/scan.h"

enum {
    ZOO_ROW_EXPERTS_MAX = 65536,         /* distinct experts in a file */
    ZOO_ROW_TAGS_MAX = 1000,             /* tags of a row */
    ZOO_ROW_FIELDS_MAX = 1000            /* other fields of a row */
};

typedef struct zoo_row_tag { zoo_span kind, value; } zoo_row_tag;
typedef struct zoo_row_reward { uint32_t expert; double value; const char *at; } zoo_row_reward;
typedef struct zoo_row_response { uint32_t expert; zoo_span text; const char *at; } zoo_row_response;
typedef struct zoo_row_field { zoo_span key, raw; int is_doubtful; } zoo_row_field;          /* raw: the value's JSON text */

typedef struct zoo_row {
    zoo_span id, query, dataset, subset, split, reward_model;       /* text NULL: absent */
    int has_tags, has_rewards, has_responses;
    zoo_row_tag *tags;
    zoo_row_reward *rewards;             /* expert: a number in `experts`; at: its place in the line */
    zoo_row_response *responses;
    zoo_row_field *fields;
    size_t tag_count, reward_count, response_count, field_count;
    size_t tag_capacity, reward_capacity, response_capacity, field_capacity;
    zoo_names experts;                   /* of all rows so far; the names have passed base/name.h */
    struct zoo_row_last { uint64_t row; size_t at; } *last_reward, *last_response;      /* (last_capacity): by expert */
    size_t last_capacity;
    uint64_t count;                      /* rows read: the number of this one */
    const char *at_query, *at_split, *at_dataset, *at_subset;       /* places in the line, for sentences */
    zoo_scan scan;
} zoo_row;

void zoo_row_init(zoo_row *row);
void zoo_row_release(zoo_row *row);
/* Reads a line; ZOO_EFORMAT with file, line and column, or ZOO_ENOMEM. After a failure the next line can be read. */
int zoo_row_read(zoo_row *row, const char *line, size_t size, const char *file, size_t number, zoo_err *err);
/* Where the row has a reward or response of expert `number`; SIZE_MAX: nowhere. */
size_t zoo_row_find_reward(const zoo_row *row, uint32_t number);
size_t zoo_row_find_response(const zoo_row *row, uint32_t number);
/* The row's other fields as a JSON object: {"a": 1, "b": [2]}. */
int zoo_row_fields(const zoo_row *row, zoo_buf *out);
/* "kind:value"; without ':' (or beginning with one) the kind is "tag". */
zoo_row_tag zoo_row_split_tag(zoo_span text);
#endif
