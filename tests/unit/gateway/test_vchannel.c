#include "vchannel.h"

#include <string.h>

#include "suite.h"
#include "tpkt.h"

static void reads_the_header_of_a_chunk(void)
{
    static const uint8_t bytes[] = {0x10, 0x27, 0, 0, 0x03, 0, 0x20, 0, 'a', 'b'};
    struct vchannel_chunk chunk;
    CU_ASSERT_EQUAL_FATAL(vchannel_parse(bytes, sizeof bytes, &chunk), 0);
    CU_ASSERT_EQUAL(chunk.total_len, 10000);
    CU_ASSERT_EQUAL(chunk.flags, VCHANNEL_FIRST | VCHANNEL_LAST | VCHANNEL_COMPRESSED);
    CU_ASSERT_EQUAL(chunk.data_len, 2);
    CU_ASSERT_PTR_EQUAL(chunk.data, bytes + 8);
    CU_ASSERT_EQUAL(vchannel_parse(bytes, 7, &chunk), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(vchannel_parse(bytes, 8, &chunk), 0);
    CU_ASSERT_EQUAL(chunk.data_len, 0);
}

/* Reads the chunks at BYTES together again and returns how many there were. */
static unsigned joined(const uint8_t *bytes, size_t len, uint8_t *ret, size_t *ret_len, uint32_t flags)
{
    unsigned count = 0;
    *ret_len = 0;
    while (len) {
        size_t frame;
        struct mcs_pdu pdu;
        struct vchannel_chunk chunk;
        CU_ASSERT_EQUAL_FATAL(tpkt_frame(bytes, len, len, &frame), 0);
        CU_ASSERT_EQUAL_FATAL(mcs_parse(bytes, frame, &pdu), 0);
        CU_ASSERT_EQUAL(pdu.channel_id, 1005);
        CU_ASSERT_EQUAL(pdu.user_id, 1010);
        CU_ASSERT_EQUAL_FATAL(vchannel_parse(pdu.data, pdu.data_len, &chunk), 0);
        uint32_t place = (count == 0 ? VCHANNEL_FIRST : 0) | (frame == len ? VCHANNEL_LAST : 0);
        CU_ASSERT_EQUAL(chunk.flags, place | flags);
        memcpy(ret + *ret_len, chunk.data, chunk.data_len);
        *ret_len += chunk.data_len;
        count++;
        bytes += frame;
        len -= frame;
    }
    return count;
}

static void writes_a_message_in_as_many_chunks_as_it_needs(void)
{
    static const struct {
        size_t len;
        unsigned chunks;
    } cases[] = {{0, 1}, {1, 1}, {1600, 1}, {1601, 2}, {3200, 2}, {5000, 4}};
    uint8_t message[5000], out[6000], again[5000];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct writer w = writer_init(out, sizeof out);
        size_t len;
        vchannel_write(&w, MCS_SEND_DATA_REQUEST, 1010, 1005, VCHANNEL_SHOW_PROTOCOL, message, cases[i].len);
        CU_ASSERT_TRUE_FATAL(writer_ok(&w));
        CU_ASSERT_EQUAL(writer_len(&w), cases[i].len + cases[i].chunks * VCHANNEL_CHUNK_COST);
        CU_ASSERT_EQUAL(joined(out, writer_len(&w), again, &len, VCHANNEL_SHOW_PROTOCOL), cases[i].chunks);
        CU_ASSERT_EQUAL(len, cases[i].len);
        CU_ASSERT_EQUAL(memcmp(again, message, len), 0);
    }
}

SUITE("vchannel", TEST(reads_the_header_of_a_chunk), TEST(writes_a_message_in_as_many_chunks_as_it_needs))
