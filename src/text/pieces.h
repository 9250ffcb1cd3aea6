/* pieces.h - a tokenizer's vocabulary while and after it is read: the content of every id, its score,
 * and which contents exist.
 * Layer: text -> base. Threads: one owner while filled, immutable afterwards. */
#ifndef ZOO_TEXT_PIECES_H
#define ZOO_TEXT_PIECES_H
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "text/trie.h"

enum { ZOO_PIECES_MAX = 1 << 22 };

enum { ZOO_PIECE_ABSENT = 1, ZOO_PIECE_UNMATCHED = 2 };       /* of no content; has one, but text never becomes it */

typedef struct zoo_piece {
    double score;
    uint32_t start, size;           /* in zoo_pieces.text */
    uint8_t flags;
} zoo_piece;

typedef struct zoo_pieces {
    zoo_piece *items;               /* by id; holes are ABSENT */
    size_t count, capacity;         /* count: highest id + 1 */
    size_t distinct;                /* that are not ABSENT */
    zoo_buf text;
} zoo_pieces;

void zoo_pieces_init(zoo_pieces *pieces);
void zoo_pieces_release(zoo_pieces *pieces);
/* Room for `size` bytes at the end of the text, to be filled and then named by zoo_pieces_put(); NULL: no memory. */
char *zoo_pieces_room(zoo_pieces *pieces, size_t size);
/* The bytes that were just written become the content of `id`. ZOO_EFORMAT: the id is taken or too high. */
int zoo_pieces_put(zoo_pieces *pieces, uint32_t id, size_t size, double score, unsigned flags, zoo_err *err);

static inline const char *zoo_pieces_at(const zoo_pieces *pieces, uint32_t id)
{
    return pieces->text.data + pieces->items[id].start;
}
#endif
