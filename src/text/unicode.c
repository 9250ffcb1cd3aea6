/* unicode.c - the properties of code points as the reference tokenizers see them; see unicode.h. */
#include "text/unicode.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "text/unicode_tables.h"

int zoo_unicode_is_white(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

/* The properties of a code point. */
static uint32_t flags_of(uint32_t code)
{
    size_t block = code < 0x20000 ? code >> 8 : sizeof run_at / sizeof *run_at - 2;
    size_t low = run_at[block], high = (size_t)run_at[block + 1] + 1;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (runs[middle] >> 11 <= code)
            low = middle;
        else
            high = middle;
    }
    return runs[low] & 0x7ff;
}

int zoo_unicode_is_other(uint32_t code)
{
    if (code < 0x80)
        return code < 0x20 || code == 0x7f;
    return (flags_of(code) & OTHER) != 0;
}

int zoo_unicode_is_nonspacing(uint32_t code)
{
    return code >= 0x300 && flags_of(code) & NONSPACING;
}

int zoo_unicode_is_mark(uint32_t code)
{
    return code >= 0x300 && flags_of(code) & MARK;
}

int zoo_unicode_is_punctuation(uint32_t code)
{
    if (code < 0x80)
        return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) || (code >= 91 && code <= 96) ||
               (code >= 123 && code <= 126);
    return (flags_of(code) & PUNCTUATION) != 0;
}

int zoo_unicode_is_word(uint32_t code)
{
    if (code < 0x80)
        return (code >= '0' && code <= '9') || code == '_' || ((code | 0x20) >= 'a' && (code | 0x20) <= 'z');
    return (flags_of(code) & WORD) != 0;
}

int zoo_unicode_is_numeric(uint32_t code)
{
    return code < 0x80 ? code >= '0' && code <= '9' : (flags_of(code) & NUMERIC) != 0;
}

int zoo_unicode_is_cjk(uint32_t c)
{
    return c >= 0x3400 && ((c >= 0x4e00 && c <= 0x9fff) || c <= 0x4dbf || (c >= 0xf900 && c <= 0xfaff) ||
                           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b81f) ||
                           (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0x2f800 && c <= 0x2fa1f));
}

