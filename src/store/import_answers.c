/* import_answers.c - lines that are one answer or one judgement, by the rules of merge.c: what is new is added, what is
 * the same is left, what differs is a conflict or replaces.
 * All of a line is compared first and then written. Layer: store. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "store/answers.h"
#include "store/stored.h"

/* of a line: whether the store has it, and whether the line has something else or more */
struct part { int is_stored, differs; };

struct merge {
    zoo_import *im;
    zoo_place at;
    zoo_answer answer;
    zoo_span settings;                   /* of the answer; text NULL: none */
    struct part said, failed;
    int is_written;
};

/* The key of the row's query; ZOO_EFORMAT where it is not stored. */
static int find_query(zoo_import *im, zoo_key *query)
{
    int rc = zoo_stored_key(im, query);

    if (rc)
        return rc < 0 ? rc : ZOO_OK;
    return zoo_scan_fail(&im->row.scan, im->row.scan.line, "no query with the id '%.*s' is stored",
                         (int)(im->row.id.size > 150 ? 150 : im->row.id.size), im->row.id.text);
}

/* ---- an answer against the stored one ---- */

static int differ(struct merge *m, const char *what)
{
    char text[200];

    snprintf(text, sizeof text, "%s of %.128s's answer", what, m->im->row.experts.items[m->im->row.answer.expert].text);
    return zoo_import_differ(m->im, NULL, text);
}

/* The line's text, or the stored one where the line has none. */
static int merge_text(struct merge *m, const char **text, size_t *size, const zoo_db_value *stored, const char *what)
{
    if (!stored->text) {
        m->said.differs |= *text != NULL;
        return ZOO_OK;
    }
    if (*text && (*size != stored->size || memcmp(*text, stored->text, *size) != 0)) {
        m->said.differs = 1;
        return differ(m, what);
    }
    *text = stored->text;
    *size = stored->size;
    return ZOO_OK;
}

static int merge_count(struct merge *m, int64_t *count, const zoo_db_value *stored, const char *what)
{
    if (*count == stored->k || *count < 0) {
        *count = stored->k;
        return ZOO_OK;
    }
    m->said.differs = 1;
    return stored->k < 0 ? ZOO_OK : differ(m, what);
}

static int merge_number(struct merge *m, double *number, const zoo_db_value *stored, const char *what)
{
    if (*number == stored->d || isnan(*number)) {
        *number = stored->d;
        return ZOO_OK;
    }
    m->said.differs = 1;
    return isnan(stored->d) ? ZOO_OK : differ(m, what);
}

/* Columns: settings' json, then those of an answer. */
static int merge_stored(struct merge *m, const zoo_db_value *stored)
{
    zoo_answer *a = &m->answer;
    size_t finish_size = a->finish_reason ? strlen(a->finish_reason) : 0, asked_size = a->asked ? strlen(a->asked) : 0;
    int rc;

    if ((rc = merge_text(m, &m->settings.text, &m->settings.size, &stored[0], "settings")) ||
        (rc = merge_text(m, &a->finish_reason, &finish_size, &stored[1], "finish_reason")) ||
        (rc = merge_count(m, &a->tokens_in, &stored[2], "tokens")) ||
        (rc = merge_count(m, &a->tokens_out, &stored[3], "tokens")) ||
        (rc = merge_count(m, &a->tokens_reasoning, &stored[4], "tokens")) ||
        (rc = merge_count(m, &a->tokens_cached, &stored[5], "tokens")) ||
        (rc = merge_number(m, &a->cost, &stored[6], "cost")) ||
        (rc = merge_number(m, &a->first_seconds, &stored[7], "first_token_seconds")) ||
        (rc = merge_number(m, &a->seconds, &stored[8], "seconds")) ||
        (rc = merge_text(m, &a->asked, &asked_size, &stored[9], "asked")) ||
        (rc = merge_text(m, &a->reasoning, &a->reasoning_size, &stored[10], "reasoning")))
        return rc;
    return merge_text(m, &a->text, &a->text_size, &stored[11], "text");
}

