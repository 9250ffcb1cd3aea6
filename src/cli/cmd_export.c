/* cmd_export.c - zooter export: a store's content as JSONL on stdout. */
#include <errno.h>
#include <string.h>
#include "cli/command.h"
#include "store/jsonl.h"

struct settings { const char *store, *what, *split, *reward_model; };

extern const zoo_command zoo_command_export;

static const struct { const char *name; enum zoo_export_what what; } whats[] = {
    { "rows", ZOO_EXPORT_ROWS }, { "responses", ZOO_EXPORT_RESPONSES }, { "rewards", ZOO_EXPORT_REWARDS }
};

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_export_options options = { .split = s->split, .reward_model = s->reward_model, .progress = stderr };
    zoo_store *store;
    zoo_err err;
    size_t i = 0;
    int rc, why;

    (void)argc, (void)argv;
    while (i < sizeof whats / sizeof *whats && strcmp(whats[i].name, s->what))
        i++;
    if (i == sizeof whats / sizeof *whats)
        return zoo_cli_wrong_use(&zoo_command_export, "--what: '%s' should be rows, responses or rewards", s->what);
    options.what = whats[i].what;
    rc = zoo_store_open(&store, s->store, ZOO_STORE_READ, &err);
    if (!rc)
        rc = zoo_store_export(store, &options, stdout, &err);
    why = errno;
    zoo_store_close(store);
    errno = why;
    if (rc && ferror(stdout))
        return EXIT_FAILED;              /* main says so, with this errno */
    return rc ? zoo_cli_fail(&zoo_command_export, &err) : EXIT_DONE;
}

static const struct settings defaults = { .what = "rows" };
static const zoo_option options[] = {
    { "store", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, store), "the store", 0, 0 },
    { "what", "KIND", OPTION_TEXT, offsetof(struct settings, what), "rows, responses or rewards (default rows)", 0, 0 },
    { "split", "NAME", OPTION_TEXT, offsetof(struct settings, split), "only queries of this split (default: all)", 0, 0 },
    { "reward-model", "NAME", OPTION_TEXT, offsetof(struct settings, reward_model),
      "whose rewards (default: the only one; with --what rewards, all)", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_export = {
    .name = "export", .args = "", .summary = "write queries, rewards or responses of a store as JSONL",
    .details =
        "Writes a JSON object a line to stdout, in the order in which the queries arrived; experts are in the order of their names.\n"
        "  rows       {\"id\", \"query\", \"dataset\", \"subset\", \"split\", \"tags\", \"rewards\", ...}: every query, with what else its\n"
        "             row had; dataset, subset and split only where they are known\n"
        "  responses  {\"id\", \"responses\": {\"EXPERT\": \"text\"}}: every query with an answer\n"
        "  rewards    {\"id\", \"reward_model\", \"rewards\": {\"EXPERT\": number}}: every query and reward model with a reward\n"
        "'zooter import' reads each of them; what it then exports is the same, byte for byte. For a copy of the whole store use\n"
        "'zooter store backup'.",
    .examples = "  zooter export --store my.db --split train > train.jsonl\n"
                "  zooter export --store my.db --what rewards --reward-model gpt-4 | jq -r .id\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .run = run
};
