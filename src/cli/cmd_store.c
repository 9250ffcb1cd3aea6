/* cmd_store.c - zooter store ACTION: what is in a store, copies of it, deletion from it. */
#include <math.h>
#include <string.h>
#include "base/buf.h"
#include "base/lines.h"
#include "cli/stores.h"

struct settings { const char *store, *from, *to, *split, *reward_model, *expert, *ids; int yes, force, json; };

extern const zoo_command zoo_command_store;

/* ---- info ---- */

struct listing { zoo_store_item *items; size_t count; };

struct info {
    zoo_store_totals totals;
    struct listing splits, kinds, experts, rewards;
    zoo_arena arena;
};

static int gather(zoo_store *store, struct info *info, zoo_err *err)
{
    struct listing *const lists[] = { [ZOO_LIST_SPLITS] = &info->splits, [ZOO_LIST_KINDS] = &info->kinds,
                                      [ZOO_LIST_EXPERTS] = &info->experts, [ZOO_LIST_REWARDS] = &info->rewards };
    int rc = zoo_store_count(store, &info->totals, err);

    for (int i = ZOO_LIST_SPLITS; !rc && i <= ZOO_LIST_REWARDS; i++)
        rc = zoo_store_list(store, (enum zoo_store_list)i, &lists[i]->items, &lists[i]->count, &info->arena, err);
    return rc;
}

static void print_list(const char *title, const char *unit, const struct listing *list)
{
    if (list->count)
        printf("\n%-52s %10s\n", title, unit);
    for (size_t i = 0; i < list->count; i++)
        printf("  %-50s %10llu\n", list->items[i].name ? list->items[i].name : "(none)",
               (unsigned long long)list->items[i].count);
}

/* "0.1234"; what is far from that, and what is no number, in as few characters. */
static void print_mean(double mean)
{
    int is_plain = fabs(mean) < 1e6 && (fabs(mean) >= 1e-3 || mean == 0);

    printf(is_plain ? " %10.4f\n" : " %10.4g\n", mean);
}

static void print_totals(const zoo_store_totals *t)
{
    printf("%llu queries, %llu experts, %llu responses, %llu reward models, %llu rewards, %llu runs",
           (unsigned long long)t->queries, (unsigned long long)t->experts, (unsigned long long)t->responses,
           (unsigned long long)t->reward_models, (unsigned long long)t->rewards, (unsigned long long)t->runs);
    if (t->failures)
        printf(", %llu failures", (unsigned long long)t->failures);
    if (t->judgements)
        printf(", %llu judgements", (unsigned long long)t->judgements);
    putchar('\n');
}

static void print_text(const struct info *info)
{
    print_totals(&info->totals);
    print_list("split", "queries", &info->splits);
    print_list("kind of tag", "queries", &info->kinds);
    print_list("expert", "responses", &info->experts);
    for (size_t i = 0; i < info->rewards.count; i++) {
        const zoo_store_item *item = &info->rewards.items[i];
        if (!i || strcmp(item->name, item[-1].name))
            printf("\nreward model %-39s %10s %10s\n", item->name, "rewards", "mean");
        printf("  %-50s %10llu", item->expert, (unsigned long long)item->count);
        print_mean(item->mean);
    }
}

/* The mean of numbers near the largest may be more than a number holds. */
static int add_mean(zoo_buf *b, double mean)
{
    return isfinite(mean) ? zoo_buf_add_number(b, mean) : zoo_buf_add_str(b, "null");
}

static int add_json_list(zoo_buf *b, const char *key, const char *unit, const struct listing *list)
{
    int rc = zoo_buf_addf(b, ", \"%s\": [", key);

    for (size_t i = 0; !rc && i < list->count; i++) {
        const zoo_store_item *item = &list->items[i];
        rc = zoo_buf_add_str(b, i ? ", {\"name\": " : "{\"name\": ");
        if (!rc)
            rc = item->name ? zoo_buf_add_json_str(b, item->name, strlen(item->name)) : zoo_buf_add_str(b, "null");
        if (!rc && item->expert)
            rc = zoo_buf_addf(b, ", \"expert\": \"%s\", \"mean\": ", item->expert) || add_mean(b, item->mean) ?
                 ZOO_ENOMEM : 0;
        if (!rc)
            rc = zoo_buf_addf(b, ", \"%s\": %llu}", unit, (unsigned long long)item->count);
    }
    return rc ? rc : zoo_buf_add_str(b, "]");
}

