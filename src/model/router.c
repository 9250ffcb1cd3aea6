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

enum { OPEN_TRIES = 3, BATCH_TASK = 64 };       /* queries that a thread takes at once */

struct zoo_router {
    zoo_checkpoint checkpoint;
    zoo_encoder *encoder;
    size_t best, tag_count;
};

struct zoo_workspace {
    void *encoder;                              /* the encoder's own */
    const zoo_encoder_class *class;
    float *logits, *probabilities, *tags;       /* (k) (k) (G) */
};

static const zoo_encoder_class *const classes[] = { &zoo_ngram_class };

/* ---- opening ---- */
static const zoo_encoder_class *find_class(const char *model_type, const char *path, zoo_err *err)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!strcmp(classes[i]->model_type, model_type))
            return classes[i];
    zoo_fail(err, ZOO_EFORMAT, "%s: model_type '%.100s' is not supported; supported: zooter-ngram", path, model_type);
    return NULL;
}

static size_t find_best(const zoo_router_facts *facts)
{
    size_t best = 0;

    for (size_t i = 1; i < facts->k; i++)
        if (facts->mean_rewards[i] > facts->mean_rewards[best] || isnan(facts->mean_rewards[best]))
            best = i;
    return best;
}

static int read_folder(zoo_router *router, const char *dir, zoo_err *err)
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
    class = find_class(router->checkpoint.model_type, path, err);
    rc = class ? class->open(&router->encoder, &router->checkpoint, dir, err) : ZOO_EFORMAT;
    if (rc)
        goto done;
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
    int rc = ZOO_EIO;

    *out = NULL;
    for (int i = 0; i < OPEN_TRIES; i++) {
        ino_t before = identify(dir);
        zoo_router *router = calloc(1, sizeof *router);
        if (!router)
            return zoo_fail_nomem(err);
        rc = read_folder(router, dir, err);
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
size_t zoo_router_text_limit(const zoo_router *router) { return router->checkpoint.text_limit; }
float zoo_router_temperature(const zoo_router *router) { return (float)router->checkpoint.facts.temperature; }
const zoo_router_facts *zoo_router_facts_of(const zoo_router *router) { return &router->checkpoint.facts; }
const json_t *zoo_router_training(const zoo_router *router) { return router->checkpoint.training; }
size_t zoo_router_tag_count(const zoo_router *router) { return router->tag_count; }

const char *zoo_router_expert(const zoo_router *router, size_t i)
{
    return i < router->checkpoint.facts.k ? router->checkpoint.facts.experts[i] : NULL;
}

/* ---- routing ---- */
int zoo_workspace_new(zoo_workspace **out, const zoo_router *router, zoo_err *err)
{
    size_t k = router->checkpoint.facts.k;
    zoo_workspace *w = calloc(1, sizeof *w);
    int rc;

    *out = NULL;
    if (!w)
        return zoo_fail_nomem(err);
    w->class = router->encoder->class;
    w->logits = malloc((2 * k + router->tag_count) * sizeof *w->logits);
    w->probabilities = w->logits + k;
    w->tags = w->probabilities + k;
    rc = w->logits ? w->class->workspace_new(&w->encoder, router->encoder, err) : zoo_fail_nomem(err);
    if (rc)
        zoo_workspace_free(w);
    else
        *out = w;
    return rc;
}

void zoo_workspace_free(zoo_workspace *w)
{
    if (!w)
        return;
    w->class->workspace_free(w->encoder);
    free(w->logits);
    free(w);
}

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

int zoo_router_route(const zoo_router *router, zoo_workspace *w, const char *query, size_t size, float *probabilities,
                     zoo_decision *decision, zoo_err *err)
{
    float *p = probabilities ? probabilities : w->probabilities;
    size_t k = router->checkpoint.facts.k;
    float sum = 0;
    int was_cut, rc = w->class->logits(router->encoder, w->encoder, query, size, w->logits, NULL, &was_cut, err);

    if (rc)
        return rc;
    zoo_softmax_fwd(p, w->logits, 1, k);
    for (size_t i = 0; i < k; i++)
        sum += p[i];
    if (!(fabsf(sum - 1) <= 0.01f))             /* finite weights can still overflow on their way */
        return zoo_fail(err, ZOO_EFORMAT, "the router's weights give no finite result; train it again");
    if (decision)
        decide(decision, p, k, was_cut);
    return ZOO_OK;
}

int zoo_router_tags(const zoo_router *router, zoo_workspace *w, const char *query, size_t size, float *probabilities, zoo_err *err)
{
    const zoo_router_facts *facts = &router->checkpoint.facts;
    size_t at = 0;
    int was_cut, rc = w->class->logits(router->encoder, w->encoder, query, size, w->logits, w->tags, &was_cut, err);

    for (size_t i = 0; i < facts->kinds && !rc; at += facts->tags[i++].count)
        zoo_softmax_fwd(probabilities + at, w->tags + at, 1, facts->tags[i].count);
    return rc;
}

int zoo_router_explain(const zoo_router *router, zoo_workspace *w, const char *query, size_t size, size_t expert, size_t against,
                       zoo_evidence **reasons, size_t *count, double *rest, zoo_err *err)
{
    size_t k = router->checkpoint.facts.k;

    if (expert >= k || against >= k)
        return zoo_fail(err, ZOO_EUSAGE, "there is no expert %zu among %zu", expert < k ? against : expert, k);
    if (!w->class->explain)
        return zoo_fail(err, ZOO_EUSAGE, "a router of the model_type '%s' cannot explain itself", w->class->model_type);
    return w->class->explain(router->encoder, w->encoder, query, size, expert, against, reasons, count, rest, err);
}

/* ---- batches ---- */
struct failure { zoo_err err; size_t task; };   /* a thread's first; code 0: none */

struct batch {
    const zoo_router *router;
    const char *const *queries;
    const size_t *sizes;
    size_t n, tasks;
    float *probabilities;                       /* (n,k) or NULL */
    zoo_decision *decisions;                    /* (n) or NULL */
    zoo_workspace **workspaces;                 /* (threads) */
    struct failure *failures;                   /* (threads) */
};

static void route_task(void *context, size_t task, unsigned thread)
{
    struct batch *b = context;
    struct failure *failure = &b->failures[thread];
    size_t k = b->router->checkpoint.facts.k, from = task * BATCH_TASK, to = from + BATCH_TASK < b->n ? from + BATCH_TASK : b->n;

    if (failure->err.code)
        return;
    failure->task = task;
    for (size_t i = from; i < to; i++)
        if (zoo_router_route(b->router, b->workspaces[thread], b->queries[i], b->sizes[i],
                             b->probabilities ? b->probabilities + i*k : NULL, b->decisions ? &b->decisions[i] : NULL,
                             &failure->err))
            return;
}

/* That of the lowest task, so that the sentence does not depend on who was faster. */
static int first_failure(const struct failure *failures, unsigned threads, zoo_err *err)
{
    const struct failure *first = NULL;

    for (unsigned i = 0; i < threads; i++)
        if (failures[i].err.code && (!first || failures[i].task < first->task))
            first = &failures[i];
    if (first && err)
        *err = first->err;
    return first ? first->err.code : ZOO_OK;
}

int zoo_router_route_batch(const zoo_router *router, const char *const *queries, const size_t *sizes, size_t n, unsigned threads,
                           float *probabilities, zoo_decision *decisions, zoo_err *err)
{
    struct batch b = { router, queries, sizes, n, (n + BATCH_TASK - 1) / BATCH_TASK, probabilities, decisions, NULL, NULL };
    zoo_parallel *parallel = NULL;
    int rc;

    threads = threads ? threads : zoo_parallel_processors();
    threads = threads > b.tasks ? (unsigned)(b.tasks ? b.tasks : 1) : threads;
    b.workspaces = calloc(threads, sizeof(zoo_workspace *));
    b.failures = calloc(threads, sizeof *b.failures);
    rc = b.workspaces && b.failures ? zoo_parallel_new(&parallel, threads, err) : zoo_fail_nomem(err);
    for (unsigned i = 0; i < threads && !rc; i++)
        rc = zoo_workspace_new(&b.workspaces[i], router, err);
    if (!rc)
        zoo_parallel_run(parallel, b.tasks, route_task, &b);
    if (!rc)
        rc = first_failure(b.failures, threads, err);
    for (unsigned i = 0; b.workspaces && i < threads; i++)
        zoo_workspace_free(b.workspaces[i]);
    zoo_parallel_free(parallel);
    free(b.workspaces);
    free(b.failures);
    return rc;
}
