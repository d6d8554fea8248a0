#include "policy_filter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dvc.h"
#include "policy_rules.h"
#include "share_caps.h"

int policy_filter_create(struct policy_filter **ret, const struct policy *policy)
{
    *ret = NULL;
    if (!policy_denies_anything(policy))
        return 0;
    struct policy_filter *filter = calloc(1, sizeof *filter);
    if (!filter)
        return CE_NOMEM;
    filter->policy = *policy;
    *ret = filter;
    return 0;
}

void policy_filter_destroy(struct policy_filter **filter)
{
    if (!*filter)
        return;
    for (int kind = 0; kind < FILTER_KIND_COUNT; kind++) {
        for (int direction = 0; direction < 2; direction++)
            free((*filter)->channels[kind].streams[direction].held);
    }
    free((*filter)->out);
    free(*filter);
    *filter = NULL;
}

/* ---- the connection sequence ---- */

void policy_filter_gcc(struct policy_filter *filter, const struct gcc_client *client,
                       struct gcc_guest_rules *rules)
{
    for (uint32_t i = 0; i < client->channel_count; i++) {
        uint32_t denied = policy_static_denial(&filter->policy, client->channels[i].name);
        if (denied)
            rules->denied_channels |= 1U << i;
        filter->denied |= denied;
    }
    rules->clear_channel_compression = true;
    rules->one_monitor = !policy_number(&filter->policy, POLICY_MULTI_MONITOR);
    if (rules->one_monitor && client->monitor_count > 1)
        filter->denied |= DENIED_MULTI_MONITOR;
    rules->no_smartcards = !policy_number(&filter->policy, POLICY_SMARTCARDS);
}

/* What has to be looked for on the static channel NAME. */
static enum filter_kind kind_of(const struct policy *policy, const char *name)
{
    const uint32_t both = POLICY_TO_GUEST | POLICY_FROM_GUEST;
    if (policy_static_denial(policy, name))
        return FILTER_NONE;
    if (!strcasecmp(name, "drdynvc"))
        return FILTER_DYNAMIC;
    if (!strcasecmp(name, "cliprdr") && policy_file_ways(policy) != both)
        return FILTER_CLIPBOARD;
    return !strcasecmp(name, "rdpdr") && policy_devices_denied(policy) ? FILTER_DEVICES : FILTER_NONE;
}

uint32_t policy_filter_begin(struct policy_filter *filter, const struct gcc_client *client,
                             const struct id_map *map, const uint16_t *client_channels,
                             const uint16_t *guest_channels, size_t channel_count)
{
    uint32_t watched = 1; /* the IO channel */
    filter->guest_user = map->guest_user;
    filter->client_user = map->client_user;
    for (size_t i = 0; i < channel_count && i < client->channel_count; i++) {
        enum filter_kind kind = kind_of(&filter->policy, client->channels[i].name);
        if (kind == FILTER_NONE || !guest_channels[i] || filter->channels[kind].client)
            continue;
        filter->channels[kind].client = client_channels[i];
        filter->channels[kind].guest = guest_channels[i];
        if (client->channels[i].options & GCC_CHANNEL_SHOW_PROTOCOL)
            filter->channels[kind].flags = VCHANNEL_SHOW_PROTOCOL;
        watched |= 1U << (client_channels[i] - RDP_IO_CHANNEL);
    }
    return watched;
}

/* ---- what the filter says itself ---- */

static size_t message_write(const struct policy_filter *filter, enum filter_kind kind,
                            enum rdp_direction direction, const uint8_t *message, size_t len, uint8_t *to,
                            size_t room)
{
    const struct filter_channel *channel = &filter->channels[kind];
    struct writer w = writer_init(to, room);
    if (direction == RDP_TO_GUEST)
        vchannel_write(&w, MCS_SEND_DATA_REQUEST, filter->guest_user, channel->guest, channel->flags, message,
                       len);
    else
        vchannel_write(&w, MCS_SEND_DATA_INDICATION, RDP_SERVER_USER_ID, channel->client, channel->flags,
                       message, len);
    return writer_ok(&w) ? writer_len(&w) : 0;
}

void policy_filter_out(struct policy_filter *filter, enum filter_kind kind, enum rdp_direction direction,
                       const uint8_t *message, size_t len)
{
    policy_filter_out_taken(filter);
    filter->out = malloc(FILTER_OUT_MAX);
    if (filter->out)
        filter->out_len = message_write(filter, kind, direction, message, len, filter->out, FILTER_OUT_MAX);
}

void policy_filter_out_taken(struct policy_filter *filter)
{
    free(filter->out);
    filter->out = NULL;
    filter->out_len = 0;
}

void policy_filter_answer(struct policy_filter *filter, enum filter_kind kind, enum rdp_direction direction,
                          const uint8_t *message, size_t len)
{
    size_t used = filter->answers[direction].len;
    uint8_t *to = filter->answers[direction].bytes + used;
    filter->answers[direction].len +=
        message_write(filter, kind, direction, message, len, to, FILTER_ANSWERS_MAX - used);
}

/* ---- messages ---- */

