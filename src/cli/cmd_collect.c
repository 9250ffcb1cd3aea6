/* cmd_collect.c - zooter collect: every expert answers every query, and each answer is in the store before the next
 * question costs anything. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/asking.h"
#include "cli/stores.h"
#include "llm/chat.h"
#include "llm/experts.h"

enum { PAGE = 128, MOST_IN_FLIGHT = 512 };

struct settings {
    const char *store, *config, *system, *again;
    struct zoo_choice choice;
    uint64_t concurrency, per_expert, retries, timeout, max_tokens, limit;
    double temperature;
};

/* One expert's part: the page of queries it is asked next, and what it cost. */
struct source {
    const zoo_expert *expert;
    zoo_address like;                    /* expert, sample, turn of its answers */
    zoo_key settings, after;
    zoo_store_query page[PAGE];
    size_t count, used;
    zoo_arena arena;                     /* the page's strings */
    uint64_t left;                       /* of --limit */
    uint64_t missing;                    /* answers, before the run; then after it */
    uint64_t final;                      /* of them: failed for good, not asked for */
    uint64_t prompt_tokens, completion_tokens;
    double failed_cost;                  /* dollars, of the reply that was just no answer */
    zoo_key *done;                       /* (done_count): queries answered whose claims have not ended yet */
    size_t done_count, done_capacity;
    uint64_t late;                       /* answers that another process had stored already */
};

struct collector {
    const struct settings *settings;
    zoo_store *store;
    zoo_experts experts;
    zoo_store_filter filter;
    zoo_selection selection;
    size_t n;                            /* experts that are asked */
    struct source *sources;              /* (n) */
    zoo_lane *lanes;                     /* (n) */
    char **urls;                         /* (n) */
    int asks_failed;                     /* --again failed */
    int has_company;                     /* other processes were at work on this store at the last look */
    zoo_asking asking;
    zoo_chat_answer answer;              /* that is being stored */
};

extern const zoo_command zoo_command_collect;

/* ---- hooks of the dispatch ---- */

/* What was answered ends its claim a page at a time: nobody asks for what has an answer. */
static int drop_done(struct collector *c, struct source *source, zoo_err *err)
{
    int rc = ZOO_OK;

    if (source->done_count)
        rc = zoo_store_drop_claims(c->store, 0, &source->like, &(zoo_keys){ source->done, source->done_count }, err);
    source->done_count = 0;
    return rc;
}

static int turn_page(struct collector *c, struct source *source, zoo_err *err)
{
    size_t limit = source->left < PAGE ? (size_t)source->left : PAGE;
    int rc = drop_done(c, source, err);

    zoo_arena_release(&source->arena);
    source->used = source->count = 0;
    if (!rc && limit)
        rc = zoo_store_claim_questions(c->store, &c->selection, &source->like, c->asks_failed, source->after, limit,
                                       source->page, &source->count, &source->arena, err);
    if (!rc && source->count)
        source->after = source->page[source->count - 1].key;
    source->left -= source->count;
    return rc;
}

/* Where the lease was lost, what is left of all pages but `fresh` may be asked by others by now:
 * the next round looks for it again. */
static void drop_lost_pages(struct collector *c, const struct source *fresh)
{
    if (!zoo_store_lost_lease(c->store))
        return;
    for (size_t i = 0; i < c->n; i++) {
        struct source *source = &c->sources[i];
        if (source == fresh)
            continue;
        source->left += source->count - source->used;
        source->used = source->count;
    }
}

static int next(void *context, size_t lane, zoo_buf *body, zoo_job *job, zoo_err *err)
{
    struct collector *c = context;
    struct source *source = &c->sources[lane];
    const zoo_store_query *query;
    zoo_chat_request request = { .model = source->expert->model, .system = c->settings->system,
                                 .temperature = c->settings->temperature, .max_tokens = c->settings->max_tokens };
    int rc = ZOO_OK;

    drop_lost_pages(c, NULL);
    if (source->used == source->count) {
        rc = turn_page(c, source, err);
        drop_lost_pages(c, source);
    }
    if (rc || !source->count)
        return rc;
    query = &source->page[source->used++];
    *job = (zoo_job){ query->key, source->like.expert, source->like.sample, source->like.turn };
    return zoo_chat_write(body, &request, query->text, query->text_size) ? zoo_fail_nomem(err) : 1;
}

