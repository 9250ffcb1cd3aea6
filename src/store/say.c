/* say.c - the names that there are, for a sentence about one that there is not. Layer: store. */
#include <stdio.h>
#include <string.h>
#include "store/sql.h"

enum { SAID_MAX = 20, KEPT_FREE = 8 };          /* names; bytes for what stands around one */

void zoo_said_add(zoo_said *said, const char *name)
{
    if (said->count == SAID_MAX || said->used + strlen(name) + KEPT_FREE > sizeof said->names)
        said->has_more = 1;
    if (said->has_more)
        return;
    said->used += (size_t)snprintf(said->names + said->used, sizeof said->names - said->used, "%s'%s'",
                                   said->count ? ", " : "", name);
    said->count++;
}

const char *zoo_said_text(const zoo_said *said, char text[ZOO_STORE_NAMES_SIZE])
{
    if (said->count)
        snprintf(text, ZOO_STORE_NAMES_SIZE, "there %s %s%s", said->count == 1 && !said->has_more ? "is" : "are",
                 said->names, said->has_more ? " and others" : "");
    else
        snprintf(text, ZOO_STORE_NAMES_SIZE, "%s", said->has_more ? "there are others" : "there is none at all");
    return text;
}

const char *zoo_store_say_names(zoo_store *s, enum zoo_store_list what, char text[ZOO_STORE_NAMES_SIZE])
{
    zoo_said said = { 0 };
    zoo_arena arena = { 0 };
    zoo_store_item *items;
    size_t count;

    said.has_more = zoo_store_list(s, what, &items, &count, &arena, NULL) != ZOO_OK;
    for (size_t i = 0; !said.has_more && i < count; i++)
        if (items[i].name && (!i || !items[i - 1].name || strcmp(items[i].name, items[i - 1].name) != 0))
            zoo_said_add(&said, items[i].name);
    zoo_arena_release(&arena);
    return zoo_said_text(&said, text);
}
