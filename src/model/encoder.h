/* encoder.h - what a router asks of the network inside: logits for a query. A class per `model_type`.
 * Dimensions: K experts, G tag values.
 * Layer: model -> base. Threads: an encoder is immutable once open; a workspace has one owner. */
#ifndef ZOO_MODEL_ENCODER_H
#define ZOO_MODEL_ENCODER_H
#include <stddef.h>
#include "base/err.h"
#include "model/checkpoint.h"

typedef struct zoo_encoder_class zoo_encoder_class;
/* The first member of every class's own struct. */
typedef struct zoo_encoder { const zoo_encoder_class *class; } zoo_encoder;

/* Why a router chose: what one word, or one run of words, wherever it stands,
 * adds to the difference of two experts' logits. */
typedef struct zoo_evidence {
    const char *text;                           /* as read: lower-cased; not NUL-terminated */
    size_t size;
    double share;                               /* > 0 speaks for the first expert */
} zoo_evidence;

struct zoo_encoder_class {
    const char *model_type;
    /* Reads the weights in `dir` as the checkpoint describes them. options: as zoo_options_read() fills them in. */
    int (*open)(zoo_encoder **out, const zoo_checkpoint *checkpoint, const char *dir, const zoo_options *options,
                zoo_err *err);
    void (*close)(zoo_encoder *encoder);
    /* NULL: float32. */
    enum zoo_precision (*precision)(const zoo_encoder *encoder);
    /* Bytes of a query that are read; NULL: the checkpoint says so. */
    size_t (*text_limit)(const zoo_encoder *encoder);
    /* A class without logits_many takes no notice of options.threads: the router makes a workspace for each. */
    int (*workspace_new)(void **out, const zoo_encoder *encoder, const zoo_options *options, zoo_err *err);
    void (*workspace_free)(void *workspace);
    /* logits (K); tag_logits (G) or NULL; *was_cut: only the beginning was read. Allocates nothing. */
    int (*logits)(const zoo_encoder *encoder, void *workspace, const char *query, size_t size, float *logits,
                  float *tag_logits, int *was_cut, zoo_err *err);
    /* logits (n,K) and was_cut (n) of n queries, with the workspace's threads; the same bits as one by one. NULL: one
     * by one. */
    int (*logits_many)(const zoo_encoder *encoder, void *workspace, const zoo_text *queries, size_t n, float *logits,
                       int *was_cut, zoo_err *err);
    /* The words and runs of words of the query, each once, the largest share (of either sign) first, in a block that
     * the caller frees; texts live as long as the workspace is not used again. *rest: the difference for an empty
     * query; rest and shares sum to the difference. NULL where a class cannot explain itself. */
    int (*explain)(const zoo_encoder *encoder, void *workspace, const char *query, size_t size, size_t expert,
                   size_t against, zoo_evidence **reasons, size_t *count, double *rest, zoo_err *err);
};

extern const zoo_encoder_class zoo_ngram_class, zoo_deberta_class, zoo_bert_class;
#endif
