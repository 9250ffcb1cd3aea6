/* transformer_encoder.c - DeBERTa and BERT sequence classifiers behind encoder.h: a label an expert.
 * Layer: model. Refuses what is no router by saying what it is (checkpoint.c). */
#include <stdlib.h>
#include "base/utf8.h"
#include "model/encoder.h"
#include "model/model.h"

/* A token is seldom more than a few bytes; what this leaves unread is beyond the last token,
 * unless a text is mostly blanks. */
enum { TOKEN_BYTES = 128, TEXT_LIMIT_LEAST = 4096, TEXT_LIMIT_MOST = 1 << 20 };

struct transformer_encoder {
    zoo_encoder base;
    zoo_model *model;
};

static const zoo_model *model_of(const zoo_encoder *encoder)
{
    return ((const struct transformer_encoder *)encoder)->model;
}

static void encoder_close(zoo_encoder *encoder)
{
    struct transformer_encoder *e = (struct transformer_encoder *)encoder;

    if (e)
        zoo_model_close(e->model);
    free(e);
}

static int check_router(const zoo_model *model, const zoo_checkpoint *checkpoint, const char *dir, zoo_err *err)
{
    if (zoo_model_kind_of(model) != ZOO_MODEL_CLASSIFIER)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: a bare encoder without a head over experts; zooter train --encoder makes a router of it",
                        dir);
    if (zoo_model_label_count(model) != checkpoint->facts.k)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'id2label' names %zu experts, the head has %zu outputs", dir,
                        checkpoint->facts.k, zoo_model_label_count(model));
    if (!zoo_model_has_tokenizer(model))
        return zoo_fail(err, ZOO_EFORMAT, "%s: there is no tokenizer.json, spm.model or vocab.txt beside config.json",
                        dir);
    return ZOO_OK;
}

static int open_class(zoo_encoder **out, const zoo_encoder_class *class, const zoo_checkpoint *checkpoint,
                      const char *dir, const zoo_options *options, zoo_err *err)
{
    struct transformer_encoder *e = calloc(1, sizeof *e);
    int rc;

    *out = NULL;
    if (!e)
        return zoo_fail_nomem(err);
    e->base.class = class;
    if ((rc = zoo_model_open(&e->model, dir, options, err)) || (rc = check_router(e->model, checkpoint, dir, err)))
        encoder_close(&e->base);
    else
        *out = &e->base;
    return rc;
}

static int open_deberta(zoo_encoder **out, const zoo_checkpoint *checkpoint, const char *dir,
                        const zoo_options *options, zoo_err *err)
{
    return open_class(out, &zoo_deberta_class, checkpoint, dir, options, err);
}

static int open_bert(zoo_encoder **out, const zoo_checkpoint *checkpoint, const char *dir, const zoo_options *options,
                     zoo_err *err)
{
    return open_class(out, &zoo_bert_class, checkpoint, dir, options, err);
}

static enum zoo_precision precision_of(const zoo_encoder *encoder)
{
    return zoo_model_precision(model_of(encoder));
}

static size_t text_limit_of(const zoo_encoder *encoder)
{
    size_t bytes = zoo_model_max_tokens(model_of(encoder)) * TOKEN_BYTES;

    return bytes < TEXT_LIMIT_LEAST ? TEXT_LIMIT_LEAST : bytes > TEXT_LIMIT_MOST ? TEXT_LIMIT_MOST : bytes;
}

static int workspace_new(void **out, const zoo_encoder *encoder, const zoo_options *options, zoo_err *err)
{
    zoo_session *session;
    int rc = zoo_session_new(&session, model_of(encoder), options, err);

    *out = session;
    return rc;
}

static void workspace_free(void *workspace)
{
    zoo_session_free(workspace);
}

static int logits_many(const zoo_encoder *encoder, void *workspace, const zoo_text *queries, size_t n, float *logits,
                       int *was_cut, zoo_err *err)
{
    enum { TEXTS = 256 };
    size_t limit = text_limit_of(encoder), K = zoo_model_label_count(model_of(encoder));
    zoo_text texts[TEXTS];

    for (size_t from = 0; from < n; from += TEXTS) {
        size_t count = n - from < TEXTS ? n - from : TEXTS;
        for (size_t i = 0; i < count; i++)
            texts[i] = (zoo_text){ queries[from + i].data,
                                   zoo_utf8_cut(queries[from + i].data, queries[from + i].size, limit) };
        int rc = zoo_model_score_cut(model_of(encoder), workspace, texts, NULL, count, logits + from*K, was_cut + from,
                                     err);
        if (rc)
            return rc;
        for (size_t i = 0; i < count; i++)
            was_cut[from + i] |= texts[i].size < queries[from + i].size;
    }
    return ZOO_OK;
}

static int logits(const zoo_encoder *encoder, void *workspace, const char *query, size_t size, float *out,
                  float *tag_logits, int *was_cut, zoo_err *err)
{
    (void)tag_logits;                           /* of no tags */
    return logits_many(encoder, workspace, &(zoo_text){ query, size }, 1, out, was_cut, err);
}

const zoo_encoder_class zoo_deberta_class = {
    .model_type = "deberta-v2", .open = open_deberta, .close = encoder_close, .precision = precision_of,
    .text_limit = text_limit_of,
    .workspace_new = workspace_new, .workspace_free = workspace_free, .logits = logits, .logits_many = logits_many
};

const zoo_encoder_class zoo_bert_class = {
    .model_type = "bert", .open = open_bert, .close = encoder_close, .precision = precision_of,
    .text_limit = text_limit_of,
    .workspace_new = workspace_new, .workspace_free = workspace_free, .logits = logits, .logits_many = logits_many
};
