/* row_answer.c - a row that is one answer of an expert, or its failing; see row.h. Layer: store. */
#include <math.h>
#include <string.h>
#include "base/array.h"
#include "base/name.h"
#include "store/row_parts.h"
#include "store/store.h"

/* Its name, where the answer has no score of that reward model yet. */
static int read_scorer(zoo_row *row, zoo_row_score *score)
{
    zoo_scan *s = &row->scan;
    const zoo_row_answer *a = &row->answer;
    const char *at = s->at;
    int rc = zoo_scan_key(s, &score->reward_model);

    if (rc)
        return rc;
    if (!zoo_row_is_name(score->reward_model))
        return zoo_scan_fail(s, at, "the name of a reward model should be 1 to %d characters of " ZOO_NAME_CHARACTERS,
                             ZOO_NAME_MAX);
    for (size_t i = 0; i < a->score_count; i++)
        if (zoo_span_equal(a->scores[i].reward_model, score->reward_model))
            return zoo_scan_fail(s, at, "'scores' names %.*s twice", (int)score->reward_model.size,
                                 score->reward_model.text);
    return ZOO_OK;
}

static int read_score(zoo_row *row)
{
    zoo_scan *s = &row->scan;
    zoo_row_answer *a = &row->answer;
    zoo_row_score *score;
    int rc = zoo_array_grow(&a->scores, &a->score_capacity, a->score_count + 1, sizeof *a->scores, ZOO_ROW_SCORES_MAX);

    if (rc)
        return rc == ZOO_EUSAGE ? zoo_scan_fail(s, s->at, "more than %d scores", ZOO_ROW_SCORES_MAX) :
               zoo_fail_nomem(s->err);
    score = &a->scores[a->score_count];
    rc = read_scorer(row, score);
    if (!rc)
        rc = zoo_row_is_null(s);
    if (rc)
        return rc < 0 ? rc : ZOO_OK;
    if (*s->at && strchr("\"{[tf", *s->at))
        return zoo_scan_fail(s, s->at, "the score of %.*s should be a number, is %s", (int)score->reward_model.size,
                             score->reward_model.text, zoo_scan_kind(s->at));
    rc = zoo_scan_number(s, &score->value);
    a->score_count += !rc;
    return rc;
}

static int read_scores(zoo_row *row, const zoo_row_member *m, void *to)
{
    zoo_scan *s = &row->scan;
    int more, rc;

    (void)m;
    (void)to;
    if (*s->at != '{')
        return zoo_scan_fail(s, s->at, "'scores' should be an object of numbers, is %s", zoo_scan_kind(s->at));
    for (more = zoo_scan_open(s, '{', '}'); more == 1; more = zoo_scan_more(s, '}'))
        if ((rc = read_score(row)))
            return rc;
    return more;
}

static int read_failed(zoo_row *row, const zoo_row_member *m, void *to)
{
    row->answer.has_failed = 1;
    return zoo_row_inner(row, m, to);
}

#define AT(member) offsetof(zoo_row, answer.member)
#define COUNT(member) .read = zoo_row_whole, .offset = AT(member), .most = ZOO_ROW_TOKENS_MAX
#define AMOUNT(member) .read = zoo_row_amount, .offset = AT(member), .most = INFINITY
static const zoo_row_member token_members[] = {
    { .name = "in", COUNT(tokens_in) }, { .name = "out", COUNT(tokens_out) },
        { .name = "reasoning", COUNT(tokens_reasoning) },
    { .name = "cached", COUNT(tokens_cached) }, { .name = NULL }
};
static const zoo_row_member failed_members[] = {
    { .name = "times", .read = zoo_row_whole, .offset = AT(failed_times), .least = 1, .most = INT32_MAX },
    { .name = "cause", .read = zoo_row_text, .offset = AT(failed_cause) },
    { .name = "final", .read = zoo_row_flag, .offset = AT(failed_final) },
    { .name = "cost", AMOUNT(failed_cost) },
    { .name = "last", .read = zoo_row_time, .offset = AT(failed_last) },
    { .name = NULL }
};
static const zoo_row_member members[] = {
    { .name = "id", .read = zoo_row_id, .offset = offsetof(zoo_row, id), .is_required = 1 },
    { .name = "expert", .read = zoo_row_expert, .offset = AT(expert), .is_required = 1 },
    { .name = "sample", .read = zoo_row_whole, .offset = AT(sample), .least = 1, .most = ZOO_ROW_SAMPLE_MAX },
    { .name = "turn", .read = zoo_row_whole, .offset = AT(turn), .least = 1, .most = ZOO_ROW_SAMPLE_MAX },
    { .name = "settings", .read = zoo_row_object, .offset = AT(settings) },
    { .name = "text", .read = zoo_row_said, .offset = AT(text) },
    { .name = "reasoning", .read = zoo_row_said, .offset = AT(reasoning) },
    { .name = "finish_reason", .read = zoo_row_label, .offset = AT(finish_reason), .most = ZOO_STORE_TAG_MAX },
    { .name = "tokens", .read = zoo_row_inner, .members = token_members },
    { .name = "cost", AMOUNT(cost) },
    { .name = "first_token_seconds", AMOUNT(first_seconds) },
    { .name = "seconds", AMOUNT(seconds) },
    { .name = "asked", .read = zoo_row_time, .offset = AT(asked) },
    { .name = "scores", .read = read_scores },
    { .name = "failed", .read = read_failed, .members = failed_members },
    { .name = NULL }
};

/* What is not given, with the memory of the last answer's scores. */
static void clear(zoo_row_answer *a)
{
    *a = (zoo_row_answer){ .sample = 1, .turn = 1, .tokens_in = -1, .tokens_out = -1, .tokens_reasoning = -1,
                           .tokens_cached = -1, .cost = NAN, .first_seconds = NAN, .seconds = NAN, .scores = a->scores,
                           .score_capacity = a->score_capacity, .failed_times = 1, .failed_cost = NAN };
}

int zoo_row_read_answer(zoo_row *row)
{
    int rc;

    clear(&row->answer);
    rc = zoo_row_members(row, "an answer", members, row);
    return rc ? rc : zoo_row_end(&row->scan);
}
