/* row_query.c - a row about a query: its text, tags, and what experts got, said and cost for it; see row.h. One
 * function a field, found by name in a table. Layer: store. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/array.h"
#include "store/row_parts.h"
#include "store/store.h"

/* ---- fields ---- */

static int read_id(zoo_row *row)
{
    return zoo_row_id_of(&row->scan, &row->id);
}

static int read_split(zoo_row *row)
{
    row->at_split = row->scan.at;
    return zoo_row_label_of(&row->scan, "split", 1, ZOO_STORE_SPLIT_MAX, &row->split);
}

static int read_dataset(zoo_row *row)
{
    row->at_dataset = row->scan.at;
    return zoo_row_label_of(&row->scan, "dataset", 0, ZOO_STORE_TAG_MAX, &row->dataset);
}

static int read_subset(zoo_row *row)
{
    row->at_subset = row->scan.at;
    return zoo_row_label_of(&row->scan, "subset", 0, ZOO_STORE_TAG_MAX, &row->subset);
}

static int read_reward_model(zoo_row *row)
{
    return zoo_row_reward_model_of(&row->scan, &row->reward_model);
}

static int read_query(zoo_row *row)
{
    row->at_query = row->scan.at;
    if (*row->scan.at != '"')
        return zoo_scan_fail(&row->scan, row->scan.at, "'query' should be a string, is %s",
                             zoo_scan_kind(row->scan.at));
    return zoo_scan_string(&row->scan, &row->query);
}

/* At '[' or '{', else an error: 'name' should be `what`. */
static int open_field(zoo_row *row, const char *name, char open, char close, const char *what)
{
    if (*row->scan.at != open)
        return zoo_scan_fail(&row->scan, row->scan.at, "'%s' should be %s, is %s", name, what,
                             zoo_scan_kind(row->scan.at));
    return zoo_scan_open(&row->scan, open, close);
}

/* Whether the tag behind the last differs from those before: one that comes twice counts once. */
static int is_new_tag(const zoo_row *row)
{
    const zoo_row_tag *last = &row->tags[row->tag_count];

    for (const zoo_row_tag *t = row->tags; t < last; t++)
        if (zoo_span_equal(t->value, last->value) && zoo_span_equal(t->kind, last->kind))
            return 0;
    return 1;
}

static int read_tag(zoo_row *row)
{
    zoo_scan *s = &row->scan;
    const char *at = s->at;
    zoo_span text;
    int rc = zoo_row_is_null(s);

    if (rc)
        return rc < 0 ? rc : ZOO_OK;
    if (*at != '"')
        return zoo_scan_fail(s, at, "'tags' should hold strings, not %s", zoo_scan_kind(at));
    rc = zoo_array_grow(&row->tags, &row->tag_capacity, row->tag_count + 1, sizeof *row->tags, ZOO_ROW_TAGS_MAX);
    if (rc)
        return rc == ZOO_EUSAGE ? zoo_scan_fail(s, at, "more than %d tags", ZOO_ROW_TAGS_MAX) : zoo_fail_nomem(s->err);
    rc = zoo_row_label_of(s, "tags", 1, ZOO_STORE_TAG_MAX, &text);
    if (rc)
        return rc;
    row->tags[row->tag_count] = zoo_row_split_tag(text);
    if (row->tags[row->tag_count].kind.size > ZOO_STORE_KIND_MAX)
        return zoo_scan_fail(s, at, "the kind of a tag (before ':') has more than %d bytes", ZOO_STORE_KIND_MAX);
    row->tag_count += is_new_tag(row);
    return ZOO_OK;
}

static int read_tags(zoo_row *row)
{
    int more, rc;

    row->has_tags = 1;
    for (more = open_field(row, "tags", '[', ']', "an array of strings"); more ==
         1; more = zoo_scan_more(&row->scan, ']'))
        if ((rc = read_tag(row)))
            return rc;
    return more;
}

/* ---- what there is of each expert ---- */

