/* cmd_route.c - zooter route: queries in, one decision a line out.
 *
 * Lines are gathered into batches, a batch is shared out to threads in tasks, each task writes its own piece of the output, the
 * pieces are written in order. A batch ends where the next line would have to be waited for, so that someone who types, or a
 * program that asks and waits, gets the answer at once. */
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
    const char *router;
    int jsonl, explain;
    uint64_t threads;
};

/* What one task makes of its lines. */
struct piece {
    zoo_buf out;
    zoo_err err;                                /* code 0: all went well; else `out` holds the lines before */
};

/* One thread's memory. */
struct worker {
    zoo_workspace *workspace;
    float *probabilities;                       /* (k) */
    zoo_buf row;                                /* query and id of a JSONL row */
};

struct work {
    const zoo_command *command;
    zoo_router *router;
    zoo_result_format format;
    int jsonl;
    const char *source;                         /* for sentences */
    zoo_parallel *parallel;
    struct worker *workers;                     /* (threads) */
    unsigned threads;
    zoo_buf text;                               /* the lines of the batch, one behind the other */
    size_t ends[BATCH_LINES], first_number, count;
    struct piece pieces[TASKS_MAX];
};

extern const zoo_command zoo_command_route;

/* ---- one line ---- */
static int route_one(const struct work *w, struct worker *worker, zoo_buf *out, const char *query, size_t size, const char *id,
                     size_t id_size, zoo_err *err)
{
    zoo_decision decision;
    int rc = zoo_router_route(w->router, worker->workspace, query, size, worker->probabilities, &decision, err);

    if (!rc && zoo_result_add(&w->format, out, id, id_size, worker->probabilities, &decision))
        rc = zoo_fail_nomem(err);
    return rc;
}

static int route_line(const struct work *w, struct worker *worker, zoo_buf *out, size_t number, const char *line, size_t size,
                      zoo_err *err)
{
    char numeral[24], place[64];
    const char *id = numeral, *query = line;
    size_t id_size = (size_t)snprintf(numeral, sizeof numeral, "%zu", number), from, to;
    int rc;

    if (w->jsonl) {
        snprintf(place, sizeof place, "%s:%zu", w->source, number);
        zoo_buf_clear(&worker->row);
        rc = zoo_query_line_read(&worker->row, &from, &to, line, size, place, err);
        if (rc)
            return rc;
        query = worker->row.data + from;
        size = to - from;
        if (worker->row.size > to) {
            id = worker->row.data + to;
            id_size = worker->row.size - to;
        }
    }
    return route_one(w, worker, out, query, size, id, id_size, err);
}

static void route_task(void *context, size_t task, unsigned thread)
{
    struct work *w = context;
    struct piece *piece = &w->pieces[task];
    size_t end = (task + 1) * TASK_LINES < w->count ? (task + 1) * TASK_LINES : w->count;

    zoo_buf_clear(&piece->out);
    piece->err.code = ZOO_OK;
    for (size_t i = task * TASK_LINES; i < end; i++) {
        size_t start = i ? w->ends[i - 1] : 0;
        if (route_line(w, &w->workers[thread], &piece->out, w->first_number + i, w->text.data + start, w->ends[i] - start,
                       &piece->err))
            return;
    }
}

/* Nothing more is read for a reader that has left. (fflush alone does not remember an earlier failure.) */
static int written(zoo_err *err)
{
    return fflush(stdout) || ferror(stdout) ? zoo_fail(err, ZOO_EIO, "stdout cannot be written") : ZOO_OK;
}

