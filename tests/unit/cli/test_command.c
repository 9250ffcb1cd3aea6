/* The option parser over a table of its own: what reaches the settings,
 * and the status and sentence of every refusal. */
#include "unit/cm.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/command.h"

struct settings { const char *store; uint64_t seed, batch; double rate; int force; zoo_list tags, kinds; };

static struct settings seen;          /* what the command was given; tags are copied out below */
static const char *seen_tags[4], *seen_kinds[4], *seen_args[4];
static int seen_argc, calls;

static int take(const void *opaque, int argc, char **argv)
{
    seen = *(const struct settings *)opaque;
    for (size_t i = 0; i < seen.tags.count && i < 4; i++)
        seen_tags[i] = seen.tags.items[i];
    for (size_t i = 0; i < seen.kinds.count && i < 4; i++)
        seen_kinds[i] = seen.kinds.items[i];
    seen_argc = argc;
    for (int i = 0; i < argc && i < 4; i++)
        seen_args[i] = argv[i];
    calls++;
    return 7;
}

static const zoo_option options[] = {
    { "store", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, store), "the store", 0, 0 },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "seed (default 1)", 0, 0 },
    { "rate", "R", OPTION_NUMBER, offsetof(struct settings, rate), "rate, 0 to 1 (default 0.5)", 0, 1 },
    { "force", NULL, OPTION_FLAG, offsetof(struct settings, force), "do it", 0, 0 },
    { "tag", "KIND", OPTION_LIST, offsetof(struct settings, tags), "may be given several times", 0, 0 },
    { "kinds", "A,B", OPTION_NAMES, offsetof(struct settings, kinds), "names parted by commas", 0, 0 },
    { "batch", "N", OPTION_COUNT | OPTION_BARE, offsetof(struct settings, batch), "with or without a number", 1, 9 },
    { 0 }
};
static const struct settings defaults = { .seed = 1, .rate = 0.5 };
static const zoo_command command = {
    .name = "try", .args = "FILE...", .summary = "tries", .details = "Details.", .examples = "", .options = options,
    .defaults = &defaults, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 2, .run = take
};

static const zoo_command *running = &command;
static char said[4000];               /* what the last run wrote to stdout and stderr */

