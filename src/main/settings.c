/* main/settings.c: every setting in one table; flags, environment, file and help follow from it.
 *
 * To add one: a member in struct settings, a row here.
 */
#include "main/settings.h"

#include "base/mem.h"
#include "sys/file.h"

#include <assert.h>
#include <ctype.h>

#define FILE_BYTES_MAX (256u * 1024)
#define NAME_MAX_BYTES 48

enum setting_type { SETTING_TEXT, SETTING_CHOICE, SETTING_INT, SETTING_DURATION, SETTING_BYTES };

struct setting {
    const char *name; /* data_dir: flag --data-dir, environment AUXOT_DATA_DIR */
    enum setting_type type;
    size_t offset, size;   /* in struct settings */
    const char *otherwise; /* the default, as a person would write it */
    int64_t min, max;      /* of numbers, in the base unit */
    const char *choices;   /* of SETTING_CHOICE, with spaces around each */
    const char *sentence;
    bool is_live; /* SIGHUP puts it in force; the others wait for a start */
};

#define LIVE       true
#define AT(member) offsetof(struct settings, member), sizeof(((struct settings *)0)->member)
#define SECOND     INT64_C(1000)
#define MINUTE     (60 * SECOND)
#define HOUR       (60 * MINUTE)
#define KIB        INT64_C(1024)
#define MIB        (1024 * KIB)
#define GIB        (1024 * MIB)

