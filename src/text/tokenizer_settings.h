/* tokenizer_settings.h - the "normalizer", "pre_tokenizer" and "post_processor" of a tokenizer.json into the
 * tokenizer's own. Refuses by name whatever would change ids and is not known here. Layer: text -> base. */
#ifndef ZOO_TEXT_TOKENIZER_SETTINGS_H
#define ZOO_TEXT_TOKENIZER_SETTINGS_H
#include "text/tokenizer_parts.h"

/* Where settings go, and which file sentences name. */
typedef struct zoo_settings { zoo_tokenizer *t; const char *path; zoo_err *err; } zoo_settings;

int zoo_settings_read_normalizer(const zoo_settings *settings, const json_t *normalizer);
int zoo_settings_read_splitter(const zoo_settings *settings, const json_t *splitter);
/* NULL: the texts alone, without special tokens. */
int zoo_settings_read_processor(const zoo_settings *settings, const json_t *processor);
#endif
