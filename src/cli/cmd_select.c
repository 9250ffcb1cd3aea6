/* cmd_select.c - zooter select: training queries out of a pool, none that a benchmark knows, N for each tag. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"
#include "cli/stores.h"
#include "label/select.h"

struct settings {
    const char *store, *split, *into, *report;
    zoo_list benchmarks, tags;
    uint64_t ngram, per_tag, untagged, seed;
    int replace, dry_run;
};

static const size_t REPORT_MAX = (size_t)1 << 30;        /* bytes */

extern const zoo_command zoo_command_select;

/* One JSON object a dropped query. */
static int report(void *context, const char *id, const zoo_overlap_hit *hit, zoo_err *err)
{
    zoo_buf *out = context;
    int rc = zoo_buf_add_str(out, "{\"id\":");

    rc = rc ? rc : zoo_buf_add_json_str(out, id, strlen(id));
    rc = rc ? rc : zoo_buf_add_str(out, ",\"words\":");
    rc = rc ? rc : zoo_buf_add_json_str(out, hit->words, strlen(hit->words));
    rc = rc ? rc : zoo_buf_add_str(out, ",\"file\":");
    rc = rc ? rc : zoo_buf_add_json_str(out, hit->file, strlen(hit->file));
    rc = rc ? rc : zoo_buf_addf(out, ",\"line\":%zu}\n", hit->line);
    return rc ? zoo_fail(err, ZOO_ENOMEM, "no memory for the report of dropped queries (at most %zu MiB)",
                         REPORT_MAX >> 20) : ZOO_OK;
}

static int read_benchmarks(const struct settings *s, int argc, char **argv, zoo_overlap **out, zoo_err *err)
{
    int rc = zoo_overlap_new(out, (size_t)s->ngram, err);

    for (size_t i = 0; !rc && i < s->benchmarks.count; i++)
        rc = zoo_overlap_add_file(*out, s->benchmarks.items[i], err);
    for (int i = 0; !rc && i < argc; i++)
        rc = zoo_overlap_add_file(*out, argv[i], err);
    if (!rc)
        zoo_cli_say(&zoo_command_select, "benchmarks: %zu samples, %zu distinct runs of %llu words",
                    zoo_overlap_samples(*out), zoo_overlap_runs(*out), (unsigned long long)s->ngram);
    return rc;
}

/* What was asked for, for the store's log of runs. */
static json_t *describe(const struct settings *s, int argc, char **argv)
{
    json_t *files = json_array(), *kinds = json_array();

    for (size_t i = 0; i < s->benchmarks.count; i++)
        json_array_append_new(files, json_string(s->benchmarks.items[i]));
    for (int i = 0; i < argc; i++)
        json_array_append_new(files, json_string(argv[i]));
    for (size_t i = 0; i < s->tags.count; i++)
        json_array_append_new(kinds, json_string(s->tags.items[i]));
    return json_pack("{s:s?, s:s, s:o, s:I, s:o, s:I, s:I, s:I}", "split", s->split, "into", s->into, "benchmarks",
                     files,
                     "ngram", (json_int_t)s->ngram, "tags", kinds, "per_tag", (json_int_t)s->per_tag,
                     "untagged", (json_int_t)s->untagged, "seed", (json_int_t)s->seed);
}

static json_t *summarise(const zoo_select_counts *n)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "candidates", (json_int_t)n->candidates, "overlapping",
                     (json_int_t)n->overlapping, "untagged", (json_int_t)n->untagged, "tags", (json_int_t)n->tags,
                     "selected", (json_int_t)n->selected);
}

