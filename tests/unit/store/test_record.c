/* tests/unit/store/test_record.c: a record is read back as written, or not at all. */
#include "store/record.h"
#include "store/crc32c.h"
#include "store/cursor.h"
#include "store/job_fields.h"
#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

/* Every text at its longest, every number at its widest. */
static void record_fill(struct job_record *record)
{
    memset(record, 'x', sizeof *record);
#define END(member) record->member[sizeof record->member - 1] = '\0'
    END(id), END(reason), END(dialect), END(endpoint), END(source), END(requested_model);
    END(model), END(provider_id), END(provider_name), END(key_id), END(key_name), END(team);
    END(user), END(agent), END(fidelity), END(pin), END(idempotency), END(passed_over);
    record->status = JOB_REFUSED;
    record->is_stream = record->usage.is_estimated = record->is_unpriced = true;
    record->is_batch = record->is_admin = true;
    record->http_status = INT32_MIN;
    record->created_at_ms = record->cost_microusd = INT64_MIN;
    record->attempt_count = ATTEMPTS_MAX;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        END(attempt[i].provider_id), END(attempt[i].provider_name), END(attempt[i].worker);
        END(attempt[i].model), END(attempt[i].outcome), END(attempt[i].reason);
        END(attempt[i].tier), END(attempt[i].chosen);
        record->attempt[i].is_estimated = true;
        record->attempt[i].started_at_ms = INT64_MAX;
    }
#undef END
}

static void record_small(struct job_record *record)
{
    *record = (struct job_record){.id = "job_01jz0000000000000000000000",
                                  .status = JOB_DONE,
                                  .model = "gpt-test",
                                  .created_at_ms = 1790000000000,
                                  .queued_ms = -1,
                                  .attempt_count = 2,
                                  .attempt = {{.seq = 1, .outcome = "failed"}, {.seq = 2}}};
}

static bool is_same(const struct job_record *a, const struct job_record *b)
{
    AUTO_BUF struct buf one, two;
    buf_init(&one, 2 * RECORD_MAX_BYTES);
    buf_init(&two, 2 * RECORD_MAX_BYTES);
    record_encode(&one, RECORD_CLOSE, a);
    record_encode(&two, RECORD_CLOSE, b);
    return str_eq(buf_str(&one), buf_str(&two));
}

static void records_are_read_back_as_written(void **state)
{
    (void)state;
    struct job_record records[3] = {0}, got;
    record_small(&records[1]);
    record_fill(&records[2]);
    AUTO_BUF struct buf buf;
    buf_init(&buf, 4 * RECORD_MAX_BYTES);
    for (size_t i = 0; i < COUNT(records); i++)
        record_encode(&buf, (enum record_kind)(i + 1), &records[i]);
    CHECK("it fits", !buf.failed);
    struct str rest = buf_str(&buf);
    for (size_t i = 0; i < COUNT(records); i++) {
        enum record_kind kind = 0;
        size_t len = 0;
        CHECK_INT("read", record_decode(rest, &kind, &got, &len), RECORD_READ_OK);
        CHECK_INT("kind", kind, i + 1);
        CHECK("same", is_same(&got, &records[i]));
        CHECK("within the promised room", len <= RECORD_MAX_BYTES);
        rest = str_from(rest, len);
    }
    CHECK("all", rest.len == 0);
}

static void cut_and_flipped_records_are_torn(void **state)
{
    (void)state;
    struct job_record record, got;
    enum record_kind kind;
    size_t len;
    record_small(&record);
    AUTO_BUF struct buf buf;
    buf_init(&buf, RECORD_MAX_BYTES);
    record_encode(&buf, RECORD_CLOSE, &record);
    for (size_t cut = 1; cut < buf.len; cut++)
        CHECK_INT("cut", record_decode(str_upto(buf_str(&buf), cut), &kind, &got, &len),
                  RECORD_READ_TORN);
    for (size_t bit = 0; bit < buf.len * 8; bit++) {
        buf.data[bit / 8] = (char)(buf.data[bit / 8] ^ (1 << (bit % 8)));
        CHECK_INT("flipped", record_decode(buf_str(&buf), &kind, &got, &len), RECORD_READ_TORN);
        buf.data[bit / 8] = (char)(buf.data[bit / 8] ^ (1 << (bit % 8)));
    }
    static const char zeroes[RECORD_MAX_BYTES];
    CHECK_INT("zeroes are the end",
              record_decode((struct str){zeroes, sizeof zeroes}, &kind, &got, &len),
              RECORD_READ_END);
    CHECK_INT("nothing is the end", record_decode(STR(""), &kind, &got, &len), RECORD_READ_END);
}

