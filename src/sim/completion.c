/* completion.c - POST /v1/chat/completions of a simulated expert.
 *
 *   zoo_sim_handle_completion() -> go_on() --DONE, BROKEN--> settle()
 *                                     | WAITS     ^             |
 *                                  keep() ---- on_timer()       +- an answer, a failure, a cut connection: job_free()
 *                                     |                         +- a stall: silence until on_leave()
 *                                  on_leave() -> job_free()
 *
 * What needs no waiting never leaves the stack. A token is a word with the blank behind it, or one CJK character.
 * Layer: sim -> net, base. Threads: the loop's only. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/utf8.h"
#include "sim/serving.h"

enum fate { FATE_ANSWER, FATE_FAIL, FATE_STALL, FATE_CUT, FATE_CUT_NOW };

#define READ_NS UINT64_C(20000000)  /* a client gets to read the half that it is given: cutting off discards the rest */

enum progress { WAITS, DONE, BROKEN };

struct zoo_sim_job {
    zoo_sim_server *server;
    zoo_http_exchange *exchange;
    const zoo_sim_expert *expert;
    struct zoo_sim_tally *tally;
    struct event *timer;
    struct zoo_sim_job *next, **link;        /* in server->jobs */
    enum fate fate;
    uint64_t number;
    int64_t created;
    uint64_t speaks_from_ns;
    int is_streamed, wants_usage, has_begun, is_kept;
    size_t size, sent;                       /* bytes of the answer; of those streamed */
    size_t tokens, tokens_sent, prompt_tokens;
    const char *finish_reason;
    char answer[ZOO_SIM_TEXT_SIZE];
};

/* Bytes of the token at text[0..size), size >= 1. */
static size_t token_size(const char *text, size_t size)
{
    size_t n = 0, used;

    while (n < size) {
        uint32_t c = zoo_utf8_next(text + n, size - n, &used);
        if (c >= 0x2e80 && c != ZOO_UTF8_BAD)
            return n ? n : used;
        n += used;
        if (c == ' ' || c == '\n')
            return n;
    }
    return n;
}

static size_t count_tokens(const char *text, size_t size)
{
    size_t n = 0;

    for (size_t at = 0; at < size; n++)
        at += token_size(text + at, size - at);
    return n;
}

/* ---- what is sent ---- */

static int add_head(zoo_buf *out, const struct zoo_sim_job *job, const char *object)
{
    return zoo_buf_addf(out, "{\"id\":\"chatcmpl-simulated-%" PRIu64 "\",\"object\":\"%s\",\"created\":%" PRId64
                             ",\"model\":\"%s\",\"system_fingerprint\":\"simulated\",",
                        job->number, object, job->created, job->expert->name);
}

static int add_usage(zoo_buf *out, const struct zoo_sim_job *job)
{
    return zoo_buf_addf(out, "\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu}",
                        job->prompt_tokens, job->tokens, job->prompt_tokens + job->tokens);
}