static int hold(struct filter_stream *stream, const uint8_t *data, size_t len)
{
    if (!stream->held && !(stream->held = malloc(FILTER_HELD_MAX)))
        return CE_NOMEM;
    if (len > FILTER_HELD_MAX - stream->held_len)
        return CE_LIMIT;
    memcpy(stream->held + stream->held_len, data, len);
    stream->held_len += len;
    return 0;
}

static void let_go(struct filter_stream *stream)
{
    free(stream->held);
    stream->held = NULL;
    stream->held_len = 0;
    stream->mode = FILTER_IDLE;
}

/* Servers open dynamic channels; their requests fit one chunk (MS-RDPEDYC 2.2.2.1), and one that does not could
 * hide its name. */
static enum filter_mode dynamic_first(struct policy_filter *filter, const struct filter_chunk *chunk)
{
    struct dvc_create create;
    if (chunk->direction == RDP_TO_GUEST)
        return FILTER_PASSING;
    int rc = dvc_parse_create(chunk->data, chunk->len, &create);
    if (rc == CE_NOT_FOUND)
        return FILTER_PASSING;
    if (rc || !chunk->is_last)
        return FILTER_DROPPING;
    uint32_t denied =
        policy_dynamic_denial(&filter->policy, (const char *)chunk->data + create.name_at, create.name_len);
    if (denied)
        memset(chunk->data + create.name_at, 'x', create.name_len);
    filter->denied |= denied;
    return FILTER_PASSING;
}

static enum filter_mode first_chunk(struct policy_filter *filter, enum filter_kind kind,
                                    const struct filter_chunk *chunk)
{
    switch (kind) {
    case FILTER_DYNAMIC:
        return dynamic_first(filter, chunk);
    case FILTER_CLIPBOARD:
        return policy_clipboard_first(filter, chunk);
    case FILTER_DEVICES:
        return policy_devices_first(filter, chunk);
    case FILTER_NONE:
    case FILTER_KIND_COUNT:
        break;
    }
    return FILTER_PASSING;
}

/* The last chunk of a held message is there. */
static enum filter_verdict held_end(struct policy_filter *filter, enum filter_kind kind,
                                    enum rdp_direction direction, struct filter_stream *stream)
{
    bool keep = kind == FILTER_CLIPBOARD
                    ? policy_clipboard_held(filter, direction, stream->held, &stream->held_len)
                    : policy_devices_held(filter, stream->held, &stream->held_len);
    if (keep)
        policy_filter_out(filter, kind, direction, stream->held, stream->held_len);
    return keep && filter->out_len ? FILTER_REPLACE : FILTER_DROP;
}

static int channel_chunk(struct policy_filter *filter, enum filter_kind kind,
                         const struct filter_chunk *chunk, bool is_first, enum filter_verdict *ret_verdict)
{
    struct filter_stream *stream = &filter->channels[kind].streams[chunk->direction];
    enum filter_verdict verdict = FILTER_DROP;
    int rc = 0;
    if (is_first) {
        let_go(stream);
        stream->mode = first_chunk(filter, kind, chunk);
        if (stream->mode == FILTER_IDLE) {
            verdict = filter->out_len ? FILTER_REPLACE : FILTER_DROP;
            stream->mode = FILTER_DROPPING;
        }
    }
    /* A chunk that continues nothing is dropped: IDLE. */
    if (stream->mode == FILTER_PASSING)
        verdict = FILTER_PASS;
    if (stream->mode == FILTER_HOLDING)
        rc = hold(stream, chunk->data, chunk->len);
    if (rc == CE_LIMIT) {
        stream->mode = FILTER_DROPPING;
        if (kind == FILTER_CLIPBOARD)
            policy_clipboard_too_long(filter, chunk->direction);
        rc = 0;
    }
    if (!rc && stream->mode == FILTER_HOLDING && chunk->is_last)
        verdict = held_end(filter, kind, chunk->direction, stream);
    if (chunk->is_last)
        let_go(stream);
    *ret_verdict = verdict;
    return rc;
}

int policy_filter_pdu(struct policy_filter *filter, enum rdp_direction direction, uint8_t *pdu,
                      const struct rdp_seen_pdu *seen, enum filter_verdict *ret_verdict)
{
    *ret_verdict = FILTER_PASS;
    uint8_t *payload = seen->payload ? pdu + (seen->payload - pdu) : NULL;
    if (seen->seen & (RDP_SEEN_DEMAND_ACTIVE | RDP_SEEN_CONFIRM_ACTIVE)) {
        share_caps_forbid_compression(payload, seen->payload_len);
        return 0;
    }
    if (!(seen->seen & RDP_SEEN_CHANNEL))
        return 0;
    for (int kind = FILTER_NONE + 1; kind < FILTER_KIND_COUNT; kind++) {
        struct vchannel_chunk c;
        if (filter->channels[kind].client != seen->channel_id)
            continue;
        if (vchannel_parse(payload, seen->payload_len, &c) || c.flags & VCHANNEL_COMPRESSED)
            return CE_BAD_INPUT;
        const struct filter_chunk chunk = {.direction = direction,
                                           .data = payload + VCHANNEL_HEADER_LEN,
                                           .len = c.data_len,
                                           .is_last = (c.flags & VCHANNEL_LAST) != 0};
        return channel_chunk(filter, (enum filter_kind)kind, &chunk, (c.flags & VCHANNEL_FIRST) != 0,
                             ret_verdict);
    }
    return 0;
}