static int log_run(zoo_store *store, const struct settings *s, int argc, char **argv, const zoo_select_counts *n,
                   zoo_err *err)
{
    json_t *asked = describe(s, argc, argv), *done = summarise(n);
    zoo_buf settings = ZOO_BUF_INIT(REPORT_MAX), summary = ZOO_BUF_INIT(REPORT_MAX);
    zoo_key run;
    int rc = !asked || !done || zoo_json_dump(&settings, asked) || zoo_json_dump(&summary, done) ? zoo_fail_nomem(err) :
             ZOO_OK;

    if (!rc)
        rc = zoo_store_begin_run(store, "select", settings.data, &run, err);
    if (!rc)
        rc = zoo_store_end_run(store, run, "done", summary.data, err);
    json_decref(asked);
    json_decref(done);
    zoo_buf_release(&settings);
    zoo_buf_release(&summary);
    return rc;
}

/* Selects within a transaction; the report is written before it is committed,
 * so that a failure leaves all as it was. */
static int apply(zoo_store *store, const struct settings *s, int argc, char **argv, const zoo_select_options *options,
                 zoo_select_counts *n, zoo_err *err)
{
    zoo_select_options o = *options;
    int to_stdout = s->report && !strcmp(s->report, "-");
    uint64_t total = 0;
    zoo_buf dropped = ZOO_BUF_INIT(REPORT_MAX);
    zoo_progress progress;
    int rc = s->dry_run ? ZOO_OK : zoo_store_begin(store, err);

    if (!rc)
        rc = zoo_store_count_queries(store, NULL, &total, err);
    zoo_progress_begin(&progress, stderr, "select", total);
    o.progress = &progress;
    o.report = s->report ? report : NULL;
    o.context = &dropped;
    if (!rc)
        rc = zoo_select(store, &o, n, err);
    if (!rc)
        zoo_progress_end(&progress);
    if (!rc && s->report && !to_stdout)
        rc = zoo_fs_write(s->report, dropped.data ? dropped.data : "", dropped.size, err);
    if (!rc && !s->dry_run)
        rc = log_run(store, s, argc, argv, n, err);
    if (!rc && !s->dry_run)
        rc = zoo_store_commit(store, err);
    if (!rc && to_stdout && dropped.size)
        fwrite(dropped.data, 1, dropped.size, stdout);
    zoo_buf_release(&dropped);
    return rc;
}

static void print_counts(FILE *to, const struct settings *s, const zoo_select_counts *n)
{
    fprintf(to, "%10llu candidates in %s%s%s\n", (unsigned long long)n->candidates, s->split ? "'" : "no split",
            s->split ? s->split : "", s->split ? "'" : "");
    fprintf(to, "%10llu overlap with a benchmark: left out\n", (unsigned long long)n->overlapping);
    fprintf(to, "%10llu without a tag: %s\n", (unsigned long long)n->untagged,
            s->untagged ? "drawn from as one tag" : "left out");
    fprintf(to, "%10llu distinct tags, at most %llu queries drawn for each\n", (unsigned long long)n->tags,
            (unsigned long long)s->per_tag);
    fprintf(to, "%10llu queries %s '%s'", (unsigned long long)n->selected, s->dry_run ? "would be in" : "are now in",
            s->into);
    if (n->moved_in != n->selected || n->moved_out)
        fprintf(to, " (%llu new, %llu put back)", (unsigned long long)n->moved_in, (unsigned long long)n->moved_out);
    fputc('\n', to);
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_select_options o = { .from = s->split, .into = s->into, .kinds = s->tags.items, .kind_count = s->tags.count,
                             .per_tag = (size_t)s->per_tag, .untagged = (size_t)s->untagged, .seed = s->seed,
                             .replace = s->replace, .dry_run = s->dry_run };
    zoo_select_counts n;
    zoo_store *store = NULL;
    zoo_err err;
    int rc;

    if (!s->benchmarks.count && argc)
        return zoo_cli_wrong_use(&zoo_command_select, "unexpected argument '%s'; benchmark files follow --benchmark",
                                 argv[0]);
    rc = zoo_cli_store_open(&store, s->store, s->dry_run ? ZOO_STORE_READ : ZOO_STORE_WRITE, &err);
    if (!rc && s->benchmarks.count)
        rc = read_benchmarks(s, argc, argv, &o.overlap, &err);
    if (!rc)
        rc = apply(store, s, argc, argv, &o, &n, &err);
    if (!rc)
        print_counts(s->report && !strcmp(s->report, "-") ? stderr : stdout, s, &n);
    zoo_overlap_free(o.overlap);
    zoo_store_close(store);
    return rc ? zoo_cli_fail(&zoo_command_select, &err) : EXIT_DONE;
}

