/* manual.c - the command tables as man pages, Markdown and bash completion; see manual.h. */
#include "cli/manual.h"
#include <string.h>

/* Troff text: backslashes, and dots or quotes that begin a line, are escaped; an empty line begins a paragraph. */
static void man_text(FILE *to, const char *s)
{
    for (int at_start = 1; *s; s++) {
        if (at_start && *s == '\n') {
            fputs(".PP\n", to);
            continue;
        }
        if (at_start && (*s == '.' || *s == '\''))
            fputs("\\&", to);
        if (*s == '\\')
            fputs("\\e", to);
        else if (*s == '-')
            fputs("\\-", to);
        else
            fputc(*s, to);
        at_start = *s == '\n';
    }
}

static void man_head(FILE *to, const char *name, const char *summary)
{
    fprintf(to, ".TH \"%s\" 1 \"\" \"zooter %s\"\n.SH NAME\n", name, zoo_version());
    man_text(to, name);
    fputs(" \\- ", to);
    man_text(to, summary);
    fputs("\n.SH SYNOPSIS\n.B zooter ", to);
}

static void man_option_list(FILE *to, const zoo_option *options)
{
    for (const zoo_option *o = options; o && o->name; o++) {
        fputs(".TP\n.B ", to);
        man_text(to, "--");
        man_text(to, o->name);
        if (o->arg)
            fprintf(to, " \\fI%s\\fR", o->arg);
        fputc('\n', to);
        man_text(to, o->help);
        fputs(o->type & OPTION_REQUIRED ? " (required)\n" : "\n", to);
    }
}

static void man_options(FILE *to, const zoo_option *options)
{
    fputs(".SH OPTIONS\n", to);
    man_option_list(to, options);
    fputs(".TP\n.B \\-\\-help\nprint the help text\n.SH EXIT STATUS\n0 done, 1 failed, 2 wrong use.\n", to);
}

static void man_examples(FILE *to, const char *heading, const zoo_command *c)
{
    if (c->examples && *c->examples) {
        fprintf(to, "%s\n.nf\n", heading);
        man_text(to, c->examples);
        fputs(".fi\n", to);
    }
}

/* A section a subcommand, in its parent's page. */
static void man_subcommand(FILE *to, const zoo_command *c)
{
    fputs(".SH \"", to);
    man_text(to, c->name);
    fputs("\"\n", to);
    man_text(to, c->summary);
    fputs("\n.PP\n.B zooter ", to);
    man_text(to, c->name);
    fputs("\n[OPTION...] ", to);
    man_text(to, c->args);
    fputs("\n.PP\n", to);
    man_text(to, c->details);
    fputc('\n', to);
    man_option_list(to, c->options);
    man_examples(to, ".PP\nExamples:", c);
}

void zoo_manual_man(FILE *to, const zoo_command *c)
{
    char name[64];

    snprintf(name, sizeof name, "zooter-%s", c->name);
    man_head(to, name, c->summary);
    fprintf(to, "%s\n%s", c->name, c->subcommands ? "" : "[OPTION...] ");
    man_text(to, c->args);
    fputs("\n.SH DESCRIPTION\n", to);
    man_text(to, c->details);
    fputc('\n', to);
    if (!c->subcommands)
        man_options(to, c->options);
    for (const zoo_command *const *sub = c->subcommands; sub && *sub; sub++)
        man_subcommand(to, *sub);
    if (c->subcommands)
        fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong use.\n", to);
    man_examples(to, ".SH EXAMPLES", c);
    fputs(".SH SEE ALSO\n.BR zooter (1)\n", to);
}

void zoo_manual_man_overview(FILE *to, const zoo_command *const *commands)
{
    man_head(to, "zooter", "which LLM is the expert for this query?");
    fputs("COMMAND\n[OPTION...] [ARGUMENT...]\n.SH DESCRIPTION\n"
          "Learns from reward\\-model scores which of your LLMs is the expert for a query, and serves\n"
          "OpenAI\\-compatible traffic through that knowledge.\n.SH COMMANDS\n", to);
    for (; *commands; commands++) {
        fprintf(to, ".TP\n.BR zooter\\-%s (1)\n", (*commands)->name);
        man_text(to, (*commands)->summary);
        fputc('\n', to);
    }
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong use.\n", to);
}

