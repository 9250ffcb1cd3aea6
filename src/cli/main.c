/* main.c - zooter: finds the command, runs it, and makes sure that what it printed was written. */
#include "cli/main.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "cli/command.h"

void zoo_cli_overview(FILE *to)
{
    fputs("usage: zooter COMMAND [OPTION...] [ARGUMENT...]\n\n"
          "Learns from reward-model scores which of your LLMs is the expert for a query, and serves\n"
          "OpenAI-compatible traffic through that knowledge.\n\ncommands:\n", to);
    for (size_t i = 0; zoo_commands[i]; i++)
        fprintf(to, "  %-10s %s\n", zoo_commands[i]->name, zoo_commands[i]->summary);
    fputs("\n'zooter COMMAND --help' explains a command. Exit status: 0 done, 1 failed, 2 wrong use.\n", to);
}

int main(int argc, char **argv)
{
    int status = -1;

    signal(SIGPIPE, SIG_IGN);          /* a reader that left shows as a failed write */
    if (argc < 2) {
        zoo_cli_overview(stderr);
        return EXIT_WRONG_USE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        zoo_cli_overview(stdout);
        status = EXIT_DONE;
    } else if (!strcmp(argv[1], "--version")) {
        printf("zooter %s\n", zoo_version());
        status = EXIT_DONE;
    }
    for (size_t i = 0; status < 0 && zoo_commands[i]; i++)
        if (!strcmp(argv[1], zoo_commands[i]->name))
            status = zoo_command_run(zoo_commands[i], argc - 2, argv + 2);
    if (status < 0) {
        fprintf(stderr, "zooter: no command '%s'; 'zooter --help' lists them\n", argv[1]);
        return EXIT_WRONG_USE;
    }
    if (fflush(stdout) || ferror(stdout)) {          /* a full disk is a failure */
        fprintf(stderr, "zooter: writing to stdout: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return status;
}
