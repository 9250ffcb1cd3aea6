/* rewards.c - reward models, what they gave, and what they said of two answers. Layer: store. */
#include <math.h>
#include <string.h>
#include "store/sql.h"

int zoo_store_reward_model(zoo_store *s, const char *name, zoo_key *key, zoo_err *err)
{
    int rc = zoo_store_check_name(s, "reward model", name, err);

    return rc ? rc : zoo_store_named_key(s, ZOO_SQL_REWARD_MODEL_FIND, ZOO_SQL_REWARD_MODEL_PUT, name, key, err);
}

static int find_models(zoo_store *s, enum zoo_sql id, zoo_key *last, size_t *count, zoo_said *said, zoo_err *err)
{
    int rc = zoo_sql_bind(s, id, err);

    *count = 0;
    while (!rc && (rc = zoo_sql_step(s, id, err)) == 1) {
        const char *name = zoo_sql_text(s, id, 1, NULL);
        *last = zoo_sql_number(s, id, 0);
        zoo_said_add(said, name ? name : "");
        ++*count;
        rc = ZOO_OK;
    }
    return rc;
}

static int fail_unknown(zoo_store *s, const char *name, zoo_err *err)
{
    char names[ZOO_STORE_NAMES_SIZE];
    zoo_said said = { 0 };
    zoo_key last;
    size_t count;
    int rc = find_models(s, ZOO_SQL_REWARD_MODELS, &last, &count, &said, err);

    return rc ? rc : zoo_fail(err, ZOO_EUSAGE, "%s: no reward model '%.128s'; %s", s->name, name,
                              zoo_said_text(&said, names));
}

/* Judges, and graders that found nothing to grade, are none to choose among; whoever is alone is not looked at. */
static int find_only(zoo_store *s, zoo_keys *out, zoo_arena *arena, zoo_err *err)
{
    zoo_key *key = zoo_arena_alloc(arena, sizeof *key);
    char names[ZOO_STORE_NAMES_SIZE];
    zoo_said all = { 0 }, said = { 0 };
    size_t count = 0;
    int rc = key ? find_models(s, ZOO_SQL_REWARD_MODELS, key, &count, &all, err) : zoo_fail_nomem(err);

    if (!rc && count > 1)
        rc = find_models(s, ZOO_SQL_REWARD_MODELS_USED, key, &count, &said, err);
    *out = (zoo_keys){ key, count };
    if (rc || count <= 1)
        return rc;
    zoo_fail(err, ZOO_EUSAGE, "%s: has several reward models, and none is named; %s", s->name,
             zoo_said_text(&said, names));
    return zoo_store_advise(s, s->advice->several, err), ZOO_EUSAGE;
}

int zoo_store_find_reward_models(zoo_store *s, const zoo_texts *names, zoo_keys *out, zoo_arena *arena, zoo_err *err)
{
    zoo_keys only;
    zoo_key *keys;
    int rc = ZOO_OK, found = 1;

    if (!names->count || (names->count == 1 && !names->items[0]))
        return find_only(s, out, arena, err);
    keys = zoo_arena_alloc(arena, names->count * sizeof *keys);
    if (!keys)
        return zoo_fail_nomem(err);
    for (size_t i = 0; !rc && i < names->count; i++) {
        if (!names->items[i]) {
            rc = find_only(s, &only, arena, err);
            keys[i] = only.items && only.count ? only.items[0] : 0;
            continue;
        }
        rc = zoo_sql_bind(s, ZOO_SQL_REWARD_MODEL_FIND, err, names->items[i]);
        if (!rc)
            rc = zoo_sql_single(s, ZOO_SQL_REWARD_MODEL_FIND, &keys[i], &found, err);
        if (!rc && !found)
            rc = fail_unknown(s, names->items[i], err);
    }
    *out = (zoo_keys){ keys, names->count };
    return rc;
}

int zoo_store_put_reward(zoo_store *s, zoo_key reward_model, const zoo_address *at, double value, zoo_err *err)
{
    int rc;

    if (!isfinite(value))
        return zoo_fail(err, ZOO_EUSAGE, "%s: the reward of query %lld is not a finite number", s->name,
                        (long long)at->query);
    rc = zoo_sql_run(s, ZOO_SQL_REWARD_PUT, err, at->query, reward_model, at->expert, at->sample, at->turn,
                     value + 0.0);       /* without a sign on zero, as in scan.c */
    if (!rc && !zoo_sql_changes(s))
        rc = zoo_fail(err, ZOO_EIO, "%s: what this belongs to was deleted meanwhile; run the command again", s->name);
    return rc;
}

int zoo_store_count_unrewarded(zoo_store *s, const zoo_selection *selection, zoo_key reward_model, uint64_t *count,
                               zoo_err *err)
{
    int64_t n = 0;
    int rc = zoo_sql_bind(s, ZOO_SQL_UNREWARDED_COUNT, err, ZOO_SELECTED(selection), reward_model);

    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_UNREWARDED_COUNT, &n, NULL, err);
    *count = (uint64_t)n;
    return rc;
}

int zoo_store_put_judgement(zoo_store *s, zoo_key reward_model, const zoo_judgement *j, zoo_err *err)
{
    static const char *const verdicts[] = { [ZOO_VERDICT_A] = "a", [ZOO_VERDICT_B] = "b", [ZOO_VERDICT_TIE] = "tie" };

    if (!isnan(j->probability) && !(j->probability >= 0 && j->probability <= 1))
        return zoo_fail(err, ZOO_EUSAGE, "%s: a judgement's probability is not between 0 and 1", s->name);
    if (j->expert_a == j->expert_b && j->sample_a == j->sample_b)
        return zoo_fail(err, ZOO_EUSAGE, "%s: a judgement compares an answer with itself", s->name);
    return zoo_sql_run(s, ZOO_SQL_JUDGEMENT_PUT, err, j->query, reward_model, j->expert_a, j->sample_a, j->expert_b,
                       j->sample_b, j->turn, (int64_t)j->shown_ba, verdicts[j->verdict], j->probability, j->text,
                       j->text_size);
}