/* A table cell or a line of prose: the characters that Markdown would read are escaped. */
static void markdown_text(FILE *to, const char *s)
{
    for (; *s; s++) {
        if (strchr("|<>*_`\\", *s))
            fputc('\\', to);
        fputc(*s, to);
    }
}

static void markdown_command(FILE *to, const zoo_command *c)
{
    fprintf(to, "\n##%s zooter %s\n\n", strchr(c->name, ' ') ? "#" : "", c->name);
    markdown_text(to, c->summary);
    fprintf(to, "\n\n```\nzooter %s%s%s%s\n```\n\n```text\n%s\n```\n", c->name,
            c->options && c->options->name ? " [OPTION...]" : "", *c->args ? " " : "", c->args, c->details);
    if (c->options && c->options->name) {
        fputs("\n| option | |\n|---|---|\n", to);
        for (const zoo_option *o = c->options; o->name; o++) {
            fprintf(to, "| `--%s%s%s` | ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
            markdown_text(to, o->help);
            fputs(o->type & OPTION_REQUIRED ? " (required) |\n" : " |\n", to);
        }
    }
    if (c->examples && *c->examples)
        fprintf(to, "\n```sh\n%s```\n", c->examples);
    for (const zoo_command *const *sub = c->subcommands; sub && *sub; sub++)
        markdown_command(to, *sub);
}

void zoo_manual_markdown(FILE *to, const zoo_command *const *commands)
{
    fputs("# Commands\n\nMade from the command tables by `make docs`; `zooter COMMAND --help` says the same.\n"
          "Results go to stdout, chatter and progress to stderr. Exit status: 0 done, 1 failed, 2 wrong use.\n\n"
          "| command | |\n|---|---|\n", to);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(to, "| [`%s`](#zooter-%s) | ", commands[i]->name, commands[i]->name);
        markdown_text(to, commands[i]->summary);
        fputs(" |\n", to);
    }
    for (size_t i = 0; commands[i]; i++)
        markdown_command(to, commands[i]);
}

static void completion_options(FILE *to, const zoo_command *c)
{
    for (const zoo_option *o = c->options; o && o->name; o++)
        fprintf(to, " --%s", o->name);
}

void zoo_manual_completion_bash(FILE *to, const zoo_command *const *commands)
{
    fputs("# bash completion for zooter, from `zooter help --completion bash`\n"
          "_zooter()\n{\n    local current=${COMP_WORDS[COMP_CWORD]} words=\n\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words='--help --version", to);
    for (size_t i = 0; commands[i]; i++)
        fprintf(to, " %s", commands[i]->name);
    fputs("'\n    elif [ \"${current#-}\" != \"$current\" ]; then\n        case ${COMP_WORDS[1]} in\n", to);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(to, "        %s) words='--help", commands[i]->name);
        completion_options(to, commands[i]);
        for (const zoo_command *const *sub = commands[i]->subcommands; sub && *sub; sub++)
            completion_options(to, *sub);
        fputs("' ;;\n", to);
    }
    fputs("        esac\n    elif [ \"$COMP_CWORD\" = 2 ]; then\n        case ${COMP_WORDS[1]} in\n", to);
    for (size_t i = 0; commands[i]; i++)
        if (commands[i]->subcommands) {
            fprintf(to, "        %s) words='", commands[i]->name);
            for (const zoo_command *const *sub = commands[i]->subcommands; *sub; sub++)
                fprintf(to, "%s%s", sub == commands[i]->subcommands ? "" : " ", zoo_command_word(*sub));
            fputs("' ;;\n", to);
        }
    fputs("        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n"
          "complete -o default -F _zooter zooter          # where nothing matches: file names\n", to);
}
