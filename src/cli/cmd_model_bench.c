/* cmd_model_bench.c - zooter model bench: how fast a checkpoint is on this machine, and how near to what its weight
 * products cost alone.
 *
 * Ours and the products take turns in bursts, because two things that share a machine are only comparable in the same
 * minutes. The first run of a burst warms up and does not count, unless it takes all of the burst's time. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "cli/bench_train.h"
#include "cli/command.h"
#include "compute/cpu.h"
#include "cli/stock.h"
#include "model/checkpoint.h"
#include "model/transformer_config.h"

enum { LENGTHS_MAX = 64, LENGTH_MAX = 65536, SAMPLES_MAX = 100000, BURSTS = 4, RUNS_LEAST = 3, NAP_MS = 10,
       BATCH = 256, BATCH_LEAST = 8, BATCH_MOST = 128, BATCH_SEED = 1, BATCH_ROWS = 1024,
       FIRST_ID = 5, LAST_ID = 20000 };       /* ids of frequent pieces, as in the peers' benchmark */

struct settings { zoo_list tokens; const char *precision; uint64_t threads, batch; double seconds; int train, json; };

struct bench {
    const struct settings *settings;
    zoo_model *model;
    zoo_session *session;
    zoo_stock *stock;                           /* the products of this length; NULL: none on this processor */
    zoo_transformer_config config;
    zoo_shape shapes[5];
    size_t shape_count;
    unsigned threads;
    zoo_rng rng;
    uint32_t *ids;                              /* (tokens of a run) */
    size_t lengths[BATCH], n;                   /* of the sequences of a run */
    float *out;                                 /* (BATCH, max(K, H)) */
    double *ours, *products;                    /* (SAMPLES_MAX) milliseconds */
    size_t ours_count, products_count;
    double start_ms;
    long peak_mib;
};

extern const zoo_command zoo_command_model_bench;

/* ---- one run ---- */

static size_t total(const struct bench *b)
{
    size_t sum = 0;

    for (size_t i = 0; i < b->n; i++)
        sum += b->lengths[i];
    return sum;
}

/* Fresh ids each time: nothing can be remembered from the last. */
static int run_ours(struct bench *b, double *ms, zoo_err *err)
{
    size_t tokens = total(b), vocab = zoo_model_vocab_size(b->model);
    size_t last = vocab < LAST_ID ? vocab : LAST_ID, first = last > 2 * FIRST_ID ? FIRST_ID : 0;
    zoo_tokens sequences = { .ids = b->ids, .lengths = b->lengths, .n = b->n };
    zoo_outputs outputs = { 0 };
    uint64_t began;
    int rc;

    for (size_t i = 0; i < tokens; i++)
        b->ids[i] = (uint32_t)(first + zoo_rng_below(&b->rng, last - first));
    if (zoo_model_kind_of(b->model) == ZOO_MODEL_CLASSIFIER)
        outputs.logits = b->out;
    else
        outputs.cls = b->out;                    /* random ids do not hold the markers of a comparison */
    began = zoo_clock_ns();
    rc = zoo_model_run(b->model, b->session, &sequences, &outputs, err);
    *ms = (double)(zoo_clock_ns() - began) * 1e-6;
    return rc;
}

static void use_one(struct bench *b, size_t tokens)
{
    b->n = 1;
    b->lengths[0] = tokens;
}

static void use_batch(struct bench *b)
{
    zoo_rng rng;

    zoo_rng_init(&rng, BATCH_SEED);
    b->n = BATCH;
    for (size_t i = 0; i < BATCH; i++)
        b->lengths[i] = BATCH_LEAST + zoo_rng_below(&rng, BATCH_MOST - BATCH_LEAST + 1);
}

/* ---- timing ---- */

static void nap(void)
{
    /* until the other side's threads have stopped spinning */
    nanosleep(&(struct timespec){ 0, NAP_MS * 1000000 }, NULL);
}

/* Runs that fill `seconds`, at least three, or one that outlasts it; `once` gives a run's milliseconds. */
static int burst(struct bench *b, double seconds, int (*once)(struct bench *b, double *ms, zoo_err *err), double *times,
                 size_t *count, zoo_err *err)
{
    uint64_t end = zoo_clock_ns() + (uint64_t)(seconds * 1e9);
    size_t least = *count + RUNS_LEAST;
    double ms;
    int rc = once(b, &ms, err);

    if (!rc && zoo_clock_ns() >= end && *count < SAMPLES_MAX) {
        times[(*count)++] = ms;
        return ZOO_OK;
    }
    while (!rc && *count < SAMPLES_MAX && (*count < least || zoo_clock_ns() < end)) {
        rc = once(b, &ms, err);
        if (!rc)
            times[(*count)++] = ms;
    }
    return rc;
}