/* The key of a member. `guess` is the expert that stood here in the row before: nearly always right. */
static int read_expert(zoo_row *row, uint32_t guess, uint32_t *number)
{
    const char *at = row->scan.at;
    zoo_span name;
    int rc = zoo_scan_key(&row->scan, &name);

    if (rc)
        return rc;
    if (guess < row->experts.count && row->experts.items[guess].size == name.size &&
        !memcmp(row->experts.items[guess].text, name.text, name.size)) {
        *number = guess;
        return ZOO_OK;
    }
    return zoo_row_number_expert(row, name, at, number);
}

static const char *name_of(const zoo_row *row, uint32_t expert)
{
    return row->experts.items[expert].text;
}

/* Behind an expert's name, who may stand in a list once: `index` is theirs.
 * 1: null was there instead of a value and takes no place. */
static int note_expert(zoo_row *row, enum zoo_row_list list, uint32_t expert, size_t index, const char *at)
{
    static const char *const fields[ZOO_ROW_LISTS] = { "rewards", "responses", "costs", "tokens" };
    struct zoo_row_last *last = &row->last[expert][list];
    int rc;

    if (last->row == row->count)
        return zoo_scan_fail(&row->scan, at, "'%s' names %s twice", fields[list], name_of(row, expert));
    *last = (struct zoo_row_last){ row->count, index };
    rc = zoo_row_is_null(&row->scan);
    if (rc)
        last->at = SIZE_MAX;
    return rc;
}

static int grow(zoo_row *row, void *items, size_t count, size_t *capacity, size_t size)
{
    return zoo_array_grow(items, capacity, count + 1, size, (size_t)ZOO_ROW_EXPERTS_MAX + 1) ?
           zoo_fail_nomem(row->scan.err) : ZOO_OK;
}

static int read_reward(zoo_row *row, zoo_row_reward *out, uint32_t guess)
{
    zoo_scan *s = &row->scan;
    int rc;

    out->at = s->at;
    rc = read_expert(row, guess, &out->expert);
    if (rc || (rc = note_expert(row, ZOO_ROW_REWARDS, out->expert, row->reward_count, out->at)))
        return rc;
    if (*s->at && strchr("\"{[tf", *s->at))
        return zoo_scan_fail(s, s->at, "the reward of '%s' should be a number, is %s; leave it out where there is none",
                             name_of(row, out->expert), zoo_scan_kind(s->at));
    return zoo_scan_number(s, &out->value);
}

static int read_rewards(zoo_row *row)
{
    int more, rc;

    row->has_rewards = 1;
    for (more = open_field(row, "rewards", '{', '}', "an object of numbers"); more ==
         1; more = zoo_scan_more(&row->scan, '}')) {
        size_t i = row->reward_count;
        if ((rc = grow(row, &row->rewards, i, &row->reward_capacity, sizeof *row->rewards)))
            return rc;
        rc = read_reward(row, &row->rewards[i], row->rewards[i].expert);
        if (rc < 0)
            return rc;
        row->reward_count += !rc;
    }
    return more;
}

static int read_response(zoo_row *row, zoo_row_response *out)
{
    zoo_scan *s = &row->scan;
    int rc;

    out->at = s->at;
    rc = read_expert(row, UINT32_MAX, &out->expert);
    if (rc || (rc = note_expert(row, ZOO_ROW_RESPONSES, out->expert, row->response_count, out->at)))
        return rc;
    if (*s->at != '"')
        return zoo_scan_fail(s, s->at, "the response of %s should be a string, is %s", name_of(row, out->expert),
                             zoo_scan_kind(s->at));
    s->nul_is_fine = 1;                  /* an LLM may say anything */
    rc = zoo_scan_string(s, &out->text);
    s->nul_is_fine = 0;
    return rc;
}

static int read_responses(zoo_row *row)
{
    int more, rc;

    row->has_responses = 1;
    for (more = open_field(row, "responses", '{', '}', "an object of strings"); more ==
         1; more = zoo_scan_more(&row->scan, '}')) {
        size_t i = row->response_count;
        if ((rc = grow(row, &row->responses, i, &row->response_capacity, sizeof *row->responses)))
            return rc;
        rc = read_response(row, &row->responses[i]);
        if (rc < 0)
            return rc;
        row->response_count += !rc;
    }
    return more;
}

