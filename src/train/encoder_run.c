/* encoder_run.c - fine-tuning an encoder as one run: from a checkpoint folder and targets to the parameters that are
 * kept, with all that is written beside while it goes on; see encoder_run.h. */
#include "train/encoder_run.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fs.h"
#include "base/rng.h"

/* One call of zoo_encoder_run(). */
struct running {
    const zoo_encoder_plan *plan;
    const zoo_encoder_job *job;
    zoo_encoder_result *result;
    zoo_sequences sequences;
    zoo_team *team;
    zoo_encoder_trainee *trainee;
    zoo_encoder_training training;
    float *targets;                  /* (n,k) */
    double *prior;                   /* (k) */
    uint64_t begun_with;             /* hash of the first parameters */
    char best[PATH_MAX], last[PATH_MAX], state[PATH_MAX];
};

/* ---- folders ---- */

static void read_trainee(void *context, size_t first, size_t count, float *out)
{
    zoo_encoder_trainee_read(context, first, count, out);
}

static int write_trainee(struct running *r, const char *dir, zoo_err *err)
{
    const zoo_encoder_folder folder = {
        .source = &r->result->source, .facts = r->job->facts, .max_tokens = r->result->max_tokens,
        .context = r->trainee, .read = read_trainee
    };

    return zoo_encoder_folder_write(&folder, dir, 1, err);
}

static int keep(void *context, zoo_encoder_trainee *trainee, zoo_err *err)
{
    struct running *r = context;

    (void)trainee;
    return write_trainee(r, r->best, err);
}

/* The end of a run: what it ended with is put down before the best comes back. */
static int restore(void *context, float *params, zoo_err *err)
{
    struct running *r = context;
    int rc = write_trainee(r, r->last, err);

    return rc ? rc : zoo_encoder_folder_read(&r->result->source, r->best, params, err);
}

static int make_run_folder(struct running *r, zoo_err *err)
{
    const char *run = r->plan->run;
    int rc;

    if ((rc = zoo_fs_join(r->best, sizeof r->best, run, "best", err)) ||
        (rc = zoo_fs_join(r->last, sizeof r->last, run, "last", err)) ||
        (rc = zoo_fs_join(r->state, sizeof r->state, run, "state", err)))
        return rc;
    if (!zoo_ranks_number(r->job->ranks) && mkdir(run, 0777) && errno != EEXIST)
        return zoo_fail_errno(err, errno, "%s", run);
    return ZOO_OK;
}

/* ---- what the run is about ---- */

static int make_targets(struct running *r, zoo_err *err)
{
    const zoo_encoder_job *job = r->job;
    const zoo_dataset *data = job->distillery->data;

    r->targets = calloc(data->n * data->k + 1, sizeof *r->targets);
    r->prior = calloc(data->k + 1, sizeof *r->prior);
    if (!r->targets || !r->prior)
        return zoo_fail_nomem(err);
    return zoo_distil_targets(job->distillery, job->recipe, job->rows, job->count, r->targets, r->prior, err);
}

static int read_queries(struct running *r, zoo_err *err)
{
    zoo_encoder_result *result = r->result;
    const zoo_transformer_config *config = &result->source.network.config;
    size_t most = config->max_tokens < config->max_positions ? config->max_tokens : config->max_positions,
                  asked = r->plan->max_tokens;
    int rc;

    if (asked > most)
        return zoo_fail(err, ZOO_EUSAGE, "%zu tokens of a query are asked for, and %s reads at most %zu", asked,
                        r->plan->dir, most);
    result->max_tokens = asked ? asked : most < ZOO_ENCODER_TOKENS ? most : ZOO_ENCODER_TOKENS;
    rc = zoo_sequences_init(&r->sequences, r->job->distillery->data, result->source.tokenizer, result->max_tokens,
                            r->job->parallel, err);
    result->cut_rows = r->sequences.cut;
    return rc;
}

static int make_trainee(struct running *r, zoo_err *err)
{
    const zoo_trainer_settings *s = &r->job->distillery->trainer;
    const zoo_encoder_keeper keeper = { r, keep, restore };
    zoo_encoder_source *source = &r->result->source;
    const zoo_dataset *data = r->job->distillery->data;
    size_t size = source->network.parameters.size;
    float *params = malloc(size * sizeof *params);
    int rc;

    if (!params)
        return zoo_fail_nomem(err);
    rc = zoo_encoder_source_read(source, data->experts, r->prior, s->seed, params, err);
    if (!rc)
        rc = zoo_team_new(&r->team, r->job->threads, ZOO_UNPINNED, err);
    if (rc) {
        free(params);
        return rc;
    }
    r->begun_with = zoo_hash64(params, size * sizeof *params, 1);
    r->training = r->plan->training;
    r->training.batch_rows = s->batch;
    r->training.seed = s->seed;
    r->training.steps = (size_t)s->epochs * ((r->job->count + s->batch - 1) / s->batch);
    return zoo_encoder_trainee_new(&r->trainee, &source->network, &r->sequences, r->team, r->job->ranks, &r->training,
                                   &keeper, params, err);
}

/* Of everything that the run's bits depend on. */
struct marks { uint64_t settings, queries, rewards, all; };

static struct marks mark(const struct running *r)
{
    const zoo_distillery *d = r->job->distillery;
    const zoo_trainer_settings *s = &d->trainer;
    const zoo_encoder_training *t = &r->training;
    size_t n = d->data->n, k = d->data->k;
    const double numbers[] = {
        s->epochs, (double)s->batch, s->rate, s->fall, s->warm_up, s->patience, s->loss, (double)s->seed, t->decay,
            t->layer_decay, t->clip,
        t->layers, (double)t->batch_tokens, (double)k, t->precision
    };
    struct marks m = { .settings = zoo_hash64(numbers, sizeof numbers, 1), .queries = 1, .rewards = 1 };