static zoo_address address_of(const zoo_job *job)
{
    return (zoo_address){ job->query, job->expert, job->sample, job->turn };
}

/* Dollars; NaN where the expert has no price or its tokens are not known. */
static double cost_of(const zoo_expert *expert, const zoo_chat_answer *a)
{
    if (!expert->has_price || (a->prompt_tokens < 0 && a->completion_tokens < 0))
        return (double)NAN;
    return ((double)(a->prompt_tokens > 0 ? a->prompt_tokens : 0) * expert->price_input +
            (double)(a->completion_tokens > 0 ? a->completion_tokens : 0) * expert->price_output) * 1e-6;
}

static void count_spend(struct source *source, const zoo_chat_answer *answer)
{
    source->prompt_tokens += answer->prompt_tokens > 0 ? (uint64_t)answer->prompt_tokens : 0;
    source->completion_tokens += answer->completion_tokens > 0 ? (uint64_t)answer->completion_tokens : 0;
}

/* Dollars in this run, failed asks included. */
static double spend_of(const struct source *source)
{
    return ((double)source->prompt_tokens * source->expert->price_input +
            (double)source->completion_tokens * source->expert->price_output) * 1e-6;
}

/* An answer that comes after its lease was lost is kept where there is none; where there is one,
 * the lease may have been lost. */
static int put(struct collector *c, struct source *source, const zoo_job *job, const zoo_chat_answer *a, double seconds,
               zoo_err *err)
{
    char asked[ZOO_CLOCK_ISO_SIZE];
    zoo_address at = address_of(job);
    zoo_answer answer = { .settings = source->settings, .text = a->text, .text_size = a->size,
                          .reasoning = a->reasoning, .reasoning_size = a->reasoning_size,
                          .finish_reason = a->finish_reason, .tokens_in = a->prompt_tokens,
                          .tokens_out = a->completion_tokens, .tokens_reasoning = a->reasoning_tokens,
                          .tokens_cached = a->cached_tokens, .cost = cost_of(source->expert, a),
                          .first_seconds = (double)NAN, .seconds = seconds, .asked = asked };
    int rc = zoo_asking_write(&c->asking, err);

    zoo_clock_iso(asked, zoo_clock_wall_ms() - (int64_t)(seconds * 1000));
    if (!rc)
        rc = zoo_store_put_answer(c->store, &at, &answer, err);
    if (rc == ZOO_ECONFLICT) {
        source->late++;
        rc = zoo_store_renew(c->store, err);
    }
    if (rc)
        return rc;
    if (zoo_array_grow(&source->done, &source->done_capacity, source->done_count + 1, sizeof *source->done,
                       SIZE_MAX / sizeof *source->done))
        return zoo_fail_nomem(err);
    source->done[source->done_count++] = at.query;
    return ZOO_OK;
}

static int take(void *context, size_t lane, const zoo_job *job, const char *reply, size_t size, double seconds,
                zoo_err *err)
{
    struct collector *c = context;
    struct source *source = &c->sources[lane];
    zoo_chat_answer *answer = &c->answer;
    int rc = zoo_chat_read(answer, reply, size, err);

    source->failed_cost = rc == ZOO_ECONFLICT ? cost_of(source->expert, answer) : (double)NAN;
    if (!rc || rc == ZOO_ECONFLICT)
        count_spend(source, answer);
    if (rc)
        return rc;
    rc = put(c, source, job, answer, seconds, err);
    zoo_asking_count(&c->asking, 1);
    return rc == ZOO_EFORMAT || rc == ZOO_ECONFLICT ? ZOO_EIO : rc;
}

/* Kept, so that nobody wonders, and that what will not change is not paid for again. */
static int lose(void *context, size_t lane, const zoo_job *job, int is_final, zoo_err *err)
{
    struct collector *c = context;
    struct source *source = &c->sources[lane];
    char now[ZOO_CLOCK_ISO_SIZE];
    zoo_address at = address_of(job);
    zoo_failure failure = { c->lanes[lane].last_failure, is_final, is_final ? source->failed_cost : (double)NAN, now };
    int rc = zoo_asking_write(&c->asking, err);

    zoo_clock_iso(now, zoo_clock_wall_ms());
    source->failed_cost = (double)NAN;
    zoo_asking_count(&c->asking, 0);
    if (!rc)
        rc = zoo_store_note_failure(c->store, &at, &failure, err);
    return rc ? rc : zoo_store_give_up_claim(c->store, 0, &at, err);
}

