/* pooling.h - how a folder of sentence-transformers makes one vector of a text: modules.json, the pooling's
 * config.json, sentence_bert_config.json, tokenizer_config.json, config_sentence_transformers.json.
 * Layer: cli. Threads: a plain value. Refuses by name what would change the vectors and is not computed here. */
#ifndef ZOO_CLI_POOLING_H
#define ZOO_CLI_POOLING_H
#include <stddef.h>
#include "base/err.h"
#include "zooter.h"

enum { ZOO_PROMPT_MAX = 4096 };           /* bytes */

typedef struct zoo_pooling_facts {
    int is_known;                         /* 0: the folder says nothing; the rest is not set */
    enum zoo_pooling pooling;
    int is_unit;                          /* scaled to unit length */
    int leaves_out_prompt;           /* vectors are of the tokens behind the prompt alone, which is not computed here */
    size_t max_length;                    /* tokens that a text is cut to; 0: it does not say */
    char prompt[ZOO_PROMPT_MAX + 1];      /* that stands before every text; "": none */
} zoo_pooling_facts;

/* The prompt is the folder's default one. */
int zoo_pooling_read(zoo_pooling_facts *out, const char *dir, zoo_err *err);
/* The prompt of that name; NULL: the default one, if any. ZOO_EFORMAT where it is not there. */
int zoo_pooling_read_prompt(zoo_pooling_facts *out, const char *dir, const char *name, zoo_err *err);
#endif
