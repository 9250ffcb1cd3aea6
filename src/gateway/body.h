/* body.h - what the gateway reads of a chat request, and the one value it changes in it.
 * All else is forwarded as it came: fields that nobody here knows stay byte for byte. Pure.
 * Layer: gateway -> base. Threads: one owner. */
#ifndef ZOO_GATEWAY_BODY_H
#define ZOO_GATEWAY_BODY_H
#include "base/buf.h"
#include "base/err.h"
#include "base/skim.h"

typedef struct zoo_chat_body {
    const char *text;
    size_t size;
    zoo_span model;                       /* the value with its quotes; size 0: not there */
    zoo_span messages, query;             /* values; size 0: not there */
    int is_stream;
} zoo_chat_body;

/* Reads the top level; nothing is copied. ZOO_EFORMAT with a sentence for the client: no JSON object, `model`,
 * `stream`, `messages` or `query` of a wrong type or given twice. */
int zoo_chat_body_parse(zoo_chat_body *body, const char *text, size_t size, zoo_err *err);

/* The text by which a conversation is routed: that of its first user message, whose text parts are joined by newlines;
 * system and tool messages and images are left out. Appends at most `limit` bytes and a few, enough to see that a limit
 * of `limit` is passed; nothing where there is no text.
 * ZOO_EFORMAT where messages are missing or not what they should be. */
int zoo_chat_body_text(const zoo_chat_body *body, size_t limit, zoo_buf *text, zoo_err *err);

/* Appends the body with `model` (a JSON string with its quotes) in place of the model. */
int zoo_chat_body_splice(const zoo_chat_body *body, const char *model, zoo_buf *out);
#endif