static int print_json(const struct info *info, zoo_err *err)
{
    const zoo_store_totals *t = &info->totals;
    zoo_buf b = ZOO_BUF_INIT(1 << 30);
    int failed = zoo_buf_addf(&b, "{\"queries\": %llu, \"responses\": %llu, \"rewards\": %llu, \"runs\": %llu, "
                                  "\"failures\": %llu, \"judgements\": %llu",
                              (unsigned long long)t->queries, (unsigned long long)t->responses,
                              (unsigned long long)t->rewards, (unsigned long long)t->runs,
                              (unsigned long long)t->failures, (unsigned long long)t->judgements) ||
                                  add_json_list(&b, "splits", "queries", &info->splits) ||
                                      add_json_list(&b, "tag_kinds", "queries", &info->kinds) ||
                                          add_json_list(&b, "experts", "responses", &info->experts) ||
                                              add_json_list(&b, "reward_models", "rewards", &info->rewards) ||
                                                  zoo_buf_add_str(&b, "}");

    if (!failed)
        puts(b.data);
    zoo_buf_release(&b);
    return failed ? zoo_fail_nomem(err) : ZOO_OK;
}

static int do_info(const struct settings *s, const char *file, zoo_err *err)
{
    struct info info = { 0 };
    zoo_store *store;
    int rc = zoo_cli_store_open(&store, s->store, ZOO_STORE_READ, err);

    (void)file;
    if (!rc)
        rc = gather(store, &info, err);
    if (!rc && s->json)
        rc = print_json(&info, err);
    else if (!rc)
        print_text(&info);
    zoo_arena_release(&info.arena);
    zoo_store_close(store);
    return rc;
}

/* ---- backup, copy, upgrade ---- */

static int do_backup(const struct settings *s, const char *file, zoo_err *err)
{
    zoo_progress progress;
    zoo_store *store;
    int rc = zoo_cli_store_open(&store, s->store, ZOO_STORE_READ, err);

    if (!rc) {
        zoo_progress_begin(&progress, stderr, "backup (pages)", 0);
        rc = zoo_store_backup(store, file, s->force, &progress, err);
        if (!rc)
            zoo_progress_end(&progress);
    }
    zoo_store_close(store);
    return rc;
}

/* The target is made only after the source is open: a mistyped name leaves nothing behind. */
static int do_copy(const struct settings *s, const char *file, zoo_err *err)
{
    zoo_progress progress;
    zoo_store *from, *to = NULL;
    int rc = zoo_cli_store_open(&from, s->from, ZOO_STORE_READ, err);

    (void)file;
    if (!rc)
        rc = zoo_cli_store_open(&to, s->to, ZOO_STORE_CREATE, err);
    if (!rc) {
        zoo_progress_begin(&progress, stderr, "copy (rows)", 0);
        rc = zoo_store_copy(from, to, &progress, err);
    }
    if (!rc) {
        zoo_progress_end(&progress);
        zoo_cli_say(&zoo_command_store, "copied %llu rows of %s into %s", (unsigned long long)progress.done,
                    zoo_store_name(from), zoo_store_name(to));
    }
    zoo_store_close(to);
    zoo_store_close(from);
    return rc;
}

static int do_upgrade(const struct settings *s, const char *file, zoo_err *err)
{
    zoo_store *store;
    int rc = zoo_cli_store_open(&store, s->store, ZOO_STORE_WRITE, err);

    (void)file;
    if (!rc)
        zoo_cli_say(&zoo_command_store, "%s is up to date", zoo_store_name(store));
    zoo_store_close(store);
    return rc;
}

/* ---- delete ---- */

/* Every line of the file is an id; ids that are not stored are counted. */
static int delete_ids(zoo_store *store, const char *path, uint64_t *unknown, zoo_err *err)
{
    zoo_lines in;
    char *line;
    size_t size;
    int rc = zoo_lines_open(&in, path, ZOO_STORE_ID_MAX, err);

    if (rc)
        return rc;
    while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1) {
        if (!size)
            continue;
        rc = zoo_store_delete(store, ZOO_THING_QUERY, line, err);
        *unknown += rc == ZOO_EUSAGE;
        if (rc && rc != ZOO_EUSAGE)
            break;
    }
    zoo_lines_close(&in);
    return rc;
}

