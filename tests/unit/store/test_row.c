#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "store/row.h"

static zoo_err err;

static int read_row(zoo_row *row, const char *line)
{
    memset(&err, 0, sizeof err);
    return zoo_row_read(row, line, strlen(line), "f.jsonl", 3, &err);
}

static void refuse(const char *line, const char *sentence)
{
    zoo_row row;

    zoo_row_init(&row);
    assert_int_equal(read_row(&row, line), ZOO_EFORMAT);
    zoo_row_release(&row);
    if (strcmp(err.message, sentence))
        fail_msg("%s\n  says      %s\n  should be %s", line, err.message, sentence);
}

static void equal(zoo_span span, const char *text)
{
    assert_non_null(span.text);
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.text, text, span.size);
}

static void every_field_is_read(void **state)
{
    zoo_row row;
    zoo_buf extra = ZOO_BUF_INIT(1000);

    (void)state;
    zoo_row_init(&row);
    for (int i = 0; i < 2; i++) {                    /* the second row finds the first one's memory */
        if (read_row(&row, "{\"\\u0069d\": \"a\", \"query\" : \"1\\n\\u00e9\\ud83d\\ude00\", "
                           "\"subset\":\"s\",\"tags\": [\"k:v:w\", \"plain\", "
                     "\":x\", \"k:v:w\", \"subset:s\"], \"rewards\": {\"org/m\": -1.5e1, \"n\": 0.1}, \"x\": {\"y\": "
                     "[1, 2.50]}, \"split\": \"dev\", \"responses\": {\"n\": \"yes\"}, \"n\":null} \r"))
            fail_msg("%s", err.message);
        equal(row.id, "a");
        equal(row.query, "1\n\xc3\xa9\xf0\x9f\x98\x80");
        equal(row.subset, "s");
        equal(row.split, "dev");
        assert_null(row.dataset.text);
        assert_int_equal(row.tag_count, 3);          /* one that comes twice counts once; so does the field's */
        equal(row.tags[0].kind, "k");
        equal(row.tags[0].value, "v:w");
        equal(row.tags[1].kind, "tag");
        equal(row.tags[1].value, "plain");
        equal(row.tags[2].value, ":x");
        assert_int_equal(row.reward_count, 2);
        assert_true(row.rewards[0].value == -15 && row.rewards[1].value == 0.1);
        assert_string_equal(row.experts.items[row.rewards[1].expert].text, "n");
        assert_int_equal(row.responses[0].expert, row.rewards[1].expert);
        zoo_buf_clear(&extra);
        assert_int_equal(zoo_row_fields(&row, &extra), ZOO_OK);
        assert_string_equal(extra.data, "{\"x\": {\"y\": [1, 2.50]}, \"n\": null}");
    }
    zoo_buf_release(&extra);
    zoo_row_release(&row);
}

#define ADDS "; without it a line adds 'rewards', 'responses', 'costs' or 'tokens' to a stored query," \
    " or is an answer ('expert') or a judgement ('a', 'b', 'verdict')"
