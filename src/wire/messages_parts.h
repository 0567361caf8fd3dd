/* wire/messages_parts.h: what the files of this dialect share, and the states that answer.c makes room for. */
#pragma once
#include "wire/dialects.h"

/** answer_reader.own */
struct messages_reading {
    int next_slot;
};
/** answer_writer.own */
struct messages_writing {
    int index;
};
void messages_reader_release(struct answer_reader *reader);
void messages_writer_release(struct answer_writer *writer);