static int delete_chosen(zoo_store *store, const struct settings *s, uint64_t *unknown, zoo_err *err)
{
    if (s->ids)
        return delete_ids(store, s->ids, unknown, err);
    if (s->split)
        return zoo_store_delete(store, ZOO_THING_SPLIT, s->split, err);
    if (s->reward_model)
        return zoo_store_delete(store, ZOO_THING_REWARD_MODEL, s->reward_model, err);
    return zoo_store_delete(store, ZOO_THING_EXPERT, s->expert, err);
}

static void say_deleted(const struct settings *s, const zoo_store_totals *a, const zoo_store_totals *b,
                        uint64_t unknown)
{
    char judgements[40] = "";

    if (a->judgements > b->judgements)
        snprintf(judgements, sizeof judgements, ", %llu judgements",
                 (unsigned long long)(a->judgements - b->judgements));
    zoo_cli_say(&zoo_command_store, "%s %llu queries, %llu responses, %llu rewards%s%s",
                s->yes ? "deleted" : "would delete", (unsigned long long)(a->queries - b->queries),
                (unsigned long long)(a->responses - b->responses), (unsigned long long)(a->rewards - b->rewards),
                judgements, s->yes ? "" : "; with --yes it does");
    if (unknown)
        zoo_cli_say(&zoo_command_store, "%llu ids are not in the store", (unsigned long long)unknown);
}

/* Without --yes everything is done, counted and undone. */
static int do_delete(const struct settings *s, const char *file, zoo_err *err)
{
    zoo_store_totals before, after;
    uint64_t unknown = 0;
    zoo_store *store;
    int rc = zoo_cli_store_open(&store, s->store, ZOO_STORE_WRITE, err);

    (void)file;
    if (!rc)
        rc = zoo_store_begin(store, err);
    if (!rc)
        rc = zoo_store_count(store, &before, err);
    if (!rc)
        rc = delete_chosen(store, s, &unknown, err);
    if (!rc)
        rc = zoo_store_count(store, &after, err);
    if (!rc && s->yes)
        rc = zoo_store_commit(store, err);
    zoo_store_close(store);
    if (!rc)
        say_deleted(s, &before, &after, unknown);
    if (!rc && !s->yes)
        return zoo_fail(err, ZOO_EUSAGE, "nothing was deleted: --yes is missing");
    return rc;
}

/* ---- */

/* Which options an action takes. */
enum { TAKES_STORE = 1, TAKES_WHAT = 2, TAKES_YES = 4, TAKES_FORCE = 8, TAKES_JSON = 16, TAKES_ENDS = 32 };

static const struct action {
    const char *name;
    unsigned takes;
    int files;
    int (*run)(const struct settings *s, const char *file, zoo_err *err);
} actions[] = {
    { "info", TAKES_STORE | TAKES_JSON, 0, do_info },
    { "backup", TAKES_STORE | TAKES_FORCE, 1, do_backup },
    { "copy", TAKES_ENDS, 0, do_copy },
    { "delete", TAKES_STORE | TAKES_WHAT | TAKES_YES, 0, do_delete },
    { "upgrade", TAKES_STORE, 0, do_upgrade },
};

/* The first option that is given and that the action does not take; NULL: there is none. */
static const char *find_odd(const struct action *a, const struct settings *s)
{
    const struct { const char *name; int is_given; unsigned takes; } given[] = {
        { "store", s->store != NULL, TAKES_STORE }, { "from", s->from != NULL, TAKES_ENDS },
            { "to", s->to != NULL, TAKES_ENDS },
        { "json", s->json, TAKES_JSON }, { "force", s->force, TAKES_FORCE }, { "split", s->split != NULL, TAKES_WHAT },
        { "ids", s->ids != NULL, TAKES_WHAT }, { "reward-model", s->reward_model != NULL, TAKES_WHAT },
        { "expert", s->expert != NULL, TAKES_WHAT }, { "yes", s->yes, TAKES_YES }
    };

    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i].is_given && !(a->takes & given[i].takes))
            return given[i].name;
    return NULL;
}