#define START "{\"id\": \"a\", \"query\": \"q\", \"rewards\": {"
static void what_breaks_a_rule_is_refused_with_its_place(void **state)
{
    (void)state;
    refuse("{\"id\": \"x\", \"expert\": \"m\", \"rewards\": {\"judge\": 1}}",
           "f.jsonl:3, column 23: a line about one expert gives its rewards as 'scores', by reward model; 'rewards' "
           "are of one reward model, by expert");
    refuse("{\"id\": \"a\", \"query\": \"q\"}",
           "f.jsonl:3, column 1: 'rewards' is missing; {} is fine for a query alone");
    refuse("{\"id\": \"a\"}", "f.jsonl:3, column 1: 'query' is missing" ADDS);
    refuse("{\"query\": \"q\", \"rewards\": {}}", "f.jsonl:3, column 1: 'id' is missing");
    refuse("{\"id\": \"\"}", "f.jsonl:3, column 8: 'id' is empty");
    refuse("{\"id\": 7.5}", "f.jsonl:3, column 8: 'id' should be a string or a whole number, is 7.5");
    refuse("{\"id\": 1e3}", "f.jsonl:3, column 8: 'id' should be a string or a whole number, is 1e3");
    refuse("{\"id\": 1E3}", "f.jsonl:3, column 8: 'id' should be a string or a whole number, is 1E3");
    refuse("{\"id\": true}", "f.jsonl:3, column 8: 'id' should be a string or a whole number, is a boolean");
    refuse("{\"id\": null}", "f.jsonl:3, column 8: 'id' should be a string or a whole number, is null");
    refuse("{\"id\": 017}", "f.jsonl:3, column 8: not JSON: a number with leading zeros");
    refuse("{\"query\": null}", "f.jsonl:3, column 11: 'query' should be a string, is null");
    refuse("{\"id\": 1, \"query\": \"q\", \"rewards\": null}",
           "f.jsonl:3, column 1: 'rewards' is missing; {} is fine for a query alone");
    refuse("{\"id\": 1, \"messages\": []}", "f.jsonl:3, column 1: 'rewards' is missing; {} is fine for a query alone");
    refuse("{\"id\": 1, \"costs\": {\"m\": -0.1}}", "f.jsonl:3, column 26: the cost of 'm' is negative");
    refuse("{\"id\": 1, \"costs\": {\"m\": 1, \"m\": null}}", "f.jsonl:3, column 29: 'costs' names m twice");
    refuse("{\"id\": 1, \"costs\": {\"m\": NaN}}",
           "f.jsonl:3, column 26: NaN and Infinity are not JSON; leave out what is not known");
    refuse("{\"id\": 1, \"costs\": {\"m\": 1e999}}", "f.jsonl:3, column 26: 1e999 is too large for a number");
    refuse("{\"id\": 1, \"tokens\": {\"m\": 1.5}}",
           "f.jsonl:3, column 27: 'tokens of m' should be a whole number, is 1.5");
    refuse("{\"id\": 1, \"tokens\": {\"m\": {\"in\": -1}}}",
           "f.jsonl:3, column 34: 'in' should be 0 to 9007199254740992, is -1");
    refuse("{\"id\": \"a\\tb\"}", "f.jsonl:3, column 8: 'id' contains a control character");
    refuse("{\"\xc3\xa9\": 1, \"split\": 7}", "f.jsonl:3, column 19: 'split' should be a string, is a number");
    refuse("{\"id\": \"a\", \"id\": \"a\"}", "f.jsonl:3, column 13: the field 'id' comes twice");
    refuse("{\"x\": 1, \"x\": 2}", "f.jsonl:3, column 10: the field 'x' comes twice");
    refuse("{\"x\": {\"a\": 1, \"a\": 2}, \"id\": \"a\", \"responses\": {}}",
           "f.jsonl:3, column 7: in 'x', column 12: not JSON: duplicate object key near '\"a\"'");
    refuse("{\"tags\": \"a\"}", "f.jsonl:3, column 10: 'tags' should be an array of strings, is a string");
    refuse("{\"tags\": [1]}", "f.jsonl:3, column 11: 'tags' should hold strings, not a number");
    refuse("{\"rewards\": []}", "f.jsonl:3, column 13: 'rewards' should be an object of numbers, is an array");
    refuse(START "\"m\": true}}",
           "f.jsonl:3, column 44: the reward of 'm' should be a number, is a boolean; leave it out where there is "
           "none");
    refuse(START "\"m\": null, \"m\": 1}}", "f.jsonl:3, column 50: 'rewards' names m twice");
    refuse(START "\"m\": nul}}", "f.jsonl:3, column 44: not JSON: expected a value, found 'n'");
    refuse(START "\"m\": NaN}}", "f.jsonl:3, column 44: NaN and Infinity are not JSON; leave out what is not known");
    refuse(START "\"m\": -Infinity}}",
           "f.jsonl:3, column 44: NaN and Infinity are not JSON; leave out what is not known");
    refuse(START "\"m\": 1e999}}", "f.jsonl:3, column 44: 1e999 is too large for a number");
    refuse(START "\"m\": 1, \"m\": 1}}", "f.jsonl:3, column 47: 'rewards' names m twice");
    refuse(START "\"m m\": 1}}",
           "f.jsonl:3, column 39: expert name 'm m' should be 1 to 128 characters of A-Z a-z 0-9 . _ : / @ + -");
    refuse(START "\"m\": 01}}", "f.jsonl:3, column 44: not JSON: a number with leading zeros");
    refuse(START "\"m\": 1.}}", "f.jsonl:3, column 44: not JSON: a number without digits behind its point");
    refuse("", "f.jsonl:3, column 1: not JSON: the line ends where '{' should be");
    refuse("[]", "f.jsonl:3, column 1: a row should be an object, is an array");
    refuse("{\"id\": \"a", "f.jsonl:3, column 8: not JSON: this string does not end");
    refuse("{\"id\": \"\xff\"}", "f.jsonl:3, column 9: not UTF-8: the byte 0xff");
    refuse("{\"query\": \"\\u0000\"}", "f.jsonl:3, column 12: a NUL character (\\u0000) cannot be stored");
    refuse("{\"query\": \"\\ud80\"}",
           "f.jsonl:3, column 12: not JSON: \\u should be followed by four hexadecimal digits");
    refuse("{\"query\": \"\\q\"}", "f.jsonl:3, column 12: not JSON: a backslash that begins no escape");
    refuse("{\"x\": tru}", "f.jsonl:3, column 7: not JSON: expected a value, found 't'");
    refuse("{\"x\": 1} {}", "f.jsonl:3, column 10: not JSON: something stands behind the row's '}'");
    refuse("\x01\x02", "f.jsonl:3, column 1: not JSON: expected '{', found the byte 0x01");
}

