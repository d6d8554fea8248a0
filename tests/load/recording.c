#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "mcs.h"
#include "rdp_pdu.h"
#include "tpkt.h"

enum {
    OF_GUEST = 0x80,
    SHARE_STREAM_AT = 11, /* behind the Share Control header, shareId and a pad */
    SHARE_TYPE_AT = 14,
    SHARE_MIN_LEN = 18,
    SHARE_CONTROL_DATA = 0x10 | RDP_PDU_DATA,
};

/* ---- files ---- */

int recording_parse_header(const char *text, size_t len, struct recording *ret, size_t *ret_len)
{
    static const char channels[] = "channels";
    struct recording r = {0};
    size_t magic_len = strlen(RECORDING_MAGIC);
    const char *end = NULL;
    if (strncmp(text, RECORDING_MAGIC, len < magic_len ? len : magic_len) != 0)
        return CE_BAD_INPUT;
    for (size_t i = 0; !end && i + 1 < len && i < RECORDING_HEADER_MAX_LEN; i++)
        end = text[i] == '\n' && text[i + 1] == '\n' ? text + i : NULL;
    if (!end)
        return len < RECORDING_HEADER_MAX_LEN ? CE_NEED_MORE : CE_BAD_INPUT;
    const char *at = text + magic_len;
    if ((size_t)(end - text) < magic_len + sizeof channels - 1 ||
        strncmp(at, channels, sizeof channels - 1) != 0)
        return CE_BAD_INPUT;
    for (at += sizeof channels - 1; at < end; r.channel_count++) {
        size_t name_len = 0;
        if (*at++ != ' ' || r.channel_count == GCC_CHANNELS_MAX)
            return CE_BAD_INPUT;
        while (at + name_len < end && at[name_len] > ' ' && at[name_len] < 0x7f)
            name_len++;
        if (!name_len || name_len > GCC_CHANNEL_NAME_MAX)
            return CE_BAD_INPUT;
        memcpy(r.channels[r.channel_count], at, name_len);
        at += name_len;
    }
    *ret = r;
    *ret_len = (size_t)(end + 2 - text);
    return 0;
}

void recording_write_header(struct writer *w, const struct recording *recording)
{
    writer_bytes(w, RECORDING_MAGIC, strlen(RECORDING_MAGIC));
    writer_bytes(w, "channels", 8);
    for (uint32_t i = 0; i < recording->channel_count; i++) {
        writer_u8(w, ' ');
        writer_bytes(w, recording->channels[i], strlen(recording->channels[i]));
    }
    writer_bytes(w, "\n\n", 2);
}

static bool event_read(struct cursor *c, struct recording_event *e, uint64_t *at_us, bool *ret_of_guest)
{
    struct pdu_frame frame;
    *at_us += cursor_u32_le(c);
    unsigned kind = cursor_u8(c);
    *e = (struct recording_event){
        .at_us = *at_us, .kind = (uint8_t)(kind & ~(unsigned)OF_GUEST), .channel = cursor_u8(c)};
    e->len = cursor_u16_le(c);
    e->bytes = cursor_take(c, e->len);
    *ret_of_guest = kind & OF_GUEST;
    if (!cursor_ok(c) || !e->len || e->len > RECORDING_BYTES_MAX || e->kind >= RECORDING_KIND_COUNT ||
        (e->kind != RECORDING_CHANNEL && e->channel))
        return false;
    return e->kind != RECORDING_FAST_PATH ||
           (!pdu_frame(e->bytes, e->len, &frame) && frame.kind == PDU_FAST_PATH && frame.len == e->len);
}

int recording_parse(uint8_t *bytes, size_t len, struct recording *ret)
{
    uint64_t at_us = 0;
    uint32_t counts[2] = {0};
    struct recording_event event;
    bool of_guest;
    ret->bytes = bytes;
    for (struct cursor c = cursor_init(bytes, len); cursor_left(&c); counts[of_guest]++) {
        if (!event_read(&c, &event, &at_us, &of_guest) ||
            (event.kind == RECORDING_CHANNEL && event.channel >= ret->channel_count))
            return CE_BAD_INPUT;
        if (counts[0] + counts[1] == RECORDING_EVENTS_MAX)
            return CE_LIMIT;
    }
    for (unsigned side = 0; side < 2; side++) {
        ret->sides[side].events = calloc(counts[side] + 1, sizeof *ret->sides[side].events);
        if (!ret->sides[side].events)
            return CE_NOMEM;
    }
    at_us = 0;
    for (struct cursor c = cursor_init(bytes, len); cursor_left(&c);) {
        (void)event_read(&c, &event, &at_us, &of_guest);
        struct recording_side *side = &ret->sides[of_guest];
        side->events[side->count++] = event;
        side->bytes += event.len;
    }
    ret->length_us = at_us + 1;
    return counts[0] + counts[1] ? 0 : CE_BAD_INPUT;
}

