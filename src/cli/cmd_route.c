/* cmd_route.c - zooter route: queries in, one decision a line out.
 *
 * Lines are gathered into batches. The rows of a batch are read, and its results written, in tasks that are shared out
 * to threads, each into a piece of its own; in between all its queries are routed together, as the router likes it. A
 * batch ends where the next line would have to be waited for, so that someone who types, or a program that asks and
 * waits, gets the answer at once. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/lines.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "cli/route_explain.h"
#include "cli/route_line.h"

enum { LINE_MAX_BYTES = 64 << 20, BATCH_LINES = 8192, BATCH_BYTES = 8 << 20, TASK_LINES = 128,
       TASKS_MAX = BATCH_LINES / TASK_LINES, THREADS_MAX = 1024 };

struct settings {
    const char *router, *precision;
    int jsonl, explain;
    uint64_t threads;
};

/* What one task makes of its lines. */
struct piece {
    zoo_buf rows;                               /* queries and ids of JSONL rows */
    zoo_buf out;
    zoo_err err;                                /* code 0: all went well; else the lines before `failed` are good */
    size_t failed;
};

/* One line of the batch: bytes of the batch's text, or of its piece's rows. */
struct line { size_t query, id, end; };         /* query: [query, id); id: [id, end) */

struct work {
    const zoo_command *command;
    zoo_router *router;
    zoo_workspace *workspace;
    zoo_result_format format;
    int jsonl;
    const char *source;                         /* for sentences */
    zoo_parallel *parallel;
    zoo_buf text;                               /* the lines of the batch, one behind the other */
    size_t ends[BATCH_LINES], first_number, count;
    struct piece pieces[TASKS_MAX];
    struct line lines[BATCH_LINES];
    const char *queries[BATCH_LINES];
    size_t sizes[BATCH_LINES], routed;
    zoo_decision decisions[BATCH_LINES];
    float *probabilities;                       /* (BATCH_LINES, k) */
};

extern const zoo_command zoo_command_route;

/* ---- tasks ---- */
static size_t end_of(size_t task, size_t count)
{
    return (task + 1) * TASK_LINES < count ? (task + 1) * TASK_LINES : count;
}

static const char *line_of(const struct work *w, size_t i, size_t *size)
{
    size_t start = i ? w->ends[i - 1] : 0;

    *size = w->ends[i] - start;
    return w->text.data + start;
}

static void read_task(void *context, size_t task, unsigned thread)
{
    struct work *w = context;
    struct piece *piece = &w->pieces[task];
    char place[64];

    (void)thread;
    zoo_buf_clear(&piece->rows);
    piece->err.code = ZOO_OK;
    for (size_t i = task * TASK_LINES; i < end_of(task, w->count); i++) {
        size_t size;
        const char *line = line_of(w, i, &size);
        snprintf(place, sizeof place, "%s:%zu", w->source, w->first_number + i);
        piece->failed = i;
        if (zoo_query_line_read(&piece->rows, &w->lines[i].query, &w->lines[i].id, line, size, place, &piece->err))
            return;
        w->lines[i].end = piece->rows.size;
    }
}

static void write_task(void *context, size_t task, unsigned thread)
{
    struct work *w = context;
    struct piece *piece = &w->pieces[task];
    size_t k = zoo_router_expert_count(w->router);

    (void)thread;
    zoo_buf_clear(&piece->out);
    piece->err.code = ZOO_OK;
    for (size_t i = task * TASK_LINES; i < end_of(task, w->routed) && !piece->err.code; i++) {
        const struct line *l = &w->lines[i];
        char numeral[24];
        const char *id = numeral;
        size_t id_size = (size_t)snprintf(numeral, sizeof numeral, "%zu", w->first_number + i);
        if (w->jsonl && l->end > l->id) {
            id = piece->rows.data + l->id;
            id_size = l->end - l->id;
        }
        if (zoo_result_add(&w->format, &piece->out, id, id_size, w->probabilities + i*k, &w->decisions[i]))
            zoo_fail_nomem(&piece->err);
    }
}

/* Nothing more is read for a reader that has left. (fflush alone does not remember an earlier failure.) */
static int written(zoo_err *err)
{
    return fflush(stdout) || ferror(stdout) ? zoo_fail(err, ZOO_EIO, "stdout cannot be written") : ZOO_OK;
}

/* ---- batches ---- */
/* Finds the queries of the batch. *good: of how many lines; fewer than there are where one is wrong. */
static int read_rows(struct work *w, size_t tasks, size_t *good, zoo_err *err)
{
    *good = w->count;
    if (w->jsonl)
        zoo_parallel_run(w->parallel, tasks, read_task, w);
    for (size_t i = 0; i < w->count; i++) {
        const struct piece *piece = &w->pieces[i / TASK_LINES];
        if (w->jsonl && piece->err.code && piece->failed == i) {
            *good = i;
            *err = piece->err;
            return err->code;
        }
        if (w->jsonl) {
            w->queries[i] = piece->rows.data + w->lines[i].query;
            w->sizes[i] = w->lines[i].id - w->lines[i].query;
        } else
            w->queries[i] = line_of(w, i, &w->sizes[i]);
    }
    return ZOO_OK;
}

