/* row.h - one line of a JSONL file as a row: which fields it has, what they hold, where it breaks the rules.
 *
 *     zoo_row row;
 *     zoo_row_init(&row);
 *     while (zoo_lines_next(&in, &line, &size, &err) == 1)
 *         if (!zoo_row_read(&row, line, size, in.name, in.number, &err) && row.kind == ZOO_ROW_QUERY) ... row.id,
 *         row.rewards[i]
 *     zoo_row_release(&row);
 *
 * A line is of one of three kinds, told apart by its fields:
 *
 *     query      {"id": "q1", "query": "...", "dataset": "d", "subset": "s", "split": "train", "tags": ["kind:value"],
 *                 "rewards": {"expert": 0.5}, "responses": {"expert": "text"}, "costs": {"expert": 0.002},
 *                 "tokens": {"expert": 120}, any other field}
 *     answer     {"id": "q1", "expert": "m", "sample": 2, "text": "...", ...}: no field that a query row alone has, and
 *                `expert` is a string
 *     judgement  {"id": "q1", "reward_model": "judge", "a": {"expert": "m"}, "b": {"expert": "n"}, "verdict": "a"}: the
 *                same, with `verdict`, `a` and `b`
 *
 * Fields that a query row alone has are query, rewards, responses, messages and turns. A query row without `query` adds
 * to a query that is stored already; but where it has rewards and `messages` or `turns`, its query is the first user
 * message or turn. null is as if the field, reward, response or tag were not there, but not for `id` and `query`. A
 * whole number as id is its digits.
 *
 * `costs` and `tokens` of a query row are numbers by expert only where they look like it: an object with numbers and
 * null alone, for tokens also {"in", "out", "reasoning", "cached"} of such.
 * Otherwise they are a file's own fields like any other.
 *
 * Knows nothing of the store. Layer: store. Threads: one owner. Everything in a row is valid until the next is read. */
#ifndef ZOO_STORE_ROW_H
#define ZOO_STORE_ROW_H
#include "base/names.h"
#include "store/scan.h"

enum {
    ZOO_ROW_EXPERTS_MAX = 65536,         /* distinct experts in a file */
    ZOO_ROW_TAGS_MAX = 1000,             /* tags of a row */
    ZOO_ROW_FIELDS_MAX = 1000,           /* other fields of a row */
    ZOO_ROW_SCORES_MAX = 1000,           /* scores of an answer */
    ZOO_ROW_SAMPLE_MAX = 30000           /* the last sample and the last turn */
};

enum zoo_row_kind { ZOO_ROW_QUERY, ZOO_ROW_ANSWER, ZOO_ROW_JUDGEMENT };
/* by expert */
enum zoo_row_list { ZOO_ROW_REWARDS, ZOO_ROW_RESPONSES, ZOO_ROW_COSTS, ZOO_ROW_TOKENS, ZOO_ROW_LISTS };

/* expert: a number in `experts`; at: its place in the line */
typedef struct zoo_row_tag { zoo_span kind, value; } zoo_row_tag;
typedef struct zoo_row_reward { uint32_t expert; double value; const char *at; } zoo_row_reward;
typedef struct zoo_row_response { uint32_t expert; zoo_span text; const char *at; } zoo_row_response;
/* dollars, >= 0 */
typedef struct zoo_row_cost { uint32_t expert; double value; const char *at; } zoo_row_cost;
/* -1: not given */
typedef struct zoo_row_tokens { uint32_t expert; int64_t in, out, reasoning, cached; const char *at; } zoo_row_tokens;
/* raw: the value's JSON text */
typedef struct zoo_row_field { zoo_span key, raw; int is_doubtful; } zoo_row_field;

