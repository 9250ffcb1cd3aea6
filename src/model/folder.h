/* folder.h - what of a checkpoint folder is neither weights nor network: config.json as JSON, and the files beside it
 * that a copy takes along (tokenizer, licence, notes).
 * Layer: model -> base. Threads: none of its own. */
#ifndef ZOO_MODEL_FOLDER_H
#define ZOO_MODEL_FOLDER_H
#include "base/err.h"
#include "base/json.h"

/* The object in dir/config.json, a new reference; NULL with a sentence. */
json_t *zoo_folder_config(const char *dir, zoo_err *err);
int zoo_folder_write_config(const char *dir, const json_t *config, zoo_err *err);
/* "float32" and the like, under the key that the config has for it. */
void zoo_folder_set_dtype(json_t *config, const char *name);

enum { ZOO_SIDE_FILES_MAX = 256, ZOO_SIDE_FILE_MAX = 256 << 20 };
/* For the same model again: copies the regular files of `from` but config.json, weights of any library, and hidden
 * files; and 1_Pooling/config.json. */
int zoo_folder_copy_side_files(const char *from, const char *to, zoo_err *err);
/* For a model that grew out of it: the tokenizer's files, and those that say under which licence all of it stands. */
int zoo_folder_copy_tokenizer(const char *from, const char *to, zoo_err *err);
#endif
