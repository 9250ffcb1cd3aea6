/* dispatch.c - see dispatch.h.
 *
 * A slot holds one request from the moment it is pulled until it is taken or lost:
 *
 *     FREE -- pull() --> READY -- ask() --> ASKING -- succeed(), lose() --> FREE
 *                          ^                   |
 *                    on_slot_timer() <---- try_again() --> WAITING
 *
 * settle_and_pump() runs at the end of a turn of the loop in which something ended: it has what was taken committed,
 * and then fills the room there is, lane after lane in turn. */
#include "llm/dispatch.h"
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "net/http_client.h"

enum { CONNECT_MS = 10000, FIRST_DELAY_MS = 500, MOST_DELAY_MS = 30000, MOST_RETRY_AFTER_MS = 600000,
       KEPT_BYTES = 256 << 10, MAX_REQUEST = 1 << 30 };

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_ASKING, SLOT_WAITING };

struct slot {
    zoo_dispatch *d;
    size_t lane;
    enum slot_state state;
    unsigned attempts;
    zoo_job job;
    zoo_buf body, reply;
    zoo_http_call *call;                 /* ASKING */
    struct event *timer;                 /* WAITING */
    TAILQ_ENTRY(slot) link;              /* free, or its lane's ready */
    SLIST_ENTRY(slot) all;
};
TAILQ_HEAD(slot_list, slot);
SLIST_HEAD(slot_set, slot);

/* A lane's private half. */
struct queue {
    struct slot_list ready;
    unsigned held;                       /* slots that are not free */
    unsigned lost_in_row;
    int is_empty;                        /* next has no more */
    uint64_t paused_until_ns;
    struct event *wake;
    char *authorization;                 /* a header, or NULL */
};

struct zoo_dispatch {
    struct event_base *loop;
    zoo_http_client *client;
    zoo_lane *lanes;
    struct queue *queues;
    size_t n, turn;                      /* whose turn it is next */
    const zoo_dispatch_limits *limits;
    const zoo_dispatch_hooks *hooks;
    struct slot_list spare;
    struct slot_set slots;
    unsigned asking, held;
    int is_unsettled;                    /* something was taken or lost since the last settle */
    int is_stopping, failed;             /* failed: the code that ends everything */
    zoo_err err;
    struct event *grace, *turn_end;
    zoo_rng rng;
};

/* Behind everything that is ready in this turn of the loop. */
static void pump_soon(zoo_dispatch *d)
{
    event_active(d->turn_end, EV_TIMEOUT, 0);
}

/* ---- slots ---- */

static void on_slot_timer(evutil_socket_t fd, short what, void *context)
{
    struct slot *slot = context;

    (void)fd;
    (void)what;
    slot->state = SLOT_READY;
    TAILQ_INSERT_TAIL(&slot->d->queues[slot->lane].ready, slot, link);
    pump_soon(slot->d);
}

static struct slot *slot_new(zoo_dispatch *d)
{
    struct slot *slot = TAILQ_FIRST(&d->spare);

    if (slot) {
        TAILQ_REMOVE(&d->spare, slot, link);
        return slot;
    }
    slot = calloc(1, sizeof *slot);
    if (!slot)
        return NULL;
    slot->timer = evtimer_new(d->loop, on_slot_timer, slot);
    if (!slot->timer) {
        free(slot);
        return NULL;
    }
    slot->d = d;
    slot->body = (zoo_buf)ZOO_BUF_INIT(MAX_REQUEST);
    slot->reply = (zoo_buf)ZOO_BUF_INIT(d->limits->max_reply);
    SLIST_INSERT_HEAD(&d->slots, slot, all);
    return slot;
}

/* Done with: memory is kept for the next request, unless it is much. */
static void slot_recycle(struct slot *slot)
{
    zoo_dispatch *d = slot->d;

    slot->state = SLOT_FREE;
    d->queues[slot->lane].held--;
    d->held--;
    if (slot->body.capacity > KEPT_BYTES)
        zoo_buf_release(&slot->body);
    if (slot->reply.capacity > KEPT_BYTES)
        zoo_buf_release(&slot->reply);
    TAILQ_INSERT_HEAD(&d->spare, slot, link);
}

static void fail(zoo_dispatch *d, int code, const zoo_err *err)
{
    if (d->failed)
        return;
    d->failed = code;
    d->err = *err;
    event_base_loopbreak(d->loop);
}

