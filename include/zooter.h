/* zooter.h - libzooter: which LLM is the expert for this query? Answered in-process, without a network.
 * And, below, the encoders inside by themselves: text to vectors, scores of answers, logits of token ids.
 *
 *     zoo_err err;
 *     zoo_router *router;
 *     zoo_workspace *workspace;
 *     zoo_decision decision;
 *
 *     if (zoo_router_open(&router, "my-router", &err) ||
 *         zoo_workspace_new(&workspace, router, &err) ||
 *         zoo_router_route(router, workspace, query, strlen(query), NULL, &decision, &err)) {
 *         fprintf(stderr, "%s\n", err.message);
 *         return 1;
 *     }
 *     puts(zoo_router_expert(router, decision.expert));
 *     zoo_workspace_free(workspace);
 *     zoo_router_close(router);
 *
 * Dimensions used below: k experts, n queries or sequences, H hidden size, K labels.
 *
 * Threads: a zoo_router or zoo_model is immutable once open; any number of threads may use one at once, each with a
 * zoo_workspace or zoo_session of its own. Nothing is allocated while a query is routed, beyond growing a workspace to
 * the longest text it has seen. Results do not depend on threads, nor on which queries share a batch.
 * Errors: every function that can fail returns ZOO_OK (0) or one of the negative codes below and, where
 * `err` is not NULL, leaves a finished sentence in err->message that may be shown to a user untouched.
 * The library never prints, exits, aborts or changes signal handlers. */
#ifndef ZOOTER_H
#define ZOOTER_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZOO_API __attribute__((visibility("default")))

enum {
    ZOO_OK = 0,
    ZOO_EIO = -1,        /* the operating system refused: file, disk, network */
    ZOO_EFORMAT = -2,    /* foreign bytes are not what they should be */
    ZOO_ENOMEM = -3,
    ZOO_EUSAGE = -4,     /* the caller asked for something that cannot be */
    ZOO_ECONFLICT = -5,  /* what is stored says otherwise */
    ZOO_ECANCELED = -6   /* stopped on request */
};

/* Filled in by whatever fails; holds no pointers, may be copied. */
typedef struct zoo_err {
    int code;            /* ZOO_E* */
    char message[1000];  /* one sentence, UTF-8, no newline, NUL-terminated */
} zoo_err;

typedef struct zoo_router zoo_router;        /* a trained router: encoder, head, experts */
typedef struct zoo_workspace zoo_workspace;  /* one thread's memory for routing */

typedef struct zoo_decision {
    size_t expert;       /* 0..k-1; the most probable, the lower index where two are equal */
    float probability;   /* of that expert, 0..1 */
    float margin;        /* probability less that of the runner-up, 0..1; 1 with a single expert */
    int was_cut;         /* 1: the query was longer than the router reads and only its beginning was read */
} zoo_decision;

/* What an encoder's weights are multiplied in; sums are float32, or exact for int8. The rest is float32. */
enum zoo_precision {
    ZOO_PRECISION_AUTO,  /* bf16 where the processor multiplies it, else f32 */
    ZOO_PRECISION_F32, ZOO_PRECISION_BF16,
    ZOO_PRECISION_INT8   /* weights in 8 bits with a scale per output, activations in 8 bits with a scale per token */
};

/* Settings; zeros are the defaults, and where a function takes one NULL is fine. Set size to sizeof(zoo_options):
 * fields that a later version adds count as 0. */
typedef struct zoo_options {
    size_t size;
    enum zoo_precision precision;   /* of opening; n-gram routers have none and take no notice */
    unsigned threads;     /* that one workspace or session computes with: 0 and 1 the caller's alone; ZOO_ALL_THREADS */
    int is_pinned;                  /* 1: thread i runs on processor first_cpu + i of those allowed, the caller's too */
    unsigned first_cpu;
    size_t batch_tokens;  /* tokens that go through the network together; 0: 1024. Memory, not results, depends on it */
} zoo_options;

#define ZOO_ALL_THREADS (~0u)       /* one per processor */

/* Version of the library, such as "0.1.0". Static. */
ZOO_API const char *zoo_version(void);
/* "auto", "f32", "bf16", "int8". Static. */
ZOO_API const char *zoo_precision_name(enum zoo_precision precision);
/* 1 and *out, or 0: no such word. */
ZOO_API int zoo_precision_parse(const char *word, enum zoo_precision *out);

/* Opens the checkpoint folder `dir` (config.json, weights, tokenizer): one that `zooter train` wrote, or a sequence
 * classifier of model_type deberta-v2 or bert. The folder may be replaced or deleted afterwards; a weight file that is
 * written to or cut while it is in use makes routing fail with ZOO_EIO. ZOO_EIO,
 * ZOO_EFORMAT or ZOO_ENOMEM with *out = NULL. */
