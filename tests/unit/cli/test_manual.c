/* What the tables become: the characters that troff, Markdown and bash would read for themselves are escaped. */
#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/manual.h"

struct settings { const char *out; int all; };

static const zoo_option options[] = {
    { "out-dir", "DIR", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, out), "where a|b <goes>", 0, 0 },
    { "all", NULL, OPTION_FLAG, offsetof(struct settings, all), ".all of it", 0, 0 },
    { 0 }
};
static const zoo_command command = {
    .name = "try", .args = "[FILE]", .summary = "tries", .details = "First.\n.dot and back\\slash\n\n'quote",
    .examples = "  zooter try --all\n", .options = options, .settings_size = sizeof(struct settings), .most_args = 1
};
static const zoo_command sub = {
    .name = "group do", .args = "DIR", .summary = "does", .details = "It does.", .examples = "  zooter group do x\n",
    .options = options, .settings_size = sizeof(struct settings), .most_args = 1
};
static const zoo_command *const subs[] = { &sub, NULL };
static const zoo_command group = { .name = "group", .args = "ACTION", .summary = "groups", .details = "Of several.",
                                   .subcommands = subs };
static const zoo_command *const table[] = { &command, &group, NULL };

static char text[8000];

static FILE *begin(void)
{
    FILE *file = fmemopen(text, sizeof text, "w");

    assert_non_null(file);
    return file;
}

static void has(const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void man_pages_escape_what_troff_would_read(void **state)
{
    FILE *file = begin();

    (void)state;
    zoo_manual_man(file, &command);
    fclose(file);
    has(".TH \"zooter-try\" 1 \"\" \"zooter ");
    has("First.\n\\&.dot and back\\eslash\n.PP\n\\&'quote\n");
    has(".B \\-\\-out\\-dir \\fIDIR\\fR\nwhere a|b <goes> (required)\n");
    has("\n\\&.all of it\n");
}

/* A request that does not begin its line is text; an empty line is one too many. */
static void requests_begin_their_lines(void **state)
{
    (void)state;
    for (size_t i = 0; table[i]; i++) {
        FILE *file = begin();
        zoo_manual_man(file, table[i]);
        fclose(file);
        for (const char *at = text; (at = strstr(at, ".SH")); at++)
            if (at[-1] != '\n')
                fail_msg("a section begins in a line of:\n%s", text);
        if (strstr(text, "\n\n"))
            fail_msg("an empty line in:\n%s", text);
    }
}

static void the_overview_names_every_command(void **state)
{
    FILE *file = begin();

    (void)state;
    zoo_manual_man_overview(file, table);
    fclose(file);
    has(".BR zooter\\-try (1)\ntries\n");
}

static void markdown_escapes_what_would_break_a_table(void **state)
{
    FILE *file = begin();

    (void)state;
    zoo_manual_markdown(file, table);
    fclose(file);
    has("| [`try`](#zooter-try) | tries |\n");
    has("| `--out-dir DIR` | where a\\|b \\<goes\\> (required) |\n");
}

static void completion_knows_the_options_of_each_command(void **state)
{
    FILE *file = begin();

    (void)state;
    zoo_manual_completion_bash(file, table);
    fclose(file);
    has("words='--help --version try group'");
    has("try) words='--help --out-dir --all' ;;");
}

static void subcommands_are_told_where_their_parent_is(void **state)
{
    FILE *file = begin();

    (void)state;
    zoo_manual_markdown(file, table);
    fclose(file);
    has("\n### zooter group do\n");
    has("zooter group do [OPTION...] DIR\n");
    file = begin();
    zoo_manual_man(file, &group);
    fclose(file);
    has(".SH \"group do\"\ndoes\n");
    has(".B \\-\\-out\\-dir \\fIDIR\\fR\n");
    file = begin();
    zoo_manual_completion_bash(file, table);
    fclose(file);
    has("group) words='--help --out-dir --all' ;;");
    has("group) words='do' ;;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(man_pages_escape_what_troff_would_read),
        cmocka_unit_test(requests_begin_their_lines),
        cmocka_unit_test(the_overview_names_every_command),
        cmocka_unit_test(markdown_escapes_what_would_break_a_table),
        cmocka_unit_test(completion_knows_the_options_of_each_command),
        cmocka_unit_test(subcommands_are_told_where_their_parent_is),
    };
    return cmocka_run_group_tests_name("cli/manual", tests, NULL, NULL);
}
