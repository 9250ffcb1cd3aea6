/* row.c - see row.h. One function a field, found by name in a table. */
#include "store/row.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/name.h"
#include "store/store.h"

void zoo_row_init(zoo_row *row)
{
    memset(row, 0, sizeof *row);
    row->experts.limit = ZOO_ROW_EXPERTS_MAX;
}

void zoo_row_release(zoo_row *row)
{
    free(row->tags);
    free(row->rewards);
    free(row->responses);
    free(row->fields);
    free(row->last_reward);
    free(row->last_response);
    zoo_names_clear(&row->experts);
    zoo_scan_release(&row->scan);
    zoo_row_init(row);
}

/* Room for one more item of `size` bytes, zeroed at first; the array keeps its memory from row to row. */
static int make_room(void *array, size_t count, size_t *capacity, size_t size)
{
    void *items;
    size_t more = *capacity ? *capacity * 2 : 16;

    if (count < *capacity)
        return ZOO_OK;
    memcpy(&items, array, sizeof items);
    items = realloc(items, more * size);
    if (!items)
        return ZOO_ENOMEM;
    memcpy(array, &items, sizeof items);
    memset((char *)items + count * size, 0, (more - count) * size);
    *capacity = more;
    return ZOO_OK;
}

/* ---- fields ---- */

static int read_label(zoo_row *row, const char *name, size_t least, size_t most, zoo_span *out)
{
    zoo_scan *s = &row->scan;
    const char *at = s->at;
    int rc;

    if (*at != '"')
        return zoo_scan_fail(s, at, "'%s' should be a string, is %s", name, zoo_scan_kind(at));
    rc = zoo_scan_string(s, out);
    if (rc)
        return rc;
    if (out->size < least)
        return zoo_scan_fail(s, at, "'%s' is empty", name);
    if (out->size > most)
        return zoo_scan_fail(s, at, "'%s' has %zu bytes, at most %zu are allowed", name, out->size, most);
    for (size_t i = 0; i < out->size; i++)
        if ((unsigned char)out->text[i] < 0x20 || out->text[i] == 0x7f)
            return zoo_scan_fail(s, at, "'%s' contains a control character", name);
    return ZOO_OK;
}

static int read_id(zoo_row *row)
{
    return read_label(row, "id", 1, ZOO_STORE_ID_MAX, &row->id);
}

static int read_split(zoo_row *row)
{
    row->at_split = row->scan.at;
    return read_label(row, "split", 1, ZOO_STORE_SPLIT_MAX, &row->split);
}

static int read_dataset(zoo_row *row)
{
    row->at_dataset = row->scan.at;
    return read_label(row, "dataset", 0, ZOO_STORE_TAG_MAX, &row->dataset);
}

static int read_subset(zoo_row *row)
{
    row->at_subset = row->scan.at;
    return read_label(row, "subset", 0, ZOO_STORE_TAG_MAX, &row->subset);
}

static int read_reward_model(zoo_row *row)
{
    const char *at = row->scan.at;
    char text[ZOO_NAME_MAX + 1] = "";
    int rc = read_label(row, "reward_model", 1, ZOO_NAME_MAX, &row->reward_model);

    if (rc)
        return rc;
    memcpy(text, row->reward_model.text, row->reward_model.size);
    if (!zoo_name_is_valid(text))
        return zoo_scan_fail(&row->scan, at, "'reward_model' should be 1 to %d characters of A-Z a-z 0-9 . _ : / -", ZOO_NAME_MAX);
    return ZOO_OK;
}

static int read_query(zoo_row *row)
{
    row->at_query = row->scan.at;
    if (*row->scan.at != '"')
        return zoo_scan_fail(&row->scan, row->scan.at, "'query' should be a string, is %s", zoo_scan_kind(row->scan.at));
    return zoo_scan_string(&row->scan, &row->query);
}

/* At '[' or '{', else an error: 'name' should be `what`. */
static int open_field(zoo_row *row, const char *name, char open, char close, const char *what)
{
    if (*row->scan.at != open)
        return zoo_scan_fail(&row->scan, row->scan.at, "'%s' should be %s, is %s", name, what, zoo_scan_kind(row->scan.at));
    return zoo_scan_open(&row->scan, open, close);
}

