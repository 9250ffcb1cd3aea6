/* train_settings.h - the options of zooter train, and what those for encoders mean. Layer: cli. */
#ifndef ZOO_CLI_TRAIN_SETTINGS_H
#define ZOO_CLI_TRAIN_SETTINGS_H
#include <limits.h>
#include "cli/stores.h"
#include "train/train.h"

struct train_settings {
    struct zoo_choice choice;
    const char *store, *validation_split, *encoder, *out, *beta, *balance, *balance_by, *reward_model, *kl, *loss,
        *layers, *schedule, *precision;
    double temperature, validation, rate, warm_up, decay, layer_decay, clip, save_every;
    uint64_t epochs, seed, threads, batch, batch_tokens, max_tokens, patience;
    zoo_list tags;
    int force, standardise, resume;
};

extern const struct train_settings zoo_train_defaults;

/* Is an encoder to be trained? Where not, options for encoders alone are refused. */
int zoo_train_wants_encoder(const struct train_settings *s);
int zoo_train_check_ngram(const struct train_settings *s, zoo_err *err);
/* `to` and `plan` from the options; run (PATH_MAX): the folder of the run, OUT.run. */
int zoo_train_read_encoder(const struct train_settings *s, zoo_train_settings *to, zoo_encoder_plan *plan, char *run,
                           zoo_err *err);

/* What is in OUT and OUT.run when the command begins. */
enum zoo_train_begin {
    ZOO_TRAIN_AFRESH,
    ZOO_TRAIN_RESUMES,               /* a run was broken off and goes on */
    ZOO_TRAIN_COMPLETE               /* --resume, and the router is there: nothing to do */
};
/* ZOO_EUSAGE: something would be lost that --force was not given for. */
int zoo_train_look(const struct train_settings *s, const char *run, enum zoo_train_begin *begin, zoo_err *err);
/* Deletes what killed runs left half written beside OUT and in OUT.run. run "": there is none. */
int zoo_train_sweep(const struct train_settings *s, const char *run, zoo_err *err);
/* A run that ended early has a router to show. */
int zoo_train_keeps_best(const char *run);
/* After the router is in place: what only a broken-off run needs is deleted. */
int zoo_train_tidy(const char *run, zoo_err *err);
#endif
