#include "text/unicode.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

int zoo_unicode_is_white(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static utf8proc_category_t category(uint32_t code)
{
    return utf8proc_category((utf8proc_int32_t)code);
}

int zoo_unicode_is_other(uint32_t code)
{
    switch (category(code)) {
    case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_CF: case UTF8PROC_CATEGORY_CO: case UTF8PROC_CATEGORY_CS: return 1;
    default: return 0;
    }
}

int zoo_unicode_is_nonspacing(uint32_t code)
{
    return code >= 0x300 && category(code) == UTF8PROC_CATEGORY_MN;
}

int zoo_unicode_is_mark(uint32_t code)
{
    switch (category(code)) {
    case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME: return 1;
    default: return 0;
    }
}

static int is_ascii_mark(uint32_t c)
{
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}

int zoo_unicode_is_punctuation(uint32_t code)
{
    if (code < 0x80)
        return is_ascii_mark(code);
    switch (category(code)) {
    case UTF8PROC_CATEGORY_PC: case UTF8PROC_CATEGORY_PD: case UTF8PROC_CATEGORY_PS: case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI: case UTF8PROC_CATEGORY_PF: case UTF8PROC_CATEGORY_PO: return 1;
    default: return 0;
    }
}

int zoo_unicode_is_word(uint32_t code)
{
    if (code < 0x80)
        return (code >= '0' && code <= '9') || code == '_' || ((code | 0x20) >= 'a' && (code | 0x20) <= 'z');
    switch (category(code)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_PC: return 1;
    default: return code == 0x200c || code == 0x200d;
    }
}

int zoo_unicode_is_numeric(uint32_t code)
{
    switch (category(code)) {
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO: return 1;
    default: return 0;
    }
}

int zoo_unicode_is_cjk(uint32_t c)
{
    return c >= 0x3400 && ((c >= 0x4e00 && c <= 0x9fff) || c <= 0x4dbf || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0x2f800 && c <= 0x2fa1f));
}

size_t zoo_unicode_lower(uint32_t code, uint32_t out[2])
{
    if (code < 0x80) {
        out[0] = code >= 'A' && code <= 'Z' ? code | 0x20 : code;
        return 1;
    }
    if (code == 0x130) {                        /* the one whose lower case is two code points wherever it stands */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    return 1;
}

int zoo_unicode_joins(uint32_t code, uint32_t next, int32_t *state)
{
    return !utf8proc_grapheme_break_stateful((utf8proc_int32_t)code, (utf8proc_int32_t)next, state);
}

/* ---- decomposition ---- */

static uint8_t combining_class(uint32_t code)
{
    return code < 0x300 ? 0 : (uint8_t)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

void zoo_codes_release(zoo_codes *codes)
{
    free(codes->items);
    *codes = (zoo_codes){ 0 };
}

static int reserve(zoo_codes *codes, size_t more)
{
    size_t capacity = codes->capacity ? codes->capacity : 1024;
    uint32_t *grown;

    if (codes->capacity - codes->count >= more)
        return ZOO_OK;
    while (capacity - codes->count < more)
        capacity *= 2;
    grown = realloc(codes->items, capacity * sizeof *grown);
    if (!grown)
        return ZOO_ENOMEM;
    codes->items = grown;
    codes->capacity = capacity;
    return ZOO_OK;
}

/* Sorts a run of combining marks by class, equal ones as they stand; `room` holds n more. */
static void sort_run(uint32_t *run, size_t n, uint32_t *room)
{
    size_t begins[256] = { 0 }, at = 0;

    for (size_t i = 0; i < n; i++)
        begins[combining_class(run[i])]++;
    for (size_t c = 0; c < 256; c++) {
        size_t size = begins[c];
        begins[c] = at;
        at += size;
    }
    for (size_t i = 0; i < n; i++)
        room[begins[combining_class(run[i])]++] = run[i];
    memcpy(run, room, n * sizeof *run);
}

int zoo_codes_finish(zoo_codes *codes)
{
    uint32_t *run;
    size_t n = codes->count - codes->run, i = 1;

    if (n < 2) {
        codes->run = codes->count;
        return ZOO_OK;
    }
    if (reserve(codes, n))
        return ZOO_ENOMEM;
    run = codes->items + codes->run;
    while (i < n && combining_class(run[i - 1]) <= combining_class(run[i]))
        i++;
    if (i < n)
        sort_run(run, n, codes->items + codes->count);
    codes->run = codes->count;
    return ZOO_OK;
}

int zoo_codes_add(zoo_codes *codes, uint32_t code, int is_compatible)
{
    utf8proc_int32_t parts[ZOO_DECOMPOSE_MAX];
    utf8proc_ssize_t n = 1;
    int boundary = 0;

    parts[0] = (utf8proc_int32_t)code;
    if (code >= 0x80) {
        n = utf8proc_decompose_char((utf8proc_int32_t)code, parts, ZOO_DECOMPOSE_MAX,
                                    is_compatible ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE, &boundary);
        if (n < 0 || n > ZOO_DECOMPOSE_MAX) {
            parts[0] = (utf8proc_int32_t)code;
            n = 1;
        }
    }
    if (reserve(codes, (size_t)n))
        return ZOO_ENOMEM;
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        if (!combining_class((uint32_t)parts[i])) {
            if (zoo_codes_finish(codes) || reserve(codes, (size_t)(n - i)))
                return ZOO_ENOMEM;
            codes->run = codes->count + 1;
        }
        codes->items[codes->count++] = (uint32_t)parts[i];
    }
    return ZOO_OK;
}

int zoo_codes_add_as_is(zoo_codes *codes, uint32_t code)
{
    if (reserve(codes, 1))
        return ZOO_ENOMEM;
    codes->items[codes->count++] = code;
    codes->run = codes->count;
    return ZOO_OK;
}

/* The composition of two code points, or 0. */
static uint32_t compose_pair(uint32_t first, uint32_t second)
{
    utf8proc_int32_t pair[2] = { (utf8proc_int32_t)first, (utf8proc_int32_t)second };

    if (second < 0x300)
        return 0;
    return utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) == 1 ? (uint32_t)pair[0] : 0;
}

void zoo_codes_compose(zoo_codes *codes)
{
    uint32_t *items = codes->items;
    size_t n = 0, starter = SIZE_MAX;
    unsigned last = 0;                          /* class of the code point before, where it stands behind the starter */

    for (size_t i = 0; i < codes->count; i++) {
        uint32_t code = items[i];
        unsigned class = combining_class(code);
        if (starter != SIZE_MAX && (n == starter + 1 || last < class)) {
            uint32_t composed = compose_pair(items[starter], code);
            if (composed) {
                items[starter] = composed;
                continue;
            }
        }
        if (!class)
            starter = n;
        last = class;
        items[n++] = code;
    }
    codes->count = n;
}