/* ---- costs and tokens, which may be another file's own fields ---- */

/* Whether the value ahead is an object of numbers and nulls; with `inner`, or of objects of those by these names. */
static int is_of_numbers(zoo_scan *ahead, const zoo_row_member *names, const zoo_row_member *inner)
{
    int more, is_fine = 1;
    zoo_span key, raw;

    if (*ahead->at != '{')
        return 0;
    for (more = zoo_scan_open(ahead, '{', '}'); more == 1 && is_fine; more = zoo_scan_more(ahead, '}')) {
        if (zoo_scan_key(ahead, &key) || (names && !zoo_row_find_member(names, key)))
            return 0;
        if (*ahead->at == '{')
            is_fine = inner && is_of_numbers(ahead, inner, NULL);
        else
            is_fine = *ahead->at && !strchr("\"[tf", *ahead->at) && !zoo_scan_skip(ahead, &raw);
    }
    return is_fine && more == 0;
}

static const zoo_row_member token_members[] = {
#define COUNT(member) { .name = #member, .read = zoo_row_whole, .offset = offsetof(zoo_row_tokens, member), \
                        .most = ZOO_ROW_TOKENS_MAX }
    COUNT(in), COUNT(out), COUNT(reasoning), COUNT(cached), { .name = NULL }
#undef COUNT
};

static int are_costs(zoo_scan ahead)
{
    ahead.err = NULL;
    return is_of_numbers(&ahead, NULL, NULL);
}

static int are_tokens(zoo_scan ahead)
{
    ahead.err = NULL;
    return is_of_numbers(&ahead, NULL, token_members);
}

static int read_cost(zoo_row *row, zoo_row_cost *out)
{
    const char *at = out->at = row->scan.at;
    int rc = read_expert(row, out->expert, &out->expert);

    if (rc || (rc = note_expert(row, ZOO_ROW_COSTS, out->expert, row->cost_count, at)))
        return rc;
    at = row->scan.at;
    rc = zoo_scan_number(&row->scan, &out->value);
    if (!rc && !(out->value >= 0))
        rc = zoo_scan_fail(&row->scan, at, "the cost of '%s' is negative", name_of(row, out->expert));
    return rc;
}

static int read_costs(zoo_row *row)
{
    int more, rc;

    row->has_costs = 1;
    for (more = zoo_scan_open(&row->scan, '{', '}'); more == 1; more = zoo_scan_more(&row->scan, '}')) {
        size_t i = row->cost_count;
        if ((rc = grow(row, &row->costs, i, &row->cost_capacity, sizeof *row->costs)))
            return rc;
        rc = read_cost(row, &row->costs[i]);
        if (rc < 0)
            return rc;
        row->cost_count += !rc;
    }
    return more;
}

static int read_tokens_of(zoo_row *row, zoo_row_tokens *out)
{
    const char *at = row->scan.at;
    char what[160];
    int rc;

    *out = (zoo_row_tokens){ .expert = out->expert, .in = -1, .out = -1, .reasoning = -1, .cached = -1, .at = at };
    rc = read_expert(row, out->expert, &out->expert);
    if (rc || (rc = note_expert(row, ZOO_ROW_TOKENS, out->expert, row->tokens_count, at)))
        return rc;
    snprintf(what, sizeof what, "tokens of %s", name_of(row, out->expert));
    rc = *row->scan.at == '{' ? zoo_row_members(row, what, token_members, out)
                              : zoo_row_whole(row, &(zoo_row_member){ .name = what, .most = ZOO_ROW_TOKENS_MAX },
                                              &out->out);
    if (rc || out->in >= 0 || out->out >= 0 || out->reasoning >= 0 || out->cached >= 0)
        return rc;
    row->last[out->expert][ZOO_ROW_TOKENS].at = SIZE_MAX;    /* {} says as much as null */
    return 1;
}

