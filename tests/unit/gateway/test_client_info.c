#include "client_info.h"

#include "cursor.h"
#include "mcs.h"

#include "captures/captures.h"
#include "suite.h"

static const char *const clients[] = {"xfreerdp3-xrdp", "xfreerdp2-xrdp", "rdesktop-xrdp",
                                      "xfreerdp3-shadow"};

/* The payload of a recorded Client Info PDU. */
static struct bytes info_of(const char *pair)
{
    BYTES b = capture(pair, CAPTURE_CLIENT, "client_info");
    struct mcs_pdu p;
    CU_ASSERT_EQUAL_FATAL(mcs_parse(b.p, b.len, &p), 0);
    return bytes_copy(p.data, p.data_len);
}

static struct client_info parsed(const uint8_t *p, size_t len)
{
    struct client_info i = {0};
    CU_ASSERT_EQUAL(client_info_parse(p, len, &i), 0);
    return i;
}

/* What the guest gets for DATA, as its payload. */
static struct bytes rewritten(const uint8_t *data, size_t len, const struct client_info_guest *guest)
{
    static uint8_t buf[CLIENT_INFO_REWRITTEN_MAX_LEN];
    struct writer w = writer_init(buf, sizeof buf);
    struct mcs_pdu p = {0};
    CU_ASSERT_EQUAL(client_info_rewrite(data, len, guest, &w), 0);
    CU_ASSERT_EQUAL_FATAL(mcs_parse(buf, writer_len(&w), &p), 0);
    CU_ASSERT_EQUAL(p.choice, MCS_SEND_DATA_REQUEST);
    CU_ASSERT_EQUAL(p.user_id, guest->user_id);
    CU_ASSERT_EQUAL(p.channel_id, guest->io_channel);
    return bytes_copy(p.data, p.data_len);
}

static const struct client_info_guest reader = {.user = "reader",
                                                .password = "p\xc3\xa4ss \xe2\x82\xac \xf0\x9f\x93\x96",
                                                .domain = "",
                                                .autologon = true,
                                                .user_id = 1007,
                                                .io_channel = 1003};

static void reads_each_clients_credentials(void)
{
    for (size_t i = 0; i < 4; i++) {
        BYTES b = info_of(clients[i]);
        struct client_info c = parsed(b.p, b.len);
        CU_ASSERT_STRING_EQUAL(c.user, i == 0 ? "zo\xc3\xab" : "alice");
        CU_ASSERT_STRING_EQUAL(c.password, "lantern-42");
        CU_ASSERT_STRING_EQUAL(c.domain, i == 1 ? "" : "LIBRARY");
        CU_ASSERT_TRUE(c.flags & INFO_UNICODE);
        CU_ASSERT_TRUE(c.has_extended);
        CU_ASSERT_FALSE(c.has_reconnect_cookie);
        CU_ASSERT_EQUAL(c.address_family, 2);
        CU_ASSERT_STRING_EQUAL(c.address, "127.0.0.1");
        CU_ASSERT_TRUE(strlen(c.client_dir) > 5);
    }
}

static void the_guest_gets_its_own_credentials_and_the_rest_unchanged(void)
{
    for (size_t i = 0; i < 4; i++) {
        BYTES b = info_of(clients[i]);
        struct client_info before = parsed(b.p, b.len);
        BYTES g = rewritten(b.p, b.len, &reader);
        struct client_info after = parsed(g.p, g.len);
        CU_ASSERT_STRING_EQUAL(after.user, "reader");
        CU_ASSERT_STRING_EQUAL(after.password, reader.password);
        CU_ASSERT_STRING_EQUAL(after.domain, "");
        CU_ASSERT_EQUAL(after.flags, before.flags | INFO_AUTOLOGON);
        CU_ASSERT_EQUAL(after.code_page, before.code_page);
        CU_ASSERT_STRING_EQUAL(after.client_dir, before.client_dir);
        CU_ASSERT_EQUAL(after.performance_flags, before.performance_flags);
        /* Everything behind the password is the client's, byte by byte. */
        size_t tail = strlen("C:\\") + 200;
        CU_ASSERT_EQUAL(memcmp(g.p + g.len - tail, b.p + b.len - tail, tail), 0);
    }
}