static const struct settings defaults = { .ngram = 6, .per_tag = 10, .seed = 1 };

static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct settings, store, "the store"),
    { "into", "SPLIT", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, into),
      "the split of the selected queries", 0, 0 },
    { "split", "SPLIT", OPTION_TEXT, offsetof(struct settings, split),
      "select from these queries (default: those in no split)", 0, 0 },
    { "benchmark", "FILE...", OPTION_LIST, offsetof(struct settings, benchmarks),
      "leave out what overlaps with these samples; '-': standard input", 0, 0 },
    { "ngram", "N", OPTION_COUNT, offsetof(struct settings, ngram), "words in a row that make an overlap (default 6)",
      1, ZOO_OVERLAP_WORDS_MAX },
    { "tags", "KIND,...", OPTION_NAMES, offsetof(struct settings, tags),
      "draw for tags of these kinds (default: of every kind)", 0, 0 },
    { "per-tag", "N", OPTION_COUNT, offsetof(struct settings, per_tag), "queries to draw for each tag (default 10)", 0,
      1e9 },
    { "untagged", "N", OPTION_COUNT, offsetof(struct settings, untagged),
      "queries to draw from those without such a tag (default 0)", 0, 1e9 },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "seed of the draw (default 1)", 0, 0 },
    { "report", "FILE", OPTION_TEXT, offsetof(struct settings, report),
      "write what overlaps as JSONL: id, words, file, line; '-': to standard output", 0, 0 },
    { "replace", NULL, OPTION_FLAG, offsetof(struct settings, replace),
      "put queries that are in --into and are not drawn back to --split", 0, 0 },
    { "dry-run", NULL, OPTION_FLAG, offsetof(struct settings, dry_run), "only say what would be selected", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_select = {
    .name = "select", .args = "[FILE...]",
    .summary = "choose training queries: none that a benchmark holds, N for each tag",
    .details =
        "Leaves out every query that shares N words in a row with a sample of a benchmark, then draws at most "
        "--per-tag queries\n"
        "for each distinct tag (kind and value; 'dataset' and 'subset' are kinds like any other) and puts them into a "
        "split. A\n"
        "query drawn for several tags counts once. Queries without a tag are left out unless --untagged is given.\n"
        "\n"
        "Words are lower-cased and freed of punctuation (\"Don't\" is \"dont\"); each Chinese character and kana is a "
        "word. A query of\n"
        "fewer than N words overlaps where it equals a whole sample. A benchmark FILE whose first line begins with '{' "
        "is JSONL:\n"
        "the text 'query' of each row, and the texts of 'turns' where there are any, are samples; in any other file "
        "each line is\n"
        "one. Overlaps are exact. At most 1 GiB of samples and 67 million distinct runs of words.\n"
        "\n"
        "The draw depends on --seed, tags and ids alone. Queries that are in the split --into already are candidates "
        "too, so that\n"
        "the same command again changes nothing; where it would take queries out of it, it is refused without "
        "--replace.\n"
        "Everything happens, or nothing does. 'zooter split' divides queries by shares instead, as 0.7 for train, 0.3 "
        "for test.",
    .examples =
        "  zooter select --store my.db --split pool --benchmark gsm8k.jsonl mmlu.jsonl --per-tag 10 --into train\n"
        "  zooter select --store my.db --split pool --benchmark b.jsonl --into train --dry-run --report - | less\n"
        "  zooter select --store my.db --split pool --tags topic,task --into train --seed 2 --replace\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .most_args = -1, .run = run
};
