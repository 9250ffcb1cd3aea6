/* plain.c - a text reduced to its words, so that copies that differ in case, punctuation or spacing become equal;
 * see plain.h. */
#include "label/plain.h"
#include <stdint.h>
#include <utf8proc.h>
#include "base/utf8.h"

/* What a character does: parts words, vanishes, joins a word, joins what stands before it, is a word. */
enum class { SPACE, DROPPED, LETTER, MARK, WORD };

enum { EXPANSION_MAX = 32 };        /* code points that one decomposes into; the longest of Unicode is 18 */

struct writer { zoo_buf *out; size_t begin; int open; };        /* open: the last word may be joined */

static int is_cjk(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x3ffff) ||
           (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3100 && c <= 0x31ff) || (c >= 0x2e80 && c <= 0x2fdf) ||
           (c >= 0xf900 && c <= 0xfaff) || c == 0x3005 || c == 0x3007;
}

static enum class classify(uint32_t c)
{
    if ((c >= '\t' && c <= '\r') || c == 0x85)
        return SPACE;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP:
        return SPACE;
    case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME:
        return MARK;
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO:
        return is_cjk(c) ? WORD : LETTER;
    default:
        return DROPPED;
    }
}

static int write_char(struct writer *w, uint32_t c)
{
    enum class class = classify(c);
    char bytes[5];
    size_t n = 0;

    if (class == SPACE)
        w->open = 0;
    if (class == SPACE || class == DROPPED)
        return ZOO_OK;
    if (class == MARK && w->out->size == w->begin)        /* nothing stands before it */
        return ZOO_OK;
    if (class != MARK && !(class == LETTER && w->open) && w->out->size > w->begin)
        bytes[n++] = ' ';
    n += zoo_utf8_put(bytes + n, c);
    if (class != MARK)
        w->open = class == LETTER;
    return zoo_buf_add(w->out, bytes, n);
}

static int write_unicode(struct writer *w, uint32_t c)
{
    utf8proc_int32_t parts[EXPANSION_MAX];
    int boundary = 0, rc = ZOO_OK;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, EXPANSION_MAX,
                                                 UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD, &boundary);

    for (utf8proc_ssize_t i = 0; !rc && i < n && i < EXPANSION_MAX; i++)
        rc = write_char(w, (uint32_t)parts[i]);
    return rc;
}

static char fold_ascii(unsigned char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int is_ascii_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The run of ASCII letters and digits at s[0..size) as (part of) one word. */
static int write_run(struct writer *w, const char *s, size_t size)
{
    char *to;

    if (zoo_buf_reserve(w->out, size + 1))
        return ZOO_ENOMEM;
    to = w->out->data + w->out->size;
    if (!w->open && w->out->size > w->begin)
        *to++ = ' ';
    for (size_t i = 0; i < size; i++)
        *to++ = fold_ascii((unsigned char)s[i]);
    *to = '\0';
    w->out->size = (size_t)(to - w->out->data);
    w->open = 1;
    return ZOO_OK;
}

int zoo_plain_words(zoo_buf *out, const char *s, size_t size)
{
    struct writer w = { out, out->size, 0 };
    size_t i = 0, used;
    int rc = ZOO_OK;

    while (!rc && i < size) {
        size_t run = i;
        while (run < size && is_ascii_letter((unsigned char)s[run]))
            run++;
        if (run > i) {
            rc = write_run(&w, s + i, run - i);
            i = run;
        } else if ((unsigned char)s[i] < 0x80) {
            w.open = w.open && s[i] != ' ' && !(s[i] >= '\t' && s[i] <= '\r');      /* the rest is dropped */
            i++;
        } else {
            uint32_t c = zoo_utf8_next(s + i, size - i, &used);
            if (c != ZOO_UTF8_BAD)
                rc = write_unicode(&w, c);
            i += used;
        }
    }
    return rc;
}
