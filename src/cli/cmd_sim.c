/* cmd_sim.c - zooter sim: simulated experts behind an OpenAI-compatible API, and the sample that they can answer. */
#include <signal.h>
#include <string.h>
#include <event2/event.h>
#include "cli/command.h"
#include "sim/sample.h"
#include "sim/server.h"

struct settings {
    uint64_t port, experts, seed, gateway_port;
    const char *config, *sample;
    int without_programs;
};

static const struct settings defaults = { .port = 8001, .seed = 1, .gateway_port = 8080 };

extern const zoo_command zoo_command_sim;

static void on_signal(evutil_socket_t number, short what, void *loop)
{
    (void)number;
    (void)what;
    event_base_loopbreak(loop);
}

static int serve(const zoo_sim_config *config, unsigned port, zoo_err *err)
{
    struct event_base *loop = event_base_new();
    struct event *interrupt = NULL, *terminate = NULL;
    zoo_sim_server *server = NULL;
    int rc;

    if (loop) {
        interrupt = evsignal_new(loop, SIGINT, on_signal, loop);
        terminate = evsignal_new(loop, SIGTERM, on_signal, loop);
    }
    if (!interrupt || !terminate || event_add(interrupt, NULL) || event_add(terminate, NULL))
        rc = zoo_fail_nomem(err);
    else if (!(rc = zoo_sim_server_new(&server, loop, port, config, err))) {
        zoo_cli_say(&zoo_command_sim, "listening on %s (%zu simulated expert%s)", zoo_sim_server_url(server),
                    config->count, config->count == 1 ? "" : "s");
        event_base_dispatch(loop);
    }
    zoo_sim_server_free(server);
    if (interrupt)
        event_free(interrupt);
    if (terminate)
        event_free(terminate);
    if (loop)
        event_base_free(loop);
    return rc;
}

static int write_sample(const struct settings *s, zoo_err *err)
{
    const zoo_sim_sample sample = { s->sample, s->seed, (unsigned)s->port, (unsigned)s->gateway_port,
                                    s->without_programs };
    zoo_sim_sample_counts counts;
    int rc = zoo_sim_sample_write(&sample, &counts, err);

    if (!rc)
        zoo_cli_say(&zoo_command_sim,
                    "%s: %zu queries to select from (%zu of them copied from the benchmark), %zu test queries; "
                    "%zu kinds of task, %zu languages, %zu simulated experts", s->sample, counts.pool, counts.copies,
                    counts.test, counts.kinds, counts.langs, counts.experts);
    return rc;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_sim_config config;
    zoo_err err;
    int rc;

    (void)argc;
    (void)argv;
    if ((s->config != NULL) + (s->experts != 0) + (s->sample != NULL) != 1)
        return zoo_cli_wrong_use(&zoo_command_sim, "give one of --experts K, --config FILE and --write-sample DIR");
    if (s->without_programs && !s->sample)
        return zoo_cli_wrong_use(&zoo_command_sim, "--without-programs goes with --write-sample");
    if (s->sample) {
        rc = write_sample(s, &err);
    } else {
        rc = s->config ? zoo_sim_config_load(&config, s->config, &err) :
             zoo_sim_config_uniform(&config, s->experts, &err);
        if (!rc) {
            rc = serve(&config, (unsigned)s->port, &err);
            zoo_sim_config_release(&config);
        }
    }
    return rc ? zoo_cli_fail(&zoo_command_sim, &err) : EXIT_DONE;
}

static const zoo_option options[] = {
    { "port", "P", OPTION_COUNT, offsetof(struct settings, port), "port on 127.0.0.1; 0: a free one (default 8001)", 0,
      65535 },
    { "experts", "K", OPTION_COUNT, offsetof(struct settings, experts),
      "simulate expert-1 to expert-K, which answer at once and never fail", 1, ZOO_SIM_EXPERTS_MAX },
    { "config", "FILE", OPTION_TEXT, offsetof(struct settings, config), "simulate the experts of this YAML file", 0,
      0 },
    { "write-sample", "DIR", OPTION_TEXT, offsetof(struct settings, sample),
      "write the sample into this folder, and end", 0, 0 },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "seed of the sample (default 1)", 0, 0 },
    { "gateway-port", "P", OPTION_COUNT, offsetof(struct settings, gateway_port),
      "where the sample's experts.yaml lets 'zooter serve' listen (default 8080)", 1, 65535 },
    { "without-programs", NULL, OPTION_FLAG, offsetof(struct settings, without_programs),
      "leave tasks out of the sample that are graded by running code", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_sim = {
    .name = "sim", .args = "", .summary = "simulate experts behind an OpenAI-compatible API, for demos, tests and load",
    .details =
        "Listens on 127.0.0.1 only. POST /v1/chat/completions (streaming or not), GET /v1/models, /health, /stats "
        "(JSON: what each\n"
        "expert was asked, answered, failed); POST /score, /classify and /pooling are a simulated reward model in "
        "vLLM's shape: 0.9\n"
        "for a right answer, 0.1 for any other, plus noise of 0 to 0.1. Ends on SIGINT or SIGTERM.\n"
        "\n"
        "A simulated expert sees only the text of the request: the last user message. It recognises the kinds of "
        "question of the\n"
        "sample, works them out, and answers rightly with its strength at that kind, else wrongly; the same seed, "
        "expert and\n"
        "question give the same answer. To other text it says that it is simulated. With --experts K, expert i is "
        "right nine\n"
        "times in ten at every K-th kind of task and four times in ten elsewhere.\n"
        "\n"
        "--config is YAML; all but name is optional, unknown keys are errors:\n"
        "  seed: 1                     # default 1\n"
        "  experts:                    # 1 to 256\n"
        "    - name: sim-coder         # A-Z a-z 0-9 . _ : / @ + -\n"
        "      strength: 0.3           # probability of a right answer, 0 to 1 (default 0.5)\n"
        "      strengths: {program: 0.95, binary: 0.9}     # the same for some kinds of task\n"
        "      latency_ms: 20          # before the first token (default 0)\n"
        "      tokens_per_s: 200       # default 0: all at once\n"
        "      failure_rate: 0.01      # of requests: answered with failure_status (default 0)\n"
        "      failure_status: 503     # 400 to 599 (default 500)\n"
        "      stall_rate: 0.01        # of requests: half an answer if streamed, then silence (default 0)\n"
        "      cut_rate: 0.01          # of requests: the connection is closed half-way (default 0)\n"
        "Kinds: word-problem product percent units extremes sequence roman binary translate reverse letter-count "
        "sorting\n"
        "acronym weekday clock capitals elements program.\n"
        "\n"
        "--write-sample writes what the whole loop needs: queries.jsonl (rows to import; split pool to select training "
        "queries\n"
        "from, split test from sentence frames that no training query uses; each can be graded exactly), "
        "benchmark.jsonl (the\n"
        "test queries, to keep out of training; some rows of the pool are copies), sim.yaml (for --config) and "
        "experts.yaml\n"
        "(for 'zooter collect' and 'zooter serve', with --port and --gateway-port in it).",
    .examples = "  zooter sim --port 8001 --experts 6\n"
                "  zooter sim --write-sample sample && zooter sim --config sample/sim.yaml\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof defaults, .run = run
};
