/* name.h - which names may reach headers, pages and terminals. Layer: base. */
#ifndef ZOO_BASE_NAME_H
#define ZOO_BASE_NAME_H
#include "base/err.h"

#define ZOO_NAME_MAX 128
#define ZOO_NAME_CHARACTERS "A-Z a-z 0-9 . _ : / @ + -"           /* for sentences */
/* 1 to 128 of those. */
int zoo_name_is_valid(const char *name);
/* An expert's name, the same; ZOO_EFORMAT with a sentence that begins with `place`. */
int zoo_name_check(const char *name, const char *place, zoo_err *err);
#endif