static void take(zoo_row *row, const char *line)
{
    if (read_row(row, line))
        fail_msg("%s\n  %s", line, err.message);
}

static void fields_are(const zoo_row *row, const char *json)
{
    zoo_buf out = ZOO_BUF_INIT(1000);

    assert_int_equal(zoo_row_fields(row, &out), ZOO_OK);
    assert_string_equal(out.data, json);
    zoo_buf_release(&out);
}

static uint32_t expert(const zoo_row *row, const char *name)
{
    uint32_t number = 0;

    assert_true(zoo_names_find(&row->experts, name, strlen(name), &number));
    return number;
}

static void null_is_as_if_it_were_not_there(void **state)
{
    zoo_row row;

    (void)state;
    zoo_row_init(&row);
    take(&row, "{\"id\": \"a\", \"query\": \"q\", \"rewards\": {\"x\": null, \"y\": 1, \"z\" : null}, \"tags\": [null, "
               "\"t\", null], \"split\": null, \"subset\": null, \"dataset\": null, \"reward_model\": null, "
               "\"responses\": {\"x\": null, \"y\": \"yes\"}, \"costs\": null, \"tokens\": null, \"own\": null}");
    assert_int_equal(row.reward_count, 1);
    assert_int_equal(row.rewards[0].expert, expert(&row, "y"));
    assert_int_equal(zoo_row_find_reward(&row, expert(&row, "y")), 0);
    assert_int_equal(zoo_row_find_reward(&row, expert(&row, "x")), SIZE_MAX);
    assert_int_equal(row.response_count, 1);
    assert_int_equal(zoo_row_find_response(&row, expert(&row, "x")), SIZE_MAX);
    assert_int_equal(row.tag_count, 1);
    assert_true(!row.split.text && !row.subset.text && !row.dataset.text && !row.reward_model.text);
    assert_true(!row.has_costs && !row.has_tokens);
    fields_are(&row, "{\"own\": null}");
    take(&row, "{\"id\": \"a\", \"query\": \"q\", \"rewards\": {}, \"tags\": null, \"responses\": null}");
    assert_true(!row.has_tags && !row.has_responses);
    zoo_row_release(&row);
}

static void whole_numbers_are_ids(void **state)
{
    static const char *const ids[] = { "17", "0", "-3", "123456789012345678901234567890" };
    zoo_row row;
    char line[200];

    (void)state;
    zoo_row_init(&row);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        snprintf(line, sizeof line, "{\"id\" : %s , \"rewards\": {}}", ids[i]);
        take(&row, line);
        equal(row.id, ids[i]);
    }
    zoo_row_release(&row);
}