/* ---- the end of an attempt ---- */

/* A reply may hold any bytes, and is cut anywhere; what is noted of it goes into stores and JSON,
 * which take UTF-8 alone. */
static void note_failure(zoo_lane *lane, const char *why)
{
    size_t size, used;

    if (lane->api_key && *lane->api_key && strstr(why, lane->api_key))
        why = "the reply repeats the key and is not shown";
    size = zoo_utf8_cut(why, strlen(why), sizeof lane->last_failure - 1);
    memcpy(lane->last_failure, why, size);
    lane->last_failure[size] = 0;
    for (char *p = lane->last_failure; *p; p += used)
        if (zoo_utf8_next(p, strlen(p), &used) == ZOO_UTF8_BAD)
            *p = '?';
}

static void lose(struct slot *slot, const char *why, int is_final)
{
    zoo_dispatch *d = slot->d;
    zoo_lane *lane = &d->lanes[slot->lane];
    zoo_err err;
    int rc = ZOO_OK;

    note_failure(lane, why);
    lane->lost++;
    if (++d->queues[slot->lane].lost_in_row >= ZOO_DISPATCH_GIVE_UP)
        lane->gave_up = 1;
    if (d->hooks->lose)
        rc = d->hooks->lose(d->hooks->context, slot->lane, &slot->job, is_final, &err);
    d->is_unsettled = 1;
    slot_recycle(slot);
    if (rc)
        fail(d, rc, &err);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    pump_soon(context);
}

static struct timeval in_ms(double ms)
{
    return (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(((long)ms % 1000) * 1000) };
}

/* The endpoint asked to be left alone for a while: nobody of the lane goes before that. */
static void pause_lane(struct queue *queue, double ms)
{
    uint64_t until = zoo_clock_ns() + (uint64_t)(ms * 1e6);
    struct timeval wait = in_ms(ms + 1);

    if (until > queue->paused_until_ns) {
        queue->paused_until_ns = until;
        event_add(queue->wake, &wait);
    }
}

static void try_again(struct slot *slot, const char *why, long retry_after)
{
    zoo_dispatch *d = slot->d;
    zoo_lane *lane = &d->lanes[slot->lane];
    unsigned shift = slot->attempts - 1 < 10 ? slot->attempts - 1 : 10;
    double ms = FIRST_DELAY_MS * (double)(1u << shift);
    struct timeval wait;

    if (slot->attempts > d->limits->retries || lane->gave_up || d->is_stopping) {
        lose(slot, why, 0);
        return;
    }
    ms = (ms < MOST_DELAY_MS ? ms : MOST_DELAY_MS) * (0.5 + 0.5 * zoo_rng_uniform(&d->rng));
    if (retry_after >= 0) {
        double asked = retry_after < MOST_RETRY_AFTER_MS / 1000 ? (double)retry_after * 1000 : MOST_RETRY_AFTER_MS;
        pause_lane(&d->queues[slot->lane], asked);
        ms = ms > asked ? ms : asked;
    }
    lane->retried++;
    slot->state = SLOT_WAITING;
    wait = in_ms(ms);
    event_add(slot->timer, &wait);
}

static void succeed(struct slot *slot, double seconds)
{
    zoo_dispatch *d = slot->d;
    zoo_lane *lane = &d->lanes[slot->lane];
    zoo_err err = { 0, "" };
    int rc = d->hooks->take(d->hooks->context, slot->lane, &slot->job, slot->reply.data ? slot->reply.data : "",
                            slot->reply.size, seconds, &err);

    if (rc == ZOO_EFORMAT) {
        try_again(slot, err.message, -1);
    } else if (rc == ZOO_ECONFLICT) {
        lose(slot, err.message, 1);
    } else if (rc) {
        slot_recycle(slot);
        fail(d, rc, &err);
    } else {
        lane->taken++;
        d->is_unsettled = 1;
        d->queues[slot->lane].lost_in_row = 0;
        slot_recycle(slot);
    }
}

/* The words in an error reply: {"error": {"message"}}, {"error"}, {"message"} or {"detail"}; else its beginning. */
static void describe_refusal(const struct slot *slot, int status, char *out, size_t size)
{
    json_t *root = slot->reply.size ? zoo_json_parse(slot->reply.data, slot->reply.size, "reply", NULL) : NULL;
    const json_t *error = json_object_get(root, "error");
    const char *words = json_string_value(json_object_get(error, "message"));

    if (!words)
        words = json_string_value(error);
    if (!words)
        words = json_string_value(json_object_get(root, "message"));
    if (!words)
        words = json_string_value(json_object_get(root, "detail"));
    if (!words)
        words = slot->reply.data && slot->reply.size ? slot->reply.data : "no reason given";
    snprintf(out, size, "HTTP %d: %.200s", status, words);
    json_decref(root);
}

