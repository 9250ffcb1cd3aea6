/* cmd_split.c - zooter split: queries divided among splits by shares. The work is in src/label/split.h. */
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "cli/stores.h"
#include "label/split.h"

enum { NAME_WIDTH = 40, LISTED = 200 };                  /* bytes of a tag in the table; tags */

struct settings {
    const char *store, *by;
    struct zoo_choice choice;                            /* split and where */
    zoo_list into;
    uint64_t seed;
    int dry_run;
};

/* One run of the command. */
struct work {
    const struct settings *s;
    zoo_store *store;
    zoo_split_part parts[ZOO_SPLIT_PARTS_MAX];
    char names[ZOO_SPLIT_PARTS_MAX][ZOO_STORE_SPLIT_MAX + 1];
    zoo_split_result result;
};

extern const zoo_command zoo_command_split;

/* ---- what was asked for ---- */

/* "train=0.7"; the name may have '=' too. */
static int read_part(struct work *w, size_t at, zoo_err *err)
{
    const char *text = w->s->into.items[at], *mark = strrchr(text, '=');
    size_t size = mark ? (size_t)(mark - text) : 0;
    char *end;
    double share;

    if (!mark || !size || !mark[1])
        return zoo_fail(err, ZOO_EUSAGE, "--into: '%.160s' should be a name and a share, as train=0.7", text);
    if (size > ZOO_STORE_SPLIT_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "--into: the name of a split has at most %d bytes, not %zu",
                        ZOO_STORE_SPLIT_MAX, size);
    share = strtod(mark + 1, &end);
    if (*end || !(share > 0 && share <= 1))
        return zoo_fail(err, ZOO_EUSAGE, "--into %.*s: a share should be above 0 and at most 1, as 0.7, not '%.40s'",
                        (int)size, text, mark + 1);
    memcpy(w->names[at], text, size);
    w->names[at][size] = '\0';
    w->parts[at] = (zoo_split_part){ w->names[at], share };
    return ZOO_OK;
}

static int read_parts(struct work *w, zoo_err *err)
{
    int rc = ZOO_OK;

    if (w->s->into.count > ZOO_SPLIT_PARTS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "--into: at most %d parts, not %zu", ZOO_SPLIT_PARTS_MAX, w->s->into.count);
    for (size_t i = 0; !rc && i < w->s->into.count; i++)
        rc = read_part(w, i, err);
    return rc;
}

/* ---- the record of the run ---- */

static json_t *describe(const struct work *w)
{
    const struct settings *s = w->s;
    json_t *into = json_object(), *all;

    for (size_t i = 0; i < s->into.count; i++)
        json_object_set_new(into, w->parts[i].name, json_real(w->parts[i].share));
    all = json_pack("{s:o, s:s?, s:I}", "into", into, "by", s->by, "seed", (json_int_t)s->seed);
    if (all && zoo_choice_describe(&s->choice, all)) {
        json_decref(all);
        all = NULL;
    }
    return all;
}

static json_t *summarise(const struct work *w)
{
    const zoo_split_result *r = &w->result;
    json_t *moved = json_object();

    for (size_t i = 0; i < w->s->into.count; i++)
        json_object_set_new(moved, w->parts[i].name, json_integer((json_int_t)r->moved[i]));
    return json_pack("{s:I, s:I, s:I, s:o}", "candidates", (json_int_t)r->candidates, "joined", (json_int_t)r->joined,
                     "torn", (json_int_t)r->torn, "moved", moved);
}

static int log_run(const struct work *w, zoo_err *err)
{
    json_t *asked = describe(w), *done = summarise(w);
    zoo_buf settings = ZOO_BUF_INIT(1 << 20), summary = ZOO_BUF_INIT(1 << 20);
    zoo_key run;
    int rc = !asked || !done || zoo_json_dump(&settings, asked) || zoo_json_dump(&summary, done) ? zoo_fail_nomem(err) :
             ZOO_OK;

    if (!rc)
        rc = zoo_store_begin_run(w->store, "split", settings.data, &run, err);
    if (!rc)
        rc = zoo_store_end_run(w->store, run, "done", summary.data, err);
    json_decref(asked);
    json_decref(done);
    zoo_buf_release(&settings);
    zoo_buf_release(&summary);
    return rc;
}

/* ---- the work ---- */

static int divide(struct work *w, zoo_err *err)
{
    const struct settings *s = w->s;
    const zoo_store_filter filter = zoo_choice_filter(&s->choice);
    zoo_progress progress;
    zoo_split_options o = { .parts = w->parts, .part_count = s->into.count, .from = filter.splits,
                            .where = filter.where, .by = s->by, .seed = s->seed, .dry_run = s->dry_run,
                            .progress = &progress };
    int rc = s->dry_run ? ZOO_OK : zoo_store_begin(w->store, err);

    zoo_progress_begin(&progress, stderr, "split", 0);
    if (!rc)
        rc = zoo_split(w->store, &o, &w->result, err);
    if (!rc)
        zoo_progress_end(&progress);
    if (!rc && !s->dry_run)
        rc = log_run(w, err);
    return rc || s->dry_run ? rc : zoo_store_commit(w->store, err);
}

static void print_numbers(const struct work *w, const uint64_t *queries)
{
    for (size_t i = 0; i < w->result.columns; i++) {
        size_t width = i < w->s->into.count ? strlen(w->parts[i].name) : strlen("(stays)");
        printf("  %*llu", (int)(width > 9 ? width : 9), (unsigned long long)queries[i]);
    }
    putchar('\n');
}