zoo_row_tag zoo_row_split_tag(zoo_span text)
{
    const char *colon = text.size ? memchr(text.text, ':', text.size) : NULL;
    size_t kind = colon ? (size_t)(colon - text.text) : 0;

    if (!kind)
        return (zoo_row_tag){ { "tag", 3 }, text };
    return (zoo_row_tag){ { text.text, kind }, { colon + 1, text.size - kind - 1 } };
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

static int read_tags(zoo_row *row)
{
    zoo_scan *s = &row->scan;
    int more, rc;

    row->has_tags = 1;
    for (more = open_field(row, "tags", '[', ']', "an array of strings"); more == 1; more = zoo_scan_more(s, ']')) {
        const char *at = s->at;
        zoo_span text;
        if (row->tag_count == ZOO_ROW_TAGS_MAX)
            return zoo_scan_fail(s, at, "more than %d tags", ZOO_ROW_TAGS_MAX);
        if (*at != '"')
            return zoo_scan_fail(s, at, "'tags' should hold strings, not %s", zoo_scan_kind(at));
        rc = read_label(row, "tags", 1, ZOO_STORE_TAG_MAX, &text);
        if (rc)
            return rc;
        if (make_room(&row->tags, row->tag_count, &row->tag_capacity, sizeof *row->tags))
            return zoo_fail_nomem(s->err);
        row->tags[row->tag_count] = zoo_row_split_tag(text);
        if (row->tags[row->tag_count].kind.size > ZOO_STORE_KIND_MAX)
            return zoo_scan_fail(s, at, "the kind of a tag (before ':') has more than %d bytes", ZOO_STORE_KIND_MAX);
        row->tag_count += is_new_tag(row);
    }
    return more;
}

/* last_reward and last_response grow with the experts. */
static int grow_last(zoo_row *row)
{
    size_t n = row->last_capacity ? row->last_capacity * 2 : 64, old = row->last_capacity;
    struct zoo_row_last *last;

    last = realloc(row->last_reward, n * sizeof *last);
    if (!last)
        return zoo_fail_nomem(row->scan.err);
    row->last_reward = last;
    memset(last + old, 0, (n - old) * sizeof *last);
    last = realloc(row->last_response, n * sizeof *last);
    if (!last)
        return zoo_fail_nomem(row->scan.err);
    row->last_response = last;
    memset(last + old, 0, (n - old) * sizeof *last);
    row->last_capacity = n;
    return ZOO_OK;
}

static int add_expert(zoo_row *row, zoo_span name, const char *at, uint32_t *number)
{
    zoo_scan *s = &row->scan;
    char text[ZOO_NAME_MAX + 1] = "";
    int rc;

    if (name.size <= ZOO_NAME_MAX)
        memcpy(text, name.text, name.size);
    if (!zoo_name_is_valid(text))
        return zoo_scan_fail(s, at, "expert name '%.*s' should be 1 to %d characters of A-Z a-z 0-9 . _ : / -",
                             (int)(name.size > 140 ? 140 : name.size), name.text, ZOO_NAME_MAX);
    if (row->experts.count == row->last_capacity && grow_last(row))
        return ZOO_ENOMEM;
    rc = zoo_names_add(&row->experts, name.text, name.size, number);
    if (rc == ZOO_EUSAGE)
        return zoo_scan_fail(s, at, "more than %zu experts in this file", row->experts.limit);
    return rc ? zoo_fail_nomem(s->err) : ZOO_OK;
}

/* The key of a member of rewards or responses. `guess` is the expert that stood here in the row before: nearly always right. */
static int read_expert(zoo_row *row, uint32_t guess, uint32_t *number)
{
    zoo_scan *s = &row->scan;
    const char *at = s->at;
    zoo_span name;
    int rc = zoo_scan_key(s, &name);

    if (rc)
        return rc;
    if (guess < row->experts.count && row->experts.items[guess].size == name.size &&
        !memcmp(row->experts.items[guess].text, name.text, name.size)) {
        *number = guess;
        return ZOO_OK;
    }
    if (zoo_names_find(&row->experts, name.text, name.size, number))
        return ZOO_OK;
    return add_expert(row, name, at, number);
}

static int note_expert(zoo_row *row, struct zoo_row_last *last, uint32_t expert, size_t index, const char *field, const char *at)
{
    if (last[expert].row == row->count)
        return zoo_scan_fail(&row->scan, at, "'%s' names %s twice", field, row->experts.items[expert].text);
    last[expert] = (struct zoo_row_last){ row->count, index };
    return ZOO_OK;
}

size_t zoo_row_find_reward(const zoo_row *row, uint32_t number)
{
    return row->last_reward[number].row == row->count ? row->last_reward[number].at : SIZE_MAX;
}

size_t zoo_row_find_response(const zoo_row *row, uint32_t number)
{
    return row->last_response[number].row == row->count ? row->last_response[number].at : SIZE_MAX;
}

static int read_reward(zoo_row *row, zoo_row_reward *out, uint32_t guess)
{
    zoo_scan *s = &row->scan;
    int rc;

    out->at = s->at;
    rc = read_expert(row, guess, &out->expert);
    if (rc || (rc = note_expert(row, row->last_reward, out->expert, row->reward_count, "rewards", out->at)))
        return rc;
    if (*s->at == '"' || *s->at == '{' || *s->at == '[' || *s->at == 't' || *s->at == 'f' || *s->at == 'n')
        return zoo_scan_fail(s, s->at, "the reward of %s should be a number, is %s; leave it out where there is none",
                             row->experts.items[out->expert].text, zoo_scan_kind(s->at));
    return zoo_scan_number(s, &out->value);
}

static int read_rewards(zoo_row *row)
{
    int more, rc;

    row->has_rewards = 1;
    for (more = open_field(row, "rewards", '{', '}', "an object of numbers"); more == 1; more = zoo_scan_more(&row->scan, '}')) {
        size_t i = row->reward_count;
        if (make_room(&row->rewards, i, &row->reward_capacity, sizeof *row->rewards))
            return zoo_fail_nomem(row->scan.err);
        rc = read_reward(row, &row->rewards[i], row->rewards[i].expert);
        if (rc)
            return rc;
        row->reward_count++;
    }
    return more;
}

static int read_response(zoo_row *row, zoo_row_response *out)
{
    zoo_scan *s = &row->scan;
    int rc;

    out->at = s->at;
    rc = read_expert(row, UINT32_MAX, &out->expert);
    if (rc || (rc = note_expert(row, row->last_response, out->expert, row->response_count, "responses", out->at)))
        return rc;
    if (*s->at != '"')
        return zoo_scan_fail(s, s->at, "the response of %s should be a string, is %s", row->experts.items[out->expert].text,
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
    for (more = open_field(row, "responses", '{', '}', "an object of strings"); more == 1; more = zoo_scan_more(&row->scan, '}')) {
        if (make_room(&row->responses, row->response_count, &row->response_capacity, sizeof *row->responses))
            return zoo_fail_nomem(row->scan.err);
        rc = read_response(row, &row->responses[row->response_count]);
        if (rc)
            return rc;
        row->response_count++;
    }
    return more;
}

static int read_other(zoo_row *row, zoo_span key, const char *at)
{
    zoo_scan *s = &row->scan;
    zoo_row_field *field;
    int rc;

    for (size_t i = 0; i < row->field_count; i++)
        if (zoo_span_equal(row->fields[i].key, key))
            return zoo_scan_fail(s, at, "the field '%.*s' comes twice", (int)(key.size > 100 ? 100 : key.size), key.text);
    if (row->field_count == ZOO_ROW_FIELDS_MAX)
        return zoo_scan_fail(s, at, "more than %d fields of its own", ZOO_ROW_FIELDS_MAX);
    if (make_room(&row->fields, row->field_count, &row->field_capacity, sizeof *row->fields))
        return zoo_fail_nomem(s->err);
    field = &row->fields[row->field_count++];
    field->key = key;
    s->is_doubtful = 0;
    rc = zoo_scan_skip(s, &field->raw);
    field->is_doubtful = s->is_doubtful;
    return rc;
}

/* ---- the row ---- */

static const struct known {
    const char *name;
    size_t size;
    int (*read)(zoo_row *row);
} known[] = {
#define FIELD(name) { #name, sizeof #name - 1, read_##name }
    FIELD(id), FIELD(query), FIELD(rewards), FIELD(tags), FIELD(dataset), FIELD(subset), FIELD(split), FIELD(responses),
    FIELD(reward_model)
#undef FIELD
};
enum { KNOWN = sizeof known / sizeof *known };

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
            return known[i].read(row);
        }
    return read_other(row, key, at);
}

