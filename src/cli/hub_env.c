/* hub_env.c - see hub_env.h. Layer: cli. */
#include "cli/hub_env.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/fs.h"

enum { TOKEN_FILE_MAX = 64 << 10 };

/* NULL where unset or empty. */
static const char *get(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int is_true(const char *value)
{
    return value && (!strcmp(value, "1") || !strcasecmp(value, "on") || !strcasecmp(value, "yes") ||
                     !strcasecmp(value, "true"));
}

/* `path` with "~/" at its start written out. */
static int expand(char *out, size_t size, const char *path, zoo_err *err)
{
    const char *home = get("HOME");

    if (path[0] == '~' && (path[1] == '/' || !path[1]) && home)
        return zoo_fs_join(out, size, home, path[1] ? path + 2 : "", err);
    return snprintf(out, size, "%s", path) < (int)size
               ? ZOO_OK : zoo_fail(err, ZOO_EUSAGE, "%.200s...: name too long", path);
}

/* HF_HOME/name, or what `variable` says. */
static int find_path(char *out, size_t size, const char *variable, const char *name, zoo_err *err)
{
    char home[PATH_MAX], cache[PATH_MAX];
    const char *value = get(variable);
    int rc;

    if (value)
        return expand(out, size, value, err);
    if ((value = get("HF_HOME"))) {
        rc = expand(home, sizeof home, value, err);
    } else {
        value = get("XDG_CACHE_HOME");
        if (!value && !get("HOME"))
            return zoo_fail(err, ZOO_EUSAGE, "no place for the cache: set HF_HOME, or HOME");
        rc = expand(cache, sizeof cache, value ? value : "~/.cache", err);
        rc = rc ? rc : zoo_fs_join(home, sizeof home, cache, "huggingface", err);
    }
    return rc ? rc : zoo_fs_join(out, size, home, name, err);
}

/* Blanks around it do not count; what cannot stand in a header is refused and not shown. */
static int take_token(zoo_hub_env *env, const char *text, const char *source, zoo_err *err)
{
    size_t n;

    text += strspn(text, " \t\r\n");
    n = strcspn(text, " \t\r\n");
    if (!n)
        return ZOO_OK;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x21 || (unsigned char)text[i] > 0x7e)
            return zoo_fail(err, ZOO_EUSAGE, "%s: holds a byte that no token has", source);
    if (text[n + strspn(text + n, " \t\r\n")] || n >= sizeof env->token)
        return zoo_fail(err, ZOO_EUSAGE, "%s: should be one word of at most %zu characters", source,
                        sizeof env->token - 1);
    memcpy(env->token, text, n);
    env->token[n] = '\0';
    env->settings.token = env->token;
    return ZOO_OK;
}

static int find_token(zoo_hub_env *env, zoo_err *err)
{
    const char *value = get("HF_TOKEN");
    char path[PATH_MAX], *text;
    size_t size;
    int rc;

    if (is_true(get("HF_HUB_DISABLE_IMPLICIT_TOKEN")))
        return ZOO_OK;
    if (value)
        return take_token(env, value, "HF_TOKEN", err);
    if ((rc = find_path(path, sizeof path, "HF_TOKEN_PATH", "token", err)))
        return rc;
    if (zoo_fs_read(&text, &size, path, TOKEN_FILE_MAX, NULL))
        return ZOO_OK;                           /* nobody has logged in here */
    rc = take_token(env, text, path, err);
    free(text);
    return rc;
}

static int find_endpoint(zoo_hub_env *env, zoo_err *err)
{
    const char *value = get("HF_ENDPOINT");
    size_t n;

    if (!value)
        value = "https://huggingface.co";
    n = strlen(value);
    while (n && value[n - 1] == '/')
        n--;
    if (n >= sizeof env->endpoint)
        return zoo_fail(err, ZOO_EUSAGE, "HF_ENDPOINT: longer than %zu bytes", sizeof env->endpoint - 1);
    memcpy(env->endpoint, value, n);
    env->endpoint[n] = '\0';
    env->settings.endpoint = env->endpoint;
    return ZOO_OK;
}

int zoo_hub_env_read(zoo_hub_env *env, zoo_err *err)
{
    const char *seconds = get("HF_HUB_DOWNLOAD_TIMEOUT");
    int rc;

    memset(env, 0, sizeof *env);
    env->settings.cache = env->cache;
    env->settings.ca_file = get("SSL_CERT_FILE");
    env->settings.is_offline = is_true(get("HF_HUB_OFFLINE")) || is_true(get("TRANSFORMERS_OFFLINE"));
    env->settings.idle_s = seconds ? (unsigned)strtoul(seconds, NULL, 10) : 0;
    if ((rc = find_endpoint(env, err)) || (rc = find_token(env, err)))
        return rc;
    return find_path(env->cache, sizeof env->cache, get("HF_HUB_CACHE") ? "HF_HUB_CACHE" : "HUGGINGFACE_HUB_CACHE",
                     "hub", err);
}
