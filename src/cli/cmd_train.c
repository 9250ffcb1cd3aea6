/* cmd_train.c - zooter train: a router out of the store's rewards. Joins store, training and checkpoint;
 * the work is in src/train. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/fs.h"
#include "cli/stores.h"
#include "cli/train_log.h"
#include "cli/train_ranks.h"
#include "cli/train_report.h"
#include "cli/train_settings.h"
#include "model/ngram_encoder.h"
#include "train/ranks_open.h"

/* One run of the command. */
struct work {
    const struct train_settings *s;
    zoo_store *store;
    zoo_key run;                     /* in the store; 0: not begun */
    zoo_dataset data;
    size_t *kinds;                   /* (data.kind_count) */
    zoo_recipe beta;
    zoo_train_settings settings;
    zoo_encoder_plan plan;           /* of an encoder */
    char run_folder[PATH_MAX];       /* the same; "": there is none */
    int taken;                       /* holds run_folder; -1 */
    zoo_train_log log;               /* the same */
    enum zoo_train_begin begin;
    zoo_trained trained;
    json_t *training;                /* what goes into the checkpoint and the store */
    zoo_ranks *ranks;                /* NULL: this process is alone */
    int is_first;                    /* alone, or rank 0: the one that writes and speaks */
};

extern const zoo_command zoo_command_train;

static const size_t SUMMARY_MAX = (size_t)64 << 20;      /* bytes */

/* ---- what the options mean ---- */

static int names_none(const char *text)
{
    return text && !strcmp(text, "none");
}

