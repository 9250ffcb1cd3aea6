/* suggest.h - "did you mean": the known name that is nearest to a mistyped one.
 *
 *     zoo_suggestion near = zoo_suggestion_for("trian");
 *     for (...) zoo_suggestion_consider(&near, name);
 *     if (near.best) ...                                  // "train"; NULL: none is near enough
 *
 * Layer: cli. */
#ifndef ZOO_CLI_SUGGEST_H
#define ZOO_CLI_SUGGEST_H
#include <stddef.h>

typedef struct zoo_suggestion {
    const char *word;        /* as typed; what follows '=' is not looked at */
    const char *best;        /* borrowed from the caller of consider */
    size_t distance;         /* of best; a later name must be nearer */
} zoo_suggestion;

zoo_suggestion zoo_suggestion_for(const char *word);
void zoo_suggestion_consider(zoo_suggestion *suggestion, const char *name);
#endif
