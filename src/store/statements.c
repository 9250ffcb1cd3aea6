/* statements.c - see statements.h. What differs between the dialects stands side by side: texts are compared
 * bytewise in both (PostgreSQL's columns are declared COLLATE "C"), and parameters are written ?1 (the PostgreSQL
 * driver makes $1 of it). Refuses to be built at run time: every text is a literal. Layer: store. */
#include "store/statements.h"

#define BOTH(types_, text_) { types_, 0, { text_, text_ } }
#define EACH(types_, sqlite_, postgres_) { types_, 0, { sqlite_, postgres_ } }
#define SCAN(types_, text_) { types_, 1, { text_(SQLITE_), text_(POSTGRES_) } }
#define AHEAD(postgres_) { "K", 1, { NULL, postgres_ } }          /* SQLite imports line by line */
#define AHEAD_AMONG(postgres_) { "KS", 1, { NULL, postgres_ } }
#define IN_SELECTION(types_, text_) { types_, 0, { text_(SQLITE_), text_(POSTGRES_) } }

/* Queries q of the selection in ?1, ?2, ?3: in one of the splits,
 * and with one of the tags of each kind that is named. */
#define SELECTED(is_split, is_tag) "(?1 IS NULL OR q.split " is_split ") AND (?3 = 0 OR" \
    " (SELECT count(DISTINCT xt.kind) FROM query_tags x" \
    " JOIN tags xt ON xt.key = x.tag WHERE x.query = q.key AND x.tag " is_tag ") = ?3)"
#define SQLITE_SELECTED SELECTED("IN (SELECT value FROM json_each(?1))", "IN (SELECT value FROM json_each(?2))")
#define POSTGRES_SELECTED SELECTED("= ANY (?1)", "= ANY (?2)")
#define SQLITE_AMONG_4 "IN (SELECT value FROM json_each(?4))"
#define POSTGRES_AMONG_4 "= ANY (?4)"
/* The order of joins is ours to say in SQLite: by the selected queries, each with what hangs on it. PostgreSQL's
 * planner knows better. */
#define SQLITE_WITH "CROSS JOIN"
#define POSTGRES_WITH "JOIN"

#define SQLITE_NOW "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
#define POSTGRES_NOW "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"

#define QUERY_COLUMNS "q.key, q.id, q.split, q.text, q.extra"
#define ANSWER_COLUMNS "finish_reason, tokens_in, tokens_out, tokens_reasoning, tokens_cached, cost, first_seconds," \
    " seconds, asked, reasoning, text"

#define QUERIES_PAGE(D) "SELECT " QUERY_COLUMNS " FROM queries q WHERE q.key > ?4 AND " D##SELECTED " ORDER BY q.key" \
    " LIMIT ?5"
#define QUERIES_COUNT(D) "SELECT count(*) FROM queries q WHERE " D##SELECTED

/* An expert that was deleted meanwhile is NULL, which its column refuses: there a foreign key would cost imports
 * more than all else. */
#define POSTGRES_EXPERT(parameter) "(SELECT key FROM experts WHERE key = " parameter ")"
#define ANSWER_INSERT(expert) "INSERT INTO answers (query, expert, sample, turn, settings, " ANSWER_COLUMNS ")" \
    " VALUES (?1, " expert ", ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)" \
    " ON CONFLICT (query, expert, sample, turn) DO "
#define REPLACED(column) column " = excluded." column
/* What a row of figures says (imported costs and tokens) stays where the answer that comes to it does not say it. */
#define FILLED(column) column " = coalesce(excluded." column ", answers." column ")"
#define ANSWER_SET(as) as("settings") ", " as("finish_reason") ", " as("tokens_in") ", " as("tokens_out") ", " \
    as("tokens_reasoning") ", " as("tokens_cached") ", " as("cost") ", " as("first_seconds") ", " as("seconds") ", " \
    as("asked") ", " as("reasoning") ", " as("text")
#define ADDRESS " query = ?1 AND expert = ?2 AND sample = ?3 AND turn = ?4"

/* There is no such row. Counts look at all rows of both tables, and the planner may join them. A claim wants the
 * first few of many, one look-up by key for each: PostgreSQL would read the whole other table for every page, so it
 * is given what it cannot turn into a join. */
#define NONE(rows) "NOT EXISTS (SELECT 1 FROM " rows ")"
#define NONE_BY_KEY(rows) "CASE WHEN (SELECT 1 FROM " rows ") IS NULL THEN TRUE ELSE FALSE END"

/* Query q has no answer of expert ?4 as sample ?5 in turn ?6, nor (unless ?7) a failure for good. */
#define WITHOUT_ANSWER(none) none("answers a WHERE a.query = q.key AND a.expert = ?4 AND a.sample = ?5" \
    " AND a.turn = ?6 AND a.text IS NOT NULL")
#define FAILURE_FOR_GOOD "failures f WHERE f.query = q.key AND f.expert = ?4 AND f.sample = ?5 AND f.turn = ?6" \
    " AND f.is_final = 1"
#define NOT_ANSWERED(none) " AND " WITHOUT_ANSWER(none) " AND (?7 = 1 OR " none(FAILURE_FOR_GOOD) ")"
#define UNANSWERED_COUNT(D) "SELECT count(*), count(CASE WHEN EXISTS (SELECT 1 FROM " FAILURE_FOR_GOOD ") THEN 1 END)" \
    " FROM queries q WHERE " D##SELECTED " AND " WITHOUT_ANSWER(NONE)
