/* cmd_collect.c - zooter collect: every expert answers every query, and each answer is in the store before the next question
 * costs anything. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "cli/asking.h"
#include "llm/chat.h"
#include "llm/experts.h"

enum { PAGE = 64, MOST_IN_FLIGHT = 512 };

struct settings {
    const char *store, *config, *split, *system;
    uint64_t concurrency, per_expert, retries, timeout, max_tokens, limit;
    double temperature;
};

/* One expert's part: the page of queries it is asked next, and what it cost. */
struct source {
    const zoo_expert *expert;
    zoo_key key, after;
    zoo_store_query page[PAGE];
    size_t count, used;
    zoo_arena arena;                     /* the page's strings */
    uint64_t left;                       /* of --limit */
    uint64_t missing;                    /* before the run; then after it */
    uint64_t prompt_tokens, completion_tokens;
};

struct collector {
    const struct settings *settings;
    zoo_store *store;
    zoo_experts experts;
    struct source *sources;              /* (experts.count) */
    zoo_lane *lanes;                     /* (experts.count) */
    char **urls;                         /* (experts.count) */
    zoo_asking asking;
};

extern const zoo_command zoo_command_collect;

/* ---- hooks of the dispatch ---- */

static int turn_page(struct collector *c, struct source *source, zoo_err *err)
{
    size_t limit = source->left < PAGE ? (size_t)source->left : PAGE;
    int rc = ZOO_OK;

    zoo_arena_release(&source->arena);
    source->used = source->count = 0;
    if (limit)
        rc = zoo_store_unanswered(c->store, c->settings->split, source->key, source->after, limit, source->page, &source->count,
                                  &source->arena, err);
    if (!rc && source->count)
        source->after = source->page[source->count - 1].key;
    source->left -= source->count;
    return rc;
}

static int next(void *context, size_t lane, zoo_buf *body, zoo_job *job, zoo_err *err)
{
    struct collector *c = context;
    struct source *source = &c->sources[lane];
    const zoo_store_query *query;
    zoo_chat_request request = { .model = source->expert->model, .system = c->settings->system,
                                 .temperature = c->settings->temperature, .max_tokens = c->settings->max_tokens };
    int rc = source->used < source->count ? ZOO_OK : turn_page(c, source, err);

    if (rc || !source->count)
        return rc;
    query = &source->page[source->used++];
    job->query = query->key;
    job->expert = source->key;
    return zoo_chat_write(body, &request, query->text, query->text_size) ? zoo_fail_nomem(err) : 1;
}

static int put(struct collector *c, const zoo_job *job, const zoo_chat_answer *answer, double seconds, zoo_err *err)
{
    zoo_response response = { .text = answer->text, .text_size = answer->size, .finish_reason = answer->finish_reason,
                              .prompt_tokens = answer->prompt_tokens, .completion_tokens = answer->completion_tokens,
                              .seconds = seconds };
    int rc = zoo_asking_write(&c->asking, err);

    if (!rc)
        rc = zoo_store_put_response(c->store, job->query, job->expert, &response, err);
    return rc == ZOO_ECONFLICT ? ZOO_OK : rc;          /* another collect was faster: the first answer stays */
}

static int take(void *context, size_t lane, const zoo_job *job, const char *reply, size_t size, double seconds, zoo_err *err)
{
    struct collector *c = context;
    struct source *source = &c->sources[lane];
    zoo_chat_answer answer;
    int rc = zoo_chat_read(&answer, reply, size, err);

    if (rc)
        return rc;
    rc = put(c, job, &answer, seconds, err);
    source->prompt_tokens += answer.prompt_tokens > 0 ? (uint64_t)answer.prompt_tokens : 0;
    source->completion_tokens += answer.completion_tokens > 0 ? (uint64_t)answer.completion_tokens : 0;
    zoo_chat_answer_release(&answer);
    zoo_asking_count(&c->asking, 1);
    return rc == ZOO_EFORMAT ? ZOO_EIO : rc;
}

static void lose(void *context, size_t lane, const zoo_job *job)
{
    struct collector *c = context;

    (void)lane;
    (void)job;
    zoo_asking_count(&c->asking, 0);
}

static int settle(void *context, zoo_err *err)
{
    struct collector *c = context;

    return zoo_asking_commit(&c->asking, err);
}