/* Lines with what they are read as: `halves` of pairs in them, the query, and the other fields. */
static void halves_of_surrogate_pairs_are_mended_and_counted(void **state)
{
    static const struct { const char *line, *query, *fields; size_t halves; } rows[] = {
        { "\"query\": \"cut \\ud83d\"", "cut \xef\xbf\xbd", "{}", 1 },
        { "\"query\": \"\\ude00\\uD83D\\ud83d\\ude00\"", "\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80", "{}", 2 },
        { "\"query\": \"\\\\ud83d \\\\\\ud83d\"", "\\ud83d \\\xef\xbf\xbd", "{}", 1 },
        { "\"query\": \"\\ud83d\\\\ude00\\ud83dx\"", "\xef\xbf\xbd\\ude00\xef\xbf\xbdx", "{}", 2 },
        { "\"query\": \"\", \"own\": [\"\\ud83d\", {\"\\udc00\": \"\\\\ud800\"}]", "",
          "{\"own\": [\"\\ufffd\", {\"\\ufffd\": \"\\\\ud800\"}]}", 2 },
        { "\"messages\": [{\"role\": \"user\", \"content\": \"\\ud83d!\"}]", "\xef\xbf\xbd!",
          "{\"messages\": [{\"role\": \"user\", \"content\": \"\\ufffd!\"}]}", 1 },
        { "\"query\": \"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", "{}", 0 },
    };
    zoo_row row;
    char line[300];

    (void)state;
    zoo_row_init(&row);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(line, sizeof line, "{\"id\": \"a\", %s, \"rewards\": {\"m\": 1}}", rows[i].line);
        take(&row, line);
        assert_int_equal(row.mended, rows[i].halves);
        equal(row.query, rows[i].query);
        fields_are(&row, rows[i].fields);
        assert_int_equal(zoo_row_find_reward(&row, row.rewards[0].expert), 0);
    }
    zoo_row_release(&row);
    refuse("{\"id\": \"\\ud83d\", \"x\": {\"a\": 1, \"a\": 2}, \"rewards\": {}}",
           "f.jsonl:3, column 23: in 'x', column 12: not JSON: duplicate object key near '\"a\"'");
    refuse("{\"id\": \"\\ud83d\", \"rewards\": {\"\\ud83d\": 1}}",
           "f.jsonl:3, column 30: expert name '\xef\xbf\xbd' should be 1 to 128 characters of A-Z a-z 0-9 . _ : / @ "
           "+ -");
}

static void costs_and_tokens_are_numbers_of_experts(void **state)
{
    zoo_row row;

    (void)state;
    zoo_row_init(&row);
    take(&row, "{\"id\": \"a\", \"costs\": {\"m\": 0.25, \"x\": null, \"n\": 0}, \"tokens\": {\"n\": 120, \"x\": "
               "{\"in\": null}, \"m\": {\"in\": 7, \"cached\": 3.0, \"reasoning\": null}}}");
    assert_true(row.has_costs && row.has_tokens && !row.has_rewards);
    assert_int_equal(row.cost_count, 2);
    assert_true(row.costs[zoo_row_find_cost(&row, expert(&row, "m"))].value == 0.25);
    assert_true(row.costs[zoo_row_find_cost(&row, expert(&row, "n"))].value == 0);
    assert_int_equal(zoo_row_find_cost(&row, expert(&row, "x")), SIZE_MAX);
    assert_memory_equal(row.costs[1].at, "\"n\": 0}", 7);
    assert_int_equal(row.tokens_count, 2);
    const zoo_row_tokens *n = &row.tokens[zoo_row_find_tokens(&row, expert(&row, "n"))];
    assert_true(n->out == 120 && n->in == -1 && n->reasoning == -1 && n->cached == -1);
    const zoo_row_tokens *m = &row.tokens[zoo_row_find_tokens(&row, expert(&row, "m"))];
    assert_true(m->in == 7 && m->cached == 3 && m->out == -1 && m->reasoning == -1);
    assert_int_equal(zoo_row_find_tokens(&row, expert(&row, "x")), SIZE_MAX);
    fields_are(&row, "{}");
    zoo_row_release(&row);
}