// clang-format off
static const struct setting table[] = {
    {"data_dir", SETTING_TEXT, AT(data_dir), "./auxot-data", 0, 0, NULL,
     "Directory of the database, the journal, the secret and the control socket."},
    {"host", SETTING_TEXT, AT(host), "127.0.0.1", 0, 0, NULL,
     "Address to listen on; 0.0.0.0 or :: for all."},
    {"port", SETTING_INT, AT(port), "8080", 0, 65535, NULL,
     "Port to listen on; 0 takes any free one."},
    {"base_url", SETTING_TEXT, AT(base_url), "", 0, 0, NULL,
     "Address under which people reach this server, like https://ai.example.com: pages, links, cookies and the name in Host go by it; empty: from host and port."},
    {"trusted_proxies", SETTING_TEXT, AT(trusted_proxies), "", 0, 0, NULL,
     "Addresses and networks, with commas, of the proxies in front of this server: for whom they send X-Forwarded-For is who tries a password, and what a session shows; empty: nobody is believed."},
    {"database_url", SETTING_TEXT, AT(database_url), "", 0, 0, NULL,
     "Empty: the embedded database in the data directory."},
    {"tls_cert", SETTING_TEXT, AT(tls_cert), "", 0, 0, NULL,
     "Certificate chain (PEM); with tls_key it makes the listener speak TLS.", LIVE},
    {"tls_key", SETTING_TEXT, AT(tls_key), "", 0, 0, NULL,
     "Private key (PEM) of tls_cert.", LIVE},
    {"ca_file", SETTING_TEXT, AT(ca_file), "", 0, 0, NULL,
     "Authorities (PEM) that providers' certificates are checked against; empty: the system's."},
    {"resolver", SETTING_TEXT, AT(resolver), "", 0, 0, NULL,
     "Name servers (address:port, with commas) for providers' names; empty: the system's."},
    {"log_level", SETTING_CHOICE, AT(log_level), "info", 0, 0, " debug info warn error ",
     "Least important lines that are logged: debug, info, warn or error.", LIVE},
    {"threads", SETTING_INT, AT(threads), "0", 0, 64, NULL,
     "Loop threads; 0: one per core."},
    {"max_concurrent", SETTING_INT, AT(max_concurrent), "0", 0, 1000000, NULL,
     "Requests in flight on the whole server; 0: no limit.", LIVE},
    {"max_attempts", SETTING_INT, AT(max_attempts), "6", 1, 6, NULL,
     "Providers that one request may try.", LIVE},
    {"job_timeout", SETTING_DURATION, AT(job_timeout_ms), "30m", SECOND, 24 * HOUR, NULL,
     "Longest life of one request, all attempts together.", LIVE},
    {"late_head", SETTING_DURATION, AT(late_head_ms), "15s", 0, HOUR, NULL,
     "A streaming caller who has waited this long gets the head and keep-alives.", LIVE},
    {"keepalive", SETTING_DURATION, AT(keepalive_ms), "15s", SECOND / 10, HOUR, NULL,
     "Time between keep-alives in a silent stream.", LIVE},
    {"grace", SETTING_DURATION, AT(grace_ms), "30s", 0, 24 * HOUR, NULL,
     "Time that running requests have to finish after SIGTERM.", LIVE},
    {"body_limit", SETTING_BYTES, AT(body_limit_bytes), "32MiB", KIB, GIB, NULL,
     "Largest request body."},
    {"body_budget", SETTING_BYTES, AT(body_budget_bytes), "256MiB", MIB, 64 * GIB, NULL,
     "Request bodies held at once, all together.", LIVE},
    {"live_clients", SETTING_INT, AT(live_clients), "1000", 1, 100000, NULL,
     "Clients of GET /api/live at once."},
    {"live_frames", SETTING_INT, AT(live_frames), "10000", 16, 1000000, NULL,
     "Frames that a client of GET /api/live can go back; as many of jobs besides, and five minutes at most."},
    {"otlp_endpoint", SETTING_TEXT, AT(otlp_endpoint), "", 0, 0, NULL,
     "Collector of OpenTelemetry, like http://127.0.0.1:4318, that gets a span of each job and attempt (OTLP/HTTP, JSON); empty: none does."},
    {"otlp_headers", SETTING_TEXT, AT(otlp_headers), "", 0, 0, NULL,
     "Headers for it, name=value with commas; what is secret belongs in the environment or the file, not in a flag."},
    {"otlp_service", SETTING_TEXT, AT(otlp_service), "auxot", 0, 0, NULL,
     "The service.name of these spans."},
    {"heartbeat_interval", SETTING_DURATION, AT(heartbeat_interval_ms), "30s", SECOND / 10, HOUR, NULL,
     "Time between a worker's heartbeats."},
    {"dead_worker_timeout", SETTING_DURATION, AT(dead_worker_timeout_ms), "90s", SECOND / 10, 24 * HOUR, NULL,
     "A worker silent for this long is dead."},
    {"session_lifetime", SETTING_DURATION, AT(session_lifetime_ms), "7d", SECOND, 9000 * HOUR, NULL,
     "A user is signed in for so long, at most.", LIVE},
    {"session_idle", SETTING_DURATION, AT(session_idle_ms), "8h", SECOND, 9000 * HOUR, NULL,
     "A session that was not used for so long ends.", LIVE},
    {"queue_wait", SETTING_DURATION, AT(queue_wait_ms), "60s", 0, HOUR, NULL,
     "Longest time that a request waits for a free worker or slot; X-Auxot-Wait sets it for one request.", LIVE},
    {"idempotency_window", SETTING_DURATION, AT(idempotency_ms), "1h", SECOND, 24 * HOUR, NULL,
     "An Idempotency-Key is remembered for so long behind the end of its request."},
    {"idempotency_memory", SETTING_BYTES, AT(idempotency_bytes), "64MiB", MIB, 64 * GIB, NULL,
     "Answers kept for repetitions, for up to 10 minutes and in memory only, all together."},
    {"job_retention", SETTING_DURATION, AT(job_retention_ms), "0", 0, 3650 * 24 * HOUR, NULL,
     "Jobs are kept for so long, at least 48h, and go within a day after; 0: for ever. Sums of usage and events stay."},
    {"usage_minute_retention", SETTING_DURATION, AT(usage_minute_retention_ms), "48h", 48 * HOUR, 400 * 24 * HOUR, NULL,
     "Sums of usage by the minute are kept for so long; those by the hour for 400 days, those by the day for ever."},
    {"transition_retention", SETTING_DURATION, AT(transition_retention_ms), "90d", HOUR, 3650 * 24 * HOUR, NULL,
     "Changes of state (GET /api/transitions, GET /api/routing/at) are kept for so long; the newest 500,000 of them at most."},
    {"plan", SETTING_CHOICE, AT(plan), "enterprise", 0, 0, " free team business enterprise ",
     "Plan: free, team, business or enterprise."},
    {"confine", SETTING_CHOICE, AT(confine), "on", 0, 0, " on off require ",
     "Fences around the process: on, as far as the kernel has them; require: no start without; off."},
};
// clang-format on
#define SETTING_COUNT (sizeof table / sizeof table[0])