static void clear(zoo_row *row)
{
    row->id = row->query = row->dataset = row->subset = row->split = row->reward_model = (zoo_span){ NULL, 0 };
    row->at_query = row->at_split = row->at_dataset = row->at_subset = NULL;
    row->has_tags = row->has_rewards = row->has_responses = 0;
    row->tag_count = row->reward_count = row->response_count = row->field_count = 0;
    row->count++;
}

static int check_fields(zoo_row *row)
{
    zoo_scan *s = &row->scan;

    if (!row->id.text)
        return zoo_scan_fail(s, s->line, "'id' is missing");
    if (row->query.text && !row->has_rewards)
        return zoo_scan_fail(s, s->line, "'rewards' is missing; {} is fine for a query alone");
    if (!row->query.text && !row->has_rewards && !row->has_responses)
        return zoo_scan_fail(s, s->line, "'query' is missing");
    return ZOO_OK;
}

/* The tag "subset:x" beside the field "subset": "x" says the same. */
static void drop_repeated_tags(zoo_row *row)
{
    size_t kept = 0;

    for (size_t i = 0; i < row->tag_count; i++) {
        const zoo_row_tag *t = &row->tags[i];
        if (!(zoo_span_equal(t->kind, (zoo_span){ "dataset", 7 }) && row->dataset.text && zoo_span_equal(t->value, row->dataset)) &&
            !(zoo_span_equal(t->kind, (zoo_span){ "subset", 6 }) && row->subset.text && zoo_span_equal(t->value, row->subset)))
            row->tags[kept++] = *t;
    }
    row->tag_count = kept;
}

