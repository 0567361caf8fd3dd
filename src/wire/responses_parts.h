/* wire/responses_parts.h: what the files of this dialect share, and the states that answer.c makes room for. */
#pragma once
#include "wire/dialects.h"

/** answer_reader.own */
struct responses_reading {
    int next_slot;
};
/** answer_writer.own */
struct responses_writing {
    int index;
};
void responses_reader_release(struct answer_reader *reader);
void responses_writer_release(struct answer_writer *writer);
