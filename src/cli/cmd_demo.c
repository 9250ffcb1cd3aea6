/* cmd_demo.c - zooter demo: the other commands in order on one store, each shown as it is run. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/fs.h"
#include "cli/children.h"
#include "cli/command.h"
#include "cli/demo.h"
#include "eval/graders.h"

enum { MAX_WORDS = 24, SERVER_SECONDS = 30 };

struct settings {
    const char *dir;
    int keep, without_programs;
    uint64_t seed;
};

static const struct settings defaults = { .seed = 1 };

extern const zoo_command zoo_command_demo;

enum action { RUN, START_SIM, START_GATEWAY, SHUFFLE, ASK };

/* The demo is this table. In a command, {seed}, {sim-port} and {gateway-port} stand for this run's, and
 * {without-programs} for that option or nothing. A title begins a part; .out and .log take stdout and stderr,
 * which are shown otherwise. */
static const struct step {
    const char *title;
    enum action action;
    const char *command;          /* parted by blanks, without "zooter" */
    const char *out, *log;        /* files in the demo's folder; a server has a log */
} steps[] = {
    { .title = "A sample: queries of many kinds in five languages, and the settings of simulated experts",
      .command =
      "sim --write-sample . --seed {seed} --port {sim-port} --gateway-port {gateway-port} {without-programs}" },
    { .command = "import --store demo.db queries.jsonl" },

    { .title = "Every expert answers every query; the experts are simulated and see only the chat request",
      .action = START_SIM, .command = "sim --config sim.yaml --port {sim-port}", .log = "sim.log" },
    { .command = "collect --store demo.db --config experts.yaml", .out = "collected.jsonl" },

    { .title = "Rewards: each answer is graded exactly; programs run in a sandbox, or not at all",
      .command = "reward --store demo.db --name exact" },

    { .title = "Training queries: none that shares six words in a row with the benchmark, then 40 of each kind",
      .command = "select --store demo.db --split pool --benchmark benchmark.jsonl --tags kind --per-tag 40 --seed "
                 "{seed} --into train" },

    { .title = "The router learns from the rewards which expert to ask",
      .command = "train --store demo.db --split train --encoder ngram --seed {seed} --out router" },

    { .title = "What it is worth on held-out queries: none has the sentence frame of a training query",
      .command = "eval --store demo.db --split test --router router --json eval.json" },

    { .title = "The same with nothing to learn: each training query gets the rewards of another",
      .command = "export --store demo.db --what rewards --split train", .out = "rewards.jsonl" },
    { .action = SHUFFLE },
    { .command = "import --store demo.db --reward-model shuffled shuffled.jsonl" },
    { .command = "train --store demo.db --split train --reward-model shuffled --encoder ngram --seed {seed} --out "
                 "router-shuffled" },
    { .command = "eval --store demo.db --split test --reward-model exact --router router-shuffled --json "
                 "eval-shuffled.json", .out = "eval-shuffled.txt" },

    { .title = "The gateway: any OpenAI client asks model 'zooter'; the expert that is chosen answers",
      .action = START_GATEWAY, .command = "serve --config experts.yaml", .log = "gateway.log" },
    { .action = ASK }
};

struct demo {
    const struct settings *settings;
    char dir[PATH_MAX];
    char seed[24], sim_port_text[12], gateway_port_text[12];
    unsigned sim_port, gateway_port, parts;
    int with_programs, has_folder;
    zoo_child sim, gateway;
    uint64_t began_ns;
};

/* ---- running the steps ---- */

struct words { char text[512]; const char *argv[MAX_WORDS]; };

/* What a word of a command stands for; NULL: nothing. */
static const char *meaning(const struct demo *d, const char *word)
{
    if (!strcmp(word, "{seed}"))
        return d->seed;
    if (!strcmp(word, "{sim-port}"))
        return d->sim_port_text;
    if (!strcmp(word, "{gateway-port}"))
        return d->gateway_port_text;
    if (!strcmp(word, "{without-programs}"))
        return d->with_programs ? NULL : "--without-programs";
    return word;
}

static void parse_command(const struct demo *d, const char *command, struct words *words)
{
    size_t n = 0;
    char *p = words->text;

    snprintf(words->text, sizeof words->text, "%s", command);
    words->argv[n++] = "zooter";
    while (*p && n < MAX_WORDS - 1) {
        char *end = p + strcspn(p, " ");
        int is_last = !*end;
        *end = '\0';
        words->argv[n] = meaning(d, p);
        n += words->argv[n] != NULL;
        p = is_last ? end : end + 1;
    }
    words->argv[n] = NULL;
}