/* ---- before ---- */

static int set_up_expert(struct collector *c, size_t i, zoo_err *err)
{
    struct source *source = &c->sources[i];
    const zoo_expert *expert = &c->experts.items[i];
    int rc = zoo_store_expert(c->store, expert->name, &source->key, err);

    source->expert = expert;
    source->left = c->settings->limit ? c->settings->limit : UINT64_MAX;
    if (!rc && asprintf(&c->urls[i], "%s/chat/completions", expert->base_url) < 0) {
        c->urls[i] = NULL;
        rc = zoo_fail_nomem(err);
    }
    c->lanes[i] = (zoo_lane){ .name = expert->name, .url = c->urls[i], .api_key = expert->api_key };
    return rc ? rc : zoo_store_count_unanswered(c->store, c->settings->split, source->key, &source->missing, err);
}

static int set_up(struct collector *c, zoo_err *err)
{
    size_t n;
    int rc = zoo_experts_load(&c->experts, c->settings->config, err);

    if (!rc)
        rc = zoo_store_open(&c->store, c->settings->store, ZOO_STORE_WRITE, err);
    if (rc)
        return rc;
    n = c->experts.count;
    c->sources = calloc(n, sizeof *c->sources);
    c->lanes = calloc(n, sizeof *c->lanes);
    c->urls = calloc(n, sizeof *c->urls);
    if (!c->sources || !c->lanes || !c->urls)
        return zoo_fail_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = set_up_expert(c, i, err);
    return rc;
}

/* Questions of this run, after telling what it is about. *queries: how many the split has. */
static uint64_t count_questions(const struct collector *c, uint64_t queries)
{
    uint64_t questions = 0, missing = 0;

    for (size_t i = 0; i < c->experts.count; i++) {
        missing += c->sources[i].missing;
        questions += c->sources[i].missing < c->sources[i].left ? c->sources[i].missing : c->sources[i].left;
    }
    zoo_cli_say(&zoo_command_collect, "%llu queries, %zu experts: %llu answers are there, %llu are missing%s",
                (unsigned long long)queries, c->experts.count, (unsigned long long)(queries * c->experts.count - missing),
                (unsigned long long)missing, questions < missing ? ", of which --limit leaves some for later" : "");
    return questions;
}

static json_t *describe_settings(const struct collector *c)
{
    const struct settings *s = c->settings;
    json_t *experts = json_array();

    for (size_t i = 0; i < c->experts.count; i++)
        json_array_append_new(experts, json_pack("{s:s, s:s}", "name", c->experts.items[i].name, "model", c->experts.items[i].model));
    return json_pack("{s:s?, s:o, s:o, s:o, s:s?}", "split", s->split, "experts", experts, "temperature",
                     isnan(s->temperature) ? json_null() : json_real(s->temperature), "max_tokens",
                     s->max_tokens ? json_integer((json_int_t)s->max_tokens) : json_null(), "system", s->system);
}

static int begin_run(struct collector *c, zoo_key *run, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(1 << 24);
    json_t *settings = describe_settings(c);
    int rc = !settings || zoo_json_dump(&text, settings) ? zoo_fail_nomem(err) : zoo_store_begin_run(c->store, "collect", text.data, run, err);

    json_decref(settings);
    zoo_buf_release(&text);
    return rc;
}

static int collect(struct collector *c, uint64_t questions, zoo_err *err)
{
    const struct settings *s = c->settings;
    uint64_t most = s->concurrency ? s->concurrency : s->per_expert * c->experts.count;
    zoo_dispatch_limits limits = { .in_flight = (unsigned)(most < MOST_IN_FLIGHT || s->concurrency ? most : MOST_IN_FLIGHT),
                                   .per_lane = (unsigned)s->per_expert, .retries = (unsigned)s->retries,
                                   .timeout_ms = (unsigned)s->timeout * 1000, .max_reply = (size_t)64 << 20 };
    zoo_dispatch_hooks hooks = { next, take, lose, settle, c };
    int rc = zoo_asking_init(&c->asking, &zoo_command_collect, c->store, c->lanes, c->experts.count, &limits, &hooks, err);

    if (!rc)
        rc = zoo_asking_run(&c->asking, "collect", questions, err);
    zoo_asking_release(&c->asking);
    return rc;
}

