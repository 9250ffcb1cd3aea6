/* cmd_model.c - zooter model SUBCOMMAND: what is done to a checkpoint folder. Each subcommand has a file of its own,
 * cmd_model_X.c. */
#include "cli/command.h"

extern const zoo_command zoo_command_model_info;
extern const zoo_command zoo_command_model_new;
extern const zoo_command zoo_command_model_convert;
extern const zoo_command zoo_command_model_quantise;
extern const zoo_command zoo_command_model_verify;
extern const zoo_command zoo_command_model_fetch;
extern const zoo_command zoo_command_model_run;
extern const zoo_command zoo_command_model_bench;

static const zoo_command *const subcommands[] = {
    &zoo_command_model_info,
    &zoo_command_model_new,
    &zoo_command_model_convert,
    &zoo_command_model_quantise,
    &zoo_command_model_verify,
    &zoo_command_model_fetch,
    &zoo_command_model_run,
    &zoo_command_model_bench,
    NULL
};

const zoo_command zoo_command_model = {
    .name = "model", .args = "SUBCOMMAND ...", .summary = "describe, make, change and check a checkpoint folder",
    .details =
        "A checkpoint is a folder as Hugging Face libraries write it: config.json, weights (model.safetensors, shards "
        "with\n"
        "model.safetensors.index.json, or pytorch_model.bin), tokenizer files. A router is such a folder too.",
    .subcommands = subcommands
};