/* ---- values -------------------------------------------------------------------------------------- */

struct unit {
    const char *name;
    int64_t factor;
};

/* Digits, then one of the units. */
static bool number_with_unit(struct str text, const struct unit *units, size_t unit_count,
                             int64_t *out_value)
{
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.at[digits]))
        digits++;
    int64_t number, value;
    struct str rest = str_from(text, digits);
    if (!str_to_int64(str_upto(text, digits), &number))
        return false;
    for (size_t i = 0; i < unit_count; i++)
        if (str_eq(rest, str_of(units[i].name)) &&
            !__builtin_mul_overflow(number, units[i].factor, &value)) {
            *out_value = value;
            return true;
        }
    return false;
}

bool duration_parse(struct str text, int64_t *out_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", SECOND}, {"m", MINUTE}, {"h", HOUR}, {"d", 24 * HOUR},
    };
    int64_t ms = 0;
    if (!str_eq(text, STR("0")) &&
        !number_with_unit(text, units, sizeof units / sizeof units[0], &ms))
        return false;
    if (ms > 3660 * 24 * HOUR)
        return false;
    *out_ms = ms;
    return true;
}

bool bytes_parse(struct str text, int64_t *out_bytes)
{
    static const struct unit units[] = {
        {"", 1},    {"B", 1},    {"k", KIB},   {"K", KIB}, {"KB", KIB}, {"KiB", KIB}, {"m", MIB},
        {"M", MIB}, {"MB", MIB}, {"MiB", MIB}, {"g", GIB}, {"G", GIB},  {"GB", GIB},  {"GiB", GIB},
    };
    return number_with_unit(text, units, sizeof units / sizeof units[0], out_bytes);
}

static enum err text_set(const struct setting *setting, char *room, struct str value,
                         const char *source, struct error *error)
{
    char quoted[64];
    str_copy(value, quoted, sizeof quoted);
    if (value.len >= setting->size || memchr(value.at, '\0', value.len))
        return error_set(error, ERR_MALFORMED, "%s (%s) is too long: at most %zu bytes",
                         setting->name, source, setting->size - 1);
    bool is_listed = true;
    if (setting->type == SETTING_CHOICE) {
        char wanted[40];
        snprintf(wanted, sizeof wanted, " %.36s ", quoted);
        is_listed = value.len > 0 && !memchr(value.at, ' ', value.len) &&
                    str_find(str_of(setting->choices), str_of(wanted), NULL);
    }
    if (!is_listed)
        return error_set(error, ERR_MALFORMED, "%s (%s) is '%s': it must be one of%s",
                         setting->name, source, quoted, setting->choices);
    str_copy(value, room, setting->size);
    return OK;
}

static enum err number_set(const struct setting *setting, int64_t *room, struct str value,
                           const char *source, struct error *error)
{
    static const char *const forms[] = {
        [SETTING_INT] = "a whole number",
        [SETTING_DURATION] = "a time such as 500ms, 30s, 5m or 2h",
        [SETTING_BYTES] = "a size such as 4096, 64KiB or 32MiB",
    };
    int64_t number = 0;
    bool is_number = setting->type == SETTING_INT        ? str_to_int64(value, &number)
                     : setting->type == SETTING_DURATION ? duration_parse(value, &number)
                                                         : bytes_parse(value, &number);
    char quoted[64];
    str_copy(value, quoted, sizeof quoted);
    if (!is_number)
        return error_set(error, ERR_MALFORMED, "%s (%s) is '%s': it must be %s", setting->name,
                         source, quoted, forms[setting->type]);
    if (number < setting->min || number > setting->max)
        return error_set(error, ERR_MALFORMED,
                         "%s (%s) is '%s': it must lie between %lld and %lld%s", setting->name,
                         source, quoted, (long long)setting->min, (long long)setting->max,
                         setting->type == SETTING_DURATION ? " milliseconds"
                         : setting->type == SETTING_BYTES  ? " bytes"
                                                           : "");
    *room = number;
    return OK;
}

