/* row.c - see row.h. Which kind of row a line is, and what holds for all kinds; the kinds are read by row_query.c,
 * row_answer.c and row_judgement.c. */
#include "store/row.h"
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "store/row_parts.h"

void zoo_row_init(zoo_row *row)
{
    memset(row, 0, sizeof *row);
    row->experts.limit = ZOO_ROW_EXPERTS_MAX;
    row->mended_line.max = SIZE_MAX / 2;
}

void zoo_row_release(zoo_row *row)
{
    free(row->tags);
    free(row->rewards);
    free(row->responses);
    free(row->costs);
    free(row->tokens);
    free(row->fields);
    free(row->answer.scores);
    free(row->last);
    zoo_names_clear(&row->experts);
    zoo_buf_release(&row->mended_line);
    zoo_scan_release(&row->scan);
    zoo_row_init(row);
}

static size_t find(const zoo_row *row, enum zoo_row_list list, uint32_t number)
{
    const struct zoo_row_last *last = &row->last[number][list];

    return last->row == row->count ? last->at : SIZE_MAX;
}

size_t zoo_row_find_reward(const zoo_row *row, uint32_t number)
{
    return find(row, ZOO_ROW_REWARDS, number);
}

size_t zoo_row_find_response(const zoo_row *row, uint32_t number)
{
    return find(row, ZOO_ROW_RESPONSES, number);
}

size_t zoo_row_find_cost(const zoo_row *row, uint32_t number)
{
    return find(row, ZOO_ROW_COSTS, number);
}

size_t zoo_row_find_tokens(const zoo_row *row, uint32_t number)
{
    return find(row, ZOO_ROW_TOKENS, number);
}

zoo_row_tag zoo_row_split_tag(zoo_span text)
{
    const char *colon = text.size ? memchr(text.text, ':', text.size) : NULL;
    size_t kind = colon ? (size_t)(colon - text.text) : 0;

    if (!kind)
        return (zoo_row_tag){ { "tag", 3 }, text };
    return (zoo_row_tag){ { text.text, kind }, { colon + 1, text.size - kind - 1 } };
}

int zoo_row_fields(const zoo_row *row, zoo_buf *out)
{
    int rc = zoo_buf_add(out, "{", 1);

    for (size_t i = 0; !rc && i < row->field_count; i++) {
        const zoo_row_field *f = &row->fields[i];
        if (i)
            rc = zoo_buf_add(out, ", ", 2);
        if (!rc)
            rc = zoo_buf_add_json_str(out, f->key.text, f->key.size);
        if (!rc)
            rc = zoo_buf_add(out, ": ", 2);
        if (!rc)
            rc = zoo_buf_add(out, f->raw.text, f->raw.size);
    }
    return rc ? rc : zoo_buf_add(out, "}", 1);
}

/* ---- the kind ---- */

static int is_of_queries(zoo_span key)
{
    return zoo_span_is(key, "query") || zoo_span_is(key, "rewards") || zoo_span_is(key, "responses") ||
           zoo_span_is(key, "messages") || zoo_span_is(key, "turns");
}

/* Looks ahead until a field decides: in nearly every line the second does. A line that breaks off is left to the reader
 * of queries, who will say so. */
static enum zoo_row_kind find_kind(zoo_scan ahead)
{
    int is_answer = 0, judged = 0, more;
    zoo_span key, raw;

    ahead.err = NULL;
    ahead.nul_is_fine = 1;
    for (more = zoo_scan_open(&ahead, '{', '}'); more == 1; more = zoo_scan_more(&ahead, '}')) {
        if (zoo_scan_key(&ahead, &key) || is_of_queries(key))
            return ZOO_ROW_QUERY;
        is_answer |= zoo_span_is(key, "expert") && *ahead.at == '"';
        judged |= zoo_span_is(key, "verdict") | zoo_span_is(key, "a") << 1 | zoo_span_is(key, "b") << 2;
        if (zoo_scan_skip(&ahead, &raw))
            return ZOO_ROW_QUERY;
    }
    return judged == 7 ? ZOO_ROW_JUDGEMENT : is_answer ? ZOO_ROW_ANSWER : ZOO_ROW_QUERY;
}

/* ---- reading ---- */

