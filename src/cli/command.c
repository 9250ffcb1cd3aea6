/* command.c - one table of options read into one struct of settings, with sentences for what is wrong; --help from the
 * same table. Knows no command by name. Layer: cli. */
#include "cli/command.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cli/suggest.h"

int zoo_cli_fail(const zoo_command *command, const zoo_err *err)
{
    fprintf(stderr, "zooter %s: %s\n", command->name, err->message);
    return err->code == ZOO_EUSAGE ? EXIT_WRONG_USE : EXIT_FAILED;
}

__attribute__((format(printf, 2, 0))) static void say(const zoo_command *command, const char *fmt, va_list ap)
{
    fprintf(stderr, "zooter %s: ", command->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int zoo_cli_wrong_use(const zoo_command *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(command, fmt, ap);
    va_end(ap);
    fprintf(stderr, "Try: zooter %s --help\n", command->name);
    return EXIT_WRONG_USE;
}

void zoo_cli_say(const zoo_command *command, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(command, fmt, ap);
    va_end(ap);
}

const char *zoo_command_word(const zoo_command *c)
{
    const char *space = strrchr(c->name, ' ');

    return space ? space + 1 : c->name;
}

const zoo_command *zoo_command_sub(const zoo_command *c, const char *word)
{
    for (const zoo_command *const *sub = c->subcommands; sub && *sub; sub++)
        if (!strcmp(zoo_command_word(*sub), word) || ((*sub)->alias && !strcmp((*sub)->alias, word)))
            return *sub;
    return NULL;
}

static void help_subcommands(FILE *to, const zoo_command *c)
{
    fprintf(to, "usage: zooter %s %s\n\n%s\n\n%s\n\n", c->name, c->args, c->summary, c->details);
    for (const zoo_command *const *sub = c->subcommands; *sub; sub++)
        fprintf(to, "  %-10s %s\n", zoo_command_word(*sub), (*sub)->summary);
    fprintf(to, "\n'zooter %s %s --help' explains one.\n", c->name, zoo_command_word(c->subcommands[0]));
}

void zoo_command_help(FILE *to, const zoo_command *c)
{
    if (c->subcommands) {
        help_subcommands(to, c);
        return;
    }
    fprintf(to, "usage: zooter %s%s%s%s\n\n%s\n\n%s\n", c->name, c->options && c->options->name ? " [OPTION...]" : "",
            *c->args ? " " : "", c->args, c->summary, c->details);
    fputs("\noptions:\n", to);
    for (const zoo_option *o = c->options; o && o->name; o++) {
        char head[64];
        snprintf(head, sizeof head, o->type & OPTION_BARE ? "--%s%s[%s]" : "--%s%s%s", o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        fprintf(to, "  %-24s %s%s\n", head, o->help, o->type & OPTION_REQUIRED ? " (required)" : "");
    }
    fprintf(to, "  %-24s %s\n", "--help", "this text");
    if (c->examples && *c->examples)
        fprintf(to, "\nexamples:\n%s", c->examples);
}

static int set_number(const zoo_command *c, const zoo_option *o, const char *text, char *settings)
{
    int bounded = o->least != 0 || o->most != 0;
    char *end;

    errno = 0;
    if ((o->type & OPTION_TYPE) == OPTION_COUNT) {
        unsigned long long n = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno)
            return zoo_cli_wrong_use(c, "--%s: '%s' is not a whole number", o->name, text);
        if (bounded && ((double)n < o->least || (double)n > o->most))
            return zoo_cli_wrong_use(c, "--%s: %s is outside %.0f to %.0f", o->name, text, o->least, o->most);
        uint64_t value = n;
        memcpy(settings + o->offset, &value, sizeof value);
    } else {
        double x = strtod(text, &end);
        if (end == text || *end || !isfinite(x))
            return zoo_cli_wrong_use(c, "--%s: '%s' is not a finite number", o->name, text);
        if (bounded && !(x >= o->least && x <= o->most))
            return zoo_cli_wrong_use(c, "--%s: %s is outside %g to %g", o->name, text, o->least, o->most);
        memcpy(settings + o->offset, &x, sizeof x);
    }
    return EXIT_DONE;
}

static int append_item(const zoo_command *c, const zoo_option *o, const char *text, char *settings)
{
    zoo_list list;
    const char **items;

    memcpy(&list, settings + o->offset, sizeof list);
    items = realloc(list.items, (list.count + 1) * sizeof *items);
    if (!items) {
        fprintf(stderr, "zooter %s: out of memory\n", c->name);
        return EXIT_FAILED;
    }
    list.items = items;
    list.items[list.count++] = text;
    memcpy(settings + o->offset, &list, sizeof list);
    return EXIT_DONE;
}

/* Cuts "a,b" in place, in argv. */
static int append_names(const zoo_command *c, const zoo_option *o, char *text, char *settings)
{
    for (char *comma; text; text = comma) {
        comma = strchr(text, ',');
        if (comma)
            *comma++ = '\0';
        if (!*text)
            return zoo_cli_wrong_use(c, "--%s: an empty name", o->name);
        int status = append_item(c, o, text, settings);
        if (status)
            return status;
    }
    return EXIT_DONE;
}

static int set_option(const zoo_command *c, const zoo_option *o, char *text, char *settings)
{
    int on = 1;

    switch (o->type & OPTION_TYPE) {
    case OPTION_FLAG:
        memcpy(settings + o->offset, &on, sizeof on);
        return EXIT_DONE;
    case OPTION_TEXT:
        memcpy(settings + o->offset, &text, sizeof text);
        return EXIT_DONE;
    case OPTION_LIST:
        return append_item(c, o, text, settings);
    case OPTION_NAMES:
        return append_names(c, o, text, settings);
    default:
        return set_number(c, o, text, settings);
    }
}

static int unknown_option(const zoo_command *c, const char *word)
{
    zoo_suggestion near = zoo_suggestion_for(word + strspn(word, "-"));

    for (const zoo_option *o = c->options; o && o->name; o++)
        zoo_suggestion_consider(&near, o->name);
    if (near.best)
        return zoo_cli_wrong_use(c, "unknown option '%s'; did you mean --%s?", word, near.best);
    return zoo_cli_wrong_use(c, "unknown option '%s'", word);
}

static const zoo_option *find(const zoo_command *c, const char *name, size_t length)
{
    for (const zoo_option *o = c->options; o && o->name; o++)
        if (strlen(o->name) == length && !strncmp(o->name, name, length))
            return o;
    return NULL;
}

/* An option that may stand without its number does. */
static int stands_bare(const zoo_option *o, int argc, char **argv, int next)
{
    return (o->type & OPTION_BARE) && (next >= argc || argv[next][0] < '0' || argv[next][0] > '9');
}

static int set_bare(const zoo_option *o, char *settings)
{
    const uint64_t none = OPTION_NO_NUMBER;

    memcpy(settings + o->offset, &none, sizeof none);
    return EXIT_DONE;
}

/* Reads options into settings and moves positional arguments to the front of argv. -1: go on; else an exit status. */
static int parse(const zoo_command *c, int *argc, char **argv, char *settings, unsigned char *given)
{
    int n = 0, only_positional = 0;

    for (int i = 0; i < *argc; i++) {
        char *word = argv[i];
        if (only_positional || word[0] != '-' || !word[1]) {
            argv[n++] = argv[i];
            continue;
        }
        if (!strcmp(word, "--")) {
            only_positional = 1;
            continue;
        }
        if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            zoo_command_help(stdout, c);
            return EXIT_DONE;
        }
        if (strncmp(word, "--", 2))
            return unknown_option(c, word);
        char *name = word + 2, *equals = strchr(name, '='), *text = NULL;
        const zoo_option *o = find(c, name, equals ? (size_t)(equals - name) : strlen(name));
        if (!o)
            return unknown_option(c, word);
        if ((o->type & OPTION_TYPE) == OPTION_FLAG) {
            if (equals)
                return zoo_cli_wrong_use(c, "--%s takes no value", o->name);
        } else if (equals) {
            text = equals + 1;
        } else if (stands_bare(o, *argc, argv, i + 1)) {
            text = NULL;
        } else if (i + 1 < *argc) {
            text = argv[++i];
        } else {
            return zoo_cli_wrong_use(c, "--%s needs %s", o->name, o->arg);
        }
        int status = (o->type & OPTION_BARE) && !text ? set_bare(o, settings) : set_option(c, o, text, settings);
        if (status)
            return status;
        given[o - c->options] = 1;
    }
    *argc = n;
    for (const zoo_option *o = c->options; o && o->name; o++)
        if (o->type & OPTION_REQUIRED && !given[o - c->options])
            return zoo_cli_wrong_use(c, "--%s %s is required", o->name, o->arg);
    if (n < c->least_args)
        return zoo_cli_wrong_use(c, "missing %s", c->args);
    if (c->most_args >= 0 && n > c->most_args)
        return zoo_cli_wrong_use(c, "unexpected argument '%s'", argv[c->most_args]);
    return -1;
}

static void free_lists(const zoo_command *c, const char *settings)
{
    for (const zoo_option *o = c->options; o && o->name; o++)
        if ((o->type & OPTION_TYPE) == OPTION_LIST || (o->type & OPTION_TYPE) == OPTION_NAMES) {
            zoo_list list;
            memcpy(&list, settings + o->offset, sizeof list);
            free(list.items);
        }
}

static int run_subcommand(const zoo_command *c, int argc, char **argv)
{
    const zoo_command *sub;
    zoo_suggestion near;

    if (!argc)
        return zoo_cli_wrong_use(c, "missing %s", c->args);
    if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")) {
        zoo_command_help(stdout, c);
        return EXIT_DONE;
    }
    if ((sub = zoo_command_sub(c, argv[0])))
        return zoo_command_run(sub, argc - 1, argv + 1);
    near = zoo_suggestion_for(argv[0]);
    for (const zoo_command *const *s = c->subcommands; *s; s++)
        zoo_suggestion_consider(&near, zoo_command_word(*s));
    if (near.best)
        return zoo_cli_wrong_use(c, "there is no '%s'; did you mean %s?", argv[0], near.best);
    return zoo_cli_wrong_use(c, "there is no '%s'", argv[0]);
}

int zoo_command_run(const zoo_command *c, int argc, char **argv)
{
    size_t options = 0;
    char *settings;
    unsigned char *given;
    int status = EXIT_FAILED;

    if (c->subcommands)
        return run_subcommand(c, argc, argv);
    for (const zoo_option *o = c->options; o && o->name; o++)
        options++;
    settings = calloc(1, c->settings_size + 1);
    given = calloc(1, options + 1);
    if (!settings || !given) {
        fprintf(stderr, "zooter %s: out of memory\n", c->name);
    } else {
        if (c->defaults)
            memcpy(settings, c->defaults, c->settings_size);
        status = parse(c, &argc, argv, settings, given);
        if (status < 0)
            status = c->run(settings, argc, argv);
        free_lists(c, settings);
    }
    free(given);
    free(settings);
    return status;
}
