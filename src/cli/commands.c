/* commands.c - the table of commands, in the order in which a user meets them. */
#include "cli/command.h"

extern const zoo_command zoo_command_import;
extern const zoo_command zoo_command_export;
extern const zoo_command zoo_command_store;
extern const zoo_command zoo_command_collect;
extern const zoo_command zoo_command_reward;
extern const zoo_command zoo_command_tag;
extern const zoo_command zoo_command_select;
extern const zoo_command zoo_command_split;
extern const zoo_command zoo_command_train;
extern const zoo_command zoo_command_eval;
extern const zoo_command zoo_command_route;
extern const zoo_command zoo_command_serve;
extern const zoo_command zoo_command_model;
extern const zoo_command zoo_command_embed;
extern const zoo_command zoo_command_sim;
extern const zoo_command zoo_command_demo;
extern const zoo_command zoo_command_help_command;

const zoo_command *const zoo_commands[] = {
    &zoo_command_import,
    &zoo_command_export,
    &zoo_command_store,
    &zoo_command_collect,
    &zoo_command_reward,
    &zoo_command_tag,
    &zoo_command_select,
    &zoo_command_split,
    &zoo_command_train,
    &zoo_command_eval,
    &zoo_command_route,
    &zoo_command_serve,
    &zoo_command_model,
    &zoo_command_embed,
    &zoo_command_sim,
    &zoo_command_demo,
    &zoo_command_help_command,
    NULL
};
