/* cmd_model_quantise.c - zooter model quantise IN OUT: a checkpoint whose products have 8-bit weights. */
#include "cli/command.h"
#include "cli/model_size.h"
#include "model/rewrite.h"
#include "model/weights_writer.h"

struct settings { int force; };

extern const zoo_command zoo_command_model_quantise;
static const zoo_command *const self = &zoo_command_model_quantise;

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_rewrite job = { .in = argv[0], .out = argv[1], .replaces = s->force, .max_shard = ZOO_ONE_FILE };
    zoo_rewritten done;
    zoo_progress progress;
    char before[32], after[32];
    zoo_err err;

    (void)argc;
    zoo_progress_begin(&progress, stderr, "quantise (bytes)", 0);
    job.progress = &progress;
    if (zoo_rewrite_quantise(&job, &done, &err))
        return zoo_cli_fail(self, &err);
    zoo_progress_end(&progress);
    zoo_size_print(before, sizeof before, done.bytes_before);
    zoo_size_print(after, sizeof after, done.bytes_after);
    zoo_cli_say(self, "%s: %zu of %zu tensors in 8 bits, %s instead of %s; 'zooter model verify %s --against %s' "
                      "compares them", argv[1], done.quantised, done.tensors, after, before, argv[1], argv[0]);
    return EXIT_DONE;
}

static const zoo_option options[] = {
    { "force", NULL, OPTION_FLAG, offsetof(struct settings, force),
      "replace OUT where it holds something; it may be IN", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_model_quantise = {
    .name = "model quantise", .alias = "quantize", .args = "IN OUT",
    .summary = "store the weights of a checkpoint in 8 bits",
    .details =
        "The weights of the products in the layers become whole numbers -127 to 127 with one factor per output; word "
        "embeddings become\n"
        "bf16; norms, biases and the head stay f32. An mDeBERTa of 1.1 GB becomes 0.5 GB. --precision int8 computes "
        "with exactly these\n"
        "integers, any other precision with the floats that they stand for.\n"
        "\n"
        "It is the layout that the compressed-tensors library calls int-quantized (W8A8, activations quantised as they "
        "come): weight as\n"
        "I8, weight_scale, and a quantization_config in config.json; transformers loads it where compressed-tensors is "
        "installed.\n"
        "There is no need to quantise a checkpoint for --precision int8, which does the same to floats as it loads "
        "them.",
    .examples = "  zooter model quantise my-router my-router-int8\n"
                "  zooter model verify my-router-int8 --against my-router --queries queries.jsonl\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 2, .most_args = 2, .run = run
};
