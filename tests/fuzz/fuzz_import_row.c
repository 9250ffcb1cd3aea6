/* The row reader against the JSON parser: what it takes is JSON and was read the same;
 * what it refuses it refuses with a place. */
#include "fuzz.h"
#include <math.h>
#include "base/json.h"
#include "store/row.h"

/* As zoo_json_parse(), but whole numbers are reals, as rewards are: 2^64 is a fine reward; and experts may say NUL. */
static json_t *parse(const char *text, size_t size)
{
    return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
                      NULL);
}

/* The member; NULL where it is missing or null. */
static const json_t *get(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_null(value) ? NULL : value;
}

static int is_text(const json_t *value, zoo_span span)
{
    return json_is_string(value) && json_string_length(value) == span.size &&
           !memcmp(json_string_value(value), span.text, span.size);
}

static void check_text(const json_t *value, zoo_span span)
{
    MUST(!span.text == !value);
    MUST(!value || is_text(value, span));
}

/* NaN or -1: not given. */
static void check_number(const json_t *value, double number)
{
    if (value)
        MUST(json_is_number(value) && isfinite(number) && json_number_value(value) == number);
    else
        MUST(isnan(number) || number == -1);
}

static void check_id(const json_t *object, const char *line, size_t size, zoo_span id)
{
    const json_t *value = get(object, "id");
    zoo_buf scratch = { 0 };
    zoo_span seen;

    if (json_is_real(value))
        MUST(strspn(id.text, "-0123456789") == id.size && strtod(id.text, NULL) == json_real_value(value));
    else
        MUST(is_text(value, id));
    MUST(zoo_row_peek_id(line, size, &seen, &scratch) == 1 && zoo_span_equal(seen, id));
    zoo_buf_release(&scratch);
}

/* ---- rows about queries ---- */

/* The query of a row without one, as the JSON parser sees it. */
static const json_t *find_query(const json_t *object)
{
    const json_t *messages = json_object_get(object, "messages"), *content = NULL,
                             *turns = json_object_get(object, "turns");

    for (size_t i = 0; !content && i < json_array_size(messages) && json_is_object(json_array_get(messages, i)); i++) {
        const json_t *m = json_array_get(messages, i), *role = json_object_get(m, "role");
        if (is_text(role, (zoo_span){ "user", 4 })) {
            content = json_object_get(m, "content");
            break;
        }
    }
    if (!content)
        content = json_array_get(turns, 0);
    return json_is_string(content) ? content : NULL;
}

static void check_query(const json_t *object, const char *line, const zoo_row *row)
{
    const json_t *query = json_object_get(object, "query");

    if (!query && !get(object, "rewards"))
        MUST(!row->query.text);
    else if (query)
        check_text(query, row->query);
    else if (!strstr(line, "\\u") || !row->query.text == !find_query(object))        /* "\u0075ser" is no role to us */
        check_text(find_query(object), row->query);
}

static size_t count_values(const json_t *object)
{
    size_t n = 0;
    const char *key;
    const json_t *value;

    json_object_foreach((json_t *)object, key, value)
        n += !json_is_null(value);
    return n;
}

static const char *name_of(const zoo_row *row, uint32_t expert)
{
    return row->experts.items[expert].text;
}

static void check_rewards(const json_t *rewards, const zoo_row *row)
{
    MUST(!row->has_rewards == !rewards && count_values(rewards) == row->reward_count);
    for (size_t i = 0; i < row->reward_count; i++) {
        const zoo_row_reward *r = &row->rewards[i];
        MUST(get(rewards, name_of(row, r->expert)));
        check_number(get(rewards, name_of(row, r->expert)), r->value);
        MUST(zoo_row_find_reward(row, r->expert) == i);
    }
}

static void check_responses(const json_t *responses, const zoo_row *row)
{
    MUST(!row->has_responses == !responses && count_values(responses) == row->response_count);
    for (size_t i = 0; i < row->response_count; i++) {
        MUST(is_text(get(responses, name_of(row, row->responses[i].expert)), row->responses[i].text));
        MUST(zoo_row_find_response(row, row->responses[i].expert) == i);
    }
}

/* An object of numbers and nulls, with is_inner of those by the names of tokens. */
static int is_of_numbers(const json_t *object, int takes_objects, int is_inner)
{
    const char *key;
    const json_t *value;

    json_object_foreach((json_t *)object, key, value) {
        if (is_inner && strcmp(key, "in") && strcmp(key, "out") && strcmp(key, "reasoning") && strcmp(key, "cached"))
            return 0;
        if (!json_is_number(value) && !json_is_null(value) && !(takes_objects && is_of_numbers(value, 0, 1)))
            return 0;
    }
    return json_is_object(object);
}

