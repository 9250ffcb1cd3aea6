/* score.c - a simulated reward model in the shape of vLLM's endpoints: /score, /classify, /pooling.
 * The score is 0.8 for a right answer, 0 for any other, plus 0.1, plus noise of 0 to 0.1 from the seed and the texts.
 * Layer: sim -> net, base. Threads: the loop's only. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sim/serving.h"

enum { MAX_INPUTS = 1024 };

static double score(const zoo_sim_server *s, const char *query, size_t size, const char *answer)
{
    uint64_t h = zoo_hash64(answer, strlen(answer), zoo_hash64(query, size, s->config->seed));

    return 0.1 + 0.8 * zoo_sim_is_right(query, size, answer) + 0.1 * ((double)(h >> 11) / 9007199254740992.0);
}

/* Query and answer in one text, parted by the first empty line. */
static double score_joined(const zoo_sim_server *s, const char *text)
{
    const char *gap = strstr(text, "\n\n");

    return gap ? score(s, text, (size_t)(gap - text), gap + 2) : score(s, text, strlen(text), "");
}

/* ---- replies ---- */

typedef int (*add_entry)(zoo_buf *out, size_t index, double value);

static int add_score(zoo_buf *out, size_t index, double value)
{
    return zoo_buf_addf(out, "{\"index\":%zu,\"object\":\"score\",\"score\":%.6f}", index, value);
}

static int add_class(zoo_buf *out, size_t index, double value)
{
    return zoo_buf_addf(out, "{\"index\":%zu,\"label\":\"simulated\",\"probs\":[%.6f],\"num_classes\":1}", index,
                        value);
}

static int add_pooled(zoo_buf *out, size_t index, double value)
{
    return zoo_buf_addf(out, "{\"index\":%zu,\"object\":\"pooling\",\"data\":[%.6f]}", index, value);
}

static void reply(zoo_sim_server *s, zoo_http_exchange *exchange, const json_t *body, const double *values, size_t n,
                  add_entry add)
{
    const char *model = json_string_value(json_object_get(body, "model"));
    zoo_buf *out = &s->body;
    int failed;

    model = model ? model : "simulated";
    zoo_buf_clear(out);
    failed = zoo_buf_addf(out,
                          "{\"id\":\"simulated-%" PRIu64 "\",\"object\":\"list\",\"created\":%" PRId64 ",\"model\":",
                          s->score_requests, (int64_t)time(NULL)) || zoo_buf_add_json_str(out, model, strlen(model)) ||
                              zoo_buf_add_str(out, ",\"data\":[");
    for (size_t i = 0; i < n && !failed; i++)
        failed = (i && zoo_buf_add_str(out, ",")) || add(out, i, values[i]);
    failed = failed || zoo_buf_add_str(out,
                                       "],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}}");
    if (failed) {
        zoo_sim_out_of_memory(exchange);
        return;
    }
    s->scores += n;
    zoo_http_reply(exchange, 200, "application/json", out->data, out->size);
}

/* ---- requests ---- */

/* The strings of a string or an array of strings. Returns how many; -1: it is neither, empty or too long. */
static int texts_of(const json_t *value, const char **texts)
{
    size_t n = json_is_string(value) ? 1 : json_array_size(value);

    if (!n || n > MAX_INPUTS)
        return -1;
    for (size_t i = 0; i < n; i++) {
        texts[i] = json_string_value(json_is_string(value) ? value : json_array_get(value, i));
        if (!texts[i])
            return -1;
    }
    return (int)n;
}

/* POST /score: text_1 is the query, or one query for each answer; text_2 the answer or answers. */
static int score_pairs(const zoo_sim_server *s, const json_t *body, double *values, const char **sentence)
{
    const char *queries[MAX_INPUTS], *answers[MAX_INPUTS];
    int q = texts_of(json_object_get(body, "text_1"), queries), a = texts_of(json_object_get(body, "text_2"), answers);

    *sentence = "'text_1' and 'text_2' should be strings, or arrays of 1 to 1024 strings, equally long or text_1 a "
                "single one";
    if (q < 0 || a < 0 || (q != 1 && q != a))
        return -1;
    for (int i = 0; i < a; i++)
        values[i] = score(s, queries[q == 1 ? 0 : i], strlen(queries[q == 1 ? 0 : i]), answers[i]);
    return a;
}

/* {"messages": [..., user, ..., assistant]}: one score. */
static int score_messages(zoo_sim_server *s, const json_t *messages, double *values, const char **sentence)
{
    const json_t *user = zoo_sim_last_message(messages, "user");
    const json_t *assistant = zoo_sim_last_message(messages, "assistant");
    char *query;

    *sentence = "'messages' should hold a user message and an assistant message with text";
    if (!user || !assistant || zoo_sim_message_text(user, &s->body))
        return -1;
    query = strdup(s->body.data ? s->body.data : "");
    if (!query)
        return -1;
    if (zoo_sim_message_text(assistant, &s->body)) {
        free(query);
        return -1;
    }
    values[0] = score(s, query, strlen(query), s->body.data ? s->body.data : "");
    free(query);
    return 1;
}

static int score_inputs(zoo_sim_server *s, const json_t *body, double *values, const char **sentence)
{
    const json_t *messages = json_object_get(body, "messages");
    const char *texts[MAX_INPUTS];
    int n;

    if (messages)
        return score_messages(s, messages, values, sentence);
    *sentence = "'input' should be a string or an array of 1 to 1024 strings: the query, an empty line, the answer";
    n = texts_of(json_object_get(body, "input"), texts);
    for (int i = 0; i < n; i++)
        values[i] = score_joined(s, texts[i]);
    return n;
}

static void handle(zoo_sim_server *s, zoo_http_exchange *exchange, add_entry add)
{
    json_t *body = zoo_sim_read_body(s, exchange);
    const char *sentence;
    double values[MAX_INPUTS];
    int n;

    if (!body)
        return;
    s->score_requests++;
    n = add == add_score ? score_pairs(s, body, values, &sentence) : score_inputs(s, body, values, &sentence);
    if (n < 0)
        zoo_sim_refuse(s, exchange, sentence);
    else
        reply(s, exchange, body, values, (size_t)n, add);
    json_decref(body);
}

void zoo_sim_handle_score(zoo_http_exchange *exchange, void *server)
{
    handle(server, exchange, add_score);
}

void zoo_sim_handle_classify(zoo_http_exchange *exchange, void *server)
{
    handle(server, exchange, add_class);
}

void zoo_sim_handle_pooling(zoo_http_exchange *exchange, void *server)
{
    handle(server, exchange, add_pooled);
}
