/* cmd_help.c - zooter help [COMMAND]: help texts, man pages, the reference and shell completion from the tables. */
#include <string.h>
#include "cli/command.h"
#include "cli/manual.h"

struct settings { int man, markdown, names; const char *completion; };

extern const zoo_command zoo_command_help_command;

static int explain(const struct settings *s, const char *name, const char *sub)
{
    const zoo_command *c = zoo_cli_find(name);

    if (!c)
        return zoo_cli_no_command("zooter help", name);
    if (sub && !s->man && !(c = zoo_command_sub(c, sub)))
        return zoo_cli_wrong_use(&zoo_command_help_command, "%s has no subcommand '%s'", name, sub);
    if (s->man)
        zoo_manual_man(stdout, c);
    else
        zoo_command_help(stdout, c);
    return EXIT_DONE;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    const zoo_command *self = &zoo_command_help_command;

    if (argc && (s->markdown || s->names || s->completion))
        return zoo_cli_wrong_use(self, "--markdown, --names and --completion are about all commands; leave out '%s'",
                                 argv[0]);
    if (s->man + s->markdown + s->names + (s->completion != NULL) > 1)
        return zoo_cli_wrong_use(self, "one of --man, --markdown, --names and --completion at a time");
    if (s->completion && strcmp(s->completion, "bash"))
        return zoo_cli_wrong_use(self, "--completion: '%s' is not known, only bash", s->completion);
    if (argc)
        return explain(s, argv[0], argc > 1 ? argv[1] : NULL);
    if (s->completion)
        zoo_manual_completion_bash(stdout, zoo_commands);
    else if (s->markdown)
        zoo_manual_markdown(stdout, zoo_commands);
    else if (s->man)
        zoo_manual_man_overview(stdout, zoo_commands);
    else if (s->names)
        for (size_t i = 0; zoo_commands[i]; i++)
            puts(zoo_commands[i]->name);
    else
        zoo_cli_overview(stdout);
    return EXIT_DONE;
}

static const zoo_option options[] = {
    { "man", NULL, OPTION_FLAG, offsetof(struct settings, man), "print the man page (troff) instead", 0, 0 },
    { "markdown", NULL, OPTION_FLAG, offsetof(struct settings, markdown),
      "print the reference of all commands (docs/cli.md)", 0, 0 },
    { "completion", "SHELL", OPTION_TEXT, offsetof(struct settings, completion), "print completion for SHELL: bash", 0,
      0 },
    { "names", NULL, OPTION_FLAG, offsetof(struct settings, names), "print the names of the commands, one a line", 0,
      0 },
    { 0 }
};

const zoo_command zoo_command_help_command = {
    .name = "help", .args = "[COMMAND [SUBCOMMAND]]", .summary = "list the commands, or explain one",
    .details =
        "Without COMMAND, lists all commands. Texts, man pages, reference and completion come from the same tables\n"
        "that the command line is checked against.",
    .examples = "  zooter help help\n  zooter help --man | man -l -\n  . <(zooter help --completion bash)\n",
    .options = options, .settings_size = sizeof(struct settings), .most_args = 2, .run = run
};
