/* wire/fidelity.c: see fidelity.h. */
#include "wire/fidelity.h"

static const char *const ways[] = {"dropped", "changed", "emulated"};

void fidelity_note_str(struct fidelity *fidelity, enum fidelity_how how, struct str field)
{
    char name[FIDELITY_FIELD_MAX];
    str_copy(field, name, sizeof name);
    for (char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == ',' || *c == ':') /* a header value, and a list */
            *c = '_';
    for (size_t i = 0; i < fidelity->count; i++)
        if (fidelity->note[i].how == how && strcmp(fidelity->note[i].field, name) == 0)
            return;
    if (fidelity->count == FIDELITY_NOTES_MAX) {
        fidelity->is_full = true;
        return;
    }
    struct fidelity_note *note = &fidelity->note[fidelity->count++];
    note->how = how;
    memcpy(note->field, name, sizeof name);
}

void fidelity_note(struct fidelity *fidelity, enum fidelity_how how, const char *field)
{
    fidelity_note_str(fidelity, how, str_of(field));
}

const char *fidelity_loss(const struct fidelity *fidelity)
{
    for (size_t i = 0; i < fidelity->count; i++)
        if (fidelity->note[i].how != FIDELITY_EMULATED)
            return fidelity->note[i].field;
    return NULL;
}

void fidelity_write(const struct fidelity *fidelity, struct buf *out)
{
    for (size_t i = 0; i < fidelity->count; i++) {
        if (i > 0)
            buf_putc(out, ',');
        buf_puts(out, ways[fidelity->note[i].how]);
        buf_putc(out, ':');
        buf_puts(out, fidelity->note[i].field);
    }
    if (fidelity->is_full)
        buf_append_lit(out, ",more");
}