static int fill_whole(zoo_buf *out, const struct zoo_sim_job *job)
{
    zoo_buf_clear(out);
    return add_head(out, job, "chat.completion") ||
           zoo_buf_add_str(out, "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":") ||
           zoo_buf_add_json_str(out, job->answer, job->size) ||
           zoo_buf_addf(out, ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"%s\"}],", job->finish_reason) ||
           add_usage(out, job) || zoo_buf_add_str(out, "}");
}

/* One event with the piece as its delta; the first also names the role, the last (piece NULL)
 * gives the reason to finish. */
static int add_event(zoo_buf *out, const struct zoo_sim_job *job, const char *piece, size_t size, int is_first)
{
    if (zoo_buf_add_str(out, "data: ") || add_head(out, job, "chat.completion.chunk") ||
        zoo_buf_addf(out, "\"choices\":[{\"index\":0,\"delta\":{%s", is_first ? "\"role\":\"assistant\"," : ""))
        return -1;
    if (piece && (zoo_buf_add_str(out, "\"content\":") || zoo_buf_add_json_str(out, piece, size)))
        return -1;
    return zoo_buf_addf(out, "},\"logprobs\":null,\"finish_reason\":%s%s%s}]}\n\n", piece ? "null" : "\"",
                        piece ? "" : job->finish_reason, piece ? "" : "\"");
}

static int add_end_of_stream(zoo_buf *out, const struct zoo_sim_job *job)
{
    if (add_event(out, job, NULL, 0, 0))
        return -1;
    if (job->wants_usage && (zoo_buf_add_str(out, "data: ") || add_head(out, job, "chat.completion.chunk") ||
                             zoo_buf_add_str(out, "\"choices\":[],") || add_usage(out, job) ||
                             zoo_buf_add_str(out, "}\n\n")))
        return -1;
    return zoo_buf_add_str(out, "data: [DONE]\n\n");
}

/* ---- a completion that takes time ---- */

static void job_free(struct zoo_sim_job *job)
{
    if (!job->is_kept)
        return;
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    if (job->timer)
        event_free(job->timer);
    free(job);
}

void zoo_sim_drop_jobs(zoo_sim_server *server)
{
    while (server->jobs)
        job_free(server->jobs);
}

static void on_leave(void *context)
{
    struct zoo_sim_job *job = context;

    job->tally->cancelled++;
    job_free(job);
}

static void send_failure(const struct zoo_sim_job *job)
{
    char message[200];
    unsigned status = job->expert->failure_status;

    snprintf(message, sizeof message, "simulated failure of %s", job->expert->name);
    zoo_http_reply_error(job->exchange, (int)status, status == 429 ? "rate_limit_error" : "server_error",
                         "simulated_failure", message);
}

/* When token number n (from 0) may be sent. A whole answer may be sent with its last token. */
static uint64_t due_ns(const struct zoo_sim_job *job, size_t n)
{
    double rate = job->expert->tokens_per_s;

    return job->speaks_from_ns + (rate > 0 ? (uint64_t)((double)n * 1e9 / rate) : 0);
}

/* Tokens that the stream will hold: an expert that stalls or is cut off gets half-way. */
static size_t tokens_to_send(const struct zoo_sim_job *job)
{
    return job->fate == FATE_ANSWER ? job->tokens : job->tokens / 2;
}

/* Streams the tokens that are due. */
static enum progress speak(struct zoo_sim_job *job, uint64_t now)
{
    zoo_buf *out = &job->server->body;
    size_t end = tokens_to_send(job);
    int failed = 0;

    zoo_buf_clear(out);
    if (!job->has_begun) {
        zoo_http_stream_begin(job->exchange, 200, "text/event-stream; charset=utf-8");
        failed = add_event(out, job, "", 0, 1);
        job->has_begun = 1;
    }
    for (; job->tokens_sent < end && due_ns(job, job->tokens_sent) <= now && !failed; job->tokens_sent++) {
        size_t n = token_size(job->answer + job->sent, job->size - job->sent);
        failed = add_event(out, job, job->answer + job->sent, n, 0);
        job->sent += n;
    }
    if (job->tokens_sent == end && job->fate == FATE_ANSWER && !failed)
        failed = add_end_of_stream(out, job);
    if (failed)
        return BROKEN;
    zoo_http_stream_write(job->exchange, out->data, out->size, NULL, NULL);
    return job->tokens_sent == end ? DONE : WAITS;
}

/* Sends what is due by now; *next_ns is when to come again. */
static enum progress go_on(struct zoo_sim_job *job, uint64_t *next_ns)
{
    uint64_t now = zoo_clock_ns();
    enum progress progress = DONE;

    *next_ns = job->is_streamed || job->fate == FATE_FAIL ? due_ns(job, 0) : due_ns(job, job->tokens);
    if (*next_ns > now)
        return WAITS;
    if (job->fate == FATE_FAIL)
        send_failure(job);
    else if (job->is_streamed)
        progress = speak(job, now);
    else if (job->fate == FATE_ANSWER && fill_whole(&job->server->body, job))
        progress = BROKEN;
    else if (job->fate == FATE_ANSWER)
        zoo_http_reply(job->exchange, 200, "application/json", job->server->body.data, job->server->body.size);
    *next_ns = due_ns(job, job->tokens_sent);
    return progress;
}

static void wait_until(struct zoo_sim_job *job, uint64_t ns)
{
    uint64_t now = zoo_clock_ns(), us = ns > now ? (ns - now + 999) / 1000 : 0;
    struct timeval delay = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };

    evtimer_add(job->timer, &delay);
}

/* Ends the exchange, but for a stall. */
static void settle(struct zoo_sim_job *job, enum progress progress)
{
    if (progress == DONE && job->fate == FATE_CUT && job->is_streamed) {
        job->fate = FATE_CUT_NOW;
        wait_until(job, zoo_clock_ns() + READ_NS);
        return;
    }
    if (progress == BROKEN || job->fate == FATE_CUT || job->fate == FATE_CUT_NOW) {
        job->tally->cut++;
        zoo_http_abort(job->exchange);
    } else if (job->fate == FATE_FAIL) {
        job->tally->failed++;
    } else if (job->fate == FATE_STALL) {
        job->tally->stalled++;
        return;
    } else {
        job->tally->answered++;
        job->tally->prompt_tokens += job->prompt_tokens;
        job->tally->completion_tokens += job->tokens;
        if (job->is_streamed)
            zoo_http_stream_end(job->exchange);
    }
    job_free(job);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct zoo_sim_job *job = context;
    uint64_t next_ns = 0;
    enum progress progress = job->fate == FATE_CUT_NOW ? DONE : go_on(job, &next_ns);

    (void)fd;
    (void)what;
    if (progress == WAITS)
        wait_until(job, next_ns);
    else
        settle(job, progress);
}

/* A copy of the job that lives on behind a timer; NULL: no memory. */
static struct zoo_sim_job *keep(const struct zoo_sim_job *draft)
{
    struct zoo_sim_job *job = malloc(sizeof *job);

