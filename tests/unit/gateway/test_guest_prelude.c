#include "guest_prelude.h"

#include "mcs.h"
#include "suite.h"

static const uint16_t none[1];

static struct id_map map_of(void)
{
    struct id_map map;
    id_map_init(&map, 1007, 1030, 1003, 1003, 1006, 1009, none, none, 0);
    return map;
}

static enum guest_prelude hear(const struct writer *pdu, struct writer *answer)
{
    struct id_map map = map_of();
    enum guest_prelude heard = PRELUDE_OVER;
    uint32_t info = 0;
    CU_ASSERT_EQUAL(guest_prelude_hear(&map, pdu->start, writer_len(pdu), answer, &heard, &info), 0);
    return heard;
}

static void licensing_is_consumed_and_a_request_answered(void)
{
    uint8_t bytes[128], out[PRELUDE_ANSWER_MAX_LEN];
    struct writer w = writer_init(bytes, sizeof bytes), answer = writer_init(out, sizeof out);
    rdp_write_licence_valid_client(&w, 1003);
    CU_ASSERT_EQUAL(hear(&w, &answer), PRELUDE_GOES_ON);
    CU_ASSERT_EQUAL(writer_len(&answer), 0);
    w = writer_init(bytes, sizeof bytes);
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_INDICATION, 1030, 1003);
    writer_u32_le(&w, RDP_SEC_LICENSE_PKT);
    writer_u32_le(&w, 0x00040301); /* a licence request, otherwise empty */
    mcs_data_end(&w, start);
    CU_ASSERT_EQUAL(hear(&w, &answer), PRELUDE_GOES_ON);
    CU_ASSERT_TRUE(writer_ok(&answer) && writer_len(&answer) > 16);
}

static void a_farewell_is_the_end_and_garbage_is_refused(void)
{
    uint8_t bytes[64], out[PRELUDE_ANSWER_MAX_LEN];
    struct writer w = writer_init(bytes, sizeof bytes), answer = writer_init(out, sizeof out);
    struct id_map map = map_of();
    enum guest_prelude heard;
    uint32_t info;
    mcs_write_disconnect_ultimatum(&w, MCS_REASON_PROVIDER_INITIATED);
    CU_ASSERT_EQUAL(hear(&w, &answer), PRELUDE_OVER);
    CU_ASSERT_EQUAL(guest_prelude_hear(&map, (const uint8_t *)"\3\0\0\7abc", 7, &answer, &heard, &info),
                    CE_BAD_INPUT);
}

SUITE("guest_prelude", TEST(licensing_is_consumed_and_a_request_answered),
      TEST(a_farewell_is_the_end_and_garbage_is_refused))