static void other_costs_and_tokens_are_the_files_own(void **state)
{
    static const char *const values[] = { "0.5", "[1]", "\"free\"", "{\"m\": \"1\"}", "{\"m\": -1, \"n\": [2]}",
                                          "{\"m\": {\"in\": {\"a\": 1}}}",
                                          "{\"m\": {\"prompt\": 1}}", "{\"m\": true}" };
    zoo_row row;
    char line[200], json[100];

    (void)state;
    zoo_row_init(&row);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(line, sizeof line, "{\"id\": \"a\", \"costs\": %s, \"tokens\": %s, \"rewards\": {}}", values[i],
                 values[i]);
        snprintf(json, sizeof json, "{\"costs\": %s, \"tokens\": %s}", values[i], values[i]);
        take(&row, line);
        assert_true(!row.has_costs && !row.has_tokens);
        fields_are(&row, json);
    }
    zoo_row_release(&row);
}

static void a_conversation_asks_what_its_user_asks_first(void **state)
{
    static const struct { const char *field, *query; } rows[] = {
        { "\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"content\": \"a\\nb\", \"role\": \"user\", "
          "\"x\": {}}, {\"role\": \"user\", \"content\": \"c\"}]", "a\nb" },
        { "\"turns\": [\"one\", \"two\"]", "one" },
        { "\"turns\": [\"one\"], \"messages\": [{\"role\": \"user\", \"content\": \"said\"}]", "said" },
        { "\"messages\": [{\"role\": \"user\", \"content\": \"said\"}], \"query\": \"own\"", "own" },
        { "\"messages\": [{\"role\": \"user\", \"content\": [1]}, {\"role\": \"user\", \"content\": \"c\"}]", NULL },
        { "\"messages\": {\"role\": \"user\"}", NULL },
        { "\"messages\": []", NULL },
        { "\"turns\": [1]", NULL },
        { "\"turns\": \"one\"", NULL },
    };
    zoo_row row;
    char line[300];

    (void)state;
    zoo_row_init(&row);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(line, sizeof line, "{\"id\": \"\\u0041\", %s, \"rewards\": {\"\\u006d\": 1}}", rows[i].field);
        take(&row, line);
        assert_int_equal(row.kind, ZOO_ROW_QUERY);
        equal(row.id, "A");
        if (rows[i].query)
            equal(row.query, rows[i].query);
        else
            assert_null(row.query.text);
        assert_int_equal(row.field_count, i == 2 ? 2 : 1);
    }
    zoo_row_release(&row);
}

static void an_answer_is_read(void **state)
{
    zoo_row row;
    zoo_row_answer *a = &row.answer;

    (void)state;
    zoo_row_init(&row);
    take(&row, "{\"tokens\": {\"in\": 1, \"out\": 2, \"reasoning\": 3, \"cached\": 4}, \"text\": \"a\\u0000b\", "
               "\"reasoning\": \"\\ud83d\", \"id\": 7, "
         "\"expert\": \"m\", \"sample\": 2, \"turn\": 30000, \"settings\": {\"temperature\": 0.7}, \"finish_reason\": "
         "\"stop\", \"cost\": 0.5, \"first_token_seconds\": 0.25, \"seconds\": 2, "
         "\"asked\": \"2026-11-22T21:05:01.123Z\", \"scores\": {\"j\": -1.5, \"k\": null}, \"failed\": {\"times\": 3, "
         "\"cause\": \"HTTP 500\\n\", \"final\": true, \"cost\": 0.125, \"last\": \"2026-11-22T21:05:01+01:00\"}}");
    assert_int_equal(row.kind, ZOO_ROW_ANSWER);
    equal(row.id, "7");
    assert_int_equal(a->expert, expert(&row, "m"));
    assert_true(a->sample == 2 && a->turn == 30000);
    equal(a->settings, "{\"temperature\": 0.7}");
    assert_int_equal(a->text.size, 3);
    assert_memory_equal(a->text.text, "a\0b", 3);
    equal(a->reasoning, "\xef\xbf\xbd");
    assert_int_equal(row.mended, 1);
    equal(a->finish_reason, "stop");
    equal(a->asked, "2026-11-22T21:05:01.123Z");
    assert_true(a->tokens_in == 1 && a->tokens_out == 2 && a->tokens_reasoning == 3 && a->tokens_cached == 4);
    assert_true(a->cost == 0.5 && a->first_seconds == 0.25 && a->seconds == 2);
    assert_int_equal(a->score_count, 1);
    equal(a->scores[0].reward_model, "j");
    assert_true(a->scores[0].value == -1.5);
    assert_true(a->has_failed && a->failed_final && a->failed_times == 3 && a->failed_cost == 0.125);
    equal(a->failed_cause, "HTTP 500\n");
    equal(a->failed_last, "2026-11-22T21:05:01+01:00");
    assert_int_equal(row.experts.count, 1);          /* "in" is none */

    take(&row, "{\"id\": \"a\", \"expert\": \"m\", \"text\": null, \"failed\": null, \"cost\": null}");
    assert_true(a->sample == 1 && a->turn == 1 && !a->text.text && !a->settings.text && !a->has_failed &&
                !a->score_count);
    assert_true(a->tokens_in == -1 && a->tokens_cached == -1 && isnan(a->cost) && isnan(a->seconds) &&
                isnan(a->first_seconds));
    zoo_row_release(&row);
}

