/* cmd_import.c - zooter import: JSONL files into a store. */
#include <errno.h>
#include <unistd.h>
#include "cli/stores.h"
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

static void tell(const zoo_import_counts *n)
{
    char judgements[40] = "";

    if (n->judgements)
        snprintf(judgements, sizeof judgements, ", %llu judgements", (unsigned long long)n->judgements);
    zoo_cli_say(&zoo_command_import,
                "%llu rows added, %llu updated, %llu unchanged, %llu left out; %llu rewards, %llu responses%s",
                (unsigned long long)n->added, (unsigned long long)n->updated, (unsigned long long)n->unchanged,
                (unsigned long long)n->skipped, (unsigned long long)n->rewards, (unsigned long long)n->responses,
                judgements);
    if (n->mended)
        zoo_cli_say(&zoo_command_import, "%llu half surrogates (\\ud83d without its other half) became U+FFFD",
                    (unsigned long long)n->mended);
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    unsigned reported = 0;
    zoo_import_options options = { .reward_model = s->reward_model, .split = s->split, .update = s->update,
                                   .skip_bad = s->skip_bad, .report = report, .context = &reported,
                                   .progress = stderr };
    zoo_import_counts n = { 0 };
    zoo_store *store = NULL;
    zoo_err err;
    int rc = check_files(argc, argv, &err);

    if (!rc)
        rc = zoo_cli_store_open(&store, s->store, ZOO_STORE_CREATE, &err);
    for (int i = 0; !rc && i < argc; i++)
        rc = zoo_store_import(store, argv[i], &options, &n, &err);
    zoo_store_close(store);
    if (n.added || n.updated || n.unchanged || n.skipped || !rc)
        tell(&n);
    return rc ? zoo_cli_fail(&zoo_command_import, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct settings, store,
                     "the store: a file, or postgresql://[USER@]HOST/NAME; made where it is missing"),
    { "reward-model", "NAME", OPTION_TEXT, offsetof(struct settings, reward_model),
      "whose rewards these are, for rows without a 'reward_model' (default: default)", 0, 0 },
    { "split", "NAME", OPTION_TEXT, offsetof(struct settings, split), "put every row into this split, whatever it says",
      0, 0 },
    { "update", NULL, OPTION_FLAG, offsetof(struct settings, update),
      "replace what is stored differently instead of refusing it", 0, 0 },
    { "skip-bad", NULL, OPTION_FLAG, offsetof(struct settings, skip_bad),
      "leave out rows that break a rule and count them", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_import = {
    .name = "import", .args = "FILE...",
    .summary = "read queries, rewards, answers or judgements from JSONL into a store",
    .details =
        "Each line of FILE is a JSON object; FILE '-' is standard input. Fields:\n"
        "  id            required: text, 1 to 1024 bytes, unique in the store; a whole number is its digits\n"
        "  query         the text that is routed; where it is missing beside rewards, the first user message of\n"
        "                'messages': [{\"role\", \"content\"}, ...] or the first of 'turns': [\"text\", ...]\n"
        "  rewards       required beside query: {\"EXPERT\": number, ...}; {} is fine, experts may be left out\n"
        "  split         \"train\", \"test\"...\n"
        "  dataset, subset   where the query comes from; kept as tags of these kinds\n"
        "  tags          [\"kind:value\", ...]\n"
        "  responses     {\"EXPERT\": \"text\", ...}\n"
        "  costs         {\"EXPERT\": dollars, ...}\n"
        "  tokens        {\"EXPERT\": tokens of the answer, or {\"in\", \"out\", \"reasoning\", \"cached\"}, ...}\n"
        "  reward_model  whose rewards these are (default: --reward-model)\n"
        "Any other field is kept and exported again; so are costs and tokens of another form. null is as if it were "
        "not there.\n"
        "Half a surrogate pair (\\ud83d alone, of a text that was cut) becomes U+FFFD and is counted. A name of an "
        "expert is 1 to\n"
        "128 of A-Z a-z 0-9 . _ : / @ + - . A row without query adds rewards, responses, costs or tokens to a query "
        "that is\n"
        "stored already.\n"
        "\n"
        "A line without any of query, rewards, responses, messages and turns is one answer where it has 'expert':\n"
        "  {\"id\", \"expert\", \"sample\": 1, \"turn\": 1, \"settings\": {}, \"text\", \"reasoning\", "
        "\"finish_reason\",\n"
        "   \"tokens\": {\"in\", \"out\", \"reasoning\", \"cached\"}, \"cost\": dollars, \"first_token_seconds\", "
        "\"seconds\", \"asked\": time,\n"
        "   \"scores\": {\"REWARD MODEL\": number}, \"failed\": {\"times\", \"cause\", \"final\", \"cost\", \"last\": "
        "time}}\n"
        "and a judgement of two where it has 'a', 'b' and 'verdict':\n"
        "  {\"id\", \"reward_model\", \"a\": {\"expert\", \"sample\"}, \"b\": {\"expert\", \"sample\"}, \"turn\": 1, "
        "\"shown\": \"ab\" or \"ba\",\n"
        "   \"verdict\": \"a\", \"b\" or \"tie\", \"probability\": that a is better, 0 to 1, \"text\"}\n"
        "Only id, expert, reward_model, a, b and verdict are required. Times are as 2026-11-22T21:05:01Z. Other fields "
        "are an error\n"
        "there; the query must be stored. docs/store.md tells more.\n"
        "\n"
        "A row whose id is stored already adds what is new: rewards, experts, tags, responses, fields. What is stored "
        "differently\n"
        "is an error; with --update it is replaced (tags by kind). Rows that say the same again change nothing.\n"
        "\n"
        "Each file is stored whole or not at all, also when the import is killed or the disk is full. A row that "
        "breaks a rule\n"
        "is reported with file, line and column and its file is refused; with --skip-bad the row is left out and "
        "counted, as are\n"
        "lines of over 64 MiB. Memory does not grow with the file. Rows may have up to 1000 tags and 1000 other "
        "fields.",
    .examples = "  zooter import --store my.db train.jsonl test.jsonl\n"
                "  zcat more.jsonl.gz | zooter import --store my.db --split train -\n"
                "  zooter import --store my.db --reward-model gpt-4 judged.jsonl\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = -1, .run = run
};