static int may_pass(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void on_done(void *context, const zoo_http_result *result)
{
    struct slot *slot = context;
    zoo_dispatch *d = slot->d;
    char why[300];

    slot->call = NULL;
    d->asking--;
    if (result->outcome == ZOO_HTTP_COMPLETE && result->status >= 200 && result->status < 300) {
        succeed(slot, result->seconds);
    } else if (result->outcome == ZOO_HTTP_COMPLETE) {
        describe_refusal(slot, result->status, why, sizeof why);
        if (may_pass(result->status))
            try_again(slot, why, result->retry_after);
        else
            lose(slot, why, 1);
    } else if (result->outcome == ZOO_HTTP_TOO_LARGE) {
        lose(slot, result->reason, 1);
    } else {
        try_again(slot, result->reason, -1);
    }
    pump_soon(d);
}

static int on_data(void *context, const char *bytes, size_t size)
{
    struct slot *slot = context;

    zoo_buf_add(&slot->reply, bytes, size);          /* the client ends what is longer than max_reply */
    return 0;
}

/* ---- the start of an attempt ---- */

static void ask(struct slot *slot)
{
    zoo_dispatch *d = slot->d;
    zoo_lane *lane = &d->lanes[slot->lane];
    const char *const headers[] = { "Content-Type: application/json", "Accept: application/json",
                                    d->queues[slot->lane].authorization, NULL };
    zoo_http_request request = {
        .method = "POST", .url = lane->url, .headers = headers, .body = slot->body.data, .body_size = slot->body.size,
        .borrow_body = 1, .connect_ms = CONNECT_MS, .total_ms = d->limits->timeout_ms, .max_body = d->limits->max_reply,
        .on_data = on_data, .on_done = on_done, .context = slot
    };
    zoo_err err;
    int rc;

    zoo_buf_clear(&slot->reply);
    slot->attempts++;
    rc = zoo_http_start(d->client, &request, &slot->call, &err);
    if (rc) {
        slot->call = NULL;
        slot_recycle(slot);
        fail(d, rc, &err);
        return;
    }
    slot->state = SLOT_ASKING;
    d->asking++;
    lane->asked++;
}

/* A new request of the lane in a slot, or NULL. */
static struct slot *pull(zoo_dispatch *d, size_t lane)
{
    struct queue *queue = &d->queues[lane];
    struct slot *slot = slot_new(d);
    zoo_err err;
    int rc;

    if (!slot) {
        fail(d, zoo_fail_nomem(&err), &err);
        return NULL;
    }
    slot->lane = lane;
    slot->attempts = 0;
    zoo_buf_clear(&slot->body);
    queue->held++;
    d->held++;
    rc = d->hooks->next(d->hooks->context, lane, &slot->body, &slot->job, &err);
    if (rc == 1)
        return slot;
    slot_recycle(slot);
    queue->is_empty = 1;
    if (rc < 0)
        fail(d, rc, &err);
    return NULL;
}

/* What the lane could ask now, or NULL. */
static struct slot *ready_of(zoo_dispatch *d, size_t lane)
{
    struct queue *queue = &d->queues[lane];
    struct slot *slot = TAILQ_FIRST(&queue->ready);

    if (queue->paused_until_ns && queue->paused_until_ns > zoo_clock_ns())
        return NULL;
    if (slot) {
        TAILQ_REMOVE(&queue->ready, slot, link);
        return slot;
    }
    if (queue->is_empty || d->lanes[lane].gave_up || queue->held >= d->limits->per_lane)
        return NULL;
    return pull(d, lane);
}

static struct slot *next_ready(zoo_dispatch *d)
{
    for (size_t i = 0; i < d->n && !d->failed; i++) {
        size_t lane = (d->turn + i) % d->n;
        struct slot *slot = ready_of(d, lane);
        if (slot) {
            d->turn = lane + 1;
            return slot;
        }
    }
    return NULL;
}

static void pump(zoo_dispatch *d)
{
    struct slot *slot;

    while (!d->failed && !d->is_stopping && d->asking < d->limits->in_flight && (slot = next_ready(d)))
        ask(slot);
    if (d->asking == 0 && (d->held == 0 || d->is_stopping))
        event_base_loopbreak(d->loop);
}

static int settle(zoo_dispatch *d)
{
    zoo_err err;
    int rc = d->is_unsettled && d->hooks->settle ? d->hooks->settle(d->hooks->context, &err) : ZOO_OK;

    d->is_unsettled = 0;
    if (rc)
        fail(d, rc, &err);
    return rc;
}

static void settle_and_pump(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    if (!settle(context))
        pump(context);
}

/* ---- the whole ---- */

int zoo_dispatch_run(zoo_dispatch *d, zoo_err *err)
{
    pump(d);
    if (!d->failed && (d->asking || d->held))
        event_base_dispatch(d->loop);
    if (!d->failed)
        settle(d);
    if (d->failed) {
        if (err)
            *err = d->err;
        return d->failed;
    }
    return d->is_stopping ? zoo_fail(err, ZOO_ECANCELED, "stopped") : ZOO_OK;
}

static void on_grace_end(evutil_socket_t fd, short what, void *context)
{
    zoo_dispatch *d = context;

    (void)fd;
    (void)what;
    event_base_loopbreak(d->loop);
}

void zoo_dispatch_stop(zoo_dispatch *d, unsigned grace_ms)
{
    struct timeval wait = in_ms(d->is_stopping ? 0 : grace_ms);

    d->is_stopping = 1;
    event_add(d->grace, &wait);
    pump_soon(d);
}

static int set_up_queue(zoo_dispatch *d, size_t lane)
{
    struct queue *queue = &d->queues[lane];
    const char *key = d->lanes[lane].api_key;

    TAILQ_INIT(&queue->ready);
    queue->wake = evtimer_new(d->loop, on_wake, d);
    if (!queue->wake)
        return ZOO_ENOMEM;
    if (!key)
        return ZOO_OK;
    return asprintf(&queue->authorization, "Authorization: Bearer %s", key) < 0 ? ZOO_ENOMEM : ZOO_OK;
}

int zoo_dispatch_new(zoo_dispatch **out, struct event_base *loop, zoo_lane *lanes, size_t n,
                     const zoo_dispatch_limits *limits, const zoo_dispatch_hooks *hooks, zoo_err *err)
{
    zoo_dispatch *d = calloc(1, sizeof *d);
    zoo_http_limits http = { .max_body = limits->max_reply, .max_connections = limits->in_flight };
    int rc = ZOO_OK;

    *out = NULL;
    if (!d || !(d->queues = calloc(n, sizeof *d->queues))) {
        free(d);
        return zoo_fail_nomem(err);
    }
    d->loop = loop;
    d->lanes = lanes;
    d->n = n;
    d->limits = limits;
    d->hooks = hooks;
    TAILQ_INIT(&d->spare);
    SLIST_INIT(&d->slots);
    zoo_rng_init(&d->rng, zoo_clock_ns());          /* only shifts waiting times */
    d->grace = evtimer_new(loop, on_grace_end, d);
    d->turn_end = event_new(loop, -1, 0, settle_and_pump, d);
    for (size_t i = 0; i < n && !rc; i++)
        rc = set_up_queue(d, i);
    if (rc || !d->grace || !d->turn_end)
        rc = zoo_fail_nomem(err);
    if (!rc)
        rc = zoo_http_client_new(&d->client, loop, &http, err);
    if (rc) {
        zoo_dispatch_free(d);
        return rc;
    }
    *out = d;
    return ZOO_OK;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

/* The key is wiped before its memory is given back. */
static void free_secret(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

void zoo_dispatch_free(zoo_dispatch *d)
{
    struct slot *slot;

    if (!d)
        return;
    zoo_http_client_free(d->client);
    while ((slot = SLIST_FIRST(&d->slots))) {
        SLIST_REMOVE_HEAD(&d->slots, all);
        event_free(slot->timer);
        zoo_buf_release(&slot->body);
        zoo_buf_release(&slot->reply);
        free(slot);
    }
    for (size_t i = 0; i < d->n; i++) {
        free_event(d->queues[i].wake);
        free_secret(d->queues[i].authorization);
    }
    free_event(d->grace);
    free_event(d->turn_end);
    free(d->queues);
    free(d);
}
