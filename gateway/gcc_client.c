#include "gcc_client.h"

#include <stdio.h>
#include <string.h>

#include "cursor.h"
#include "utf16.h"

enum {
    /* CS_CORE, offsets from the start of the block. Everything behind imeFileName is optional, field by
       field. */
    CORE_CLIENT_NAME_BYTES = 32,
    CORE_WIDTH_AT = 8,
    CORE_HEIGHT_AT = 10,
    CORE_MIN_LEN = 132,
    CORE_SELECTED_PROTOCOL_AT = 212,
    CORE_SELECTED_PROTOCOL_END = 216,

    NET_CHANNELS_AT = 8,
    NET_CHANNEL_LEN = 12,
    NET_NAME_LEN = 8,

    CLUSTER_FLAGS_AT = 4,
    CLUSTER_SESSION_AT = 8,
    CLUSTER_LEN = 12,
    CLUSTER_REDIRECTED_SESSIONID_FIELD_VALID = 0x2,
    CLUSTER_REDIRECTED_SMARTCARD = 0x40,

    MONITOR_LEN = 20,
    MONITOR_PRIMARY = 0x1,
};

/* Where block B's body is in its bytes. */
static struct cursor body_of(const struct gcc_block *b)
{
    struct cursor c = cursor_init(b->bytes, b->len);
    cursor_skip(&c, GCC_BLOCK_HEADER_LEN);
    return c;
}

/* A name for logs and lists: what is no UTF-16 becomes an empty one rather than a refusal. */
static void read_client_name(struct cursor *c, char *name)
{
    const uint8_t *p = cursor_take(c, CORE_CLIENT_NAME_BYTES);
    size_t len = 0;
    name[0] = 0;
    if (!p)
        return;
    while (len < CORE_CLIENT_NAME_BYTES - 2 && (p[len] || p[len + 1]))
        len += 2;
    size_t written;
    if (utf16_to_utf8(p, len, name, GCC_CLIENT_NAME_MAX, &written) != 0)
        name[0] = 0;
}

/* 2.2.1.3.2 Client Core Data. Reads past the end of a short block yield zeroes, which is what absent means.
 */
static int parse_core(const struct gcc_block *b, struct gcc_client *r)
{
    if (b->len < CORE_MIN_LEN)
        return CE_BAD_INPUT;
    struct cursor c = body_of(b);
    r->version = cursor_u32_le(&c);
    r->desktop_width = cursor_u16_le(&c);
    r->desktop_height = cursor_u16_le(&c);
    cursor_skip(&c, 4); /* colorDepth, SASSequence */
    r->keyboard_layout = cursor_u32_le(&c);
    r->client_build = cursor_u32_le(&c);
    read_client_name(&c, r->client_name);
    r->keyboard_type = cursor_u32_le(&c);
    cursor_skip(&c, 4 + 4 + 64); /* keyboardSubType, keyboardFunctionKey, imeFileName */
    cursor_skip(&c, 2 + 2 + 4);  /* postBeta2ColorDepth, clientProductId, serialNumber */
    r->high_color_depth = cursor_u16_le(&c);
    r->supported_color_depths = cursor_u16_le(&c);
    r->early_flags = cursor_u16_le(&c);
    cursor_skip(&c, 64); /* clientDigProductId */
    r->connection_type = cursor_u8(&c);
    cursor_skip(&c, 1);
    r->selected_protocol = cursor_u32_le(&c);
    r->has_selected_protocol = cursor_ok(&c);
    cursor_skip(&c, 4 + 4 + 2); /* desktopPhysicalWidth, desktopPhysicalHeight, desktopOrientation */
    r->desktop_scale = cursor_u32_le(&c);
    return 0;
}