static void putting_the_clients_own_credentials_back_restores_its_bytes(void)
{
    BYTES b = info_of("xfreerdp3-shadow");
    struct client_info c = parsed(b.p, b.len);
    const struct client_info_guest same = {.user = c.user,
                                           .password = c.password,
                                           .domain = c.domain,
                                           .autologon = (c.flags & INFO_AUTOLOGON) != 0,
                                           .user_id = 1009,
                                           .io_channel = 1003};
    BYTES g = rewritten(b.p, b.len, &same);
    CU_ASSERT_EQUAL_FATAL(g.len, b.len);
    CU_ASSERT_EQUAL(memcmp(g.p, b.p, b.len), 0);
}

static void without_autologon_no_password_is_sent(void)
{
    BYTES b = info_of("xfreerdp3-xrdp");
    struct client_info_guest prompt = reader;
    prompt.autologon = false;
    BYTES g = rewritten(b.p, b.len, &prompt);
    struct client_info c = parsed(g.p, g.len);
    CU_ASSERT_STRING_EQUAL(c.user, "reader");
    CU_ASSERT_STRING_EQUAL(c.password, "");
    CU_ASSERT_EQUAL(c.flags & INFO_AUTOLOGON, 0);
}

static void smart_card_and_saved_credentials_flags_are_cleared(void)
{
    BYTES b = info_of("xfreerdp3-xrdp");
    struct client_info before = parsed(b.p, b.len);
    put_u32_le(b.p + 8, before.flags | INFO_PASSWORD_IS_SC_PIN | INFO_USING_SAVED_CREDS);
    BYTES g = rewritten(b.p, b.len, &reader);
    CU_ASSERT_EQUAL(parsed(g.p, g.len).flags, before.flags | INFO_AUTOLOGON);
}

/* A Client Info PDU of a client without INFO_UNICODE, such as those of RDP 4: no extended part. */
static struct bytes latin1_info(void)
{
    uint8_t buf[128];
    struct writer w = writer_init(buf, sizeof buf);
    writer_u16_le(&w, 0x40);
    writer_u16_le(&w, 0);
    writer_u32_le(&w, 1252);
    writer_u32_le(&w, INFO_MOUSE);
    static const char *const fields[] = {"D", "zo\xeb", "p\xe9", "sh", "c:\\"};
    for (int i = 0; i < 5; i++)
        writer_u16_le(&w, (uint16_t)strlen(fields[i]));
    for (int i = 0; i < 5; i++)
        writer_bytes(&w, fields[i], strlen(fields[i]) + 1);
    return bytes_copy(buf, writer_len(&w));
}

static void a_client_without_unicode_is_read_and_made_unicode_for_the_guest(void)
{
    BYTES b = latin1_info();
    struct client_info c = parsed(b.p, b.len);
    CU_ASSERT_STRING_EQUAL(c.domain, "D");
    CU_ASSERT_STRING_EQUAL(c.user, "zo\xc3\xab");
    CU_ASSERT_STRING_EQUAL(c.password, "p\xc3\xa9");
    CU_ASSERT_FALSE(c.has_extended);

    BYTES g = rewritten(b.p, b.len, &reader);
    c = parsed(g.p, g.len);
    CU_ASSERT_EQUAL(c.flags, INFO_MOUSE | INFO_UNICODE | INFO_AUTOLOGON);
    CU_ASSERT_STRING_EQUAL(c.password, reader.password);
    CU_ASSERT_STRING_EQUAL(c.alternate_shell, "sh");
    CU_ASSERT_STRING_EQUAL(c.working_dir, "c:\\");
}

/* B with a cookie of automatic reconnection put into its empty place. */
static struct bytes with_cookie(const struct bytes *b, uint16_t cookie_len)
{
    struct client_info c = parsed(b->p, b->len);
    /* performanceFlags stand just before cbAutoReconnectCookie, 172 bytes of time zone and 4 before them. */
    const uint8_t *dir = bytes_find(b, "C\0:\0\\\0", 6);
    size_t at = (size_t)(dir - b->p) + 2 * strlen(c.client_dir) + 2 + 172 + 8;
    struct bytes r = bytes_grown(b, b->len + cookie_len);
    put_u16_le(r.p + at, cookie_len);
    for (uint16_t i = 0; i < cookie_len; i++)
        r.p[at + 2 + i] = (uint8_t)i;
    memcpy(r.p + at + 2 + cookie_len, b->p + at + 2, b->len - at - 2);
    return r;
}

