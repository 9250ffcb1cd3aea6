/* verify_compare.c - two checkpoints, or one in two precisions, on the same queries: what they decide where there are
 * labels to choose from, how far their numbers lie apart where there are none.
 * Memory does not grow with the queries. Layer: cli. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/lines.h"
#include "cli/verify.h"

enum { BATCH = 256, LINE_MAX = 64 << 20, BATCH_BYTES = 16 << 20 };

/* One side. router: where there are labels to choose from, else model. A comparer chooses between two candidates. */
struct side {
    zoo_router *router;
    zoo_workspace *workspace;
    zoo_model *model;
    zoo_session *session;
    int chooses;                                /* numbers are probabilities, the largest is its decision */
    size_t width;                               /* numbers that a query gives */
    float *numbers;                             /* (BATCH, width) */
};

struct comparing {
    const zoo_comparison *job;
    struct side tried, reference;
    char *queries[BATCH];
    size_t sizes[BATCH], n, bytes;
    json_t *rewards[BATCH];                     /* or NULL */
    uint64_t total, agreeing, clear, clear_agreeing, rewarded;
    double largest, reward, reference_reward, least_cosine;
};

/* ---- sides ---- */
static int open_side(struct side *s, const char *dir, enum zoo_precision precision, zoo_err *err)
{
    zoo_options options = { .size = sizeof options, .precision = precision, .threads = ZOO_ALL_THREADS };
    zoo_err why;
    int rc;

    /* A folder that is no encoder has no model, an encoder that has no labels to choose from is no router. */
    if (!zoo_model_open(&s->model, dir, &options, &why) &&
        (zoo_model_kind_of(s->model) != ZOO_MODEL_CLASSIFIER || zoo_model_label_count(s->model) < 2)) {
        enum zoo_model_kind kind = zoo_model_kind_of(s->model);
        if ((rc = zoo_session_new(&s->session, s->model, &options, err)))
            return rc;
        s->chooses = kind == ZOO_MODEL_COMPARER;
        s->width = s->chooses ? 2 : kind == ZOO_MODEL_CLASSIFIER ? 1 : zoo_model_hidden_size(s->model);
    } else {
        zoo_model_close(s->model);
        s->model = NULL;
        if ((rc = zoo_router_open_with(&s->router, dir, &options, err)) ||
            (rc = zoo_workspace_new_with(&s->workspace, s->router, &options, err)))
            return rc;
        s->chooses = 1;
        s->width = zoo_router_expert_count(s->router);
    }
    s->numbers = malloc(BATCH * s->width * sizeof *s->numbers);
    return s->numbers ? ZOO_OK : zoo_fail_nomem(err);
}

static void close_side(struct side *s)
{
    free(s->numbers);
    zoo_workspace_free(s->workspace);
    zoo_router_close(s->router);
    zoo_session_free(s->session);
    zoo_model_close(s->model);
}

static int check_alike(const struct comparing *c, zoo_err *err)
{
    const struct side *a = &c->tried, *b = &c->reference;
    int alike = a->width == b->width && !a->router == !b->router && a->chooses == b->chooses;

    for (size_t i = 0; alike && a->router && i < a->width; i++)
        alike = !strcmp(zoo_router_expert(a->router, i), zoo_router_expert(b->router, i));
    return alike ? ZOO_OK :
           zoo_fail(err, ZOO_EUSAGE, "%s and %s have not the same labels in the same order, or are of different kinds",
                    c->job->dir, c->job->reference_dir);
}

/* The two queries behind each are its candidates. */
static int run_comparer(struct side *s, const zoo_text *texts, size_t n, zoo_err *err)
{
    zoo_text first[BATCH], second[BATCH];
    float logits[BATCH];
    int rc;

    for (size_t i = 0; i < n; i++) {
        first[i] = texts[(i + 1) % n];
        second[i] = texts[(i + 2) % n];
    }
    rc = zoo_model_compare(s->model, s->session, texts, first, second, n, logits, err);
    for (size_t i = 0; i < n && !rc; i++) {
        s->numbers[2*i] = 1 / (1 + expf(-logits[i]));
        s->numbers[2*i + 1] = 1 / (1 + expf(logits[i]));
    }
    return rc;
}

