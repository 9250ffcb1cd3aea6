/* reward_api.h - a reward model behind HTTP: the request for one (query, answer) and the score out of the reply, in the
 * shapes of vLLM's server.
 *
 *   classify  POST /classify  {"model", "input": text}                     -> data[0].probs (or .logits)
 *   score     POST /score     {"model", "text_1": query, "text_2": answer} -> data[0].score
 *   pooling   POST /pooling   {"model", "messages": [user, assistant]}     -> data[0].data; with a template {"model",
 *   "input": text}
 *
 * Of several numbers (classes of a classifier) `column` says which is the reward; of a score a token, the last token's
 * counts. Sends nothing. Layer: llm -> base. Thread-safe. */
#ifndef ZOO_LLM_REWARD_API_H
#define ZOO_LLM_REWARD_API_H
#include <stddef.h>
#include "base/buf.h"
#include "base/err.h"

enum zoo_reward_api { ZOO_REWARD_CLASSIFY, ZOO_REWARD_SCORE, ZOO_REWARD_POOLING };

typedef struct zoo_reward_request {
    enum zoo_reward_api api;
    const char *model;
    const char *template_;   /* text with {query} and {answer}; NULL: "{query}\n\n{answer}", and messages for pooling */
    long column;                       /* -1: there must be just one number */
} zoo_reward_request;

/* ZOO_EUSAGE: there is no API of that name. */
int zoo_reward_api_find(const char *name, enum zoo_reward_api *api, zoo_err *err);
/* "/classify" and so on: the path below an endpoint's base URL. */
const char *zoo_reward_api_path(enum zoo_reward_api api);

int zoo_reward_write(zoo_buf *body, const zoo_reward_request *request, const char *query, size_t query_size,
                     const char *answer, size_t answer_size);
/* ZOO_EFORMAT: not JSON, no score where it should be, or one that is not finite. */
int zoo_reward_read(double *reward, const zoo_reward_request *request, const char *reply, size_t size, zoo_err *err);
#endif
