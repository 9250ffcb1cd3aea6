/* answers.c - experts, the settings they were asked with, their answers, and asks that failed. Layer: store. */
#include "store/answers.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

int zoo_store_expert(zoo_store *s, const char *name, zoo_key *key, zoo_err *err)
{
    int rc = zoo_store_check_name(s, "expert", name, err);

    return rc ? rc : zoo_store_named_key(s, ZOO_SQL_EXPERT_FIND, ZOO_SQL_EXPERT_PUT, name, key, err);
}

/* SHA-256 in hexadecimal: what two settings are the same by. A whole system prompt would be too long for an index. */
int zoo_store_digest(const char *text, size_t size, char out[ZOO_DIGEST_SIZE], zoo_err *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned used = 0;

    if (!EVP_Digest(text, size, bytes, &used, EVP_sha256(), NULL) || used != 32)
        return zoo_fail(err, ZOO_EIO, "SHA-256 cannot be computed");
    for (unsigned i = 0; i < used; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return ZOO_OK;
}

int zoo_store_settings(zoo_store *s, const char *json, zoo_key *key, zoo_err *err)
{
    size_t size = strlen(json);
    char digest[ZOO_DIGEST_SIZE];
    int found = 0, rc = zoo_store_digest(json, size, digest, err);

    for (int i = 0; !rc && !found && i < 3; i++) {
        enum zoo_sql id = i == 1 ? ZOO_SQL_SETTINGS_PUT : ZOO_SQL_SETTINGS_FIND;
        rc = i == 1 ? zoo_sql_bind(s, id, err, digest, json, size) : zoo_sql_bind(s, id, err, digest);
        if (!rc)
            rc = zoo_sql_single(s, id, key, &found, err);
    }
    return rc || found ? rc : zoo_fail(err, ZOO_EIO, "%s: settings came and went; run the command again", s->name);
}

int zoo_store_write_answer(zoo_store *s, enum zoo_sql id, const zoo_address *at, const zoo_answer *a, zoo_err *err)
{
    return zoo_sql_run(s, id, err, at->query, at->expert, at->sample, at->turn, a->settings ? a->settings : (int64_t)-1,
                       a->finish_reason, a->tokens_in, a->tokens_out, a->tokens_reasoning, a->tokens_cached, a->cost,
                       a->first_seconds, a->seconds, a->asked, a->reasoning, a->reasoning_size, a->text, a->text_size);
}

int zoo_store_put_answer(zoo_store *s, const zoo_address *at, const zoo_answer *answer, zoo_err *err)
{
    /* First the usual case: SQLite keeps a journal for every statement that might replace something. */
    int rc = zoo_store_write_answer(s, ZOO_SQL_ANSWER_NEW, at, answer, err);

    if (!rc && !zoo_sql_changes(s))
        rc = zoo_store_write_answer(s, ZOO_SQL_ANSWER_PUT, at, answer, err);
    if (!rc && !zoo_sql_changes(s))
        rc = zoo_fail(err, ZOO_ECONFLICT, "%s: query %lld has an answer of expert %lld already", s->name,
                      (long long)at->query, (long long)at->expert);
    return rc;
}

int zoo_store_note_failure(zoo_store *s, const zoo_address *at, const zoo_failure *f, zoo_err *err)
{
    return zoo_sql_run(s, ZOO_SQL_FAILURE_NOTE, err, at->query, at->expert, at->sample, at->turn, f->cause,
                       (int64_t)f->is_final, f->cost, f->last);
}

int zoo_store_count_unanswered(zoo_store *s, const zoo_selection *selection, const zoo_address *like, uint64_t *count,
                               uint64_t *failed_for_good, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_UNANSWERED_COUNT;
    int rc = zoo_sql_bind(s, id, err, ZOO_SELECTED(selection), like->expert, like->sample, like->turn);

    if (!rc)
        rc = zoo_sql_step(s, id, err);
    *count = rc == 1 ? (uint64_t)zoo_sql_number(s, id, 0) : 0;
    if (failed_for_good)
        *failed_for_good = rc == 1 ? (uint64_t)zoo_sql_number(s, id, 1) : 0;
    zoo_sql_reset(s, id);
    return rc < 0 ? rc : ZOO_OK;
}

int zoo_store_count_answered(zoo_store *s, const zoo_selection *selection, const zoo_address *like, uint64_t *count,
                             zoo_err *err)
{
    int64_t n = 0;
    int rc = zoo_sql_bind(s, ZOO_SQL_ANSWERED_COUNT, err, ZOO_SELECTED(selection), like->expert, like->sample,
                          like->turn);

    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_ANSWERED_COUNT, &n, NULL, err);
    *count = (uint64_t)n;
    return rc;
}
