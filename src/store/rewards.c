/* rewards.c - reward models and what they gave. Layer: store. */
#include <math.h>
#include "base/name.h"
#include "store/db.h"

int zoo_store_reward_model(zoo_store *s, const char *name, zoo_key *key, zoo_err *err)
{
    if (!zoo_name_is_valid(name))
        return zoo_fail(err, ZOO_EFORMAT, "%s: reward model '%.140s' should be 1 to %d characters of A-Z a-z 0-9 . _ : / -", s->path,
                        name, ZOO_NAME_MAX);
    return zoo_db_named_key(s, "SELECT key FROM reward_models WHERE name = ?1", "INSERT INTO reward_models (name) VALUES (?1)",
                            name, key, err);
}

int zoo_db_find_reward_model(zoo_store *s, const char *name, zoo_key *key, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT key FROM reward_models WHERE ?1 IS NULL OR name = ?1 LIMIT 2", "s", name);

    *key = 0;
    if (!rc && (rc = zoo_db_step(s, st, err)) == 1) {
        *key = sqlite3_column_int64(st, 0);
        rc = zoo_db_step(s, st, err);
    }
    zoo_db_reset(st);
    if (rc == 1)
        return zoo_fail(err, ZOO_EUSAGE, "%s: has several reward models; name one of them ('zooter store info --store %s' lists them)",
                        s->path, s->path);
    if (!rc && name && !*key)
        return zoo_fail(err, ZOO_EUSAGE, "%s: no reward model '%.128s'; 'zooter store info --store %s' lists them", s->path, name,
                        s->path);
    return rc;
}

static int read_answer(sqlite3_stmt *st, zoo_store_answer *out, zoo_arena *arena, zoo_err *err)
{
    int rc = zoo_db_read_query(st, &out->query, arena, err);

    out->expert = sqlite3_column_int64(st, 5);
    if (!rc)
        rc = zoo_db_copy_text(st, 6, arena, &out->expert_name, NULL, err);
    return rc ? rc : zoo_db_copy_text(st, 7, arena, &out->text, &out->text_size, err);
}

int zoo_store_unrewarded(zoo_store *s, const char *split, zoo_key reward_model, zoo_key after_query, zoo_key after_expert,
                         size_t limit, zoo_store_answer *out, size_t *count, zoo_arena *arena, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT " ZOO_QUERY_COLUMNS ", r.expert, e.name, r.text"
                            " FROM responses r CROSS JOIN queries q ON q.key = r.query CROSS JOIN experts e ON e.key = r.expert"
                            " WHERE (r.query, r.expert) > (?1, ?2) AND (?3 IS NULL OR q.split = ?3)"
                            " AND NOT EXISTS (SELECT 1 FROM rewards w WHERE w.query = r.query AND w.reward_model = ?4"
                            " AND w.expert = r.expert) ORDER BY r.query, r.expert", "kksk", after_query, after_expert, split,
                            reward_model);

    *count = 0;
    if (rc)
        return rc;
    while (*count < limit && (rc = zoo_db_step(s, st, err)) == 1) {
        rc = read_answer(st, &out[*count], arena, err);
        if (rc)
            break;
        ++*count;
    }
    zoo_db_reset(st);
    return rc < 0 ? rc : ZOO_OK;
}

int zoo_store_count_unrewarded(zoo_store *s, const char *split, zoo_key reward_model, uint64_t *count, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT count(*) FROM responses r CROSS JOIN queries q ON q.key = r.query"
                            " WHERE (?1 IS NULL OR q.split = ?1) AND NOT EXISTS (SELECT 1 FROM rewards w"
                            " WHERE w.query = r.query AND w.reward_model = ?2 AND w.expert = r.expert)", "sk", split, reward_model);

    return rc ? rc : zoo_db_count(s, st, count, err);
}

int zoo_store_put_reward(zoo_store *s, zoo_key reward_model, zoo_key query, zoo_key expert, double value, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc;

    if (!isfinite(value))
        return zoo_fail(err, ZOO_EUSAGE, "%s: the reward of query %lld is not a finite number", s->path, (long long)query);
    rc = zoo_db_prepare(s, &st, err, "INSERT INTO rewards (query, reward_model, expert, value) VALUES (?1, ?2, ?3, ?4)"
                        " ON CONFLICT (query, reward_model, expert) DO UPDATE SET value = excluded.value", "kkkd", query,
                        reward_model, expert, value);
    return rc ? rc : zoo_db_run(s, st, err);
}