static void print_head(const struct work *w)
{
    printf("%-*.*s", NAME_WIDTH, NAME_WIDTH, w->s->by ? w->s->by : "");
    for (size_t i = 0; i < w->s->into.count; i++)
        printf("  %9s", w->parts[i].name);
    printf("  %9s\n", "(stays)");
}

static void print_groups(const struct work *w)
{
    const zoo_split_result *r = &w->result;
    size_t printed = 0;

    for (size_t g = 0; g < r->groups && w->s->by; g++) {
        uint64_t all = 0;
        for (size_t i = 0; i < r->columns; i++)
            all += r->queries[g * r->columns + i];
        if (!all || printed == LISTED)
            continue;
        printed++;
        printf("%-*.*s", NAME_WIDTH, NAME_WIDTH, r->names[g] ? r->names[g] : "(none)");
        print_numbers(w, r->queries + g * r->columns);
    }
    if (printed == LISTED && r->groups > LISTED)
        printf("further tags are only in the sum\n");
}

/* Sums the groups into the first. */
static void print_sum(const struct work *w)
{
    zoo_split_result r = w->result;

    for (size_t g = 1; g < r.groups; g++)
        for (size_t i = 0; i < r.columns; i++)
            r.queries[i] += r.queries[g * r.columns + i];
    printf("%-*s", NAME_WIDTH, "queries");
    print_numbers(w, r.queries);
    printf("%-*s", NAME_WIDTH, w->s->dry_run ? "  that would be new" : "  new");
    for (size_t i = 0; i < w->s->into.count; i++)
        printf("  %*llu", (int)(strlen(w->parts[i].name) > 9 ? strlen(w->parts[i].name) : 9),
               (unsigned long long)r.moved[i]);
    putchar('\n');
}

static void print_result(const struct work *w)
{
    const zoo_split_result *r = &w->result;

    print_head(w);
    print_groups(w);
    print_sum(w);
    if (r->joined)
        zoo_cli_say(&zoo_command_split, "%llu queries follow one of the same text that was in a part already",
                    (unsigned long long)r->joined);
    if (r->torn)
        zoo_cli_say(&zoo_command_split,
                    "%llu texts stood in several of the parts before, and still do: nothing leaves a part",
                    (unsigned long long)r->torn);
}

static int run(const void *opaque, int argc, char **argv)
{
    struct work w = { .s = opaque };
    zoo_err err;
    int rc = read_parts(&w, &err);

    (void)argc, (void)argv;
    if (!rc)
        rc = zoo_cli_store_open(&w.store, w.s->store, w.s->dry_run ? ZOO_STORE_READ : ZOO_STORE_WRITE, &err);
    if (!rc)
        rc = divide(&w, &err);
    if (!rc)
        print_result(&w);
    zoo_split_release(&w.result);
    zoo_store_close(w.store);
    return rc ? zoo_cli_fail(&zoo_command_split, &err) : EXIT_DONE;
}

static const struct settings defaults = { .seed = 1 };

static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct settings, store, "the store"),
    { "into", "NAME=SHARE,...", OPTION_NAMES | OPTION_REQUIRED, offsetof(struct settings, into),
      "the parts: splits with their shares, which add up to 1 at most", 0, 0 },
    { "split", "NAME,...", OPTION_NAMES, offsetof(struct settings, choice.split),
      "divide these splits (default: the queries in no split)", 0, 0 },
    ZOO_OPTION_WHERE(struct settings, choice),
    { "by", "KIND", OPTION_TEXT, offsetof(struct settings, by),
      "give each part its share of every tag of this kind, as subset (default: over all)", 0, 0 },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "seed of the division (default 1)", 0, 0 },
    { "dry-run", NULL, OPTION_FLAG, offsetof(struct settings, dry_run), "only say what would be in the parts", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_split = {
    .name = "split", .args = "", .summary = "divide queries among train, test and other splits, by shares",
    .details =
        "Puts each query that is in no split (or in those of --split) into one of the parts of --into, and keeps texts "
        "together: no\n"
        "text stands in two parts. Texts are equal where their words are: case, punctuation and spacing do not count, "
        "as in\n"
        "'zooter select'. Shares are of texts; what they leave over stays where it is.\n"
        "\n"
        "Without --by, seed and text alone say where a query goes: the parts are about as large as their shares, and "
        "rows that are\n"
        "imported later are divided likewise, without moving what is there. With --by KIND the shares hold within each "
        "tag of that\n"
        "kind (a query counts by its first one; those without are a group too), exactly: each part is given what it "
        "lacks of its\n"
        "share of all, what is in it already included. Broken shares are rounded up or down by chance.\n"
        "\n"
        "What is in a part already stays there, and a query whose text is that of one in a part joins it. So the same "
        "command again\n"
        "changes nothing. To take a part out of a split, name the split and that part alone: what is left stays. Do so "
        "under another\n"
        "--seed than the one that made the split: the same one would order the texts alike.\n"
        "\n"
        "Everything happens, or nothing does. 'zooter select' chooses training queries otherwise: N for each tag, and "
        "none that a\n"
        "benchmark holds; 'zooter import --split' puts a whole file into a split.",
    .examples = "  zooter split --store my.db --into train=0.7,test=0.3\n"
                "  zooter split --store my.db --into train=0.8,valid=0.1,test=0.1 --by subset --dry-run\n"
                "  zooter split --store my.db --split train --into valid=0.1 --seed 2\n"
                "  zooter split --store my.db --split pool --where dataset=mmlu --into train=0.5,test=0.5\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .run = run
};
