/* schema.c - see schema.h; and what may be done with a file or database of which version. Layer: store. */
#include "store/schema.h"

/* SQLite: rewards leads with the query so that a query's deletion finds its rewards; without a rowid, because its
 * key is the whole row but for the value. answers keeps a rowid: long texts in the leaves of a key tree would make
 * that deep. answers_figures holds what is loaded of answers, so that no text is read for it.
 * An answer's address is (query, expert, sample, turn): rewards, failures and judgements have it too, whether the
 * answer's text is stored or not, so that it does not matter what is imported first. */
const char *const zoo_schema_sqlite[ZOO_SCHEMA_VERSION] = {
    "CREATE TABLE queries (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, split TEXT, text TEXT NOT NULL,"
    " extra TEXT) STRICT;"
    "CREATE TABLE tags (key INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (kind, value)) STRICT;"
    "CREATE TABLE query_tags (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, tag INTEGER NOT NULL REFERENCES tags (key),"
    " PRIMARY KEY (query, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE experts (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE responses (key INTEGER PRIMARY KEY,"
    " query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " expert INTEGER NOT NULL REFERENCES experts (key), finish_reason TEXT, prompt_tokens INTEGER,"
    " completion_tokens INTEGER, seconds REAL, text TEXT NOT NULL, UNIQUE (query, expert)) STRICT;"
    "CREATE TABLE reward_models (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE rewards (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " reward_model INTEGER NOT NULL REFERENCES reward_models (key), expert INTEGER NOT NULL REFERENCES experts (key),"
    " value REAL NOT NULL, PRIMARY KEY (query, reward_model, expert)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE runs (key INTEGER PRIMARY KEY, command TEXT NOT NULL, settings TEXT NOT NULL, started TEXT NOT NULL,"
    " ended TEXT, status TEXT, summary TEXT) STRICT;",

    "CREATE TABLE settings (key INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, json TEXT NOT NULL) STRICT;"
    "CREATE TABLE answers (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " expert INTEGER NOT NULL REFERENCES experts (key), sample INTEGER NOT NULL, turn INTEGER NOT NULL,"
    " settings INTEGER REFERENCES settings (key), finish_reason TEXT, tokens_in INTEGER, tokens_out INTEGER,"
    " tokens_reasoning INTEGER, tokens_cached INTEGER, cost REAL, first_seconds REAL, seconds REAL, asked TEXT,"
    " reasoning TEXT, text TEXT, UNIQUE (query, expert, sample, turn)) STRICT;"
    "INSERT INTO answers (query, expert, sample, turn, finish_reason, tokens_in, tokens_out, seconds, text)"
    " SELECT query, expert, 1, 1, finish_reason, prompt_tokens, completion_tokens, seconds, text FROM responses"
    " ORDER BY query, expert;"
    "DROP TABLE responses;"
    "CREATE INDEX answers_figures ON answers (query, expert, sample, turn, cost, tokens_in, tokens_out)"
    " WHERE cost IS NOT NULL OR tokens_in IS NOT NULL OR tokens_out IS NOT NULL;"
    "CREATE TABLE failures (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " expert INTEGER NOT NULL REFERENCES experts (key), sample INTEGER NOT NULL, turn INTEGER NOT NULL,"
    " times INTEGER NOT NULL, cause TEXT NOT NULL, is_final INTEGER NOT NULL, cost REAL, last TEXT NOT NULL,"
    " PRIMARY KEY (query, expert, sample, turn)) STRICT, WITHOUT ROWID;"
    "ALTER TABLE rewards RENAME TO old_rewards;"
    "CREATE TABLE rewards (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " reward_model INTEGER NOT NULL REFERENCES reward_models (key), expert INTEGER NOT NULL REFERENCES experts (key),"
    " sample INTEGER NOT NULL, turn INTEGER NOT NULL, value REAL NOT NULL,"
    " PRIMARY KEY (query, reward_model, expert, sample, turn)) STRICT, WITHOUT ROWID;"
    "INSERT INTO rewards (query, reward_model, expert, sample, turn, value)"
    " SELECT query, reward_model, expert, 1, 1, value FROM old_rewards ORDER BY query, reward_model, expert;"
    "DROP TABLE old_rewards;"
    "CREATE TABLE judgements (query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " reward_model INTEGER NOT NULL REFERENCES reward_models (key), expert_a INTEGER NOT NULL REFERENCES experts (key),"
    " sample_a INTEGER NOT NULL, expert_b INTEGER NOT NULL REFERENCES experts (key), sample_b INTEGER NOT NULL,"
    " turn INTEGER NOT NULL, shown_ba INTEGER NOT NULL, verdict TEXT NOT NULL, probability REAL, text TEXT,"
    " UNIQUE (query, reward_model, expert_a, sample_a, expert_b, sample_b, turn, shown_ba)) STRICT;"
    "CREATE TABLE owners (key INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, process INTEGER NOT NULL,"
    " started INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;"
    "CREATE TABLE claims (reward_model INTEGER NOT NULL,"
    " query INTEGER NOT NULL REFERENCES queries (key) ON DELETE CASCADE,"
    " expert INTEGER NOT NULL, sample INTEGER NOT NULL, turn INTEGER NOT NULL,"
    " owner INTEGER NOT NULL REFERENCES owners (key) ON DELETE CASCADE,"
    " given_up INTEGER NOT NULL, PRIMARY KEY (reward_model, query, expert, sample, turn)) STRICT, WITHOUT ROWID;",
};