#define ANSWER "{\"id\": \"a\", \"expert\": \"m\", "
static void what_no_answer_may_say_is_refused(void **state)
{
    (void)state;
    refuse(ANSWER "\"note\": 1}",
           "f.jsonl:3, column 28: an answer has no field 'note'; it may have id, expert, sample, turn, settings, text, "
           "reasoning, finish_reason, tokens, cost, first_token_seconds, seconds, asked, scores, failed");
    refuse(ANSWER "\"tokens\": {\"total\": 1}}",
           "f.jsonl:3, column 39: tokens has no field 'total'; it may have in, out, reasoning, cached");
    refuse(ANSWER "\"sample\": 0}", "f.jsonl:3, column 38: 'sample' should be 1 to 30000, is 0");
    refuse(ANSWER "\"turn\": 30001}", "f.jsonl:3, column 36: 'turn' should be 1 to 30000, is 30001");
    refuse(ANSWER "\"turn\": 1.5}", "f.jsonl:3, column 36: 'turn' should be a whole number, is 1.5");
    refuse(ANSWER "\"turn\": \"1\"}", "f.jsonl:3, column 36: 'turn' should be a whole number, is a string");
    refuse(ANSWER "\"cost\": -1}", "f.jsonl:3, column 36: 'cost' should be at least 0, is -1");
    refuse(ANSWER "\"seconds\": NaN}",
           "f.jsonl:3, column 39: NaN and Infinity are not JSON; leave out what is not known");
    refuse(ANSWER "\"settings\": []}", "f.jsonl:3, column 40: 'settings' should be an object, is an array");
    refuse(ANSWER "\"settings\": {\"a\": 1, \"a\": 1}}",
           "f.jsonl:3, column 40: in 'settings', column 12: not JSON: duplicate object key near '\"a\"'");
    refuse(ANSWER "\"asked\": \"yesterday\"}",
           "f.jsonl:3, column 37: 'asked' should be a time like 2026-11-22T21:05:01Z, is 'yesterday'");
    refuse(ANSWER "\"asked\": \"2026-11-22T21:05:01.1+0100\"}",
           "f.jsonl:3, column 37: 'asked' should be a time like 2026-11-22T21:05:01Z, is '2026-11-22T21:05:01.1+0100'");
    refuse(ANSWER "\"scores\": {\"j\": 1, \"j\": 2}}", "f.jsonl:3, column 47: 'scores' names j twice");
    refuse(ANSWER "\"scores\": {\"j j\": 1}}",
           "f.jsonl:3, column 39: the name of a reward model should be 1 to 128 characters of A-Z a-z 0-9 . _ : / @ "
           "+ -");
    refuse(ANSWER "\"scores\": {\"j\": \"1\"}}",
           "f.jsonl:3, column 44: the score of j should be a number, is a string");
    refuse(ANSWER "\"failed\": {\"final\": 1}}", "f.jsonl:3, column 48: 'final' should be true or false, is a number");
    refuse(ANSWER "\"failed\": {\"cause\": \"\\u0000\"}}",
           "f.jsonl:3, column 49: a NUL character (\\u0000) cannot be stored");
    refuse(ANSWER "\"text\": \"\", \"text\": \"\"}", "f.jsonl:3, column 40: the field 'text' comes twice");
    refuse("{\"expert\": \"m\"}", "f.jsonl:3, column 1: 'id' is missing in an answer");
    refuse("{\"id\": null, \"expert\": \"m\"}",
           "f.jsonl:3, column 8: 'id' should be a string or a whole number, is null");
    refuse("{\"id\": 1, \"expert\": \"m m\"}",
           "f.jsonl:3, column 21: expert name 'm m' should be 1 to 128 characters of A-Z a-z 0-9 . _ : / @ + -");
    refuse(ANSWER "\"x\": 1, \"verdict\": \"a\"}",
           "f.jsonl:3, column 28: an answer has no field 'x'; it may have id, expert, sample, turn, settings, text, "
           "reasoning, finish_reason, tokens, cost, first_token_seconds, seconds, asked, scores, failed");
    refuse(ANSWER "\"turn\": 2} x", "f.jsonl:3, column 39: not JSON: something stands behind the row's '}'");
    refuse("{\"id\": \"a\", \"expert\": 1}", "f.jsonl:3, column 1: 'query' is missing" ADDS);
}

