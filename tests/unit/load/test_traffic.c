#include "traffic.h"

#include <string.h>

#include "suite.h"
#include "tpkt.h"

static uint8_t pdu[TRAFFIC_OUTPUT_MAX];

static void output_of_every_length_is_one_whole_pdu(void)
{
    struct pdu_frame frame = {0};
    uint32_t tag;
    traffic_init();
    for (size_t len = TRAFFIC_OUTPUT_MIN; len <= TRAFFIC_OUTPUT_MAX; len += len < 300 ? 1 : 977) {
        traffic_write_output(pdu, len, (uint32_t)len * 3, 7);
        CU_ASSERT_EQUAL_FATAL(pdu_frame(pdu, len, &frame), 0);
        CU_ASSERT_EQUAL(frame.len, len);
        CU_ASSERT_EQUAL(frame.kind, PDU_FAST_PATH);
        CU_ASSERT_EQUAL(traffic_check_output(pdu, len, (uint32_t)len * 3, &tag), 0);
        CU_ASSERT_EQUAL(tag, 7);
    }
}

static void any_altered_byte_of_an_output_is_seen(void)
{
    uint32_t tag;
    enum { LEN = 600, NUMBER = 12345, TAG_AT = 10, TAG_LEN = 4 };
    traffic_init();
    for (size_t at = 0; at < LEN; at++) {
        traffic_write_output(pdu, LEN, NUMBER, 1);
        pdu[at] ^= 0x10;
        if (at >= TAG_AT && at < TAG_AT + TAG_LEN)
            CU_ASSERT(traffic_check_output(pdu, LEN, NUMBER, &tag) == 0 && tag != 1)
        else
            CU_ASSERT_EQUAL(traffic_check_output(pdu, LEN, NUMBER, &tag), CE_BAD_INPUT);
    }
}

static void a_missing_or_doubled_output_is_seen(void)
{
    uint32_t tag;
    traffic_init();
    traffic_write_output(pdu, 100, 5, 0);
    CU_ASSERT_EQUAL(traffic_check_output(pdu, 100, 4, &tag), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(traffic_check_output(pdu, 100, 6, &tag), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(traffic_check_output(pdu, 100, 5, &tag), 0);
}

static void any_altered_byte_of_an_input_is_seen(void)
{
    uint8_t input[TRAFFIC_INPUT_LEN];
    uint32_t tag;
    traffic_write_input(input, 99);
    CU_ASSERT_EQUAL(traffic_check_input(input, sizeof input, &tag), 0);
    CU_ASSERT_EQUAL(tag, 99);
    CU_ASSERT_EQUAL(traffic_check_input(input, sizeof input - 1, &tag), CE_BAD_INPUT);
    for (size_t at = 0; at < sizeof input; at++) {
        traffic_write_input(input, 99);
        input[at] ^= 0x01;
        tag = 99;
        CU_ASSERT(traffic_check_input(input, sizeof input, &tag) == CE_BAD_INPUT || tag != 99);
    }
}

SUITE("traffic", TEST(output_of_every_length_is_one_whole_pdu), TEST(any_altered_byte_of_an_output_is_seen),
      TEST(a_missing_or_doubled_output_is_seen), TEST(any_altered_byte_of_an_input_is_seen))
