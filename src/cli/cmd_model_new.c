/* cmd_model_new.c - zooter model new DIR: a checkpoint to train from. */
#include <inttypes.h>
#include "cli/command.h"
#include "train/fresh.h"

struct settings { const char *config, *from, *tokenizer; zoo_list experts; uint64_t seed; int force; };

extern const zoo_command zoo_command_model_new;
static const zoo_command *const self = &zoo_command_model_new;

static int check(const struct settings *s)
{
    if (!s->config == !s->from)
        return zoo_cli_wrong_use(self, "needs one of --config FILE and --from DIR");
    if (s->from && !s->experts.count)
        return zoo_cli_wrong_use(self, "--from needs --experts A,B,...");
    if (s->from && s->tokenizer)
        return zoo_cli_wrong_use(self, "--tokenizer goes with --config; with --from the backbone's own is taken");
    return EXIT_DONE;
}

static void say(const struct settings *s, const char *dir, const zoo_fresh_done *done)
{
    zoo_cli_say(self, "%s: %" PRIu64 " parameters in %zu tensors, %zu matrices of them drawn at random", dir,
                done->parameters, done->tensors, done->drawn);
    if (s->from && done->kept)
        zoo_cli_say(self, "%zu of %zu experts keep their row of the classifier", done->kept, s->experts.count);
    if (done->left_out)
        zoo_cli_say(self, "%zu tensors of %s were left out: heads for other tasks", done->left_out, s->from);
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_progress progress;
    zoo_fresh job = { .out = argv[0], .replaces = s->force, .config = s->config, .backbone = s->from,
                      .tokenizer = s->tokenizer, .experts = s->experts.items, .count = s->experts.count,
                      .seed = s->seed, .progress = &progress };
    zoo_fresh_done done;
    zoo_err err;
    int status = check(s);

    (void)argc;
    if (status)
        return status;
    zoo_progress_begin(&progress, stderr, "new (bytes)", 0);
    if (zoo_fresh_make(&job, &done, &err))
        return zoo_cli_fail(self, &err);
    zoo_progress_end(&progress);
    say(s, argv[0], &done);
    return EXIT_DONE;
}

static const struct settings defaults = { .seed = 1 };
static const zoo_option options[] = {
    { "from", "DIR", OPTION_TEXT, offsetof(struct settings, from),
      "a backbone or a router: its weights and tokenizer, with a head for --experts", 0, 0 },
    { "config", "FILE", OPTION_TEXT, offsetof(struct settings, config),
      "a config.json: random weights for that network", 0, 0 },
    { "experts", "A,B,...", OPTION_NAMES, offsetof(struct settings, experts),
      "names of the labels, in this order (required with --from; with --config: those of the config)", 0, 0 },
    { "tokenizer", "DIR", OPTION_TEXT, offsetof(struct settings, tokenizer),
      "with --config: take the tokenizer files of that folder along", 0, 0 },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "random seed; same seed, same bytes (default 1)", 0,
      0 },
    { "force", NULL, OPTION_FLAG, offsetof(struct settings, force), "replace DIR where it holds something", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_model_new = {
    .name = "model new", .args = "DIR",
    .summary = "make a checkpoint: random weights, or a backbone with a head for given experts",
    .details =
        "Writes the folder DIR: config.json, model.safetensors, tokenizer files. transformers loads it as a sequence "
        "classifier.\n"
        "\n"
        "--from takes the weights of a deberta-v2 or bert checkpoint (as it comes from a hub, with or without a head) "
        "and puts a head for\n"
        "the experts on it. Heads for other tasks are left out. An expert that the checkpoint knows by that name keeps "
        "its row of the\n"
        "classifier; another gets a row that depends on its name and the seed alone. The pooler is kept where there is "
        "one. Precision is\n"
        "that of the checkpoint.\n"
        "\n"
        "--config draws all weights as transformers does: normal with the config's initializer_range (0.02), norms 1, "
        "biases 0, the\n"
        "padding token's row 0; float32. An 'architectures' of BertModel or DebertaV2Model makes a bare backbone, "
        "anything else a\n"
        "classifier. Sizes are those of the config: a network of 278M parameters is a file of 1.1 GB.",
    .examples = "  zooter model new router --from mdeberta-v3-base --experts coder,writer,org/mathematician\n"
                "  zooter model new router-4 --from router --experts coder,writer,org/mathematician,newcomer\n"
                "  zooter model new tiny --config tiny.json --tokenizer mdeberta-v3-base --seed 7\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .least_args = 1,
    .most_args = 1, .run = run
};
