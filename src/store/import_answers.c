/* import_answers.c - lines that are one answer or one judgement, by the rules of merge.c: what is new is added, what is the same is left, what
 * differs is a conflict or replaces. Layer: store. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "store/answers.h"
#include "store/import.h"

struct merge { zoo_import *im; zoo_address at; zoo_answer answer; int changes; };

/* ---- an answer against the stored one ---- */

static int differ(struct merge *m, const char *what)
{
    char text[200];

    snprintf(text, sizeof text, "%s of %.128s's answer", what, m->im->row.experts.items[m->im->row.answer.expert].text);
    return zoo_import_differ(m->im, NULL, text);
}

/* The line's text, or the stored one where the line has none. */
static int merge_text(struct merge *m, const char **text, size_t *size, int column, const char *what)
{
    size_t stored_size;
    const char *stored;
    zoo_import *im = m->im;
    int rc = zoo_sql_copy(im->store, ZOO_SQL_ANSWER_OF, column, &im->arena, &stored, &stored_size, im->err);

    if (rc || !stored)
        return rc ? rc : (m->changes |= *text != NULL, ZOO_OK);
    if (*text && (*size != stored_size || memcmp(*text, stored, *size) != 0)) {
        m->changes = 1;
        return differ(m, what);
    }
    *text = stored;
    *size = stored_size;
    return ZOO_OK;
}

static int merge_count(struct merge *m, int64_t *count, int column, const char *what)
{
    int64_t stored = zoo_sql_count_or_none(m->im->store, ZOO_SQL_ANSWER_OF, column);

    if (*count == stored || *count < 0) {
        *count = stored;
        return ZOO_OK;
    }
    m->changes = 1;
    return stored < 0 ? ZOO_OK : differ(m, what);
}

static int merge_number(struct merge *m, double *number, int column, const char *what)
{
    double stored = zoo_sql_real(m->im->store, ZOO_SQL_ANSWER_OF, column);

    if (*number == stored || isnan(*number)) {
        *number = stored;
        return ZOO_OK;
    }
    m->changes = 1;
    return isnan(stored) ? ZOO_OK : differ(m, what);
}

/* Columns: settings' json, then those of an answer. */
static int merge_stored(struct merge *m, zoo_span *settings)
{
    zoo_answer *a = &m->answer;
    size_t finish_size = a->finish_reason ? strlen(a->finish_reason) : 0, asked_size = a->asked ? strlen(a->asked) : 0;
    int rc;

    if ((rc = merge_text(m, &settings->text, &settings->size, 0, "settings")) ||
        (rc = merge_text(m, &a->finish_reason, &finish_size, 1, "finish_reason")) ||
        (rc = merge_count(m, &a->tokens_in, 2, "tokens")) || (rc = merge_count(m, &a->tokens_out, 3, "tokens")) ||
        (rc = merge_count(m, &a->tokens_reasoning, 4, "tokens")) || (rc = merge_count(m, &a->tokens_cached, 5, "tokens")) ||
        (rc = merge_number(m, &a->cost, 6, "cost")) || (rc = merge_number(m, &a->first_seconds, 7, "first_token_seconds")) ||
        (rc = merge_number(m, &a->seconds, 8, "seconds")) || (rc = merge_text(m, &a->asked, &asked_size, 9, "asked")) ||
        (rc = merge_text(m, &a->reasoning, &a->reasoning_size, 10, "reasoning")))
        return rc;
    return merge_text(m, &a->text, &a->text_size, 11, "text");
}

static const char *copy_span(struct merge *m, zoo_span text)
{
    return text.text ? zoo_arena_copy(&m->im->arena, text.text, text.size) : NULL;
}

static int has_answer(const zoo_row_answer *a)
{
    return a->settings.text || a->text.text || a->reasoning.text || a->finish_reason.text || a->asked.text || a->tokens_in >= 0 ||
           a->tokens_out >= 0 || a->tokens_reasoning >= 0 || a->tokens_cached >= 0 || !isnan(a->cost) || !isnan(a->first_seconds) ||
           !isnan(a->seconds);
}

