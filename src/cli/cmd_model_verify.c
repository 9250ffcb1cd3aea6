/* cmd_model_verify.c - zooter model verify DIR: is a checkpoint whole, and does it do what its reference does? */
#include <inttypes.h>
#include "base/buf.h"
#include "cli/command.h"
#include "cli/verify.h"

struct settings { const char *against, *precision, *reference, *queries; double agreement, clear; int json; };

extern const zoo_command zoo_command_model_verify;
static const zoo_command *const self = &zoo_command_model_verify;

static json_int_t count_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_checks(const json_t *checks)
{
    const json_t *check;
    size_t i;

    json_array_foreach(checks, i, check)
        printf("%-6s %-10s %s\n", json_is_true(json_object_get(check, "ok")) ? "ok" : "FAILED",
               json_string_value(json_object_get(check, "check")), json_string_value(json_object_get(check, "says")));
}

static void print_share(const char *what, json_int_t part, json_int_t all)
{
    printf("  %-34s %lld of %lld (%.2f %%)\n", what, (long long)part, (long long)all,
           all ? 100.0 * (double)part / (double)all : 100.0);
}

static void print_comparison(const json_t *c, double clear)
{
    if (!c)
        return;
    printf("\n%s in %s against %s in %s, %lld queries\n", json_string_value(json_object_get(c, "tried")),
           json_string_value(json_object_get(c, "precision")), json_string_value(json_object_get(c, "against")),
           json_string_value(json_object_get(c, "reference_precision")), (long long)count_of(c, "queries"));
    if (json_object_get(c, "agreeing")) {
        print_share("decisions that agree", count_of(c, "agreeing"), count_of(c, "queries"));
        print_share("where the reference is clear", count_of(c, "clear_agreeing"), count_of(c, "clear"));
        printf("  %-34s %g (of its best two probabilities; at least %.2f %% have to agree there)\n",
               "clear: a difference above", clear, 100 * number_of(c, "least_agreement"));
    }
    printf("  %-34s %.6f\n", json_object_get(c, "agreeing") ? "largest difference of probabilities" :
           "largest difference of numbers", number_of(c, "largest_difference"));
    if (json_object_get(c, "least_cosine"))
        printf("  %-34s %.6f\n", "least cosine", number_of(c, "least_cosine"));
    if (json_object_get(c, "rewarded"))
        printf("  %-34s %.6f, %.6f (%+.6f) on %lld queries\n", "mean reward, and the reference's",
               number_of(c, "reward"), number_of(c, "reference_reward"),
               number_of(c, "reward") - number_of(c, "reference_reward"), (long long)count_of(c, "rewarded"));
}

static int print_json(const json_t *checks, const json_t *comparison, int is_fit, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(1 << 24);
    json_t *all = json_pack("{s:b, s:O, s:O?}", "fit", is_fit, "checks", checks, "comparison", comparison);
    int rc = !all || zoo_json_dump(&text, all) ? zoo_fail_nomem(err) : ZOO_OK;

    if (!rc)
        puts(text.data);
    json_decref(all);
    zoo_buf_release(&text);
    return rc;
}

static int parse_precision(const char *option, const char *word, enum zoo_precision *out)
{
    if (word && !zoo_precision_parse(word, out))
        return zoo_cli_wrong_use(self, "--%s: '%s' is none of auto, f32, bf16, int8", option, word);
    return EXIT_DONE;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_comparison job = { .dir = argv[0], .reference_dir = s->against ? s->against : argv[0],
                           .precision = ZOO_PRECISION_AUTO, .reference = ZOO_PRECISION_F32, .queries = s->queries,
                           .agreement = s->agreement, .clear = s->clear };
    int compares = s->against || s->precision || s->reference || s->queries, is_fit = 1, rc;
    json_t *checks = json_array(), *comparison = NULL;
    zoo_err err;

    (void)argc;
    if ((rc = parse_precision("precision", s->precision, &job.precision)) ||
        (rc = parse_precision("reference", s->reference, &job.reference))) {
        json_decref(checks);
        return rc;
    }
    rc = zoo_verify_integrity(checks, argv[0], &is_fit, &err);
    if (!rc && is_fit && compares)
        rc = zoo_verify_compare(&comparison, &job, &is_fit, &err);
    if (s->json) {
        rc = rc ? rc : print_json(checks, comparison, is_fit, &err);
    } else {
        print_checks(checks);
        print_comparison(comparison, s->clear);
        if (!rc)
            printf("\n%s: %s\n", argv[0], is_fit ? "fit" : "NOT FIT");
    }
    json_decref(checks);
    json_decref(comparison);
    return rc ? zoo_cli_fail(self, &err) : is_fit ? EXIT_DONE : EXIT_FAILED;
}

static const struct settings defaults = { .clear = 0.02 };
static const zoo_option options[] = {
    { "against", "DIR", OPTION_TEXT, offsetof(struct settings, against),
      "compare with this checkpoint (default: with itself)", 0, 0 },
    { "precision", "P", OPTION_TEXT, offsetof(struct settings, precision),
      "compare in this precision: auto, f32, bf16, int8 (default: auto)", 0, 0 },
    { "reference", "P", OPTION_TEXT, offsetof(struct settings, reference),
      "precision of what it is compared with (default: f32)", 0, 0 },
    { "queries", "FILE", OPTION_TEXT, offsetof(struct settings, queries),
      "compare on these: JSONL with 'query' and perhaps 'rewards' ('-': stdin; default: 120 that are built in)", 0, 0 },
    { "agreement", "SHARE", OPTION_NUMBER, offsetof(struct settings, agreement),
      "least share of clear decisions that have to agree, 0.5 to 1 (default: 0.999; 0.995 in int8)", 0.5, 1 },
    { "clear", "X", OPTION_NUMBER, offsetof(struct settings, clear),
      "a decision is clear where the reference's best two probabilities differ by more (default: 0.02)", 0, 1 },
    { "json", NULL, OPTION_FLAG, offsetof(struct settings, json), "one JSON object instead of text", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_model_verify = {
    .name = "model verify", .args = "DIR",
    .summary = "check that a checkpoint is whole, and does what its reference does",
    .details =
        "Reads every weight: all values are finite numbers; every tensor that the network of config.json needs is "
        "there in its shape;\n"
        "the tokenizer has no more pieces than the embedding has rows; names and ids of labels agree, and the router "
        "opens.\n"
        "\n"
        "With --against, --precision, --reference or --queries it also compares. DIR in --precision is tried against "
        "--against (or DIR\n"
        "itself) in --reference, on the same queries. Of a router it says how many decisions agree, also where the "
        "reference is clear,\n"
        "the largest difference of probabilities, and, where the rows have rewards, the mean reward of what each "
        "chose. Of a backbone it\n"
        "says the least cosine of [CLS] vectors, which has to reach --agreement; of a scalar reward model the largest "
        "difference. Of\n"
        "PairRM's head it says what it says of a router: which of two candidates is better, the two queries behind "
        "each being its\n"
        "candidates.\n"
        "\n"
        "Exit status 1: not fit. Memory does not grow with the queries.",
    .examples = "  zooter model verify my-router\n"
                "  zooter model verify my-router --precision int8 --queries test.jsonl\n"
                "  zooter model verify my-router-int8 --against my-router --json\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .least_args = 1,
    .most_args = 1, .run = run
};