/* PostgreSQL: names compare bytewise (COLLATE "C"), as in SQLite. answers.text and its kin are bytes, because a text
 * there cannot hold a NUL: convert_from(text, 'UTF8') reads them. rewards, query_tags and judgements have no foreign
 * keys, which would cost an import more than all else; a trigger takes them away with their query. */
#define NAME_KEY "key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
const char *const zoo_schema_postgres =
    "CREATE TABLE zooter (application TEXT NOT NULL, version BIGINT NOT NULL);"
    "CREATE TABLE queries (key BIGINT PRIMARY KEY, id TEXT COLLATE \"C\" NOT NULL UNIQUE, split TEXT COLLATE \"C\","
    " text TEXT NOT NULL, extra TEXT);"
    "CREATE TABLE tags (" NAME_KEY ", kind TEXT COLLATE \"C\" NOT NULL, value TEXT COLLATE \"C\" NOT NULL,"
    " UNIQUE (kind, value));"
    "CREATE TABLE query_tags (query BIGINT NOT NULL, position INTEGER NOT NULL, tag BIGINT NOT NULL,"
    " PRIMARY KEY (query, position));"
    "CREATE TABLE experts (" NAME_KEY ", name TEXT COLLATE \"C\" NOT NULL UNIQUE);"
    "CREATE TABLE reward_models (" NAME_KEY ", name TEXT COLLATE \"C\" NOT NULL UNIQUE);"
    "CREATE TABLE settings (" NAME_KEY ", digest TEXT COLLATE \"C\" NOT NULL UNIQUE, json TEXT NOT NULL);"
    "CREATE TABLE answers (query BIGINT NOT NULL REFERENCES queries (key) ON DELETE CASCADE, expert INTEGER NOT NULL,"
    " sample SMALLINT NOT NULL, turn SMALLINT NOT NULL, settings BIGINT, finish_reason TEXT, tokens_in BIGINT,"
    " tokens_out BIGINT, tokens_reasoning BIGINT, tokens_cached BIGINT, cost DOUBLE PRECISION,"
    " first_seconds DOUBLE PRECISION, seconds DOUBLE PRECISION, asked TEXT, reasoning BYTEA, text BYTEA,"
    " PRIMARY KEY (query, expert, sample, turn));"
    "CREATE INDEX answers_figures ON answers (query, expert, sample, turn, cost, tokens_in, tokens_out)"
    " WHERE cost IS NOT NULL OR tokens_in IS NOT NULL OR tokens_out IS NOT NULL;"
    "CREATE TABLE failures (query BIGINT NOT NULL REFERENCES queries (key) ON DELETE CASCADE, expert INTEGER NOT NULL,"
    " sample SMALLINT NOT NULL, turn SMALLINT NOT NULL, times INTEGER NOT NULL, cause TEXT NOT NULL,"
    " is_final SMALLINT NOT NULL, cost DOUBLE PRECISION, last TEXT NOT NULL,"
    " PRIMARY KEY (query, expert, sample, turn));"
    "CREATE TABLE rewards (value DOUBLE PRECISION NOT NULL, query BIGINT NOT NULL, reward_model INTEGER NOT NULL,"
    " expert INTEGER NOT NULL, sample SMALLINT NOT NULL, turn SMALLINT NOT NULL,"
    " PRIMARY KEY (query, reward_model, expert, sample, turn));"
    "CREATE TABLE judgements (query BIGINT NOT NULL, reward_model INTEGER NOT NULL, expert_a INTEGER NOT NULL,"
    " sample_a SMALLINT NOT NULL, expert_b INTEGER NOT NULL, sample_b SMALLINT NOT NULL,"
    " turn SMALLINT NOT NULL, shown_ba SMALLINT NOT NULL, verdict TEXT NOT NULL,"
    " probability DOUBLE PRECISION, text BYTEA,"
    " PRIMARY KEY (query, reward_model, expert_a, sample_a, expert_b, sample_b, turn, shown_ba));"
    "CREATE TABLE runs (" NAME_KEY ", command TEXT NOT NULL, settings TEXT NOT NULL, started TEXT NOT NULL, ended TEXT,"
    " status TEXT, summary TEXT);"
    "CREATE TABLE owners (" NAME_KEY ", host TEXT NOT NULL, process BIGINT NOT NULL, started BIGINT NOT NULL,"
    " until BIGINT NOT NULL);"
    "CREATE TABLE claims (reward_model INTEGER NOT NULL,"
    " query BIGINT NOT NULL REFERENCES queries (key) ON DELETE CASCADE, expert INTEGER NOT NULL,"
    " sample SMALLINT NOT NULL, turn SMALLINT NOT NULL,"
    " owner BIGINT NOT NULL REFERENCES owners (key) ON DELETE CASCADE,"
    " given_up SMALLINT NOT NULL, PRIMARY KEY (reward_model, query, expert, sample, turn));"
    "CREATE FUNCTION zooter_delete_queries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " DELETE FROM query_tags x USING gone WHERE x.query = gone.key;"
    " DELETE FROM rewards x USING gone WHERE x.query = gone.key;"
    " DELETE FROM judgements x USING gone WHERE x.query = gone.key; RETURN NULL; END $$;"
    "CREATE TRIGGER zooter_delete_queries AFTER DELETE ON queries REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
    " EXECUTE FUNCTION zooter_delete_queries();";

int zoo_schema_check(const char *name, enum zoo_schema_kind kind, int64_t version, enum zoo_store_mode mode,
                     zoo_err *err)
{
    if (kind == ZOO_SCHEMA_FOREIGN)
        return zoo_fail(err, ZOO_EFORMAT, "%s: not a store: it holds another program's tables", name);
    if (kind == ZOO_SCHEMA_FRESH && mode != ZOO_STORE_CREATE)
        return zoo_fail(err, ZOO_DB_EMPTY, "%s: not a store: it is empty", name);
    if (kind == ZOO_SCHEMA_OURS && version > ZOO_SCHEMA_VERSION)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: made by a newer zooter (version %lld of the store's format, this one knows %d); use that "
                        "one", name, (long long)version, ZOO_SCHEMA_VERSION);
    if (kind == ZOO_SCHEMA_OURS && version < ZOO_SCHEMA_VERSION && mode == ZOO_STORE_READ)
        return zoo_fail(err, ZOO_DB_OLD,
                        "%s: made by an older zooter, and is to be brought up to date before it can be read", name);
    return ZOO_OK;
}