static void a_judgement_is_read(void **state)
{
    zoo_row row;
    const zoo_row_judgement *j = &row.judgement;

    (void)state;
    zoo_row_init(&row);
    take(&row, "{\"verdict\": \"tie\", \"a\": {\"expert\": \"m\", \"sample\": 3}, \"b\": {\"expert\": \"n\"}, \"id\": "
               "\"q\", \"reward_model\": \"judge\", "
         "\"shown\": \"ba\", \"turn\": 2, \"probability\": 0.5, \"text\": \"both\\u0000\"}");
    assert_int_equal(row.kind, ZOO_ROW_JUDGEMENT);
    equal(row.id, "q");
    equal(row.reward_model, "judge");
    assert_true(j->expert_a == expert(&row, "m") && j->expert_b == expert(&row, "n"));
    assert_true(j->sample_a == 3 && j->sample_b == 1 && j->turn == 2 && j->shown_ba && j->verdict == 't' &&
                j->probability == 0.5);
    assert_int_equal(j->text.size, 5);
    take(&row, "{\"verdict\": \"b\", \"a\": {\"expert\": \"m\"}, \"b\": {\"expert\": \"m\", \"sample\": 2}, \"id\": "
               "\"q\", \"reward_model\": \"j\"}");
    assert_true(j->sample_a == 1 && j->turn == 1 && !j->shown_ba && j->verdict == 'b' && isnan(j->probability) &&
                !j->text.text);
    zoo_row_release(&row);
}

#define JUDGEMENT "{\"id\": \"q\", \"reward_model\": \"j\", \"b\": {\"expert\": \"n\"}, "
static void what_no_judgement_may_say_is_refused(void **state)
{
    (void)state;
    refuse("{\"id\": \"q\", \"a\": {\"expert\": \"m\"}, \"b\": {\"expert\": \"n\"}, \"verdict\": \"a\"}",
           "f.jsonl:3, column 1: 'reward_model' is missing in a judgement");
    refuse(JUDGEMENT "\"a\": {\"expert\": \"m\"}, \"verdict\": \"c\"}",
           "f.jsonl:3, column 89: 'verdict' should be \"a\", \"b\" or \"tie\"");
    refuse(JUDGEMENT "\"a\": {\"expert\": \"m\"}, \"verdict\": 1}",
           "f.jsonl:3, column 89: 'verdict' should be \"a\", \"b\" or \"tie\", is a number");
    refuse(JUDGEMENT "\"a\": {\"sample\": 1}, \"verdict\": \"a\"}", "f.jsonl:3, column 61: 'expert' is missing in a");
    refuse(JUDGEMENT "\"a\": {\"expert\": \"m\"}, \"verdict\": \"a\", \"shown\": \"aa\"}",
           "f.jsonl:3, column 103: 'shown' should be \"ab\" or \"ba\"");
    refuse(JUDGEMENT "\"a\": {\"expert\": \"m\"}, \"verdict\": \"a\", \"probability\": 1.5}",
           "f.jsonl:3, column 109: 'probability' should be 0 to 1, is 1.5");
}

