/* worker/llama_spawn.c: how a llama-server is started: name, port, words; and what may be told of what it said. */
#include "worker/llama_parts.h"

#include "base/log.h"
#include "sys/fd.h"
#include "sys/secret.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

void llama_alias(const char *model_path, char *room, size_t room_bytes)
{
    struct str name = str_of(model_path);
    while (str_ends(name, STR("/")))
        name.len--;
    for (size_t slash; str_find(name, STR("/"), &slash);)
        name = str_from(name, slash + 1);
    if (name.len > 5 && str_ieq(str_from(name, name.len - 5), STR(".gguf")))
        name.len -= 5;
    size_t tail = sizeof "-00001-of-00003" - 1;
    if (name.len > tail && str_eq(str_upto(str_from(name, name.len - 9), 4), STR("-of-")) &&
        name.at[name.len - tail] == '-')
        name.len -= tail;
    str_copy(name, room, room_bytes);
}

static void on_line(void *owner, struct str line)
{
    struct llama *llama = owner;
    if (!llama->has_served)
        log_debug("llama_server_says", "model=\"%s\" line=\"%.*s\"", llama->name, STR_ARG(line));
}

/* A port that is free now. Somebody may take it before llama-server does: then that ends, and another is tried. */
static int free_port(void)
{
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.sin_port);
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* What is ours to say stands first, then the operator's options. */
static enum err spawn(struct llama *llama, int port, void (*on_exit)(void *owner, int status),
                      struct error *error)
{
    const struct llama_options *options = &llama->options;
    char port_text[12], slots_text[12], key[sizeof "LLAMA_API_KEY=" + LLAMA_KEY_MAX];
    const char *argv[LLAMA_MORE_MAX + 16];
    int n = 0;
    snprintf(port_text, sizeof port_text, "%d", port);
    snprintf(slots_text, sizeof slots_text, "%d", options->parallel);
    snprintf(key, sizeof key, "LLAMA_API_KEY=%s", llama->key);
    bool is_routing = is_directory(options->model_path);
    const char *const fixed[] = {options->program,    is_routing ? "--models-dir" : "-m",
                                 options->model_path, "--host",
                                 "127.0.0.1",         "--port",
                                 port_text,           "--jinja"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        argv[n++] = fixed[i];
    if (!is_routing) {
        argv[n++] = "--alias";
        argv[n++] = llama->name;
    }
    if (options->parallel > 0) {
        argv[n++] = "-np";
        argv[n++] = slots_text;
    }
    for (int i = 0; options->more && options->more[i] && i < LLAMA_MORE_MAX; i++)
        argv[n++] = options->more[i];
    argv[n] = NULL;
    struct process_options process = {.loop = options->loop,
                                      .argv = argv,
                                      .variable = key,
                                      .on_line = on_line,
                                      .on_exit = on_exit,
                                      .owner = llama};
    llama->has_served = false;
    enum err err = process_start(&process, &llama->process, error);
    secret_wipe(key, sizeof key);
    return err;
}

enum err llama_spawn(struct llama *llama, void (*on_exit)(void *owner, int status),
                     struct error *error)
{
    int port = free_port();
    char url[48];
    if (port == 0)
        return error_set(error, ERR_IO, "no free port on 127.0.0.1");
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    enum err err = target_parse(url, &llama->target, error);
    if (err == OK)
        err = spawn(llama, port, on_exit, error);
    if (err == OK)
        log_info("llama_server_started", "model=\"%s\" pid=%d port=%d", llama->name,
                 (int)process_id(llama->process), port);
    return err;
}

void llama_last_words(const struct llama *llama, char *room, size_t room_bytes)
{
    if (llama->has_served) {
        str_copy(STR("its words are not kept: --log-file FILE behind -- keeps them"), room,
                 room_bytes);
        return;
    }
    struct str said = process_tail(llama->process);
    struct str last = STR(""), trouble = STR("");
    while (said.len > 0) {
        struct str line = str_trim(str_cut(&said, '\n'));
        if (line.len == 0)
            continue;
        last = line;
        if (str_ifind(line, STR("error"), NULL) || str_ifind(line, STR("failed"), NULL))
            trouble = line;
    }
    str_copy(trouble.len ? trouble : last, room, room_bytes);
}