static void what_is_unknown_or_empty_takes_no_room(void **state)
{
    (void)state;
    struct job_record record = {.queued_ms = -1,
                                .first_byte_ms = -1,
                                .duration_ms = -1,
                                .usage = {-1, -1, -1, -1, -1, false},
                                .cost_microusd = -1,
                                .needs = -1,
                                .prompt_tokens = -1,
                                .wait_ms = -1,
                                .phase_us = {-1, -1, -1, -1, -1, -1, -1, -1}},
                      got;
    enum record_kind kind;
    size_t len;
    AUTO_BUF struct buf buf;
    buf_init(&buf, RECORD_MAX_BYTES);
    record_encode(&buf, RECORD_OPEN, &record);
    CHECK_INT("frame, kind, bits, count", buf.len, 12 + 1 + 8 + 1);
    CHECK_INT("read", record_decode(buf_str(&buf), &kind, &got, &len), RECORD_READ_OK);
    CHECK("same", is_same(&got, &record));
    CHECK("unknown", got.queued_ms == -1 && got.usage.cached_tokens == -1);
}

/* Its bits end where its list of fields did. */
static void a_record_of_an_older_version_leaves_the_newer_fields_unknown(void **state)
{
    (void)state;
    static const char payload[] = "\1\1\0\0\0\0\0\0\0\2ab\1\1\0\0\0\0\0\0\0\2";
    uint8_t frame[64] = {'A', 0, 'R', 0xa8, sizeof payload - 1};
    memcpy(frame + 12, payload, sizeof payload - 1);
    uint32_t crc = crc32c(crc32c(0, frame + 4, 4), payload, sizeof payload - 1);
    for (int i = 0; i < 4; i++)
        frame[8 + i] = (uint8_t)(crc >> (8 * i));
    struct job_record got;
    enum record_kind kind;
    size_t len;
    struct str bytes = {(const char *)frame, 12 + sizeof payload - 1};
    CHECK_INT("read", record_decode(bytes, &kind, &got, &len), RECORD_READ_OK);
    CHECK("its shape", got.needs == -1 && got.prompt_tokens == -1 && got.wait_ms == -1);
    CHECK("its timing", got.phase_us[PHASE_AUTH] == -1 && got.phase_us[PHASE_RECORD] == -1);
    CHECK_STR("no pin", got.pin, "");
    CHECK_STR("no code", got.attempt[0].chosen, "");
    CHECK_INT("its attempt", got.attempt[0].seq, 1);
}

/* `payload` in a frame whose magic ends in `version`, with the right checksum. */
static enum record_read read_framed(uint8_t version, const char *payload, size_t payload_len)
{
    uint8_t frame[256] = {'A', 0, 'R', version, (uint8_t)payload_len};
    memcpy(frame + 12, payload, payload_len);
    uint32_t crc = crc32c(crc32c(0, frame + 4, 4), payload, payload_len);
    for (int i = 0; i < 4; i++)
        frame[8 + i] = (uint8_t)(crc >> (8 * i));
    struct job_record got;
    enum record_kind kind;
    size_t len;
    return record_decode((struct str){(const char *)frame, 12 + payload_len}, &kind, &got, &len);
}

