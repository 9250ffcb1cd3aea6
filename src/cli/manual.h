/* manual.h - the command tables as man pages, Markdown and bash completion. Layer: cli;
 * writes only to the stream it is given. */
#ifndef ZOO_CLI_MANUAL_H
#define ZOO_CLI_MANUAL_H
#include <stdio.h>
#include "cli/command.h"

void zoo_manual_man(FILE *to, const zoo_command *command);                      /* zooter-COMMAND(1), troff */
void zoo_manual_man_overview(FILE *to, const zoo_command *const *commands);     /* zooter(1) */
void zoo_manual_markdown(FILE *to, const zoo_command *const *commands);         /* docs/cli.md */
void zoo_manual_completion_bash(FILE *to, const zoo_command *const *commands);
#endif
