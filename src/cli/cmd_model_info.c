/* cmd_model_info.c - zooter model info DIR: what a checkpoint folder holds, as a table or as JSON. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "cli/command.h"
#include "model/checkpoint.h"
#include "model/weights.h"

struct settings { int json, tensors; };

extern const zoo_command zoo_command_model_info;

static void print_tensor(const zoo_tensor *t)
{
    char shape[160];
    int n = 0;

    for (size_t i = 0; i < t->dims && n < (int)sizeof shape - 24; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, "%s%zu", i ? " x " : "", t->shape[i]);
    printf("%-72s %-8s %s\n", t->name, t->dtype_name, n ? shape : "1");
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    char path[PATH_MAX];
    zoo_weights *weights = NULL;
    json_t *config = NULL;
    uint64_t elements = 0;
    zoo_err err;
    int rc = zoo_fs_join(path, sizeof path, argv[0], "config.json", &err);

    (void)argc;
    if (!rc && !(config = zoo_json_read(path, ZOO_CONFIG_MAX, &err)))
        rc = err.code;
    if (!rc)
        rc = zoo_weights_open(&weights, argv[0], &err);
    for (size_t i = 0; !rc && i < zoo_weights_count(weights); i++)
        elements += zoo_tensor_elements(zoo_weights_at(weights, i));
    if (!rc && s->json)
        printf("{\"tensors\": %zu, \"parameters\": %" PRIu64 "}\n", zoo_weights_count(weights), elements);
    else if (!rc)
        printf("%zu tensors, %" PRIu64 " parameters\n", zoo_weights_count(weights), elements);
    for (size_t i = 0; !rc && s->tensors && i < zoo_weights_count(weights); i++)
        print_tensor(zoo_weights_at(weights, i));
    zoo_weights_close(weights);
    json_decref(config);
    return rc ? zoo_cli_fail(&zoo_command_model_info, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    { "json", NULL, OPTION_FLAG, offsetof(struct settings, json), "one JSON object instead of a table", 0, 0 },
    { "tensors", NULL, OPTION_FLAG, offsetof(struct settings, tensors), "list every tensor with its type and shape", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_model_info = {
    .name = "model info", .args = "DIR", .summary = "what a checkpoint folder holds",
    .details = "Reads config.json and the headers of the weight files, no weights.",
    .examples = "  zooter model info my-router\n  zooter model info my-router --json\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 1, .run = run
};