static void clear(zoo_row *row)
{
    row->id = row->query = row->dataset = row->subset = row->split = row->reward_model = (zoo_span){ NULL, 0 };
    row->at_query = row->at_split = row->at_dataset = row->at_subset = NULL;
    row->has_tags = row->has_rewards = row->has_responses = row->has_costs = row->has_tokens = 0;
    row->tag_count = row->reward_count = row->response_count = row->cost_count = row->tokens_count = row->field_count =
                     0;
    row->count++;
}

static int read_kind(zoo_row *row)
{
    row->kind = find_kind(row->scan);
    switch (row->kind) {
    case ZOO_ROW_ANSWER: return zoo_row_read_answer(row);
    case ZOO_ROW_JUDGEMENT: return zoo_row_read_judgement(row);
    default: return zoo_row_read_query(row);
    }
}

static int read_line(zoo_row *row, const char *line, size_t size, const char *file, size_t number, zoo_err *err)
{
    zoo_scan *s = &row->scan;
    int rc = zoo_scan_begin(s, line, size, file, number, err);

    if (rc)
        return rc;
    clear(row);
    zoo_scan_space(s);
    if (*s->at == '[' || *s->at == '"')
        return zoo_scan_fail(s, s->at, "a row should be an object, is %s", zoo_scan_kind(s->at));
    return read_kind(row);
}

/* Texts are right already; but values that only pass through are to be right for other readers too,
 * and all places in one line. */
static int read_mended(zoo_row *row, const char *line, size_t size, const char *file, size_t number, zoo_err *err)
{
    size_t mended;
    int rc;

    zoo_buf_clear(&row->mended_line);
    if (zoo_buf_add(&row->mended_line, line, size))
        return zoo_fail_nomem(err);
    mended = zoo_scan_mend(row->mended_line.data, size);
    rc = read_line(row, row->mended_line.data, size, file, number, err);
    row->mended = mended;
    return rc;
}

/* Values that only pass through are read again by the JSON parser of those who use them: what
 * it refuses is refused here. */
static int check_doubtful(zoo_row *row, zoo_span key, zoo_span raw)
{
    char place[120];
    json_t *value;
    zoo_err why;

    snprintf(place, sizeof place, "'%.*s'", (int)(key.size > 100 ? 100 : key.size), key.text);
    value = zoo_json_parse(raw.text, raw.size, place, &why);
    if (!value)
        return why.code == ZOO_ENOMEM ? zoo_fail_nomem(row->scan.err) :
               zoo_scan_fail(&row->scan, raw.text, "in %s", why.message);
    json_decref(value);
    return ZOO_OK;
}

static int check_values(zoo_row *row)
{
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < row->field_count; i++)
        if (row->fields[i].is_doubtful)
            rc = check_doubtful(row, row->fields[i].key, row->fields[i].raw);
    if (!rc && row->kind == ZOO_ROW_ANSWER && row->answer.settings.text)
        rc = check_doubtful(row, (zoo_span){ "settings", 8 }, row->answer.settings);
    return rc;
}

int zoo_row_read(zoo_row *row, const char *line, size_t size, const char *file, size_t number, zoo_err *err)
{
    int rc = read_line(row, line, size, file, number, err);

    row->mended = 0;
    if (!rc && row->scan.halves)
        rc = read_mended(row, line, size, file, number, err);
    return rc ? rc : check_values(row);
}

/* ---- the id alone ---- */

static int find_id(zoo_scan *s, zoo_span *id)
{
    zoo_span key, raw;
    int more;

    for (more = zoo_scan_open(s, '{', '}'); more == 1; more = zoo_scan_more(s, '}')) {
        s->nul_is_fine = 1;              /* in the text of an answer */
        if (zoo_scan_key(s, &key))
            return 0;
        if (zoo_span_is(key, "id")) {
            s->nul_is_fine = 0;
            return !zoo_row_id_of(s, id);
        }
        if (zoo_scan_skip(s, &raw))
            return 0;
    }
    return 0;
}

int zoo_row_peek_id(const char *line, size_t size, zoo_span *id, zoo_buf *scratch)
{
    zoo_scan s = { .decoded = *scratch };
    int found = zoo_scan_begin(&s, line, size, "", 1, NULL) ? 0 : find_id(&s, id);

    *scratch = s.decoded;
    return found;
}