static int unknown_kind(const zoo_dataset *data, const char *option, const char *name, zoo_err *err)
{
    char names[600] = "";
    size_t used = 0;

    for (size_t i = 0; i < data->kind_count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", data->kinds[i].name);
    if (!data->kind_count)
        return zoo_fail(err, ZOO_EUSAGE, "%s '%.128s': the queries have no tags at all", option, name);
    return zoo_fail(err, ZOO_EUSAGE, "%s '%.128s': no such kind of tag; there are: %s", option, name, names);
}

/* w->kinds: those asked for among the ones that tell rows apart, coarse to fine. */
static int choose_kinds(struct work *w, zoo_err *err)
{
    const zoo_list *asked = &w->s->tags;
    size_t count, kept = 0;

    w->kinds = calloc(w->data.kind_count + 1, sizeof *w->kinds);
    if (!w->kinds)
        return zoo_fail_nomem(err);
    if (asked->count == 1 && names_none(asked->items[0]))
        return ZOO_OK;
    for (size_t i = 0; i < asked->count; i++)
        if (!zoo_dataset_kind(&w->data, asked->items[i]))
            return unknown_kind(&w->data, "--tags", asked->items[i], err);
    count = zoo_kinds_order(&w->data, w->kinds);
    for (size_t i = 0; i < count; i++) {
        int wanted = !asked->count;
        for (size_t a = 0; a < asked->count; a++)
            wanted |= !strcmp(asked->items[a], w->data.kinds[w->kinds[i]].name);
        if (wanted)
            w->kinds[kept++] = w->kinds[i];
    }
    w->settings.kind_count = kept;
    return ZOO_OK;
}

/* The kind that queries are grouped by where nobody says: subset, else dataset, if there are two of them at least. */
static const zoo_tag_kind *natural_groups(const zoo_dataset *data)
{
    const zoo_tag_kind *subset = zoo_dataset_kind(data, "subset"), *dataset = zoo_dataset_kind(data, "dataset");

    if (subset && subset->values > 1)
        return subset;
    return dataset && dataset->values > 1 ? dataset : NULL;
}

static int choose_balance(struct work *w, zoo_err *err)
{
    const char *name = w->s->balance;
    const zoo_tag_kind *kind = zoo_dataset_kind(&w->data, name ? name : "subset");

    w->settings.left_out = natural_groups(&w->data);
    if (name && !names_none(name) && !kind)
        return unknown_kind(&w->data, "--balance", name, err);
    w->settings.balance = !names_none(name) && kind && kind->values > 1 ? kind : NULL;
    if (w->settings.draws && !w->settings.balance)
        return zoo_fail(err, ZOO_EUSAGE,
                        "--balance-by sample: there is no kind of tag to balance by; --balance names one of two tags "
                        "or more");
    return ZOO_OK;
}

static int read_options(struct work *w, zoo_err *err)
{
    const struct train_settings *s = w->s;
    zoo_train_settings *t = &w->settings;

    *t = (zoo_train_settings)ZOO_TRAIN_DEFAULTS;
    if (s->balance_by && strcmp(s->balance_by, "weight") != 0 && strcmp(s->balance_by, "sample") != 0)
        return zoo_fail(err, ZOO_EUSAGE, "--balance-by '%.128s' should be 'weight' or 'sample'", s->balance_by);
    t->draws = s->balance_by && !strcmp(s->balance_by, "sample");
    if (s->kl && strcmp(s->kl, "forward") != 0 && strcmp(s->kl, "reverse") != 0)
        return zoo_fail(err, ZOO_EUSAGE, "--kl '%.128s' should be 'forward' or 'reverse'", s->kl);
    if (s->kl && s->loss)
        return zoo_fail(err, ZOO_EUSAGE, "--kl and --loss are the same choice: give one");
    if (s->loss && !zoo_loss_parse(s->loss, &t->loss))
        return zoo_fail(err, ZOO_EUSAGE, "--loss '%.128s' should be 'forward', 'reverse', 'hard' or 'reward'", s->loss);
    if (s->kl)
        zoo_loss_parse(s->kl, &t->loss);
    if (s->schedule && !zoo_fall_parse(s->schedule, &t->fall))
        return zoo_fail(err, ZOO_EUSAGE, "--schedule '%.128s' should be 'linear' or 'cosine'", s->schedule);
    if (s->beta) {
        if (zoo_recipe_parse_beta(s->beta, &w->beta, err))
            return ZOO_EUSAGE;
        t->beta = &w->beta;
    }
    t->temperature = s->temperature;
    t->is_standardised = s->standardise;
    if (s->validation >= 0 && s->validation_split)
        return zoo_fail(err, ZOO_EUSAGE, "--validation sets rows aside and --validation-split names them: give one");
    t->validation = s->validation >= 0 ? s->validation : t->validation;
    t->patience = (unsigned)s->patience;
    t->seed = s->seed;
    t->threads = (unsigned)s->threads;
    t->progress = stderr;
    if (s->batch)
        t->batch = s->batch;
    if (zoo_train_wants_encoder(s))
        return zoo_train_read_encoder(s, t, &w->plan, w->run_folder, err);
    t->rate = s->rate >= 0 ? s->rate : t->rate;
    t->epochs = s->epochs ? (unsigned)s->epochs : t->epochs;
    t->warm_up = s->warm_up >= 0 ? s->warm_up : 0;
    return zoo_train_check_ngram(s, err);
}

/* ---- the run's record ---- */

static int dump(zoo_buf *out, const json_t *value, zoo_err *err)
{
    return !value || zoo_json_dump(out, value) ? zoo_fail_nomem(err) : ZOO_OK;
}

static json_t *describe(const struct work *w)
{
    const struct train_settings *s = w->s;
    json_t *kinds = json_array(), *all;

    for (size_t i = 0; i < s->tags.count; i++)
        json_array_append_new(kinds, json_string(s->tags.items[i]));
    all = json_pack("{s:s?, s:s, s:s, s:s?, s:f, s:b, s:o, s:s?, s:s?, s:s?, s:f, s:f, s:I, s:I}", "validation_split",
                    s->validation_split, "encoder", s->encoder, "out", s->out, "beta", s->beta, "temperature",
                    s->temperature, "standardise", s->standardise, "tags", kinds, "balance", s->balance, "reward_model",
                    s->reward_model, "loss", zoo_loss_name(w->settings.loss), "validation", w->settings.validation,
                    "rate", w->settings.rate, "epochs", (json_int_t)w->settings.epochs, "seed", (json_int_t)s->seed);
    if (all && zoo_choice_describe(&s->choice, all)) {
        json_decref(all);
        all = NULL;
    }
    return all;
}

static int begin_run(struct work *w, zoo_err *err)
{
    json_t *asked = describe(w);
    zoo_buf text = ZOO_BUF_INIT(SUMMARY_MAX);
    int rc = dump(&text, asked, err);

    if (!rc)
        rc = zoo_store_begin_run(w->store, "train", text.data, &w->run, err);
    json_decref(asked);
    zoo_buf_release(&text);
    return rc;
}

/* Notes how the run ended; a failure to note it does not hide why it failed. */
static int end_run(struct work *w, int failed, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(SUMMARY_MAX);
    zoo_err other;
    int rc = ZOO_OK;

    if (!w->run)
        return ZOO_OK;
    if (failed)
        rc = zoo_buf_add_str(&text, "{\"error\":") || zoo_buf_add_json_str(&text, err->message, strlen(err->message)) ||
             zoo_buf_add_str(&text, "}") ? zoo_fail_nomem(&other) : ZOO_OK;
    else
        rc = dump(&text, w->training, &other);
    if (!rc)
        rc = zoo_store_end_run(w->store, w->run, failed ? "failed" : "done", text.data, &other);
    zoo_buf_release(&text);
    if (rc && !failed)
        *err = other;
    return failed ? ZOO_OK : rc;
}

/* ---- the run ---- */

static int load_data(struct work *w, zoo_err *err)
{
    const struct train_settings *s = w->s;
    zoo_store_filter filter = zoo_choice_filter(&s->choice);
    int rc;

    filter.aside = s->validation_split;
    filter.reward_models = (zoo_texts){ &s->reward_model, s->reward_model != NULL };
    rc = zoo_store_load(w->store, &filter, &w->data, err);
    return rc || w->data.n ? rc : zoo_choice_fail_empty(w->store, &s->choice, err);
}

static int load(struct work *w, zoo_err *err)
{
    const struct train_settings *s = w->s;
    int rc = w->is_first ? zoo_cli_store_open(&w->store, s->store, ZOO_STORE_WRITE, err) : ZOO_OK;

    if (w->ranks)
        /* the others read what rank 0 has brought to this version's schema */
        rc = zoo_ranks_follow(w->ranks, rc, err);
    if (!rc && !w->is_first)
        rc = zoo_cli_store_open(&w->store, s->store, ZOO_STORE_READ, err);
    if (!rc)
        rc = load_data(w, err);
    if (!rc)
        rc = choose_kinds(w, err);
    if (!rc)
        rc = choose_balance(w, err);
    w->settings.kinds = w->kinds;
    return rc;
}

static void say_what(const struct work *w)
{
    const zoo_train_settings *t = &w->settings;
    char kinds[600] = "";
    size_t used = 0;

    for (size_t i = 0; i < t->kind_count && used < sizeof kinds; i++) {
        const zoo_tag_kind *kind = &w->data.kinds[t->kinds[i]];
        used += (size_t)snprintf(kinds + used, sizeof kinds - used, "%s%s (%zu)", i ? ", " : "", kind->name,
                                 kind->values);
    }
    zoo_cli_say(&zoo_command_train, "%zu queries, %zu experts; tags: %s; %s%s %s", w->data.n, w->data.k,
                *kinds ? kinds : "none", t->balance ? "each " : "each query", t->balance ? t->balance->name : "",
                t->draws ? "is drawn equally often" : "weighs alike");
}

static void say_rows(const struct work *w)
{
    const zoo_trained *t = &w->trained;
    const zoo_holes *h = &t->holes;
    size_t unrewarded = w->data.n - h->rewarded;
    char advice[ZOO_HOLES_ADVICE];

    if (unrewarded)
        zoo_cli_say(&zoo_command_train, "%zu queries have no reward at all and were left out", unrewarded);
    zoo_holes_advise(h, &w->data, NULL, advice);
    if (h->complete < h->rewarded && h->kind)
        zoo_cli_say(&zoo_command_train, "%zu queries lack a reward of some expert and were left out; %s",
                    h->rewarded - h->complete, advice);
    else if (h->complete < h->rewarded)
        zoo_cli_say(&zoo_command_train,
                    "%zu queries lack a reward of some expert and were left out; '%s' lacks most, %zu%s%s",
                    h->rewarded - h->complete, w->data.experts[h->order[0]], h->lacks[h->order[0]],
                    h->without ? ": " : "", advice);
    if (t->units.vanishing)
        zoo_cli_say(&zoo_command_train,
                    "%zu queries say nothing: their rewards differ by next to nothing beside those of '%s', by %g",
                    t->units.vanishing, w->data.ids[t->units.widest], t->units.spread);
    if (t->known_rows)
        zoo_cli_say(&zoo_command_train, "%zu queries of the split '%s' were left out: their texts are also learnt from",
                    t->known_rows, w->s->validation_split);
    zoo_cli_say(&zoo_command_train, "%zu rows to learn from, %zu set aside for validation", t->fit_rows,
                t->validation_rows);
}

static int describe_training(struct work *w, zoo_err *err)
{
    const struct train_settings *s = w->s;

    w->training = zoo_trained_json(&w->trained, &w->data, &w->settings);
    if (!w->training)
        return zoo_fail_nomem(err);
    if (zoo_choice_describe(&s->choice, w->training))
        return zoo_fail_nomem(err);
    if (s->validation_split)
        json_object_set_new(w->training, "validation_split", json_string(s->validation_split));
    if (s->reward_model)
        json_object_set_new(w->training, "reward_model", json_string(s->reward_model));
    return ZOO_OK;
}

static int save(const struct work *w, zoo_err *err)
{
    const zoo_trained *t = &w->trained;
    zoo_tag_names tags[ZOO_TAG_KINDS_MAX];
    zoo_router_facts facts = {
        .k = w->data.k, .experts = w->data.experts, .mean_rewards = t->mean_rewards,
        .temperature = t->recipe.temperature,
        .kinds = t->head_count, .tags = tags
    };

    for (size_t i = 0; i < t->head_count; i++)
        tags[i] = (zoo_tag_names){ t->heads[i].name, t->heads[i].values, t->heads[i].value_names };
    if (t->is_encoder) {
        facts.kinds = 0;
        return zoo_encoder_result_write(&t->encoder, &facts, w->training, w->s->out,
                                        w->s->force || w->begin == ZOO_TRAIN_RESUMES, err);
    }
    return zoo_ngram_save(w->s->out, w->s->force, &t->net, t->params, &facts, w->training, err);
}

static void say_result(const struct work *w, double seconds)
{
    const zoo_trained *t = &w->trained;
    char took[32], beta[ZOO_RECIPE_NAME_SIZE];

    zoo_clock_human(took, sizeof took, seconds);
    zoo_recipe_name_beta(&t->recipe, beta);
    zoo_cli_say(&zoo_command_train, "wrote %s in %s; the same again: --beta %s --temperature %.6g --seed %llu",
                w->s->out, took, beta, w->settings.is_standardised ? t->recipe.temperature / t->scale :
                t->recipe.temperature, (unsigned long long)w->s->seed);
}

/* The curves, and what is no longer needed; neither is worth failing for. */
static void tidy(struct work *w)
{
    zoo_err err;

    zoo_train_log_close(&w->log);
    if (!*w->run_folder)
        return;
    if (zoo_train_log_plot(&w->log, w->run_folder, &err))
        zoo_cli_say(&zoo_command_train, "%s", err.message);
    if (zoo_train_tidy(w->run_folder, &err))
        zoo_cli_say(&zoo_command_train, "%s", err.message);
}

static void release(struct work *w)
{
    zoo_train_log_close(&w->log);
    if (w->taken >= 0)
        close(w->taken);
    json_decref(w->training);
    zoo_trained_release(&w->trained);
    zoo_dataset_release(&w->data);
    free(w->kinds);
    zoo_store_close(w->store);
}

/* Two runs that write into one folder would spoil both. */
static int take_run_folder(struct work *w, zoo_err *err)
{
    return !*w->run_folder || w->taken >= 0 ? ZOO_OK : zoo_fs_take_folder(&w->taken, w->run_folder, err);
}

static int begin_log(struct work *w, zoo_err *err)
{
    int resumes = w->begin == ZOO_TRAIN_RESUMES, rc = take_run_folder(w, err);

    if (rc || (rc = zoo_train_sweep(w->s, w->run_folder, err)) || !*w->run_folder)
        return rc;
    w->plan.resumes = resumes;
    w->plan.watch = &w->log.watch;
    return zoo_train_log_open(&w->log, w->run_folder, resumes, err);
}

/* Before anything is computed or written: it is an encoder. */
static int check_encoder(const struct work *w, zoo_err *err)
{
    zoo_encoder_source source;
    int rc;

    if (!w->settings.encoder || w->data.k < 2)          /* with fewer experts the data are what is wrong */
        return ZOO_OK;
    rc = zoo_encoder_source_open(&source, w->plan.dir, w->data.k, err);
    zoo_encoder_source_release(&source);
    return rc ? zoo_fail_within(err, "--encoder") : ZOO_OK;
}

static int begin_records(struct work *w, zoo_err *err)
{
    int rc = begin_log(w, err);

    return rc ? rc : begin_run(w, err);
}

/* From options to the router in its place. */
static int work(struct work *w, zoo_err *err)
{
    int rc;

    if ((rc = load(w, err)) || (rc = check_encoder(w, err)) || (w->is_first && (rc = begin_records(w, err))))
        return rc;
    if (!w->data.k)
        return zoo_choice_fail_unrewarded(w->store, &w->s->choice, w->s->reward_model, w->data.n, ZOO_EFORMAT, err);
    if (w->is_first)
        say_what(w);
    if ((rc = zoo_train(&w->data, &w->settings, &w->trained, err)) || !w->is_first)
        return rc;
    say_rows(w);
    rc = describe_training(w, err);
    return rc ? rc : save(w, err);
}

/* What this process is to the others that were started with it. */
static int join(struct work *w, zoo_err *err)
{
    int rc = zoo_train_join(zoo_train_wants_encoder(w->s), &w->ranks, err);

    w->is_first = w->ranks ? w->ranks->rank == 0 : zoo_ranks_launched() == 1 || zoo_ranks_launched_as() == 0;
    return rc;
}

/* A folder that is not there yet is made, and taken, when there is something to write. */
static int look_alone(struct work *w, zoo_err *err)
{
    int rc = zoo_fs_exists(w->run_folder) ? take_run_folder(w, err) : ZOO_OK;

    return rc ? rc : zoo_train_look(w->s, w->run_folder, &w->begin, err);
}

/* Rank 0 alone looks at what is there, and for all: what it then makes should surprise nobody. */
static int look(struct work *w, zoo_err *err)
{
    int rc = w->is_first ? look_alone(w, err) : ZOO_OK;

    w->settings.ranks = w->ranks;
    if (!w->ranks)
        return rc;
    w->settings.progress = w->is_first ? stderr : NULL;
    if ((rc = zoo_ranks_follow(w->ranks, rc, err)) || (rc = zoo_ranks_tell(w->ranks, &w->begin, sizeof w->begin, err)))
        return rc;
    w->plan.resumes = w->begin == ZOO_TRAIN_RESUMES;
    if (!w->settings.threads && (rc = zoo_train_threads(w->ranks, &w->settings.threads, err)))
        return rc;
    return zoo_train_await_end(w->ranks, w->s->out, err);
}

/* The common end with the other ranks; rank numbers stand before what another than the first has to say. */
static int leave(struct work *w, int rc, zoo_err *err)
{
    int all_came = 1, status = !rc ? EXIT_DONE : err->code == ZOO_EUSAGE ? EXIT_WRONG_USE : EXIT_FAILED;
    int speaks = w->ranks ? zoo_train_part(w->ranks, rc, &all_came) : rc && w->is_first;

    if (speaks && !w->is_first)
        zoo_fail_within(err, "rank %u", w->ranks->rank);
    if (speaks)
        zoo_cli_fail(&zoo_command_train, err);
    if (w->ranks)
        zoo_train_leave(w->ranks, all_came, status);
    return status;
}

static int run(const void *opaque, int argc, char **argv)
{
    struct work w = { .s = opaque, .taken = -1 };
    uint64_t started = zoo_clock_ns();
    zoo_err err;
    int rc = join(&w, &err);

    (void)argc;
    (void)argv;
    if (!rc)
        rc = read_options(&w, &err);
    if (!rc)
        rc = look(&w, &err);
    if (!rc && w.begin == ZOO_TRAIN_COMPLETE) {
        if (w.is_first)
            zoo_cli_say(&zoo_command_train, "%s is complete: there is nothing to resume", w.s->out);
        return leave(&w, 0, &err);
    }
    if (!rc)
        rc = work(&w, &err);
    if (end_run(&w, rc, &err))
        rc = err.code;
    if (!rc && w.is_first) {
        tidy(&w);
        zoo_train_report(stderr, &w.trained, &w.data, &w.settings);
        say_result(&w, (double)(zoo_clock_ns() - started) * 1e-9);
    }
    if (rc && *w.run_folder && zoo_train_keeps_best(w.run_folder))
        zoo_cli_say(&zoo_command_train, "%s/best is the router of the best epoch before", w.run_folder);
    release(&w);
    return leave(&w, rc, &err);
}

static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct train_settings, store, "the store"),
    { "out", "DIR", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct train_settings, out), "the router's folder", 0, 0 },
    ZOO_OPTION_SPLIT(struct train_settings, choice),
    ZOO_OPTION_WHERE(struct train_settings, choice),
    ZOO_OPTION_EXPERTS(struct train_settings, choice),
    ZOO_OPTION_WITHOUT(struct train_settings, choice),
    ZOO_OPTION_SAMPLE(struct train_settings, choice),
    { "reward-model", "NAME", OPTION_TEXT, offsetof(struct train_settings, reward_model),
      "whose rewards (default: the only one there is)", 0, 0 },
    { "encoder", "DIR", OPTION_TEXT, offsetof(struct train_settings, encoder),
      "what reads the query: ngram, or a checkpoint folder to fine-tune, DeBERTa or BERT (default ngram)", 0, 0 },
    { "tags", "KIND,...", OPTION_NAMES, offsetof(struct train_settings, tags),
      "kinds of tag that rewards are calmed by, or none (default: every kind)", 0, 0 },
    { "balance", "KIND", OPTION_TEXT, offsetof(struct train_settings, balance),
      "let each tag of this kind weigh alike; none: each query (default: subset, where there are two)", 0, 0 },
    { "balance-by", "HOW", OPTION_TEXT, offsetof(struct train_settings, balance_by),
      "weight: rows of rare tags count more; sample: epochs draw each tag equally often (default weight)", 0, 0 },
    { "beta", "B", OPTION_TEXT, offsetof(struct train_settings, beta),
      "share of a query's own reward, 0 to 1; auto, auto+B: see above (default: cross-validation)", 0, 0 },
    { "temperature", "T", OPTION_NUMBER, offsetof(struct train_settings, temperature),
      "of the targets, in units of reward (default: cross-validation)", 1e-300, 1e300 },
    { "standardise", NULL, OPTION_FLAG, offsetof(struct train_settings, standardise),
      "count --temperature in units of the spread of the rewards", 0, 0 },
    { "validation", "SHARE", OPTION_NUMBER, offsetof(struct train_settings, validation),
      "of the rows set aside, by query text, to choose the epoch, 0 to 0.5 (default 0.1)", 0, 0.5 },
    { "validation-split", "SPLIT", OPTION_TEXT, offsetof(struct train_settings, validation_split),
      "choose the epoch by the queries of this split, which are not learnt from", 0, 0 },
    { "epochs", "N", OPTION_COUNT, offsetof(struct train_settings, epochs),
      "passes over the rows, at most (default 4; encoders 3)", 1, 1000 },
    { "rate", "R", OPTION_NUMBER, offsetof(struct train_settings, rate),
      "the highest rate: Adagrad's (default 0.1) or, for encoders, AdamW's (default 3e-5)", 1e-9, 1e9 },
    { "warm-up", "SHARE", OPTION_NUMBER, offsetof(struct train_settings, warm_up),
      "of the steps over which the rate rises (default 0; encoders 0.06)", 0, 1 },
    { "schedule", "NAME", OPTION_TEXT, offsetof(struct train_settings, schedule),
      "how the rate falls to 0: linear or cosine (default linear)", 0, 0 },
    { "batch", "N", OPTION_COUNT, offsetof(struct train_settings, batch), "queries of a step (default 32)", 1, 65536 },
    { "patience", "N", OPTION_COUNT, offsetof(struct train_settings, patience),
      "stop after so many epochs without a better validation reward (default: all epochs)", 1, 1000 },
    { "loss", "NAME", OPTION_TEXT, offsetof(struct train_settings, loss),
      "forward, reverse, hard or reward: see above (default forward)", 0, 0 },
    { "kl", "DIRECTION", OPTION_TEXT, offsetof(struct train_settings, kl),
      "the same as --loss forward or --loss reverse", 0, 0 },
    { "layers", "N", OPTION_TEXT, offsetof(struct train_settings, layers),
      "of an encoder that learn: all, head, or the head and the last N layers; with head, each query is encoded once "
      "(default all)", 0, 0 },
    { "precision", "P", OPTION_TEXT, offsetof(struct train_settings, precision),
      "that an encoder's layers multiply in: f32, bf16 (sums and parameters stay float32), or auto, bf16 where the "
      "processor has it (default auto)", 0, 0 },
    { "decay", "D", OPTION_NUMBER, offsetof(struct train_settings, decay), "AdamW's decay of weights (default 0.01)", 0,
      1e6 },
    { "layer-decay", "D", OPTION_NUMBER, offsetof(struct train_settings, layer_decay),
      "each layer learns at this share of the rate of the one above it (default 1)", 0.01, 1 },
    { "clip", "NORM", OPTION_NUMBER, offsetof(struct train_settings, clip),
      "the gradient's greatest length, 0: any (default 1)", 0, 1e9 },
    { "max-tokens", "N", OPTION_COUNT, offsetof(struct train_settings, max_tokens),
      "tokens of a query that are read, in training and routing alike (default: what the encoder reads, at most 512)",
      4, 65536 },
    { "batch-tokens", "N", OPTION_COUNT, offsetof(struct train_settings, batch_tokens),
      "tokens that go through an encoder together; memory depends on it (default 4096)", 16, 1048576 },
    { "save-every", "SECONDS", OPTION_NUMBER, offsetof(struct train_settings, save_every),
      "how often an encoder's run is written down (default 600)", 0, 1e9 },
    { "resume", NULL, OPTION_FLAG, offsetof(struct train_settings, resume),
      "go on with a run of an encoder that was broken off", 0, 0 },
    { "seed", "N", OPTION_COUNT, offsetof(struct train_settings, seed), "random seed (default 1)", 0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct train_settings, threads),
      "threads; the result is the same (default: one a processor)", 1, 1024 },
    { "force", NULL, OPTION_FLAG, offsetof(struct train_settings, force), "replace a folder that is not empty", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_train = {
    .name = "train", .args = "", .summary = "learn a router from the rewards in a store",
    .details =
        "Learns which expert is best for which query, by distilling rewards: a query's rewards, calmed by what its "
        "tags say,\n"
        "become a distribution over the experts, softmax(rewards / T), and the router learns to give it from the text "
        "alone.\n"
        "\n"
        "--beta says how rewards are calmed. Rewards of single answers are mostly noise; the mean over a tag's queries "
        "is not:\n"
        "  B        the paper's: B x the query's own rewards + (1 - B) x the mean rewards of its tags (several tags: "
        "the mean of\n"
        "           those; no tag: its own rewards alone). 1: own rewards only\n"
        "  auto     the data say how much (empirical Bayes): each tag's mean is drawn towards what coarser tags say, "
        "the more, the\n"
        "           noisier its rows, the fewer they are, and the less tags of its kind differ. A kind of tag that "
        "says nothing\n"
        "           switches itself off; where none says anything, the router always asks the expert that is best on "
        "average\n"
        "  auto+B   the same, with a share B of the query's own rewards\n"
        "What is not given, --beta and --temperature, is chosen by cross-validation: in five folds by query text, by "
        "the reward of\n"
        "the expert that the router picks, groups weighing as --balance says, on groups of 500 queries where there are "
        "such. Of\n"
        "recipes within one standard error of the best, the first as tried wins. Folds take at most 20,000 queries.\n"
        "\n"
        "Rewards may have any offset and scale: only differences within a query are learnt from. Queries that lack a "
        "reward of some\n"
        "expert are left out and counted; where fewer than one in ten has all, it is refused, and who costs most is "
        "named.\n"
        "\n"
        "Some texts are set aside for validation; the router is trained on the others, the epoch with the best reward "
        "on those set\n"
        "aside is noted, and the router that is kept is trained on all queries for as many epochs. What tags say is "
        "learnt from\n"
        "training queries only. Below 20 different texts, nothing is set aside and nothing is chosen: auto and the "
        "first temperature\n"
        "are taken. --validation-split names the validation queries instead; nothing is learnt from them, and those "
        "whose text is\n"
        "also one to learn from are left out.\n"
        "\n"
        "--loss: forward and reverse are KL(target || router) and KL(router || target); hard, the best expert alone "
        "counts; reward, what\n"
        "is lost against the best expert by asking each expert as often as the router believes in it.\n"
        "\n"
        "--encoder DIR fine-tunes an encoder in place of an n-gram network: a backbone, or any sequence classifier, of "
        "model_type\n"
        "deberta-v2 or bert. The recipe is chosen with n-gram routers, which cost seconds; the encoder is trained "
        "once, the epoch with\n"
        "the best reward on the rows set aside is kept, and what is written is a folder that transformers loads too. "
        "Experts that DIR's\n"
        "own head knows by name keep their row of it. While it goes on, OUT.run holds log.jsonl, best, last and, every "
        "--save-every\n"
        "seconds and after each epoch, state: killed at any moment, the same command with --resume goes on to the same "
        "bytes; a second\n"
        "command with the same OUT is refused meanwhile. Queries are packed without padding; nothing is blended, since "
        "there is nothing\n"
        "half-way between two sequences of tokens. A loss that is no longer a number stops the run; OUT.run/best is "
        "then the router of\n"
        "the best epoch before.\n"
        "\n"
        "On several machines, or as several processes of one: mpirun -n N zooter train --encoder DIR ... (Open MPI, or "
        "srun --mpi=pmix). Each rank\n"
        "takes its share of every step's queries; --batch is that of all together, --threads is per rank. Rank 0 "
        "writes and speaks; ranks with\n"
        "other data, options or another build are refused. A rank that dies ends the run, and --resume goes on: "
        "docs/scaling.md.\n"
        "\n"
        "Of a query n-gram routers read the first 4,096 bytes, in training, routing and serving alike. Up to 4,096 "
        "experts; up to 16 kinds of\n"
        "tag of 512 values each can be told by route --explain, more can be learnt from. The same seed gives the same "
        "router\n"
        "whatever the number of threads. The folder (config.json, model.safetensors) is written beside and put in "
        "place at once;\n"
        "one that is not empty is refused without --force. The store's log of runs keeps settings and figures, as does "
        "config.json.\n"
        "\n"
        "Tables on standard error show what each kind of tag says, what was tried, how a subset fares that was never "
        "seen, and what\n"
        "the router is worth against the best single expert.",
    .examples = "  zooter train --store my.db --split train --out my-router\n"
                "  zooter train --store my.db --split train --out paper --beta 0.3 --temperature 1 --tags topic\n"
                "  zooter train --store my.db --split train --encoder mdeberta-v3-base --out my-router\n"
                "  mpirun -n 2 zooter train --store my.db --split train --encoder mdeberta-v3-base --out my-router\n"
                "  zooter train --store my.db --split train --out untagged --tags none --balance none --force\n",
    .options = options, .defaults = &zoo_train_defaults, .settings_size = sizeof(struct train_settings), .run = run
};
