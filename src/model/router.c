/* router.c - the public API of zooter.h: a checkpoint folder as something that routes. */
#include "model/router.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fs.h"
#include "base/parallel.h"
#include "compute/kernels.h"
#include "model/options.h"

/* queries that go into the encoder together; that a thread takes at once */
enum { OPEN_TRIES = 3, CHUNK = 512, TASK = 64 };

struct zoo_router {
    zoo_checkpoint checkpoint;
    zoo_encoder *encoder;
    size_t best, tag_count, text_limit;
};

/* One member of a workspace: what a thread needs for an encoder that takes one query at a time. */
struct seat {
    void *encoder;                              /* the encoder's own */
    float *logits, *probabilities;              /* (k) each */
    zoo_err failure;                            /* the first; code 0: none */
    size_t failed;                              /* query of the failure */
};

struct zoo_workspace {
    const zoo_encoder_class *class;
    struct seat *seats;                         /* (count) */
    unsigned count;                             /* 1 where the encoder has threads of its own */
    zoo_parallel *parallel;                     /* NULL for one */
    float *tags;                                /* (G) */
    float *logits;                              /* (CHUNK, k) where the encoder takes many */
    int was_cut[CHUNK];
    zoo_text texts[CHUNK];
};

static const zoo_encoder_class *const classes[] = { &zoo_ngram_class, &zoo_deberta_class, &zoo_bert_class };

/* ---- opening ---- */
/* Of a model_type that zoo_checkpoint_parse() has let pass. */
static const zoo_encoder_class *find_class(const char *model_type)
{
    size_t i = 0;

    while (strcmp(classes[i]->model_type, model_type))
        i++;
    return classes[i];
}

static size_t find_best(const zoo_router_facts *facts)
{
    size_t best = 0;

    for (size_t i = 1; i < facts->k; i++)
        if (facts->mean_rewards[i] > facts->mean_rewards[best] || isnan(facts->mean_rewards[best]))
            best = i;
    return best;
}

static int read_folder(zoo_router *router, const char *dir, const zoo_options *options, zoo_err *err)
{
    const zoo_encoder_class *class;
    char path[PATH_MAX];
    char *text = NULL;
    size_t size;
    int rc;

    if ((rc = zoo_fs_join(path, sizeof path, dir, "config.json", err)) ||
        (rc = zoo_fs_read(&text, &size, path, ZOO_CONFIG_MAX, err)) ||
        (rc = zoo_checkpoint_parse(&router->checkpoint, text, size, path, err)))
        goto done;
    class = find_class(router->checkpoint.model_type);
    if ((rc = class->open(&router->encoder, &router->checkpoint, dir, options, err)))
        goto done;
    router->text_limit = class->text_limit ? class->text_limit(router->encoder) : router->checkpoint.text_limit;
    router->best = find_best(&router->checkpoint.facts);
    for (size_t i = 0; i < router->checkpoint.facts.kinds; i++)
        router->tag_count += router->checkpoint.facts.tags[i].count;
done:
    free(text);
    return rc;
}

/* Which folder `dir` names at the moment. */
static ino_t identify(const char *dir)
{
    struct stat st;

    return stat(dir, &st) ? 0 : st.st_ino;
}

int zoo_router_open(zoo_router **out, const char *dir, zoo_err *err)
{
    return zoo_router_open_with(out, dir, NULL, err);
}

int zoo_router_open_with(zoo_router **out, const char *dir, const zoo_options *options, zoo_err *err)
{
    zoo_options o;
    int rc = zoo_options_read(&o, options, err);

    *out = NULL;
    if (rc)
        return rc;
    rc = ZOO_EIO;
    for (int i = 0; i < OPEN_TRIES; i++) {
        ino_t before = identify(dir);
        zoo_router *router = calloc(1, sizeof *router);
        if (!router)
            return zoo_fail_nomem(err);
        rc = read_folder(router, dir, &o, err);
        if (before && identify(dir) != before) {        /* replaced meanwhile: what was read may be half of each */
            if (!rc)
                rc = zoo_fail(err, ZOO_EIO, "%s: replaced while it was read; try again", dir);
            zoo_router_close(router);
            continue;
        }
        if (rc)
            zoo_router_close(router);
        else
            *out = router;
        return rc;
    }
    return rc;
}