/* the flags: import_answers.c's */
typedef struct zoo_row_score { zoo_span reward_model; double value; int is_stored, is_struck; } zoo_row_score;
typedef struct zoo_row_answer {
    uint32_t expert;
    int64_t sample, turn;                /* 1.. */
    zoo_span settings;                   /* JSON text of an object */
    zoo_span text, reasoning;            /* may hold NUL */
    zoo_span finish_reason, asked;       /* asked: an ISO time */
    int64_t tokens_in, tokens_out, tokens_reasoning, tokens_cached;        /* -1: not given */
    double cost, first_seconds, seconds;                                   /* NaN: not given; else >= 0 */
    zoo_row_score *scores;
    size_t score_count, score_capacity;
    int has_failed, failed_final;
    int64_t failed_times;
    zoo_span failed_cause, failed_last;  /* last: an ISO time */
    double failed_cost;                  /* NaN: not given */
} zoo_row_answer;

typedef struct zoo_row_judgement {
    uint32_t expert_a, expert_b;
    int64_t sample_a, sample_b, turn;
    int shown_ba;                        /* the judge saw b first */
    char verdict;                        /* 'a', 'b' or 't': a tie */
    double probability;                  /* NaN: not given */
    zoo_span text;                       /* may hold NUL */
} zoo_row_judgement;

typedef struct zoo_row {
    enum zoo_row_kind kind;
    zoo_span id, reward_model;           /* text NULL: absent */
    zoo_span query, dataset, subset, split;
    int has_tags, has_rewards, has_responses, has_costs, has_tokens;
    zoo_row_tag *tags;
    zoo_row_reward *rewards;
    zoo_row_response *responses;
    zoo_row_cost *costs;
    zoo_row_tokens *tokens;
    zoo_row_field *fields;
    size_t tag_count, reward_count, response_count, cost_count, tokens_count, field_count;
    size_t tag_capacity, reward_capacity, response_capacity, cost_capacity, tokens_capacity, field_capacity;
    zoo_row_answer answer;               /* of a row of that kind */
    zoo_row_judgement judgement;
    size_t mended;                       /* halves of surrogate pairs in the line that became U+FFFD */
    zoo_names experts;                   /* of all rows so far; the names have passed base/name.h */
    struct zoo_row_last { uint64_t row; size_t at; } (*last)[ZOO_ROW_LISTS];         /* (last_capacity): by expert */
    size_t last_capacity;
    uint64_t count;                      /* lines read, one that is mended twice: the number of this reading */
    const char *at_query, *at_split, *at_dataset, *at_subset;       /* places in the line, for sentences */
    zoo_buf mended_line;                 /* what is read instead of a line with halves of pairs */
    zoo_scan scan;
} zoo_row;

void zoo_row_init(zoo_row *row);
void zoo_row_release(zoo_row *row);
/* Reads a line; ZOO_EFORMAT with file, line and column, or ZOO_ENOMEM. After a failure the next line can be read. */
int zoo_row_read(zoo_row *row, const char *line, size_t size, const char *file, size_t number, zoo_err *err);
/* The id that zoo_row_read() would find: 1, and 0 where it would find none or refuse what stands before it. To look up
 * many ids at once. *id lies in the line or in *scratch,
 * which grows to the line's size and is the caller's to release. */
int zoo_row_peek_id(const char *line, size_t size, zoo_span *id, zoo_buf *scratch);
/* Where the row has a reward, response, cost or tokens of expert `number`; SIZE_MAX: nowhere. */
size_t zoo_row_find_reward(const zoo_row *row, uint32_t number);
size_t zoo_row_find_response(const zoo_row *row, uint32_t number);
size_t zoo_row_find_cost(const zoo_row *row, uint32_t number);
size_t zoo_row_find_tokens(const zoo_row *row, uint32_t number);
/* The row's other fields as a JSON object: {"a": 1, "b": [2]}. */
int zoo_row_fields(const zoo_row *row, zoo_buf *out);
/* "kind:value"; without ':' (or beginning with one) the kind is "tag". */
zoo_row_tag zoo_row_split_tag(zoo_span text);
#endif