/* NULL without memory too. */
static const char *copy_span(struct merge *m, zoo_span text)
{
    return text.text ? zoo_arena_copy(&m->im->arena, text.text, text.size) : NULL;
}

static int has_answer(const zoo_row_answer *a)
{
    return a->settings.text || a->text.text || a->reasoning.text || a->finish_reason.text || a->asked.text ||
           a->tokens_in >= 0 || a->tokens_out >= 0 || a->tokens_reasoning >= 0 || a->tokens_cached >= 0 ||
               !isnan(a->cost) || !isnan(a->first_seconds) || !isnan(a->seconds);
}

static int compare_answer(struct merge *m)
{
    const zoo_row_answer *r = &m->im->row.answer;
    const zoo_db_value *stored;
    int rc;

    m->settings = r->settings;
    m->answer = (zoo_answer){ .text = r->text.text, .text_size = r->text.size, .reasoning = r->reasoning.text,
                              .reasoning_size = r->reasoning.size, .finish_reason = copy_span(m, r->finish_reason),
                              .asked = copy_span(m, r->asked), .tokens_in = r->tokens_in, .tokens_out = r->tokens_out,
                              .tokens_reasoning = r->tokens_reasoning, .tokens_cached = r->tokens_cached,
                              .cost = r->cost, .first_seconds = r->first_seconds, .seconds = r->seconds };
    if ((r->finish_reason.text && !m->answer.finish_reason) || (r->asked.text && !m->answer.asked))
        return zoo_fail_nomem(m->im->err);
    rc = zoo_stored_answer(m->im, &m->at, &stored);
    if (rc < 0)
        return rc;
    m->said = (struct part){ rc, !rc };
    return rc ? merge_stored(m, stored) : ZOO_OK;
}

/* ---- a failure, and scores ---- */

static int is_text(const zoo_db_value *stored, zoo_span text)
{
    return stored->text && stored->size == text.size && (!text.size || !memcmp(stored->text, text.text, text.size));
}

/* Columns: times, cause, final, cost, last. */
static int is_same_failure(const zoo_row_answer *r, const zoo_db_value *stored)
{
    return stored[0].k == r->failed_times && is_text(&stored[1], r->failed_cause) &&
           is_text(&stored[4], r->failed_last) && (stored[2].k != 0) == r->failed_final &&
               (stored[3].d == r->failed_cost || (isnan(stored[3].d) && isnan(r->failed_cost)));
}

static int compare_failure(struct merge *m)
{
    const zoo_db_value *stored;
    int rc = zoo_stored_failure(m->im, &m->at, &stored);

    if (rc < 0)
        return rc;
    m->failed = (struct part){ rc, !rc || !is_same_failure(&m->im->row.answer, stored) };
    return m->failed.is_stored && m->failed.differs ? differ(m, "failure") : ZOO_OK;
}

static int compare_score(struct merge *m, zoo_row_score *score)
{
    const zoo_db_value *stored;
    int rc = zoo_stored_reward(m->im, &m->at, score->reward_model, &stored);

    if (rc < 0)
        return rc;
    score->is_stored = rc;
    score->is_struck = rc && stored->d == score->value;
    return rc && !score->is_struck ? differ(m, "reward") : ZOO_OK;
}

static int compare(struct merge *m)
{
    zoo_row_answer *r = &m->im->row.answer;
    int rc = ZOO_OK;

    if (has_answer(r))
        rc = compare_answer(m);
    if (!rc && r->has_failed)
        rc = compare_failure(m);
    for (size_t i = 0; !rc && i < r->score_count; i++)
        rc = compare_score(m, &r->scores[i]);
    return rc;
}

/* ---- writing what is new ---- */

static int append(zoo_import *im, enum zoo_table table, const zoo_db_value *row)
{
    return im->store->db->driver->append(im->store->db, table, row, im->err);
}