/* 2.2.1.3.4 Client Network Data */
static int parse_net(const struct gcc_block *b, struct gcc_client *r)
{
    struct cursor c = body_of(b);
    uint32_t count = cursor_u32_le(&c);
    if (count > GCC_CHANNELS_MAX)
        return CE_BAD_INPUT;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *name = cursor_take(&c, NET_NAME_LEN);
        struct gcc_channel *channel = &r->channels[i];
        for (int k = 0; name && k < GCC_CHANNEL_NAME_MAX && name[k]; k++)
            channel->name[k] = name[k] > 0x20 && name[k] < 0x7f ? (char)name[k] : '?';
        channel->options = cursor_u32_le(&c);
    }
    r->channel_count = count;
    return cursor_ok(&c) ? 0 : CE_BAD_INPUT;
}

/* 2.2.1.3.5 Client Cluster Data */
static int parse_cluster(const struct gcc_block *b, struct gcc_client *r)
{
    struct cursor c = body_of(b);
    r->has_cluster = true;
    r->cluster_flags = cursor_u32_le(&c);
    r->redirected_session_id = cursor_u32_le(&c);
    return cursor_ok(&c) ? 0 : CE_BAD_INPUT;
}

/* 2.2.1.3.6 Client Monitor Data */
static int parse_monitors(const struct gcc_block *b, struct gcc_client *r)
{
    struct cursor c = body_of(b);
    cursor_skip(&c, 4);
    uint32_t count = cursor_u32_le(&c);
    if (count > GCC_MONITORS_MAX)
        return CE_BAD_INPUT;
    for (uint32_t i = 0; i < count; i++) {
        r->monitors[i].left = (int32_t)cursor_u32_le(&c);
        r->monitors[i].top = (int32_t)cursor_u32_le(&c);
        r->monitors[i].right = (int32_t)cursor_u32_le(&c);
        r->monitors[i].bottom = (int32_t)cursor_u32_le(&c);
        r->monitors[i].flags = cursor_u32_le(&c);
    }
    r->monitor_count = count;
    return cursor_ok(&c) ? 0 : CE_BAD_INPUT;
}

static int parse_small_block(const struct gcc_block *b, struct gcc_client *r)
{
    struct cursor c = body_of(b);
    uint32_t value = cursor_u32_le(&c);
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    if (b->type == GCC_CS_SECURITY)
        r->encryption_methods = value;
    else if (b->type == GCC_CS_MCS_MSGCHANNEL)
        r->has_message_channel = true;
    else if (b->type == GCC_CS_MONITOR_EX)
        r->has_monitor_ex = true;
    else if (b->type == GCC_CS_MULTITRANSPORT) {
        r->has_multitransport = true;
        r->multitransport_flags = value;
    }
    return 0;
}

static int parse_block(const struct gcc_block *b, struct gcc_client *r)
{
    switch (b->type) {
    case GCC_CS_CORE:
        return parse_core(b, r);
    case GCC_CS_NET:
        return parse_net(b, r);
    case GCC_CS_CLUSTER:
        return parse_cluster(b, r);
    case GCC_CS_MONITOR:
        return parse_monitors(b, r);
    case GCC_CS_SECURITY:
    case GCC_CS_MCS_MSGCHANNEL:
    case GCC_CS_MONITOR_EX:
    case GCC_CS_MULTITRANSPORT:
        return parse_small_block(b, r);
    default:
        return 0; /* from a newer protocol: the guest gets it as it is */
    }
}

int gcc_client_parse(struct cursor blocks, struct gcc_client *ret_client)
{
    struct gcc_client r = {0};
    const uint8_t *start = blocks.at;
    struct gcc_block b;
    bool has_core = false;
    int rc;

    while ((rc = gcc_next_block(&blocks, &b)) == 0) {
        if (r.block_count == GCC_BLOCKS_MAX)
            return CE_BAD_INPUT;
        for (uint32_t i = 0; i < r.block_count; i++) {
            if (r.blocks[i].type == b.type)
                return CE_BAD_INPUT;
        }
        if (parse_block(&b, &r) != 0)
            return CE_BAD_INPUT;
        has_core = has_core || b.type == GCC_CS_CORE;
        r.blocks[r.block_count].type = b.type;
        r.blocks[r.block_count].len = b.len;
        r.blocks[r.block_count].offset = (uint32_t)(b.bytes - start);
        r.block_count++;
    }
    if (rc != CE_NOT_FOUND || !has_core)
        return CE_BAD_INPUT;
    *ret_client = r;
    return 0;
}