/* Runs with the words given (ends with NULL); what it prints goes into `said`. */
static int run(const char *const *words)
{
    static char copies[12][64];        /* argv may be written to */
    char *argv[12];
    int argc = 0, status, saved[2] = { dup(1), dup(2) };
    FILE *file = tmpfile();
    size_t n;

    assert_non_null(file);
    for (; words[argc]; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    fflush(stdout);
    dup2(fileno(file), 1);
    dup2(fileno(file), 2);
    calls = 0;
    status = zoo_command_run(running, argc, argv);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
    }
    rewind(file);
    n = fread(said, 1, sizeof said - 1, file);
    said[n] = 0;
    fclose(file);
    return status;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static void refused(int status, const char *sentence)
{
    assert_int_equal(status, EXIT_WRONG_USE);
    assert_int_equal(calls, 0);
    if (!strstr(said, sentence))
        fail_msg("expected '%s' in: %s", sentence, said);
    assert_non_null(strstr(said, "Try: zooter try --help\n"));
}

static void options_reach_the_settings_and_the_status_comes_back(void **state)
{
    (void)state;
    assert_int_equal(RUN("--store", "a.db", "one", "--seed=18446744073709551615", "--force", "--tag", "x", "--tag=y=z",
                         "two"), 7);
    assert_string_equal(said, "");
    assert_int_equal(calls, 1);
    assert_string_equal(seen.store, "a.db");
    assert_true(seen.seed == UINT64_MAX);
    assert_true(seen.rate >= 0.5 && seen.rate <= 0.5);
    assert_int_equal(seen.force, 1);
    assert_int_equal(seen.tags.count, 2);
    assert_string_equal(seen_tags[0], "x");
    assert_string_equal(seen_tags[1], "y=z");
    assert_int_equal(seen_argc, 2);
    assert_string_equal(seen_args[0], "one");
    assert_string_equal(seen_args[1], "two");
}

static void one_run_leaves_nothing_for_the_next(void **state)
{
    (void)state;
    assert_int_equal(RUN("--store=s", "--force", "--rate=1", "--tag=t", "one"), 7);
    assert_int_equal(RUN("--store=s", "one"), 7);
    assert_int_equal(seen.force, 0);
    assert_int_equal(seen.tags.count, 0);
    assert_true(seen.rate >= 0.5 && seen.rate <= 0.5);
}

static void dashes_alone_are_arguments(void **state)
{
    (void)state;
    assert_int_equal(RUN("--store=s", "-", "--", "--seed"), 7);
    assert_int_equal(seen_argc, 2);
    assert_string_equal(seen_args[0], "-");
    assert_string_equal(seen_args[1], "--seed");
}

static void an_option_takes_the_next_word_whatever_it_is(void **state)
{
    (void)state;
    assert_int_equal(RUN("--store", "--force", "one"), 7);
    assert_string_equal(seen.store, "--force");
    assert_int_equal(seen.force, 0);
}

static void wrong_use_is_named(void **state)
{
    (void)state;
    refused(RUN("one"), "--store FILE is required");
    refused(RUN("--store=s"), "missing FILE...");
    refused(RUN("--store=s", "1", "2", "3"), "unexpected argument '3'");
    refused(RUN("--stroe=s", "1"), "unknown option '--stroe=s'; did you mean --store?");
    refused(RUN("-s", "1"), "unknown option '-s'");
    refused(RUN("--store=s", "--zzzz", "1"), "unknown option '--zzzz'\n");
    refused(RUN("1", "--store"), "--store needs FILE");
    refused(RUN("--store=s", "--force=yes", "1"), "--force takes no value");
}

static void numbers_are_whole_finite_and_within_bounds(void **state)
{
    static const char *const bad_counts[] = { "", "-1", "+1", " 1", "1.5", "1e3", "0x10", "ten", "18446744073709551616",
                                              NULL };
    static const char *const bad_rates[] = { "", "nan", "inf", "-inf", "0.5x", "1e999", "-0.1", "1.0001", NULL };
    char word[64];

    (void)state;
    for (size_t i = 0; bad_counts[i]; i++) {
        snprintf(word, sizeof word, "--seed=%s", bad_counts[i]);
        refused(RUN("--store=s", word, "1"), "is not a whole number");
    }
    for (size_t i = 0; bad_rates[i]; i++) {
        snprintf(word, sizeof word, "--rate=%s", bad_rates[i]);
        refused(RUN("--store=s", word, "1"), i < 6 ? "is not a finite number" : "is outside 0 to 1");
    }
}

static void help_is_from_the_table_and_runs_nothing(void **state)
{
    (void)state;
    assert_int_equal(RUN("--zooter=is-not-looked-at", "--help"), EXIT_WRONG_USE);
    assert_int_equal(RUN("--help"), EXIT_DONE);
    assert_int_equal(calls, 0);
    assert_non_null(strstr(said, "usage: zooter try [OPTION...] FILE..."));
    for (const zoo_option *o = options; o->name; o++)
        assert_non_null(strstr(said, o->help));
    assert_non_null(strstr(said, "the store (required)"));
}

static void names_are_parted_by_commas(void **state)
{
    (void)state;
    assert_int_equal(RUN("--store", "a.db", "--kinds", "topic,sub set", "--kinds=x", "one"), 7);
    assert_int_equal(seen.kinds.count, 3);
    assert_string_equal(seen_kinds[0], "topic");
    assert_string_equal(seen_kinds[1], "sub set");
    assert_string_equal(seen_kinds[2], "x");
    refused(RUN("--store", "a.db", "--kinds", "topic,,x", "one"), "--kinds: an empty name");
    refused(RUN("--store", "a.db", "--kinds=", "one"), "--kinds: an empty name");
}

static const zoo_command sub = {
    .name = "group try", .args = "FILE...", .summary = "tries", .details = "Details.", .examples = "",
    .options = options,
    .defaults = &defaults, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 2, .run = take,
    .alias = "essay"
};
static const zoo_command *const subs[] = { &sub, NULL };
static const zoo_command group = { .name = "group", .args = "ACTION ...", .summary = "groups", .details = "Details.",
                                   .subcommands = subs };

static void a_subcommand_is_found_by_its_last_word_or_its_alias(void **state)
{
    (void)state;
    running = &group;
    assert_int_equal(RUN("try", "--store=s", "one"), 7);
    assert_string_equal(seen_args[0], "one");
    assert_int_equal(RUN("essay", "--store=s", "one"), 7);
    assert_int_equal(RUN("try", "one"), EXIT_WRONG_USE);
    assert_non_null(strstr(said, "zooter group try: --store FILE is required\nTry: zooter group try --help\n"));
    assert_int_equal(RUN("tyr", "one"), EXIT_WRONG_USE);
    assert_non_null(strstr(said, "zooter group: there is no 'tyr'; did you mean try?\n"));
    assert_int_equal(run((const char *const[]){ NULL }), EXIT_WRONG_USE);
    assert_non_null(strstr(said, "missing ACTION"));
    assert_int_equal(RUN("--help"), EXIT_DONE);
    assert_non_null(strstr(said, "  try        tries\n"));
    running = &command;
}

static void check_options(const zoo_command *c)
{
    static const size_t sizes[] = {
        [OPTION_FLAG] = sizeof(int), [OPTION_TEXT] = sizeof(char *), [OPTION_COUNT] = sizeof(uint64_t),
        [OPTION_NUMBER] = sizeof(double), [OPTION_LIST] = sizeof(zoo_list), [OPTION_NAMES] = sizeof(zoo_list)
    };

    for (const zoo_option *o = c->options; o && o->name; o++) {
        unsigned type = o->type & OPTION_TYPE;
        assert_true(type >= OPTION_FLAG && type <= OPTION_NAMES);
        assert_true((type == OPTION_FLAG) == (o->arg == NULL));
        assert_true(o->help && *o->help);
        assert_true(o->least <= o->most);
        assert_true(o->offset + sizes[type] <= c->settings_size);
        for (const zoo_option *p = c->options; p < o; p++) {
            assert_string_not_equal(p->name, o->name);
            assert_true(p->offset + sizes[p->type & OPTION_TYPE] <= o->offset || o->offset + sizes[type] <= p->offset);
        }
    }
}

static void check_command(const zoo_command *c)
{
    assert_true(c->summary && *c->summary && strlen(c->summary) <= 90);
    assert_true(c->details && *c->details && c->args && !c->run == !!c->subcommands);
    assert_true(c->most_args < 0 || c->most_args >= c->least_args);
    assert_true(!c->defaults || c->settings_size);
    check_options(c);
    for (const zoo_command *const *s = c->subcommands; s && *s; s++) {
        size_t n = strlen(c->name);
        assert_true(!strncmp((*s)->name, c->name, n) && (*s)->name[n] == ' ' && !(*s)->subcommands);
        assert_ptr_equal(zoo_command_sub(c, (*s)->name + n + 1), *s);
        check_command(*s);
    }
}

/* Every real command: the table is complete, says nothing twice, and no option writes over another's setting. */
static void the_tables_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; zoo_commands[i]; i++) {
        assert_ptr_equal(zoo_cli_find(zoo_commands[i]->name), zoo_commands[i]);
        check_command(zoo_commands[i]);
    }
}