static int settle(void *context, zoo_err *err)
{
    struct collector *c = context;

    return zoo_asking_commit(&c->asking, err);
}

/* What was claimed for an expert that is not asked further is free for others, who would wait for it. */
static int give_back(struct collector *c, struct source *source, zoo_err *err)
{
    int rc = zoo_asking_write(&c->asking, err);

    for (; !rc && source->used < source->count; source->used++)
        rc = zoo_store_drop_claim(c->store, 0,
                                  &(zoo_address){ source->page[source->used].key, source->like.expert,
                                                  source->like.sample, source->like.turn }, NULL, err);
    return rc ? rc : zoo_asking_commit(&c->asking, err);
}

static int again(void *context, zoo_err *err)
{
    struct collector *c = context;
    int found = 0, rc = ZOO_OK;

    for (size_t i = 0; !rc && i < c->n; i++) {
        rc = drop_done(c, &c->sources[i], err);
        if (!rc && c->lanes[i].gave_up)
            rc = give_back(c, &c->sources[i], err);
        found |= c->sources[i].after > 0;
        c->sources[i].after = 0;
    }
    return rc ? rc : zoo_asking_again(c->store, 0, found, &c->has_company, err);
}

/* ---- before ---- */

/* What the expert is asked with, as the store keeps it. */
static int find_settings(struct collector *c, struct source *source, zoo_err *err)
{
    const struct settings *s = c->settings;
    zoo_buf text = ZOO_BUF_INIT(1 << 24);
    json_t *settings = json_pack("{s:s}", "model", source->expert->model);
    int rc;

    if (s->system)
        json_object_set_new(settings, "system", json_string(s->system));
    if (!isnan(s->temperature))
        json_object_set_new(settings, "temperature", json_real(s->temperature));
    if (s->max_tokens)
        json_object_set_new(settings, "max_tokens", json_integer((json_int_t)s->max_tokens));
    rc = !settings || zoo_json_dump(&text, settings) ? zoo_fail_nomem(err) :
         zoo_store_settings(c->store, text.data, &source->settings, err);
    json_decref(settings);
    zoo_buf_release(&text);
    return rc;
}

static int count_missing(struct collector *c, struct source *source, zoo_err *err)
{
    return zoo_store_count_unanswered(c->store, &c->selection, &source->like, &source->missing, &source->final, err);
}

static int set_up_expert(struct collector *c, size_t i, const zoo_expert *expert, zoo_err *err)
{
    struct source *source = &c->sources[i];
    int rc = zoo_store_expert(c->store, expert->name, &source->like.expert, err);

    source->expert = expert;
    source->like.sample = source->like.turn = 1;
    source->failed_cost = (double)NAN;
    source->left = c->settings->limit ? c->settings->limit : UINT64_MAX;
    if (!rc)
        rc = find_settings(c, source, err);
    if (!rc && asprintf(&c->urls[i], "%s/chat/completions", expert->base_url) < 0) {
        c->urls[i] = NULL;
        rc = zoo_fail_nomem(err);
    }
    c->lanes[i] = (zoo_lane){ .name = expert->name, .url = c->urls[i], .api_key = expert->api_key };
    return rc ? rc : count_missing(c, source, err);
}

/* --experts and --without name experts of the settings. */
static int check_names(const struct collector *c, const zoo_texts *names, const char *option, zoo_err *err)
{
    for (size_t i = 0; i < names->count; i++)
        if (!zoo_experts_find(&c->experts, names->items[i]))
            return zoo_fail(err, ZOO_EUSAGE, "--%s: %s has no expert '%.128s'", option, c->settings->config,
                            names->items[i]);
    return ZOO_OK;
}

static int set_up_experts(struct collector *c, zoo_err *err)
{
    size_t n = c->experts.count;
    int rc = check_names(c, &c->filter.experts, "experts", err);

    if (!rc)
        rc = check_names(c, &c->filter.without, "without", err);
    if (rc)
        return rc;
    c->sources = calloc(n, sizeof *c->sources);
    c->lanes = calloc(n, sizeof *c->lanes);
    c->urls = calloc(n, sizeof *c->urls);
    if (!c->sources || !c->lanes || !c->urls)
        return zoo_fail_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        if (zoo_store_wants_expert(&c->filter, c->experts.items[i].name))
            rc = set_up_expert(c, c->n++, &c->experts.items[i], err);
    return rc || c->n ? rc : zoo_fail(err, ZOO_EUSAGE, "no expert of %s is left to ask", c->settings->config);
}

