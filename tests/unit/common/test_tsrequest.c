#include "tsrequest.h"

#include <string.h>

#include "suite.h"

#define SPAN(text) ((struct tsrequest_span){.bytes = (const uint8_t *)(text), .len = sizeof(text) - 1})

static int span_is(const struct tsrequest_span *span, const char *text)
{
    return span->bytes && span->len == strlen(text) && memcmp(span->bytes, text, span->len) == 0;
}

static size_t message(uint8_t *buf, size_t capacity, const struct tsrequest *r)
{
    struct writer w = writer_init(buf, capacity);
    tsrequest_write(&w, r);
    CU_ASSERT_TRUE(writer_ok(&w));
    return writer_len(&w);
}

static void reads_what_it_wrote_in_every_field(void)
{
    uint8_t buf[1024], nonce[TSREQUEST_NONCE_LEN];
    memset(nonce, 7, sizeof nonce);
    struct tsrequest r = {.version = 6,
                          .nego_token = SPAN("token"),
                          .auth_info = SPAN("info"),
                          .pub_key_auth = SPAN("key"),
                          .client_nonce = {.bytes = nonce, .len = sizeof nonce},
                          .has_error = true,
                          .error_code = 0xc000006d},
                     again;
    size_t len = message(buf, sizeof buf, &r);
    CU_ASSERT_EQUAL_FATAL(tsrequest_parse(buf, len, &again), 0);
    CU_ASSERT_EQUAL(again.version, 6);
    CU_ASSERT_TRUE(span_is(&again.nego_token, "token"));
    CU_ASSERT_TRUE(span_is(&again.auth_info, "info"));
    CU_ASSERT_TRUE(span_is(&again.pub_key_auth, "key"));
    CU_ASSERT_EQUAL(again.client_nonce.len, sizeof nonce);
    CU_ASSERT_TRUE(again.has_error);
    CU_ASSERT_EQUAL(again.error_code, 0xc000006d);
}

static void writes_the_bytes_of_the_specification(void)
{
    static const uint8_t expected[] = {0x30, 0x10, 0xa0, 0x03, 0x02, 0x01, 0x02, 0xa1, 0x09,
                                       0x30, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x04, 0x01, 'x'};
    uint8_t buf[64];
    struct tsrequest r = {.version = 2, .nego_token = SPAN("x")};
    size_t len = message(buf, sizeof buf, &r);
    CU_ASSERT_EQUAL(len, sizeof expected);
    CU_ASSERT_EQUAL(memcmp(buf, expected, sizeof expected), 0);
}

static void an_error_code_has_four_bytes(void)
{
    static const uint8_t expected[] = {0x30, 0x0d, 0xa0, 0x03, 0x02, 0x01, 0x06, 0xa4,
                                       0x06, 0x02, 0x04, 0xc0, 0x00, 0x00, 0x6d};
    uint8_t buf[64];
    struct tsrequest r = {.version = 6, .has_error = true, .error_code = 0xc000006d};
    size_t len = message(buf, sizeof buf, &r);
    CU_ASSERT_EQUAL(len, sizeof expected);
    CU_ASSERT_EQUAL(memcmp(buf, expected, sizeof expected), 0);
}

static void long_fields_get_long_lengths(void)
{
    static uint8_t buf[TSREQUEST_MAX_LEN], token[3000];
    memset(token, 't', sizeof token);
    for (size_t n = 100; n < sizeof token; n += 7) {
        struct tsrequest r = {.version = 6, .nego_token = {.bytes = token, .len = n}}, again;
        size_t framed, len = message(buf, sizeof buf, &r);
        CU_ASSERT_EQUAL(tsrequest_frame(buf, len, &framed), 0);
        CU_ASSERT_EQUAL(framed, len);
        CU_ASSERT_EQUAL_FATAL(tsrequest_parse(buf, len, &again), 0);
        CU_ASSERT_EQUAL(again.nego_token.len, n);
    }
}

static void frames_only_what_is_whole(void)
{
    static uint8_t buf[1024], token[300];
    struct tsrequest r = {.version = 6, .nego_token = {.bytes = token, .len = sizeof token}};
    size_t framed = 99, len = message(buf, sizeof buf, &r);
    for (size_t n = 0; n < len; n++)
        CU_ASSERT_EQUAL(tsrequest_frame(buf, n, &framed), CE_NEED_MORE);
    CU_ASSERT_EQUAL(framed, 99);
    CU_ASSERT_EQUAL(tsrequest_frame(buf, sizeof buf, &framed), 0);
    CU_ASSERT_EQUAL(framed, len);
}