static int read_tokens(zoo_row *row)
{
    int more, rc;

    row->has_tokens = 1;
    for (more = zoo_scan_open(&row->scan, '{', '}'); more == 1; more = zoo_scan_more(&row->scan, '}')) {
        size_t i = row->tokens_count;
        if ((rc = grow(row, &row->tokens, i, &row->tokens_capacity, sizeof *row->tokens)))
            return rc;
        rc = read_tokens_of(row, &row->tokens[i]);
        if (rc < 0)
            return rc;
        row->tokens_count += !rc;
    }
    return more;
}

/* ---- other fields ---- */

static int read_other(zoo_row *row, zoo_span key, const char *at)
{
    zoo_scan *s = &row->scan;
    zoo_row_field *field;
    int rc;

    for (size_t i = 0; i < row->field_count; i++)
        if (zoo_span_equal(row->fields[i].key, key))
            return zoo_scan_fail(s, at, "the field '%.*s' comes twice", (int)(key.size > 100 ? 100 : key.size),
                                 key.text);
    rc = zoo_array_grow(&row->fields, &row->field_capacity, row->field_count + 1, sizeof *row->fields,
                        ZOO_ROW_FIELDS_MAX);
    if (rc)
        return rc == ZOO_EUSAGE ? zoo_scan_fail(s, at, "more than %d fields of its own", ZOO_ROW_FIELDS_MAX) :
               zoo_fail_nomem(s->err);
    field = &row->fields[row->field_count++];
    field->key = key;
    s->is_doubtful = 0;
    rc = zoo_scan_skip(s, &field->raw);
    field->is_doubtful = s->is_doubtful;
    return rc;
}

/* ---- a query inside a conversation ---- */

static const zoo_row_field *find_field(const zoo_row *row, const char *key)
{
    for (size_t i = 0; i < row->field_count; i++)
        if (zoo_span_is(row->fields[i].key, key))
            return &row->fields[i];
    return NULL;
}

/* At a message: *content is the place of its content where a user says it. */
static void read_message(zoo_scan *ahead, const char **content, int *is_users)
{
    zoo_span key, raw;
    int more;

    *content = NULL;
    *is_users = 0;
    for (more = zoo_scan_open(ahead, '{', '}'); more == 1; more = zoo_scan_more(ahead, '}')) {
        if (zoo_scan_key(ahead, &key))
            return;
        if (zoo_span_is(key, "content"))
            *content = ahead->at;
        if (zoo_scan_skip(ahead, &raw))
            return;
        *is_users |= zoo_span_is(key, "role") && zoo_span_is(raw, "\"user\"");
    }
}

/* The place of what the first user message says; NULL: there is none. */
static const char *find_message(zoo_scan ahead, const char *messages)
{
    const char *content;
    int more, is_users;

    ahead.err = NULL;
    ahead.at = messages;
    if (*messages != '[')
        return NULL;
    for (more = zoo_scan_open(&ahead, '[', ']'); more == 1 && *ahead.at == '{'; more = zoo_scan_more(&ahead, ']')) {
        read_message(&ahead, &content, &is_users);
        if (is_users)
            return content;
    }
    return NULL;
}

static const char *find_turn(zoo_scan ahead, const char *turns)
{
    ahead.err = NULL;
    ahead.at = turns;
    return *turns == '[' && zoo_scan_open(&ahead, '[', ']') == 1 ? ahead.at : NULL;
}

/* The query of a row that has none of its own: the first user message or turn. */
static int take_query(zoo_row *row)
{
    const zoo_row_field *messages = find_field(row, "messages"), *turns = find_field(row, "turns");
    const char *end = row->scan.at, *at = messages ? find_message(row->scan, messages->raw.text) : NULL;
    int rc;

    if (!at && turns)
        at = find_turn(row->scan, turns->raw.text);
    if (!at || *at != '"')
        return ZOO_OK;
    row->at_query = row->scan.at = at;
    rc = zoo_scan_string(&row->scan, &row->query);
    row->scan.at = end;
    return rc;
}

/* ---- the row ---- */