ZOO_API int zoo_router_open(zoo_router **out, const char *dir, zoo_err *err);
ZOO_API int zoo_router_open_with(zoo_router **out, const char *dir, const zoo_options *options, zoo_err *err);
/* Frees the router; no workspace of it may be in use. NULL is fine. */
ZOO_API void zoo_router_close(zoo_router *router);

/* k, at least 1. */
ZOO_API size_t zoo_router_expert_count(const zoo_router *router);
/* Name of expert i (0..k-1), valid until zoo_router_close(); NULL past the end. */
ZOO_API const char *zoo_router_expert(const zoo_router *router, size_t i);
/* The expert with the best mean reward over the training queries: what to ask where the query says nothing. The first
 * expert where the checkpoint does not tell mean rewards. */
ZOO_API size_t zoo_router_best_on_average(const zoo_router *router);
/* Bytes of a query that are read at most; what follows is ignored, in training, routing and serving alike. An encoder
 * reads a number of tokens, which end earlier. */
ZOO_API size_t zoo_router_text_limit(const zoo_router *router);
/* T of the distillation: T * (log p_i - log p_j) estimates the reward of expert i less that of expert j. */
ZOO_API float zoo_router_temperature(const zoo_router *router);

/* Precision that the router computes in; f32 for n-gram routers. */
ZOO_API enum zoo_precision zoo_router_precision(const zoo_router *router);

/* One thread's scratch memory for `router`, with threads of its own where options say so; free it before the router. */
ZOO_API int zoo_workspace_new(zoo_workspace **out, const zoo_router *router, zoo_err *err);
ZOO_API int zoo_workspace_new_with(zoo_workspace **out, const zoo_router *router, const zoo_options *options,
                                   zoo_err *err);
ZOO_API void zoo_workspace_free(zoo_workspace *workspace);

/* Routes one query of `size` bytes of UTF-8 (bytes that are not UTF-8 are read as U+FFFD; an empty query is fine).
 * probabilities: (k), sums to 1, or NULL. decision: may be NULL. */
ZOO_API int zoo_router_route(const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                             float *probabilities, zoo_decision *decision, zoo_err *err);

/* Routes n queries with the workspace's threads. probabilities (n,k) and decisions (n) may be NULL. On an error *done,
 * where not NULL, is the number of queries from the first on whose results are there. */
ZOO_API int zoo_router_route_many(const zoo_router *router, zoo_workspace *workspace, const char *const *queries,
                                  const size_t *sizes, size_t n, float *probabilities, zoo_decision *decisions,
                                  size_t *done, zoo_err *err);
/* The same in one call with a workspace made for it, on `threads` threads (0: one per processor). */
ZOO_API int zoo_router_route_batch(const zoo_router *router, const char *const *queries, const size_t *sizes, size_t n,
                                   unsigned threads, float *probabilities, zoo_decision *decisions, zoo_err *err);

/* ---- encoders by themselves ----
 *
 *     zoo_model *model;
 *     zoo_session *session;
 *     zoo_text text = { "What is 12 * 31?", 16 };
 *     float vector[1024];                                     // zoo_model_hidden_size() floats
 *
 *     zoo_model_open(&model, "all-MiniLM-L6-v2", NULL, &err);
 *     zoo_session_new(&session, model, NULL, &err);
 *     zoo_model_embed(model, session, &text, 1, ZOO_POOL_MEAN, 1, vector, &err);
 *     zoo_session_free(session);
 *     zoo_model_close(model);
 *
 * Any checkpoint folder of model_type deberta-v2 or bert. */
typedef struct zoo_model zoo_model;
typedef struct zoo_session zoo_session;                        /* one caller's memory and threads for a model */

enum zoo_model_kind {
    ZOO_MODEL_BACKBONE,         /* no head: vectors alone */
    ZOO_MODEL_CLASSIFIER,      /* K logits for a text or a pair; K = 1: a scalar reward model over (question, answer) */
    ZOO_MODEL_COMPARER          /* PairRM: which of two answers is better */
};
enum zoo_pooling {
    ZOO_POOL_CLS,               /* last hidden state of the first token */
    ZOO_POOL_MEAN               /* mean of those of all tokens */
};

/* UTF-8; bytes that are not are read as U+FFFD. */
typedef struct zoo_text { const char *data; size_t size; } zoo_text;