/* ---- batches ---- */
/* Routes the batch and writes the results; stops behind the last good one before an error. */
static int finish_batch(struct work *w, zoo_err *err)
{
    size_t tasks = (w->count + TASK_LINES - 1) / TASK_LINES;

    zoo_parallel_run(w->parallel, tasks, route_task, w);
    for (size_t i = 0; i < tasks; i++) {
        const struct piece *piece = &w->pieces[i];
        if (piece->out.size)
            fwrite(piece->out.data, 1, piece->out.size, stdout);
        if (piece->err.code) {
            *err = piece->err;
            return err->code;
        }
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
    struct worker *worker = &w->workers[0];
    char place[64];
    size_t from = 0, to = size;
    int rc = ZOO_OK;

    if (w->jsonl) {
        snprintf(place, sizeof place, "%s:%zu", w->source, number);
        zoo_buf_clear(&worker->row);
        rc = zoo_query_line_read(&worker->row, &from, &to, line, size, place, err);
        line = worker->row.data;
    }
    if (number > 1)
        putchar('\n');
    return rc ? rc : zoo_route_explain(stdout, w->router, worker->workspace, line + from, to - from, err);
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
    for (unsigned i = 0; w->workers && i < w->threads; i++) {
        zoo_workspace_free(w->workers[i].workspace);
        free(w->workers[i].probabilities);
        zoo_buf_release(&w->workers[i].row);
    }
    for (size_t i = 0; i < TASKS_MAX; i++)
        zoo_buf_release(&w->pieces[i].out);
    free(w->workers);
    zoo_buf_release(&w->text);
    zoo_parallel_free(w->parallel);
    zoo_result_format_release(&w->format);
    zoo_router_close(w->router);
    free(w);
}

static int worker_init(struct worker *worker, const zoo_router *router, zoo_err *err)
{
    int rc = zoo_workspace_new(&worker->workspace, router, err);

    if (rc)
        return rc;
    worker->row = (zoo_buf)ZOO_BUF_INIT(2 * (size_t)LINE_MAX_BYTES);
    worker->probabilities = malloc(zoo_router_expert_count(router) * sizeof *worker->probabilities);
    return worker->probabilities ? ZOO_OK : zoo_fail_nomem(err);
}

static int work_new(struct work **out, const struct settings *s, zoo_err *err)
{
    struct work *w = *out = calloc(1, sizeof *w);
    int rc;

    if (!w)
        return zoo_fail_nomem(err);
    w->jsonl = s->jsonl;
    w->source = "arguments";
    w->threads = s->explain ? 1 : s->threads ? (unsigned)s->threads : zoo_parallel_processors();
    w->text = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 4);
    for (size_t i = 0; i < TASKS_MAX; i++)
        w->pieces[i].out = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 4);
    if ((rc = zoo_router_open(&w->router, s->router, err)) || (rc = zoo_result_format_init(&w->format, w->router, err)) ||
        (rc = zoo_parallel_new(&w->parallel, w->threads, err)))
        return rc;
    w->workers = calloc(w->threads, sizeof *w->workers);
    if (!w->workers)
        return zoo_fail_nomem(err);
    for (unsigned i = 0; i < w->threads && !rc; i++)
        rc = worker_init(&w->workers[i], w->router, err);
    return rc;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    struct work *w;
    zoo_err err;
    int rc;

    if (s->jsonl && argc)
        return zoo_cli_wrong_use(&zoo_command_route, "--jsonl reads stdin; leave out the arguments");
    rc = work_new(&w, s, &err);
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
      "the router's folder, as zooter train wrote it", 0, 0 },
    { "jsonl", NULL, OPTION_FLAG, offsetof(struct settings, jsonl),
      "stdin holds one JSON object a line; only its query and id are read", 0, 0 },
    { "explain", NULL, OPTION_FLAG, offsetof(struct settings, explain), "say why, for people to read, instead of JSON", 0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads),
      "threads to route with (default: one per processor)", 1, THREADS_MAX },
    { 0 }
};

const zoo_command zoo_command_route = {
    .name = "route", .args = "[TEXT...]", .summary = "say which expert each query should go to",
    .details =
        "Each TEXT is one query; without any, every line of stdin is one. Out comes one JSON object a query, in order:\n"
        "  {\"id\": 1, \"expert\": \"...\", \"probability\": 0.41, \"margin\": 0.12, \"probabilities\": {\"...\": 0.41, ...}}\n"
        "id is the number of the line or argument or, with --jsonl, the row's own id (a string or a whole number). margin is\n"
        "the probability less that of the runner-up. Answers to what has come in are written before more is waited for.\n"
        "\n"
        "With --jsonl every line is an object with a string 'query'; whatever else stands in it changes nothing. A line that\n"
        "is not JSON ends the work with exit status 1; the results before it are written.\n"
        "\n"
        "Only the beginning of a query is read: up to the router's text limit, 4096 bytes unless it says otherwise, in\n"
        "training, routing and serving alike. Bytes that are not UTF-8 are read as U+FFFD. A line may have 64 MiB.\n"
        "\n"
        "--explain shows the distribution, the tags that the router sees in the query, and the words (with the parts they are\n"
        "read by) and runs of words that decided: all shares, shown or not, add up exactly to the log-odds of the chosen\n"
        "expert over the runner-up.",
    .examples =
        "  zooter route --router my-router 'What is 12 times 12?'\n"
        "  zooter route --router my-router --explain 'What is 12 times 12?'\n"
        "  zooter route --router my-router --jsonl <queries.jsonl >decisions.jsonl\n",
    .options = options, .settings_size = sizeof(struct settings), .most_args = -1, .run = run
};