static void check_costs(const json_t *costs, const zoo_row *row)
{
    MUST(!row->has_costs == !is_of_numbers(costs, 0, 0));
    MUST(!row->has_costs || count_values(costs) == row->cost_count);
    for (size_t i = 0; row->has_costs && i < row->cost_count; i++) {
        const zoo_row_cost *c = &row->costs[i];
        MUST(get(costs, name_of(row, c->expert)) && c->value >= 0);
        check_number(get(costs, name_of(row, c->expert)), c->value);
        MUST(zoo_row_find_cost(row, c->expert) == i);
    }
}

static void check_counts(const json_t *value, int64_t in, int64_t out, int64_t reasoning, int64_t cached)
{
    check_number(get(value, "in"), (double)in);
    check_number(get(value, "out"), (double)out);
    check_number(get(value, "reasoning"), (double)reasoning);
    check_number(get(value, "cached"), (double)cached);
}

static void check_tokens(const json_t *tokens, const zoo_row *row)
{
    MUST(!row->has_tokens == !is_of_numbers(tokens, 1, 0));
    MUST(!row->has_tokens || count_values(tokens) >= row->tokens_count);
    for (size_t i = 0; row->has_tokens && i < row->tokens_count; i++) {
        const zoo_row_tokens *t = &row->tokens[i];
        const json_t *value = get(tokens, name_of(row, t->expert));
        if (json_is_number(value))
            check_number(value, (double)t->out);
        else
            check_counts(value, t->in, t->out, t->reasoning, t->cached);
        MUST(value && zoo_row_find_tokens(row, t->expert) == i);
    }
}

static size_t count_others(const json_t *object, const zoo_row *row)
{
    static const char *const known[] = { "id", "query", "rewards", "tags", "dataset", "subset", "split", "responses",
                                         "reward_model" };
    size_t n = json_object_size(object);

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        n -= json_object_get(object, known[i]) != NULL;
    n -= json_object_get(object, "costs") && (row->has_costs || !get(object, "costs"));
    return n - (json_object_get(object, "tokens") && (row->has_tokens || !get(object, "tokens")));
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
    MUST(fields && json_object_size(fields) == row->field_count && row->field_count == count_others(object, row));
    json_object_foreach(fields, key, value)
        MUST(json_equal(value, json_object_get(object, key)));
    json_decref(fields);
    zoo_buf_release(&text);
}

static void check_query_row(const json_t *object, const char *line, const zoo_row *row)
{
    check_query(object, line, row);
    check_text(get(object, "dataset"), row->dataset);
    check_text(get(object, "subset"), row->subset);
    check_text(get(object, "split"), row->split);
    check_text(get(object, "reward_model"), row->reward_model);
    check_rewards(get(object, "rewards"), row);
    check_responses(get(object, "responses"), row);
    check_costs(get(object, "costs"), row);
    check_tokens(get(object, "tokens"), row);
    MUST(row->tag_count <= json_array_size(get(object, "tags")));
    check_others(object, row);
}

/* ---- answers and judgements ---- */

static void check_settings(const json_t *value, zoo_span text)
{
    json_t *settings = text.text ? parse(text.text, text.size) : NULL;

    MUST(!value == !settings && (!value || json_equal(value, settings)));
    json_decref(settings);
}

static void check_count(const json_t *value, int64_t number)
{
    MUST(value ? json_number_value(value) == (double)number : number == 1);
}

static void check_failed(const json_t *failed, const zoo_row_answer *a)
{
    MUST(!failed == !a->has_failed);
    check_count(get(failed, "times"), a->failed_times);
    check_text(get(failed, "cause"), a->failed_cause);
    MUST(json_is_true(get(failed, "final")) == a->failed_final);
    check_number(get(failed, "cost"), a->failed_cost);
    check_text(get(failed, "last"), a->failed_last);
}