    m.queries = zoo_hash64(r->job->rows, r->job->count * sizeof *r->job->rows, m.queries);
    m.queries = zoo_hash64(r->job->held, r->job->held_count * sizeof *r->job->held, m.queries);
    m.queries = zoo_hash64(r->sequences.starts, (n + 1) * sizeof *r->sequences.starts, m.queries);
    m.queries = zoo_hash64(r->sequences.ids, r->sequences.starts[n] * sizeof *r->sequences.ids, m.queries);
    m.rewards = zoo_hash64(r->targets, n * k * sizeof *r->targets, m.rewards);
    m.rewards = zoo_hash64(d->weights, n * sizeof *d->weights, m.rewards);
    m.rewards = zoo_hash64(d->judged, n * sizeof *d->judged, m.rewards);
    if (d->drawn) {
        m.rewards = zoo_hash64(d->drawn->offsets, n * sizeof *d->drawn->offsets, m.rewards);
        m.rewards = zoo_hash64(d->drawn->tags, d->drawn->offsets[n] * sizeof *d->drawn->tags, m.rewards);
    }
    m.all = zoo_mix64(r->begun_with ^ zoo_mix64(m.settings ^ zoo_mix64(m.queries ^ zoo_mix64(m.rewards))));
    return m;
}

/* Before the first step: all ranks are about the same. */
static int compare_ranks(const struct running *r, const struct marks *m, zoo_err *err)
{
    const zoo_common things[] = {
        { m->settings, "other settings",
          "give every rank the same options, --precision among them where the processors differ" },
        { m->queries, "other queries, or another tokenizer,", "give every rank the same store and the same encoder" },
        { m->rewards, "other rewards or tags", "give every rank the same store" },
        { r->begun_with, "another encoder", "give every rank the same folder" }
    };

    return zoo_ranks_compare(r->job->ranks, things, sizeof things / sizeof *things, err);
}

static int train(struct running *r, zoo_err *err)
{
    const zoo_encoder_job *job = r->job;
    const zoo_distillery *d = job->distillery;
    const struct marks marks = mark(r);
    const zoo_trainer_state state = { r->state, marks.all, r->plan->save_every, r->plan->resumes };
    zoo_trainer_task task = {
        .data = d->data, .units = d->units, .rows = job->rows, .count = job->count, .targets = r->targets,
        .weights = d->weights, .drawn = d->drawn, .held = job->held,
        .held_count = job->held_count, .held_weights = d->judged, .progress = job->progress, .watch = r->plan->watch,
        .state = &state,
        .ranks = job->ranks
    };
    zoo_trainer_settings settings = d->trainer;
    int rc = compare_ranks(r, &marks, err);

    if (rc)
        return rc;

    r->result->choices = malloc((job->held_count + 1) * sizeof *r->result->choices);
    if (!r->result->choices)
        return zoo_fail_nomem(err);
    settings.stop_after = settings.epochs;
    settings.blend = 0;                         /* there is nothing half-way between two sequences of tokens */
    settings.tag_weight = 0;
    task.best_choices = r->result->choices;
    return zoo_trainer_run(zoo_encoder_trainee_base(r->trainee), &task, &settings, &r->result->trainer, err);
}

static int check_finite(const float *params, size_t size, zoo_err *err)
{
    for (size_t i = 0; i < size; i++)
        if (!isfinite(params[i]))
            return zoo_fail(err, ZOO_EFORMAT, "the trained parameters are no longer numbers; a lower --rate helps");
    return ZOO_OK;
}

/* The trained encoder's parameters. */
static int finish(struct running *r, zoo_err *err)
{
    zoo_encoder_result *result = r->result;
    zoo_trainee *base = zoo_encoder_trainee_base(r->trainee);

    result->tokens = base->work;
    result->params = zoo_encoder_trainee_take(r->trainee);
    return check_finite(result->params, result->source.network.parameters.size, err);
}

int zoo_encoder_run(const zoo_encoder_plan *plan, const zoo_encoder_job *job, zoo_encoder_result *result, zoo_err *err)
{
    int (*const stages[])(struct running *, zoo_err *) = { make_run_folder, make_targets, read_queries, make_trainee,
                                                           train, finish };
    struct running r = { .plan = plan, .job = job, .result = result };
    int rc;

    memset(result, 0, sizeof *result);
    rc = zoo_encoder_source_open(&result->source, plan->dir, job->distillery->data->k, err);
    for (size_t i = 0; !rc && i < sizeof stages / sizeof *stages; i++)
        rc = stages[i](&r, err);
    zoo_encoder_trainee_free(r.trainee);
    zoo_team_free(r.team);
    zoo_sequences_release(&r.sequences);
    free(r.targets);
    free(r.prior);
    if (rc)
        zoo_encoder_result_release(result);
    return rc;
}

void zoo_encoder_result_release(zoo_encoder_result *result)
{
    zoo_encoder_source_release(&result->source);
    free(result->params);
    free(result->choices);
    memset(result, 0, sizeof *result);
}

static void read_params(void *context, size_t first, size_t count, float *out)
{
    memcpy(out, (const float *)context + first, count * sizeof *out);
}

int zoo_encoder_result_write(const zoo_encoder_result *result, const zoo_router_facts *facts, json_t *training,
                             const char *dir, int force, zoo_err *err)
{
    const zoo_encoder_folder folder = {
        .source = &result->source, .facts = *facts, .max_tokens = result->max_tokens, .training = training,
        .context = result->params,
        .read = read_params
    };

    return zoo_encoder_folder_write(&folder, dir, force, err);
}