static int put_answer(struct merge *m)
{
    zoo_import *im = m->im;
    const zoo_row_answer *r = &im->row.answer;
    zoo_span settings = r->settings;
    int rc = zoo_sql_bind(im->store, ZOO_SQL_ANSWER_OF, im->err, m->at.query, m->at.expert, m->at.sample, m->at.turn);

    m->answer = (zoo_answer){ .text = r->text.text, .text_size = r->text.size, .reasoning = r->reasoning.text, .reasoning_size = r->reasoning.size,
                              .finish_reason = copy_span(m, r->finish_reason), .asked = copy_span(m, r->asked), .tokens_in = r->tokens_in,
                              .tokens_out = r->tokens_out, .tokens_reasoning = r->tokens_reasoning, .tokens_cached = r->tokens_cached,
                              .cost = r->cost, .first_seconds = r->first_seconds, .seconds = r->seconds };
    if (!rc && (rc = zoo_sql_step(im->store, ZOO_SQL_ANSWER_OF, im->err)) == 1)
        rc = merge_stored(m, &settings);
    else if (!rc)
        m->changes = 1;
    if (!rc && ((r->finish_reason.text && !m->answer.finish_reason) || (r->asked.text && !m->answer.asked)))
        rc = zoo_fail_nomem(im->err);
    zoo_sql_reset(im->store, ZOO_SQL_ANSWER_OF);
    if (rc || !m->changes)
        return rc;
    if (settings.text) {
        const char *json = copy_span(m, settings);
        rc = json ? zoo_store_settings(im->store, json, &m->answer.settings, im->err) : zoo_fail_nomem(im->err);
    }
    im->counts->responses += r->text.text != NULL;
    return rc ? rc : zoo_store_write_answer(im->store, ZOO_SQL_ANSWER_REPLACE, &m->at, &m->answer, im->err);
}

/* ---- a failure, and scores ---- */

/* 1: the failure in the current row is the line's; 0: it is not; ZOO_ENOMEM. */
static int is_same_failure(struct merge *m, const char *cause, const char *last)
{
    const enum zoo_sql id = ZOO_SQL_FAILURE_OF;
    const zoo_row_answer *r = &m->im->row.answer;
    zoo_store *s = m->im->store;
    double cost = zoo_sql_real(s, id, 3);
    const char *stored, *at;
    int rc = zoo_sql_get(s, id, 1, &stored, NULL, m->im->err);

    if (!rc)
        rc = zoo_sql_get(s, id, 4, &at, NULL, m->im->err);
    if (rc)
        return rc;
    return zoo_sql_number(s, id, 0) == r->failed_times && stored && !strcmp(stored, cause) && at && !strcmp(at, last) &&
           (zoo_sql_number(s, id, 2) != 0) == r->failed_final && (cost == r->failed_cost || (isnan(cost) && isnan(r->failed_cost)));
}

static int put_failure(struct merge *m)
{
    zoo_import *im = m->im;
    zoo_store *s = im->store;
    const zoo_row_answer *r = &im->row.answer;
    const char *cause = r->failed_cause.text ? copy_span(m, r->failed_cause) : "", *last = r->failed_last.text ? copy_span(m, r->failed_last) : "";
    int is_known, rc = zoo_sql_bind(s, ZOO_SQL_FAILURE_OF, im->err, m->at.query, m->at.expert, m->at.sample, m->at.turn);

    if (!rc && (!cause || !last))
        rc = zoo_fail_nomem(im->err);
    if (!rc)
        rc = zoo_sql_step(s, ZOO_SQL_FAILURE_OF, im->err);
    is_known = rc == 1;
    if (is_known)
        rc = is_same_failure(m, cause, last);
    zoo_sql_reset(s, ZOO_SQL_FAILURE_OF);
    if (rc)                              /* failed, or the same */
        return rc < 0 ? rc : ZOO_OK;
    m->changes = 1;
    if (is_known && (rc = differ(m, "failure")))
        return rc;
    return zoo_sql_run(s, ZOO_SQL_FAILURE_PUT, im->err, m->at.query, m->at.expert, m->at.sample, m->at.turn, r->failed_times, cause,
                       (int64_t)r->failed_final, r->failed_cost, last);
}

static int put_score(struct merge *m, const zoo_row_score *score)
{
    zoo_import *im = m->im;
    zoo_key model;
    double stored = NAN;
    int rc = zoo_sql_bind(im->store, ZOO_SQL_REWARD_OF, im->err, m->at.query, m->at.expert, m->at.sample, m->at.turn, score->reward_model.text,
                          score->reward_model.size);

    if (!rc && (rc = zoo_sql_step(im->store, ZOO_SQL_REWARD_OF, im->err)) == 1) {
        stored = zoo_sql_real(im->store, ZOO_SQL_REWARD_OF, 0);
        zoo_sql_reset(im->store, ZOO_SQL_REWARD_OF);
        rc = ZOO_OK;
    }
    if (rc || stored == score->value)
        return rc;
    m->changes = 1;
    if (!isnan(stored) && (rc = differ(m, "reward")))
        return rc;
    rc = zoo_import_named_reward_model(im, score->reward_model, &model);
    im->counts->rewards++;
    return rc ? rc : zoo_store_put_reward(im->store, model, &m->at, score->value, im->err);
}