/* Routes the batch and writes the results; stops behind the last good one before an error. */
static int finish_batch(struct work *w, zoo_err *err)
{
    size_t tasks = (w->count + TASK_LINES - 1) / TASK_LINES, good;
    zoo_err reading, routing;
    int wrong = read_rows(w, tasks, &good, &reading), failed;

    w->routed = 0;
    failed = zoo_router_route_many(w->router, w->workspace, w->queries, w->sizes, good, w->probabilities, w->decisions,
                                   &w->routed, &routing);
    tasks = (w->routed + TASK_LINES - 1) / TASK_LINES;
    zoo_parallel_run(w->parallel, tasks, write_task, w);
    for (size_t i = 0; i < tasks; i++) {
        const struct piece *piece = &w->pieces[i];
        if (piece->out.size)
            fwrite(piece->out.data, 1, piece->out.size, stdout);
        if (piece->err.code) {
            *err = piece->err;
            return err->code;
        }
    }
    if (failed || wrong) {
        *err = failed ? routing : reading;
        return err->code;
    }
    return written(err);
}

static int add_line(struct work *w, const char *line, size_t size, zoo_err *err)
{
    if (zoo_buf_add(&w->text, line, size))
        return zoo_fail_nomem(err);
    w->ends[w->count++] = w->text.size;
    return ZOO_OK;
}

/* Takes lines until the batch is full or the next one is not there yet. *more: 0 at the end of the input. */
static int gather(struct work *w, zoo_lines *in, int *more, zoo_err *err)
{
    char *line;
    size_t size;
    int rc;

    w->count = 0;
    zoo_buf_clear(&w->text);
    w->first_number = in->number + 1;
    while (w->count < BATCH_LINES && w->text.size < BATCH_BYTES && (!w->count || zoo_lines_ready(in))) {
        *more = zoo_lines_next(in, &line, &size, err);
        if (*more <= 0)
            return *more;
        if ((rc = add_line(w, line, size, err)))
            return rc;
    }
    return ZOO_OK;
}

static int route_stdin(struct work *w, zoo_err *err)
{
    zoo_lines in;
    zoo_err reading;
    int more = 1, rc = zoo_lines_open(&in, "-", LINE_MAX_BYTES, err);

    w->source = in.name;
    while (!rc && more) {
        int broken = gather(w, &in, &more, &reading);
        rc = finish_batch(w, err);              /* what came before the bad line is still answered */
        if (!rc && broken) {
            *err = reading;
            rc = broken;
        }
    }
    zoo_lines_close(&in);
    return rc;
}

static int route_arguments(struct work *w, int argc, char **argv, zoo_err *err)
{
    int rc = ZOO_OK;

    for (int i = 0; i < argc && !rc;) {
        w->count = 0;
        w->first_number = (size_t)i + 1;
        zoo_buf_clear(&w->text);
        for (; i < argc && w->count < BATCH_LINES && !rc; i++)
            rc = add_line(w, argv[i], strlen(argv[i]), err);
        if (!rc)
            rc = finish_batch(w, err);
    }
    return rc;
}

/* ---- explanations ---- */
static int explain_one(struct work *w, size_t number, const char *line, size_t size, zoo_err *err)
{
    zoo_buf *row = &w->pieces[0].rows;
    char place[64];
    size_t from = 0, to = size;
    int rc = ZOO_OK;

    if (w->jsonl) {
        snprintf(place, sizeof place, "%s:%zu", w->source, number);
        zoo_buf_clear(row);
        rc = zoo_query_line_read(row, &from, &to, line, size, place, err);
        line = row->data;
    }
    if (number > 1)
        putchar('\n');
    return rc ? rc : zoo_route_explain(stdout, w->router, w->workspace, line + from, to - from, err);
}

static int explain_stdin(struct work *w, zoo_err *err)
{
    zoo_lines in;
    char *line;
    size_t size;
    int rc = zoo_lines_open(&in, "-", LINE_MAX_BYTES, err);

    w->source = in.name;
    while (!rc && (rc = zoo_lines_next(&in, &line, &size, err)) == 1) {
        rc = explain_one(w, in.number, line, size, err);
        rc = rc ? rc : written(err);
    }
    zoo_lines_close(&in);
    return rc;
}

static int explain_arguments(struct work *w, int argc, char **argv, zoo_err *err)
{
    int rc = ZOO_OK;

    for (int i = 0; i < argc && !rc; i++)
        rc = explain_one(w, (size_t)i + 1, argv[i], strlen(argv[i]), err);
    return rc;
}

/* ---- command ---- */
static void work_free(struct work *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < TASKS_MAX; i++) {
        zoo_buf_release(&w->pieces[i].rows);
        zoo_buf_release(&w->pieces[i].out);
    }
    free(w->probabilities);
    zoo_buf_release(&w->text);
    zoo_parallel_free(w->parallel);
    zoo_result_format_release(&w->format);
    zoo_workspace_free(w->workspace);
    zoo_router_close(w->router);
    free(w);
}

