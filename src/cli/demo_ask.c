/* demo_ask.c - asks held-out queries through the gateway over HTTP and grades what comes back. */
#include <inttypes.h>
#include <string.h>
#include "base/json.h"
#include "base/lines.h"
#include "base/name.h"
#include "cli/children.h"
#include "cli/demo.h"
#include "eval/graders.h"
#include "net/http_client.h"

enum { MAX_LINE = 1 << 20, MAX_BODY = 1 << 20, SUBSETS_MAX = 16 };

/* ---- one request, waited for ---- */

struct exchange {
    struct event_base *loop;
    zoo_http_call *call;
    zoo_buf body;
    char expert[ZOO_NAME_MAX + 1], probability[32];
    int status;
    char reason[200];
};

static void copy_header(char *out, size_t size, zoo_http_call *call, const char *name)
{
    const char *value = zoo_http_response_header(call, name);

    snprintf(out, size, "%s", value ? value : "?");
}

static void on_headers(void *context, int status, const char *content_type)
{
    struct exchange *x = context;

    (void)status;
    (void)content_type;
    copy_header(x->expert, sizeof x->expert, x->call, "x-zooter-model");
    copy_header(x->probability, sizeof x->probability, x->call, "x-zooter-probability");
}

static int on_data(void *context, const char *bytes, size_t size)
{
    struct exchange *x = context;

    zoo_buf_add(&x->body, bytes, size);          /* past the maximum the JSON is cut, and refused below */
    return 0;
}

static void on_done(void *context, const zoo_http_result *result)
{
    struct exchange *x = context;

    x->status = result->status;
    snprintf(x->reason, sizeof x->reason, "%s", result->reason);
    event_base_loopbreak(x->loop);
}

static int post(struct exchange *x, zoo_http_client *client, const char *url, const zoo_buf *body, zoo_err *err)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    const zoo_http_request request = { .method = "POST", .url = url, .headers = headers, .body = body->data,
                                       .body_size = body->size, .connect_ms = 5000, .total_ms = 20000,
                                       .max_body = MAX_BODY, .on_headers = on_headers, .on_data = on_data,
                                       .on_done = on_done, .context = x };
    int rc = zoo_http_start(client, &request, &x->call, err);

    if (rc)
        return rc;
    event_base_dispatch(x->loop);
    if (x->status == 200)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EIO, "%s: status %d %s", url, x->status, x->reason);
}

/* ---- a question ---- */

static int fill_request(zoo_buf *out, const char *query)
{
    return zoo_buf_add_str(out, "{\"model\": \"zooter\", \"messages\": [{\"role\": \"user\", \"content\": ") ||
           zoo_buf_add_json_str(out, query, strlen(query)) || zoo_buf_add_str(out, "}]}");
}

/* On one line: line ends as blanks. */
static void show_answer(FILE *to, const char *text)
{
    for (; *text; text++)
        fputc(*text == '\n' ? ' ' : *text, to);
    fputc('\n', to);
}

static int show(FILE *to, const struct exchange *x, const json_t *row, zoo_err *err)
{
    json_t *reply = zoo_json_parse(x->body.data ? x->body.data : "", x->body.size, "the gateway's reply", err);
    const char *answer = json_string_value(json_object_get(json_object_get(json_array_get(
        json_object_get(reply, "choices"), 0), "message"), "content"));
    zoo_buf extra = ZOO_BUF_INIT(MAX_BODY);
    double reward = 0;
    int rc = ZOO_OK;

    if (!reply)
        return err->code;
    if (!answer)
        rc = zoo_fail(err, ZOO_EFORMAT, "the gateway's reply has no answer in it");
    else if (zoo_json_dump(&extra, row))
        rc = zoo_fail_nomem(err);
    else if ((rc = zoo_grade(extra.data, NULL, answer, strlen(answer), &reward, err)) >= 0) {
        fprintf(to, "  %s (x-zooter-probability %s) answers, %s: ", x->expert, x->probability,
                reward > 0 ? "right" : "wrong");
        show_answer(to, answer);
        rc = ZOO_OK;
    }
    zoo_buf_release(&extra);
    json_decref(reply);
    return rc;
}

static int ask(FILE *to, struct exchange *x, zoo_http_client *client, const json_t *row, unsigned port, zoo_err *err)
{
    zoo_buf request = ZOO_BUF_INIT(MAX_BODY);
    char url[80];
    int rc;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/chat/completions", port);
    zoo_buf_clear(&x->body);
    if (fill_request(&request, json_string_value(json_object_get(row, "query")))) {
        rc = zoo_fail_nomem(err);
    } else {
        zoo_child_show(to, (const char *const[]){ "curl", "-s", url, "-d", request.data, NULL }, NULL, NULL);
        rc = post(x, client, url, &request, err);
        if (!rc)
            rc = show(to, x, row, err);
    }
    zoo_buf_release(&request);
    return rc;
}

/* ---- which questions ---- */

struct chosen { char subsets[SUBSETS_MAX][40]; size_t count; };

/* The first test query of each subset. */
static int is_wanted(struct chosen *chosen, const json_t *row, int with_programs)
{
    const char *split = json_string_value(json_object_get(row, "split")),
                        *subset = json_string_value(json_object_get(row, "subset"));
    const char *grader = json_string_value(json_object_get(row, "grader"));

    if (!split || !subset || !grader || strcmp(split, "test") || (!with_programs && !strcmp(grader, "program")))
        return 0;
    for (size_t i = 0; i < chosen->count; i++)
        if (!strcmp(chosen->subsets[i], subset))
            return 0;
    if (chosen->count == SUBSETS_MAX)
        return 0;
    snprintf(chosen->subsets[chosen->count++], sizeof chosen->subsets[0], "%s", subset);
    return 1;
}

static int ask_all(FILE *to, struct exchange *x, zoo_http_client *client, const char *rows, unsigned port,
                   int with_programs, zoo_err *err)
{
    struct chosen chosen = { .count = 0 };
    zoo_lines in;
    size_t size;
    char *line;
    int rc = zoo_lines_open(&in, rows, MAX_LINE, err);

    if (rc)
        return rc;
    while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1) {
        json_t *row = zoo_json_parse(line, size, rows, err);
        if (!row)
            rc = err->code;
        else if (is_wanted(&chosen, row, with_programs) && !(rc = zoo_children_check(err)))
            rc = ask(to, x, client, row, port, err);
        json_decref(row);
        if (rc < 0)
            break;
    }
    zoo_lines_close(&in);
    return rc;
}

int zoo_demo_ask(FILE *to, const char *rows, unsigned port, int with_programs, zoo_err *err)
{
    struct exchange x = { .loop = event_base_new(), .body = ZOO_BUF_INIT(MAX_BODY) };
    zoo_http_client *client = NULL;
    int rc = x.loop ? zoo_http_client_new(&client, x.loop, NULL, err) : zoo_fail_nomem(err);

    if (!rc)
        rc = ask_all(to, &x, client, rows, port, with_programs, err);
    zoo_http_client_free(client);
    zoo_buf_release(&x.body);
    if (x.loop)
        event_base_free(x.loop);
    return rc;
}
