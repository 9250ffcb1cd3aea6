/* pooling.h - how a folder of sentence-transformers makes one vector of a text: modules.json, the pooling's config.json,
 * sentence_bert_config.json.
 * Layer: cli. Threads: a plain value. Refuses by name what would change the vectors and is not computed here. */
#ifndef ZOO_CLI_POOLING_H
#define ZOO_CLI_POOLING_H
#include <stddef.h>
#include "base/err.h"
#include "zooter.h"

typedef struct zoo_pooling_facts {
    int is_known;                         /* 0: the folder says nothing; the rest is not set */
    enum zoo_pooling pooling;
    int is_unit;                          /* scaled to unit length */
    size_t max_length;                    /* tokens that a text is cut to; 0: it does not say */
} zoo_pooling_facts;

int zoo_pooling_read(zoo_pooling_facts *out, const char *dir, zoo_err *err);
#endif