/* P is a copy of a CS_NET block that has parsed. */
static void rewrite_net(uint8_t *p, uint32_t channel_count, const struct gcc_guest_rules *rules)
{
    for (uint32_t i = 0; i < channel_count; i++) {
        uint8_t *channel = p + NET_CHANNELS_AT + (size_t)i * NET_CHANNEL_LEN;
        if (rules->denied_channels & 1U << i) {
            char name[NET_NAME_LEN + 1];
            (void)snprintf(name, sizeof name, "xdeny%02u", i % 100);
            memset(channel, 0, NET_NAME_LEN);
            memcpy(channel, name, strlen(name));
        }
        if (rules->clear_channel_compression) {
            struct cursor c = cursor_init(channel + NET_NAME_LEN, 4);
            uint32_t options = cursor_u32_le(&c);
            put_u32_le(channel + NET_NAME_LEN,
                       options & ~((uint32_t)GCC_CHANNEL_COMPRESS | (uint32_t)GCC_CHANNEL_COMPRESS_RDP));
        }
    }
}

/* P is a copy of a CS_CORE block that has parsed. */
static void rewrite_core(uint8_t *p, size_t len, const struct gcc_client *client,
                         const struct gcc_guest_rules *rules)
{
    if (len >= CORE_SELECTED_PROTOCOL_END)
        put_u32_le(p + CORE_SELECTED_PROTOCOL_AT, rules->selected_protocol);
    for (uint32_t i = 0; rules->one_monitor && i < client->monitor_count; i++) {
        const struct gcc_monitor *m = &client->monitors[i];
        int64_t width = (int64_t)m->right - m->left + 1, height = (int64_t)m->bottom - m->top + 1;
        if (!(m->flags & MONITOR_PRIMARY) || width < 1 || width > UINT16_MAX || height < 1 ||
            height > UINT16_MAX)
            continue;
        put_u16_le(p + CORE_WIDTH_AT, (uint16_t)width);
        put_u16_le(p + CORE_HEIGHT_AT, (uint16_t)height);
    }
}

/* P is a copy of a CS_CLUSTER block that has parsed. */
static void rewrite_cluster(uint8_t *p, uint32_t flags, const struct gcc_guest_rules *rules)
{
    flags &= ~(uint32_t)CLUSTER_REDIRECTED_SESSIONID_FIELD_VALID;
    if (rules->no_smartcards)
        flags &= ~(uint32_t)CLUSTER_REDIRECTED_SMARTCARD;
    put_u32_le(p + CLUSTER_FLAGS_AT, flags);
    put_u32_le(p + CLUSTER_SESSION_AT, 0);
}

static bool is_dropped(uint16_t type, const struct gcc_guest_rules *rules)
{
    return type == GCC_CS_MULTITRANSPORT ||
           (rules->one_monitor && (type == GCC_CS_MONITOR || type == GCC_CS_MONITOR_EX));
}

int gcc_rewrite_for_guest(struct cursor blocks, const struct gcc_guest_rules *rules, struct writer *w)
{
    struct gcc_client client;
    if (gcc_client_parse(blocks, &client) != 0)
        return CE_BAD_INPUT;

    struct gcc_block b;
    while (gcc_next_block(&blocks, &b) == 0) {
        if (is_dropped(b.type, rules))
            continue;
        uint8_t *p = writer_take(w, b.len);
        if (!p)
            return CE_LIMIT;
        memcpy(p, b.bytes, b.len);
        if (b.type == GCC_CS_CORE)
            rewrite_core(p, b.len, &client, rules);
        if (b.type == GCC_CS_NET)
            rewrite_net(p, client.channel_count, rules);
        if (b.type == GCC_CS_CLUSTER && b.len >= CLUSTER_LEN)
            rewrite_cluster(p, client.cluster_flags, rules);
    }
    return 0;
}
