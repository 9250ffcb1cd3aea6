/* train_settings.c - the options of zooter train, and what those for encoders mean; see train_settings.h. */
#include "cli/train_settings.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"

/* Numbers below 0 and counts of 0: not given. */
const struct train_settings zoo_train_defaults = {
    .encoder = "ngram", .validation = -1, .rate = -1, .seed = 1, .warm_up = -1, .decay = -1, .layer_decay = -1,
    .clip = -1, .save_every = 600
};

int zoo_train_wants_encoder(const struct train_settings *s)
{
    return strcmp(s->encoder, "ngram") != 0;
}

int zoo_train_check_ngram(const struct train_settings *s, zoo_err *err)
{
    const struct { const char *name; int is_given; } options[] = {
        { "layers", s->layers != NULL }, { "precision", s->precision != NULL }, { "decay", s->decay >= 0 },
            { "layer-decay", s->layer_decay >= 0 }, { "clip", s->clip >= 0 },
        { "batch-tokens", s->batch_tokens > 0 }, { "max-tokens", s->max_tokens > 0 }, { "resume", s->resume }
    };

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].is_given)
            return zoo_fail(err, ZOO_EUSAGE, "--%s is for encoders, and none is given: --encoder DIR", options[i].name);
    return ZOO_OK;
}

static int read_layers(const char *text, unsigned *layers, zoo_err *err)
{
    char *end;
    unsigned long n;

    *layers = ~0u;
    if (!text || !strcmp(text, "all"))
        return ZOO_OK;
    *layers = 0;
    if (!strcmp(text, "head"))
        return ZOO_OK;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n > 1000)
        return zoo_fail(err, ZOO_EUSAGE, "--layers '%.40s' should be 'all', 'head' or a number of layers", text);
    *layers = (unsigned)n;
    return ZOO_OK;
}

static int read_precision(const char *text, enum zoo_precision *precision, zoo_err *err)
{
    *precision = ZOO_PRECISION_AUTO;
    if (text && (!zoo_precision_parse(text, precision) || *precision == ZOO_PRECISION_INT8))
        return zoo_fail(err, ZOO_EUSAGE, "--precision '%.40s' should be 'auto', 'f32' or 'bf16'", text);
    if (*precision == ZOO_PRECISION_AUTO)
        *precision = zoo_precision_auto();
    return ZOO_OK;
}

int zoo_train_read_encoder(const struct train_settings *s, zoo_train_settings *to, zoo_encoder_plan *plan, char *run,
                           zoo_err *err)
{
    const zoo_encoder_training usual = ZOO_ENCODER_TRAINING_DEFAULTS;
    zoo_encoder_training *t = &plan->training;

    if (snprintf(run, PATH_MAX, "%s.run", s->out) >= PATH_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "--out: the path is too long");
    *plan = (zoo_encoder_plan){ .dir = s->encoder, .run = run, .max_tokens = s->max_tokens, .training = usual,
                                .save_every = s->save_every };
    t->decay = s->decay >= 0 ? s->decay : usual.decay;
    t->layer_decay = s->layer_decay >= 0 ? s->layer_decay : usual.layer_decay;
    t->clip = s->clip >= 0 ? s->clip : usual.clip;
    t->batch_tokens = s->batch_tokens ? s->batch_tokens : usual.batch_tokens;
    to->encoder = plan;
    to->rate = s->rate >= 0 ? s->rate : 3e-5;
    to->epochs = s->epochs ? (unsigned)s->epochs : 3;
    to->warm_up = s->warm_up >= 0 ? s->warm_up : 0.06;
    if (to->rate * t->decay >= 1)
        return zoo_fail(err, ZOO_EUSAGE, "--decay %g: times --rate %g it should be below 1", t->decay, to->rate);
    if (read_precision(s->precision, &t->precision, err))
        return ZOO_EUSAGE;
    return read_layers(s->layers, &t->layers, err);
}

/* ---- what is there ---- */

static int exists(const char *dir, const char *name)
{
    char path[PATH_MAX];

    return !zoo_fs_join(path, sizeof path, dir, name, NULL) && !access(path, F_OK);
}

/* The folder can be written, and holds nothing that would be lost. */
static int check_folder(const struct train_settings *s, int force, zoo_err *err)
{
    char beside[PATH_MAX];
    int rc = zoo_fs_folder_begin(beside, sizeof beside, s->out, force, err);

    if (!rc)
        zoo_fs_folder_abandon(beside);
    return rc ? zoo_fail_within(err, "--out") : ZOO_OK;
}

int zoo_train_look(const struct train_settings *s, const char *run, enum zoo_train_begin *begin, zoo_err *err)
{
    int has_state = *run && exists(run, "state");

    *begin = ZOO_TRAIN_AFRESH;
    if (s->resume && has_state)
        *begin = ZOO_TRAIN_RESUMES;
    else if (s->resume && exists(s->out, "config.json"))
        *begin = ZOO_TRAIN_COMPLETE;
    else if (has_state && !s->force)
        return zoo_fail(err, ZOO_EUSAGE,
                        "%s holds a run that was broken off: --resume goes on with it, --force begins anew", run);
    return *begin == ZOO_TRAIN_COMPLETE ? ZOO_OK : check_folder(s, s->force || *begin == ZOO_TRAIN_RESUMES, err);
}

int zoo_train_sweep(const struct train_settings *s, const char *run, zoo_err *err)
{
    static const char *const names[] = { "best", "last", "log.jsonl" };
    char path[PATH_MAX];
    int rc = zoo_fs_sweep(s->out, err);

    for (size_t i = 0; !rc && *run && i < sizeof names / sizeof *names; i++)
        if (!(rc = zoo_fs_join(path, sizeof path, run, names[i], err)))
            rc = zoo_fs_sweep(path, err);
    return rc;
}

int zoo_train_keeps_best(const char *run)
{
    return exists(run, "best/config.json");
}

int zoo_train_tidy(const char *run, zoo_err *err)
{
    char path[PATH_MAX];
    int rc;

    if ((rc = zoo_fs_join(path, sizeof path, run, "best", err)) || (rc = zoo_fs_remove_tree(path, err)) ||
        (rc = zoo_fs_join(path, sizeof path, run, "state", err)))
        return rc;
    return unlink(path) && access(path, F_OK) == 0 ? zoo_fail(err, ZOO_EIO, "%s could not be deleted", path) : ZOO_OK;
}