void recording_finish(struct recording *recording)
{
    free(recording->bytes);
    free(recording->sides[0].events);
    free(recording->sides[1].events);
    *recording = (struct recording){0};
}

void recording_write_event(struct writer *w, const struct recording_event *event, bool of_guest,
                           uint64_t since_last_us)
{
    writer_u32_le(w, since_last_us > UINT32_MAX ? UINT32_MAX : (uint32_t)since_last_us);
    writer_u8(w, (uint8_t)(event->kind | (of_guest ? OF_GUEST : 0)));
    writer_u8(w, event->channel);
    writer_u16_le(w, event->len);
    writer_bytes(w, event->bytes, event->len);
}

/* ---- PDUs ---- */

/* Those that mean nothing but what they show or ask for: no states, no identifiers, no secrets. */
static bool is_played(uint8_t type)
{
    static const uint8_t played[] = {
        RDP_DATA_UPDATE,       RDP_DATA_POINTER,        RDP_DATA_INPUT,
        RDP_DATA_REFRESH_RECT, RDP_DATA_PLAY_SOUND,     RDP_DATA_SUPPRESS_OUTPUT,
        RDP_DATA_STATUS_INFO,  RDP_DATA_MONITOR_LAYOUT, RDP_DATA_SET_KEYBOARD_INDICATORS,
    };
    return memchr(played, type, sizeof played) != NULL;
}

static int share_strip(const struct mcs_pdu *mcs, struct recording_event *ret)
{
    struct cursor c = cursor_init(mcs->data, mcs->data_len);
    uint16_t total = cursor_u16_le(&c), type = cursor_u16_le(&c);
    /* A PDU with another one behind it in the same Send Data is not made by any guest that was met. */
    if (total != mcs->data_len || total < SHARE_MIN_LEN || (type & 0xf) != RDP_PDU_DATA ||
        !is_played(mcs->data[SHARE_TYPE_AT]))
        return CE_NOT_FOUND;
    ret->kind = RECORDING_SHARE;
    ret->bytes = mcs->data + SHARE_STREAM_AT;
    ret->len = (uint16_t)(mcs->data_len - SHARE_STREAM_AT);
    return 0;
}

int recording_strip(const uint8_t *pdu, size_t len, const struct recording_ids *ids,
                    struct recording_event *ret)
{
    struct mcs_pdu mcs;
    *ret = (struct recording_event){0};
    if (len && pdu[0] != TPKT_VERSION) {
        if (len > RECORDING_BYTES_MAX)
            return CE_NOT_FOUND;
        *ret = (struct recording_event){.kind = RECORDING_FAST_PATH, .bytes = pdu, .len = (uint16_t)len};
        return 0;
    }
    if (mcs_parse(pdu, len, &mcs))
        return CE_BAD_INPUT;
    if ((mcs.choice != MCS_SEND_DATA_INDICATION && mcs.choice != MCS_SEND_DATA_REQUEST) || !mcs.data_len ||
        mcs.data_len > RECORDING_BYTES_MAX)
        return CE_NOT_FOUND;
    if (mcs.channel_id == ids->io_channel)
        return share_strip(&mcs, ret);
    for (uint32_t i = 0; i < ids->channel_count; i++) {
        if (ids->channels[i] != mcs.channel_id)
            continue;
        *ret = (struct recording_event){.kind = RECORDING_CHANNEL,
                                        .channel = (uint8_t)i,
                                        .bytes = mcs.data,
                                        .len = (uint16_t)mcs.data_len};
        return 0;
    }
    return CE_NOT_FOUND;
}

void recording_write_pdu(struct writer *w, const struct recording_event *event,
                         const struct recording_ids *ids, bool of_guest)
{
    if (event->kind == RECORDING_FAST_PATH) {
        writer_bytes(w, event->bytes, event->len);
        return;
    }
    bool of_channel = event->kind == RECORDING_CHANNEL;
    if (of_channel && event->channel >= ids->channel_count) {
        w->overrun = true;
        return;
    }
    size_t start = mcs_data_begin(w, of_guest ? MCS_SEND_DATA_INDICATION : MCS_SEND_DATA_REQUEST,
                                  ids->user_id, of_channel ? ids->channels[event->channel] : ids->io_channel);
    if (!of_channel) {
        writer_u16_le(w, (uint16_t)(SHARE_STREAM_AT + event->len));
        writer_u16_le(w, SHARE_CONTROL_DATA);
        writer_u16_le(w, ids->user_id);
        writer_u32_le(w, ids->share_id);
        writer_u8(w, 0);
    }
    writer_bytes(w, event->bytes, event->len);
    mcs_data_end(w, start);
}
