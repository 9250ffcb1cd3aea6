/* tokenizer_folder.h - the small files beside an spm.model or a vocab.txt, read as transformers reads them:
 * tokenizer_config.json, special_tokens_map.json, added_tokens.json. Layer: text -> base. */
#ifndef ZOO_TEXT_TOKENIZER_FOLDER_H
#define ZOO_TEXT_TOKENIZER_FOLDER_H
#include "text/tokenizer_parts.h"

enum zoo_special { ZOO_SPECIAL_BOS, ZOO_SPECIAL_EOS, ZOO_SPECIAL_UNK, ZOO_SPECIAL_SEP, ZOO_SPECIAL_PAD, ZOO_SPECIAL_CLS,
                   ZOO_SPECIAL_MASK, ZOO_SPECIALS };

typedef struct zoo_folder {
    const char *dir;
    json_t *config, *map, *added;               /* NULL: the file is not there */
    const char *specials[ZOO_SPECIALS];         /* contents, borrowed; "[CLS]" and so on where nobody says otherwise */
} zoo_folder;

/* `dir` NULL: no such files. The folder may be closed after a failure too. */
int zoo_folder_open(zoo_folder *folder, const char *dir, zoo_err *err);
void zoo_folder_close(zoo_folder *folder);
/* A setting of tokenizer_config.json; `otherwise` where it is not there or null. */
int zoo_folder_flag(const zoo_folder *folder, const char *key, int otherwise);
/* Adds the folder's tokens and the special ones to t->added, with ids behind the pieces where they have none. */
int zoo_folder_add_tokens(const zoo_folder *folder, zoo_tokenizer *t, zoo_err *err);
/* The id of a special token, once all are added. */
uint32_t zoo_folder_special(const zoo_folder *folder, const zoo_tokenizer *t, enum zoo_special which);
#endif
