/* chat.h - one question to an OpenAI-compatible chat endpoint and the answer out of its reply: bytes in, bytes out.
 *
 *     zoo_chat_write(&body, &(zoo_chat_request){ .model = "qwen", .temperature = NAN }, query, size);
 *     zoo_chat_answer answer = { 0 };
 *     zoo_chat_read(&answer, reply, reply_size, &err);  ... answer.text ...     // and the next reply
 *     zoo_chat_answer_release(&answer);
 *
 * Sends nothing. Layer: llm -> base. Thread-safe. */
#ifndef ZOO_LLM_CHAT_H
#define ZOO_LLM_CHAT_H
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

typedef struct zoo_chat_request {
    const char *model;
    const char *system;                /* a system message in front of the query; NULL: none */
    double temperature;                /* NaN: not sent, the endpoint decides */
    uint64_t max_tokens;               /* 0: not sent */
} zoo_chat_request;

/* Appends {"model", "messages": [..., {"role": "user", "content": query}], "temperature"?,
 * "max_tokens"?}. ZOO_ENOMEM. */
int zoo_chat_write(zoo_buf *body, const zoo_chat_request *request, const char *query, size_t size);

typedef struct zoo_chat_answer {
    const char *text;                  /* NUL-terminated, and may hold NULs; valid until the next reply is read */
    size_t size;
    const char *reasoning;             /* what it thought aloud, where the endpoint gives it apart; NULL: nothing */
    size_t reasoning_size;
    const char *finish_reason;         /* NULL: not given, or no short word without control characters */
    int64_t prompt_tokens, completion_tokens;          /* -1: not given, or beyond 2^53 */
    int64_t reasoning_tokens, cached_tokens;           /* parts of completion and prompt; -1: not given */
    zoo_buf room;                      /* owns the above, and is used again */
} zoo_chat_answer;

/* Reads what it needs and lets the rest be what it will, as long as it is JSON; halves of surrogate pairs are U+FFFD.
 * *out is zeroed at first.
 * ZOO_EFORMAT: not JSON, no choices[0].message.content, or one that is empty. ZOO_ECONFLICT: no answer, and there would
 * be none if one asked
 * again: a filter's or the model's refusal, a limit that was reached before there was any text;
 * *out has the tokens. ZOO_ENOMEM. */
int zoo_chat_read(zoo_chat_answer *out, const char *reply, size_t size, zoo_err *err);
void zoo_chat_answer_release(zoo_chat_answer *answer);
#endif