#define ANSWERED_COUNT(D) "SELECT count(*) FROM queries q WHERE " D##SELECTED " AND EXISTS (SELECT 1 FROM answers a" \
    " WHERE a.query = q.key AND a.expert = ?4 AND a.sample = ?5 AND a.turn = ?6 AND a.text IS NOT NULL)"

/* Answer a has no reward of reward model ?4. */
#define NOT_REWARDED(none) " AND a.text IS NOT NULL AND " none("rewards w WHERE w.query = a.query" \
    " AND w.reward_model = ?4 AND w.expert = a.expert AND w.sample = a.sample AND w.turn = a.turn")
#define UNREWARDED_COUNT(D) "SELECT count(*) FROM answers a " D##WITH " queries q ON q.key = a.query" \
    " WHERE " D##SELECTED NOT_REWARDED(NONE)

#define CLAIM_QUESTIONS(D) "INSERT INTO claims (reward_model, query, expert, sample, turn, owner, given_up)" \
    " SELECT 0, q.key, ?4, ?5, ?6, ?9, 0 FROM queries q WHERE q.key > ?8 AND " D##SELECTED NOT_ANSWERED(NONE_BY_KEY) \
    " AND " NONE_BY_KEY("claims c WHERE c.reward_model = 0 AND c.query = q.key AND c.expert = ?4 AND c.sample = ?5" \
    " AND c.turn = ?6") " ORDER BY q.key LIMIT ?10 ON CONFLICT DO NOTHING"
/* By the queries: claims of other experts and owners lie between ours. */
#define CLAIMED_QUESTIONS(D) "SELECT " QUERY_COLUMNS " FROM queries q " D##WITH " claims c ON c.query = q.key" \
    " WHERE c.reward_model = 0 AND c.owner = ?1 AND c.expert = ?2 AND c.sample = ?3 AND c.turn = ?4" \
    " AND c.given_up = 0 AND q.key > ?5 ORDER BY q.key"
#define CLAIM_ANSWERS(D) "INSERT INTO claims (reward_model, query, expert, sample, turn, owner, given_up)" \
    " SELECT ?4, a.query, a.expert, a.sample, a.turn, ?9, 0 FROM answers a " D##WITH " queries q ON q.key = a.query" \
    " WHERE (a.query, a.expert, a.sample, a.turn) > (?5, ?6, ?7, ?8) AND q.key >= ?5" \
    " AND " D##SELECTED NOT_REWARDED(NONE_BY_KEY) \
    " AND " NONE_BY_KEY("claims c WHERE c.reward_model = ?4 AND c.query = a.query AND c.expert = a.expert" \
    " AND c.sample = a.sample AND c.turn = a.turn") " ORDER BY a.query, a.expert, a.sample, a.turn LIMIT ?10" \
    " ON CONFLICT DO NOTHING"
#define CLAIM_AT " FROM claims WHERE reward_model = ?1 AND query = ?2 AND expert = ?3 AND sample = ?4 AND turn = ?5" \
    " AND owner = ?6"

#define CLAIMS_ON "SELECT count(*) FROM claims WHERE given_up = 0 AND "

#define SQLITE_REWARD_PUT "INSERT INTO rewards (query, reward_model, expert, sample, turn, value)" \
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
/* PostgreSQL's table has no foreign keys: they would cost an import more than all else. */
#define POSTGRES_REWARD_PUT "INSERT INTO rewards (query, reward_model, expert, sample, turn, value)" \
    " SELECT ?1, (SELECT key FROM reward_models WHERE key = ?2), " POSTGRES_EXPERT("?3") ", ?4, ?5, ?6" \
    " FROM (SELECT 1 FROM queries WHERE key = ?1 FOR KEY SHARE) q"
#define REWARD_UPSERT " ON CONFLICT (query, reward_model, expert, sample, turn) DO UPDATE SET value = excluded.value"

#define LOAD_QUERIES(D) "SELECT q.key, q.id, q.text, q.split FROM queries q WHERE " D##SELECTED " ORDER BY q.key"
#define LOAD_REWARDS(D) "SELECT w.query, w.reward_model, w.expert, w.value" \
    " FROM queries q " D##WITH " rewards w ON w.query = q.key" \
    " WHERE " D##SELECTED " AND w.reward_model " D##AMONG_4 " AND (?5 = 0 OR w.sample = ?5)" \
    " ORDER BY q.key, w.reward_model, w.expert, w.sample, w.turn"
#define LOAD_TAGS(D) "SELECT g.query, g.tag FROM queries q " D##WITH " query_tags g ON g.query = q.key" \
    " WHERE " D##SELECTED " ORDER BY q.key, g.position"
#define LOAD_FIGURES(D) "SELECT a.query, a.expert, a.cost, a.tokens_in, a.tokens_out" \
    " FROM queries q " D##WITH " answers a ON a.query = q.key" \
    " WHERE " D##SELECTED " AND (a.cost IS NOT NULL OR a.tokens_in IS NOT NULL OR a.tokens_out IS NOT NULL)" \
    " AND (?4 = 0 OR a.sample = ?4) ORDER BY q.key, a.expert, a.sample, a.turn"