static int check(const struct action *a, const struct settings *s, int argc)
{
    int whats = !!s->split + !!s->reward_model + !!s->expert + !!s->ids;
    const char *odd = find_odd(a, s);

    if (argc - 1 != a->files)
        return zoo_cli_wrong_use(&zoo_command_store, a->files ? "%s needs one FILE" : "%s takes no FILE", a->name);
    if (odd)
        return zoo_cli_wrong_use(&zoo_command_store, "%s does not take --%s%s", a->name, odd,
                                 a->takes & TAKES_ENDS ? ", but --from and --to" : "");
    if (a->takes & TAKES_STORE && !s->store)
        return zoo_cli_wrong_use(&zoo_command_store, "%s needs --store STORE", a->name);
    if (a->takes & TAKES_ENDS && (!s->from || !s->to))
        return zoo_cli_wrong_use(&zoo_command_store, "%s needs --from STORE and --to STORE", a->name);
    if (a->takes & TAKES_WHAT && whats != 1)
        return zoo_cli_wrong_use(&zoo_command_store, "%s needs one of --split, --reward-model, --expert, --ids",
                                 a->name);
    return EXIT_DONE;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    const size_t n = sizeof actions / sizeof *actions;
    size_t i = 0;
    zoo_err err;
    int status;

    while (i < n && strcmp(actions[i].name, argv[0]))
        i++;
    if (i == n)
        return zoo_cli_wrong_use(&zoo_command_store, "no action '%s'; there are info, backup, copy, delete, upgrade",
                                 argv[0]);
    status = check(&actions[i], s, argc);
    if (status)
        return status;
    return actions[i].run(s, argv[1], &err) ? zoo_cli_fail(&zoo_command_store, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    { "store", "STORE", OPTION_TEXT, offsetof(struct settings, store), "the store, of every action but copy", 0, 0 },
    { "from", "STORE", OPTION_TEXT, offsetof(struct settings, from), "copy: the store that is read", 0, 0 },
    { "to", "STORE", OPTION_TEXT, offsetof(struct settings, to),
      "copy: the store that is written; made where it is missing", 0, 0 },
    { "json", NULL, OPTION_FLAG, offsetof(struct settings, json), "info: one JSON object instead of tables", 0, 0 },
    { "force", NULL, OPTION_FLAG, offsetof(struct settings, force), "backup: replace FILE where it exists", 0, 0 },
    { "split", "NAME", OPTION_TEXT, offsetof(struct settings, split), "delete: the queries of this split", 0, 0 },
    { "ids", "FILE", OPTION_TEXT, offsetof(struct settings, ids),
      "delete: the queries whose ids are the lines of FILE ('-': stdin)", 0, 0 },
    { "reward-model", "NAME", OPTION_TEXT, offsetof(struct settings, reward_model),
      "delete: this reward model, its rewards and judgements", 0, 0 },
    { "expert", "NAME", OPTION_TEXT, offsetof(struct settings, expert),
      "delete: this expert, its answers, rewards and judgements", 0, 0 },
    { "yes", NULL, OPTION_FLAG, offsetof(struct settings, yes),
      "delete: really; without it, only says what would be deleted", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_store = {
    .name = "store", .args = "ACTION [FILE]", .summary = "show, copy, or delete from a store",
    .details =
        "Actions:\n"
        "  info         what is in the store: queries by split and kind of tag, responses, rewards with their means, "
        "how many asks\n"
        "               failed and how many judgements there are\n"
        "  backup FILE  copies a store in a file to FILE, also while other commands write to it; FILE appears when it "
        "is complete\n"
        "  copy         copies every row of --from, as it is at one moment, into --to, which is made; one that has "
        "rows is refused.\n"
        "               Either may be a file or postgresql://[USER@]HOST/NAME, so this is how a store changes its back "
        "end\n"
        "  delete       deletes queries (with all that hangs on them), a reward model or an expert; all or nothing.\n"
        "               There is no way back but a backup. Space is reused, the file does not shrink\n"
        "  upgrade      brings a store that an older version made up to date; commands that write do so by themselves. "
        "The older\n"
        "               version cannot open it then\n"
        "\n"
        "A store in a file is SQLite's. While commands use it, files ending in -wal and -shm stand beside it: they "
        "belong to it.\n"
        "Copy it with backup, not with cp, unless nothing uses it. backup copies pages and is fastest; copy goes row "
        "by row.",
    .examples = "  zooter store info --store my.db\n"
                "  zooter store backup --store my.db my-backup.db\n"
                "  zooter store copy --from my.db --to postgresql://db.example/routing\n"
                "  zooter store delete --store my.db --split old --yes\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 2, .run = run
};
