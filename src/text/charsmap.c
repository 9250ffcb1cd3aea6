/* charsmap.c - SentencePiece's precompiled_charsmap: which byte strings a text's normalisation replaces, and by
 * what; see charsmap.h. */
#include "text/charsmap.h"
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

/* A unit of darts-clone: bit 31 and the low byte are its label, bit 8 says that a value hangs below,
 * the rest is the way on. */
static uint32_t unit_label(uint32_t unit) { return unit & (UINT32_C(1) << 31 | 0xff); }
static uint32_t unit_offset(uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }
static int unit_has_value(uint32_t unit) { return unit >> 8 & 1; }

static uint32_t little_endian(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* One byte down; 0: no entry goes on so. The value that hangs there, or -1. */
static int step(const zoo_charsmap *map, uint32_t *at, unsigned char byte, int64_t *value)
{
    uint32_t next = *at ^ byte, unit;

    if (!byte || next >= map->count)
        return 0;
    unit = map->units[next];
    if (unit_label(unit) != byte)
        return 0;
    *at = next ^ unit_offset(unit);
    *value = -1;
    if (unit_has_value(unit) && *at < map->count)
        *value = map->units[*at] & ~(UINT32_C(1) << 31);
    return 1;
}

static int replacement_at(const zoo_charsmap *map, int64_t value, zoo_span *replacement)
{
    if (value < 0 || (uint64_t)value >= map->text_size || (map->text[value] & 0xc0) == 0x80)
        return 0;
    replacement->at = map->text + value;
    replacement->size = strlen(replacement->at);
    return 1;
}

int zoo_charsmap_shortest(const zoo_charsmap *map, const char *s, size_t size, zoo_span *replacement)
{
    uint32_t at = unit_offset(map->units[0]);
    int64_t value;

    for (size_t i = 0; i < size && step(map, &at, (unsigned char)s[i], &value); i++)
        if (value >= 0)
            return replacement_at(map, value, replacement);
    return 0;
}

size_t zoo_charsmap_longest(const zoo_charsmap *map, const char *s, size_t size, zoo_span *replacement)
{
    uint32_t at = unit_offset(map->units[0]);
    int64_t value;
    size_t longest = 0;

    for (size_t i = 0; i < size && step(map, &at, (unsigned char)s[i], &value); i++)
        if (replacement_at(map, value, replacement))
            longest = i + 1;
    return longest;
}

int zoo_charsmap_open(zoo_charsmap *map, const void *bytes, size_t size, const char *place, zoo_err *err)
{
    const unsigned char *b = bytes;
    uint32_t trie_size = size >= 4 ? little_endian(b) : 0;
    int64_t value;

    *map = (zoo_charsmap){ 0 };
    if (size < 4 || trie_size < 4 || trie_size % 4 || trie_size > size - 4)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the precompiled_charsmap of %zu bytes is cut or no charsmap", place,
                        size);
    map->count = trie_size / 4;
    map->text_size = size - 4 - trie_size;
    if (zoo_utf8_valid((const char *)b + 4 + trie_size, map->text_size) != map->text_size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the precompiled_charsmap replaces text by bytes that are not UTF-8",
                        place);
    map->units = malloc(trie_size);
    map->text = malloc(map->text_size + 1);
    if (!map->units || !map->text) {
        zoo_charsmap_release(map);
        return zoo_fail_nomem(err);
    }
    for (size_t i = 0; i < map->count; i++)
        map->units[i] = little_endian(b + 4 + 4 * i);
    memcpy(map->text, b + 4 + trie_size, map->text_size);
    map->text[map->text_size] = '\0';
    for (unsigned c = 0; c < 128; c++) {
        uint32_t at = unit_offset(map->units[0]);
        map->is_plain[c] = !step(map, &at, (unsigned char)c, &value);
    }
    return ZOO_OK;
}

void zoo_charsmap_release(zoo_charsmap *map)
{
    free(map->units);
    free(map->text);
    *map = (zoo_charsmap){ 0 };
}
