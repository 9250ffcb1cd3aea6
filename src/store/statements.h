/* statements.h - every statement of the store, by name, and the tables it works on. The texts stand in statements.c, a
 * column a dialect; this is all of SQL that the records see. Layer: store. */
#ifndef ZOO_STORE_STATEMENTS_H
#define ZOO_STORE_STATEMENTS_H

enum zoo_dialect { ZOO_DIALECT_SQLITE, ZOO_DIALECT_POSTGRES, ZOO_DIALECTS };

/* Statements whose types begin with "SKk" take a selection of queries first: splits, keys of tags, number of kinds
 * among those (zoo_selection in sql.h). */
enum zoo_sql {
    /* queries and tags */
    ZOO_SQL_QUERY_BY_ID,                /* t id -> key, split, text, extra */
    ZOO_SQL_QUERIES_PAGE,               /* SKk, k after, k limit -> columns of a query */
    ZOO_SQL_QUERIES_COUNT,              /* SKk -> count */
    ZOO_SQL_QUERIES_KNOWN,              /* S ids -> id, key of those that are stored */
    ZOO_SQL_QUERY_NEXT_KEY,
    ZOO_SQL_QUERY_NEW,                  /* k key, t id, t split, t text, t extra; changes 0: the id is there already */
    ZOO_SQL_QUERY_UPDATE,               /* k key, t text, t split, t extra */
    ZOO_SQL_QUERY_SET_SPLIT,            /* k key, s split */
    ZOO_SQL_SPLIT_EXISTS,               /* s split -> 1 */
    ZOO_SQL_QUERY_TAGS,                 /* k query -> key, kind, value, position; in order */
    ZOO_SQL_TAG_FIND,                   /* t kind, t value -> key */
    ZOO_SQL_TAG_PUT,                    /* t kind, t value -> key, none where it is there */
    ZOO_SQL_TAG_KINDS,                  /* -> kind; in the order of kinds */
    ZOO_SQL_TAG_NEW_KIND,               /* t kind -> how many other kinds there are; 0 where this one is there */
    ZOO_SQL_TAGS_OF_KIND,               /* s kind, s value -> key */
    ZOO_SQL_QUERY_TAG_PUT,              /* k query, k position, k tag */
    ZOO_SQL_QUERY_TAG_APPEND,           /* k query, k tag: behind the others, unless it is there */
    ZOO_SQL_QUERY_TAGS_DELETE,          /* k query, t kind */
    /* names */
    ZOO_SQL_EXPERT_FIND,                /* s name -> key */
    ZOO_SQL_EXPERT_PUT,                 /* s name -> key, none where it is there */
    ZOO_SQL_EXPERTS,                    /* -> key, name */
    ZOO_SQL_REWARD_MODEL_FIND,
    ZOO_SQL_REWARD_MODEL_PUT,
    ZOO_SQL_REWARD_MODELS,              /* -> key, name */
    ZOO_SQL_REWARD_MODELS_USED,         /* -> key, name of those that have rewards */
    ZOO_SQL_SETTINGS_FIND,              /* s digest -> key */
    ZOO_SQL_SETTINGS_PUT,               /* s digest, t json -> key, none where it is there */
    /* answers and what hangs on them. "the address" is k query, k expert, k sample, k turn */
    ZOO_SQL_ANSWER_NEW,
        /* the address, k settings (-1), s finish, n in, n out, n reasoning, n cached, d cost, d first,
                                           d seconds, s asked, b reasoning, b text; changes 0: something is there */
    ZOO_SQL_ANSWER_PUT,                 /* the same; changes 0: an answer with a text is there */
    ZOO_SQL_ANSWER_REPLACE,             /* the same, whatever is there */
    ZOO_SQL_ANSWER_OF,                  /* the address -> columns of an answer */
    ZOO_SQL_ANSWER_TEXT,                /* the address, b text: the text alone */
    ZOO_SQL_ANSWER_FIGURES,          /* the address, d cost, n in, n out, n reasoning, n cached: those that are given */
    ZOO_SQL_RESPONSES_OF,               /* k query -> expert's name, text; of the first sample and turn */
    ZOO_SQL_FIGURES_OF,                 /* k query -> expert's name, cost, in, out, reasoning, cached; the same */
    ZOO_SQL_FAILURE_NOTE,               /* the address, s cause, k final, d cost, s last: once more */
    ZOO_SQL_FAILURE_PUT,                /* the address, k times, s cause, k final, d cost, s last: as given */
    ZOO_SQL_FAILURE_OF,                 /* the address -> times, cause, final, cost, last */
    ZOO_SQL_UNANSWERED_COUNT,           /* SKk, k expert, k sample, k turn -> how many; of them failed for good */
    ZOO_SQL_ANSWERED_COUNT,             /* SKk, k expert, k sample, k turn */
    ZOO_SQL_REWARD_PUT,     /* k query, k reward model, k expert, k sample, k turn, d value; changes 0: no such query */
    ZOO_SQL_REWARDS_OF,       /* k query, t reward model's name -> expert's name, value; of the first sample and turn */
    ZOO_SQL_REWARD_OF,                  /* the address, t reward model's name -> value */
    ZOO_SQL_UNREWARDED_COUNT,           /* SKk, k reward model */
    ZOO_SQL_JUDGEMENT_PUT,
        /* k query, k reward model, k expert a, k sample a, k expert b, k sample b, k turn, k shown ba,
                                           s verdict, d probability, b text */
    ZOO_SQL_JUDGEMENT_OF,               /* the first eight -> verdict, probability, text */
    /* several processes at once */
    ZOO_SQL_OWNER_NEW,                  /* s host, k process, k started, k lease in ms -> key */
    ZOO_SQL_OWNER_RENEW,                /* k owner, k lease in ms; changes 0: it was given up for dead */
    ZOO_SQL_OWNERS,                     /* -> key, host, process, started, is late */
    ZOO_SQL_OWNER_CLAIMS_DELETE,        /* k owner */
    ZOO_SQL_OWNER_DELETE,               /* k owner */
    ZOO_SQL_CLAIM_LOCK,                 /* one process claims at a time */
    ZOO_SQL_CLAIM_QUESTIONS,            /* SKk, k expert, k sample, k turn, k again, k after, k owner, k limit */
    ZOO_SQL_CLAIMED_QUESTIONS,          /* k owner, k expert, k sample, k turn, k after -> columns of a query */
    ZOO_SQL_CLAIM_ANSWERS,              /* SKk, k reward model, after: the address, k owner, k limit */
    ZOO_SQL_CLAIMED_ANSWERS,
        /* k owner, k reward model, after: the address -> columns of a query, expert, its name, sample,
                                           turn, text */
    ZOO_SQL_CLAIM_DROP,        /* k reward model (0: a question), the address, k owner; changes 0: the lease was lost */
    ZOO_SQL_CLAIMS_DROP,                /* k reward model, k expert, k sample, k turn, k owner, K queries */
    ZOO_SQL_CLAIM_GIVE_UP,              /* the same: kept by the owner and worked at by nobody */
    ZOO_SQL_CLAIMS_OF_OTHERS,           /* k reward model, k expert (0: any), k owner -> how many others work at */
    ZOO_SQL_CLAIMS_IN_SPLIT,            /* s name -> how many are at work on it; so the others */
    ZOO_SQL_CLAIMS_OF_QUERY,            /* s id */
    ZOO_SQL_CLAIMS_OF_REWARD_MODEL,     /* s name */
    ZOO_SQL_CLAIMS_OF_EXPERT,           /* s name */
    /* loading: ordered by query */
    ZOO_SQL_LOAD_QUERIES,               /* SKk -> key, id, text, split */
    ZOO_SQL_LOAD_REWARDS,            /* SKk, K reward models, k sample (0: all) -> query, reward model, expert, value */
    ZOO_SQL_LOAD_TAGS,                  /* SKk -> query, tag; by position */
    ZOO_SQL_LOAD_FIGURES,               /* SKk, k sample (0: all) -> query, expert, cost, in, out */
    ZOO_SQL_TAGS_LARGEST,               /* -> the largest key */
    ZOO_SQL_TAGS,                       /* -> key, value, kind */
    ZOO_SQL_EXPERTS_LARGEST,
    /* exporting: ordered by query */
    ZOO_SQL_EXPORT_QUERIES,             /* SKk -> key, id, text, split, extra */
    ZOO_SQL_EXPORT_TAGS,                /* SKk -> query, kind, value; by position */
    ZOO_SQL_EXPORT_REWARDS,
        /* SKk, K reward models -> query, reward model's name, expert's name, value; by reward model's name,
                                           then expert's; of the first sample and turn */
    ZOO_SQL_EXPORT_RESPONSES,           /* SKk -> query, expert's name, text; by name; the same */
    ZOO_SQL_EXPORT_FIGURES,       /* SKk -> query, expert's name, cost, in, out, reasoning, cached; by name; the same */
    ZOO_SQL_EXPORT_ANSWERS,
        /* SKk -> query, expert's name, sample, turn, settings' json, finish, in, out, reasoning, cached, cost,
                                           first, seconds, asked, reasoning, text; by name, sample, turn */
    ZOO_SQL_EXPORT_FAILURES,            /* SKk -> query, expert's name, sample, turn, times, cause, final, cost, last */
    /* SKk -> query, expert's name, sample, turn, reward model's name, value; all samples and turns */
    ZOO_SQL_EXPORT_SCORES,
    ZOO_SQL_EXPORT_JUDGEMENTS,
        /* SKk, K reward models -> query, reward model's name, a's name, sample, b's name, sample, turn,
                                           shown ba, verdict, probability, text */
    /* importing in batches: K queries -> columns of ahead.h; ordered by query */
    ZOO_SQL_AHEAD_QUERIES,
    ZOO_SQL_AHEAD_TAGS,
    ZOO_SQL_AHEAD_REWARDS,              /* K queries, S names of reward models */
    ZOO_SQL_AHEAD_ANSWERS,
    ZOO_SQL_AHEAD_FAILURES,
    ZOO_SQL_AHEAD_JUDGEMENTS,
    /* what is in it, deletion, runs */
    ZOO_SQL_TOTALS,             /* -> queries, experts, responses, reward models, rewards, runs, failures, judgements */
    ZOO_SQL_LIST_SPLITS,                /* each: name, expert, count, sum / 2^40 */
    ZOO_SQL_LIST_KINDS,
    ZOO_SQL_LIST_EXPERTS,
    ZOO_SQL_LIST_REWARDS,
    ZOO_SQL_DELETE_SPLIT,               /* s name: the queries, and all that hangs on them; so the others */
    ZOO_SQL_DELETE_QUERY,               /* s id */
    ZOO_SQL_DELETE_REWARD_MODEL_REWARDS,        /* s name */
    ZOO_SQL_DELETE_REWARD_MODEL_JUDGEMENTS,
    ZOO_SQL_DELETE_REWARD_MODEL_CLAIMS,
    ZOO_SQL_DELETE_REWARD_MODEL,
    ZOO_SQL_DELETE_EXPERT_REWARDS,      /* s name */
    ZOO_SQL_DELETE_EXPERT_JUDGEMENTS,
    ZOO_SQL_DELETE_EXPERT_CLAIMS,
    ZOO_SQL_DELETE_EXPERT_FAILURES,
    ZOO_SQL_DELETE_EXPERT_ANSWERS,
    ZOO_SQL_DELETE_EXPERT,
    ZOO_SQL_RUN_BEGIN,                  /* s command, s settings, s started -> key */
    ZOO_SQL_RUN_END,                    /* k run, s ended, s status, s summary */
    ZOO_SQL_COUNT                       /* also the name of the scan of table_begin() */
};