void zoo_router_close(zoo_router *router)
{
    if (!router)
        return;
    if (router->encoder)
        router->encoder->class->close(router->encoder);
    zoo_checkpoint_release(&router->checkpoint);
    free(router);
}

/* ---- facts ---- */
size_t zoo_router_expert_count(const zoo_router *router) { return router->checkpoint.facts.k; }
size_t zoo_router_best_on_average(const zoo_router *router) { return router->best; }
size_t zoo_router_text_limit(const zoo_router *router) { return router->text_limit; }
float zoo_router_temperature(const zoo_router *router) { return (float)router->checkpoint.facts.temperature; }
const zoo_router_facts *zoo_router_facts_of(const zoo_router *router) { return &router->checkpoint.facts; }
const json_t *zoo_router_training(const zoo_router *router) { return router->checkpoint.training; }
int zoo_router_explains(const zoo_router *router) { return router->encoder->class->explain != NULL; }
int zoo_router_packs(const zoo_router *router) { return router->encoder->class->logits_many != NULL; }
size_t zoo_router_tag_count(const zoo_router *router) { return router->tag_count; }

enum zoo_precision zoo_router_precision(const zoo_router *router)
{
    const zoo_encoder_class *class = router->encoder->class;

    return class->precision ? class->precision(router->encoder) : ZOO_PRECISION_F32;
}

const char *zoo_router_expert(const zoo_router *router, size_t i)
{
    return i < router->checkpoint.facts.k ? router->checkpoint.facts.experts[i] : NULL;
}

/* ---- workspaces ---- */
static int seat_init(struct seat *seat, const zoo_router *router, const zoo_options *options, zoo_err *err)
{
    size_t k = router->checkpoint.facts.k;

    seat->logits = malloc(2 * k * sizeof *seat->logits);
    if (!seat->logits)
        return zoo_fail_nomem(err);
    seat->probabilities = seat->logits + k;
    return router->encoder->class->workspace_new(&seat->encoder, router->encoder, options, err);
}

static int workspace_init(zoo_workspace *w, const zoo_router *router, const zoo_options *options, zoo_err *err)
{
    unsigned count = w->class->logits_many ? 1 : options->threads;
    int rc = ZOO_OK;

    w->tags = malloc((router->tag_count + 1) * sizeof *w->tags);
    w->seats = calloc(count, sizeof *w->seats);
    if (w->class->logits_many)
        w->logits = malloc(CHUNK * router->checkpoint.facts.k * sizeof *w->logits);
    if (!w->tags || !w->seats || (w->class->logits_many && !w->logits))
        return zoo_fail_nomem(err);
    while (w->count < count && !rc)
        rc = seat_init(&w->seats[w->count++], router, options, err);
    return rc || count == 1 ? rc : zoo_parallel_new(&w->parallel, count, err);
}

int zoo_workspace_new_with(zoo_workspace **out, const zoo_router *router, const zoo_options *options, zoo_err *err)
{
    zoo_options o;
    zoo_workspace *w;
    int rc = zoo_options_read(&o, options, err);

    *out = NULL;
    if (rc)
        return rc;
    w = calloc(1, sizeof *w);
    if (!w)
        return zoo_fail_nomem(err);
    w->class = router->encoder->class;
    rc = workspace_init(w, router, &o, err);
    if (rc)
        zoo_workspace_free(w);
    else
        *out = w;
    return rc;
}

int zoo_workspace_new(zoo_workspace **out, const zoo_router *router, zoo_err *err)
{
    return zoo_workspace_new_with(out, router, NULL, err);
}

