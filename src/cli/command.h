/* command.h - commands and their options as tables: parsing, --help, manual.h and validation all derive from them.
 *
 *     struct settings { const char *store; uint64_t seed; zoo_list tags; };
 *     static const struct settings defaults = { .seed = 1 };
 *     static const zoo_option options[] = {
 *         { "store", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, store), "the store" },
 *         { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "random seed (default 1)" },
 *         { 0 } };
 *     const zoo_command zoo_command_select = { "select", ..., options, &defaults, sizeof defaults, 0, 0, run };
 *
 * A command of several actions is a zoo_command that lists them as subcommands, each a zoo_command in a file of its
 * own. Results go to stdout, chatter and progress to stderr; exit status: 0 done, 1 failed, 2 wrong use.
 * Layer: cli. */
#ifndef ZOO_CLI_COMMAND_H
#define ZOO_CLI_COMMAND_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/err.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG_USE = 2 };

enum {
    OPTION_FLAG = 1,        /* int: 1 where given */
    OPTION_TEXT = 2,        /* const char *; NULL where not given */
    OPTION_COUNT = 3,       /* uint64_t: a whole number >= 0 */
    OPTION_NUMBER = 4,      /* double: finite */
    OPTION_LIST = 5,        /* zoo_list: may be given several times */
    OPTION_NAMES = 6,       /* zoo_list of names parted by commas, none empty; may be given several times */
    OPTION_TYPE = 15,
    OPTION_REQUIRED = 16,
    /* of a COUNT: may stand without its number, which is then OPTION_NO_NUMBER; a number begins with a digit */
    OPTION_BARE = 32
};

#define OPTION_NO_NUMBER UINT64_MAX

typedef struct zoo_list { const char **items; size_t count; } zoo_list;       /* items borrowed from argv */

typedef struct zoo_option {
    const char *name;       /* without the dashes; NULL ends the table */
    const char *arg;        /* placeholder shown by --help; NULL for a flag */
    unsigned type;          /* OPTION_* */
    size_t offset;          /* into the command's settings */
    const char *help;       /* one sentence with the unit and the default */
    double least, most;     /* of COUNT and NUMBER; both 0: any */
} zoo_option;

typedef struct zoo_command zoo_command;
struct zoo_command {
    const char *name;       /* a subcommand's with its parent's: "model info" */
    const char *args;       /* positional arguments as shown by --help: "FILE...", or "" */
    const char *summary;    /* one line, in the list of commands */
    const char *details;    /* paragraphs: what it does, reads and writes, with its limits */
    const char *examples;   /* lines that can be pasted into a shell */
    const zoo_option *options;
    const void *defaults;   /* settings before any option is read */
    size_t settings_size;
    int least_args, most_args;                                   /* positional; most_args < 0: any number */
    int (*run)(const void *settings, int argc, char **argv);     /* argv: the positional ones; returns EXIT_* */
    /* ends with NULL; the first argument names one, with options and run of its own */
    const zoo_command *const *subcommands;
    const char *alias;                       /* of a subcommand: another spelling of its last word, or NULL */
};

extern const zoo_command *const zoo_commands[];                  /* ends with NULL; see commands.c */
const zoo_command *zoo_cli_find(const char *name);               /* NULL: no such command */
/* The subcommand of `command` that `word` names; NULL: it has none. */
const zoo_command *zoo_command_sub(const zoo_command *command, const char *word);
/* A subcommand's name without its parent's. */
const char *zoo_command_word(const zoo_command *command);
void zoo_cli_overview(FILE *to);                                 /* usage and the list of commands */
/* "who: no command 'trian'; did you mean train?" on stderr; returns EXIT_WRONG_USE. */
int zoo_cli_no_command(const char *who, const char *name);

/* Parses argv (behind the command's name) and runs. */
int zoo_command_run(const zoo_command *command, int argc, char **argv);
void zoo_command_help(FILE *to, const zoo_command *command);

/* "zooter NAME: sentence" on stderr; returns EXIT_WRONG_USE for ZOO_EUSAGE, else EXIT_FAILED. */
int zoo_cli_fail(const zoo_command *command, const zoo_err *err);
__attribute__((format(printf, 2, 3))) int zoo_cli_wrong_use(const zoo_command *command, const char *fmt, ...);
/* A line of chatter on stderr: "zooter NAME: ...". */
__attribute__((format(printf, 2, 3))) void zoo_cli_say(const zoo_command *command, const char *fmt, ...);
#endif
