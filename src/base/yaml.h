/* yaml.h - settings files: libcyaml with errors as one sentence.
 *
 * A caller describes its settings by a cyaml schema and gets a struct; unknown keys, wrong types and missing keys are
 * refused with file, line, column and key. Layer: base. Thread-safe. */
#ifndef ZOO_BASE_YAML_H
#define ZOO_BASE_YAML_H
#include <cyaml/cyaml.h>
#include "base/err.h"

/* Loads `path` (at most 4 MiB) by `schema` (a CYAML_VALUE_MAPPING pointer) into a struct; zoo_yaml_free() it. *out is
 * NULL on failure: ZOO_EIO or ZOO_EFORMAT. */
int zoo_yaml_load(void **out, const char *path, const cyaml_schema_value_t *schema, zoo_err *err);
void zoo_yaml_free(void *data, const cyaml_schema_value_t *schema);
#endif