/* Values that only pass through are read again by the JSON parser of those who use them: what it refuses is refused here. */
static int check_doubtful(zoo_row *row)
{
    zoo_scan *s = &row->scan;

    for (size_t i = 0; i < row->field_count; i++) {
        const zoo_row_field *f = &row->fields[i];
        char place[120];
        json_t *value;
        zoo_err why;
        if (!f->is_doubtful)
            continue;
        snprintf(place, sizeof place, "'%.*s'", (int)(f->key.size > 100 ? 100 : f->key.size), f->key.text);
        value = zoo_json_parse(f->raw.text, f->raw.size, place, &why);
        if (!value)
            return why.code == ZOO_ENOMEM ? zoo_fail_nomem(s->err) : zoo_scan_fail(s, f->raw.text, "in %s", why.message);
        json_decref(value);
    }
    return ZOO_OK;
}

int zoo_row_read(zoo_row *row, const char *line, size_t size, const char *file, size_t number, zoo_err *err)
{
    zoo_scan *s = &row->scan;
    unsigned seen = 0;
    int more, rc = zoo_scan_begin(s, line, size, file, number, err);

    if (rc)
        return rc;
    clear(row);
    zoo_scan_space(s);
    if (*s->at == '[' || *s->at == '"')
        return zoo_scan_fail(s, s->at, "a row should be an object, is %s", zoo_scan_kind(s->at));
    for (more = zoo_scan_open(s, '{', '}'); more == 1; more = zoo_scan_more(s, '}')) {
        rc = read_field(row, &seen);
        if (rc)
            return rc;
    }
    if (more)
        return more;
    zoo_scan_space(s);
    if (s->at < s->end)
        return zoo_scan_fail(s, s->at, "not JSON: something stands behind the row's '}'");
    drop_repeated_tags(row);
    rc = check_fields(row);
    return rc ? rc : check_doubtful(row);
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