#define FIRST(t) " AND " t ".sample = 1 AND " t ".turn = 1"
#define EXPORT_QUERIES(D) "SELECT q.key, q.id, q.text, q.split, q.extra FROM queries q WHERE " D##SELECTED \
    " ORDER BY q.key"
#define EXPORT_TAGS(D) "SELECT g.query, t.kind, t.value" \
    " FROM queries q " D##WITH " query_tags g ON g.query = q.key " D##WITH \
    " tags t ON t.key = g.tag WHERE " D##SELECTED " ORDER BY q.key, g.position"
#define EXPORT_REWARDS(D) "SELECT w.query, m.name, e.name, w.value" \
    " FROM queries q " D##WITH " rewards w ON w.query = q.key " D##WITH \
    " experts e ON e.key = w.expert " D##WITH " reward_models m ON m.key = w.reward_model WHERE " D##SELECTED \
    " AND w.reward_model " D##AMONG_4 FIRST("w") " ORDER BY q.key, m.name, e.name"
#define EXPORT_RESPONSES(D) "SELECT a.query, e.name, a.text" \
    " FROM queries q " D##WITH " answers a ON a.query = q.key " D##WITH \
    " experts e ON e.key = a.expert WHERE " D##SELECTED " AND a.text IS NOT NULL" FIRST("a") " ORDER BY q.key, e.name"
#define HAS_FIGURES "(a.cost IS NOT NULL OR a.tokens_in IS NOT NULL OR a.tokens_out IS NOT NULL" \
    " OR a.tokens_reasoning IS NOT NULL OR a.tokens_cached IS NOT NULL)"
#define EXPORT_FIGURES(D) "SELECT a.query, e.name, a.cost, a.tokens_in, a.tokens_out, a.tokens_reasoning," \
    " a.tokens_cached FROM queries q " D##WITH \
    " answers a ON a.query = q.key " D##WITH " experts e ON e.key = a.expert WHERE " D##SELECTED \
    " AND " HAS_FIGURES FIRST("a") " ORDER BY q.key, e.name"
#define EXPORT_ANSWERS(D) "SELECT a.query, e.name, a.sample, a.turn, s.json, a.finish_reason, a.tokens_in," \
    " a.tokens_out, a.tokens_reasoning, a.tokens_cached, a.cost, a.first_seconds, a.seconds, a.asked, a.reasoning," \
    " a.text FROM queries q " D##WITH " answers a ON a.query = q.key " D##WITH " experts e ON e.key = a.expert" \
    " LEFT JOIN settings s ON s.key = a.settings WHERE " D##SELECTED " ORDER BY q.key, e.name, a.sample, a.turn"
#define EXPORT_FAILURES(D) "SELECT f.query, e.name, f.sample, f.turn, f.times, f.cause, f.is_final, f.cost, f.last" \
    " FROM queries q " D##WITH " failures f ON f.query = q.key " D##WITH " experts e ON e.key = f.expert" \
    " WHERE " D##SELECTED " ORDER BY q.key, e.name, f.sample, f.turn"
#define EXPORT_SCORES(D) "SELECT w.query, e.name, w.sample, w.turn, m.name, w.value" \
    " FROM queries q " D##WITH " rewards w ON w.query = q.key " D##WITH \
    " experts e ON e.key = w.expert " D##WITH " reward_models m ON m.key = w.reward_model WHERE " D##SELECTED \
    " ORDER BY q.key, e.name, w.sample, w.turn, m.name"
#define EXPORT_JUDGEMENTS(D) "SELECT j.query, m.name, a.name, j.sample_a, b.name, j.sample_b, j.turn, j.shown_ba," \
    " j.verdict, j.probability, j.text FROM queries q " D##WITH " judgements j ON j.query = q.key " D##WITH \
    " reward_models m ON m.key = j.reward_model " D##WITH " experts a ON a.key = j.expert_a " D##WITH \
    " experts b ON b.key = j.expert_b WHERE " D##SELECTED \
    " AND j.reward_model " D##AMONG_4 \
    " ORDER BY q.key, m.name, a.name, j.sample_a, b.name, j.sample_b, j.turn, j.shown_ba"

/* The order of kinds of tag: dataset, subset, then as they were first seen. */
#define KIND_ORDER "CASE t.kind WHEN 'dataset' THEN 0 WHEN 'subset' THEN 1 ELSE 2 END"

#define DELETE_BY(table, column, names) "DELETE FROM " table " WHERE " column " = (SELECT key FROM " names \
    " WHERE name = ?1)"