void zoo_workspace_free(zoo_workspace *w)
{
    if (!w)
        return;
    zoo_parallel_free(w->parallel);
    for (unsigned i = 0; i < w->count; i++) {
        w->class->workspace_free(w->seats[i].encoder);
        free(w->seats[i].logits);
    }
    free(w->seats);
    free(w->tags);
    free(w->logits);
    free(w);
}

/* ---- routing ---- */
/* The most probable expert and its lead; the lower index where two are equal. */
static void decide(zoo_decision *out, const float *p, size_t k, int was_cut)
{
    size_t first = 0;
    float second = 0;

    for (size_t i = 1; i < k; i++)
        if (p[i] > p[first])
            first = i;
    for (size_t i = 0; i < k; i++)
        if (i != first && p[i] > second)
            second = p[i];
    *out = (zoo_decision){ first, p[first], k > 1 ? p[first] - second : 1, was_cut };
}

/* probabilities (k) and, unless NULL, the decision of one query's logits. */
static int conclude(const zoo_router *router, const float *logits, float *p, zoo_decision *decision, int was_cut,
                    zoo_err *err)
{
    size_t k = router->checkpoint.facts.k;
    float sum = 0;

    zoo_softmax_fwd(p, logits, 1, k);
    for (size_t i = 0; i < k; i++)
        sum += p[i];
    if (!(fabsf(sum - 1) <= 0.01f))             /* finite weights can still overflow on their way */
        return zoo_fail(err, ZOO_EFORMAT, "the router's weights give no finite result; train it again");
    if (decision)
        decide(decision, p, k, was_cut);
    return ZOO_OK;
}

static int route_one(const zoo_router *router, struct seat *seat, const char *query, size_t size, float *probabilities,
                     zoo_decision *decision, zoo_err *err)
{
    int was_cut, rc = router->encoder->class->logits(router->encoder, seat->encoder, query, size, seat->logits, NULL,
                                                     &was_cut, err);

    return rc ? rc : conclude(router, seat->logits, probabilities ? probabilities : seat->probabilities, decision,
                              was_cut, err);
}

int zoo_router_route(const zoo_router *router, zoo_workspace *w, const char *query, size_t size, float *probabilities,
                     zoo_decision *decision, zoo_err *err)
{
    return route_one(router, &w->seats[0], query, size, probabilities, decision, err);
}

int zoo_router_tags(const zoo_router *router, zoo_workspace *w, const char *query, size_t size, float *probabilities,
                    zoo_err *err)
{
    const zoo_router_facts *facts = &router->checkpoint.facts;
    size_t at = 0;
    int was_cut, rc = w->class->logits(router->encoder, w->seats[0].encoder, query, size, w->seats[0].logits, w->tags,
                                       &was_cut, err);

    for (size_t i = 0; i < facts->kinds && !rc; at += facts->tags[i++].count)
        zoo_softmax_fwd(probabilities + at, w->tags + at, 1, facts->tags[i].count);
    return rc;
}

int zoo_router_explain(const zoo_router *router, zoo_workspace *w, const char *query, size_t size, size_t expert,
                       size_t against, zoo_evidence **reasons, size_t *count, double *rest, zoo_err *err)
{
    size_t k = router->checkpoint.facts.k;

    if (expert >= k || against >= k)
        return zoo_fail(err, ZOO_EUSAGE, "there is no expert %zu among %zu", expert < k ? against : expert, k);
    if (!w->class->explain)
        return zoo_fail(err, ZOO_EUSAGE, "a router of the model_type '%s' cannot explain itself", w->class->model_type);
    return w->class->explain(router->encoder, w->seats[0].encoder, query, size, expert, against, reasons, count, rest,
                             err);
}

/* ---- many ---- */
struct many {
    const zoo_router *router;
    zoo_workspace *workspace;
    const char *const *queries;
    const size_t *sizes;
    size_t n;
    float *probabilities;                       /* (n,k) or NULL */
    zoo_decision *decisions;                    /* (n) or NULL */
};

static float *probabilities_of(const struct many *m, size_t i)
{
    return m->probabilities ? m->probabilities + i * m->router->checkpoint.facts.k : NULL;
}

