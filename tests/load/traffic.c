#include "traffic.h"

#include <string.h>

#include "cursor.h"
#include "fastpath.h"
#include "writer.h"

enum {
    NOISE_PERIOD = 4096, /* where a PDU's bytes may start in the noise */
    NOISE_STEP = 61,
    OUTPUT_HEADER_LEN = 6,
    TAG_AT = 10,
    MOUSE_MOVE = 0x0800,
};

static uint8_t noise[TRAFFIC_OUTPUT_MAX + NOISE_PERIOD];

void traffic_init(void)
{
    uint64_t state = 0x9e3779b97f4a7c15; /* xorshift: the same bytes in each process */
    for (size_t i = 0; i < sizeof noise; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise[i] = (uint8_t)(state >> 24);
    }
}

static const uint8_t *noise_of(uint32_t number)
{
    return noise + (size_t)number * NOISE_STEP % NOISE_PERIOD;
}

static void header_write(uint8_t *pdu, size_t len, uint32_t number, uint32_t tag)
{
    pdu[0] = 0;
    put_u16_be(pdu + 1, (uint16_t)(0x8000 | len));
    pdu[3] = FASTPATH_UPDATE_SURFCMDS;
    put_u16_le(pdu + 4, (uint16_t)(len - OUTPUT_HEADER_LEN));
    put_u32_le(pdu + 6, number);
    put_u32_le(pdu + TAG_AT, tag);
}

void traffic_write_output(uint8_t *pdu, size_t len, uint32_t number, uint32_t tag)
{
    header_write(pdu, len, number, tag);
    memcpy(pdu + TRAFFIC_OUTPUT_MIN, noise_of(number), len - TRAFFIC_OUTPUT_MIN);
}

int traffic_check_output(const uint8_t *pdu, size_t len, uint32_t number, uint32_t *ret_tag)
{
    uint8_t expected[TRAFFIC_OUTPUT_MIN];
    if (len < TRAFFIC_OUTPUT_MIN || len > TRAFFIC_OUTPUT_MAX)
        return CE_BAD_INPUT;
    struct cursor c = cursor_init(pdu + TAG_AT, 4);
    uint32_t tag = cursor_u32_le(&c);
    header_write(expected, len, number, tag);
    if (memcmp(pdu, expected, sizeof expected) != 0 ||
        memcmp(pdu + TRAFFIC_OUTPUT_MIN, noise_of(number), len - TRAFFIC_OUTPUT_MIN) != 0)
        return CE_BAD_INPUT;
    *ret_tag = tag;
    return 0;
}

void traffic_write_input(uint8_t pdu[TRAFFIC_INPUT_LEN], uint32_t tag)
{
    struct writer w = writer_init(pdu, TRAFFIC_INPUT_LEN);
    writer_u8(&w, 2 << 2); /* two events */
    writer_u8(&w, TRAFFIC_INPUT_LEN);
    writer_u8(&w, FASTPATH_INPUT_QOE_TIMESTAMP << 5);
    writer_u32_le(&w, tag);
    writer_u8(&w, FASTPATH_INPUT_MOUSE << 5);
    writer_u16_le(&w, MOUSE_MOVE);
    writer_u16_le(&w, (uint16_t)(tag % 1024));
    writer_u16_le(&w, (uint16_t)(tag % 768));
}

int traffic_check_input(const uint8_t *pdu, size_t len, uint32_t *ret_tag)
{
    uint8_t expected[TRAFFIC_INPUT_LEN];
    if (len != TRAFFIC_INPUT_LEN)
        return CE_BAD_INPUT;
    struct cursor c = cursor_init(pdu + 3, 4);
    uint32_t tag = cursor_u32_le(&c);
    traffic_write_input(expected, tag);
    if (memcmp(expected, pdu, sizeof expected) != 0)
        return CE_BAD_INPUT;
    *ret_tag = tag;
    return 0;
}