static int run_side(struct side *s, const struct comparing *c, zoo_err *err)
{
    zoo_text texts[BATCH];

    if (s->router)
        return zoo_router_route_many(s->router, s->workspace, (const char *const *)c->queries, c->sizes, c->n,
                                     s->numbers, NULL, NULL, err);
    for (size_t i = 0; i < c->n; i++)
        texts[i] = (zoo_text){ c->queries[i], c->sizes[i] };
    if (zoo_model_kind_of(s->model) == ZOO_MODEL_CLASSIFIER)
        return zoo_model_score(s->model, s->session, texts, NULL, c->n, s->numbers, err);
    if (s->chooses)
        return run_comparer(s, texts, c->n, err);
    return zoo_model_embed(s->model, s->session, texts, c->n, ZOO_POOL_CLS, 0, s->numbers, err);
}

/* ---- figures ---- */
/* The largest of x (n), the lower index where two are equal; *second: the largest of the others. */
static size_t best_of(const float *x, size_t n, float *second)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    *second = -INFINITY;
    for (size_t i = 0; i < n; i++)
        *second = i != best && x[i] > *second ? x[i] : *second;
    return best;
}

static void count_rewards(struct comparing *c, const json_t *rewards, size_t chosen, size_t reference)
{
    const json_t *a = json_object_get(rewards, zoo_router_expert(c->tried.router, chosen));
    const json_t *b = json_object_get(rewards, zoo_router_expert(c->tried.router, reference));

    if (!json_is_number(a) || !json_is_number(b))
        return;
    c->reward += json_number_value(a);
    c->reference_reward += json_number_value(b);
    c->rewarded++;
}

static void count_decision(struct comparing *c, const float *a, const float *b, const json_t *rewards)
{
    float second;
    size_t chosen = best_of(a, c->tried.width, &second), reference = best_of(b, c->tried.width, &second);
    int is_clear = b[reference] - second > c->job->clear;

    c->agreeing += chosen == reference;
    c->clear += is_clear;
    c->clear_agreeing += is_clear && chosen == reference;
    if (c->tried.router)
        count_rewards(c, rewards, chosen, reference);
}

static void count_cosine(struct comparing *c, const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0, cosine;

    for (size_t i = 0; i < c->tried.width; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
    c->least_cosine = cosine < c->least_cosine ? cosine : c->least_cosine;
}

static void count(struct comparing *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const float *a = c->tried.numbers + i * c->tried.width, *b = c->reference.numbers + i * c->tried.width;
        for (size_t j = 0; j < c->tried.width; j++) {
            double off = fabs((double)a[j] - (double)b[j]);
            if (!(off <= c->largest))
                c->largest = off;
        }
        if (c->tried.chooses)
            count_decision(c, a, b, c->rewards[i]);
        else if (c->tried.width > 1)
            count_cosine(c, a, b);
        c->total++;
    }
}

/* ---- queries ---- */
static void clear_batch(struct comparing *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->queries[i]);
        json_decref(c->rewards[i]);
    }
    c->n = c->bytes = 0;
}

static int run_batch(struct comparing *c, zoo_err *err)
{
    int rc = c->n ? run_side(&c->tried, c, err) : ZOO_OK;

    if (!rc && c->n)
        rc = run_side(&c->reference, c, err);
    if (!rc)
        count(c);
    clear_batch(c);
    return rc;
}

/* A copy of the query; rewards: borrowed, or NULL. */
static int add_query(struct comparing *c, const char *query, size_t size, json_t *rewards, zoo_err *err)
{
    char *copy = malloc(size + 1);

    if (!copy)
        return zoo_fail_nomem(err);
    memcpy(copy, query, size);
    copy[size] = '\0';
    c->queries[c->n] = copy;
    c->sizes[c->n] = size;
    c->rewards[c->n++] = json_incref(rewards);
    c->bytes += size;
    return c->n == BATCH || c->bytes > BATCH_BYTES ? run_batch(c, err) : ZOO_OK;
}

static int add_row(struct comparing *c, const zoo_lines *in, const char *line, size_t size, zoo_err *err)
{
    char place[300];
    json_t *row;
    const json_t *query;
    int rc;

    snprintf(place, sizeof place, "%.200s:%zu", in->name, in->number);
    if (!(row = zoo_json_parse(line, size, place, err)))
        return err->code;
    query = json_object_get(row, "query");
    rc = json_is_string(query) ? add_query(c, json_string_value(query), json_string_length(query),
                                           json_object_get(row, "rewards"), err)
                               : zoo_fail(err, ZOO_EFORMAT, "%s: 'query' should be a string, is %s", place,
                                          zoo_json_kind(query));
    json_decref(row);
    return rc;
}

static int read_queries(struct comparing *c, zoo_err *err)
{
    zoo_lines in;
    char *line;
    size_t size;
    int rc = zoo_lines_open(&in, c->job->queries, LINE_MAX, err);

    if (rc)
        return rc;
    while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1)
        if (size && (rc = add_row(c, &in, line, size, err)))
            break;
    zoo_lines_close(&in);
    return rc;
}