/* ---- after ---- */

static double cost_of(const struct source *source)
{
    return ((double)source->prompt_tokens * source->expert->price_input +
            (double)source->completion_tokens * source->expert->price_output) * 1e-6;
}

static json_t *summarise(const struct collector *c, size_t i)
{
    const struct source *source = &c->sources[i];
    const zoo_lane *lane = &c->lanes[i];
    json_t *line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "expert", source->expert->name,
                             "answered", (json_int_t)lane->taken, "failed", (json_int_t)lane->lost, "retries", (json_int_t)lane->retried,
                             "missing", (json_int_t)source->missing, "prompt_tokens", (json_int_t)source->prompt_tokens,
                             "completion_tokens", (json_int_t)source->completion_tokens, "cost", cost_of(source));

    if (line && lane->last_failure[0])
        json_object_set_new(line, "last_failure", json_string(lane->last_failure));
    return line;
}

static void tell_expert(const struct collector *c, size_t i)
{
    const zoo_lane *lane = &c->lanes[i];

    if (lane->gave_up)
        zoo_cli_say(&zoo_command_collect, "%s: not asked further after %d failures in a row: %s", lane->name, ZOO_DISPATCH_GIVE_UP,
                    lane->last_failure);
    else if (lane->lost)
        zoo_cli_say(&zoo_command_collect, "%s: %llu questions failed, the last because: %s", lane->name,
                    (unsigned long long)lane->lost, lane->last_failure);
}

/* One JSON object an expert on stdout; all of them, with the outcome, into the record of the run. */
static int report(struct collector *c, zoo_key run, const char *status, uint64_t *missing, zoo_err *err)
{
    zoo_buf line = ZOO_BUF_INIT(1 << 20), all = ZOO_BUF_INIT(1 << 28);
    json_t *lines = json_array();
    double cost = 0;
    int rc = lines ? ZOO_OK : zoo_fail_nomem(err);

    *missing = 0;
    for (size_t i = 0; !rc && i < c->experts.count; i++) {
        json_t *summary;
        rc = zoo_store_count_unanswered(c->store, c->settings->split, c->sources[i].key, &c->sources[i].missing, err);
        summary = summarise(c, i);
        zoo_buf_clear(&line);
        if (!rc && (!summary || zoo_json_dump(&line, summary) || json_array_append(lines, summary)))
            rc = zoo_fail_nomem(err);
        json_decref(summary);
        if (!rc)
            puts(line.data);
        tell_expert(c, i);
        *missing += c->sources[i].missing;
        cost += cost_of(&c->sources[i]);
    }
    if (!rc && cost > 0)
        zoo_cli_say(&zoo_command_collect, "cost by the prices of %s: $%.4f", c->settings->config, cost);
    if (!rc)
        rc = zoo_json_dump(&all, lines) ? zoo_fail_nomem(err) : zoo_store_end_run(c->store, run, status, all.data, err);
    json_decref(lines);
    zoo_buf_release(&line);
    zoo_buf_release(&all);
    return rc;
}

static int was_any_lost(const struct collector *c)
{
    for (size_t i = 0; i < c->experts.count; i++)
        if (c->lanes[i].lost || c->lanes[i].gave_up)
            return 1;
    return 0;
}

static int collect_and_report(struct collector *c, uint64_t queries, zoo_err *err)
{
    uint64_t missing, questions = count_questions(c, queries);
    zoo_err report_err;
    zoo_key run;
    int rc = begin_run(c, &run, err), is_short, reported;

    if (rc)
        return rc;
    rc = collect(c, questions, err);
    is_short = rc || was_any_lost(c);
    reported = report(c, run, rc == ZOO_ECANCELED ? "stopped" : is_short ? "failed" : "done", &missing, rc && rc != ZOO_ECANCELED ? &report_err : err);
    if (rc == ZOO_ECANCELED && !reported)
        return zoo_fail(err, rc, "stopped; %llu answers are missing, run the same command again to go on", (unsigned long long)missing);
    if (rc || reported)
        return rc ? rc : reported;
    if (is_short && missing)
        return zoo_fail(err, ZOO_EIO, "%llu answers are missing; run the same command again to ask for them", (unsigned long long)missing);
    return ZOO_OK;
}

