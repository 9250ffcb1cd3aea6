/* cmd_eval.c - zooter eval: what a router is worth on a split, beside every expert alone, chance and the oracle.
 *
 * Joins store, router and src/eval: loads the split, agrees on the experts that are compared, routes,
 * evaluates, reports. */
#include <stdarg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"
#include "cli/stores.h"
#include "eval/report.h"

enum { NOTES_MAX = 8, NOTE_SIZE = 600, RESAMPLES = 10000, RESAMPLES_LEAST = 1000, RESAMPLES_MOST = 100000 };
static const uint64_t DRAWS = 2000000000;     /* queries drawn in all, before the default number of resamples shrinks */
static const uint64_t BY_SIZE = UINT64_MAX;             /* resamples: the default */
static const size_t REPORT_MAX = (size_t)256 << 20;     /* bytes */

struct settings {
    const char *store, *router, *json, *reward_model, *by, *precision;
    struct zoo_choice choice;
    zoo_list rank_by;
    uint64_t bootstrap, seed, threads;
    int group_rows;
};

/* Everything an evaluation needs; zeroed is released. */
struct work {
    const struct settings *s;
    zoo_dataset data;                       /* its reward models: the one that scores, then s->rank_by */
    char split[NOTE_SIZE / 4];              /* the names of the splits */
    zoo_router *router;                     /* NULL: none */
    size_t *columns;                        /* (k) of data */
    size_t *outputs;                        /* (k): the same experts among the router's */
    size_t k;
    unsigned char *keep;                    /* (data.n) */
    zoo_trial trial;
    uint32_t *routed;                       /* (trial.n) */
    zoo_ranker *rankers;
    zoo_evaluation evaluation;
    char notes[NOTES_MAX][NOTE_SIZE];
    const char *note_list[NOTES_MAX];
    size_t note_count;
};

extern const zoo_command zoo_command_eval;

static void release(struct work *w)
{
    zoo_evaluation_release(&w->evaluation);
    for (size_t i = 0; w->rankers && i < w->s->rank_by.count; i++)
        free((void *)(uintptr_t)w->rankers[i].choice);
    free(w->rankers);
    free(w->routed);
    zoo_trial_release(&w->trial);
    free(w->keep);
    free(w->columns);
    free(w->outputs);
    zoo_router_close(w->router);
    zoo_dataset_release(&w->data);
}