static int run_products(struct bench *b, double *ms, zoo_err *err)
{
    *ms = zoo_stock_run(b->stock);
    return *ms >= 0 ? ZOO_OK : zoo_fail(err, ZOO_EIO, "oneDNN failed in the products that are timed beside the model");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts. NAN of nothing. */
static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_size);
    return !n ? (double)NAN : n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* `rows`: of the products. Without such products on this processor ours are timed alone. */
static int measure(struct bench *b, size_t rows, zoo_err *err)
{
    double seconds = b->settings->seconds / BURSTS;
    int rc = zoo_stock_new(&b->stock, zoo_model_precision(b->model), b->shapes, b->shape_count, rows, b->threads, err);

    b->ours_count = b->products_count = 0;
    if (rc == ZOO_EUSAGE)
        rc = ZOO_OK;
    for (int i = 0; i < BURSTS && !rc; i++) {
        nap();
        rc = burst(b, seconds, run_ours, b->ours, &b->ours_count, err);
        if (!rc && b->stock) {
            nap();
            rc = burst(b, seconds, run_products, b->products, &b->products_count, err);
        }
    }
    zoo_stock_free(b->stock);
    b->stock = NULL;
    return rc;
}

/* ---- what is said ---- */

static const char *isa_name(void)
{
    static const char *const names[] = { [ZOO_CPU_PORTABLE] = "portable", [ZOO_CPU_AVX2] = "avx2",
                                         [ZOO_CPU_AVX512] = "avx512",
                                         [ZOO_CPU_VNNI] = "avx512_vnni", [ZOO_CPU_BF16] = "avx512_bf16",
                                         [ZOO_CPU_AMX] = "amx" };
    return names[zoo_cpu_level()];
}

/* Memory that this process has had at most, in MiB. */
static long peak_mib(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");

    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6))
            kib = strtol(line + 6, NULL, 10);
    if (status)
        fclose(status);
    return (kib + 512) / 1024;
}

/* "x" or null. */
static void print_number(const char *key, double x)
{
    if (isfinite(x))
        printf(", \"%s\": %.4f", key, x);
    else
        printf(", \"%s\": null", key);
}

static void print_circumstances(const struct bench *b)
{
    printf(", \"precision\": \"%s\", \"threads\": %u, \"isa\": \"%s\", \"start_ms\": %.1f, \"peak_mib\": %ld}\n",
           zoo_precision_name(zoo_model_precision(b->model)), b->threads, isa_name(), b->start_ms, b->peak_mib);
}

static void report_one(struct bench *b, size_t tokens)
{
    double ours = median(b->ours, b->ours_count), products = median(b->products, b->products_count);

    if (b->settings->json) {
        printf("{\"tokens\": %zu", tokens);
        print_number("median_ms", ours);
        print_number("min_ms", b->ours[0]);
        print_number("products_ms", products);
        print_number("products_min_ms", b->products_count ? b->products[0] : (double)NAN);
        printf(", \"runs\": %zu", b->ours_count);
        print_circumstances(b);
    } else {
        printf("%10zu %12.3f %12.3f %14.3f %10.2f\n", tokens, ours, b->ours[0], products, ours / products);
    }
    fflush(stdout);
}

static void report_batch(struct bench *b)
{
    size_t tokens = total(b);
    double ours = median(b->ours, b->ours_count), products = median(b->products, b->products_count);
    double rate = (double)tokens / ours * 1e3, limit = BATCH_ROWS / products * 1e3;

    if (b->settings->json) {
        printf("{\"batch\": %d, \"tokens\": %zu", BATCH, tokens);
        print_number("tokens_per_s", rate);
        print_number("products_tokens_per_s", limit);
        print_number("median_ms", ours);
        print_number("min_ms", b->ours[0]);
        printf(", \"runs\": %zu", b->ours_count);
        print_circumstances(b);
    } else {
        printf("%d sequences of %d to %d tokens: %.0f tokens/s, %.0f %% of the products' limit of %.0f tokens/s\n",
               BATCH, BATCH_LEAST, BATCH_MOST, rate, 100 * rate / limit, limit);
    }
    fflush(stdout);
}