/* A parameter's type is a letter, ?1 first: k int64_t; n int64_t, -1 is NULL; d double, NaN is NULL; s text up to its
 * NUL, NULL is NULL; t text with its size; b the same, where NUL bytes may be; S several texts;
 * K several keys (both NULL: NULL). */
typedef struct zoo_statement {
    const char *types;
    int is_scan;                        /* may return very many rows: read in portions, inside a transaction */
    const char *text[ZOO_DIALECTS];     /* NULL: nothing to do in that dialect */
} zoo_statement;

extern const zoo_statement zoo_statements[ZOO_SQL_COUNT];

/* Tables in an order in which each refers to earlier ones alone. */
enum zoo_table {
    ZOO_TABLE_QUERIES, ZOO_TABLE_TAGS, ZOO_TABLE_EXPERTS, ZOO_TABLE_REWARD_MODELS, ZOO_TABLE_SETTINGS,
        ZOO_TABLE_QUERY_TAGS, ZOO_TABLE_ANSWERS,
    ZOO_TABLE_FAILURES, ZOO_TABLE_REWARDS, ZOO_TABLE_JUDGEMENTS, ZOO_TABLE_RUNS, ZOO_TABLES
};

/* Types as above, and where a column is narrower than 64 bits: i 32 bits, h 16 bits.
 * (s: a text that may be NULL, as t.) */
typedef struct zoo_table_columns {
    const char *name, *columns, *types;
    const char *order;                  /* its primary key */
    int has_own_keys;                   /* the database numbers its rows where nobody gives a key */
} zoo_table_columns;

extern const zoo_table_columns zoo_tables[ZOO_TABLES];
#endif