static void check_answer(const json_t *object, const zoo_row *row)
{
    const zoo_row_answer *a = &row->answer;
    const json_t *tokens = get(object, "tokens"), *scores = get(object, "scores");

    MUST(!strcmp(json_string_value(get(object, "expert")), name_of(row, a->expert)));
    check_count(get(object, "sample"), a->sample);
    check_count(get(object, "turn"), a->turn);
    check_settings(get(object, "settings"), a->settings);
    check_text(get(object, "text"), a->text);
    check_text(get(object, "reasoning"), a->reasoning);
    check_text(get(object, "finish_reason"), a->finish_reason);
    check_text(get(object, "asked"), a->asked);
    check_counts(tokens, a->tokens_in, a->tokens_out, a->tokens_reasoning, a->tokens_cached);
    check_number(get(object, "cost"), a->cost);
    check_number(get(object, "first_token_seconds"), a->first_seconds);
    check_number(get(object, "seconds"), a->seconds);
    MUST(count_values(scores) == a->score_count);
    for (size_t i = 0; i < a->score_count; i++)
        check_number(json_object_getn(scores, a->scores[i].reward_model.text, a->scores[i].reward_model.size),
                     a->scores[i].value);
    check_failed(get(object, "failed"), a);
}

static void check_side(const json_t *side, const zoo_row *row, uint32_t expert, int64_t sample)
{
    MUST(!strcmp(json_string_value(get(side, "expert")), name_of(row, expert)));
    check_count(get(side, "sample"), sample);
}

static void check_judgement(const json_t *object, const zoo_row *row)
{
    const zoo_row_judgement *j = &row->judgement;
    const json_t *shown = get(object, "shown");

    check_text(get(object, "reward_model"), row->reward_model);
    check_side(get(object, "a"), row, j->expert_a, j->sample_a);
    check_side(get(object, "b"), row, j->expert_b, j->sample_b);
    check_count(get(object, "turn"), j->turn);
    MUST(j->shown_ba == (shown && !strcmp(json_string_value(shown), "ba")));
    MUST(*json_string_value(get(object, "verdict")) == j->verdict);
    check_number(get(object, "probability"), j->probability);
    check_text(get(object, "text"), j->text);
}

/* ---- all ---- */

static enum zoo_row_kind kind_of(const json_t *object)
{
    if (json_object_get(object, "query") || json_object_get(object, "rewards") ||
        json_object_get(object, "responses") || json_object_get(object, "messages") || json_object_get(object, "turns"))
        return ZOO_ROW_QUERY;
    if (json_object_get(object, "a") && json_object_get(object, "b") && json_object_get(object, "verdict"))
        return ZOO_ROW_JUDGEMENT;
    return json_is_string(json_object_get(object, "expert")) ? ZOO_ROW_ANSWER : ZOO_ROW_QUERY;
}

/* The line with its halves of pairs mended is a line that the JSON parser takes; nothing else in it has changed. */
static char *mend(const zoo_row *row, const char *line, size_t size)
{
    char *mended = malloc(size + 1);
    size_t changed = 0;

    MUST(mended);
    memcpy(mended, line, size + 1);
    MUST(zoo_scan_mend(mended, size) == row->mended);
    for (size_t i = 0; i < size; i++)
        if (mended[i] != line[i]) {
            MUST(i >= 2 && !memcmp(mended + i - 2, "\\ufffd", 6));
            changed++;
            i += 3;
        }
    MUST(changed == row->mended);
    return mended;
}

/* A whole number as id may be too large for the JSON parser. */
static int is_huge(const zoo_row *row)
{
    return row->id.size > 300 && strspn(row->id.text, "-0123456789") >= row->id.size;
}

static void check(const zoo_row *row, const char *line, size_t size)
{
    char *mended = mend(row, line, size);
    json_t *object = parse(mended, size);

    MUST(json_is_object(object) || is_huge(row));
    if (object) {
        MUST(row->kind == kind_of(object));
        check_id(object, line, size, row->id);
        if (row->kind == ZOO_ROW_QUERY)
            check_query_row(object, mended, row);
        else if (row->kind == ZOO_ROW_ANSWER)
            check_answer(object, row);
        else
            check_judgement(object, row);
    }
    json_decref(object);
    free(mended);
}

/* Whatever the line is, looking for its id ends. */
static void peek(const char *line, size_t size)
{
    zoo_buf scratch = { 0 };
    zoo_span id;

    if (zoo_row_peek_id(line, size, &id, &scratch))
        MUST(id.size && id.size <= 1024);
    zoo_buf_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_row row;
    char *line = malloc(size + 1);

    MUST(line);
    if (size)
        memcpy(line, data, size);
    line[size] = '\0';
    peek(line, size);
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
