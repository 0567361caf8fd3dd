/* domain/feed_board.c: see feed_board.h. */
#include "domain/feed_board.h"

void feed_board_begin(struct feed_board *board)
{
    board->round++;
}

static struct feed_piece *find(struct feed_board *board, const char *of)
{
    for (size_t i = 0; i < board->count; i++)
        if (strcmp(board->pieces[i].audience.of, of) == 0)
            return &board->pieces[i];
    return NULL;
}

void feed_board_put(struct feed_board *board, const struct feed_audience *audience, struct str text)
{
    struct feed_piece *piece = find(board, audience->of);
    if (text.len >= FEED_PIECE_BYTES || (!piece && board->count == FEED_PIECES_MAX))
        return;
    if (!piece) {
        piece = &board->pieces[board->count++];
        *piece = (struct feed_piece){.audience = *audience};
    }
    piece->measured = board->round;
    if (str_eq(text, str_of(piece->text)))
        return;
    piece->changed = board->round;
    str_copy(text, piece->text, sizeof piece->text);
}

void feed_board_end(struct feed_board *board)
{
    size_t kept = 0;
    for (size_t i = 0; i < board->count; i++) {
        if (board->pieces[i].measured != board->round)
            continue;
        if (kept != i)
            board->pieces[kept] = board->pieces[i];
        kept++;
    }
    board->count = kept;
}

static bool is_server(const struct feed_piece *piece)
{
    return piece->audience.of[0] == '\0';
}

static bool is_new(const struct feed_piece *piece, const struct feed_viewer *viewer, int64_t seen)
{
    return piece->changed > seen && feed_sees(viewer, &piece->audience);
}

static bool write_server(const struct feed_board *board, const struct feed_viewer *viewer,
                         int64_t seen, struct buf *out)
{
    for (size_t i = 0; i < board->count; i++) {
        const struct feed_piece *piece = &board->pieces[i];
        if (!is_server(piece) || !is_new(piece, viewer, seen))
            continue;
        buf_append_lit(out, "\"" FEED_BOARD_SERVER "\":");
        buf_puts(out, piece->text);
        return true;
    }
    return false;
}

static size_t write_providers(const struct feed_board *board, const struct feed_viewer *viewer,
                              int64_t seen, struct buf *out)
{
    size_t written = 0;
    for (size_t i = 0; i < board->count; i++) {
        const struct feed_piece *piece = &board->pieces[i];
        if (is_server(piece) || !is_new(piece, viewer, seen))
            continue;
        buf_puts(out, written++ > 0 ? ",\"" : "\"");
        buf_puts(out, piece->audience.of);
        buf_append_lit(out, "\":");
        buf_puts(out, piece->text);
    }
    return written;
}

bool feed_board_write(const struct feed_board *board, const struct feed_viewer *viewer,
                      int64_t seen, struct buf *out)
{
    size_t before = out->len;
    buf_putc(out, '{');
    bool has_server = write_server(board, viewer, seen, out);
    buf_puts(out, has_server ? ",\"providers\":{" : "\"providers\":{");
    size_t providers = write_providers(board, viewer, seen, out);
    buf_append_lit(out, "}}");
    if (has_server || providers > 0)
        return true;
    if (!out->failed)
        out->len = before;
    return false;
}