static int set_up(struct collector *c, zoo_err *err)
{
    int rc;

    c->filter = zoo_choice_filter(&c->settings->choice);
    c->asks_failed = c->settings->again != NULL;
    if (c->settings->again && strcmp(c->settings->again, "failed") != 0)
        return zoo_fail(err, ZOO_EUSAGE, "--again '%.40s' should be 'failed'", c->settings->again);
    rc = zoo_experts_load(&c->experts, c->settings->config, err);
    if (!rc)
        rc = zoo_cli_store_open(&c->store, c->settings->store, ZOO_STORE_WRITE, err);
    if (!rc)
        rc = zoo_store_select(c->store, &c->filter, &c->selection, err);
    return rc ? rc : set_up_experts(c, err);
}

/* Questions of this run, after telling what it is about. queries: how many are chosen. */
static uint64_t count_questions(const struct collector *c, uint64_t queries)
{
    uint64_t questions = 0, missing = 0, final = 0, open = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct source *source = &c->sources[i];
        uint64_t ask = source->missing - (c->asks_failed ? 0 : source->final);
        missing += source->missing;
        final += source->final;
        open += ask;
        questions += ask < source->left ? ask : source->left;
    }
    zoo_cli_say(&zoo_command_collect, "%llu queries, %zu experts: %llu answers are there, %llu are missing%s",
                (unsigned long long)queries, c->n, (unsigned long long)(queries * c->n - missing),
                (unsigned long long)missing, questions < open ? ", of which --limit leaves some for later" : "");
    if (final && !c->asks_failed)
        zoo_cli_say(&zoo_command_collect, "%llu of them failed for good before; --again failed asks for them again",
                    (unsigned long long)final);
    return questions;
}

static json_t *describe_settings(const struct collector *c)
{
    const struct settings *s = c->settings;
    json_t *experts = json_array(), *all;

    for (size_t i = 0; i < c->n; i++)
        json_array_append_new(experts, json_pack("{s:s, s:s}", "name", c->sources[i].expert->name, "model",
                                                 c->sources[i].expert->model));
    all = json_pack("{s:o, s:o, s:s?}", "temperature", isnan(s->temperature) ? json_null() : json_real(s->temperature),
                    "max_tokens", s->max_tokens ? json_integer((json_int_t)s->max_tokens) : json_null(), "system",
                    s->system);
    if (all && zoo_choice_describe(&s->choice, all)) {
        json_decref(all);
        all = NULL;
    }
    json_object_set_new(all, "experts", experts);
    return all;
}

static int begin_run(struct collector *c, zoo_key *run, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(1 << 24);
    json_t *settings = describe_settings(c);
    int rc = !settings || zoo_json_dump(&text, settings) ? zoo_fail_nomem(err) :
             zoo_store_begin_run(c->store, "collect", text.data, run, err);

    json_decref(settings);
    zoo_buf_release(&text);
    return rc;
}

static int collect(struct collector *c, uint64_t questions, zoo_err *err)
{
    const struct settings *s = c->settings;
    uint64_t most = s->concurrency ? s->concurrency : s->per_expert * c->n;
    zoo_dispatch_limits limits = { .in_flight = (unsigned)(most < MOST_IN_FLIGHT || s->concurrency ? most :
                                                           MOST_IN_FLIGHT), .per_lane = (unsigned)s->per_expert,
                                   .retries = (unsigned)s->retries, .timeout_ms = (unsigned)s->timeout * 1000,
                                   .max_reply = (size_t)64 << 20 };
    zoo_dispatch_hooks hooks = { next, take, lose, settle, c };
    zoo_asking_plan plan = { &zoo_command_collect, c->store, c->lanes, c->n, &limits, &hooks, again };
    uint64_t others = 0;
    int rc = zoo_store_join(c->store, ZOO_ASKING_LEASE_MS, err);

    if (!rc)
        rc = zoo_store_count_others(c->store, 0, 0, &others, err);
    c->has_company = others > 0;
    if (!rc)
        rc = zoo_asking_init(&c->asking, &plan, err);
    if (!rc)
        rc = zoo_asking_run(&c->asking, "collect", questions, err);
    zoo_asking_release(&c->asking);
    return rc;
}

/* ---- after ---- */