static void the_reconnect_cookie_is_read_and_kept_from_the_guest(void)
{
    BYTES b = info_of("xfreerdp3-shadow");
    BYTES with = with_cookie(&b, 28);
    struct client_info c = parsed(with.p, with.len);
    CU_ASSERT_TRUE(c.has_reconnect_cookie);
    CU_ASSERT_EQUAL(c.reconnect_logon_id, 0x0b0a0908);
    CU_ASSERT_EQUAL(c.reconnect_verifier[0], 12);
    CU_ASSERT_EQUAL(c.reconnect_verifier[15], 27);

    BYTES from_with = rewritten(with.p, with.len, &reader);
    BYTES from_without = rewritten(b.p, b.len, &reader);
    CU_ASSERT_EQUAL_FATAL(from_with.len, from_without.len);
    CU_ASSERT_EQUAL(memcmp(from_with.p, from_without.p, from_with.len), 0);

    BYTES odd = with_cookie(&b, 27);
    CU_ASSERT_EQUAL(client_info_parse(odd.p, odd.len, &c), CE_BAD_INPUT);
}

static void a_counted_terminator_is_cut_off(void)
{
    BYTES b = latin1_info();
    b.p[12]++; /* cbDomain counts its NUL, and the next field's terminator moves with it */
    memmove(b.p + 4 + 18 + 3, b.p + 4 + 18 + 2, b.len - (4 + 18 + 3));
    struct client_info c;
    /* The last byte was pushed out, so the last field lost its terminator. */
    CU_ASSERT_EQUAL(client_info_parse(b.p, b.len, &c), CE_BAD_INPUT);
    BYTES whole = bytes_grown(&b, b.len + 1);
    c = parsed(whole.p, whole.len);
    CU_ASSERT_STRING_EQUAL(c.domain, "D");
    CU_ASSERT_STRING_EQUAL(c.user, "zo\xc3\xab");
}

static void refuses_other_pdus_and_encrypted_ones(void)
{
    BYTES b = info_of("xfreerdp3-xrdp");
    struct client_info c;
    b.p[0] = 0x80;
    CU_ASSERT_EQUAL(client_info_parse(b.p, b.len, &c), CE_BAD_INPUT);
    b.p[0] = 0x48;
    CU_ASSERT_EQUAL(client_info_parse(b.p, b.len, &c), CE_BAD_INPUT);
}

static void refuses_odd_and_oversized_fields_and_lone_surrogates(void)
{
    struct client_info c;
    for (int field = 0; field < 5; field++) {
        BYTES b = info_of("xfreerdp3-xrdp");
        put_u16_le(b.p + 12 + 2 * field, 514);
        CU_ASSERT_EQUAL(client_info_parse(b.p, b.len, &c), CE_BAD_INPUT);
        put_u16_le(b.p + 12 + 2 * field, 3);
        CU_ASSERT_EQUAL(client_info_parse(b.p, b.len, &c), CE_BAD_INPUT);
    }
    for (uint16_t len = 512; len <= 513; len++) { /* there, but too long */
        uint8_t buf[1024] = {0x40};
        put_u16_le(buf + 4 + 8, len);
        memset(buf + 4 + 18, 'x', len);
        CU_ASSERT_EQUAL(client_info_parse(buf, (size_t)4 + 18 + len + 5, &c), len == 512 ? 0 : CE_BAD_INPUT);
    }
    BYTES b = info_of("xfreerdp3-xrdp");
    b.p[22 + 1] = 0xd8; /* the domain's first unit */
    CU_ASSERT_EQUAL(client_info_parse(b.p, b.len, &c), CE_BAD_INPUT);
}