size_t zoo_unicode_lower(uint32_t code, uint32_t out[2])
{
    size_t low = 0, high = sizeof lower_runs / sizeof *lower_runs;

    out[0] = code;
    if (code < 0x80) {
        out[0] = code >= 'A' && code <= 'Z' ? code | 0x20 : code;
        return 1;
    }
    if (code == 0x130) {                        /* the one whose lower case is two code points wherever it stands */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (lower_runs[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < sizeof lower_runs / sizeof *lower_runs && lower_runs[low].first <= code &&
        (code - lower_runs[low].first) % (uint32_t)lower_runs[low].step == 0)
        out[0] = (uint32_t)((int32_t)code + lower_runs[low].delta);
    return 1;
}

/* ---- grapheme clusters ---- */

static enum zoo_cluster_class hangul(uint32_t c)
{
    if ((c >= 0x1100 && c <= 0x115f) || (c >= 0xa960 && c <= 0xa97c))
        return ZOO_CLUSTER_L;
    if ((c >= 0x1160 && c <= 0x11a7) || (c >= 0xd7b0 && c <= 0xd7c6))
        return ZOO_CLUSTER_V;
    if ((c >= 0x11a8 && c <= 0x11ff) || (c >= 0xd7cb && c <= 0xd7fb))
        return ZOO_CLUSTER_T;
    return c >= 0xac00 && c <= 0xd7a3 ? (c - 0xac00) % 28 ? ZOO_CLUSTER_LVT : ZOO_CLUSTER_LV : ZOO_CLUSTER_OTHER;
}

static enum zoo_cluster_class cluster_class(uint32_t code)
{
    uint32_t flags;

    if (code >= 0x20 && code < 0x7f)
        return ZOO_CLUSTER_OTHER;
    if (code >= 0x1100) {
        enum zoo_cluster_class class = hangul(code);
        if (class != ZOO_CLUSTER_OTHER)
            return class;
        if (code >= 0x1f1e6 && code <= 0x1f1ff)
            return ZOO_CLUSTER_REGIONAL;
    }
    flags = flags_of(code);
    if (code == '\r' || flags & BREAKS)
        return code == '\r' ? ZOO_CLUSTER_CR : code == '\n' ? ZOO_CLUSTER_LF : ZOO_CLUSTER_BREAKS;
    if (flags & JOINS)
        return code == 0x200d ? ZOO_CLUSTER_ZWJ : ZOO_CLUSTER_JOINS;
    return flags & PREPENDS ? ZOO_CLUSTER_PREPENDS : flags & PICTURE ? ZOO_CLUSTER_PICTURE : ZOO_CLUSTER_OTHER;
}

static int joins(const zoo_cluster *c, enum zoo_cluster_class next)
{
    enum zoo_cluster_class last = c->last;

    if (last == ZOO_CLUSTER_CR)
        return next == ZOO_CLUSTER_LF;
    if (last == ZOO_CLUSTER_LF || last == ZOO_CLUSTER_BREAKS || next == ZOO_CLUSTER_CR || next == ZOO_CLUSTER_LF ||
        next == ZOO_CLUSTER_BREAKS)
        return 0;
    if (next == ZOO_CLUSTER_JOINS || next == ZOO_CLUSTER_ZWJ || last == ZOO_CLUSTER_PREPENDS)
        return 1;
    switch (next) {
    case ZOO_CLUSTER_L: case ZOO_CLUSTER_LV: case ZOO_CLUSTER_LVT: return last == ZOO_CLUSTER_L;
    case ZOO_CLUSTER_V: return last == ZOO_CLUSTER_L || last == ZOO_CLUSTER_V || last == ZOO_CLUSTER_LV;
    case ZOO_CLUSTER_T: return last == ZOO_CLUSTER_V || last == ZOO_CLUSTER_LV || last == ZOO_CLUSTER_LVT ||
        last == ZOO_CLUSTER_T;
    case ZOO_CLUSTER_REGIONAL: return last == ZOO_CLUSTER_REGIONAL && c->is_odd;
    case ZOO_CLUSTER_PICTURE: return last == ZOO_CLUSTER_ZWJ && c->has_picture;
    default: return 0;
    }
}

void zoo_cluster_begin(zoo_cluster *c, uint32_t code)
{
    c->last = cluster_class(code);
    c->is_odd = c->last == ZOO_CLUSTER_REGIONAL;
    c->has_picture = c->last == ZOO_CLUSTER_PICTURE;
}

int zoo_cluster_take(zoo_cluster *c, uint32_t code)
{
    enum zoo_cluster_class next = cluster_class(code);

    if (!joins(c, next))
        return 0;
    c->is_odd = next == ZOO_CLUSTER_REGIONAL && !c->is_odd;
    c->has_picture = next == ZOO_CLUSTER_PICTURE || (c->has_picture &&
                                                     (next == ZOO_CLUSTER_JOINS || next == ZOO_CLUSTER_ZWJ));
    c->last = next;
    return 1;
}

/* ---- decomposition ---- */

/* The reference's Unicode is older than the library's: what it does not know there stays as it is. */
static int is_active(uint32_t code)
{
    return code >= 0x80 && ((code >= 0xac00 && code <= 0xd7a3) || flags_of(code) & ACTIVE);
}

static uint8_t combining_class(uint32_t code)
{
    return code < 0x300 || !is_active(code) ? 0 :
           (uint8_t)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
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
    if (is_active(code)) {
        n = utf8proc_decompose_char((utf8proc_int32_t)code, parts, ZOO_DECOMPOSE_MAX,
                                    is_compatible ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE,
                                    &boundary);
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
    if (utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) != 1)
        return 0;
    return is_active((uint32_t)pair[0]) ? (uint32_t)pair[0] : 0;
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