static json_t *summarise(const struct collector *c, size_t i)
{
    const struct source *source = &c->sources[i];
    const zoo_lane *lane = &c->lanes[i];
    json_t *line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "expert", source->expert->name,
                             "answered", (json_int_t)lane->taken, "failed", (json_int_t)lane->lost, "retries",
                             (json_int_t)lane->retried,
                             "missing", (json_int_t)source->missing, "prompt_tokens", (json_int_t)source->prompt_tokens,
                             "completion_tokens", (json_int_t)source->completion_tokens, "cost", spend_of(source));

    if (line && source->final)
        json_object_set_new(line, "failed_for_good", json_integer((json_int_t)source->final));
    if (line && source->late)
        json_object_set_new(line, "late", json_integer((json_int_t)source->late));
    if (line && lane->last_failure[0])
        json_object_set_new(line, "last_failure", json_string(lane->last_failure));
    return line;
}

static void tell_expert(const struct collector *c, size_t i)
{
    const zoo_lane *lane = &c->lanes[i];

    if (lane->gave_up)
        zoo_cli_say(&zoo_command_collect, "%s: not asked further after %d failures in a row: %s", lane->name,
                    ZOO_DISPATCH_GIVE_UP, lane->last_failure);
    else if (lane->lost)
        zoo_cli_say(&zoo_command_collect, "%s: %llu questions failed, the last because: %s", lane->name,
                    (unsigned long long)lane->lost, lane->last_failure);
    if (c->sources[i].late)
        zoo_cli_say(&zoo_command_collect,
                    "%s: %llu answers came too late and were dropped: another process had stored one meanwhile",
                    lane->name, (unsigned long long)c->sources[i].late);
}

/* One JSON object an expert on stdout; all of them, with the outcome, into the record of the run. */
static int report(struct collector *c, zoo_key run, const char *status, uint64_t *missing, uint64_t *final,
                  zoo_err *err)
{
    zoo_buf line = ZOO_BUF_INIT(1 << 20), all = ZOO_BUF_INIT(1 << 28);
    json_t *lines = json_array();
    double cost = 0;
    int rc = lines ? ZOO_OK : zoo_fail_nomem(err);

    *missing = *final = 0;
    for (size_t i = 0; !rc && i < c->n; i++) {
        json_t *summary;
        rc = count_missing(c, &c->sources[i], err);
        summary = summarise(c, i);
        zoo_buf_clear(&line);
        if (!rc && (!summary || zoo_json_dump(&line, summary) || json_array_append(lines, summary)))
            rc = zoo_fail_nomem(err);
        json_decref(summary);
        if (!rc)
            puts(line.data);
        tell_expert(c, i);
        *missing += c->sources[i].missing;
        *final += c->sources[i].final;
        cost += spend_of(&c->sources[i]);
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
    for (size_t i = 0; i < c->n; i++)
        if (c->lanes[i].lost || c->lanes[i].gave_up)
            return 1;
    return 0;
}

static int collect_and_report(struct collector *c, uint64_t queries, zoo_err *err)
{
    uint64_t missing, final, questions = count_questions(c, queries);
    zoo_err report_err;
    zoo_key run;
    int rc = begin_run(c, &run, err), is_short, reported;

    if (rc)
        return rc;
    rc = collect(c, questions, err);
    is_short = rc || was_any_lost(c);
    reported = report(c, run, rc == ZOO_ECANCELED ? "stopped" : is_short ? "failed" : "done", &missing, &final,
                      rc && rc != ZOO_ECANCELED ? &report_err : err);
    if (rc == ZOO_ECANCELED && !reported)
        return zoo_fail(err, rc, "stopped; %llu answers are missing, run the same command again to go on",
                        (unsigned long long)missing);
    if (rc || reported)
        return rc ? rc : reported;
    if (is_short && missing > final)
        return zoo_fail(err, ZOO_EIO, "%llu answers are missing; run the same command again to ask for them%s",
                        (unsigned long long)missing, final ? " (those that failed for good: with --again failed)" : "");
    if (is_short && missing)
        return zoo_fail(err, ZOO_EIO,
                        "%llu answers are missing: they failed for a cause that does not pass by itself; --again "
                        "failed asks for them again", (unsigned long long)missing);
    return ZOO_OK;
}

static void clean_up(struct collector *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->sources) {
            free(c->sources[i].done);
            zoo_arena_release(&c->sources[i].arena);
        }
        if (c->urls)
            free(c->urls[i]);
    }
    free(c->sources);
    free(c->lanes);
    free(c->urls);
    zoo_chat_answer_release(&c->answer);
    zoo_experts_release(&c->experts);
    zoo_selection_release(&c->selection);
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
        rc = zoo_store_count_queries(c.store, &c.selection, &queries, &err);
    if (!rc && !queries)
        rc = zoo_choice_fail_empty(c.store, &c.settings->choice, &err);
    if (!rc)
        rc = collect_and_report(&c, queries, &err);
    clean_up(&c);
    return rc ? zoo_cli_fail(&zoo_command_collect, &err) : EXIT_DONE;
}

