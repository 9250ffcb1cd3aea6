/* cmd_model_convert.c - zooter model convert IN OUT: a checkpoint in another precision, as safetensors. */
#include <string.h>
#include "cli/command.h"
#include "cli/model_size.h"
#include "model/rewrite.h"
#include "model/weights_writer.h"

struct settings { const char *dtype, *format, *max_shard; int force; };

extern const zoo_command zoo_command_model_convert;
static const zoo_command *const self = &zoo_command_model_convert;

static int parse(const struct settings *s, enum zoo_dtype *dtype, uint64_t *max_shard)
{
    static const struct { const char *name; enum zoo_dtype dtype; } names[] = {
        { "f32", ZOO_F32 }, { "f16", ZOO_F16 }, { "bf16", ZOO_BF16 }
    };
    size_t i = 0;

    while (i < 3 && strcmp(s->dtype, names[i].name))
        i++;
    if (i == 3)
        return zoo_cli_wrong_use(self, "--dtype: '%s' is none of f32, f16, bf16; for int8, see model quantise",
                                 s->dtype);
    *dtype = names[i].dtype;
    if (s->format && strcmp(s->format, "safetensors"))
        return zoo_cli_wrong_use(self, "--format: only safetensors is written, not '%s'", s->format);
    if (s->max_shard && !zoo_size_parse(s->max_shard, max_shard))
        return zoo_cli_wrong_use(self, "--max-shard-size: '%s' is no size; examples: 500MB, 2GiB", s->max_shard);
    return EXIT_DONE;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_rewrite job = { .in = argv[0], .out = argv[1], .replaces = s->force, .max_shard = ZOO_ONE_FILE };
    zoo_rewritten done;
    zoo_progress progress;
    enum zoo_dtype dtype = ZOO_F32;
    char size[32];
    zoo_err err;
    int status = parse(s, &dtype, &job.max_shard);

    (void)argc;
    if (status)
        return status;
    zoo_progress_begin(&progress, stderr, "convert (bytes)", 0);
    job.progress = &progress;
    if (zoo_rewrite_convert(&job, dtype, &done, &err))
        return zoo_cli_fail(self, &err);
    zoo_progress_end(&progress);
    zoo_size_print(size, sizeof size, done.bytes_after);
    zoo_cli_say(self, "%s: %zu tensors, %s", argv[1], done.tensors, size);
    if (done.left_out)
        zoo_cli_say(self, "%zu tensors of integers were left out; no network computes with them", done.left_out);
    return EXIT_DONE;
}

static const zoo_option options[] = {
    { "dtype", "TYPE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, dtype), "f32, f16 or bf16", 0, 0 },
    { "format", "NAME", OPTION_TEXT, offsetof(struct settings, format),
      "safetensors (the default, and all that is written)", 0, 0 },
    { "max-shard-size", "SIZE", OPTION_TEXT, offsetof(struct settings, max_shard),
      "several files of at most SIZE (500MB, 2GiB) with an index (default: one file)", 0, 0 },
    { "force", NULL, OPTION_FLAG, offsetof(struct settings, force),
      "replace OUT where it holds something; it may be IN", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_model_convert = {
    .name = "model convert", .args = "IN OUT", .summary = "change the precision or the file format of a checkpoint",
    .details =
        "Reads the checkpoint folder IN (safetensors, shards with an index, or a pytorch_model.bin of which nothing is "
        "executed) and\n"
        "writes the folder OUT: model.safetensors with every tensor of floats in the precision asked for, config.json "
        "with its dtype\n"
        "changed and nothing else, and the files beside it (tokenizer, licence, notes). Weights in 8 bits become "
        "floats again.\n"
        "\n"
        "bf16 halves the size and keeps the range of f32; f16 is finer and ends at 65504: a larger weight is an error. "
        "Rounding is\n"
        "to the nearest, ties to even. OUT appears when it is complete. Memory does not grow with the weights.",
    .examples = "  zooter model convert mdeberta-v3-base small --dtype bf16\n"
                "  zooter model convert old-bin-folder new --dtype f32 --max-shard-size 2GB\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 2, .most_args = 2, .run = run
};
