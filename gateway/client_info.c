#include "client_info.h"

#include <string.h>

#include "cursor.h"
#include "mcs.h"
#include "rdp_pdu.h"
#include "utf16.h"

enum {
    TIME_ZONE_LEN = 172,
    RECONNECT_COOKIE_LEN = 28, /* ARC_CS_PRIVATE_PACKET, 2.2.4.3 */
};

/* Where the fields stand in the client's bytes. Terminators are not part of a field. */
struct layout {
    uint32_t code_page, flags;
    struct cursor domain, user, password, alternate_shell, working_dir;
    struct cursor extended; /* everything behind working_dir; empty where there is none */
    /* Inside the extended part; empty or zero where it ends before them. */
    uint16_t address_family;
    struct cursor address, client_dir;
    uint32_t performance_flags;
    const uint8_t *reconnect_length; /* its cbAutoReconnectCookie, NULL where there is none */
    struct cursor reconnect;         /* the cookie */
};

/* A field of LEN bytes and its terminator. Some clients count the terminator, too: it is cut off here. */
static struct cursor read_text(struct cursor *c, uint16_t len, size_t unit, bool *ok)
{
    if (len > CLIENT_INFO_FIELD_MAX_BYTES || len % unit != 0)
        *ok = false;
    struct cursor text = cursor_sub(c, len);
    cursor_skip(c, unit);
    while (cursor_left(&text) >= unit && text.end[-1] == 0 && text.end[-(ptrdiff_t)unit] == 0)
        text.end -= unit;
    return text;
}

/* TS_EXTENDED_INFO_PACKET, 2.2.1.11.1.1.1. Clients end it after any field from the time zone on. */
static int parse_extended(struct cursor c, struct layout *r)
{
    r->address_family = cursor_u16_le(&c);
    r->address = cursor_sub(&c, cursor_u16_le(&c));
    r->client_dir = cursor_sub(&c, cursor_u16_le(&c));
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    if (cursor_left(&c) < TIME_ZONE_LEN + 4 + 4)
        return 0;
    cursor_skip(&c, TIME_ZONE_LEN);
    cursor_skip(&c, 4); /* clientSessionId, always 0 */
    r->performance_flags = cursor_u32_le(&c);
    if (cursor_left(&c) < 2)
        return 0;
    const uint8_t *length = c.at;
    uint16_t len = cursor_u16_le(&c);
    struct cursor cookie = cursor_sub(&c, len);
    if (!cursor_ok(&c) || (len != 0 && len != RECONNECT_COOKIE_LEN))
        return CE_BAD_INPUT;
    r->reconnect_length = length;
    r->reconnect = cookie;
    return 0;
}

/* TS_INFO_PACKET, 2.2.1.11.1.1, behind a basic security header */
static int parse_layout(const uint8_t *data, size_t len, struct layout *ret_layout)
{
    struct layout r = {0};
    if (len > CLIENT_INFO_DATA_MAX_BYTES)
        return CE_BAD_INPUT;
    struct cursor c = cursor_init(data, len);
    uint16_t security_flags = cursor_u16_le(&c);
    cursor_skip(&c, 2); /* flagsHi, "may contain any value" */
    /* Under TLS nothing is encrypted a second time. */
    if (!(security_flags & RDP_SEC_INFO_PKT) || security_flags & RDP_SEC_ENCRYPT)
        return CE_BAD_INPUT;
    r.code_page = cursor_u32_le(&c);
    r.flags = cursor_u32_le(&c);
    uint16_t domain = cursor_u16_le(&c);
    uint16_t user = cursor_u16_le(&c);
    uint16_t password = cursor_u16_le(&c);
    uint16_t alternate_shell = cursor_u16_le(&c);
    uint16_t working_dir = cursor_u16_le(&c);
    size_t unit = r.flags & INFO_UNICODE ? 2 : 1;
    bool ok = true;
    r.domain = read_text(&c, domain, unit, &ok);
    r.user = read_text(&c, user, unit, &ok);
    r.password = read_text(&c, password, unit, &ok);
    r.alternate_shell = read_text(&c, alternate_shell, unit, &ok);
    r.working_dir = read_text(&c, working_dir, unit, &ok);
    if (!ok || !cursor_ok(&c))
        return CE_BAD_INPUT;
    r.extended = c;
    if (cursor_left(&c) > 0 && parse_extended(c, &r) != 0)
        return CE_BAD_INPUT;
    *ret_layout = r;
    return 0;
}

/* Latin-1 is what the low code points of Unicode are; the client's real code page is not known well enough
 * for more. */
