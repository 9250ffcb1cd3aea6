/* row_judgement.c - a row that says which of two answers a reward model prefers; see row.h. Layer: store. */
#include <math.h>
#include <string.h>
#include "store/row_parts.h"

/* One of a few words. */
static int read_word(zoo_scan *s, const char *name, const char *should, zoo_span *word)
{
    if (*s->at != '"')
        return zoo_scan_fail(s, s->at, "'%s' should be %s, is %s", name, should, zoo_scan_kind(s->at));
    return zoo_scan_string(s, word);
}

static int read_verdict(zoo_row *row, const zoo_row_member *m, void *to)
{
    static const char should[] = "\"a\", \"b\" or \"tie\"";
    const char *at = row->scan.at;
    zoo_span word;
    char *out = to;
    int rc = read_word(&row->scan, m->name, should, &word);

    if (rc)
        return rc;
    if (!zoo_span_is(word, "a") && !zoo_span_is(word, "b") && !zoo_span_is(word, "tie"))
        return zoo_scan_fail(&row->scan, at, "'%s' should be %s", m->name, should);
    *out = *word.text;
    return ZOO_OK;
}

static int read_shown(zoo_row *row, const zoo_row_member *m, void *to)
{
    static const char should[] = "\"ab\" or \"ba\"";
    const char *at = row->scan.at;
    zoo_span word;
    int *is_ba = to, rc = read_word(&row->scan, m->name, should, &word);

    if (rc)
        return rc;
    *is_ba = zoo_span_is(word, "ba");
    return *is_ba || zoo_span_is(word, "ab")
               ? ZOO_OK : zoo_scan_fail(&row->scan, at, "'%s' should be %s", m->name, should);
}

#define AT(member) offsetof(zoo_row, judgement.member)
#define COUNTED(member) .read = zoo_row_whole, .offset = AT(member), .least = 1, .most = ZOO_ROW_SAMPLE_MAX
static const zoo_row_member members_a[] = {
    { .name = "expert", .read = zoo_row_expert, .offset = AT(expert_a), .is_required = 1 },
        { .name = "sample", COUNTED(sample_a) },
    { .name = NULL }
};
static const zoo_row_member members_b[] = {
    { .name = "expert", .read = zoo_row_expert, .offset = AT(expert_b), .is_required = 1 },
        { .name = "sample", COUNTED(sample_b) },
    { .name = NULL }
};
static const zoo_row_member members[] = {
    { .name = "id", .read = zoo_row_id, .offset = offsetof(zoo_row, id), .is_required = 1 },
    { .name = "reward_model", .read = zoo_row_reward_model, .offset = offsetof(zoo_row, reward_model),
      .is_required = 1 },
    { .name = "a", .read = zoo_row_inner, .members = members_a, .is_required = 1 },
    { .name = "b", .read = zoo_row_inner, .members = members_b, .is_required = 1 },
    { .name = "turn", COUNTED(turn) },
    { .name = "shown", .read = read_shown, .offset = AT(shown_ba) },
    { .name = "verdict", .read = read_verdict, .offset = AT(verdict), .is_required = 1 },
    { .name = "probability", .read = zoo_row_amount, .offset = AT(probability), .least = 0, .most = 1 },
    { .name = "text", .read = zoo_row_said, .offset = AT(text) },
    { .name = NULL }
};

int zoo_row_read_judgement(zoo_row *row)
{
    int rc;

    row->judgement = (zoo_row_judgement){ .sample_a = 1, .sample_b = 1, .turn = 1, .probability = NAN };
    rc = zoo_row_members(row, "a judgement", members, row);
    return rc ? rc : zoo_row_end(&row->scan);
}
