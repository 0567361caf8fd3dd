/* main/reload.c: see reload.h. */
#include "main/reload.h"

#include "base/log.h"
#include "base/mem.h"
#include "main/setup.h"

#define NAMES_MAX 1024

static char **words_copy(int argc, char **argv)
{
    char **copy = mem_alloc(((size_t)argc + 1) * sizeof *copy);
    if (copy)
        memcpy(copy, argv, ((size_t)argc + 1) * sizeof *copy);
    return copy;
}

bool reload_init(struct reload *reload, int argc, char **argv)
{
    *reload = (struct reload){.argc = argc, .argv = words_copy(argc, argv)};
    return reload->argv != NULL;
}

void reload_release(struct reload *reload)
{
    mem_free(reload->argv);
}

/* Reading takes the flags out of its words: it gets a copy. */
static enum err read_again(const struct reload *reload, struct settings *out_settings,
                           struct error *error)
{
    int argc = reload->argc;
    AUTO_FREE char **argv = words_copy(argc, reload->argv);
    if (!argv)
        return error_set(error, ERR_NO_MEMORY, "no memory to read the configuration");
    (void)take_switch(&argc, argv, "take-over");
    return load_settings(&argc, argv, out_settings, error);
}

static void put_in_force(struct server *server)
{
    enum log_level level = LOG_INFO;
    (void)log_level_parse(server_settings(server)->log_level, &level); /* one of the choices */
    log_set_level(level);
}

void reload_now(const struct reload *reload, struct server *server)
{
    AUTO_BUF struct buf changed = {0}, waiting = {0};
    struct settings fresh;
    struct error error = {0};
    buf_init(&changed, NAMES_MAX);
    buf_init(&waiting, NAMES_MAX);
    enum err err = read_again(reload, &fresh, &error);
    if (err == OK)
        err = server_reload(server, &fresh, &changed, &waiting, &error);
    if (err != OK) {
        log_error("reload_refused", "why=\"%s\" in_force=\"what was before\"", error.text);
        return;
    }
    put_in_force(server);
    log_line(waiting.len ? LOG_WARN : LOG_INFO, "reloaded",
             "changed=\"%.*s\" needs_restart=\"%.*s\"", STR_ARG(buf_str(&changed)),
             STR_ARG(buf_str(&waiting)));
}
