/* overview.c - what concerns the table of commands as a whole: the list, finding one by name. Layer: cli. */
#include <string.h>
#include "cli/command.h"
#include "cli/suggest.h"

void zoo_cli_overview(FILE *to)
{
    fputs("usage: zooter COMMAND [OPTION...] [ARGUMENT...]\n\n"
          "Learns from reward-model scores which of your LLMs is the expert for a query, and serves\n"
          "OpenAI-compatible traffic through that knowledge.\n\ncommands:\n", to);
    for (size_t i = 0; zoo_commands[i]; i++)
        fprintf(to, "  %-10s %s\n", zoo_commands[i]->name, zoo_commands[i]->summary);
    fputs("\n'zooter COMMAND --help' explains a command. Exit status: 0 done, 1 failed, 2 wrong use.\n", to);
}

const zoo_command *zoo_cli_find(const char *name)
{
    for (size_t i = 0; zoo_commands[i]; i++)
        if (!strcmp(zoo_commands[i]->name, name))
            return zoo_commands[i];
    return NULL;
}

int zoo_cli_no_command(const char *who, const char *name)
{
    zoo_suggestion near = zoo_suggestion_for(name);

    for (size_t i = 0; zoo_commands[i]; i++)
        zoo_suggestion_consider(&near, zoo_commands[i]->name);
    if (near.best)
        fprintf(stderr, "%s: no command '%s'; did you mean %s?\n", who, name, near.best);
    else
        fprintf(stderr, "%s: no command '%s'; 'zooter --help' lists them\n", who, name);
    return EXIT_WRONG_USE;
}
