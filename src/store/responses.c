/* responses.c - experts and what they answered. Layer: store. */
#include "base/name.h"
#include "store/db.h"

int zoo_db_named_key(zoo_store *s, const char *select, const char *insert, const char *name, zoo_key *key, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, select, "s", name);

    *key = 0;
    if (!rc)
        rc = zoo_db_step(s, st, err);
    if (rc == 1) {
        *key = sqlite3_column_int64(st, 0);
        zoo_db_reset(st);
        return ZOO_OK;
    }
    if (!rc)
        rc = zoo_db_prepare(s, &st, err, insert, "s", name);
    if (!rc)
        rc = zoo_db_run(s, st, err);
    if (!rc)
        *key = sqlite3_last_insert_rowid(s->db);
    return rc;
}

int zoo_store_expert(zoo_store *s, const char *name, zoo_key *key, zoo_err *err)
{
    int rc = zoo_name_check(name, s->path, err);

    return rc ? rc : zoo_db_named_key(s, "SELECT key FROM experts WHERE name = ?1", "INSERT INTO experts (name) VALUES (?1)",
                                      name, key, err);
}

int zoo_store_unanswered(zoo_store *s, const char *split, zoo_key expert, zoo_key after, size_t limit, zoo_store_query *out,
                         size_t *count, zoo_arena *arena, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT " ZOO_QUERY_COLUMNS " FROM queries q"
                            " WHERE q.key > ?1 AND (?2 IS NULL OR q.split = ?2)"
                            " AND NOT EXISTS (SELECT 1 FROM responses r WHERE r.query = q.key AND r.expert = ?3)"
                            " ORDER BY q.key", "ksk", after, split, expert);

    *count = 0;
    return rc ? rc : zoo_db_read_queries(s, st, limit, out, count, arena, err);
}

int zoo_store_count_unanswered(zoo_store *s, const char *split, zoo_key expert, uint64_t *count, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "SELECT count(*) FROM queries q WHERE (?1 IS NULL OR q.split = ?1)"
                            " AND NOT EXISTS (SELECT 1 FROM responses r WHERE r.query = q.key AND r.expert = ?2)", "sk", split,
                            expert);

    return rc ? rc : zoo_db_count(s, st, count, err);
}

static int insert_response(zoo_store *s, zoo_key query, zoo_key expert, const zoo_response *r, zoo_err *err)
{
    sqlite3_stmt *st;
    int rc = zoo_db_prepare(s, &st, err, "INSERT INTO responses"
                            " (query, expert, text, finish_reason, prompt_tokens, completion_tokens, seconds)"
                            " VALUES (?1, ?2, ?3, ?4, nullif(?5, -1), nullif(?6, -1), ?7)"
                            " ON CONFLICT (query, expert) DO NOTHING", "kktskkd", query, expert, r->text, r->text_size,
                            r->finish_reason, r->prompt_tokens, r->completion_tokens, r->seconds);

    return rc ? rc : zoo_db_run(s, st, err);
}

int zoo_store_put_response(zoo_store *s, zoo_key query, zoo_key expert, const zoo_response *r, zoo_err *err)
{
    int rc = insert_response(s, query, expert, r, err);

    if (!rc && !sqlite3_changes(s->db))
        rc = zoo_fail(err, ZOO_ECONFLICT, "%s: query %lld has an answer of expert %lld already", s->path, (long long)query,
                      (long long)expert);
    return rc;
}
