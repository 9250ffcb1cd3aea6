/* encoder_folder.h - the checkpoint folders of encoder training: the one it begins with (a backbone, a router, any
 * classifier of model_type deberta-v2 or bert) and the one it ends with, a router that `transformers` loads.
 * Experts that the first folder's head already knows by name keep their row; others get a new one.
 * Layer: train -> model, text, base. Threads: read-only once open. */
#ifndef ZOO_TRAIN_ENCODER_FOLDER_H
#define ZOO_TRAIN_ENCODER_FOLDER_H
#include "base/json.h"
#include "model/checkpoint.h"
#include "text/tokenizer.h"
#include "train/network.h"

typedef struct zoo_encoder_source {
    const char *dir;                 /* borrowed */
    json_t *config;                  /* config.json */
    zoo_tokenizer *tokenizer;
    zoo_network network;             /* with a head over the experts */
    double spread;                   /* of new weights: initializer_range */
    size_t kept_experts;             /* set by zoo_encoder_source_read() */
    int has_new_pooler;              /* the same */
} zoo_encoder_source;

/* For k experts. ZOO_EFORMAT: not such a folder, or one whose tokenizer is of another vocabulary. Released by the
 * caller, also on failure. */
int zoo_encoder_source_open(zoo_encoder_source *source, const char *dir, size_t k, zoo_err *err);
void zoo_encoder_source_release(zoo_encoder_source *source);

/* params (network.parameters.size) to begin with. What the head lacks is drawn from the seed; where no expert is known,
 * its biases are
 * log(prior (k)), so that an untrained router asks whom the targets favour on average. */
int zoo_encoder_source_read(zoo_encoder_source *source, const char *const *experts, const double *prior, uint64_t seed,
                            float *params, zoo_err *err);

/* What a router's folder says. All borrowed. */
typedef struct zoo_encoder_folder {
    const zoo_encoder_source *source;
    zoo_router_facts facts;
    size_t max_tokens;               /* that queries are cut to */
    json_t *training;                /* how it was trained; may be NULL */
    void *context;
    /* out (count) = floats first.. of the parameters; words are asked for by whole rows */
    void (*read)(void *context, size_t first, size_t count, float *out);
} zoo_encoder_folder;

/* Writes `dir` beside and puts it in place at once, after it was read back; replaces what is there where `force`. */
int zoo_encoder_folder_write(const zoo_encoder_folder *folder, const char *dir, int force, zoo_err *err);
/* params (network.parameters.size) of a folder that zoo_encoder_folder_write() wrote. */
int zoo_encoder_folder_read(const zoo_encoder_source *source, const char *dir, float *params, zoo_err *err);
#endif
