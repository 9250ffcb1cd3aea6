/* cmd_store.c - zooter store ACTION: what is in a store, copies of it, deletion from it. */
#include <string.h>
#include "base/buf.h"
#include "base/lines.h"
#include "cli/command.h"
#include "store/store.h"

struct settings { const char *store, *split, *reward_model, *expert, *ids; int yes, force, json; };

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
        printf("  %-50s %10llu\n", list->items[i].name ? list->items[i].name : "(none)", (unsigned long long)list->items[i].count);
}

static void print_text(const struct info *info)
{
    const zoo_store_totals *t = &info->totals;

    printf("%llu queries, %llu experts, %llu responses, %llu reward models, %llu rewards, %llu runs\n", (unsigned long long)t->queries,
           (unsigned long long)t->experts, (unsigned long long)t->responses, (unsigned long long)t->reward_models,
           (unsigned long long)t->rewards, (unsigned long long)t->runs);
    print_list("split", "queries", &info->splits);
    print_list("kind of tag", "queries", &info->kinds);
    print_list("expert", "responses", &info->experts);
    for (size_t i = 0; i < info->rewards.count; i++) {
        const zoo_store_item *item = &info->rewards.items[i];
        if (!i || strcmp(item->name, item[-1].name))
            printf("\nreward model %-39s %10s %10s\n", item->name, "rewards", "mean");
        printf("  %-50s %10llu %10.4f\n", item->expert, (unsigned long long)item->count, item->mean);
    }
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
            rc = zoo_buf_addf(b, ", \"expert\": \"%s\", \"mean\": ", item->expert) || zoo_buf_add_number(b, item->mean) ? ZOO_ENOMEM : 0;
        if (!rc)
            rc = zoo_buf_addf(b, ", \"%s\": %llu}", unit, (unsigned long long)item->count);
    }
    return rc ? rc : zoo_buf_add_str(b, "]");
}

static int print_json(const struct info *info, zoo_err *err)
{
    const zoo_store_totals *t = &info->totals;
    zoo_buf b = ZOO_BUF_INIT(1 << 30);
    int failed = zoo_buf_addf(&b, "{\"queries\": %llu, \"responses\": %llu, \"rewards\": %llu, \"runs\": %llu",
                              (unsigned long long)t->queries, (unsigned long long)t->responses, (unsigned long long)t->rewards,
                              (unsigned long long)t->runs) ||
                 add_json_list(&b, "splits", "queries", &info->splits) || add_json_list(&b, "tag_kinds", "queries", &info->kinds) ||
                 add_json_list(&b, "experts", "responses", &info->experts) ||
                 add_json_list(&b, "reward_models", "rewards", &info->rewards) || zoo_buf_add_str(&b, "}");

    if (!failed)
        puts(b.data);
    zoo_buf_release(&b);
    return failed ? zoo_fail_nomem(err) : ZOO_OK;
}

