/* An encoder's config.json: whatever is accepted describes a network that can be computed. */
#include "fuzz.h"
#include <math.h>
#include "model/transformer_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_transformer_config c;
    zoo_err err = { 0 };
    json_t *json = zoo_json_parse((const char *)data, size, "config.json", &err);

    if (!json)
        return 0;
    if (zoo_transformer_config_parse(&c, json, "config.json", &err)) {
        MUST(err.code && *err.message);
    } else {
        MUST(c.family == ZOO_DEBERTA_V2 || c.family == ZOO_BERT);
        MUST(c.vocab_size && c.hidden_size && c.embedding_size && c.intermediate_size && c.layers && c.heads &&
             c.max_positions);
        MUST(c.hidden_size % c.heads == 0 && c.labels >= 1 && c.max_tokens >= 1 && c.eps >= 0 && isfinite(c.eps));
        MUST(!c.has_positions || c.max_tokens <= c.max_positions);
        MUST(!c.has_relative || zoo_transformer_span(&c) >= 1);
        MUST(c.head != ZOO_HEAD_PAIR || (c.source_id < c.vocab_size && c.candidate1_id < c.vocab_size &&
                                         c.candidate2_id < c.vocab_size && c.sep_id < c.vocab_size));
    }
    json_decref(json);
    return 0;
}