__attribute__((format(printf, 2, 3))) static void note(struct work *w, const char *fmt, ...)
{
    va_list ap;

    if (w->note_count == NOTES_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(w->notes[w->note_count], NOTE_SIZE, fmt, ap);
    va_end(ap);
    w->note_list[w->note_count] = w->notes[w->note_count];
    w->note_count++;
}

/* ---- loading ---- */

static const char *const usual_split = "test";

/* The split that nobody asked for need not be there. */
static int check_usual(zoo_store *store, zoo_err *err)
{
    const zoo_store_filter filter = { .splits = { &usual_split, 1 } };
    char names[ZOO_STORE_NAMES_SIZE];
    zoo_selection selection;
    int rc = zoo_store_select(store, &filter, &selection, err);

    zoo_selection_release(&selection);
    if (rc == ZOO_EUSAGE)
        return zoo_fail(err, rc, "%s: no query is in the split '%s'; --split names another to evaluate on; %s",
                        zoo_store_name(store), usual_split, zoo_store_say_names(store, ZOO_LIST_SPLITS, names));
    return rc;
}

/* The reward model that scores (NULL: the only one there is), then those that rank. */
static int load_data(struct work *w, zoo_store *store, zoo_err *err)
{
    const struct settings *s = w->s;
    zoo_store_filter filter = zoo_choice_filter(&s->choice);
    const char **models = malloc((s->rank_by.count + 1) * sizeof *models);
    int rc;

    if (!models)
        return zoo_fail_nomem(err);
    models[0] = s->reward_model;
    for (size_t i = 0; i < s->rank_by.count; i++)
        models[i + 1] = s->rank_by.items[i];
    filter.reward_models = (zoo_texts){ models, s->rank_by.count + 1 };
    if (!filter.splits.count)
        filter.splits = (zoo_texts){ &usual_split, 1 };
    for (size_t i = 0, used = 0; i < filter.splits.count && used < sizeof w->split; i++)
        used += (size_t)snprintf(w->split + used, sizeof w->split - used, "%s%s", i ? "," : "", filter.splits.items[i]);
    rc = zoo_store_load(store, &filter, &w->data, err);
    free(models);
    return rc;
}

/* The split that nobody asked for is named too. */
static int fail_empty(const struct work *w, zoo_store *store, zoo_err *err)
{
    const char *usual = usual_split;
    struct zoo_choice choice = w->s->choice;

    if (!choice.split.count)
        choice.split = (zoo_list){ &usual, 1 };
    return zoo_choice_fail_empty(store, &choice, err);
}

static int load(struct work *w, enum zoo_precision precision, zoo_err *err)
{
    const struct settings *s = w->s;
    zoo_store *store;
    int rc = zoo_cli_store_open(&store, s->store, ZOO_STORE_READ, err);

    if (!rc && !s->choice.split.count)
        rc = check_usual(store, err);
    if (!rc)
        rc = load_data(w, store, err);
    if (!rc && !w->data.n)
        rc = fail_empty(w, store, err);
    else if (!rc && !w->data.k)
        rc = zoo_choice_fail_unrewarded(store, &s->choice, s->reward_model, w->data.n, ZOO_EUSAGE, err);
    zoo_store_close(store);
    if (!rc && s->router)
        rc = zoo_router_open_with(&w->router, s->router,
                                  &(zoo_options){ .size = sizeof(zoo_options), .precision = precision }, err);
    return rc;
}

/* ---- the experts that are compared ---- */

static size_t find_expert(const char *const *names, size_t k, const char *name)
{
    size_t i = 0;

    while (i < k && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static size_t find_output(const zoo_router *router, const char *name)
{
    size_t i = 0, k = zoo_router_expert_count(router);

    while (i < k && strcmp(zoo_router_expert(router, i), name) != 0)
        i++;
    return i;
}

/* Appends "'name'" to a list in a sentence; what does not fit becomes "...". */
static void list_name(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);

    if (used + strlen(name) + 16 < size)
        snprintf(list + used, size - used, "%s'%s'", used ? ", " : "", name);
    else if (used > 3 && strcmp(list + used - 3, "...") != 0)
        snprintf(list + used, size - used, ", ...");
}

/* The reward that ranking reward model number `ranking` gave. */
static double ranking_at(const struct work *w, size_t ranking, size_t row, size_t column)
{
    return w->data.rewards[((ranking + 1) * w->data.n + row) * w->data.k + column];
}

static int is_ranked(const struct work *w, size_t column)
{
    for (size_t r = 0; r < w->s->rank_by.count; r++) {
        size_t row = 0;
        while (row < w->data.n && !isfinite(ranking_at(w, r, row, column)))
            row++;
        if (row == w->data.n)
            return 0;
    }
    return 1;
}

/* Experts of the router that are left out, or without rewards in the store. */
static void note_unknown_outputs(struct work *w)
{
    char unknown[NOTE_SIZE / 2] = "";

    for (size_t i = 0; i < zoo_router_expert_count(w->router); i++)
        if (find_expert(w->data.experts, w->data.k, zoo_router_expert(w->router, i)) == w->data.k)
            list_name(unknown, sizeof unknown, zoo_router_expert(w->router, i));
    if (*unknown)
        note(w, "the router also knows %s: not compared here (left out, or without rewards), so it cannot choose them",
             unknown);
}

static int choose_experts(struct work *w, zoo_err *err)
{
    char unknown[NOTE_SIZE / 2] = "", unranked[NOTE_SIZE / 2] = "";

    w->columns = malloc(w->data.k * sizeof *w->columns);
    w->outputs = malloc(w->data.k * sizeof *w->outputs);
    if (!w->columns || !w->outputs)
        return zoo_fail_nomem(err);
    for (size_t j = 0; j < w->data.k; j++) {
        const char *name = w->data.experts[j];
        size_t output = w->router ? find_output(w->router, name) : 0;
        if (w->router && output == zoo_router_expert_count(w->router)) {
            list_name(unknown, sizeof unknown, name);
        } else if (!is_ranked(w, j)) {
            list_name(unranked, sizeof unranked, name);
        } else {
            w->outputs[w->k] = output;
            w->columns[w->k++] = j;
        }
    }
    if (*unknown)
        note(w, "left out: %s, which the router does not know", unknown);
    if (*unranked)
        note(w, "left out: %s, without rewards of the model that ranks", unranked);
    if (w->router)
        note_unknown_outputs(w);
    if (!w->k)
        return zoo_fail(err, ZOO_EUSAGE, "no expert is left to compare%s%s%s", w->router ? ": " : "",
                        w->s->router ? w->s->router : "", w->router ? " knows none of the experts with rewards" : "");
    return ZOO_OK;
}

/* ---- the queries ---- */

/* Leaves out queries that a ranking reward model has not scored in full. */
static int keep_ranked(struct work *w, zoo_err *err)
{
    size_t left_out = 0;

    if (!w->s->rank_by.count)
        return ZOO_OK;
    w->keep = malloc(w->data.n + 1);
    if (!w->keep)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < w->data.n; i++) {
        w->keep[i] = 1;
        for (size_t r = 0; r < w->s->rank_by.count; r++)
            for (size_t j = 0; j < w->k && w->keep[i]; j++)
                w->keep[i] = isfinite(ranking_at(w, r, i, w->columns[j])) != 0;
        left_out += !w->keep[i];
    }
    if (left_out)
        note(w, "left out: %zu queries without a reward of every model that ranks", left_out);
    return ZOO_OK;
}

static int build_trial(struct work *w, zoo_err *err)
{
    const char *kind = w->s->by ? w->s->by : zoo_dataset_kind(&w->data, "subset") ? "subset" : NULL;
    zoo_trial_input in = { .data = &w->data, .columns = w->columns, .k = w->k, .kind = kind, .keep = w->keep };
    char advice[ZOO_HOLES_ADVICE];
    int rc = zoo_trial_build(&w->trial, &in, err);

    if (rc)
        return rc;
    if (!kind)
        note(w, "no query has a subset: all are one");
    if (w->trial.without_rewards)
        note(w, "left out: %zu queries without any reward", w->trial.without_rewards);
    if (w->trial.with_holes)
        note(w, "left out: %zu queries without a reward for each of the %zu experts%s%s", w->trial.with_holes, w->k,
             w->trial.holes.without ? "; " : "", zoo_holes_advise(&w->trial.holes, &w->data, w->columns, advice));
    return ZOO_OK;
}

static int rank(struct work *w, zoo_err *err)
{
    w->rankers = calloc(w->s->rank_by.count + 1, sizeof *w->rankers);
    if (!w->rankers)
        return zoo_fail_nomem(err);
    for (size_t r = 0; r < w->s->rank_by.count; r++) {
        uint32_t *choice = calloc(w->trial.n, sizeof *choice);
        if (!choice)
            return zoo_fail_nomem(err);
        w->rankers[r] = (zoo_ranker){ w->s->rank_by.items[r], choice };
        for (size_t i = 0; i < w->trial.n; i++)
            for (size_t j = 1; j < w->k; j++)
                if (ranking_at(w, r, w->trial.source[i], w->columns[j]) >
                    ranking_at(w, r, w->trial.source[i], w->columns[choice[i]]))
                    choice[i] = (uint32_t)j;
    }
    return ZOO_OK;
}

/* The most probable of the experts that are compared; the lower of the router's numbers where two are equal. */
static uint32_t choose(const struct work *w, const float *probabilities)
{
    size_t best = 0;

    for (size_t j = 1; j < w->k; j++) {
        float here = probabilities[w->outputs[j]], there = probabilities[w->outputs[best]];
        if (here > there || (here == there && w->outputs[j] < w->outputs[best]))
            best = j;
    }
    return (uint32_t)best;
}

static int route(struct work *w, zoo_err *err)
{
    size_t n = w->trial.n, outputs = zoo_router_expert_count(w->router);
    const char **queries = malloc(n * sizeof *queries);
    size_t *sizes = malloc(n * sizeof *sizes);
    float *probabilities = malloc(n * outputs * sizeof *probabilities);
    int rc = ZOO_OK;

    w->routed = malloc(n * sizeof *w->routed);
    if (!queries || !sizes || !probabilities || !w->routed) {
        rc = zoo_fail_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        queries[i] = w->data.queries[w->trial.source[i]];
        sizes[i] = w->data.query_sizes[w->trial.source[i]];
    }
    rc = zoo_router_route_batch(w->router, queries, sizes, n, (unsigned)w->s->threads, probabilities, NULL, err);
    for (size_t i = 0; !rc && i < n; i++)
        w->routed[i] = choose(w, probabilities + i * outputs);
done:
    free(queries);
    free(sizes);
    free(probabilities);
    return rc;
}

/* ---- the figures ---- */

static size_t best_on_training(const struct work *w)
{
    for (size_t j = 0; w->router && j < w->k; j++)
        if (w->outputs[j] == zoo_router_best_on_average(w->router))
            return j;
    return w->k;
}

static int evaluate(struct work *w, zoo_err *err)
{
    zoo_evaluate_options o = {
        .routed = w->routed, .best_on_training = best_on_training(w), .rankers = w->rankers,
        .ranker_count = w->s->rank_by.count,
        .group_rows = w->s->group_rows, .resamples = (size_t)w->s->bootstrap, .seed = w->s->seed,
        .threads = (unsigned)w->s->threads
    };

    if (w->s->bootstrap == BY_SIZE) {
        size_t most = (size_t)(DRAWS / w->trial.p);
        o.resamples = most >= RESAMPLES ? RESAMPLES : most > RESAMPLES_LEAST ? most : RESAMPLES_LEAST;
    }
    return zoo_evaluate(&w->evaluation, &w->trial, &o, err);
}

static int write_json(const struct work *w, const zoo_report_subject *subject, zoo_buf *out, zoo_err *err)
{
    json_t *json = zoo_report_json(&w->evaluation, subject);
    int rc = !json || zoo_json_dump(out, json) || zoo_buf_add_str(out, "\n") ? zoo_fail_nomem(err) : ZOO_OK;

    json_decref(json);
    return rc;
}

static int report(const struct work *w, zoo_err *err)
{
    const struct settings *s = w->s;
    zoo_report_subject subject = { .split = w->split, .reward_model = s->reward_model, .router = s->router,
                                   .kind = s->by ? s->by : zoo_dataset_kind(&w->data, "subset") ? "subset" : NULL,
                                   .notes = w->note_list, .note_count = w->note_count, .seed = s->seed };
    int to_stdout = s->json && !strcmp(s->json, "-"), rc = ZOO_OK;
    zoo_buf out = ZOO_BUF_INIT(REPORT_MAX);

    if (s->json)
        rc = write_json(w, &subject, &out, err);
    if (!rc && s->json && !to_stdout) {
        rc = zoo_fs_write(s->json, out.data, out.size, err);
        zoo_buf_clear(&out);
    }
    if (!rc && !to_stdout && zoo_report_text(&out, &w->evaluation, &subject))
        rc = zoo_fail_nomem(err);
    if (!rc)
        fwrite(out.data, 1, out.size, stdout);
    zoo_buf_release(&out);
    return rc;
}

static int run(const void *opaque, int argc, char **argv)
{
    struct work w = { .s = opaque };
    enum zoo_precision precision = ZOO_PRECISION_AUTO;
    zoo_err err;
    int rc;

    (void)argc, (void)argv;
    if (w.s->precision && !zoo_precision_parse(w.s->precision, &precision))
        return zoo_cli_wrong_use(&zoo_command_eval, "--precision should be auto, f32, bf16 or int8");
    rc = load(&w, precision, &err);
    if (!rc)
        rc = choose_experts(&w, &err);
    if (!rc)
        rc = keep_ranked(&w, &err);
    if (!rc)
        rc = build_trial(&w, &err);
    if (!rc)
        rc = rank(&w, &err);
    if (!rc && w.router)
        rc = route(&w, &err);
    if (!rc)
        rc = evaluate(&w, &err);
    if (!rc)
        rc = report(&w, &err);
    release(&w);
    return rc ? zoo_cli_fail(&zoo_command_eval, &err) : EXIT_DONE;
}

static const struct settings defaults = { .bootstrap = BY_SIZE, .seed = 1 };

static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct settings, store, "the store"),
    { "split", "NAME,...", OPTION_NAMES, offsetof(struct settings, choice.split),
      "the queries to evaluate on (default test)", 0, 0 },
    ZOO_OPTION_WHERE(struct settings, choice),
    ZOO_OPTION_SAMPLE(struct settings, choice),
    { "router", "DIR", OPTION_TEXT, offsetof(struct settings, router),
      "a trained router; without one, only what it would have to beat", 0, 0 },
    { "precision", "P", OPTION_TEXT, offsetof(struct settings, precision),
      "auto (default), f32, bf16 or int8: what an encoder's weights are multiplied in", 0, 0 },
    { "reward-model", "NAME", OPTION_TEXT, offsetof(struct settings, reward_model),
      "whose rewards score the answers (default: the only one there is)", 0, 0 },
    { "rank-by", "NAME,...", OPTION_NAMES, offsetof(struct settings, rank_by),
      "also rank the answers by these reward models (reward model ranking)", 0, 0 },
    { "by", "KIND", OPTION_TEXT, offsetof(struct settings, by),
      "the kind of tag that makes the subsets (default subset)", 0, 0 },
    ZOO_OPTION_EXPERTS(struct settings, choice),
    ZOO_OPTION_WITHOUT(struct settings, choice),
    { "group-rows", NULL, OPTION_FLAG, offsetof(struct settings, group_rows),
      "rank the average of each group (tag of kind dataset) as a row too", 0, 0 },
    { "bootstrap", "N", OPTION_COUNT, offsetof(struct settings, bootstrap),
      "resamples for the intervals, 0 for none (default 10000; fewer above 200000 queries)", 0, RESAMPLES_MOST },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "seed of the resamples (default 1)", 0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads), "threads (default: one per processor)", 0,
      1024 },
    { "json", "FILE", OPTION_TEXT, offsetof(struct settings, json),
      "write every figure as JSON; '-': to standard output, instead of the tables", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_eval = {
    .name = "eval", .args = "",
    .summary = "show what a router is worth, beside every expert alone, chance and the oracle",
    .details =
        "Scores, on the queries of a split and by the rewards in the store: every expert alone; the best single expert "
        "(of this\n"
        "split, and the best on the router's training data where that is another); the best expert of each subset; a "
        "random\n"
        "choice; the oracle, which knows every reward (reward model ranking by the same rewards); and the router.\n"
        "\n"
        "The headline is the mean over subsets, so that a large subset does not drown the others; the mean over "
        "queries stands\n"
        "beside it. Intervals are 95% of a paired bootstrap within subsets and do not depend on --threads. MTR (mean "
        "task rank)\n"
        "and uplift rank the experts among themselves and every other method against the experts, over the subsets; "
        "ties share\n"
        "the best rank. 'gap' is how much of what lies between the best single expert and the oracle the router "
        "closes.\n"
        "\n"
        "Experts are matched by name; those that the router or the split does not know are left out, and said. "
        "Comparisons are\n"
        "paired: a query without a reward for every expert is left out and counted. A query with several tags of KIND "
        "counts in\n"
        "each subset, and once in the mean over queries. docs/evaluation.md defines every figure and the fields of "
        "--json.",
    .examples = "  zooter eval --store my.db --split test --router my-router\n"
                "  zooter eval --store my.db --split test --router my-router --by topic --json figures.json\n"
                "  zooter eval --store my.db --split test --reward-model gpt-4 --rank-by ultrarm,qwenrm\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .run = run
};