static zoo_decision *decision_of(const struct many *m, size_t i)
{
    return m->decisions ? &m->decisions[i] : NULL;
}

static void route_task(void *context, size_t task, unsigned thread)
{
    const struct many *m = context;
    struct seat *seat = &m->workspace->seats[thread];
    size_t end = (task + 1) * TASK < m->n ? (task + 1) * TASK : m->n;

    for (size_t i = task * TASK; i < end && !seat->failure.code; i++) {
        seat->failed = i;
        route_one(m->router, seat, m->queries[i], m->sizes[i], probabilities_of(m, i), decision_of(m, i),
                  &seat->failure);
    }
}

/* An encoder that takes one query at a time, on every seat. The failure told is that of the first query,
 * whoever was faster. */
static int route_on_seats(struct many *m, size_t *done, zoo_err *err)
{
    zoo_workspace *w = m->workspace;
    size_t tasks = (m->n + TASK - 1) / TASK;
    const struct seat *first = NULL;

    for (unsigned i = 0; i < w->count; i++)
        w->seats[i].failure.code = ZOO_OK;
    for (size_t i = 0; i < tasks && !w->parallel; i++)
        route_task(m, i, 0);
    if (w->parallel)
        zoo_parallel_run(w->parallel, tasks, route_task, m);
    for (unsigned i = 0; i < w->count; i++)
        if (w->seats[i].failure.code && (!first || w->seats[i].failed < first->failed))
            first = &w->seats[i];
    *done = first ? first->failed : m->n;
    if (first && err)
        *err = first->failure;
    return first ? first->failure.code : ZOO_OK;
}

/* An encoder that takes many and has threads of its own, chunk by chunk. */
static int route_in_chunks(struct many *m, size_t *done, zoo_err *err)
{
    zoo_workspace *w = m->workspace;
    size_t k = m->router->checkpoint.facts.k;
    int rc = ZOO_OK;

    for (size_t from = *done = 0; from < m->n && !rc; from += CHUNK) {
        size_t count = m->n - from < CHUNK ? m->n - from : CHUNK;
        for (size_t i = 0; i < count; i++)
            w->texts[i] = (zoo_text){ m->queries[from + i], m->sizes[from + i] };
        rc = w->class->logits_many(m->router->encoder, w->seats[0].encoder, w->texts, count, w->logits, w->was_cut,
                                   err);
        for (size_t i = 0; i < count && !rc; i++) {
            float *p = probabilities_of(m, from + i);
            rc = conclude(m->router, w->logits + i*k, p ? p : w->seats[0].probabilities, decision_of(m, from + i),
                          w->was_cut[i], err);
            *done += !rc;
        }
    }
    return rc;
}

int zoo_router_route_many(const zoo_router *router, zoo_workspace *w, const char *const *queries, const size_t *sizes,
                          size_t n, float *probabilities, zoo_decision *decisions, size_t *done, zoo_err *err)
{
    struct many m = { router, w, queries, sizes, n, probabilities, decisions };
    size_t unused = 0;

    done = done ? done : &unused;
    return w->class->logits_many ? route_in_chunks(&m, done, err) : route_on_seats(&m, done, err);
}

int zoo_router_route_batch(const zoo_router *router, const char *const *queries, const size_t *sizes, size_t n,
                           unsigned threads, float *probabilities, zoo_decision *decisions, zoo_err *err)
{
    zoo_options options = { .size = sizeof options, .threads = threads ? threads : zoo_parallel_processors() };
    size_t tasks = (n + TASK - 1) / TASK;
    zoo_workspace *w;
    int rc;

    if (!router->encoder->class->logits_many && options.threads > tasks)
        options.threads = (unsigned)(tasks ? tasks : 1);
    if ((rc = zoo_workspace_new_with(&w, router, &options, err)))
        return rc;
    rc = zoo_router_route_many(router, w, queries, sizes, n, probabilities, decisions, NULL, err);
    zoo_workspace_free(w);
    return rc;
}