static const struct settings defaults = { .per_expert = 16, .retries = 5, .timeout = 300, .temperature = NAN };

static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct settings, store, "the store; its queries are asked"),
    { "config", "FILE", OPTION_TEXT | OPTION_REQUIRED, offsetof(struct settings, config),
      "settings with the experts: block of serve", 0, 0 },
    ZOO_OPTION_SPLIT(struct settings, choice),
    ZOO_OPTION_WHERE(struct settings, choice),
    ZOO_OPTION_EXPERTS(struct settings, choice),
    ZOO_OPTION_WITHOUT(struct settings, choice),
    { "again", "failed", OPTION_TEXT, offsetof(struct settings, again),
      "ask also what failed for a cause that does not pass by itself", 0, 0 },
    { "per-expert", "N", OPTION_COUNT, offsetof(struct settings, per_expert),
      "questions in flight to one expert at most (default 16)", 1, 10000 },
    { "concurrency", "N", OPTION_COUNT, offsetof(struct settings, concurrency),
      "questions in flight in all (default: --per-expert for each expert, at most 512)", 1, 10000 },
    { "retries", "N", OPTION_COUNT, offsetof(struct settings, retries),
      "further attempts at a question that failed (default 5)", 0, 100 },
    { "timeout", "SECONDS", OPTION_COUNT, offsetof(struct settings, timeout), "for one attempt (default 300)", 1,
      86400 },
    { "max-tokens", "N", OPTION_COUNT, offsetof(struct settings, max_tokens), "sent as max_tokens (default: not sent)",
      1, 1e9 },
    { "temperature", "T", OPTION_NUMBER, offsetof(struct settings, temperature),
      "sent as temperature (default: not sent)", 0, 100 },
    { "system", "TEXT", OPTION_TEXT, offsetof(struct settings, system),
      "a system message in front of every query (default: none)", 0, 0 },
    { "limit", "N", OPTION_COUNT, offsetof(struct settings, limit),
      "ask each expert N questions at most in this run (default: all)", 1, 1e15 },
    { 0 }
};

const zoo_command zoo_command_collect = {
    .name = "collect", .args = "", .summary = "ask every expert every query and keep the answers",
    .details =
        "Every expert of the settings answers every query of the store that it has not answered yet. The questions\n"
        "go to POST base_url/chat/completions, many at once. Each answer is committed as it arrives, before the next\n"
        "question goes out, with the reason why it ended, its tokens, cost and time. Killed at any moment and run\n"
        "again, it goes on where it was and asks nothing twice but what was in flight. What has an answer is not\n"
        "asked again under other settings (--system, --temperature...): collect into another store for that.\n\n"
        "No connection, time limits, HTTP 408, 425, 429 and 5xx, and replies without an answer are tried again after\n"
        "0.5 s, 1 s, 2 s... up to 30 s, or when Retry-After says (at most 10 minutes), and in the next run. Other\n"
        "errors, a content filter, a refusal, and a length that is used up before any text are final: such a\n"
        "question is noted as failed and asked again only with --again failed. An expert that is down does not hold\n"
        "up the others, and is not asked further after 20 failures in a row.\n\n"
        "Several collects on one store share the work: each claims questions before it asks them, and ends when all\n"
        "is done. What a process that died had claimed is free again, at once on this machine, else after a minute.\n\n"
        "SIGINT stops asking and gives what is in flight 5 s. Prints one JSON object an expert: answered, failed,\n"
        "retries, missing, tokens, and the cost by the settings' prices. Exit status 1 where answers are missing:\n"
        "run it again to ask for those.",
    .examples = "  zooter collect --store my.db --config experts.yaml\n"
                "  zooter collect --store my.db --config experts.yaml --split train --temperature 0 --limit 20\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .run = run
};