/* Where no queries are given: kinds of text that routers meet, each about several things. */
static int make_queries(struct comparing *c, zoo_err *err)
{
    static const char *const forms[] = {
        "What is %s?", "Write a short story about %s.", "Explain %s to a child of eight, in three sentences.",
        "How much is 17 times %s?",
        "def solve(n):\n    # %s\n    return", "Translate into French: the idea of %s changed everything.", "%s",
        "Prove or refute: %s implies its converse.", "Quelle est l'origine de %s ?",
        ("Give me five names for a company that sells %s, each with a reason, and say which one would please engineers "
         "who read a lot."),
    };
    static const char *const things[] = { "gravity", "a linked list", "the French Revolution", "42", "photosynthesis",
                                          "SELECT count(*)",
                                          "bread", "quantum error correction", "\xe5\x8f\xa4\xe6\xb1\xa0", "tax law",
                                          "a sonnet", "x^2 + 1" };
    char text[512];
    int rc = ZOO_OK;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (size_t j = 0; j < sizeof things / sizeof *things && !rc; j++) {
            const char *at = strstr(forms[i], "%s");
            int n = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - forms[i]), forms[i], things[j], at + 2);
            rc = add_query(c, text, (size_t)n, NULL, err);
        }
    return rc;
}

/* ---- the whole ---- */
static double share(uint64_t part, uint64_t all)
{
    return all ? (double)part / (double)all : 1;
}

static json_t *report(const struct comparing *c, double least, int is_fit)
{
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:I, s:f}", "tried", c->job->dir, "precision",
                            zoo_precision_name(c->job->precision),
                            "against", c->job->reference_dir, "reference_precision",
                            zoo_precision_name(c->job->reference),
                            "queries", (json_int_t)c->total, "largest_difference",
                            isfinite(c->largest) ? c->largest : 1e308);

    if (out && c->tried.chooses) {
        json_object_set_new(out, "agreeing", json_integer((json_int_t)c->agreeing));
        json_object_set_new(out, "clear", json_integer((json_int_t)c->clear));
        json_object_set_new(out, "clear_agreeing", json_integer((json_int_t)c->clear_agreeing));
        json_object_set_new(out, "least_agreement", json_real(least));
    } else if (out && c->tried.width > 1) {
        json_object_set_new(out, "least_cosine", json_real(c->least_cosine));
    }
    if (out && c->rewarded) {
        json_object_set_new(out, "rewarded", json_integer((json_int_t)c->rewarded));
        json_object_set_new(out, "reward", json_real(c->reward / (double)c->rewarded));
        json_object_set_new(out, "reference_reward", json_real(c->reference_reward / (double)c->rewarded));
    }
    if (out)
        json_object_set_new(out, "fit", json_boolean(is_fit));
    return out;
}

static double least_agreement(const zoo_comparison *job)
{
    return job->agreement > 0 ? job->agreement : job->precision == ZOO_PRECISION_INT8 ? 0.995 : 0.999;
}

/* NaN is not fit. */
static int judge(const struct comparing *c, double least)
{
    if (!isfinite(c->largest))
        return 0;
    if (c->tried.chooses)
        return share(c->clear_agreeing, c->clear) >= least;
    return c->tried.width == 1 || c->least_cosine >= least;
}

static int compare(struct comparing *c, zoo_err *err)
{
    const zoo_comparison *job = c->job;
    int rc;

    if ((rc = open_side(&c->tried, job->dir, job->precision, err)) ||
        (rc = open_side(&c->reference, job->reference_dir, job->reference, err)) || (rc = check_alike(c, err)) ||
        (rc = job->queries ? read_queries(c, err) : make_queries(c, err)) || (rc = run_batch(c, err)))
        return rc;
    return c->total ? ZOO_OK : zoo_fail(err, ZOO_EFORMAT, "%s: no queries", job->queries);
}

int zoo_verify_compare(json_t **out, const zoo_comparison *job, int *is_fit, zoo_err *err)
{
    struct comparing *c = calloc(1, sizeof *c);
    int rc, fits;

    *out = NULL;
    if (!c)
        return zoo_fail_nomem(err);
    c->job = job;
    c->least_cosine = 1;
    rc = compare(c, err);
    if (!rc) {
        fits = judge(c, least_agreement(job));
        *is_fit = *is_fit && fits;
        if (!(*out = report(c, least_agreement(job), fits)))
            rc = zoo_fail_nomem(err);
    }
    clear_batch(c);
    close_side(&c->tried);
    close_side(&c->reference);
    free(c);
    return rc;
}