    if (!job)
        return NULL;
    memcpy(job, draft, sizeof *job);
    job->timer = evtimer_new(job->server->loop, on_timer, job);
    if (!job->timer) {
        free(job);
        return NULL;
    }
    job->is_kept = 1;
    job->link = &job->server->jobs;
    job->next = job->server->jobs;
    if (job->next)
        job->next->link = &job->next;
    job->server->jobs = job;
    zoo_http_on_leave(job->exchange, on_leave, job);
    return job;
}

/* ---- the request ---- */

static enum fate draw_fate(const zoo_sim_config *config, const zoo_sim_expert *expert, uint64_t nth)
{
    zoo_rng rng;
    double x;

    if (!(expert->failure_rate + expert->stall_rate + expert->cut_rate > 0))
        return FATE_ANSWER;
    zoo_rng_init(&rng, zoo_hash64(&nth, sizeof nth, zoo_hash64(expert->name, strlen(expert->name), ~config->seed)));
    x = zoo_rng_uniform(&rng);
    if (x < expert->failure_rate)
        return FATE_FAIL;
    if (x < expert->failure_rate + expert->stall_rate)
        return FATE_STALL;
    return x < expert->failure_rate + expert->stall_rate + expert->cut_rate ? FATE_CUT : FATE_ANSWER;
}

/* Cuts the answer to the number of tokens that the client allows. */
static void limit_tokens(struct zoo_sim_job *job, const json_t *body)
{
    const json_t *limit = json_object_get(body, "max_completion_tokens");
    size_t at = 0, n = 0;

    if (!json_is_integer(limit))
        limit = json_object_get(body, "max_tokens");
    job->finish_reason = "stop";
    job->tokens = count_tokens(job->answer, job->size);
    if (!json_is_integer(limit) || json_integer_value(limit) < 1 || (size_t)json_integer_value(limit) >= job->tokens)
        return;
    for (; n < (size_t)json_integer_value(limit); n++)
        at += token_size(job->answer + at, job->size - at);
    job->tokens = n;
    job->size = at;
    job->finish_reason = "length";
}

/* Fills the job from the request; 0: the request was refused and answered. */
static int read_request(zoo_sim_server *s, zoo_http_exchange *exchange, const json_t *body, struct zoo_sim_job *job)
{
    const char *model = json_string_value(json_object_get(body, "model"));
    const json_t *messages = json_object_get(body, "messages"), *message;
    char sentence[300];

    if (!model || !json_is_array(messages)) {
        zoo_sim_refuse(s, exchange, model ? "'messages' should be an array" : "'model' should be a string");
        return 0;
    }
    job->expert = zoo_sim_expert_find(s->config, model);
    if (!job->expert) {
        s->unknown_models++;
        snprintf(sentence, sizeof sentence, "no simulated expert is called '%.128s'; GET /v1/models lists them", model);
        zoo_http_reply_error(exchange, 404, "invalid_request_error", "model_not_found", sentence);
        return 0;
    }
    message = zoo_sim_last_message(messages, "user");
    if (!message || zoo_sim_message_text(message, &s->body)) {
        zoo_sim_refuse(s, exchange, "'messages' holds no user message with text");
        return 0;
    }
    job->server = s;
    job->exchange = exchange;
    job->tally = &s->tallies[job->expert - s->config->experts];
    job->number = ++s->number;
    job->created = (int64_t)time(NULL);
    job->is_streamed = json_is_true(json_object_get(body, "stream"));
    job->wants_usage = json_is_true(json_object_get(json_object_get(body, "stream_options"), "include_usage"));
    job->prompt_tokens = count_tokens(s->body.data ? s->body.data : "", s->body.size);
    job->size = zoo_sim_answer(s->config, job->expert, s->body.data ? s->body.data : "", s->body.size, job->answer);
    limit_tokens(job, body);
    job->fate = draw_fate(s->config, job->expert, job->tally->requests++);
    job->tally->streamed += (uint64_t)job->is_streamed;
    return 1;
}

void zoo_sim_handle_completion(zoo_http_exchange *exchange, void *context)
{
    json_t *body = zoo_sim_read_body(context, exchange);
    struct zoo_sim_job draft, *job = &draft;
    enum progress progress;
    uint64_t next_ns;
    int is_read;

    memset(&draft, 0, offsetof(struct zoo_sim_job, answer));
    is_read = body && read_request(context, exchange, body, job);
    json_decref(body);
    if (!is_read)
        return;
    draft.speaks_from_ns = draft.expert->latency_ms > 0 ? zoo_clock_ns() + (uint64_t)(draft.expert->latency_ms * 1e6) :
                           0;
    if (draft.expert->tokens_per_s > 0 && !draft.speaks_from_ns)
        draft.speaks_from_ns = zoo_clock_ns();
    progress = go_on(job, &next_ns);
    if (progress == WAITS || (progress == DONE && (draft.fate == FATE_STALL || draft.fate == FATE_CUT))) {
        job = keep(&draft);
        if (!job)
            zoo_http_abort(exchange);
        else if (progress == WAITS)
            wait_until(job, next_ns);
    }
    if (job && progress != WAITS)
        settle(job, progress);
}
