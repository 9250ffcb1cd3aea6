/* export_answers.c - a line an answer or judgement, as row.h reads them back. Layer: store. */
#include <math.h>
#include <string.h>
#include "store/export.h"

/* ---- answers: three scans in the order of expert's name, sample, turn (columns 1, 2, 3) ---- */

enum { ANSWERS, FAILURES, SCORES, SIDES };

/* Where a side stands, as far as it is of this query. */
struct stand { char expert[256]; int64_t sample, turn; };

static int compare(const struct stand *a, const struct stand *b)
{
    int order = strcmp(a->expert, b->expert);

    if (order)
        return order;
    if (a->sample != b->sample)
        return a->sample < b->sample ? -1 : 1;
    return (a->turn > b->turn) - (a->turn < b->turn);
}

static void read_stand(zoo_export *o, enum zoo_sql id, struct stand *out)
{
    const char *name = zoo_export_text(o, id, 1, NULL);

    snprintf(out->expert, sizeof out->expert, "%s", name ? name : "");
    out->sample = zoo_sql_number(o->store, id, 2);
    out->turn = zoo_sql_number(o->store, id, 3);
}

/* The lowest stand of the sides that have one; 1: *out, and is_there[] says which sides are at it;
 * 0: the query is done. */
static int next_stand(zoo_export *o, zoo_key query, struct stand *out, int is_there[SIDES])
{
    struct stand stands[SIDES];
    int found = 0;

    for (int i = 0; i < SIDES; i++) {
        int rc = zoo_side_at(o, &o->sides[i], query);
        if (rc < 0)
            return rc;
        is_there[i] = rc;
        if (!rc)
            continue;
        read_stand(o, o->sides[i].id, &stands[i]);
        if (!found || compare(&stands[i], out) < 0)
            *out = stands[i];
        found = 1;
    }
    for (int i = 0; i < SIDES; i++)
        is_there[i] = is_there[i] && !compare(&stands[i], out);
    return found;
}

static void add_text(zoo_export *o, const char *name, enum zoo_sql id, int column)
{
    size_t size;
    const char *text = zoo_export_text(o, id, column, &size);

    if (!text)
        return;
    zoo_export_add(o, name);
    zoo_export_add_string(o, text, size);
}

static void add_number(zoo_export *o, const char *name, enum zoo_sql id, int column)
{
    double value = zoo_sql_real(o->store, id, column);

    if (isnan(value))
        return;
    zoo_export_add(o, name);
    zoo_export_add_number(o, value);
}

static void add_tokens(zoo_export *o, enum zoo_sql id)
{
    static const char *const names[] = { "\"in\": ", "\"out\": ", "\"reasoning\": ", "\"cached\": " };
    int n = 0;

    for (int i = 0; i < 4; i++) {
        int64_t count = zoo_sql_count_or_none(o->store, id, 6 + i);
        if (count < 0)
            continue;
        zoo_export_add(o, n++ ? ", " : ", \"tokens\": {");
        zoo_export_add(o, names[i]);
        zoo_export_add_integer(o, count);
    }
    zoo_export_add(o, n ? "}" : "");
}

static void add_answer(zoo_export *o)
{
    const enum zoo_sql id = ZOO_SQL_EXPORT_ANSWERS;
    size_t size;
    const char *settings = zoo_export_text(o, id, 4, &size);

    if (settings) {
        zoo_export_add(o, ", \"settings\": ");
        o->has_failed |= zoo_buf_add(&o->line, settings, size) != ZOO_OK;
    }
    add_text(o, ", \"text\": ", id, 15);
    add_text(o, ", \"reasoning\": ", id, 14);
    add_text(o, ", \"finish_reason\": ", id, 5);
    add_tokens(o, id);
    add_number(o, ", \"cost\": ", id, 10);
    add_number(o, ", \"first_token_seconds\": ", id, 11);
    add_number(o, ", \"seconds\": ", id, 12);
    add_text(o, ", \"asked\": ", id, 13);
}

static void add_failure(zoo_export *o)
{
    const enum zoo_sql id = ZOO_SQL_EXPORT_FAILURES;
    const char *last = zoo_export_text(o, id, 8, NULL);

    zoo_export_add(o, ", \"failed\": {\"times\": ");
    zoo_export_add_integer(o, zoo_sql_number(o->store, id, 4));
    add_text(o, ", \"cause\": ", id, 5);
    zoo_export_add(o, zoo_sql_number(o->store, id, 6) ? ", \"final\": true" : ", \"final\": false");
    add_number(o, ", \"cost\": ", id, 7);
    if (last && *last)                   /* "": it was imported without */
        add_text(o, ", \"last\": ", id, 8);
    zoo_export_add(o, "}");
}