static zoo_db_value text_value(const char *text, size_t size)
{
    return (zoo_db_value){ .text = text, .size = text ? size : 0 };
}

static zoo_db_value string_value(const char *text)
{
    return text_value(text, text ? strlen(text) : 0);
}

static int append_answer(zoo_import *im, const zoo_address *at, const zoo_answer *a)
{
    const zoo_db_value row[] = {
        { .k = at->query }, { .k = at->expert }, { .k = at->sample }, { .k = at->turn },
            { .k = a->settings ? a->settings : -1 },
        string_value(a->finish_reason), { .k = a->tokens_in }, { .k = a->tokens_out }, { .k = a->tokens_reasoning },
            { .k = a->tokens_cached },
        { .d = a->cost }, { .d = a->first_seconds }, { .d = a->seconds }, string_value(a->asked),
            text_value(a->reasoning, a->reasoning_size),
        text_value(a->text, a->text_size)
    };

    return append(im, ZOO_TABLE_ANSWERS, row);
}

static int write_answer(struct merge *m, const zoo_address *at)
{
    zoo_import *im = m->im;
    int rc = m->settings.text ? zoo_import_settings(im, m->settings, &m->answer.settings) : ZOO_OK;

    if (rc)
        return rc;
    m->is_written = 1;
    im->counts->responses += im->row.answer.text.text != NULL;
    if (!m->said.is_stored)
        return append_answer(im, at, &m->answer);
    return zoo_store_write_answer(im->store, ZOO_SQL_ANSWER_REPLACE, at, &m->answer, im->err);
}

static int write_failure(struct merge *m, const zoo_address *at)
{
    const zoo_row_answer *r = &m->im->row.answer;
    const char *cause = r->failed_cause.text ? copy_span(m, r->failed_cause) : "",
                        *last = r->failed_last.text ? copy_span(m, r->failed_last) : "";
    const zoo_db_value row[] = { { .k = at->query }, { .k = at->expert }, { .k = at->sample }, { .k = at->turn },
                                 { .k = r->failed_times }, string_value(cause), { .k = r->failed_final },
                                 { .d = r->failed_cost }, string_value(last) };

    m->is_written = 1;
    if (!cause || !last)
        return zoo_fail_nomem(m->im->err);
    if (!m->failed.is_stored)
        return append(m->im, ZOO_TABLE_FAILURES, row);
    return zoo_sql_run(m->im->store, ZOO_SQL_FAILURE_PUT, m->im->err, at->query, at->expert, at->sample, at->turn,
                       r->failed_times, cause, (int64_t)r->failed_final, r->failed_cost, last);
}

static int write_score(struct merge *m, const zoo_address *at, const zoo_row_score *score)
{
    zoo_key model = 0;
    int rc = zoo_import_named_reward_model(m->im, score->reward_model, &model);
    const zoo_db_value row[] = { { .d = score->value }, { .k = at->query }, { .k = model }, { .k = at->expert },
                                 { .k = at->sample },
                                 { .k = at->turn } };

    if (rc)
        return rc;
    m->is_written = 1;
    m->im->counts->rewards++;
    return score->is_stored ? zoo_store_put_reward(m->im->store, model, at, score->value, m->im->err) :
           append(m->im, ZOO_TABLE_REWARDS, row);
}

static int write_all(struct merge *m)
{
    const zoo_row_answer *r = &m->im->row.answer;
    zoo_address at = { m->at.query, 0, m->at.sample, m->at.turn };
    int rc = zoo_import_expert(m->im, m->at.expert, &at.expert);          /* also of a line that says nothing */

    if (!rc && m->said.differs)
        rc = write_answer(m, &at);
    if (!rc && m->failed.differs)
        rc = write_failure(m, &at);
    for (size_t i = 0; !rc && i < r->score_count; i++)
        if (!r->scores[i].is_struck)
            rc = write_score(m, &at, &r->scores[i]);
    return rc;
}

/* ---- the lines ---- */