static int latin1_to_utf8(struct cursor text, char *out, size_t capacity)
{
    size_t n = 0;
    while (cursor_left(&text) > 0) {
        uint8_t byte = cursor_u8(&text);
        if (byte == 0 || n + 3 > capacity)
            return CE_BAD_INPUT;
        if (byte < 0x80) {
            out[n++] = (char)byte;
        } else {
            out[n++] = (char)(0xc0 | byte >> 6);
            out[n++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    out[n] = 0;
    return 0;
}

static int text_to_utf8(const struct layout *l, struct cursor text, char out[CLIENT_INFO_TEXT_MAX])
{
    size_t len;
    if (!(l->flags & INFO_UNICODE))
        return latin1_to_utf8(text, out, CLIENT_INFO_TEXT_MAX);
    return utf16_to_utf8(text.at, cursor_left(&text), out, CLIENT_INFO_TEXT_MAX, &len) == 0 ? 0
                                                                                            : CE_BAD_INPUT;
}

/* For what is only shown: UTF-16 up to a NUL, empty where it is none or too long. */
static void text_to_utf8_or_empty(struct cursor text, char *out, size_t capacity)
{
    const uint8_t *p = text.at;
    size_t len = 0, written;
    while (len + 2 <= cursor_left(&text) && (p[len] || p[len + 1]))
        len += 2;
    out[0] = 0;
    if (len > 0 && utf16_to_utf8(p, len, out, capacity, &written) != 0)
        out[0] = 0;
}

int client_info_parse(const uint8_t *data, size_t len, struct client_info *ret_info)
{
    struct layout l;
    if (parse_layout(data, len, &l) != 0)
        return CE_BAD_INPUT;
    struct client_info r = {.code_page = l.code_page, .flags = l.flags};
    if (text_to_utf8(&l, l.domain, r.domain) != 0 || text_to_utf8(&l, l.user, r.user) != 0 ||
        text_to_utf8(&l, l.password, r.password) != 0 ||
        text_to_utf8(&l, l.alternate_shell, r.alternate_shell) != 0 ||
        text_to_utf8(&l, l.working_dir, r.working_dir) != 0) {
        explicit_bzero(&r, sizeof r);
        return CE_BAD_INPUT;
    }
    r.has_extended = cursor_left(&l.extended) > 0;
    r.address_family = l.address_family;
    text_to_utf8_or_empty(l.address, r.address, sizeof r.address);
    text_to_utf8_or_empty(l.client_dir, r.client_dir, sizeof r.client_dir);
    r.performance_flags = l.performance_flags;
    if (cursor_left(&l.reconnect) == RECONNECT_COOKIE_LEN) {
        struct cursor c = l.reconnect;
        r.has_reconnect_cookie = true;
        cursor_skip(&c, 4 + 4); /* cbLen and version */
        r.reconnect_logon_id = cursor_u32_le(&c);
        memcpy(r.reconnect_verifier, c.at, sizeof r.reconnect_verifier);
    }
    *ret_info = r;
    explicit_bzero(&r, sizeof r); /* the stack would keep a second copy of the password */
    return 0;
}

/* Appends TEXT and its terminator; its length in bytes does not count the latter. */
static int write_utf8(struct writer *w, const char *text, uint16_t *ret_len)
{
    size_t len, room = writer_left(w);
    if (room > CLIENT_INFO_FIELD_MAX_BYTES)
        room = CLIENT_INFO_FIELD_MAX_BYTES;
    int rc = utf16_from_utf8(text, strlen(text), w->at, room, &len);
    if (rc == CE_LIMIT && room == CLIENT_INFO_FIELD_MAX_BYTES)
        return CE_BAD_INPUT; /* the text is longer than the protocol allows */
    if (rc != 0)
        return rc;
    (void)writer_take(w, len);
    writer_u16_le(w, 0);
    *ret_len = (uint16_t)len;
    return 0;
}

/* A field of the client's as UTF-16, whatever it was. */
static uint16_t write_client_text(struct writer *w, const struct layout *l, struct cursor text)
{
    size_t len = cursor_left(&text);
    if (l->flags & INFO_UNICODE) {
        writer_bytes(w, text.at, len);
        writer_u16_le(w, 0);
        return (uint16_t)len;
    }
    while (cursor_left(&text) > 0)
        writer_u16_le(w, cursor_u8(&text));
    writer_u16_le(w, 0);
    return (uint16_t)(2 * len);
}

/* The extended part without the cookie of automatic reconnection. */
static void write_extended(struct writer *w, const struct layout *l)
{
    if (!l->reconnect_length) {
        writer_bytes(w, l->extended.at, cursor_left(&l->extended));
        return;
    }
    const uint8_t *after = l->reconnect.end;
    writer_bytes(w, l->extended.at, (size_t)(l->reconnect_length - l->extended.at));
    writer_u16_le(w, 0);
    writer_bytes(w, after, (size_t)(l->extended.end - after));
}

int client_info_rewrite(const uint8_t *data, size_t len, const struct client_info_guest *guest,
                        struct writer *w)
{
    struct layout l;
    if (parse_layout(data, len, &l) != 0)
        return CE_BAD_INPUT;
    uint32_t flags = (l.flags | INFO_UNICODE) &
                     ~((uint32_t)INFO_AUTOLOGON | INFO_PASSWORD_IS_SC_PIN | INFO_USING_SAVED_CREDS);
    if (guest->autologon)
        flags |= INFO_AUTOLOGON;

    size_t start = mcs_data_begin(w, MCS_SEND_DATA_REQUEST, guest->user_id, guest->io_channel);
    writer_u16_le(w, RDP_SEC_INFO_PKT);
    writer_u16_le(w, 0);
    writer_u32_le(w, l.flags & INFO_UNICODE ? l.code_page : 0);
    writer_u32_le(w, flags);
    uint8_t *lengths = writer_take(w, 10);
    if (!lengths)
        return CE_LIMIT;
    uint16_t field[5];
    int rc;
    if ((rc = write_utf8(w, guest->domain, &field[0])) != 0 ||
        (rc = write_utf8(w, guest->user, &field[1])) != 0 ||
        (rc = write_utf8(w, guest->autologon ? guest->password : "", &field[2])) != 0)
        return rc;
    field[3] = write_client_text(w, &l, l.alternate_shell);
    field[4] = write_client_text(w, &l, l.working_dir);
    for (int i = 0; i < 5; i++)
        put_u16_le(lengths + 2 * (size_t)i, field[i]);
    write_extended(w, &l);
    mcs_data_end(w, start);
    return writer_ok(w) ? 0 : CE_LIMIT;
}