static int work_new(struct work **out, const struct settings *s, enum zoo_precision precision, zoo_err *err)
{
    unsigned threads = s->explain ? 1 : s->threads ? (unsigned)s->threads : zoo_parallel_processors();
    zoo_options options = { .size = sizeof options, .precision = precision, .threads = threads };
    struct work *w = *out = calloc(1, sizeof *w);
    int rc;

    if (!w)
        return zoo_fail_nomem(err);
    w->jsonl = s->jsonl;
    w->source = "arguments";
    w->text = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 4);
    for (size_t i = 0; i < TASKS_MAX; i++) {
        w->pieces[i].rows = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 4);
        w->pieces[i].out = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 4);
    }
    if ((rc = zoo_router_open_with(&w->router, s->router, &options, err)) ||
        (rc = zoo_result_format_init(&w->format, w->router, err)) ||
        (rc = zoo_parallel_new(&w->parallel, threads, err)) ||
        (rc = zoo_workspace_new_with(&w->workspace, w->router, &options, err)))
        return rc;
    w->probabilities = malloc(BATCH_LINES * zoo_router_expert_count(w->router) * sizeof *w->probabilities);
    return w->probabilities ? ZOO_OK : zoo_fail_nomem(err);
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    enum zoo_precision precision = ZOO_PRECISION_AUTO;
    struct work *w;
    zoo_err err;
    int rc;

    if (s->jsonl && argc)
        return zoo_cli_wrong_use(&zoo_command_route, "--jsonl reads stdin; leave out the arguments");
    if (s->precision && !zoo_precision_parse(s->precision, &precision))
        return zoo_cli_wrong_use(&zoo_command_route, "--precision should be auto, f32, bf16 or int8");
    rc = work_new(&w, s, precision, &err);
    if (!rc && s->explain)
        rc = argc ? explain_arguments(w, argc, argv, &err) : explain_stdin(w, &err);
    else if (!rc)
        rc = argc ? route_arguments(w, argc, argv, &err) : route_stdin(w, &err);
    work_free(w);
    if (ferror(stdout))
        return EXIT_FAILED;                     /* main says so */
    return rc ? zoo_cli_fail(&zoo_command_route, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    { "router", "DIR", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, router),
      "the router's folder: as zooter train wrote it, or a deberta-v2 or bert classifier", 0, 0 },
    { "jsonl", NULL, OPTION_FLAG, offsetof(struct settings, jsonl),
      "stdin holds one JSON object a line; only its query and id are read", 0, 0 },
    { "explain", NULL, OPTION_FLAG, offsetof(struct settings, explain), "say why, for people to read, instead of JSON",
      0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads),
      "threads to route with (default: one per processor)", 1, THREADS_MAX },
    { "precision", "P", OPTION_TEXT, offsetof(struct settings, precision),
      "auto, f32, bf16 or int8: what an encoder's weights are multiplied in (default auto: bf16 where the processor "
      "does it, else f32)", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_route = {
    .name = "route", .args = "[TEXT...]", .summary = "say which expert each query should go to",
    .details =
        "Each TEXT is one query; without any, every line of stdin is one. Out comes one JSON object a query, in "
        "order:\n"
        "  {\"id\": 1, \"expert\": \"...\", \"probability\": 0.41, \"margin\": 0.12, \"probabilities\": {\"...\": "
        "0.41, ...}}\n"
        "id is the number of the line or argument or, with --jsonl, the row's own id (a string or a whole number). "
        "margin is\n"
        "the probability less that of the runner-up. Answers to what has come in are written before more is waited "
        "for.\n"
        "\n"
        "With --jsonl every line is an object with a string 'query'; whatever else stands in it changes nothing. A "
        "line that\n"
        "is not JSON ends the work with exit status 1; the results before it are written.\n"
        "\n"
        "DIR may be what zooter train wrote, or any Hugging Face folder of a sequence classifier of model_type "
        "deberta-v2 or\n"
        "bert whose id2label names the experts; such a folder needs nothing of ours.\n"
        "\n"
        "Only the beginning of a query is read, in training, routing and serving alike: of an n-gram router its text "
        "limit,\n"
        "4096 bytes unless it says otherwise; of an encoder zooter.max_tokens of its config.json, else "
        "max_position_embeddings\n"
        "tokens. Bytes that are not UTF-8 are read as U+FFFD. A line may have 64 MiB.\n"
        "\n"
        "--explain shows the distribution, the tags that the router sees in the query, and the words (with the parts "
        "they are\n"
        "read by) and runs of words that decided: all shares, shown or not, add up exactly to the log-odds of the "
        "chosen\n"
        "expert over the runner-up. An encoder shows its distribution alone.",
    .examples =
        "  zooter route --router my-router 'What is 12 times 12?'\n"
        "  zooter route --router my-router --explain 'What is 12 times 12?'\n"
        "  zooter route --router my-router --jsonl <queries.jsonl >decisions.jsonl\n",
    .options = options, .settings_size = sizeof(struct settings), .most_args = -1, .run = run
};