static void clean_up(struct collector *c)
{
    for (size_t i = 0; i < c->experts.count; i++) {
        if (c->sources)
            zoo_arena_release(&c->sources[i].arena);
        if (c->urls)
            free(c->urls[i]);
    }
    free(c->sources);
    free(c->lanes);
    free(c->urls);
    zoo_experts_release(&c->experts);
    zoo_store_close(c->store);
}

static int run(const void *opaque, int argc, char **argv)
{
    struct collector c = { .settings = opaque };
    uint64_t queries = 0;
    zoo_err err;
    int rc = set_up(&c, &err);

    (void)argc;
    (void)argv;
    if (!rc)
        rc = zoo_store_count_queries(c.store, c.settings->split, &queries, &err);
    if (!rc && !queries)
        rc = zoo_fail(&err, ZOO_EUSAGE, "%s: no queries%s%s", c.settings->store, c.settings->split ? " in split " : "",
                      c.settings->split ? c.settings->split : "");
    if (!rc)
        rc = collect_and_report(&c, queries, &err);
    clean_up(&c);
    return rc ? zoo_cli_fail(&zoo_command_collect, &err) : EXIT_DONE;
}

static const struct settings defaults = { .per_expert = 16, .retries = 5, .timeout = 300, .temperature = NAN };

static const zoo_option options[] = {
    { "store", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, store), "the store; its queries are asked", 0, 0 },
    { "config", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, config), "settings with the experts: block of serve", 0, 0 },
    { "split", "NAME", OPTION_TEXT, offsetof(struct settings, split), "only queries of this split (default: all)", 0, 0 },
    { "per-expert", "N", OPTION_COUNT, offsetof(struct settings, per_expert), "questions in flight to one expert at most (default 16)", 1, 10000 },
    { "concurrency", "N", OPTION_COUNT, offsetof(struct settings, concurrency),
      "questions in flight in all (default: --per-expert for each expert, at most 512)", 1, 10000 },
    { "retries", "N", OPTION_COUNT, offsetof(struct settings, retries), "further attempts at a question that failed (default 5)", 0, 100 },
    { "timeout", "SECONDS", OPTION_COUNT, offsetof(struct settings, timeout), "for one attempt (default 300)", 1, 86400 },
    { "max-tokens", "N", OPTION_COUNT, offsetof(struct settings, max_tokens), "sent as max_tokens (default: not sent)", 1, 1e9 },
    { "temperature", "T", OPTION_NUMBER, offsetof(struct settings, temperature), "sent as temperature (default: not sent)", 0, 100 },
    { "system", "TEXT", OPTION_TEXT, offsetof(struct settings, system), "a system message in front of every query (default: none)", 0, 0 },
    { "limit", "N", OPTION_COUNT, offsetof(struct settings, limit), "ask each expert N questions at most in this run (default: all)", 1, 1e15 },
    { 0 }
};

const zoo_command zoo_command_collect = {
    .name = "collect", .args = "", .summary = "ask every expert every query and keep the answers",
    .details = "Every expert of the settings answers every query of the store that it has not answered yet. The questions go to\n"
               "POST base_url/chat/completions, many at once. Each answer is committed as it arrives, before the next\n"
               "question goes out, with the reason why it ended, its tokens and its time. Killed at any moment and run again,\n"
               "it goes on where it was and asks nothing twice but what was in flight.\n\n"
               "No connection, time limits, HTTP 408, 425, 429 and 5xx, and replies without an answer are tried again after\n"
               "0.5 s, 1 s, 2 s... up to 30 s, or when Retry-After says (at most 10 minutes); other errors are final. An expert\n"
               "that is down does not hold up the others, and is not asked further after 20 failures in a row.\n\n"
               "SIGINT stops asking and gives what is in flight 5 s. Prints one JSON object an expert: answered, failed,\n"
               "retries, missing, tokens, and the cost by the settings' prices. Exit status 1 where answers are missing: run\n"
               "it again to ask for those.",
    .examples = "  zooter collect --store my.db --config experts.yaml\n"
                "  zooter collect --store my.db --config experts.yaml --split train --temperature 0 --limit 20\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .run = run
};
