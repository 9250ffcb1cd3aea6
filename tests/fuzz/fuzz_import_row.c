/* The row reader against the JSON parser: what it takes is JSON and was read the same; what it refuses it refuses with a place. */
#include "fuzz.h"
#include <math.h>
#include "base/json.h"
#include "store/row.h"

/* As zoo_json_parse(), but whole numbers are reals, as rewards are: 2^64 is a fine reward. */
static json_t *parse(const char *text, size_t size)
{
    return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
}

static int is_text(const json_t *value, zoo_span span)
{
    return json_is_string(value) && json_string_length(value) == span.size && !memcmp(json_string_value(value), span.text, span.size);
}

static void check_field(const json_t *object, const char *key, zoo_span span)
{
    const json_t *value = json_object_get(object, key);

    MUST(!span.text == !value);
    MUST(!value || is_text(value, span));
}

static void check_rewards(const json_t *object, const zoo_row *row)
{
    const json_t *rewards = json_object_get(object, "rewards");

    MUST(!row->has_rewards == !rewards);
    MUST(json_object_size(rewards) == row->reward_count);
    for (size_t i = 0; i < row->reward_count; i++) {
        const zoo_row_reward *r = &row->rewards[i];
        const json_t *value = json_object_get(rewards, row->experts.items[r->expert].text);
        MUST(json_is_number(value) && isfinite(r->value) && json_number_value(value) == r->value);
        MUST(zoo_row_find_reward(row, r->expert) == i);
    }
}

static void check_others(const json_t *object, const zoo_row *row)
{
    zoo_buf text = ZOO_BUF_INIT(64 << 20);
    json_t *fields, *value;
    const char *key;

    MUST(zoo_row_fields(row, &text) == ZOO_OK);
    fields = zoo_json_parse(text.data, text.size, "fields", NULL);       /* what those who use the fields will do */
    MUST(fields);
    json_decref(fields);
    fields = parse(text.data, text.size);
    MUST(fields && json_object_size(fields) == row->field_count);
    json_object_foreach(fields, key, value)
        MUST(json_equal(value, json_object_get(object, key)));
    json_decref(fields);
    zoo_buf_release(&text);
}

static void check(const zoo_row *row, const char *line, size_t size)
{
    json_t *object = parse(line, size);

    MUST(json_is_object(object));
    check_field(object, "id", row->id);
    check_field(object, "query", row->query);
    check_field(object, "dataset", row->dataset);
    check_field(object, "subset", row->subset);
    check_field(object, "split", row->split);
    check_rewards(object, row);
    MUST(json_object_size(json_object_get(object, "responses")) == row->response_count);
    MUST(row->tag_count <= json_array_size(json_object_get(object, "tags")));
    check_others(object, row);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_row row;
    char *line = malloc(size + 1);

    MUST(line);
    if (size)
        memcpy(line, data, size);
    line[size] = '\0';
    zoo_row_init(&row);
    for (int i = 0; i < 2; i++) {            /* a second row finds the first one's memory */
        zoo_err err = { 0 };
        int rc = zoo_row_read(&row, line, size, "input", 7, &err);
        MUST(rc == err.code);
        if (rc)
            MUST(!strncmp(err.message, "input:7, column ", 16));
        else
            check(&row, line, size);
    }
    zoo_row_release(&row);
    free(line);
    return 0;
}
