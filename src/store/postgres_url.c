/* postgres_url.c - reads a URL of PostgreSQL as libpq does, for two questions: what to call the store, and whether a
 * password stands in it, which other users of the machine could then read in the list of processes. Stricter than libpq
 * where a '@' or '/' of a password that nobody wrote as %XX would pass for a host, a port or a name. Layer: store. */
#include "store/postgres.h"
#include <ctype.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { URL_MAX = 4096 };

struct url { const char *hosts, *host, *port, *user, *name; int has_password; };

static int fail_form(zoo_err *err)
{
    return zoo_fail(err, ZOO_EUSAGE, "the URL of the store cannot be read: its form is"
                    " postgresql://[USER@]HOST[:PORT]/NAME, and in a name all but"
                    " letters, digits and -._~ are written as %%XX");
}

/* The password may be what is wrong with it, so no sentence here repeats a URL. */
static int fail_password(zoo_err *err)
{
    return zoo_fail(err, ZOO_EUSAGE, "the URL of the store holds a password, which others on this machine can read:"
                    " leave it out, and set PGPASSWORD or write it to ~/.pgpass");
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 :
           -1;
}

/* %XX in place; 0: one of them is none. */
static int decode(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (*text != '%') {
            *to++ = *text;
            continue;
        }
        if (hex(text[1]) < 0 || hex(text[2]) < 0 || (text[1] == '0' && text[2] == '0'))
            return 0;
        *to++ = (char)(hex(text[1]) * 16 + hex(text[2]));
        text += 2;
    }
    *to = 0;
    return 1;
}

/* Ends `text` at the first of `stops` and gives what is behind it; NULL: there is none. */
static char *cut(char *text, const char *stops)
{
    text += strcspn(text, stops);
    if (!*text)
        return NULL;
    *text = 0;
    return text + 1;
}

static int is_port(const char *text)
{
    return strspn(text, "0123456789,") == strlen(text);
}

static int read_parameter(struct url *url, char *key)
{
    char *value = cut(key, "=");

    if (!value || strchr(value, '=') || !decode(key) || !decode(value))
        return 0;
    if (strcasestr(key, "password"))
        url->has_password = 1;
    if (!strcmp(key, "host") || (!strcmp(key, "hostaddr") && !url->host))
        url->host = value;
    else if (!strcmp(key, "port"))
        url->port = value;
    else if (!strcmp(key, "user"))
        url->user = value;
    else if (!strcmp(key, "dbname"))
        url->name = value;
    return 1;
}

/* Cuts `rest`, which follows "://", into pieces; 0 where it is malformed. */
static int read_url(struct url *url, char *rest)
{
    size_t user = strcspn(rest, "@/");
    char *password, *parameters, *name, *next;

    if (rest[user] == '@') {
        url->user = rest;
        rest[user] = 0;
        rest += user + 1;
        password = cut((char *)url->user, ":");
        if (!decode((char *)url->user))
            return 0;
        url->has_password = password && *password;
    }
    parameters = cut(rest, "?");
    name = cut(rest, "/");
    url->hosts = rest;
    if (strchr(rest, '@') || (name && (strpbrk(name, "@/") || !decode(name))))
        return 0;
    url->name = name;
    for (; parameters; parameters = next) {
        next = cut(parameters, "&");
        if (!read_parameter(url, parameters))
            return 0;
    }
    return !url->port || is_port(url->port);
}

static int show(zoo_buf *out, const char *text, const char *plain)
{
    int rc = ZOO_OK;

    for (; *text && !rc; text++)
        rc = isalnum((unsigned char)*text) || (unsigned char)*text >= 0x80 || strchr(plain, *text)
            ? zoo_buf_add(out, text, 1) : zoo_buf_addf(out, "%%%02X", (unsigned char)*text);
    return rc;
}

static int show_host(zoo_buf *out, const char *host, const char *port)
{
    int rc = strchr(host, ':') ? zoo_buf_addf(out, "[%s]", host) : show(out, host, "-._~,");

    if (!rc && *port && strcmp(port, "5432"))
        rc = zoo_buf_addf(out, ":%s", port);
    return rc;
}

/* HOST[:PORT] or [HOST][:PORT]. ZOO_EFORMAT: neither. */
static int show_place(zoo_buf *out, char *place, const char *default_host, const char *default_port)
{
    const int is_bracketed = *place == '[';
    char *behind = is_bracketed ? cut(++place, "]") : place, *port;

    if (!behind || (is_bracketed && ((*behind && *behind != ':') ||
                                     strspn(place, "0123456789abcdefABCDEF:.") != strlen(place))))
        return ZOO_EFORMAT;
    port = cut(behind, ":");
    if (!decode(place) || (port && (!is_port(port) || strchr(port, ','))))
        return ZOO_EFORMAT;
    return show_host(out, *place ? place : default_host, port && *port ? port : default_port);
}

static const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value && *value ? value : otherwise;
}

static int show_hosts(zoo_buf *out, const struct url *url)
{
    const char *host = environment("PGHOST", "localhost"), *port = url->port ? url->port : environment("PGPORT", "");
    char *place = (char *)url->hosts, *next;
    int rc = ZOO_OK;

    if (url->host)
        return show_host(out, url->host, port);
    for (; place && !rc; place = next) {
        next = cut(place, ",");
        rc = show_place(out, place, host, port);
        if (!rc && next)
            rc = zoo_buf_add_str(out, ",");
    }
    return rc;
}

/* As libpq chooses it: the user's name, and that is the system's. */
static int show_name(zoo_buf *out, const struct url *url)
{
    const char *name = url->name && *url->name ? url->name : environment("PGDATABASE", NULL);
    char bytes[1024];
    struct passwd entry, *found = NULL;

    if (!name)
        name = url->user && *url->user ? url->user : environment("PGUSER", NULL);
    if (!name && !getpwuid_r(geteuid(), &entry, bytes, sizeof bytes, &found) && found)
        name = found->pw_name;
    return show(out, name ? name : "", "-._~");
}

int zoo_pg_describe(const char *where, char *name, size_t size, zoo_err *err)
{
    const char *rest = strstr(where, "://");
    zoo_buf out = ZOO_BUF_INIT(URL_MAX);
    struct url url = { 0 };
    char copy[URL_MAX];
    int rc;

    if (!rest || snprintf(copy, sizeof copy, "%s", rest + 3) >= (int)sizeof copy)
        return fail_form(err);
    if (!read_url(&url, copy))
        return url.has_password ? fail_password(err) : fail_form(err);
    if (url.has_password)
        return fail_password(err);
    if (strncmp(where, "postgresql://", 13) && strncmp(where, "postgres://", 11))       /* libpq takes no capitals */
        return fail_form(err);
    rc = zoo_buf_add_str(&out, "postgresql://");
    if (!rc)
        rc = show_hosts(&out, &url);
    if (!rc)
        rc = zoo_buf_add_str(&out, "/");
    if (!rc)
        rc = show_name(&out, &url);
    rc = rc || snprintf(name, size, "%s", out.data) >= (int)size ? fail_form(err) : ZOO_OK;
    zoo_buf_release(&out);
    return rc;
}
