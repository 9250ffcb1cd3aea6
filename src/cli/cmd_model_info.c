/* cmd_model_info.c - zooter model info DIR: what a checkpoint folder holds, as text or as JSON. */
#include <inttypes.h>
#include <string.h>
#include "base/buf.h"
#include "cli/command.h"
#include "cli/model_facts.h"
#include "cli/model_size.h"

struct settings { int json, tensors; };

extern const zoo_command zoo_command_model_info;

static const char *text_of(const json_t *facts, const char *key)
{
    const char *text = json_string_value(json_object_get(facts, key));

    return text ? text : "-";
}

static json_int_t count_of(const json_t *facts, const char *key)
{
    return json_integer_value(json_object_get(facts, key));
}

static void print_network(const json_t *facts)
{
    printf("%-14s %s, %s (%s)\n", "model", text_of(facts, "model_type"), text_of(facts, "kind"),
           text_of(facts, "architecture"));
    if (json_object_get(facts, "layers"))
        printf("%-14s %lld layers, hidden size %lld, %lld heads, intermediate size %lld, vocabulary %lld, texts of "
               "%lld tokens\n", "network", (long long)count_of(facts, "layers"),
               (long long)count_of(facts, "hidden_size"), (long long)count_of(facts, "heads"),
               (long long)count_of(facts, "intermediate_size"), (long long)count_of(facts, "vocab_size"),
               (long long)count_of(facts, "max_tokens"));
    printf("%-14s %lld, of which %lld are no word embeddings\n", "parameters", (long long)count_of(facts, "parameters"),
           (long long)count_of(facts, "backbone_parameters"));
}

static void print_files(const json_t *facts)
{
    const json_t *files = json_object_get(facts, "files"), *value;
    char size[32];
    const char *type, *mark = "";
    size_t i;

    printf("%-14s ", "weights");
    json_object_foreach((json_t *)json_object_get(facts, "dtypes"), type, value) {
        printf("%s%lld tensors of %s", mark, (long long)json_integer_value(value), type);
        mark = ", ";
    }
    putchar('\n');
    json_array_foreach(files, i, value) {
        zoo_size_print(size, sizeof size, (uint64_t)count_of(value, "bytes"));
        printf("%-14s %s, %s\n", "", text_of(value, "name"), size);
    }
    printf("%-14s", "tokenizer");
    json_array_foreach(json_object_get(facts, "tokenizer"), i, value)
        printf("%s %s", i ? "," : "", json_string_value(value));
    puts(json_array_size(json_object_get(facts, "tokenizer")) ? "" : " none");
}

static void print_memory(const json_t *facts)
{
    const json_t *memory = json_object_get(facts, "memory"), *value;
    const char *precision, *mark = "";
    char size[32];

    if (!memory)
        return;
    printf("%-14s ", "memory");
    json_object_foreach((json_t *)memory, precision, value) {
        zoo_size_print(size, sizeof size, (uint64_t)json_integer_value(value));
        printf("%s%s in %s", mark, size, precision);
        mark = ", ";
    }
    printf("; --precision auto is %s on this machine\n", text_of(facts, "auto"));
}

static void print_labels(const json_t *facts)
{
    const json_t *zooter = json_object_get(facts, "zooter"), *means = json_object_get(zooter, "mean_rewards"), *label;
    size_t i;

    json_array_foreach(json_object_get(facts, "labels"), i, label) {
        const json_t *mean = json_object_get(means, json_string_value(label));
        printf("%-14s %s", i ? "" : "labels", json_string_value(label));
        if (json_is_number(mean))
            printf(", mean reward %.4f", json_number_value(mean));
        putchar('\n');
    }
    if (json_is_number(json_object_get(zooter, "temperature")))
        printf("%-14s %g\n", "temperature", json_number_value(json_object_get(zooter, "temperature")));
}

static void print_tensors(const zoo_weights *weights)
{
    for (size_t i = 0; i < zoo_weights_count(weights); i++) {
        const zoo_tensor *t = zoo_weights_at(weights, i);
        printf("%-72s %-8s ", t->name, t->dtype_name);
        for (size_t d = 0; d < t->dims; d++)
            printf("%s%zu", d ? " x " : "", t->shape[d]);
        puts(t->dims ? "" : "1");
    }
}

static int print_json(const json_t *facts, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(256 << 20);
    int rc = zoo_json_dump(&text, facts) ? zoo_fail_nomem(err) : ZOO_OK;

    if (!rc)
        puts(text.data);
    zoo_buf_release(&text);
    return rc;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_weights *weights = NULL;
    json_t *facts = NULL;
    zoo_err err;
    int rc = zoo_weights_open(&weights, argv[0], &err);

    (void)argc;
    if (!rc && !(facts = zoo_model_facts(argv[0], weights, &err)))
        rc = err.code;
    if (!rc && s->json) {
        rc = print_json(facts, &err);
    } else if (!rc) {
        print_network(facts);
        print_files(facts);
        print_memory(facts);
        print_labels(facts);
        if (s->tensors)
            print_tensors(weights);
    }
    json_decref(facts);
    zoo_weights_close(weights);
    return rc ? zoo_cli_fail(&zoo_command_model_info, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    { "json", NULL, OPTION_FLAG, offsetof(struct settings, json), "one JSON object instead of text", 0, 0 },
    { "tensors", NULL, OPTION_FLAG, offsetof(struct settings, tensors), "list every tensor with its type and shape", 0,
      0 },
    { 0 }
};

const zoo_command zoo_command_model_info = {
    .name = "model info", .args = "DIR", .summary = "what a checkpoint folder holds",
    .details =
        "Reads config.json and the headers of the weight files, no weights: it is quick, whatever the size. Any folder "
        "of model_type\n"
        "deberta-v2 or bert, and n-gram routers.\n"
        "\n"
        "'memory' is what an open model takes for its weights in each precision; workspaces come on top. Word "
        "embeddings of more than\n"
        "64 MiB are read from the file as they are asked for and take none.\n"
        "\n"
        "--json: one object with model_type, architecture, kind (classifier, scalar reward, comparer, backbone, n-gram "
        "router), layers,\n"
        "hidden_size, heads, intermediate_size, vocab_size, max_tokens, parameters, backbone_parameters (those that "
        "are no word\n"
        "embeddings), tensors, dtypes, files, tokenizer, labels, memory (bytes), auto (the precision that auto is "
        "here) and zooter (what\n"
        "training noted in the config, or null).",
    .examples = "  zooter model info my-router\n  zooter model info my-router --json | jq .memory\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 1, .run = run
};
