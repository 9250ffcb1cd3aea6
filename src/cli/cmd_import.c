/* cmd_import.c - zooter import: JSONL files into a store. */
#include <errno.h>
#include <unistd.h>
#include "cli/command.h"
#include "store/jsonl.h"

struct settings { const char *store, *reward_model, *split; int update, skip_bad; };

enum { REPORTED = 5 };                   /* rows left out that are named; the rest are only counted */

extern const zoo_command zoo_command_import;

static void report(void *context, const zoo_err *why)
{
    unsigned *count = context;

    if (++*count <= REPORTED)
        zoo_cli_say(&zoo_command_import, "left out: %s", why->message);
    else if (*count == REPORTED + 1)
        zoo_cli_say(&zoo_command_import, "left out: further rows are counted, not named");
}

/* Looked for before the store is made: a mistyped name leaves nothing behind. */
static int check_files(int argc, char **argv, zoo_err *err)
{
    for (int i = 0; i < argc; i++)
        if ((argv[i][0] != '-' || argv[i][1]) && access(argv[i], R_OK))
            return zoo_fail_errno(err, errno, "%s", argv[i]);
    return ZOO_OK;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    unsigned reported = 0;
    zoo_import_options options = { .reward_model = s->reward_model, .split = s->split, .update = s->update, .skip_bad = s->skip_bad,
                                   .report = report, .context = &reported, .progress = stderr };
    zoo_import_counts n = { 0 };
    zoo_store *store = NULL;
    zoo_err err;
    int rc = check_files(argc, argv, &err);

    if (!rc)
        rc = zoo_store_open(&store, s->store, ZOO_STORE_CREATE, &err);
    for (int i = 0; !rc && i < argc; i++)
        rc = zoo_store_import(store, argv[i], &options, &n, &err);
    zoo_store_close(store);
    if (n.added || n.updated || n.unchanged || n.skipped || !rc)
        zoo_cli_say(&zoo_command_import, "%llu rows added, %llu updated, %llu unchanged, %llu left out; %llu rewards, %llu responses",
                    (unsigned long long)n.added, (unsigned long long)n.updated, (unsigned long long)n.unchanged,
                    (unsigned long long)n.skipped, (unsigned long long)n.rewards, (unsigned long long)n.responses);
    return rc ? zoo_cli_fail(&zoo_command_import, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    { "store", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, store), "the store; made where it is missing", 0, 0 },
    { "reward-model", "NAME", OPTION_TEXT, offsetof(struct settings, reward_model),
      "whose rewards these are, for rows without a 'reward_model' (default: default)", 0, 0 },
    { "split", "NAME", OPTION_TEXT, offsetof(struct settings, split), "put every row into this split, whatever it says", 0, 0 },
    { "update", NULL, OPTION_FLAG, offsetof(struct settings, update), "replace what is stored differently instead of refusing it", 0, 0 },
    { "skip-bad", NULL, OPTION_FLAG, offsetof(struct settings, skip_bad), "leave out rows that break a rule and count them", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_import = {
    .name = "import", .args = "FILE...", .summary = "read queries, tags and rewards from JSONL into a store",
    .details =
        "Each line of FILE is a JSON object; FILE '-' is standard input. Fields:\n"
        "  id            required: text, 1 to 1024 bytes, unique in the store\n"
        "  query         the text that is routed\n"
        "  rewards       required beside query: {\"EXPERT\": number, ...}; {} is fine, experts may be left out\n"
        "  split         \"train\", \"test\"...\n"
        "  dataset, subset   where the query comes from; kept as tags of these kinds\n"
        "  tags          [\"kind:value\", ...]\n"
        "  responses     {\"EXPERT\": \"text\", ...}\n"
        "  reward_model  whose rewards these are (default: --reward-model)\n"
        "Any other field is kept and exported again. An expert's name is 1 to 128 of A-Z a-z 0-9 . _ : / - . A row without\n"
        "query adds rewards or responses to a query that is stored already.\n"
        "\n"
        "A row whose id is stored already adds what is new: rewards, experts, tags, responses, fields. What is stored differently\n"
        "is an error; with --update it is replaced (tags by kind). Rows that say the same again change nothing.\n"
        "\n"
        "Each file is stored whole or not at all, also when the import is killed or the disk is full. A row that breaks a rule\n"
        "is reported with file, line and column and its file is refused; with --skip-bad the row is left out and counted.\n"
        "Memory does not grow with the file. Lines may have up to 64 MiB, rows up to 1000 tags and 1000 other fields.",
    .examples = "  zooter import --store my.db train.jsonl test.jsonl\n"
                "  zcat more.jsonl.gz | zooter import --store my.db --split train -\n"
                "  zooter import --store my.db --reward-model gpt-4 judged.jsonl\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = -1, .run = run
};