/* A field of queries decides, wherever it stands. */
static void the_fields_tell_what_a_line_is(void **state)
{
    static const char *const queries[] = {
        "{\"id\": 1, \"expert\": \"m\", \"rewards\": {}}",
            "{\"id\": 1, \"a\": 1, \"b\": 2, \"verdict\": \"a\", \"query\": \"\", \"rewards\": {}}",
        "{\"id\": 1, \"expert\": \"m\", \"responses\": {}}",
            "{\"id\": 1, \"expert\": \"m\", \"turns\": [], \"costs\": {}}",
        "{\"id\": 1, \"verdict\": \"a\", \"a\": 1, \"tokens\": {\"m\": 1}}"
    };
    zoo_row row;

    (void)state;
    zoo_row_init(&row);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        take(&row, queries[i]);
        assert_int_equal(row.kind, ZOO_ROW_QUERY);
    }
    zoo_row_release(&row);
}

static void an_id_is_seen_without_reading_the_row(void **state)
{
    static const struct { const char *line, *id; } lines[] = {
        { "{\"id\": \"a\", then nothing", "a" }, { "{\"id\": 17}", "17" },
            { " {\"\\u0069d\" : \"\\u0041\\ud83d\"", "A\xef\xbf\xbd" },
        { "{\"text\": \"\\u0000\", \"x\": [{\"id\": \"no\"}], \"id\": \"yes\"}", "yes" },
        { "{\"id\": 1.5}", NULL }, { "{\"id\": \"\"}", NULL }, { "{\"id\": \"a\\u0000\"}", NULL },
            { "{\"id\": null}", NULL }, { "{}", NULL },
        { "{\"x\": tru, \"id\": 1}", NULL }, { "[\"id\", 1]", NULL }, { "", NULL }, { "{\"id\": \"a", NULL },
            { "{\"id\": \"a\\tb\"}", NULL },
    };
    zoo_buf scratch = { 0 };
    zoo_span id;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(zoo_row_peek_id(lines[i].line, strlen(lines[i].line), &id, &scratch), lines[i].id != NULL);
        if (lines[i].id)
            equal(id, lines[i].id);
    }
    zoo_buf_release(&scratch);
}

static void nesting_has_an_end(void **state)
{
    char line[400] = "{\"x\": ";

    (void)state;
    memset(line + 6, '[', 200);
    refuse(line, "f.jsonl:3, column 71: nested more than 64 deep");
}

static void numbers_are_read_as_strtod_reads_them(void **state)
{
    static const char *const numbers[] = { "0", "-0", "1", "0.1", "-0.30000000000000004", "123456789012345678",
                                           "9007199254740993",
                                           "99999999999999999999", "1e-320", "4.9e-324", "1.7976931348623157e308",
                                           "0.5117503741736541",
                                           "3E+2", "1e0", "8.41e21", "9.5367431640625e-7", "0.000000000000000001" };
    zoo_scan scan = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double value;
        assert_int_equal(zoo_scan_begin(&scan, numbers[i], strlen(numbers[i]), "f", 1, &err), ZOO_OK);
        assert_int_equal(zoo_scan_number(&scan, &value), ZOO_OK);
        assert_true(value == strtod(numbers[i], NULL));
    }
    zoo_scan_release(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(what_breaks_a_rule_is_refused_with_its_place),
        cmocka_unit_test(null_is_as_if_it_were_not_there),
        cmocka_unit_test(whole_numbers_are_ids),
        cmocka_unit_test(halves_of_surrogate_pairs_are_mended_and_counted),
        cmocka_unit_test(costs_and_tokens_are_numbers_of_experts),
        cmocka_unit_test(other_costs_and_tokens_are_the_files_own),
        cmocka_unit_test(a_conversation_asks_what_its_user_asks_first),
        cmocka_unit_test(an_answer_is_read),
        cmocka_unit_test(what_no_answer_may_say_is_refused),
        cmocka_unit_test(a_judgement_is_read),
        cmocka_unit_test(what_no_judgement_may_say_is_refused),
        cmocka_unit_test(the_fields_tell_what_a_line_is),
        cmocka_unit_test(an_id_is_seen_without_reading_the_row),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(numbers_are_read_as_strtod_reads_them),
    };
    return cmocka_run_group_tests_name("store/row", tests, NULL, NULL);
}