const zoo_statement zoo_statements[ZOO_SQL_COUNT] = {
    [ZOO_SQL_QUERY_BY_ID] = BOTH("t", "SELECT key, split, text, extra FROM queries WHERE id = ?1"),
    [ZOO_SQL_QUERIES_PAGE] = IN_SELECTION("SKkkk", QUERIES_PAGE),
    [ZOO_SQL_QUERIES_COUNT] = IN_SELECTION("SKk", QUERIES_COUNT),
    [ZOO_SQL_QUERIES_KNOWN] = EACH("S", "SELECT id, key FROM queries WHERE id IN (SELECT value FROM json_each(?1))",
                                   "SELECT id, key FROM queries WHERE id = ANY (?1)"),
    [ZOO_SQL_QUERY_NEXT_KEY] = BOTH("", "SELECT coalesce(max(key), 0) + 1 FROM queries"),
    [ZOO_SQL_QUERY_NEW] = BOTH("ktttt", "INSERT INTO queries (key, id, split, text, extra) VALUES (?1, ?2, ?3, ?4, ?5)"
                               " ON CONFLICT (id) DO NOTHING"),
    [ZOO_SQL_QUERY_UPDATE] = BOTH("kttt", "UPDATE queries SET text = ?2, split = ?3, extra = ?4 WHERE key = ?1"),
    [ZOO_SQL_QUERY_SET_SPLIT] = BOTH("ks", "UPDATE queries SET split = ?2 WHERE key = ?1"),
    [ZOO_SQL_SPLIT_EXISTS] = BOTH("s", "SELECT 1 FROM queries WHERE split = ?1 LIMIT 1"),
    [ZOO_SQL_QUERY_TAGS] = BOTH("k", "SELECT t.key, t.kind, t.value, q.position FROM query_tags q"
                                " JOIN tags t ON t.key = q.tag WHERE q.query = ?1 ORDER BY q.position"),
    [ZOO_SQL_TAG_FIND] = BOTH("tt", "SELECT key FROM tags WHERE kind = ?1 AND value = ?2"),
    [ZOO_SQL_TAG_PUT] = BOTH("tt", "INSERT INTO tags (kind, value) VALUES (?1, ?2) ON CONFLICT (kind, value) DO NOTHING"
                             " RETURNING key"),
    [ZOO_SQL_TAG_KINDS] = BOTH("", "SELECT t.kind FROM tags t GROUP BY t.kind ORDER BY " KIND_ORDER ", min(t.key)"),
    [ZOO_SQL_TAG_NEW_KIND] = BOTH("t", "SELECT CASE WHEN EXISTS (SELECT 1 FROM tags WHERE kind = ?1) THEN 0"
                                  " ELSE (SELECT count(DISTINCT kind) FROM tags) END"),
    [ZOO_SQL_TAGS_OF_KIND] = BOTH("ss", "SELECT key FROM tags WHERE kind = ?1 AND value = ?2"),
    [ZOO_SQL_QUERY_TAG_PUT] = BOTH("kkk", "INSERT INTO query_tags (query, position, tag) VALUES (?1, ?2, ?3)"),
    [ZOO_SQL_QUERY_TAG_APPEND] = BOTH("kk", "INSERT INTO query_tags (query, position, tag)"
                                      " SELECT ?1, coalesce(max(position) + 1, 0), ?2 FROM query_tags WHERE query = ?1"
                                      " HAVING max(CASE WHEN tag = ?2 THEN 1 ELSE 0 END) IS NULL"
                                      " OR max(CASE WHEN tag = ?2 THEN 1 ELSE 0 END) = 0"),
    [ZOO_SQL_QUERY_TAGS_DELETE] = BOTH("kt", "DELETE FROM query_tags WHERE query = ?1 AND (SELECT kind FROM tags"
                                       " WHERE key = tag) = ?2"),

    [ZOO_SQL_EXPERT_FIND] = BOTH("s", "SELECT key FROM experts WHERE name = ?1"),
    [ZOO_SQL_EXPERT_PUT] = BOTH("s", "INSERT INTO experts (name) VALUES (?1) ON CONFLICT (name) DO NOTHING"
                                " RETURNING key"),
    [ZOO_SQL_EXPERTS] = BOTH("", "SELECT key, name FROM experts ORDER BY key"),
    [ZOO_SQL_REWARD_MODEL_FIND] = BOTH("s", "SELECT key FROM reward_models WHERE name = ?1"),
    [ZOO_SQL_REWARD_MODEL_PUT] = BOTH("s", "INSERT INTO reward_models (name) VALUES (?1) ON CONFLICT (name) DO NOTHING"
                                      " RETURNING key"),
    [ZOO_SQL_REWARD_MODELS] = BOTH("", "SELECT key, name FROM reward_models ORDER BY key"),
    [ZOO_SQL_REWARD_MODELS_USED] = BOTH("", "SELECT key, name FROM reward_models m"
                                        " WHERE EXISTS (SELECT 1 FROM rewards WHERE reward_model = m.key)"
                                        " ORDER BY key"),
    [ZOO_SQL_SETTINGS_FIND] = BOTH("s", "SELECT key FROM settings WHERE digest = ?1"),
    [ZOO_SQL_SETTINGS_PUT] = BOTH("st", "INSERT INTO settings (digest, json) VALUES (?1, ?2)"
                                  " ON CONFLICT (digest) DO NOTHING RETURNING key"),

    [ZOO_SQL_ANSWER_NEW] = EACH("kkkknsnnnndddsbb", ANSWER_INSERT("?2") "NOTHING",
                                ANSWER_INSERT(POSTGRES_EXPERT("?2")) "NOTHING"),
    [ZOO_SQL_ANSWER_PUT] = EACH("kkkknsnnnndddsbb", ANSWER_INSERT("?2") "UPDATE SET " ANSWER_SET(FILLED)
                                " WHERE answers.text IS NULL",
                                ANSWER_INSERT(POSTGRES_EXPERT("?2")) "UPDATE SET " ANSWER_SET(FILLED)
                                " WHERE answers.text IS NULL"),
    [ZOO_SQL_ANSWER_REPLACE] = BOTH("kkkknsnnnndddsbb", ANSWER_INSERT("?2") "UPDATE SET " ANSWER_SET(REPLACED)),
    [ZOO_SQL_ANSWER_OF] = BOTH("kkkk", "SELECT (SELECT json FROM settings WHERE key = settings), " ANSWER_COLUMNS
                               " FROM answers WHERE" ADDRESS),
    [ZOO_SQL_ANSWER_TEXT] = BOTH("kkkkb", "INSERT INTO answers (query, expert, sample, turn, text)"
                                 " VALUES (?1, ?2, ?3, ?4, ?5)"
                                 " ON CONFLICT (query, expert, sample, turn) DO UPDATE SET text = excluded.text"),
    [ZOO_SQL_ANSWER_FIGURES] = BOTH("kkkkdnnnn", "INSERT INTO answers (query, expert, sample, turn, cost, tokens_in,"
                                    " tokens_out, tokens_reasoning, tokens_cached)"
                                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                                    " ON CONFLICT (query, expert, sample, turn)"
                                    " DO UPDATE SET cost = coalesce(excluded.cost, answers.cost),"
                                    " tokens_in = coalesce(excluded.tokens_in, answers.tokens_in),"
                                    " tokens_out = coalesce(excluded.tokens_out, answers.tokens_out),"
                                    " tokens_reasoning = coalesce(excluded.tokens_reasoning, answers.tokens_reasoning),"
                                    " tokens_cached = coalesce(excluded.tokens_cached, answers.tokens_cached)"),
    [ZOO_SQL_RESPONSES_OF] = BOTH("k", "SELECT e.name, a.text FROM answers a JOIN experts e ON e.key = a.expert"
                                  " WHERE a.query = ?1 AND a.text IS NOT NULL" FIRST("a") " ORDER BY e.name"),
    [ZOO_SQL_FIGURES_OF] = BOTH("k", "SELECT e.name, a.cost, a.tokens_in, a.tokens_out, a.tokens_reasoning,"
                                " a.tokens_cached FROM answers a"
                                " JOIN experts e ON e.key = a.expert WHERE a.query = ?1 AND " HAS_FIGURES FIRST("a")
                                " ORDER BY e.name"),
    [ZOO_SQL_FAILURE_NOTE] = BOTH("kkkkskds", "INSERT INTO failures (query, expert, sample, turn, times, cause,"
                                  " is_final, cost, last)"
                                  " VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8)"
                                  " ON CONFLICT (query, expert, sample, turn)"
                                  " DO UPDATE SET times = failures.times + 1, cause = excluded.cause,"
                                  " is_final = excluded.is_final,"
                                  " cost = CASE WHEN failures.cost IS NULL THEN excluded.cost"
                                  " ELSE failures.cost + coalesce(excluded.cost, 0) END, last = excluded.last"),
    [ZOO_SQL_FAILURE_PUT] = BOTH("kkkkkskds", "INSERT INTO failures (query, expert, sample, turn, times, cause,"
                                 " is_final, cost, last)"
                                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                                 " ON CONFLICT (query, expert, sample, turn)"
                                 " DO UPDATE SET times = excluded.times, cause = excluded.cause,"
                                 " is_final = excluded.is_final, cost = excluded.cost, last = excluded.last"),
    [ZOO_SQL_FAILURE_OF] = BOTH("kkkk", "SELECT times, cause, is_final, cost, last FROM failures WHERE" ADDRESS),
    [ZOO_SQL_UNANSWERED_COUNT] = IN_SELECTION("SKkkkk", UNANSWERED_COUNT),
    [ZOO_SQL_ANSWERED_COUNT] = IN_SELECTION("SKkkkk", ANSWERED_COUNT),
    [ZOO_SQL_REWARD_PUT] = EACH("kkkkkd", SQLITE_REWARD_PUT REWARD_UPSERT, POSTGRES_REWARD_PUT REWARD_UPSERT),
    [ZOO_SQL_REWARDS_OF] = BOTH("kt", "SELECT e.name, w.value FROM rewards w JOIN experts e ON e.key = w.expert"
                                " WHERE w.query = ?1 AND w.reward_model ="
                                " (SELECT key FROM reward_models WHERE name = ?2)" FIRST("w") " ORDER BY e.name"),
    [ZOO_SQL_REWARD_OF] = BOTH("kkkkt", "SELECT value FROM rewards WHERE" ADDRESS
                               " AND reward_model = (SELECT key FROM reward_models WHERE name = ?5)"),
    [ZOO_SQL_UNREWARDED_COUNT] = IN_SELECTION("SKkk", UNREWARDED_COUNT),
    [ZOO_SQL_JUDGEMENT_PUT] = BOTH("kkkkkkkksdb", "INSERT INTO judgements (query, reward_model, expert_a, sample_a,"
                                   " expert_b, sample_b, turn, shown_ba,"
                                   " verdict, probability, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                                   " ON CONFLICT (query, reward_model, expert_a, sample_a, expert_b, sample_b, turn,"
                                   " shown_ba) DO UPDATE SET verdict = excluded.verdict,"
                                   " probability = excluded.probability, text = excluded.text"),
    [ZOO_SQL_JUDGEMENT_OF] = BOTH("kkkkkkkk", "SELECT verdict, probability, text FROM judgements WHERE query = ?1"
                                  " AND reward_model = ?2 AND expert_a = ?3 AND sample_a = ?4 AND expert_b = ?5"
                                  " AND sample_b = ?6 AND turn = ?7 AND shown_ba = ?8"),

    [ZOO_SQL_OWNER_NEW] = EACH("skkk", "INSERT INTO owners (host, process, started, until)"
                               " VALUES (?1, ?2, ?3, " SQLITE_NOW " + ?4) RETURNING key",
                               "INSERT INTO owners (host, process, started, until)"
                               " VALUES (?1, ?2, ?3, " POSTGRES_NOW " + ?4) RETURNING key"),
    [ZOO_SQL_OWNER_RENEW] = EACH("kk", "UPDATE owners SET until = " SQLITE_NOW " + ?2 WHERE key = ?1",
                                 "UPDATE owners SET until = " POSTGRES_NOW " + ?2 WHERE key = ?1"),
    [ZOO_SQL_OWNERS] = EACH("", "SELECT key, host, process, started, CASE WHEN until < " SQLITE_NOW " THEN 1 ELSE 0 END"
                            " FROM owners ORDER BY key",
                            "SELECT key, host, process, started, CASE WHEN until < " POSTGRES_NOW " THEN 1 ELSE 0 END"
                            " FROM owners ORDER BY key"),
    [ZOO_SQL_OWNER_CLAIMS_DELETE] = BOTH("k", "DELETE FROM claims WHERE owner = ?1"),
    [ZOO_SQL_OWNER_DELETE] = BOTH("k", "DELETE FROM owners WHERE key = ?1"),
    /* "Zoot"; SQLite has one writer anyway */
    [ZOO_SQL_CLAIM_LOCK] = EACH("", NULL, "SELECT pg_advisory_xact_lock(1517252468)"),
    [ZOO_SQL_CLAIM_QUESTIONS] = IN_SELECTION("SKkkkkkkkk", CLAIM_QUESTIONS),
    [ZOO_SQL_CLAIMED_QUESTIONS] = IN_SELECTION("kkkkk", CLAIMED_QUESTIONS),
    [ZOO_SQL_CLAIM_ANSWERS] = IN_SELECTION("SKkkkkkkkk", CLAIM_ANSWERS),
    [ZOO_SQL_CLAIMED_ANSWERS] = BOTH("kkkkkk", "SELECT " QUERY_COLUMNS ", a.expert, e.name, a.sample, a.turn, a.text"
                                     " FROM claims c JOIN answers a ON a.query = c.query AND a.expert = c.expert"
                                     " AND a.sample = c.sample AND a.turn = c.turn"
                                     " JOIN queries q ON q.key = c.query JOIN experts e ON e.key = c.expert"
                                     " WHERE c.reward_model = ?2 AND c.owner = ?1 AND c.given_up = 0"
                                     " AND (c.query, c.expert, c.sample, c.turn) > (?3, ?4, ?5, ?6)"
                                     " ORDER BY c.query, c.expert, c.sample, c.turn"),
    [ZOO_SQL_CLAIM_DROP] = BOTH("kkkkkk", "DELETE" CLAIM_AT),
    [ZOO_SQL_CLAIMS_DROP] = EACH("kkkkkK", "DELETE FROM claims WHERE reward_model = ?1 AND expert = ?2 AND sample = ?3"
                                 " AND turn = ?4 AND owner = ?5 AND query IN (SELECT value FROM json_each(?6))",
                                 "DELETE FROM claims WHERE reward_model = ?1 AND expert = ?2 AND sample = ?3"
                                 " AND turn = ?4 AND owner = ?5 AND query = ANY (?6)"),
    [ZOO_SQL_CLAIM_GIVE_UP] = BOTH("kkkkkk", "UPDATE claims SET given_up = 1 WHERE reward_model = ?1 AND query = ?2"
                                   " AND expert = ?3 AND sample = ?4 AND turn = ?5 AND owner = ?6"),
    [ZOO_SQL_CLAIMS_OF_OTHERS] = BOTH("kkk", "SELECT count(*) FROM claims WHERE reward_model = ?1 AND (?2 = 0"
                                      " OR expert = ?2) AND owner <> ?3 AND given_up = 0"),
    [ZOO_SQL_CLAIMS_IN_SPLIT] = BOTH("s", CLAIMS_ON "query IN (SELECT key FROM queries WHERE split = ?1)"),
    [ZOO_SQL_CLAIMS_OF_QUERY] = BOTH("s", CLAIMS_ON "query = (SELECT key FROM queries WHERE id = ?1)"),
    [ZOO_SQL_CLAIMS_OF_REWARD_MODEL] = BOTH("s", CLAIMS_ON "reward_model = (SELECT key FROM reward_models"
                                            " WHERE name = ?1)"),
    [ZOO_SQL_CLAIMS_OF_EXPERT] = BOTH("s", CLAIMS_ON "expert = (SELECT key FROM experts WHERE name = ?1)"),

    [ZOO_SQL_LOAD_QUERIES] = SCAN("SKk", LOAD_QUERIES),
    [ZOO_SQL_LOAD_REWARDS] = SCAN("SKkKk", LOAD_REWARDS),
    [ZOO_SQL_LOAD_TAGS] = SCAN("SKk", LOAD_TAGS),
    [ZOO_SQL_LOAD_FIGURES] = SCAN("SKkk", LOAD_FIGURES),
    [ZOO_SQL_TAGS_LARGEST] = BOTH("", "SELECT coalesce(max(key), 0) FROM tags"),
    [ZOO_SQL_TAGS] = { "", 1, { "SELECT key, value, kind FROM tags", "SELECT key, value, kind FROM tags" } },
    [ZOO_SQL_EXPERTS_LARGEST] = BOTH("", "SELECT coalesce(max(key), 0) FROM experts"),

    [ZOO_SQL_EXPORT_QUERIES] = SCAN("SKk", EXPORT_QUERIES),
    [ZOO_SQL_EXPORT_TAGS] = SCAN("SKk", EXPORT_TAGS),
    [ZOO_SQL_EXPORT_REWARDS] = SCAN("SKkK", EXPORT_REWARDS),
    [ZOO_SQL_EXPORT_RESPONSES] = SCAN("SKk", EXPORT_RESPONSES),
    [ZOO_SQL_EXPORT_FIGURES] = SCAN("SKk", EXPORT_FIGURES),
    [ZOO_SQL_EXPORT_ANSWERS] = SCAN("SKk", EXPORT_ANSWERS),
    [ZOO_SQL_EXPORT_FAILURES] = SCAN("SKk", EXPORT_FAILURES),
    [ZOO_SQL_EXPORT_SCORES] = SCAN("SKk", EXPORT_SCORES),
    [ZOO_SQL_EXPORT_JUDGEMENTS] = SCAN("SKkK", EXPORT_JUDGEMENTS),

    [ZOO_SQL_AHEAD_QUERIES] = AHEAD("SELECT key, split, text, extra FROM queries WHERE key = ANY (?1) ORDER BY key"),
    [ZOO_SQL_AHEAD_TAGS] = AHEAD("SELECT q.query, t.kind, t.value, q.position FROM query_tags q"
                                 " JOIN tags t ON t.key = q.tag WHERE q.query = ANY (?1) ORDER BY q.query, q.position"),
    [ZOO_SQL_AHEAD_REWARDS] = AHEAD_AMONG("SELECT w.query, w.sample, w.turn, m.name, e.name, w.value FROM rewards w"
                                          " JOIN experts e ON e.key = w.expert"
                                          " JOIN reward_models m ON m.key = w.reward_model WHERE w.query = ANY (?1)"
                                          " AND m.name = ANY (?2) ORDER BY w.query, e.name"),
    [ZOO_SQL_AHEAD_ANSWERS] = AHEAD("SELECT a.query, a.sample, a.turn, e.name, s.json, " ANSWER_COLUMNS
                                    " FROM answers a JOIN experts e ON e.key = a.expert"
                                    " LEFT JOIN settings s ON s.key = a.settings"
                                    " WHERE a.query = ANY (?1) ORDER BY a.query, e.name"),
    [ZOO_SQL_AHEAD_FAILURES] = AHEAD("SELECT f.query, f.sample, f.turn, e.name, f.times, f.cause, f.is_final, f.cost,"
                                     " f.last FROM failures f"
                                     " JOIN experts e ON e.key = f.expert WHERE f.query = ANY (?1) ORDER BY f.query"),
    [ZOO_SQL_AHEAD_JUDGEMENTS] = AHEAD("SELECT j.query, m.name, a.name, j.sample_a, b.name, j.sample_b, j.turn,"
                                       " j.shown_ba, j.verdict, j.probability, j.text FROM judgements j"
                                       " JOIN reward_models m ON m.key = j.reward_model"
                                       " JOIN experts a ON a.key = j.expert_a JOIN experts b ON b.key = j.expert_b"
                                       " WHERE j.query = ANY (?1) ORDER BY j.query"),

    [ZOO_SQL_TOTALS] = BOTH("", "SELECT (SELECT count(*) FROM queries), (SELECT count(*) FROM experts),"
                            " (SELECT count(*) FROM answers WHERE text IS NOT NULL),"
                            " (SELECT count(*) FROM reward_models), (SELECT count(*) FROM rewards),"
                            " (SELECT count(*) FROM runs), (SELECT count(*) FROM failures),"
                            " (SELECT count(*) FROM judgements)"),
    [ZOO_SQL_LIST_SPLITS] = BOTH("", "SELECT split, NULL, count(*), NULL FROM queries GROUP BY split"
                                 " ORDER BY split NULLS FIRST"),
    [ZOO_SQL_LIST_KINDS] = BOTH("", "SELECT t.kind, NULL, count(DISTINCT q.query), NULL FROM query_tags q"
                                " JOIN tags t ON t.key = q.tag GROUP BY t.kind ORDER BY " KIND_ORDER ", min(t.key)"),
    [ZOO_SQL_LIST_EXPERTS] = BOTH("", "SELECT e.name, NULL, coalesce(a.n, 0), NULL FROM experts e"
                                  " LEFT JOIN (SELECT expert, count(*) AS n FROM answers WHERE text IS NOT NULL"
                                  " GROUP BY expert) a ON a.expert = e.key ORDER BY e.key"),
    /* Scaled, so that the sum of numbers near the largest does not overflow, and what would vanish by that is 0 at
     * once: PostgreSQL has errors for both. */
    [ZOO_SQL_LIST_REWARDS] = BOTH("", "SELECT m.name, e.name, w.n, w.total"
                                  " FROM (SELECT reward_model, expert, count(*) AS n,"
                                  " sum(CASE WHEN abs(value) < 1e-290 THEN 0 ELSE value * 9.094947017729282e-13 END)"
                                  " AS total FROM rewards GROUP BY reward_model, expert) w"
                                  " JOIN reward_models m ON m.key = w.reward_model JOIN experts e ON e.key = w.expert"
                                  " ORDER BY m.key, e.key"),
    [ZOO_SQL_DELETE_SPLIT] = BOTH("s", "DELETE FROM queries WHERE split = ?1"),
    [ZOO_SQL_DELETE_QUERY] = BOTH("s", "DELETE FROM queries WHERE id = ?1"),
    [ZOO_SQL_DELETE_REWARD_MODEL_REWARDS] = BOTH("s", DELETE_BY("rewards", "reward_model", "reward_models")),
    [ZOO_SQL_DELETE_REWARD_MODEL_JUDGEMENTS] = BOTH("s", DELETE_BY("judgements", "reward_model", "reward_models")),
    [ZOO_SQL_DELETE_REWARD_MODEL_CLAIMS] = BOTH("s", DELETE_BY("claims", "reward_model", "reward_models")),
    [ZOO_SQL_DELETE_REWARD_MODEL] = BOTH("s", "DELETE FROM reward_models WHERE name = ?1"),
    [ZOO_SQL_DELETE_EXPERT_REWARDS] = BOTH("s", DELETE_BY("rewards", "expert", "experts")),
    [ZOO_SQL_DELETE_EXPERT_JUDGEMENTS] = BOTH("s", "DELETE FROM judgements WHERE (SELECT key FROM experts"
                                              " WHERE name = ?1) IN (expert_a, expert_b)"),
    [ZOO_SQL_DELETE_EXPERT_CLAIMS] = BOTH("s", DELETE_BY("claims", "expert", "experts")),
    [ZOO_SQL_DELETE_EXPERT_FAILURES] = BOTH("s", DELETE_BY("failures", "expert", "experts")),
    [ZOO_SQL_DELETE_EXPERT_ANSWERS] = BOTH("s", DELETE_BY("answers", "expert", "experts")),
    [ZOO_SQL_DELETE_EXPERT] = BOTH("s", "DELETE FROM experts WHERE name = ?1"),
    [ZOO_SQL_RUN_BEGIN] = BOTH("sss", "INSERT INTO runs (command, settings, started) VALUES (?1, ?2, ?3)"
                               " RETURNING key"),
    [ZOO_SQL_RUN_END] = BOTH("ksss", "UPDATE runs SET ended = ?2, status = ?3, summary = ?4 WHERE key = ?1"),
};

const zoo_table_columns zoo_tables[ZOO_TABLES] = {
    [ZOO_TABLE_QUERIES] = { "queries", "key, id, split, text, extra", "ktttt", "key", 0 },
    [ZOO_TABLE_TAGS] = { "tags", "key, kind, value", "ktt", "key", 1 },
    [ZOO_TABLE_EXPERTS] = { "experts", "key, name", "kt", "key", 1 },
    [ZOO_TABLE_REWARD_MODELS] = { "reward_models", "key, name", "kt", "key", 1 },
    [ZOO_TABLE_SETTINGS] = { "settings", "key, digest, json", "ktt", "key", 1 },
    [ZOO_TABLE_QUERY_TAGS] = { "query_tags", "query, position, tag", "kik", "query, position", 0 },
    [ZOO_TABLE_ANSWERS] = { "answers",
                            "query, expert, sample, turn, settings, finish_reason, tokens_in, tokens_out, "
                            "tokens_reasoning, tokens_cached, cost, first_seconds, seconds, asked, reasoning, text",
                            "kihhntnnnndddtbb",
                            "query, expert, sample, turn", 0 },
    [ZOO_TABLE_FAILURES] = { "failures", "query, expert, sample, turn, times, cause, is_final, cost, last", "kihhithdt",
                             "query, expert, sample, turn", 0 },
    [ZOO_TABLE_REWARDS] = { "rewards", "value, query, reward_model, expert, sample, turn", "dkiihh",
                            "query, reward_model, expert, sample, turn", 0 },
    [ZOO_TABLE_JUDGEMENTS] = { "judgements",
                               "query, reward_model, expert_a, sample_a, expert_b, sample_b, turn, shown_ba, verdict, "
                               "probability, text", "kiihihhhtdb",
                               "query, reward_model, expert_a, sample_a, expert_b, sample_b, turn, shown_ba", 0 },
    [ZOO_TABLE_RUNS] = { "runs", "key, command, settings, started, ended, status, summary", "ktttttt", "key", 1 },
};
