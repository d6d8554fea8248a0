#include "reconnect_cookie.h"

#include "mcs.h"
#include "rdp_pdu.h"
#include "suite.h"

static const uint8_t random_bits[RECONNECT_RANDOM_LEN] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                          8, 9, 10, 11, 12, 13, 14, 15};

/* The extended logon info of a written cookie, in OUT. */
static uint8_t *written(uint8_t *out, size_t size, size_t *ret_len, struct mcs_pdu *ret_pdu)
{
    struct writer w = writer_init(out, size);
    reconnect_cookie_write(&w, 1003, 0x103ea, 7, random_bits);
    CU_ASSERT_TRUE_FATAL(writer_ok(&w));
    CU_ASSERT_EQUAL_FATAL(mcs_parse(out, writer_len(&w), ret_pdu), 0);
    size_t at = (size_t)(ret_pdu->data - out) + 18 + 4; /* share headers, infoType */
    *ret_len = writer_len(&w) - at;
    return out + at;
}

static void a_cookie_is_written_as_the_specification_has_it(void)
{
    static const uint8_t wanted[] = {38, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0};
    uint8_t out[RECONNECT_COOKIE_PDU_MAX_LEN];
    struct mcs_pdu pdu;
    size_t len;
    const uint8_t *info = written(out, sizeof out, &len, &pdu);
    CU_ASSERT_EQUAL(pdu.channel_id, 1003);
    CU_ASSERT_EQUAL((size_t)(pdu.data[0] | pdu.data[1] << 8), pdu.data_len); /* totalLength */
    CU_ASSERT_EQUAL(pdu.data[14], RDP_DATA_SAVE_SESSION_INFO);
    CU_ASSERT_EQUAL(pdu.data[18], 3); /* extended */
    CU_ASSERT_EQUAL(len, 38 + 570);
    CU_ASSERT_EQUAL(memcmp(info, wanted, sizeof wanted), 0);
    CU_ASSERT_EQUAL(memcmp(info + sizeof wanted, random_bits, sizeof random_bits), 0);
}

static void a_guests_cookie_is_taken_out_and_the_rest_stays(void)
{
    uint8_t info[6 + 32 + 12 + 8] = {50, 0, 3, 0, 0, 0, 28};
    memset(info + 10, 0xaa, 28);
    info[38] = 8; /* cbFieldData of the errors */
    info[42] = 0xee;
    CU_ASSERT_TRUE(reconnect_cookie_strip(info, sizeof info));
    CU_ASSERT_EQUAL(info[0], 50 - 32);
    CU_ASSERT_EQUAL(info[2], 2);
    CU_ASSERT_EQUAL(info[6], 8);
    CU_ASSERT_EQUAL(info[10], 0xee);
    for (size_t i = 0; i < sizeof info; i++)
        CU_ASSERT_NOT_EQUAL(info[i], 0xaa);
    CU_ASSERT_FALSE(reconnect_cookie_strip(info, sizeof info));
}

static void a_written_cookie_can_be_taken_out(void)
{
    uint8_t out[RECONNECT_COOKIE_PDU_MAX_LEN];
    struct mcs_pdu pdu;
    size_t len;
    uint8_t *info = written(out, sizeof out, &len, &pdu);
    CU_ASSERT_TRUE(reconnect_cookie_strip(info, len));
    CU_ASSERT_EQUAL(info[0], 6);
    for (size_t i = 2; i < len; i++)
        CU_ASSERT_EQUAL(info[i], 0);
}

static void a_cookie_that_ends_nowhere_is_taken_out_with_all_behind_it(void)
{
    uint8_t info[6 + 20] = {26, 0, 3, 0, 0, 0, 28};
    memset(info + 10, 0xaa, 16);
    CU_ASSERT_TRUE(reconnect_cookie_strip(info, sizeof info));
    CU_ASSERT_EQUAL(info[0], 6);
    CU_ASSERT_EQUAL(info[2], 0);
    CU_ASSERT_EQUAL(info[10], 0);
    CU_ASSERT_FALSE(reconnect_cookie_strip(info, 5));
}

static void a_verifier_is_printed_in_hexadecimal(void)
{
    char text[2 * RECONNECT_VERIFIER_LEN + 1];
    reconnect_verifier_print(random_bits, text);
    CU_ASSERT_STRING_EQUAL(text, "000102030405060708090a0b0c0d0e0f");
}

SUITE("reconnect_cookie", TEST(a_cookie_is_written_as_the_specification_has_it),
      TEST(a_guests_cookie_is_taken_out_and_the_rest_stays), TEST(a_written_cookie_can_be_taken_out),
      TEST(a_cookie_that_ends_nowhere_is_taken_out_with_all_behind_it),
      TEST(a_verifier_is_printed_in_hexadecimal))