static void print_head(const struct bench *b)
{
    if (b->settings->json)
        return;
    printf("%s, %u threads, %s; %.0f ms from opening to the first answer, at most %ld MiB\n\n",
           zoo_precision_name(zoo_model_precision(b->model)), b->threads, isa_name(), b->start_ms, b->peak_mib);
    if (!b->settings->batch)
        printf("%10s %12s %12s %14s %10s\n", "tokens", "median ms", "min ms", "products ms", "ratio");
}

/* ---- preparing ---- */

static int read_lengths(const struct settings *s, size_t *lengths, size_t *n, zoo_err *err)
{
    static const size_t usual[] = { 16, 64, 128, 512 };

    *n = s->tokens.count;
    if (*n > LENGTHS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "--tokens: at most %d lengths", LENGTHS_MAX);
    for (size_t i = 0; i < *n; i++) {
        char *end;
        unsigned long tokens = strtoul(s->tokens.items[i], &end, 10);
        if (*end || tokens < 1 || tokens > LENGTH_MAX)
            return zoo_fail(err, ZOO_EUSAGE, "--tokens: '%.40s' is not a number from 1 to %d", s->tokens.items[i],
                            LENGTH_MAX);
        lengths[i] = tokens;
    }
    if (!*n) {
        *n = sizeof usual / sizeof *usual;
        memcpy(lengths, usual, sizeof usual);
    }
    return ZOO_OK;
}

static int read_config(struct bench *b, const char *dir, zoo_err *err)
{
    char path[PATH_MAX];
    json_t *config;
    int rc = zoo_fs_join(path, sizeof path, dir, "config.json", err);

    if (rc)
        return rc;
    config = zoo_json_read(path, ZOO_CONFIG_MAX, err);
    rc = config ? zoo_transformer_config_parse(&b->config, config, path, err) : err->code;
    json_decref(config);
    return rc;
}

/* A layer's products: queries, keys and values in one; the attention's output; up; down. */
static void list_products(struct bench *b)
{
    const zoo_transformer_config *c = &b->config;
    size_t H = c->hidden_size, I = c->intermediate_size;
    const zoo_shape layer[] = { { 3 * H, H, c->layers }, { H, H, c->layers }, { I, H, c->layers },
                                { H, I, c->layers } };

    memcpy(b->shapes, layer, sizeof layer);
    b->shape_count = sizeof layer / sizeof *layer;
    if (c->embedding_size != H)
        b->shapes[b->shape_count++] = (zoo_shape){ H, c->embedding_size, 1 };
}

static int allocate(struct bench *b, const size_t *lengths, size_t n, zoo_err *err)
{
    size_t most = (size_t)BATCH * BATCH_MOST, H = zoo_model_hidden_size(b->model), K = zoo_model_label_count(b->model);

    for (size_t i = 0; i < n; i++)
        most = lengths[i] > most ? lengths[i] : most;
    b->ids = calloc(most, sizeof *b->ids);
    b->out = calloc(BATCH * (H > K ? H : K), sizeof *b->out);
    b->ours = calloc(SAMPLES_MAX, sizeof *b->ours);
    b->products = calloc(SAMPLES_MAX, sizeof *b->products);
    return b->ids && b->out && b->ours && b->products ? ZOO_OK : zoo_fail_nomem(err);
}

/* Opens and runs the first length once: what a user waits for. */
static int start(struct bench *b, const char *dir, const size_t *lengths, size_t n, zoo_err *err)
{
    zoo_options o = { .size = sizeof o, .threads = b->threads, .batch_tokens = BATCH_ROWS };
    uint64_t began = zoo_clock_ns();
    double ms;
    int rc;

    if (b->settings->precision && !zoo_precision_parse(b->settings->precision, &o.precision))
        return zoo_fail(err, ZOO_EUSAGE, "--precision: '%.40s' is none of auto, f32, bf16, int8",
                        b->settings->precision);
    if ((rc = zoo_model_open(&b->model, dir, &o, err)) || (rc = zoo_session_new(&b->session, b->model, &o, err)) ||
        (rc = allocate(b, lengths, n, err)))
        return rc;
    use_one(b, lengths[0]);
    rc = run_ours(b, &ms, err);
    b->start_ms = (double)(zoo_clock_ns() - began) * 1e-6;
    return rc;
}

/* ---- */

/* Lengths that were not asked for and that the model does not read are left out. Memory is looked at before the
 * products take theirs. */