static void a_record_has_one_spelling(void **state)
{
    (void)state;
    static const struct story {
        const char *name;
        uint8_t version;
        struct str payload;
        enum record_read want;
    } stories[] = {
#define BITS(first) first "\0\0\0\0\0\0\0"
        {"nothing is set", 0xa8, STR_INIT("\1" BITS("\0") "\0"), RECORD_READ_OK},
        {"of the version before", 0xa7, STR_INIT("\1" BITS("\0") "\0"), RECORD_READ_TORN},
        {"an id", 0xa8,
         STR_INIT("\1" BITS("\1") "\2ab"
                                  "\0"),
         RECORD_READ_OK},
        {"an empty id", 0xa8,
         STR_INIT("\1" BITS("\1") "\0"
                                  "\0"),
         RECORD_READ_TORN},
        {"a NUL in the id", 0xa8,
         STR_INIT("\1" BITS("\1") "\2a\0"
                                  "\0"),
         RECORD_READ_TORN},
        {"an id that is cut", 0xa8, STR_INIT("\1" BITS("\1") "\2a"), RECORD_READ_TORN},
        {"a status", 0xa8,
         STR_INIT("\1" BITS("\2") "\2"
                                  "\0"),
         RECORD_READ_OK},
        {"a status of 0", 0xa8,
         STR_INIT("\1" BITS("\2") "\0"
                                  "\0"),
         RECORD_READ_TORN},
        {"no such status", 0xa8,
         STR_INIT("\1" BITS("\2") "\x40"
                                  "\0"),
         RECORD_READ_TORN},
        {"a status in two bytes", 0xa8,
         STR_INIT("\1" BITS("\2") "\x82\0"
                                  "\0"),
         RECORD_READ_TORN},
        {"a field of a newer version", 0xa8, STR_INIT("\1\0\0\0\0\0\0\0\x80\2\0"),
         RECORD_READ_TORN},
        {"an attempt", 0xa8, STR_INIT("\1" BITS("\0") "\1" BITS("\1") "\2"), RECORD_READ_OK},
        {"an attempt too few", 0xa8, STR_INIT("\1" BITS("\0") "\2" BITS("\1") "\2"),
         RECORD_READ_TORN},
        {"too many attempts", 0xa8, STR_INIT("\1" BITS("\0") "\7"), RECORD_READ_TORN},
        {"a byte too many", 0xa8,
         STR_INIT("\1" BITS("\0") "\0"
                                  "\0"),
         RECORD_READ_TORN},
        {"no such kind", 0xa8, STR_INIT("\4" BITS("\0") "\0"), RECORD_READ_TORN},
        {"no payload", 0xa8, STR_INIT(""), RECORD_READ_TORN},
#undef BITS
    };
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK_INT(stories[i].name,
                  read_framed(stories[i].version, stories[i].payload.at, stories[i].payload.len),
                  stories[i].want);
}

static void a_peek_tells_kind_id_and_length(void **state)
{
    (void)state;
    struct job_record record;
    enum record_kind kind = 0;
    size_t len = 0;
    char id[ID_MAX];
    record_small(&record);
    AUTO_BUF struct buf buf;
    buf_init(&buf, 2 * RECORD_MAX_BYTES);
    record_encode(&buf, RECORD_PROGRESS, &record);
    size_t whole = buf.len;
    buf_puts(&buf, "what follows");
    CHECK_INT("read", record_peek(buf_str(&buf), &kind, id, &len), RECORD_READ_OK);
    CHECK_INT("kind", kind, RECORD_PROGRESS);
    CHECK_STR("id", id, record.id);
    CHECK_INT("length", len, whole);
    buf.data[whole - 1] ^= 1;
    CHECK_INT("damaged", record_peek(buf_str(&buf), &kind, id, &len), RECORD_READ_TORN);
}