static void refuses_to_frame_what_is_none_or_too_long(void)
{
    static const uint8_t tpkt[] = {3, 0, 0, 19}, endless[] = {0x30, 0x80}, huge[] = {0x30, 0x84, 0, 1, 0, 0},
                         wide[] = {0x30, 0x85, 0, 0, 0, 0, 1};
    size_t framed;
    CU_ASSERT_EQUAL(tsrequest_frame(tpkt, sizeof tpkt, &framed), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(tsrequest_frame(endless, sizeof endless, &framed), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(tsrequest_frame(wide, sizeof wide, &framed), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(tsrequest_frame(huge, sizeof huge, &framed), CE_LIMIT);
}

static void refuses_an_inner_length_past_its_parent(void)
{
    /* The lengths of the field and of its octet string, which must agree. */
    static const uint8_t good[] = {0x30, 0x0b, 0xa0, 0x03, 0x02, 0x01, 0x06,
                                   0xa3, 0x04, 0x04, 0x02, 'a',  'b'};
    uint8_t buf[sizeof good];
    struct tsrequest r;
    CU_ASSERT_EQUAL(tsrequest_parse(good, sizeof good, &r), 0);
    memcpy(buf, good, sizeof good);
    buf[10] = 3;
    CU_ASSERT_EQUAL(tsrequest_parse(buf, sizeof buf, &r), CE_BAD_INPUT);
    buf[10] = 1;
    CU_ASSERT_EQUAL(tsrequest_parse(buf, sizeof buf, &r), CE_BAD_INPUT);
    buf[10] = 2;
    buf[8] = 5;
    CU_ASSERT_EQUAL(tsrequest_parse(buf, sizeof buf, &r), CE_BAD_INPUT);
}

static void refuses_a_message_cut_anywhere_and_bytes_behind_it(void)
{
    uint8_t buf[256];
    struct tsrequest r = {.version = 5, .nego_token = SPAN("token"), .pub_key_auth = SPAN("key")}, again;
    size_t len = message(buf, sizeof buf - 1, &r);
    for (size_t n = 0; n < len; n++)
        CU_ASSERT_EQUAL(tsrequest_parse(buf, n, &again), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(tsrequest_parse(buf, len + 1, &again), CE_BAD_INPUT);
}

static void refuses_a_field_that_comes_twice(void)
{
    static const uint8_t twice[] = {0x30, 0x0f, 0xa0, 0x03, 0x02, 0x01, 0x06, 0xa3, 0x03,
                                    0x04, 0x01, 'a',  0xa3, 0x03, 0x04, 0x01, 'b'};
    struct tsrequest r;
    CU_ASSERT_EQUAL(tsrequest_parse(twice, sizeof twice, &r), CE_BAD_INPUT);
}

static void refuses_a_nonce_of_another_length(void)
{
    uint8_t buf[64];
    struct tsrequest r = {.version = 6, .client_nonce = SPAN("short")}, again;
    size_t len = message(buf, sizeof buf, &r);
    CU_ASSERT_EQUAL(tsrequest_parse(buf, len, &again), CE_BAD_INPUT);
}

static void steps_over_fields_of_later_versions(void)
{
    static const uint8_t later[] = {0x30, 0x0a, 0xa0, 0x03, 0x02, 0x01, 0x09, 0xa7, 0x03, 0x04, 0x01, 'x'};
    struct tsrequest r;
    CU_ASSERT_EQUAL(tsrequest_parse(later, sizeof later, &r), 0);
    CU_ASSERT_EQUAL(r.version, 9);
    CU_ASSERT_PTR_NULL(r.nego_token.bytes);
}

static void a_writer_without_room_says_so(void)
{
    uint8_t buf[10];
    struct writer w = writer_init(buf, sizeof buf);
    struct tsrequest r = {.version = 6, .nego_token = SPAN("token")};
    tsrequest_write(&w, &r);
    CU_ASSERT_FALSE(writer_ok(&w));
}

static void credentials_come_back_as_they_were(void)
{
    uint8_t buf[512];
    static uint8_t longer[200];
    struct writer w = writer_init(buf, sizeof buf);
    struct tscredentials c = {.domain = SPAN(""),
                              .user = SPAN("a\0l\0i\0c\0e\0"),
                              .password = {.bytes = longer, .len = sizeof longer}},
                         again;
    tscredentials_write(&w, &c);
    CU_ASSERT_TRUE(writer_ok(&w));
    CU_ASSERT_EQUAL_FATAL(tscredentials_parse(buf, writer_len(&w), &again), 0);
    CU_ASSERT_EQUAL(again.domain.len, 0);
    CU_ASSERT_EQUAL(again.user.len, 10);
    CU_ASSERT_EQUAL(again.password.len, sizeof longer);
    for (size_t n = 0; n < writer_len(&w); n++)
        CU_ASSERT_EQUAL(tscredentials_parse(buf, n, &again), CE_BAD_INPUT);
}

static void a_smart_card_is_told_apart_from_garbage(void)
{
    static const uint8_t card[] = {0x30, 0x0b, 0xa0, 0x03, 0x02, 0x01, 0x02,
                                   0xa1, 0x04, 0x04, 0x02, 0x30, 0x00};
    struct tscredentials c;
    CU_ASSERT_EQUAL(tscredentials_parse(card, sizeof card, &c), CE_UNSUPPORTED);
}

SUITE("tsrequest", TEST(reads_what_it_wrote_in_every_field), TEST(writes_the_bytes_of_the_specification),
      TEST(an_error_code_has_four_bytes), TEST(long_fields_get_long_lengths), TEST(frames_only_what_is_whole),
      TEST(refuses_to_frame_what_is_none_or_too_long), TEST(refuses_an_inner_length_past_its_parent),
      TEST(refuses_a_message_cut_anywhere_and_bytes_behind_it), TEST(refuses_a_field_that_comes_twice),
      TEST(refuses_a_nonce_of_another_length), TEST(steps_over_fields_of_later_versions),
      TEST(a_writer_without_room_says_so), TEST(credentials_come_back_as_they_were),
      TEST(a_smart_card_is_told_apart_from_garbage))