/* `source` is for people: "flag --port", "AUXOT_PORT", "auxot.conf line 3". */
static enum err setting_set(struct settings *settings, const struct setting *setting,
                            struct str value, const char *source, struct error *error)
{
    void *room = (char *)settings + setting->offset;
    if (setting->type == SETTING_TEXT || setting->type == SETTING_CHOICE)
        return text_set(setting, room, value, source, error);
    return number_set(setting, room, value, source, error);
}

/* ---- sources ------------------------------------------------------------------------------------- */

/* `dash` stands where the table has '_'. */
static const struct setting *setting_find(struct str name, char dash)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct str known = str_of(table[i].name);
        bool is_same = known.len == name.len;
        for (size_t c = 0; is_same && c < name.len; c++)
            is_same = name.at[c] == (known.at[c] == '_' ? dash : known.at[c]);
        if (is_same)
            return &table[i];
    }
    return NULL;
}

static enum err read_defaults(struct settings *settings, struct error *error)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        enum err err =
            setting_set(settings, &table[i], str_of(table[i].otherwise), "default", error);
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err read_line(struct settings *settings, struct str line, const char *source,
                          struct error *error)
{
    line = str_trim(line);
    if (line.len && line.at[line.len - 1] == '\r')
        line = str_trim(str_upto(line, line.len - 1));
    if (!line.len || line.at[0] == '#')
        return OK;
    size_t equals;
    if (!str_find(line, STR("="), &equals))
        return error_set(error, ERR_MALFORMED, "%s: expected `name = value`", source);
    const struct setting *setting = setting_find(str_trim(str_upto(line, equals)), '_');
    if (!setting)
        return error_set(error, ERR_MALFORMED, "%s: there is no setting of this name", source);
    return setting_set(settings, setting, str_trim(str_from(line, equals + 1)), source, error);
}

static enum err read_file(struct settings *settings, const char *path, struct error *error)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    enum err err = file_read(path, FILE_BYTES_MAX, &text, &len, error);
    struct str rest = {text, err == OK ? len : 0};
    for (int number = 1; err == OK && rest.len; number++) {
        char source[160];
        snprintf(source, sizeof source, "%.120s line %d", path, number);
        err = read_line(settings, str_cut(&rest, '\n'), source, error);
    }
    return err;
}

static enum err read_environment(struct settings *settings, char *const *environment,
                                 struct error *error)
{
    for (; environment && *environment; environment++) {
        struct str value = str_of(*environment);
        struct str name = str_cut(&value, '=');
        char lower[NAME_MAX_BYTES];
        if (!str_starts(name, STR("AUXOT_")) || name.len - 6 >= sizeof lower)
            continue;
        for (size_t i = 6; i < name.len; i++)
            lower[i - 6] = (char)tolower((unsigned char)name.at[i]);
        const struct setting *setting = setting_find((struct str){lower, name.len - 6}, '_');
        char source[64];
        snprintf(source, sizeof source, "%.*s", (int)(name.len < 60 ? name.len : 60), name.at);
        bool is_set = setting && value.len > 0; /* an empty variable is an unset one */
        enum err err = is_set ? setting_set(settings, setting, value, source, error) : OK;
        if (err != OK)
            return err;
    }
    return OK;
}