static int bench_lengths(struct bench *b, const size_t *lengths, size_t n, zoo_err *err)
{
    int is_usual = !b->settings->tokens.count, rc = ZOO_OK;
    double ms;

    for (size_t i = 0; i < n && !rc; i++) {
        use_one(b, lengths[i]);
        rc = run_ours(b, &ms, err);
        if (rc == ZOO_EUSAGE && is_usual && i) {
            n = i;
            rc = ZOO_OK;
        }
    }
    b->peak_mib = peak_mib();
    if (!rc)
        print_head(b);
    for (size_t i = 0; i < n && !rc; i++) {
        use_one(b, lengths[i]);
        rc = measure(b, lengths[i], err);
        if (!rc)
            report_one(b, lengths[i]);
    }
    return rc;
}

static int bench_batch(struct bench *b, zoo_err *err)
{
    double ms;
    int rc;

    use_batch(b);
    rc = run_ours(b, &ms, err);
    b->peak_mib = peak_mib();
    if (!rc) {
        print_head(b);
        rc = measure(b, BATCH_ROWS, err);
    }
    if (!rc)
        report_batch(b);
    return rc;
}

/* ---- training ---- */

enum { TRAIN_QUERIES = 32, TRAIN_TOKENS = 96, TRAIN_STEPS_LEAST = 3, TRAIN_STEPS_MOST = 1000 };

static int read_train(const struct settings *s, const char *dir, unsigned threads, zoo_bench_train_settings *out,
                      zoo_err *err)
{
    size_t lengths[LENGTHS_MAX], n;
    int rc = read_lengths(s, lengths, &n, err);

    *out = (zoo_bench_train_settings){ .dir = dir, .precision = zoo_precision_auto(), .queries = TRAIN_QUERIES,
                                       .tokens = TRAIN_TOKENS, .threads = threads,
                                       .steps = s->seconds < 5 ? TRAIN_STEPS_LEAST + 1 : (size_t)s->seconds };
    if (rc)
        return rc;
    if (s->tokens.count > 1)
        return zoo_fail(err, ZOO_EUSAGE, "--tokens: one length with --train");
    if (s->tokens.count)
        out->tokens = lengths[0];
    if (s->batch && s->batch != OPTION_NO_NUMBER)
        out->queries = s->batch;
    if (out->steps > TRAIN_STEPS_MOST)
        out->steps = TRAIN_STEPS_MOST;
    if (s->precision && (!zoo_precision_parse(s->precision, &out->precision) || out->precision == ZOO_PRECISION_INT8))
        return zoo_fail(err, ZOO_EUSAGE,
                        "--precision: '%.40s' is none of auto, f32, bf16, which training multiplies in", s->precision);
    if (out->precision == ZOO_PRECISION_AUTO)
        out->precision = zoo_precision_auto();
    return ZOO_OK;
}

static void report_train(const zoo_bench_train_settings *s, const zoo_bench_train_result *r, int as_json)
{
    double tokens = (double)(s->queries * s->tokens), rate = tokens / r->min_ms * 1e3,
                    limit = tokens / r->products_ms * 1e3;

    if (!as_json) {
        printf("a step of %zu queries of %zu tokens, %s, %u threads: %.0f tokens/s (best step; median %.1f ms), %.0f "
               "%% of the products' limit of %.0f tokens/s; at most %ld MiB\n",
               s->queries, s->tokens, zoo_precision_name(s->precision), s->threads,
               rate, r->median_ms, 100 * rate / limit, limit, r->peak_mib);
        return;
    }
    printf("{\"train\": true, \"batch\": %zu, \"tokens\": %zu", s->queries, s->tokens);
    print_number("tokens_per_s", rate);
    print_number("products_tokens_per_s", limit);
    print_number("median_ms", r->median_ms);
    print_number("min_ms", r->min_ms);
    print_number("products_ms", r->products_ms);
    printf(", \"runs\": %zu, \"precision\": \"%s\", \"threads\": %u, \"isa\": \"%s\", \"start_ms\": %.1f, "
           "\"peak_mib\": %ld}\n", s->steps, zoo_precision_name(s->precision), s->threads, isa_name(), r->start_ms,
           r->peak_mib);
}

static int bench_train(const struct settings *s, const char *dir, unsigned threads, zoo_err *err)
{
    zoo_bench_train_settings settings;
    zoo_bench_train_result result;
    int rc = read_train(s, dir, threads, &settings, err);

    if (!rc)
        rc = zoo_bench_train(&settings, peak_mib, &result, err);
    if (!rc)
        report_train(&settings, &result, s->json);
    return rc;
}