static int start_server(struct demo *d, zoo_child *child, const char *const *argv, const char *log, unsigned port,
                        zoo_err *err)
{
    int rc = zoo_child_start(child, d->dir, argv, NULL, log, err);

    if (!rc)
        rc = zoo_child_wait_port(child, port, SERVER_SECONDS, err);
    return rc == ZOO_EIO ? zoo_fail_within(err, "%s/%s says why", d->dir, log) : rc;
}

static int path_in(const struct demo *d, char path[PATH_MAX], const char *name, zoo_err *err)
{
    return zoo_fs_join(path, PATH_MAX, d->dir, name, err);
}

static int shuffle(const struct demo *d, zoo_err *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    int rc;

    fputs("(the demo deals the rewards of rewards.jsonl out to other ids at random: shuffled.jsonl)\n", stderr);
    if ((rc = path_in(d, from, "rewards.jsonl", err)) || (rc = path_in(d, to, "shuffled.jsonl", err)))
        return rc;
    return zoo_demo_shuffle(from, to, d->settings->seed, err);
}

static int ask(const struct demo *d, zoo_err *err)
{
    char rows[PATH_MAX];
    int rc = path_in(d, rows, "queries.jsonl", err);

    return rc ? rc : zoo_demo_ask(stderr, rows, d->gateway_port, d->with_programs, err);
}

static int run_step(struct demo *d, const struct step *step, zoo_err *err)
{
    struct words words = { "", { NULL } };

    if (step->title)
        fprintf(stderr, "\n# %u. %s\n", ++d->parts, step->title);
    if (step->command) {
        parse_command(d, step->command, &words);
        zoo_child_show(stderr, words.argv, step->out, step->log);
    }
    switch (step->action) {
    case RUN: return zoo_child_run(d->dir, words.argv, step->out, err);
    case START_SIM: return start_server(d, &d->sim, words.argv, step->log, d->sim_port, err);
    case START_GATEWAY: return start_server(d, &d->gateway, words.argv, step->log, d->gateway_port, err);
    case SHUFFLE: return shuffle(d, err);
    case ASK: return ask(d, err);
    }
    return ZOO_OK;
}

static int show_table(const struct demo *d, int *as_claimed, zoo_err *err)
{
    char eval[PATH_MAX], shuffled[PATH_MAX], collected[PATH_MAX];
    int rc;

    if ((rc = path_in(d, eval, "eval.json", err)) || (rc = path_in(d, shuffled, "eval-shuffled.json", err)) ||
        (rc = path_in(d, collected, "collected.jsonl", err)))
        return rc;
    fputc('\n', stderr);
    rc = zoo_demo_table(stdout, &(zoo_demo_figures){ eval, shuffled, collected }, as_claimed, err);
    fflush(stdout);
    return rc;
}

/* ---- the folder ---- */

