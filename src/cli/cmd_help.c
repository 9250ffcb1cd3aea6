/* cmd_help.c - zooter help [COMMAND]: help texts and man pages from the tables. */
#include <string.h>
#include "cli/command.h"
#include "cli/main.h"

struct settings { int man; };

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;

    if (!argc) {
        zoo_cli_overview(stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; zoo_commands[i]; i++)
        if (!strcmp(zoo_commands[i]->name, argv[0])) {
            if (s->man)
                zoo_command_man(stdout, zoo_commands[i]);
            else
                zoo_command_help(stdout, zoo_commands[i]);
            return EXIT_DONE;
        }
    fprintf(stderr, "zooter help: no command '%s'; 'zooter help' lists them\n", argv[0]);
    return EXIT_WRONG_USE;
}

static const zoo_option options[] = {
    { "man", NULL, OPTION_FLAG, offsetof(struct settings, man), "print the man page (troff) instead", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_help_command = {
    .name = "help", .args = "[COMMAND]", .summary = "list the commands, or explain one",
    .details = "Without COMMAND, lists all commands. The texts and the man pages come from the same tables that the\n"
               "command line is checked against.",
    .examples = "  zooter help train\n  zooter help --man train | man -l -\n",
    .options = options, .settings_size = sizeof(struct settings), .most_args = 1, .run = run
};
