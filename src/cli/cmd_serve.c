/* cmd_serve.c - zooter serve: the gateway, in the foreground. */
#include <stddef.h>
#include <stdint.h>
#include "base/log.h"
#include "cli/command.h"
#include "gateway/gateway.h"

struct settings {
    const char *config, *precision;
    int check;
    uint64_t threads;
};

static const zoo_option options[] = {
    { "config", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, config), "settings, in YAML", 0, 0 },
    { "precision", "P", OPTION_TEXT, offsetof(struct settings, precision),
      "auto, f32, bf16 or int8: what an encoder's weights are multiplied in, in place of the settings' precision", 0,
      0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads),
      "threads that route, in place of the settings' route_threads", 1, 1024 },
    { "check", NULL, OPTION_FLAG, offsetof(struct settings, check),
      "only check the settings and the router, and say so", 0, 0 },
    { 0 }
};

extern const zoo_command zoo_command_serve;

static int check(const zoo_gateway_config *config, const zoo_log *log, zoo_err *err)
{
    zoo_buf summary = ZOO_BUF_INIT(64 << 10);
    int failed = zoo_gateway_check(config, log, &summary, err);

    if (!failed)
        puts(summary.data);
    zoo_buf_release(&summary);
    return failed;
}

static int serve(const zoo_gateway_config *config, const zoo_log *log, zoo_err *err)
{
    zoo_gateway *gateway;
    int failed = zoo_gateway_new(&gateway, config, log, err);

    if (failed)
        return failed;
    zoo_log_write(log, ZOO_LOG_INFO, "listening on %s", zoo_gateway_url(gateway));
    failed = zoo_gateway_run(gateway, err);
    zoo_gateway_free(gateway);
    return failed;
}

static int run(const void *settings, int argc, char **argv)
{
    const struct settings *s = settings;
    zoo_gateway_config config;
    zoo_log log = { stderr, ZOO_LOG_INFO };
    zoo_err err;
    int failed = zoo_gateway_config_load(&config, s->config, &err);

    (void)argc;
    (void)argv;
    if (!failed && s->precision && !zoo_precision_parse(s->precision, &config.precision))
        failed = zoo_fail(&err, ZOO_EUSAGE, "--precision should be auto, f32, bf16 or int8");
    if (!failed && s->threads)
        config.route_threads = (unsigned)s->threads;
    if (!failed) {
        log.level = config.log_level;
        failed = s->check ? check(&config, &log, &err) : serve(&config, &log, &err);
    }
    zoo_gateway_config_release(&config);
    return failed ? zoo_cli_fail(&zoo_command_serve, &err) : EXIT_DONE;
}

const zoo_command zoo_command_serve = {
    .name = "serve", .args = "",
    .summary = "Serve OpenAI-compatible traffic: each request goes to the expert for its query",
    .details =
    "Listens for POST /v1/chat/completions (streaming or not), GET /v1/models, POST /v1/route (the decision alone), "
    "GET /health\n"
    "and GET /metrics (Prometheus). A request for the model 'zooter' is routed on the text of its first user message; "
    "one for an\n"
    "expert's name goes straight to that expert. While an expert has not said its first content token, the next in the "
    "router's\n"
    "order is tried where it fails. Requests are forwarded byte for byte but for the model's name; a client's "
    "Authorization,\n"
    "Cookie and x-api-key are not. The answer's headers x-zooter-model, -reason, -probability, -margin, -route-ms and "
    "-fallbacks\n"
    "say what was done.\n"
    "\n"
    "Settings (docs/gateway.md has them all, with limits and time limits):\n"
    "  listen: 127.0.0.1:8080          ADDRESS:PORT; port 0: a free one. Beyond loopback only with allow_anonymous: "
    "true\n"
    "  router: DIR                     a trained router, or a deberta-v2 or bert classifier, relative to the working "
    "directory\n"
    "  experts:                        each with name and base_url; model, api_key_env, price and context are "
    "optional\n"
    "    - {name: coder, base_url: 'http://10.0.0.5:8000/v1', model: qwen2.5-coder, api_key_env: CODER_KEY}\n"
    "  default_expert: coder           where the router has nothing to say; default: the best on average, where the "
    "router's\n"
    "                                  folder tells it, else its first expert\n"
    "  limits: {route_ms: 50}          a decision that takes longer is not waited for: the default expert is asked\n"
    "  precision: auto                 of an encoder: f32, bf16 or int8; auto: bf16 where the processor multiplies it\n"
    "\n"
    "Logs one line a request to stderr, without queries or answers. SIGTERM and SIGINT: accepts no more, brings what "
    "runs to its\n"
    "end within 30 seconds, exits 0; a second signal ends at once.",
    .examples =
    "  zooter serve --config zooter.yaml --check\n"
    "  zooter serve --config zooter.yaml\n"
    "  curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\\n"
    "    -d '{\"model\": \"zooter\", \"messages\": [{\"role\": \"user\", \"content\": \"What is 17 * 23?\"}]}'\n",
    .options = options, .settings_size = sizeof(struct settings), .run = run
};