static const struct known {
    const char *name;
    size_t size;
    int (*read)(zoo_row *row);
    int is_needed;                       /* null is an error */
    /* whether the value is what it should be; else it is another file's own field; NULL: it is */
    int (*is_ours)(zoo_scan ahead);
} known[] = {
#define FIELD(name, ...) { #name, sizeof #name - 1, read_##name, __VA_ARGS__ }
    FIELD(id, 1, NULL), FIELD(query, 1, NULL), FIELD(rewards, 0, NULL), FIELD(tags, 0, NULL), FIELD(dataset, 0, NULL),
    FIELD(subset, 0, NULL), FIELD(split, 0, NULL), FIELD(responses, 0, NULL), FIELD(reward_model, 0, NULL),
    FIELD(costs, 0, are_costs), FIELD(tokens, 0, are_tokens)
#undef FIELD
};
enum { KNOWN = sizeof known / sizeof *known };

static int read_known(zoo_row *row, const struct known *field, zoo_span key, const char *at)
{
    int rc = field->is_needed ? 0 : zoo_row_is_null(&row->scan);

    if (rc)
        return rc < 0 ? rc : ZOO_OK;
    return field->is_ours && !field->is_ours(row->scan) ? read_other(row, key, at) : field->read(row);
}

static int read_field(zoo_row *row, unsigned *seen)
{
    const char *at = row->scan.at;
    zoo_span key;
    int rc = zoo_scan_key(&row->scan, &key);

    if (rc)
        return rc;
    for (unsigned i = 0; i < KNOWN; i++)
        if (known[i].size == key.size && !memcmp(known[i].name, key.text, key.size)) {
            if (*seen & 1u << i)
                return zoo_scan_fail(&row->scan, at, "the field '%s' comes twice", known[i].name);
            *seen |= 1u << i;
            return read_known(row, &known[i], key, at);
        }
    return read_other(row, key, at);
}

static int check_fields(zoo_row *row)
{
    int adds = row->has_rewards || row->has_responses || row->has_costs || row->has_tokens;
    int asks = row->query.text || (!adds && (find_field(row, "messages") || find_field(row, "turns")));
    zoo_scan *s = &row->scan;

    if (!row->id.text)
        return zoo_scan_fail(s, s->line, "'id' is missing");
    if (!row->query.text && row->reward_count && find_field(row, "expert") &&
        *find_field(row, "expert")->raw.text == '"')
        return zoo_scan_fail(s, find_field(row, "expert")->raw.text,
                             "a line about one expert gives its rewards as 'scores', by reward model; 'rewards' are of "
                             "one reward model, by expert");
    if (asks && !row->has_rewards)
        return zoo_scan_fail(s, s->line, "'rewards' is missing; {} is fine for a query alone");
    if (!asks && !adds)
        return zoo_scan_fail(s, s->line, "'query' is missing; without it a line adds 'rewards', 'responses', 'costs' or"
                             " 'tokens' to a stored query, or is an answer ('expert') or a judgement ('a', 'b', "
                             "'verdict')");
    return ZOO_OK;
}

/* The tag "subset:x" beside the field "subset": "x" says the same. */
static void drop_repeated_tags(zoo_row *row)
{
    size_t kept = 0;

    for (size_t i = 0; i < row->tag_count; i++) {
        const zoo_row_tag *t = &row->tags[i];
        int is_dataset = zoo_span_equal(t->kind, (zoo_span){ "dataset", 7 }) && row->dataset.text &&
                         zoo_span_equal(t->value, row->dataset);
        int is_subset = zoo_span_equal(t->kind, (zoo_span){ "subset", 6 }) && row->subset.text &&
                        zoo_span_equal(t->value, row->subset);
        if (!is_dataset && !is_subset)
            row->tags[kept++] = *t;
    }
    row->tag_count = kept;
}

int zoo_row_read_query(zoo_row *row)
{
    zoo_scan *s = &row->scan;
    unsigned seen = 0;
    int more, rc;

    for (more = zoo_scan_open(s, '{', '}'); more == 1; more = zoo_scan_more(s, '}'))
        if ((rc = read_field(row, &seen)))
            return rc;
    rc = more ? more : zoo_row_end(s);
    if (rc)
        return rc;
    drop_repeated_tags(row);
    if (!row->query.text && row->has_rewards)
        rc = take_query(row);
    return rc ? rc : check_fields(row);
}