static int is_empty_folder(const char *dir)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    int empty = folder != NULL;

    while (folder && empty && (entry = readdir(folder)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    if (folder)
        closedir(folder);
    return empty;
}

static int make_folder(struct demo *d, zoo_err *err)
{
    const char *dir = d->settings->dir, *tmp = getenv("TMPDIR");
    int n = dir ? snprintf(d->dir, sizeof d->dir, "%s", dir)
                : snprintf(d->dir, sizeof d->dir, "%s/zooter-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");

    if (n < 0 || (size_t)n >= sizeof d->dir)
        return zoo_fail(err, ZOO_EUSAGE, "the folder's name is too long");
    if (!dir)
        return mkdtemp(d->dir) ? ZOO_OK : zoo_fail_errno(err, errno, "cannot make a folder %s", d->dir);
    if (mkdir(dir, 0777) && errno != EEXIST)
        return zoo_fail_errno(err, errno, "cannot make the folder %s", dir);
    if (!is_empty_folder(dir))
        return zoo_fail(err, ZOO_EUSAGE, "%s is not an empty folder; give another --dir", dir);
    return ZOO_OK;
}

/* ---- all of it ---- */

static int prepare(struct demo *d, zoo_err *err)
{
    zoo_err why = { ZOO_OK, "as asked" };
    int rc;

    d->with_programs = !d->settings->without_programs && !zoo_grader_probe_program(&why);
    if ((rc = zoo_child_free_port(&d->sim_port, err)) || (rc = zoo_child_free_port(&d->gateway_port, err)) ||
        (rc = make_folder(d, err)))
        return rc;
    d->has_folder = 1;
    snprintf(d->seed, sizeof d->seed, "%llu", (unsigned long long)d->settings->seed);
    snprintf(d->sim_port_text, sizeof d->sim_port_text, "%u", d->sim_port);
    snprintf(d->gateway_port_text, sizeof d->gateway_port_text, "%u", d->gateway_port);
    fprintf(stderr, "The whole loop with simulated experts. These are the program's own commands, run in %s\n", d->dir);
    if (!d->with_programs)
        fprintf(stderr, "Tasks that are graded by running code are left out: %s\n", why.message);
    return ZOO_OK;
}

/* Afterwards the folder is gone unless it is wanted, or shows what went wrong. */
static void tidy(struct demo *d, int rc, int is_interrupted)
{
    int keep = d->settings->keep || d->settings->dir || (rc && !is_interrupted);

    zoo_child_stop(&d->gateway);
    zoo_child_stop(&d->sim);
    if (!d->has_folder)
        return;
    if (keep)
        fprintf(stderr, "Everything is in %s\n", d->dir);
    else if (!zoo_fs_remove_tree(d->dir, NULL))
        fprintf(stderr, "%s is removed; --keep keeps it\n", d->dir);
}

static int run_steps(struct demo *d, int *as_claimed, zoo_err *err)
{
    int rc = prepare(d, err);

    for (size_t i = 0; i < sizeof steps / sizeof *steps && !rc; i++)
        rc = run_step(d, &steps[i], err);
    return rc ? rc : show_table(d, as_claimed, err);
}

static int run(const void *opaque, int argc, char **argv)
{
    struct demo d = { .settings = opaque, .began_ns = zoo_clock_ns() };
    int rc, as_claimed = 0;
    sigset_t before;
    char took[40];
    zoo_err err;

    (void)argc;
    (void)argv;
    zoo_children_begin(&before);
    rc = run_steps(&d, &as_claimed, &err);
    tidy(&d, rc, rc == ZOO_ECANCELED);
    zoo_children_end(&before);
    if (rc)
        return zoo_cli_fail(&zoo_command_demo, &err);
    zoo_clock_human(took, sizeof took, (double)(zoo_clock_ns() - d.began_ns) / 1e9);
    zoo_cli_say(&zoo_command_demo, "took %s", took);
    if (as_claimed)
        return EXIT_DONE;
    zoo_cli_say(&zoo_command_demo, "the figures do not show what the demo is for: see the table");
    return EXIT_FAILED;
}

static const zoo_option options[] = {
    { "dir", "DIR", OPTION_TEXT, offsetof(struct settings, dir), "work in this new or empty folder, and keep it", 0,
      0 },
    { "keep", NULL, OPTION_FLAG, offsetof(struct settings, keep), "keep the temporary folder", 0, 0 },
    { "without-programs", NULL, OPTION_FLAG, offsetof(struct settings, without_programs),
      "leave out the tasks that are graded by running code, also where a sandbox works", 0, 0 },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed),
      "seed of sample, experts, selection and training (default 1)", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_demo = {
    .name = "demo", .args = "", .summary = "run the whole loop on a sample with simulated experts",
    .details =
        "Runs the other commands in order on one store and shows each command line: writes a sample (zooter sim\n"
        "--write-sample), imports it, lets six simulated experts answer every query, grades the answers, selects "
        "training\n"
        "queries, trains a router, evaluates it on held-out queries, does the same with shuffled rewards, serves the "
        "router\n"
        "and asks it a few questions over HTTP. It takes less than a minute, needs no network and listens on 127.0.0.1 "
        "only.\n"
        "\n"
        "The last table, on stdout, compares the router with a random expert, the best single expert, a router trained "
        "on\n"
        "shuffled rewards, and the oracle that asks every expert. Exit status 1 where the router does not beat the "
        "best single\n"
        "expert by more than chance, or the one trained on shuffled rewards does.\n"
        "\n"
        "Programs that simulated experts write run in a sandbox only; where none works that kind of task is left out, "
        "and the\n"
        "demo says why. The folder is a temporary one, removed at the end unless --keep or --dir is given or a step "
        "fails.",
    .examples = "  zooter demo\n  zooter demo --dir tour && cd tour && zooter route --router router 'What is 12% of "
                "50?'\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof defaults, .run = run
};
