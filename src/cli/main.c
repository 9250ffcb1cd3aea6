/* main.c - zooter: finds the command, runs it, and makes sure that what it printed was written. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "cli/command.h"

static int dispatch(int argc, char **argv)
{
    const char *name = argv[1];
    const zoo_command *command = zoo_cli_find(name);

    if (command)
        return zoo_command_run(command, argc - 2, argv + 2);
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
        zoo_cli_overview(stdout);
        return EXIT_DONE;
    }
    if (!strcmp(name, "--version")) {
        printf("zooter %s\n", zoo_version());
        return EXIT_DONE;
    }
    return zoo_cli_no_command("zooter", name);
}

int main(int argc, char **argv)
{
    int status;

    signal(SIGPIPE, SIG_IGN);          /* a reader that left shows as a failed write */
    signal(SIGXFSZ, SIG_IGN);          /* and so does a file that may not grow */
    if (argc < 2) {
        zoo_cli_overview(stderr);
        return EXIT_WRONG_USE;
    }
    status = dispatch(argc, argv);
    if (fflush(stdout) || ferror(stdout)) {          /* a full disk is a failure */
        fprintf(stderr, "zooter: writing to stdout: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return status;
}
