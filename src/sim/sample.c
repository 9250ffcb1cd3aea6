/* sample.c - the sample: a folder from which the whole loop can be run with simulated experts; see sample.h. */
#include "sim/sample.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/buf.h"
#include "base/fs.h"
#include "sim/tasks.h"

enum { PER_FRAME = 3, PROGRAMS_PER_FRAME = 2, MAX_ROWS = 4000, MAX_FILE = 16 << 20, COPIES = 30, COPY_WORDS = 8 };

/* ---- rows ---- */

struct row { char *query; zoo_sim_task task; };
struct rows { struct row *items; size_t count; };

static void release_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->items[i].query);
    free(rows->items);
}

static int is_known(const struct rows *rows, const char *query)
{
    for (size_t i = 0; i < rows->count; i++)
        if (!strcmp(rows->items[i].query, query))
            return 1;
    return 0;
}

/* One more row of the frame, its question asked by no other row. A frame that has run out of questions adds none. */
static int add_row(struct rows *rows, const zoo_sim_kind *kind, const zoo_sim_frame *frame, zoo_rng *rng)
{
    char query[ZOO_SIM_TEXT_SIZE];
    struct row *row = &rows->items[rows->count];

    for (int tries = 0; tries < 50; tries++) {
        zoo_sim_make(kind, frame, rng, &row->task);
        if (zoo_sim_ask(&row->task, query, sizeof query) || is_known(rows, query))
            continue;
        row->query = strdup(query);
        rows->count += row->query != NULL;
        return row->query ? ZOO_OK : ZOO_ENOMEM;
    }
    return ZOO_OK;
}

static int make_rows(struct rows *rows, const zoo_sim_sample *sample, zoo_rng *rng)
{
    int rc = ZOO_OK;

    rows->items = calloc(MAX_ROWS, sizeof *rows->items);
    if (!rows->items)
        return ZOO_ENOMEM;
    for (size_t i = 0; zoo_sim_kinds[i] && !rc; i++) {
        const zoo_sim_kind *kind = zoo_sim_kinds[i];
        int runs_code = !strcmp(kind->grader, "program");
        size_t per_frame = runs_code ? PROGRAMS_PER_FRAME : PER_FRAME;          /* running code takes its time */
        if (sample->leave_out_programs && runs_code)
            continue;
        for (size_t j = 0; j < kind->frame_count * per_frame && !rc && rows->count < MAX_ROWS; j++)
            rc = add_row(rows, kind, &kind->frames[j / per_frame], rng);
    }
    return rc;
}

/* ---- files ---- */

static int add_string(zoo_buf *out, const char *key, const char *value)
{
    return zoo_buf_addf(out, ", \"%s\": ", key) || zoo_buf_add_json_str(out, value, strlen(value)) ? ZOO_ENOMEM :
           ZOO_OK;
}

static int add_line(zoo_buf *out, const char *id, const char *split, const struct row *row)
{
    const zoo_sim_task *t = &row->task;
    char reference[ZOO_SIM_TEXT_SIZE];

    if (zoo_sim_reference(t, reference, sizeof reference) || zoo_buf_addf(out, "{\"id\": \"%s\"", id) ||
        add_string(out, "query", row->query) || add_string(out, "dataset", "sample") ||
        add_string(out, "subset", t->kind->group) || add_string(out, "split", split) ||
        zoo_buf_addf(out, ", \"tags\": [\"kind:%s\", \"lang:%s\"], \"rewards\": {}", t->kind->name,
                     zoo_sim_lang_code(t->frame->lang)) ||
        add_string(out, "grader", t->kind->grader) || add_string(out, "reference", reference))
        return ZOO_ENOMEM;
    return zoo_buf_add_str(out, "}\n");
}

static int add_benchmark_line(zoo_buf *out, const char *id, const struct row *row)
{
    return zoo_buf_addf(out, "{\"id\": \"%s\"", id) || add_string(out, "query", row->query) ||
           zoo_buf_add_str(out, ", \"rewards\": {}}\n");
}

/* Long enough that six words in a row are certain to be there. */
static int is_worth_copying(const char *query)
{
    int spaces = 0;

    for (; *query; query++)
        spaces += *query == ' ';
    return spaces >= COPY_WORDS;
}

struct files { zoo_buf queries, benchmark; };

static int fill_files(struct files *files, const struct rows *rows, zoo_rng *rng, zoo_sim_sample_counts *counts)
{
    size_t *order = calloc(rows->count, sizeof *order), per_split[2] = { 0, 0 };
    int rc = order ? ZOO_OK : ZOO_ENOMEM;
    char id[64];

    for (size_t i = 0; !rc && i < rows->count; i++)
        order[i] = i;
    if (!rc)
        zoo_rng_shuffle(rng, order, rows->count);
    for (size_t i = 0; i < rows->count && !rc; i++) {
        const struct row *row = &rows->items[order[i]];
        int is_test = row->task.frame->is_held_out;
        snprintf(id, sizeof id, "%s-%04zu", is_test ? "test" : "pool", ++per_split[is_test]);
        rc = add_line(&files->queries, id, is_test ? "test" : "pool", row);
        if (!rc && is_test)
            rc = add_benchmark_line(&files->benchmark, id, row);
        if (!rc && is_test && counts->copies < COPIES && is_worth_copying(row->query)) {
            snprintf(id, sizeof id, "copy-%04zu", ++counts->copies);
            rc = add_line(&files->queries, id, "pool", row);
        }
    }
    counts->test = per_split[1];
    counts->pool = per_split[0] + counts->copies;
    free(order);
    return rc;
}

