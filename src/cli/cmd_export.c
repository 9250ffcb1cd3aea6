/* cmd_export.c - zooter export: a store's content as JSONL on stdout. */
#include <errno.h>
#include <string.h>
#include "cli/stores.h"
#include "store/jsonl.h"

struct settings { const char *store, *what; struct zoo_choice choice; };

extern const zoo_command zoo_command_export;

static const struct { const char *name; enum zoo_export_what what; } whats[] = {
    { "rows", ZOO_EXPORT_ROWS }, { "responses", ZOO_EXPORT_RESPONSES }, { "rewards", ZOO_EXPORT_REWARDS },
    { "answers", ZOO_EXPORT_ANSWERS }, { "judgements", ZOO_EXPORT_JUDGEMENTS }
};

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    const zoo_store_filter filter = zoo_choice_filter(&s->choice);
    zoo_export_options options = { .filter = &filter, .progress = stderr };
    zoo_store *store;
    zoo_err err;
    size_t i = 0;
    int rc, why;

    (void)argc, (void)argv;
    while (i < sizeof whats / sizeof *whats && strcmp(whats[i].name, s->what))
        i++;
    if (i == sizeof whats / sizeof *whats)
        return zoo_cli_wrong_use(&zoo_command_export,
                                 "--what: '%s' should be rows, responses, rewards, answers or judgements", s->what);
    options.what = whats[i].what;
    rc = zoo_cli_store_open(&store, s->store, ZOO_STORE_READ, &err);
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
    ZOO_OPTION_STORE(struct settings, store, "the store"),
    { "what", "KIND", OPTION_TEXT, offsetof(struct settings, what),
      "rows, responses, rewards, answers or judgements (default rows)", 0, 0 },
    ZOO_OPTION_SPLIT(struct settings, choice),
    ZOO_OPTION_WHERE(struct settings, choice),
    ZOO_OPTION_EXPERTS(struct settings, choice),
    ZOO_OPTION_WITHOUT(struct settings, choice),
    { "reward-model", "NAME", OPTION_NAMES, offsetof(struct settings, choice.reward_model),
      "whose rewards or judgements (default: all; for rows the only one with rewards)", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_export = {
    .name = "export", .args = "", .summary = "write queries, rewards, answers or judgements of a store as JSONL",
    .details =
        "Writes a JSON object a line to stdout, in the order in which the queries arrived; experts are in the order of "
        "their names.\n"
        "  rows       {\"id\", \"query\", \"dataset\", \"subset\", \"split\", \"tags\", \"rewards\", ...}: every "
        "query, with what else its\n"
        "             row had; dataset, subset and split only where they are known\n"
        "  responses  {\"id\", \"responses\": {\"EXPERT\": \"text\"}}: every query with an answer\n"
        "  rewards    {\"id\", \"reward_model\", \"rewards\": {\"EXPERT\": number}}: every query and reward model with "
        "a reward\n"
        "  answers    a line an answer: expert, sample, turn, settings, text, reasoning, tokens, cost, times, rewards "
        "(its\n"
        "             scores); failed asks too\n"
        "  judgements a line a judgement: reward model, the two answers, which was shown first, verdict, probability, "
        "text\n"
        "Rows, responses and rewards are those of the first sample and turn. 'zooter import' reads each of them, rows "
        "first; what\n"
        "it then exports is the same, byte for byte. Rows do not name their reward model: name it again at their "
        "import. For a copy\n"
        "of the whole store use 'zooter store backup', or 'zooter store copy' into another database.",
    .examples = "  zooter export --store my.db --split train > train.jsonl\n"
                "  zooter export --store my.db --what rewards --reward-model gpt-4 | jq -r .id\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .run = run
};