static void release(struct bench *b)
{
    zoo_session_free(b->session);
    zoo_model_close(b->model);
    free(b->ids);
    free(b->out);
    free(b->ours);
    free(b->products);
}

static int run(const void *opaque, int argc, char **argv)
{
    struct bench b = { .settings = opaque };
    size_t lengths[LENGTHS_MAX], n;
    zoo_err err;
    int rc = read_lengths(b.settings, lengths, &n, &err);

    (void)argc;
    b.threads = b.settings->threads ? (unsigned)b.settings->threads : zoo_parallel_processors();
    zoo_rng_init(&b.rng, 0);
    if (b.settings->train) {
        rc = bench_train(b.settings, argv[0], b.threads, &err);
        return rc ? zoo_cli_fail(&zoo_command_model_bench, &err) : EXIT_DONE;
    }
    if (!rc && b.settings->batch && b.settings->batch != OPTION_NO_NUMBER)
        rc = zoo_fail(&err, ZOO_EUSAGE,
                      "--batch: takes a number with --train alone; without, its sequences are always the same %d",
                      BATCH);
    if (!rc)
        rc = read_config(&b, argv[0], &err);
    if (!rc) {
        list_products(&b);
        rc = start(&b, argv[0], lengths, n, &err);
    }
    if (!rc)
        rc = b.settings->batch ? bench_batch(&b, &err) : bench_lengths(&b, lengths, n, &err);
    release(&b);
    return rc ? zoo_cli_fail(&zoo_command_model_bench, &err) : EXIT_DONE;
}

static const struct settings defaults = { .seconds = 4 };

static const zoo_option options[] = {
    { "tokens", "N,...", OPTION_NAMES, offsetof(struct settings, tokens),
      "lengths of the one sequence of a run (default 16,64,128,512)", 0, 0 },
    { "batch", "N", OPTION_COUNT | OPTION_BARE, offsetof(struct settings, batch),
      "a batch of 256 sequences of 8 to 128 tokens instead, the same ones each time; with --train: queries of a step "
      "(default 32)", 1, 65536 },
    { "train", NULL, OPTION_FLAG, offsetof(struct settings, train),
      "time steps of training instead, of queries of --tokens tokens (default 96)", 0, 0 },
    { "precision", "P", OPTION_TEXT, offsetof(struct settings, precision), "auto (default), f32, bf16 or int8", 0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads), "threads (default: one per processor)", 1,
      1024 },
    { "seconds", "S", OPTION_NUMBER, offsetof(struct settings, seconds),
      "time spent on a length, and again on its products (default 4)", 0.01, 3600 },
    { "json", NULL, OPTION_FLAG, offsetof(struct settings, json), "one JSON object a line instead of a table", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_model_bench = {
    .name = "model bench", .args = "DIR", .summary = "how fast a checkpoint is on this machine",
    .details =
        "Times passes of random token ids, fresh ones each time, and beside them, in turn, the model's weight products "
        "alone (four a\n"
        "layer) on oneDNN as it comes: what no pass that multiplies all of it with that library can be faster than. No "
        "tokenizer\n"
        "is needed.\n"
        "\n"
        "With --json a line has tokens, median_ms, min_ms, products_ms (median; null where oneDNN has no such products "
        "on this\n"
        "processor or is not installed), products_min_ms, runs, precision, threads, isa (instructions that the kernels "
        "use;\n"
        "ONEDNN_MAX_CPU_ISA lowers it), start_ms (from opening the folder to the first answer) and peak_mib (of the "
        "process, before\n"
        "the products are made). With --batch: batch, tokens (sum), tokens_per_s, products_tokens_per_s (at 1,024 "
        "rows), median_ms, min_ms and the same\n"
        "circumstances; the lengths are drawn evenly with seed 1.\n"
        "\n"
        "With --train, whole steps of fine-tuning are timed: forward, backward, clipping, AdamW, with dropout as the "
        "config says, all\n"
        "layers and embeddings learning, in f32 or bf16 (auto: as above). tokens_per_s is that of the best step, "
        "products_tokens_per_s\n"
        "that of the forward, data-gradient and weight-gradient products alone.\n"
        "\n"
        "Other work on the machine shows in the medians first; compare numbers of the same run.",
    .examples = "  zooter model bench my-router\n"
                "  zooter model bench my-router --tokens 64,128 --precision bf16 --threads 2 --json\n"
                "  zooter model bench my-router --batch --precision int8\n"
                "  zooter model bench my-router --train --batch 32 --tokens 96 --json\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .least_args = 1,
    .most_args = 1, .run = run
};
