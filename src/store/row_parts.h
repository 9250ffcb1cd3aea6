/* row_parts.h - what the readers of the three kinds of row share; the rest of the world reads row.h.
 *
 * Labels and names, experts, and objects whose members are all known, which a table describes:
 *
 *     static const zoo_row_member members[] = {
 *         { .name = "expert", .read = zoo_row_expert, .offset = offsetof(zoo_row, answer.expert), .is_required = 1 },
 *         { .name = "sample", .read = zoo_row_whole, .offset = offsetof(zoo_row, answer.sample), .least = 1, .most =
 *         30000 },
 *         { .name = NULL }
 *     };
 *     rc = zoo_row_members(row, "an answer", members, row);
 *
 * A member that is null is as if it were not there; one that comes twice or is not in the table is an error.
 * Layer: store. Threads: the row's owner. */
#ifndef ZOO_STORE_ROW_PARTS_H
#define ZOO_STORE_ROW_PARTS_H
#include "store/row.h"

/* One reader a kind of row, from the line's '{' to the line's end. The row is cleared. */
int zoo_row_read_query(zoo_row *row);
int zoo_row_read_answer(zoo_row *row);
int zoo_row_read_judgement(zoo_row *row);

/* Behind the row's '}': nothing may follow. */
int zoo_row_end(zoo_scan *s);
/* The value ahead, field `name` in sentences. A label has `least` to `most` bytes and no control characters. */
int zoo_row_label_of(zoo_scan *s, const char *name, size_t least, size_t most, zoo_span *out);
int zoo_row_id_of(zoo_scan *s, zoo_span *out);
int zoo_row_reward_model_of(zoo_scan *s, zoo_span *out);
/* Whether the text is a name by base/name.h. */
int zoo_row_is_name(zoo_span text);
/* 1: null was ahead and is read; 0: something else is; negative. */
int zoo_row_is_null(zoo_scan *s);
/* The number of an expert, which is added where it is new. `at`: where its name stands. */
int zoo_row_number_expert(zoo_row *row, zoo_span name, const char *at, uint32_t *number);

typedef struct zoo_row_member zoo_row_member;
struct zoo_row_member {
    const char *name;                    /* NULL ends the table */
    int (*read)(zoo_row *row, const zoo_row_member *member, void *to);
    size_t offset;                       /* of what it fills in, in what zoo_row_members() was given */
    double least, most;                  /* of a number, both allowed */
    const zoo_row_member *members;       /* of an object */
    int is_required;
};

/* At '{': reads all members into `to` + their offsets. `what` is the object's name in sentences. */
int zoo_row_members(zoo_row *row, const char *what, const zoo_row_member *members, void *to);
/* The member of that name; NULL. */
const zoo_row_member *zoo_row_find_member(const zoo_row_member *members, zoo_span name);

/* What a member may be, and what it fills in. */
int zoo_row_id(zoo_row *row, const zoo_row_member *member, void *to);              /* zoo_span */
int zoo_row_expert(zoo_row *row, const zoo_row_member *member, void *to);          /* uint32_t */
int zoo_row_reward_model(zoo_row *row, const zoo_row_member *member, void *to);    /* zoo_span */
int zoo_row_label(zoo_row *row, const zoo_row_member *member, void *to);           /* zoo_span, at most `most` bytes */
int zoo_row_text(zoo_row *row, const zoo_row_member *member, void *to);            /* zoo_span without NUL */
/* zoo_span that may hold NUL: an LLM may say anything */
int zoo_row_said(zoo_row *row, const zoo_row_member *member, void *to);
int zoo_row_time(zoo_row *row, const zoo_row_member *member, void *to);            /* zoo_span: an ISO time */
int zoo_row_object(zoo_row *row, const zoo_row_member *member, void *to);          /* zoo_span: its JSON text */
int zoo_row_whole(zoo_row *row, const zoo_row_member *member, void *to);           /* int64_t, `most` <= 2^53 */
int zoo_row_amount(zoo_row *row, const zoo_row_member *member, void *to);          /* double, finite */
int zoo_row_flag(zoo_row *row, const zoo_row_member *member, void *to);            /* int */
/* an object of `members`; offset 0: theirs count from `to` */
int zoo_row_inner(zoo_row *row, const zoo_row_member *member, void *to);

/* Tokens are counted up to 2^53, where a double is still exact. */
#define ZOO_ROW_TOKENS_MAX 9007199254740992.0
#endif