static void a_count_may_stand_without_its_number(void **state)
{
    (void)state;
    assert_int_equal(RUN("--store", "s", "--batch", "4", "a"), 7);
    assert_true(seen.batch == 4 && seen_argc == 1);
    assert_int_equal(RUN("--store", "s", "a", "--batch"), 7);
    assert_true(seen.batch == OPTION_NO_NUMBER);
    assert_int_equal(RUN("--batch", "--store", "s", "a"), 7);
    assert_true(seen.batch == OPTION_NO_NUMBER && seen_argc == 1);
    assert_int_equal(RUN("--batch=10", "--store", "s", "a"), EXIT_WRONG_USE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_may_stand_without_its_number),
        cmocka_unit_test(options_reach_the_settings_and_the_status_comes_back),
        cmocka_unit_test(one_run_leaves_nothing_for_the_next),
        cmocka_unit_test(dashes_alone_are_arguments),
        cmocka_unit_test(an_option_takes_the_next_word_whatever_it_is),
        cmocka_unit_test(wrong_use_is_named),
        cmocka_unit_test(numbers_are_whole_finite_and_within_bounds),
        cmocka_unit_test(help_is_from_the_table_and_runs_nothing),
        cmocka_unit_test(names_are_parted_by_commas),
        cmocka_unit_test(a_subcommand_is_found_by_its_last_word_or_its_alias),
        cmocka_unit_test(the_tables_are_sound),
    };
    return cmocka_run_group_tests_name("cli/command", tests, NULL, NULL);
}