/* ---- experts ---- */

/* Each is strong at what its kinds name and weak elsewhere, but for the all-rounder, the best of them on average. */
static const struct sample_expert {
    const char *name;
    double strength, strong;
    const char *kinds;                        /* separated by blanks */
    int latency_ms;
    double input, output;                     /* dollars per million tokens; made up */
} sample_experts[] = {
    { "sim-allround", 0.66, 0.66, "", 12, 2.50, 10.00 },
    { "sim-abacus", 0.28, 0.95, "word-problem product percent units clock", 5, 0.30, 0.90 },
    { "sim-scribe", 0.28, 0.95, "reverse letter-count sorting acronym roman", 4, 0.20, 0.60 },
    { "sim-scholar", 0.30, 0.96, "capitals elements weekday translate", 6, 0.50, 1.50 },
    { "sim-coder", 0.25, 0.95, "program binary sequence extremes", 8, 0.80, 2.40 },
    { "sim-mini", 0.35, 0.35, "", 2, 0.05, 0.15 }
};
enum { EXPERTS = sizeof sample_experts / sizeof *sample_experts };

static int add_sim_expert(zoo_buf *out, const struct sample_expert *e)
{
    if (zoo_buf_addf(out, "  - name: %s\n    strength: %g\n", e->name, e->strength))
        return ZOO_ENOMEM;
    if (*e->kinds && zoo_buf_add_str(out, "    strengths:\n"))
        return ZOO_ENOMEM;
    for (const char *kind = e->kinds; *kind; kind += strspn(kind, " ")) {
        size_t n = strcspn(kind, " ");
        if (zoo_buf_addf(out, "      %.*s: %g\n", (int)n, kind, e->strong))
            return ZOO_ENOMEM;
        kind += n;
    }
    return zoo_buf_addf(out, "    latency_ms: %d\n    tokens_per_s: 4000\n", e->latency_ms);
}

static int fill_sim(zoo_buf *out, uint64_t seed)
{
    int rc = zoo_buf_addf(out, "# Simulated experts, for: zooter sim --config FILE\nseed: %llu\nexperts:\n",
                          (unsigned long long)seed);

    for (size_t i = 0; i < EXPERTS && !rc; i++)
        rc = add_sim_expert(out, &sample_experts[i]);
    return rc;
}

static int fill_experts(zoo_buf *out, const zoo_sim_sample *sample)
{
    char router[PATH_MAX];
    int rc = zoo_fs_join(router, sizeof router, sample->dir, "router", NULL);

    if (rc ||
        zoo_buf_addf(out, "# The simulated experts as their clients see them, for: zooter collect, zooter serve. "
                          "Prices are made up.\nlisten: 127.0.0.1:%u\nrouter: ", sample->gateway_port) ||
        zoo_buf_add_json_str(out, router, strlen(router)))            /* a JSON string is a YAML string */
        return ZOO_ENOMEM;
    rc = zoo_buf_add_str(out, "\nexperts:\n");
    for (size_t i = 0; i < EXPERTS && !rc; i++)
        rc = zoo_buf_addf(out, "  - name: %s\n    base_url: http://127.0.0.1:%u/v1\n    price: {input: %.2f, output: "
                               "%.2f}\n", sample_experts[i].name, sample->sim_port, sample_experts[i].input,
                          sample_experts[i].output);
    return rc;
}

/* ---- all of it ---- */

static int write_file(const char *dir, const char *name, const zoo_buf *content, zoo_err *err)
{
    char path[PATH_MAX];
    int rc = zoo_fs_join(path, sizeof path, dir, name, err);

    return rc ? rc : zoo_fs_write(path, content->data, content->size, err);
}

int zoo_sim_sample_write(const zoo_sim_sample *sample, zoo_sim_sample_counts *counts, zoo_err *err)
{
    struct files files = { ZOO_BUF_INIT(MAX_FILE), ZOO_BUF_INIT(MAX_FILE) };
    zoo_buf sim = ZOO_BUF_INIT(MAX_FILE), experts = ZOO_BUF_INIT(MAX_FILE);
    struct rows rows = { NULL, 0 };
    zoo_rng rng;
    int rc;

    memset(counts, 0, sizeof *counts);
    counts->kinds = zoo_sim_kind_count() - (sample->leave_out_programs ? 1 : 0);
    counts->langs = ZOO_SIM_LANGS;
    counts->experts = EXPERTS;
    zoo_rng_init(&rng, sample->seed);
    if (mkdir(sample->dir, 0777) && errno != EEXIST)
        return zoo_fail_errno(err, errno, "cannot make the folder %s", sample->dir);
    if (make_rows(&rows, sample, &rng) || fill_files(&files, &rows, &rng, counts) || fill_sim(&sim, sample->seed) ||
        fill_experts(&experts, sample))
        rc = zoo_fail_nomem(err);
    else if (!(rc = write_file(sample->dir, "queries.jsonl", &files.queries, err)) &&
             !(rc = write_file(sample->dir, "benchmark.jsonl", &files.benchmark, err)) &&
             !(rc = write_file(sample->dir, "sim.yaml", &sim, err)))
        rc = write_file(sample->dir, "experts.yaml", &experts, err);
    zoo_buf_release(&files.queries);
    zoo_buf_release(&files.benchmark);
    zoo_buf_release(&sim);
    zoo_buf_release(&experts);
    release_rows(&rows);
    return rc;
}