static void a_failure_leaves_the_callers_struct_alone(void)
{
    BYTES b = info_of("xfreerdp3-xrdp");
    struct client_info c;
    memset(&c, 0x5a, sizeof c);
    CU_ASSERT_EQUAL(client_info_parse(b.p, 60, &c), CE_BAD_INPUT);
    const uint8_t *p = (const uint8_t *)&c;
    for (size_t i = 0; i < sizeof c; i++)
        CU_ASSERT_EQUAL_FATAL(p[i], 0x5a);
}

static void credentials_that_the_protocol_cannot_carry_are_refused(void)
{
    BYTES b = info_of("xfreerdp3-xrdp");
    uint8_t buf[CLIENT_INFO_REWRITTEN_MAX_LEN];
    char text[300];
    memset(text, 'x', sizeof text);
    struct client_info_guest guest = reader;
    guest.password = text;
    for (size_t len = 255; len <= 258; len++) {
        text[len] = 0;
        struct writer w = writer_init(buf, sizeof buf);
        CU_ASSERT_EQUAL(client_info_rewrite(b.p, b.len, &guest, &w), len <= 256 ? 0 : CE_BAD_INPUT);
        text[len] = 'x';
    }
    guest.password = "\xff";
    struct writer w = writer_init(buf, sizeof buf);
    CU_ASSERT_EQUAL(client_info_rewrite(b.p, b.len, &guest, &w), CE_BAD_INPUT);
}

static void a_full_writer_is_told(void)
{
    BYTES b = info_of("xfreerdp3-xrdp");
    uint8_t buf[CLIENT_INFO_REWRITTEN_MAX_LEN];
    struct writer whole = writer_init(buf, sizeof buf);
    CU_ASSERT_EQUAL_FATAL(client_info_rewrite(b.p, b.len, &reader, &whole), 0);
    for (size_t room = 0; room < writer_len(&whole); room++) {
        BYTES out = bytes_copy(buf, room);
        struct writer w = writer_init(out.p, room);
        CU_ASSERT_EQUAL(client_info_rewrite(b.p, b.len, &reader, &w), CE_LIMIT);
    }
}

static int feed(const uint8_t *p, size_t len)
{
    static struct client_info c;
    uint8_t buf[CLIENT_INFO_REWRITTEN_MAX_LEN];
    struct writer w = writer_init(buf, sizeof buf);
    int rc = client_info_parse(p, len, &c);
    int rewrite = client_info_rewrite(p, len, &reader, &w);
    if (rc == 0 && rewrite != 0)
        abort();
    return rc;
}

static void survives_cut_and_changed_bytes(void)
{
    for (size_t i = 0; i < 4; i++) {
        BYTES b = info_of(clients[i]);
        struct client_info c = parsed(b.p, b.len);
        const uint8_t *dir = bytes_find(&b, "C\0:\0\\\0", 6);
        size_t whole = (size_t)(dir - b.p) + 2 * strlen(c.client_dir) + 2;
        /* A client may end the PDU behind the working directory, or anywhere behind the client's directory.
         */
        CU_ASSERT_EQUAL(feed_truncated(feed, b.p, whole), 1);
        (void)feed_truncated(feed, b.p, b.len);
        feed_mutated(feed, b.p, b.len);
    }
    BYTES b = latin1_info();
    CU_ASSERT_EQUAL(feed_truncated(feed, b.p, b.len), 0);
    feed_mutated(feed, b.p, b.len);
}

SUITE("client_info", TEST(reads_each_clients_credentials),
      TEST(the_guest_gets_its_own_credentials_and_the_rest_unchanged),
      TEST(putting_the_clients_own_credentials_back_restores_its_bytes),
      TEST(without_autologon_no_password_is_sent), TEST(smart_card_and_saved_credentials_flags_are_cleared),
      TEST(a_client_without_unicode_is_read_and_made_unicode_for_the_guest),
      TEST(the_reconnect_cookie_is_read_and_kept_from_the_guest), TEST(a_counted_terminator_is_cut_off),
      TEST(refuses_other_pdus_and_encrypted_ones), TEST(refuses_odd_and_oversized_fields_and_lone_surrogates),
      TEST(a_failure_leaves_the_callers_struct_alone),
      TEST(credentials_that_the_protocol_cannot_carry_are_refused), TEST(a_full_writer_is_told),
      TEST(survives_cut_and_changed_bytes))