int zoo_import_answer(zoo_import *im)
{
    const zoo_row_answer *r = &im->row.answer;
    struct merge m = { .im = im, .at = { .expert = r->expert, .sample = r->sample, .turn = r->turn } };
    int rc = find_query(im, &m.at.query);

    if (!rc)
        rc = compare(&m);
    if (!rc)
        rc = write_all(&m);
    if (!rc && m.is_written)
        im->counts->updated++;
    else if (!rc)
        im->counts->unchanged++;
    zoo_arena_release(&im->arena);
    return rc;
}

static const char *verdict_of(const zoo_row_judgement *r)
{
    return r->verdict == 'a' ? "a" : r->verdict == 'b' ? "b" : "tie";
}

/* Columns: verdict, probability, text. */
static int is_same_judgement(const zoo_row_judgement *r, const zoo_db_value *stored)
{
    return stored[0].text && !strcmp(stored[0].text, verdict_of(r)) &&
           (stored[1].d == r->probability || (isnan(stored[1].d) && isnan(r->probability))) &&
               !stored[2].text == !r->text.text && (!stored[2].text || is_text(&stored[2], r->text));
}

static int compare_judgement(zoo_import *im, zoo_key query, struct part *said)
{
    const zoo_row_judgement *r = &im->row.judgement;
    const zoo_db_value *stored;
    int rc;

    if (r->expert_a == r->expert_b && r->sample_a == r->sample_b)
        return zoo_scan_fail(&im->row.scan, im->row.scan.line, "a judgement compares an answer with itself");
    rc = zoo_stored_judgement(im, query, &stored);
    if (rc < 0)
        return rc;
    *said = (struct part){ rc, !rc || !is_same_judgement(r, stored) };
    return said->is_stored && said->differs ? zoo_import_differ(im, NULL, "judgement of these answers") : ZOO_OK;
}

static int put_judgement(zoo_import *im, zoo_key model, const zoo_judgement *j, int is_stored)
{
    const zoo_row_judgement *r = &im->row.judgement;
    const zoo_db_value row[] = { { .k = j->query }, { .k = model }, { .k = j->expert_a }, { .k = j->sample_a },
                                 { .k = j->expert_b },
                                 { .k = j->sample_b }, { .k = j->turn }, { .k = j->shown_ba },
                                 string_value(verdict_of(r)),
                                 { .d = j->probability }, text_value(j->text, j->text_size) };

    return is_stored ? zoo_store_put_judgement(im->store, model, j, im->err) : append(im, ZOO_TABLE_JUDGEMENTS, row);
}

static int write_judgement(zoo_import *im, zoo_key query, int is_stored)
{
    const zoo_row_judgement *r = &im->row.judgement;
    zoo_judgement j = { .query = query, .sample_a = r->sample_a, .sample_b = r->sample_b, .turn = r->turn,
                        .shown_ba = r->shown_ba, .verdict = r->verdict == 'a' ? ZOO_VERDICT_A : r->verdict == 'b' ?
                        ZOO_VERDICT_B : ZOO_VERDICT_TIE, .probability = r->probability, .text = r->text.text,
                        .text_size = r->text.size };
    zoo_key model = 0;
    int rc = zoo_import_expert(im, r->expert_a, &j.expert_a);

    if (!rc)
        rc = zoo_import_expert(im, r->expert_b, &j.expert_b);
    if (!rc)
        rc = zoo_import_named_reward_model(im, im->row.reward_model, &model);
    return rc ? rc : put_judgement(im, model, &j, is_stored);
}

int zoo_import_judgement(zoo_import *im)
{
    struct part said = { 0 };
    zoo_key query = 0;
    int rc = find_query(im, &query);

    if (!rc)
        rc = compare_judgement(im, query, &said);
    if (!rc && said.differs)
        rc = write_judgement(im, query, said.is_stored);
    if (!rc && said.differs) {
        im->counts->updated++;
        im->counts->judgements++;
    } else if (!rc) {
        im->counts->unchanged++;
    }
    zoo_arena_release(&im->arena);
    return rc;
}
