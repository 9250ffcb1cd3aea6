/* pieces.c - a tokenizer's vocabulary while and after it is read: the content of every id, its score, and which
 * contents exist; see pieces.h. */
#include "text/pieces.h"
#include <stdlib.h>

void zoo_pieces_init(zoo_pieces *pieces)
{
    *pieces = (zoo_pieces){ .text = ZOO_BUF_INIT(512u << 20) };
}

void zoo_pieces_release(zoo_pieces *pieces)
{
    free(pieces->items);
    zoo_buf_release(&pieces->text);
    zoo_pieces_init(pieces);
}

char *zoo_pieces_room(zoo_pieces *pieces, size_t size)
{
    return zoo_buf_reserve(&pieces->text, size + 1) ? NULL : pieces->text.data + pieces->text.size;
}

static int grow(zoo_pieces *pieces, size_t count)
{
    size_t capacity = pieces->capacity ? pieces->capacity : 4096;
    zoo_piece *items;

    while (capacity < count)
        capacity *= 2;
    if (capacity != pieces->capacity) {
        items = realloc(pieces->items, capacity * sizeof *items);
        if (!items)
            return ZOO_ENOMEM;
        pieces->items = items;
        pieces->capacity = capacity;
    }
    for (; pieces->count < count; pieces->count++)
        pieces->items[pieces->count] = (zoo_piece){ .flags = ZOO_PIECE_ABSENT };
    return ZOO_OK;
}

int zoo_pieces_put(zoo_pieces *pieces, uint32_t id, size_t size, double score, unsigned flags, zoo_err *err)
{
    if (id >= ZOO_PIECES_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "id %u is too high, at most %d pieces are read", id, ZOO_PIECES_MAX);
    if (id >= pieces->count && grow(pieces, (size_t)id + 1))
        return zoo_fail_nomem(err);
    if (!(pieces->items[id].flags & ZOO_PIECE_ABSENT))
        return zoo_fail(err, ZOO_EFORMAT, "two pieces have id %u", id);
    pieces->items[id] = (zoo_piece){ score, (uint32_t)pieces->text.size, (uint32_t)size, (uint8_t)flags };
    pieces->text.size += size;
    pieces->text.data[pieces->text.size] = '\0';
    pieces->distinct++;
    return ZOO_OK;
}
