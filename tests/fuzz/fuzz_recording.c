#include "fuzz.h"

#include <string.h>

#include "recording.h"

static const struct recording_ids ids = {
    .user_id = 1007, .io_channel = 1003, .share_id = 0x103ea, .channel_count = 2, .channels = {1004, 1005}};

/* What can be played goes through another connection as it is. */
static void replayed(const struct recording_event *event, bool of_guest)
{
    static uint8_t pdu[RECORDING_BYTES_MAX + 64];
    struct recording_event again;
    struct writer w = writer_init(pdu, sizeof pdu);
    recording_write_pdu(&w, event, &ids, of_guest);
    MUST(writer_ok(&w));
    if (event->kind == RECORDING_SHARE)
        return; /* whether its type is one that is played is not asked of files */
    MUST(recording_strip(pdu, writer_len(&w), &ids, &again) == 0);
    MUST(again.kind == event->kind && again.channel == event->channel && again.len == event->len);
    MUST(memcmp(again.bytes, event->bytes, event->len) == 0);
}

/* The first byte says what the others are: a file's header, its events, or a PDU. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct recording r = {.channel_count = 2};
    struct recording_event event;
    size_t len;
    if (!size)
        return 0;
    uint8_t *bytes = malloc(size);
    MUST(bytes);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] % 3 == 0) {
        if (recording_parse_header((const char *)bytes, size - 1, &r, &len) == 0)
            MUST(len <= size - 1 && r.channel_count <= GCC_CHANNELS_MAX);
    } else if (data[0] % 3 == 1) {
        if (recording_strip(bytes, size - 1, &ids, &event) == 0)
            MUST(event.bytes >= bytes && event.bytes + event.len <= bytes + size - 1);
    } else {
        if (recording_parse(bytes, size - 1, &r) == 0) {
            for (unsigned side = 0; side < 2; side++) {
                for (uint32_t i = 0; i < r.sides[side].count; i++)
                    replayed(&r.sides[side].events[i], side);
            }
        }
        recording_finish(&r);
        return 0;
    }
    free(bytes);
    return 0;
}