static void a_text_cannot_pass_for_a_record(void **state)
{
    (void)state;
    struct job_record inner, outer;
    record_small(&inner);
    record_small(&outer);
    AUTO_BUF struct buf frame, buf;
    buf_init(&frame, RECORD_MAX_BYTES);
    buf_init(&buf, RECORD_MAX_BYTES);
    record_encode(&frame, RECORD_CLOSE, &inner);
    /* A caller puts a whole record into the model name: a C string ends at the magic's zero byte. */
    str_copy(buf_str(&frame), outer.requested_model, sizeof outer.requested_model);
    record_encode(&buf, RECORD_CLOSE, &outer);
    size_t at = 0;
    CHECK("no second magic", !record_seek(str_from(buf_str(&buf), 1), &at));
    CHECK("the first is found", record_seek(buf_str(&buf), &at) && at == 0);
}

static void the_checksum_is_castagnolis(void **state)
{
    (void)state;
    static const char zeroes[32];
    CHECK_INT("RFC 3720 B.4, 32 zeroes", crc32c(0, zeroes, 32), 0x8a9136aa);
    CHECK_INT("check value", crc32c(0, "123456789", 9), 0xe3069283);
    CHECK_INT("in two parts", crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void cursors_are_ours_or_refused(void **state)
{
    (void)state;
    struct vault *vault = NULL, *other = NULL;
    struct error error = {0};
    struct cursor cursor = {CURSOR_JOBS, 77, INT64_C(1877000000000) << 20}, got = {0};
    char text[CURSOR_MAX];
    CHECK_INT("vault", vault_new(STR("a secret of the cursor test, long enough"), &vault, &error),
              OK);
    CHECK_INT("vault", vault_new(STR("another one of the cursor test, as long"), &other, &error),
              OK);
    cursor_write(vault, &cursor, text);
    CHECK("reads", cursor_read(vault, str_of(text), CURSOR_JOBS, &got));
    CHECK("same", got.kind == cursor.kind && got.chunk == cursor.chunk && got.at == cursor.at);
    CHECK("of another list", !cursor_read(vault, str_of(text), CURSOR_EVENTS, &got));
    CHECK("under another secret", !cursor_read(other, str_of(text), CURSOR_JOBS, &got));
    for (size_t i = 0; text[i]; i++) {
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        CHECK("changed", !cursor_read(vault, str_of(text), CURSOR_JOBS, &got));
        text[i] = kept;
        CHECK("cut", !cursor_read(vault, (struct str){text, i}, CURSOR_JOBS, &got));
    }
    vault_free(vault);
    vault_free(other);
}

/* Its signature is right, so it says what we say; but its version is of another time. */
static void a_token_is_looked_at_letter_by_letter(void **state)
{
    (void)state;
    struct vault *vault = NULL;
    struct error error = {0};
    struct cursor got = {0};
    char text[CURSOR_MAX];
    CHECK_INT("vault", vault_new(STR("a secret of the cursors, 0123456789"), &vault, &error), OK);
    cursor_write(vault, &(struct cursor){.kind = CURSOR_JOBS, .chunk = 1, .at = 2}, text);
    struct str whole = str_of(text);
    static const char strange[] = {'\0', '!', '=', '+', '/', '\x80'};
    for (size_t i = 0; i < whole.len; i++)
        for (size_t k = 0; k < sizeof strange; k++) {
            char kept = text[i];
            text[i] = strange[k];
            CHECK("no letter of ours", !cursor_read(vault, whole, CURSOR_JOBS, &got));
            text[i] = kept;
        }
    CHECK("untouched", cursor_read(vault, whole, CURSOR_JOBS, &got) && got.at == 2);
    vault_free(vault);
}

/* As rows of a database that somebody else has written to would have it. */
static void a_field_takes_only_what_it_can_hold(void **state)
{
    (void)state;
    struct job_record record = {0};
    static char long_text[2000];
    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i < JOB_FIELD_COUNT; i++) {
        const struct field *field = &job_fields[i];
        const int64_t high = INT64_C(1) << 40;
        bool is_text = field_is_text(field);
        bool is_wide = field->type == FIELD_INT64 || field->type == FIELD_MAYBE;
        bool is_int32 = field->type == FIELD_INT32;
        CHECK_INT(field->column, field_set_int(field, &record, high), is_wide);
        CHECK_INT(field->column, field_set_int(field, &record, -high), is_wide);
        CHECK_INT(field->column, field_set_int(field, &record, 100), is_wide || is_int32);
        CHECK_INT(field->column, field_set_int(field, &record, 1), !is_text);
        CHECK_INT(field->column, field_set_int(field, &record, 0), !is_text);
        CHECK_INT(field->column, field_set_text(field, &record, STR("plain")), is_text);
        CHECK_INT(field->column, field_set_text(field, &record, STR("")), is_text);
        CHECK("a NUL", !field_set_text(field, &record, STR("a\0b")));
        CHECK("too long",
              !field_set_text(field, &record, (struct str){long_text, sizeof long_text}));
    }
}

static void attempts_that_are_damaged_are_refused(void **state)
{
    (void)state;
    struct job_record job, got = {0};
    uint8_t room[RECORD_MAX_BYTES];
    fixture_job(&job, FIXTURE_TIME, 1);
    fixture_job_close(&job);
    size_t len = attempts_encode(&job, room);
    struct str whole = {(const char *)room, len};
    CHECK("whole", attempts_decode(whole, &got) && got.attempt_count == 1);
    for (size_t cut = 0; cut < len; cut++)
        CHECK("cut", !attempts_decode(str_upto(whole, cut), &got));
    room[len] = 0;
    CHECK("longer", !attempts_decode((struct str){(const char *)room, len + 1}, &got));
}

static void a_number_has_an_end(void **state)
{
    (void)state;
    struct job_record job = {.status = JOB_OPEN}, got = {0};
    uint8_t room[RECORD_MAX_BYTES + 16];
    fixture_job(&job, FIXTURE_TIME, 1);
    job.attempt[0].started_at_ms = INT64_MAX; /* takes all bits of the longest number */
    size_t len = attempts_encode(&job, room);
    CHECK("the largest", attempts_decode((struct str){(const char *)room, len}, &got) &&
                             got.attempt[0].started_at_ms == INT64_MAX);
    for (size_t i = 0; i + 9 < len; i++) { /* ten bytes that each promise another */
        uint8_t kept[10];
        memcpy(kept, room + i, sizeof kept);
        memset(room + i, 0xff, sizeof kept);
        struct job_record read = {0};
        uint8_t again[RECORD_MAX_BYTES];
        if (attempts_decode((struct str){(const char *)room, len},
                            &read)) /* they fell into a text */
            CHECK("one spelling",
                  attempts_encode(&read, again) == len && memcmp(again, room, len) == 0);
        memcpy(room + i, kept, sizeof kept);
    }
}

static void a_record_needs_room(void **state)
{
    (void)state;
    struct job_record job;
    struct buf small;
    fixture_job(&job, FIXTURE_TIME, 1);
    buf_init(&small, 10);
    record_encode(&small, RECORD_OPEN, &job);
    CHECK("it failed as a whole", small.failed && small.len == 0);
    buf_release(&small);
}

static void statuses_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        enum job_status status = JOB_OPEN;
        CHECK("parses", job_status_parse(str_of(job_status_name((enum job_status)i)), &status) &&
                            (int)status == i);
    }
    enum job_status status;
    CHECK("no other", !job_status_parse(STR("finished"), &status));
}

TEST_MAIN(TEST(records_are_read_back_as_written), TEST(cut_and_flipped_records_are_torn),
          TEST(what_is_unknown_or_empty_takes_no_room),
          TEST(a_record_of_an_older_version_leaves_the_newer_fields_unknown),
          TEST(a_record_has_one_spelling), TEST(a_peek_tells_kind_id_and_length),
          TEST(a_text_cannot_pass_for_a_record), TEST(the_checksum_is_castagnolis),
          TEST(cursors_are_ours_or_refused), TEST(a_token_is_looked_at_letter_by_letter),
          TEST(a_field_takes_only_what_it_can_hold), TEST(attempts_that_are_damaged_are_refused),
          TEST(a_number_has_an_end), TEST(a_record_needs_room), TEST(statuses_have_names))