/* n sequences of token ids, back to back. */
typedef struct zoo_tokens {
    const uint32_t *ids;        /* (sum of lengths) */
    const uint8_t *types;       /* the same: 0, or 1 for the second text of a pair; NULL: all 0 */
    const size_t *lengths;      /* (n), each at least 1 */
    size_t n;
    int was_cut;                /* set by zoo_model_tokenize(); not read */
} zoo_tokens;

/* What is wanted of each sequence; NULL: not wanted. */
typedef struct zoo_outputs {
    float *logits;              /* (n,K) of a classifier, (n) of a comparer; ZOO_EUSAGE for a backbone */
    float *cls, *mean;          /* (n,H) as zoo_pooling */
} zoo_outputs;

/* As zoo_router_open(). The folder needs no tokenizer where only zoo_model_run() is used. */
ZOO_API int zoo_model_open(zoo_model **out, const char *dir, const zoo_options *options, zoo_err *err);
ZOO_API void zoo_model_close(zoo_model *model);                                 /* NULL is fine; after its sessions */
ZOO_API enum zoo_model_kind zoo_model_kind_of(const zoo_model *model);
ZOO_API enum zoo_precision zoo_model_precision(const zoo_model *model);         /* never AUTO */
ZOO_API size_t zoo_model_hidden_size(const zoo_model *model);                   /* H */
/* K; 0 without a head, 1 for a comparer */
ZOO_API size_t zoo_model_label_count(const zoo_model *model);
/* of id2label, until close; NULL: has none */
ZOO_API const char *zoo_model_label(const zoo_model *model, size_t i);
ZOO_API size_t zoo_model_vocab_size(const zoo_model *model);                    /* ids are below it */
/* Tokens that texts are cut to: zooter.max_tokens of the config, else max_position_embeddings; of a comparer that has
 * no absolute positions 2048. */
ZOO_API size_t zoo_model_max_tokens(const zoo_model *model);
ZOO_API int zoo_model_has_tokenizer(const zoo_model *model);

ZOO_API int zoo_session_new(zoo_session **out, const zoo_model *model, const zoo_options *options, zoo_err *err);
ZOO_API void zoo_session_free(zoo_session *session);                            /* NULL is fine */

/* Runs the network. Any number of sequences; one may have more tokens than zoo_model_max_tokens() where the model has
 * no absolute positions (at most 65,536). ZOO_EUSAGE: an id outside the vocabulary, a sequence that is empty or too
 * long. ZOO_EIO: the weight file was changed. ZOO_EFORMAT: weights that give a result which is not finite. Allocates
 * only to grow to the longest sequence. */
ZOO_API int zoo_model_run(const zoo_model *model, zoo_session *session, const zoo_tokens *tokens,
                          const zoo_outputs *outputs, zoo_err *err);

/* The sequence of a text, or of a pair, as the model was trained to read it;
 * borrowed from the session until its next use.
 * pair: NULL for none. max_length: at most so many tokens, special ones included, a pair cut longest first;
 * 0: nothing is cut. */
ZOO_API int zoo_model_tokenize(const zoo_model *model, zoo_session *session, const zoo_text *text, const zoo_text *pair,
                               size_t max_length, zoo_tokens *out, zoo_err *err);
/* The sequence of a comparer: query and two candidates. max_length: of the query 3/5 of it are read, of each candidate
 * 1/5, as PairRM was trained with (1224 and 412 of 2048); 0: nothing is cut. */
ZOO_API int zoo_model_tokenize_comparison(const zoo_model *model, zoo_session *session, const zoo_text *query,
                                          const zoo_text *first, const zoo_text *second, size_t max_length,
                                          zoo_tokens *out, zoo_err *err);

/* vectors (n,H) of n texts, each cut to zoo_model_max_tokens(); is_unit: scaled to unit length. */
ZOO_API int zoo_model_embed(const zoo_model *model, zoo_session *session, const zoo_text *texts, size_t n,
                            enum zoo_pooling pooling, int is_unit, float *vectors, zoo_err *err);
/* logits (n,K) of n texts, or of n pairs where pairs is not NULL: scores of a scalar reward model for (question,
 * answer). ZOO_EUSAGE where the model is no classifier. */
ZOO_API int zoo_model_score(const zoo_model *model, zoo_session *session, const zoo_text *texts, const zoo_text *pairs,
                            size_t n, float *logits, zoo_err *err);
/* logits (n): > 0 where the first answer to a query is better than the second.
 * ZOO_EUSAGE where the model is no comparer. */
ZOO_API int zoo_model_compare(const zoo_model *model, zoo_session *session, const zoo_text *queries,
                              const zoo_text *firsts, const zoo_text *seconds, size_t n, float *logits, zoo_err *err);

#ifdef __cplusplus
}
#endif
#endif
