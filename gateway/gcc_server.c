#include "gcc_server.h"

#include "cursor.h"

enum {
    SC_CORE_LEN = 16,
    SC_SECURITY_LEN = 12,
    SC_NET_FIXED_LEN = 8,
    SC_MSGCHANNEL_LEN = 6,
};

static void write_header(struct writer *w, enum gcc_block_type type, size_t len)
{
    writer_u16_le(w, (uint16_t)type);
    writer_u16_le(w, (uint16_t)len);
}

void gcc_server_write(struct writer *w, const struct gcc_server *server)
{
    uint32_t count = server->channel_count;
    if (count > GCC_CHANNELS_MAX) {
        w->overrun = true;
        return;
    }
    write_header(w, GCC_SC_CORE, SC_CORE_LEN);
    writer_u32_le(w, server->version);
    writer_u32_le(w, server->requested_protocols);
    writer_u32_le(w, server->early_flags);

    /* Without encryption of RDP's own there is neither random nor certificate: 2.2.1.4.3. */
    write_header(w, GCC_SC_SECURITY, SC_SECURITY_LEN);
    writer_u32_le(w, server->encryption_method);
    writer_u32_le(w, server->encryption_level);

    /* An odd number of channels is padded to a multiple of four bytes: 2.2.1.4.4. */
    write_header(w, GCC_SC_NET, SC_NET_FIXED_LEN + 2 * (count + count % 2));
    writer_u16_le(w, server->io_channel);
    writer_u16_le(w, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++)
        writer_u16_le(w, server->channels[i]);
    if (count % 2)
        writer_u16_le(w, 0);

    if (server->message_channel) {
        write_header(w, GCC_SC_MCS_MSGCHANNEL, SC_MSGCHANNEL_LEN);
        writer_u16_le(w, server->message_channel);
    }
}

/* Early RDP servers leave the fields behind the version out; reading past the end yields their zeroes. */
static int parse_core(struct cursor *c, struct gcc_server *r)
{
    r->version = cursor_u32_le(c);
    if (!cursor_ok(c))
        return CE_BAD_INPUT;
    r->requested_protocols = cursor_u32_le(c);
    r->early_flags = cursor_u32_le(c);
    return 0;
}

static int parse_security(struct cursor *c, struct gcc_server *r)
{
    r->encryption_method = cursor_u32_le(c);
    r->encryption_level = cursor_u32_le(c);
    return cursor_ok(c) ? 0 : CE_BAD_INPUT;
}

static int parse_net(struct cursor *c, struct gcc_server *r)
{
    r->io_channel = cursor_u16_le(c);
    r->channel_count = cursor_u16_le(c);
    if (r->channel_count > GCC_CHANNELS_MAX)
        return CE_BAD_INPUT;
    for (uint32_t i = 0; i < r->channel_count; i++)
        r->channels[i] = cursor_u16_le(c);
    return cursor_ok(c) ? 0 : CE_BAD_INPUT;
}

static int parse_block(const struct gcc_block *b, struct gcc_server *r)
{
    struct cursor c = cursor_init(b->bytes, b->len);
    cursor_skip(&c, GCC_BLOCK_HEADER_LEN);
    switch (b->type) {
    case GCC_SC_CORE:
        return parse_core(&c, r);
    case GCC_SC_SECURITY:
        return parse_security(&c, r);
    case GCC_SC_NET:
        return parse_net(&c, r);
    case GCC_SC_MCS_MSGCHANNEL:
        r->message_channel = cursor_u16_le(&c);
        return cursor_ok(&c) ? 0 : CE_BAD_INPUT;
    default:
        return 0;
    }
}

int gcc_server_parse(struct cursor blocks, struct gcc_server *ret_server)
{
    struct gcc_server r = {0};
    struct gcc_block b;
    bool has_core = false, has_net = false;
    int rc;

    while ((rc = gcc_next_block(&blocks, &b)) == 0) {
        /* A second SC_NET would leave ids of the first one behind. */
        if ((b.type == GCC_SC_CORE && has_core) || (b.type == GCC_SC_NET && has_net))
            return CE_BAD_INPUT;
        if (parse_block(&b, &r) != 0)
            return CE_BAD_INPUT;
        has_core = has_core || b.type == GCC_SC_CORE;
        has_net = has_net || b.type == GCC_SC_NET;
    }
    if (rc != CE_NOT_FOUND || !has_core || !has_net)
        return CE_BAD_INPUT;
    *ret_server = r;
    return 0;
}
