/* wire/chat_parts.h: what the files of this dialect share, and the states that answer.c makes room for. */
#pragma once
#include "wire/dialects.h"

/** answer_reader.own */
struct chat_reading {
    int next_slot;
};
/** answer_writer.own */
struct chat_writing {
    int index;
};
void chat_reader_release(struct answer_reader *reader);
void chat_writer_release(struct answer_writer *writer);
