/* main/config_file.c: see config_file.h. */
#include "main/config_file.h"

#include "admin/config_offline.h"
#include "base/mem.h"
#include "json/commented.h"
#include "main/setup.h"
#include "sys/file.h"

#include <stdio.h>

static void complain_at(const struct config_file *file, struct text_place place, const char *what,
                        const char *fix)
{
    fprintf(stderr, "%s:%zu:%zu: %s\n", file->path, place.line, place.column, what);
    if (fix && fix[0])
        fprintf(stderr, "  %s\n", fix);
}

void config_file_complain(const struct config_file *file, struct json where, const char *what,
                          const char *fix)
{
    struct str text = {file->text, file->len};
    struct str raw = json_raw(file->reader, where, text);
    complain_at(file, text_place(text, raw.len ? (size_t)(raw.at - text.at) : 0), what, fix);
}

static bool read_text(struct config_file *file)
{
    struct error error = {0};
    const char *path = strcmp(file->path, "-") == 0 ? "/dev/stdin" : file->path;
    if (file_read(path, CONFIG_FILE_BYTES_MAX, &file->text, &file->len, &error) == OK)
        return true;
    (void)complain("config", 1, "%s", error.text);
    return false;
}

static bool parse(struct config_file *file)
{
    struct text_flaw flaw;
    struct config_flaw breach;
    struct error error = {0};
    if (commented_to_json(file->text, file->len, &flaw) != OK) {
        complain_at(file, flaw.place, flaw.what, flaw.fix);
        return false;
    }
    if (json_reader_new(CONFIG_FILE_BYTES_MAX, &file->reader) != OK ||
        json_parse(file->reader, (struct str){file->text, file->len}, &file->root, &error) != OK) {
        (void)complain("config", 1, "%s", error.text[0] ? error.text : "no memory");
        return false;
    }
    if (config_check_form(file->root, &breach) == OK)
        return true;
    config_file_complain(file, breach.where, breach.what, breach.fix);
    return false;
}

bool config_file_open(struct config_file *file, const char *path)
{
    *file = (struct config_file){.path = path};
    return read_text(file) && parse(file);
}

void config_file_close(struct config_file *file)
{
    json_reader_free(file->reader);
    mem_free(file->text);
    *file = (struct config_file){0};
}