/* All rewards at this stand. */
static int add_scores(zoo_export *o, zoo_key query, const struct stand *at, int is_wanted)
{
    zoo_side *side = &o->sides[SCORES];
    struct stand now;
    int n = 0, rc;

    while ((rc = zoo_side_at(o, side, query)) == 1) {
        read_stand(o, side->id, &now);
        if (compare(&now, at))
            break;
        if (is_wanted) {
            zoo_export_add(o, n++ ? ", " : ", \"scores\": {");
            zoo_export_add_column(o, side->id, 4);
            zoo_export_add(o, ": ");
            zoo_export_add_number(o, zoo_sql_real(o->store, side->id, 5));
        }
        if ((rc = zoo_side_next(o, side)))
            return rc;
    }
    zoo_export_add(o, n ? "}" : "");
    return rc < 0 ? rc : ZOO_OK;
}

/* Rewards of the first sample and turn that no answer is known for are exported with rows and rewards, not here. */
static int write_stand(zoo_export *o, zoo_key query, const char *id, size_t size, const struct stand *at,
                       const int is_there[SIDES])
{
    int is_wanted = zoo_store_wants_expert(o->options->filter, at->expert) &&
                    (is_there[ANSWERS] || is_there[FAILURES] || at->sample != 1 || at->turn != 1), rc = ZOO_OK;

    zoo_export_begin_line(o, id, size);
    zoo_export_add(o, ", \"expert\": ");
    zoo_export_add_string(o, at->expert, strlen(at->expert));
    zoo_export_add(o, ", \"sample\": ");
    zoo_export_add_integer(o, at->sample);
    zoo_export_add(o, ", \"turn\": ");
    zoo_export_add_integer(o, at->turn);
    if (is_there[ANSWERS]) {
        add_answer(o);
        rc = zoo_side_next(o, &o->sides[ANSWERS]);
    }
    if (!rc && is_there[FAILURES]) {
        add_failure(o);
        rc = zoo_side_next(o, &o->sides[FAILURES]);
    }
    if (!rc && is_there[SCORES])
        rc = add_scores(o, query, at, is_wanted);
    return rc || !is_wanted ? rc : zoo_export_end_line(o);
}

int zoo_export_answers(zoo_export *o, zoo_key query, const char *id, size_t size)
{
    struct stand at;
    int is_there[SIDES], rc;

    while ((rc = next_stand(o, query, &at, is_there)) == 1)
        if ((rc = write_stand(o, query, id, size, &at, is_there)))
            break;
    return rc;
}

/* ---- judgements ---- */

static void add_side(zoo_export *o, const char *name, enum zoo_sql id, int column)
{
    zoo_export_add(o, name);
    zoo_export_add_column(o, id, column);
    zoo_export_add(o, ", \"sample\": ");
    zoo_export_add_integer(o, zoo_sql_number(o->store, id, column + 1));
    zoo_export_add(o, "}");
}

static int write_judgement(zoo_export *o, const char *id_text, size_t size)
{
    const enum zoo_sql id = ZOO_SQL_EXPORT_JUDGEMENTS;

    if (!zoo_export_wants(o, id, 2) || !zoo_export_wants(o, id, 4))
        return ZOO_OK;
    zoo_export_begin_line(o, id_text, size);
    add_text(o, ", \"reward_model\": ", id, 1);
    add_side(o, ", \"a\": {\"expert\": ", id, 2);
    add_side(o, ", \"b\": {\"expert\": ", id, 4);
    zoo_export_add(o, ", \"turn\": ");
    zoo_export_add_integer(o, zoo_sql_number(o->store, id, 6));
    zoo_export_add(o, zoo_sql_number(o->store, id, 7) ? ", \"shown\": \"ba\"" : ", \"shown\": \"ab\"");
    add_text(o, ", \"verdict\": ", id, 8);
    add_number(o, ", \"probability\": ", id, 9);
    add_text(o, ", \"text\": ", id, 10);
    return zoo_export_end_line(o);
}

int zoo_export_judgements(zoo_export *o, zoo_key query, const char *id, size_t size)
{
    int rc;

    while ((rc = zoo_side_at(o, &o->sides[0], query)) == 1) {
        rc = write_judgement(o, id, size);
        if (!rc)
            rc = zoo_side_next(o, &o->sides[0]);
        if (rc)
            break;
    }
    return rc;
}