/* One flag with its value at argv[at]; how many words it took, 0 when it is none of the wanted. */
static int flag_at(int argc, char **argv, int at, const char **out_name, size_t *out_name_len,
                   struct str *out_value)
{
    const char *word = argv[at];
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0')
        return 0;
    const char *equals = strchr(word, '=');
    *out_name = word + 2;
    *out_name_len = equals ? (size_t)(equals - word - 2) : strlen(word + 2);
    if (equals) {
        *out_value = str_of(equals + 1);
        return 1;
    }
    *out_value = str_of(at + 1 < argc ? argv[at + 1] : NULL);
    return at + 1 < argc ? 2 : 1;
}

/* The --config flag alone: the file is read before the other flags, which win over it. */
static const char *config_path(int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        const char *name;
        size_t len;
        struct str value;
        if (flag_at(argc, argv, at, &name, &len, &value) &&
            str_eq((struct str){name, len}, STR("config")))
            return value.at;
    }
    return NULL;
}

static enum err read_flags(struct settings *settings, int *argc, char **argv, struct error *error)
{
    int kept = 1;
    for (int at = 1, took; at < *argc; at += took) {
        const char *name = NULL;
        size_t len = 0;
        struct str value = {0};
        took = flag_at(*argc, argv, at, &name, &len, &value);
        struct str flag = {name, len};
        const struct setting *setting = took ? setting_find(flag, '-') : NULL;
        if (!setting && !(took && str_eq(flag, STR("config")))) {
            argv[kept++] = argv[at];
            took = 1;
            continue;
        }
        char source[64];
        snprintf(source, sizeof source, "flag --%.40s", name);
        bool has_value = took == 2 || memchr(argv[at], '=', strlen(argv[at]));
        enum err err = !has_value ? error_set(error, ERR_MALFORMED, "%s needs a value", source)
                       : setting  ? setting_set(settings, setting, value, source, error)
                                  : OK;
        if (err != OK)
            return err;
    }
    argv[kept] = NULL;
    *argc = kept;
    return OK;
}

enum err settings_load(int *argc, char **argv, char *const *environment,
                       struct settings *out_settings, struct error *error)
{
    struct settings settings = {0};
    const char *path = config_path(*argc, argv);
    enum err err = read_defaults(&settings, error);
    assert(err == OK); /* a default outside its own range is our mistake */
    if (err == OK && path)
        err = read_file(&settings, path, error);
    if (err == OK && path)
        str_copy(str_of(path), settings.config_file, sizeof settings.config_file);
    if (err == OK)
        err = read_environment(&settings, environment, error);
    if (err == OK)
        err = read_flags(&settings, argc, argv, error);
    if (err == OK && (settings.tls_cert[0] == '\0') != (settings.tls_key[0] == '\0'))
        err = error_set(error, ERR_MALFORMED, "tls_cert and tls_key go together: give both");
    if (err == OK)
        *out_settings = settings;
    return err;
}

/* ---- changes ------------------------------------------------------------------------------------- */

static void name_add(struct buf *names, const char *name)
{
    buf_printf(names, "%s%s", names->len ? "," : "", name);
}

void settings_adopt(struct settings *settings, const struct settings *fresh, struct buf *out_live,
                    struct buf *out_waiting)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char *now = (char *)settings + table[i].offset;
        const char *then = (const char *)fresh + table[i].offset;
        bool is_text = table[i].type == SETTING_TEXT || table[i].type == SETTING_CHOICE;
        if (is_text ? strcmp(now, then) == 0 : memcmp(now, then, table[i].size) == 0)
            continue;
        if (table[i].is_live)
            memcpy(now, then, table[i].size);
        name_add(table[i].is_live ? out_live : out_waiting, table[i].name);
    }
}

void settings_print(FILE *out)
{
    fprintf(out, "Settings: flag, or AUXOT_NAME in the environment, or `name = value` in the file"
                 " of --config.\n\n");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char flag[NAME_MAX_BYTES];
        snprintf(flag, sizeof flag, "--%s", table[i].name);
        for (char *c = flag + 2; *c; c++)
            *c = *c == '_' ? '-' : *c;
        fprintf(out, "  %-23s %s", flag, table[i].sentence);
        if (table[i].otherwise[0])
            fprintf(out, " Default: %s.", table[i].otherwise);
        fputc('\n', out);
    }
}