static int put_scores(struct merge *m)
{
    const zoo_row_answer *r = &m->im->row.answer;
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < r->score_count; i++)
        rc = put_score(m, &r->scores[i]);
    return rc;
}

/* ---- the lines ---- */

/* Parts that were written before a later part is refused are undone with it. */
int zoo_import_answer(zoo_import *im)
{
    const zoo_row_answer *r = &im->row.answer;
    struct merge m = { .im = im, .at = { .sample = r->sample, .turn = r->turn } };
    const zoo_import_counts before = *im->counts;
    int own, rc = zoo_sql_atomic_begin(im->store, &own, im->err);

    if (rc)
        return rc;
    rc = zoo_import_find_query(im, &m.at.query);
    if (!rc)
        rc = zoo_import_expert(im, r->expert, &m.at.expert);
    if (!rc && has_answer(r))
        rc = put_answer(&m);
    if (!rc && r->has_failed)
        rc = put_failure(&m);
    if (!rc)
        rc = put_scores(&m);
    if (rc)
        *im->counts = before;
    else if (m.changes)
        im->counts->updated++;
    else
        im->counts->unchanged++;
    zoo_arena_release(&im->arena);
    return zoo_import_atomic_end(im, own, rc);
}

/* 1: the judgement in the current row is the line's; 0: it is not; ZOO_ENOMEM. */
static int is_same_judgement(zoo_import *im, const zoo_judgement *j)
{
    static const char *const verdicts[] = { "a", "b", "tie" };
    const enum zoo_sql id = ZOO_SQL_JUDGEMENT_OF;
    double probability = zoo_sql_real(im->store, id, 1);
    const char *verdict, *text;
    size_t size;
    int rc = zoo_sql_get(im->store, id, 0, &verdict, NULL, im->err);

    if (!rc)
        rc = zoo_sql_get(im->store, id, 2, &text, &size, im->err);
    if (rc)
        return rc;
    return verdict && !strcmp(verdict, verdicts[j->verdict]) && (probability == j->probability || (isnan(probability) && isnan(j->probability))) &&
           !text == !j->text && (!text || (size == j->text_size && !memcmp(text, j->text, size)));
}

static int put_judgement(zoo_import *im, zoo_key model, const zoo_judgement *j)
{
    const enum zoo_sql id = ZOO_SQL_JUDGEMENT_OF;
    int is_known, rc = zoo_sql_bind(im->store, id, im->err, j->query, model, j->expert_a, j->sample_a, j->expert_b, j->sample_b, j->turn,
                                    (int64_t)j->shown_ba);

    if (!rc)
        rc = zoo_sql_step(im->store, id, im->err);
    is_known = rc == 1;
    if (is_known)
        rc = is_same_judgement(im, j);
    zoo_sql_reset(im->store, id);
    if (rc < 0)
        return rc;
    if (rc) {
        im->counts->unchanged++;
        return ZOO_OK;
    }
    if (is_known && (rc = zoo_import_differ(im, NULL, "judgement of these answers")))
        return rc;
    rc = zoo_store_put_judgement(im->store, model, j, im->err);
    if (rc == ZOO_EUSAGE)
        return zoo_scan_fail(&im->row.scan, im->row.scan.line, "a judgement compares an answer with itself");
    im->counts->updated++;
    im->counts->judgements++;
    return rc;
}

int zoo_import_judgement(zoo_import *im)
{
    const zoo_row_judgement *r = &im->row.judgement;
    zoo_judgement j = { .sample_a = r->sample_a, .sample_b = r->sample_b, .turn = r->turn, .shown_ba = r->shown_ba,
                        .verdict = r->verdict == 'a' ? ZOO_VERDICT_A : r->verdict == 'b' ? ZOO_VERDICT_B : ZOO_VERDICT_TIE,
                        .probability = r->probability, .text = r->text.text, .text_size = r->text.size };
    zoo_key model = 0;
    int own, rc = zoo_sql_atomic_begin(im->store, &own, im->err);

    if (rc)
        return rc;
    rc = zoo_import_find_query(im, &j.query);
    if (!rc)
        rc = zoo_import_expert(im, r->expert_a, &j.expert_a);
    if (!rc)
        rc = zoo_import_expert(im, r->expert_b, &j.expert_b);
    if (!rc)
        rc = zoo_import_named_reward_model(im, im->row.reward_model, &model);
    if (!rc)
        rc = put_judgement(im, model, &j);
    return zoo_import_atomic_end(im, own, rc);
}