static int do_info(const struct settings *s, const char *file, zoo_err *err)
{
    struct info info = { 0 };
    zoo_store *store;
    int rc = zoo_store_open(&store, s->store, ZOO_STORE_READ, err);

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

/* ---- backup, upgrade ---- */

static int do_backup(const struct settings *s, const char *file, zoo_err *err)
{
    zoo_progress progress;
    zoo_store *store;
    int rc = zoo_store_open(&store, s->store, ZOO_STORE_READ, err);

    if (!rc) {
        zoo_progress_begin(&progress, stderr, "backup (pages)", 0);
        rc = zoo_store_backup(store, file, s->force, &progress, err);
        if (!rc)
            zoo_progress_end(&progress);
    }
    zoo_store_close(store);
    return rc;
}

static int do_upgrade(const struct settings *s, const char *file, zoo_err *err)
{
    zoo_store *store;
    int rc = zoo_store_open(&store, s->store, ZOO_STORE_WRITE, err);

    (void)file;
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

static void say_deleted(const struct settings *s, const zoo_store_totals *a, const zoo_store_totals *b, uint64_t unknown)
{
    zoo_cli_say(&zoo_command_store, "%s %llu queries, %llu responses, %llu rewards%s", s->yes ? "deleted" : "would delete",
                (unsigned long long)(a->queries - b->queries), (unsigned long long)(a->responses - b->responses),
                (unsigned long long)(a->rewards - b->rewards), s->yes ? "" : "; with --yes it does");
    if (unknown)
        zoo_cli_say(&zoo_command_store, "%llu ids are not in the store", (unsigned long long)unknown);
}

/* Without --yes everything is done, counted and undone. */
static int do_delete(const struct settings *s, const char *file, zoo_err *err)
{
    zoo_store_totals before, after;
    uint64_t unknown = 0;
    zoo_store *store;
    int rc = zoo_store_open(&store, s->store, ZOO_STORE_WRITE, err);

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

/* Which options an action takes, as bits of `given`. */
enum { TAKES_WHAT = 1, TAKES_YES = 2, TAKES_FORCE = 4, TAKES_JSON = 8 };

static const struct action {
    const char *name;
    unsigned takes;
    int files;
    int (*run)(const struct settings *s, const char *file, zoo_err *err);
} actions[] = {
    { "info", TAKES_JSON, 0, do_info },
    { "backup", TAKES_FORCE, 1, do_backup },
    { "delete", TAKES_WHAT | TAKES_YES, 0, do_delete },
    { "upgrade", 0, 0, do_upgrade },
};

static int check(const struct action *a, const struct settings *s, int argc)
{
    int whats = !!s->split + !!s->reward_model + !!s->expert + !!s->ids;
    unsigned given = (whats ? TAKES_WHAT : 0) | (s->yes ? TAKES_YES : 0) | (s->force ? TAKES_FORCE : 0) | (s->json ? TAKES_JSON : 0);

    if (argc - 1 != a->files)
        return zoo_cli_wrong_use(&zoo_command_store, a->files ? "%s needs one FILE" : "%s takes no FILE", a->name);
    if (given & ~a->takes)
        return zoo_cli_wrong_use(&zoo_command_store, "%s does not take one of these options; see --help", a->name);
    if (a->takes & TAKES_WHAT && whats != 1)
        return zoo_cli_wrong_use(&zoo_command_store, "%s needs one of --split, --reward-model, --expert, --ids", a->name);
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
        return zoo_cli_wrong_use(&zoo_command_store, "no action '%s'; there are info, backup, delete, upgrade", argv[0]);
    status = check(&actions[i], s, argc);
    if (status)
        return status;
    return actions[i].run(s, argv[1], &err) ? zoo_cli_fail(&zoo_command_store, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    { "store", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, store), "the store", 0, 0 },
    { "json", NULL, OPTION_FLAG, offsetof(struct settings, json), "info: one JSON object instead of tables", 0, 0 },
    { "force", NULL, OPTION_FLAG, offsetof(struct settings, force), "backup: replace FILE where it exists", 0, 0 },
    { "split", "NAME", OPTION_TEXT, offsetof(struct settings, split), "delete: the queries of this split", 0, 0 },
    { "ids", "FILE", OPTION_TEXT, offsetof(struct settings, ids), "delete: the queries whose ids are the lines of FILE ('-': stdin)", 0,
      0 },
    { "reward-model", "NAME", OPTION_TEXT, offsetof(struct settings, reward_model), "delete: this reward model and its rewards", 0, 0 },
    { "expert", "NAME", OPTION_TEXT, offsetof(struct settings, expert), "delete: this expert, its responses and rewards", 0, 0 },
    { "yes", NULL, OPTION_FLAG, offsetof(struct settings, yes), "delete: really; without it, only says what would be deleted", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_store = {
    .name = "store", .args = "ACTION [FILE]", .summary = "show, copy, or delete from a store",
    .details =
        "Actions:\n"
        "  info         what is in the store: queries by split and kind of tag, responses, rewards with their means\n"
        "  backup FILE  copies the store to FILE, also while other commands write to it; FILE appears when it is complete\n"
        "  delete       deletes queries (with their tags, responses and rewards), a reward model or an expert; all or nothing.\n"
        "               There is no way back but a backup. Space is reused, the file does not shrink\n"
        "  upgrade      brings a store that an older version made up to date; commands that write do so by themselves\n"
        "\n"
        "A store is one SQLite file. While commands use it, files ending in -wal and -shm stand beside it: they belong to it.\n"
        "Copy it with backup, not with cp, unless nothing uses it.",
    .examples = "  zooter store info --store my.db\n"
                "  zooter store backup --store my.db my-backup.db\n"
                "  zooter store delete --store my.db --split old --yes\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 2, .run = run
};
