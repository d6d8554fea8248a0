#include "share_caps.h"

#include <string.h>

#include "suite.h"
#include "writer.h"

enum { DEMAND = 1, CONFIRM = 3 };

/* A Demand Active or Confirm Active with a general set and a virtual channel set; returns where the latter's
 * flags are. */
static size_t active_write(struct writer *w, int type, uint32_t flags)
{
    size_t start = writer_len(w);
    uint8_t *len = writer_take(w, 2);
    writer_u16_le(w, (uint16_t)(0x10 | type));
    writer_u16_le(w, 1002);
    writer_u32_le(w, 0x103ea);
    if (type == CONFIRM)
        writer_u16_le(w, 1002);
    writer_u16_le(w, 4);
    writer_u16_le(w, 4 + 8 + 12);
    writer_bytes(w, "RDP", 4);
    writer_u16_le(w, 2);
    writer_u16_le(w, 0);
    writer_u16_le(w, 1);
    writer_u16_le(w, 8);
    writer_u32_le(w, 0xffffffff);
    writer_u16_le(w, 0x14);
    writer_u16_le(w, 12);
    size_t at = writer_len(w);
    writer_u32_le(w, flags);
    writer_u32_le(w, 1600);
    put_u16_le(len, (uint16_t)(writer_len(w) - start));
    return at;
}

static void takes_the_flags_out_of_both_pdus(void)
{
    for (int type = DEMAND; type <= CONFIRM; type += CONFIRM - DEMAND) {
        uint8_t bytes[256], before[256];
        struct writer w = writer_init(bytes, sizeof bytes);
        size_t at = active_write(&w, type, 0x80000003);
        memcpy(before, bytes, sizeof bytes);
        share_caps_forbid_compression(bytes, writer_len(&w));
        CU_ASSERT_EQUAL(bytes[at], 0);
        bytes[at] = 3;
        CU_ASSERT_EQUAL(memcmp(bytes, before, writer_len(&w)), 0);
    }
}

static void finds_it_behind_another_pdu(void)
{
    uint8_t bytes[256];
    struct writer w = writer_init(bytes, sizeof bytes);
    writer_u16_le(&w, 6);
    writer_u16_le(&w, 0x16);
    writer_u16_le(&w, 1002);
    size_t at = active_write(&w, DEMAND, 1);
    share_caps_forbid_compression(bytes, writer_len(&w));
    CU_ASSERT_EQUAL(bytes[at], 0);
}

static void leaves_every_cut_and_other_pdus_alone(void)
{
    uint8_t whole[256], bytes[256];
    struct writer w = writer_init(whole, sizeof whole);
    (void)active_write(&w, DEMAND, 3);
    for (size_t cut = 0; cut < writer_len(&w); cut++) {
        memcpy(bytes, whole, sizeof whole);
        share_caps_forbid_compression(bytes, cut);
        CU_ASSERT_EQUAL(memcmp(bytes, whole, sizeof whole), 0);
    }
    whole[2] = 0x17; /* a data PDU of the same bytes */
    memcpy(bytes, whole, sizeof whole);
    share_caps_forbid_compression(bytes, writer_len(&w));
    CU_ASSERT_EQUAL(memcmp(bytes, whole, sizeof whole), 0);
}

/* A Demand Active or Confirm Active with whole general and bitmap sets. */
static size_t whole_write(uint8_t *bytes, size_t size, int type)
{
    struct writer w = writer_init(bytes, size);
    uint8_t *len = writer_take(&w, 2);
    writer_u16_le(&w, (uint16_t)(0x10 | type));
    writer_u16_le(&w, 1002);
    writer_u32_le(&w, 0x103ea);
    if (type == CONFIRM)
        writer_u16_le(&w, 1002);
    writer_u16_le(&w, 4);
    writer_u16_le(&w, 4 + 24 + 28);
    writer_bytes(&w, "RDP", 4);
    writer_u16_le(&w, 2);
    writer_u16_le(&w, 0);
    writer_u16_le(&w, 1); /* general */
    writer_u16_le(&w, 24);
    writer_zero(&w, 10);
    writer_u16_le(&w, 0x401);
    writer_zero(&w, 6);
    writer_u8(&w, 1);
    writer_u8(&w, 0);
    writer_u16_le(&w, 2); /* bitmap */
    writer_u16_le(&w, 28);
    writer_u16_le(&w, 24);
    writer_zero(&w, 6);
    writer_u16_le(&w, 1280);
    writer_u16_le(&w, 800);
    writer_zero(&w, 12);
    put_u16_le(len, (uint16_t)writer_len(&w));
    return writer_len(&w);
}

static void reads_what_each_side_says(void)
{
    uint8_t bytes[256];
    struct share_facts facts = {0};
    size_t len = whole_write(bytes, sizeof bytes, DEMAND);
    share_caps_read(bytes, len, &facts);
    CU_ASSERT_TRUE(facts.width == 1280 && facts.height == 800 && facts.depth == 24);
    CU_ASSERT_TRUE(facts.refresh && !facts.suppress && !facts.fast_path_output);
    len = whole_write(bytes, sizeof bytes, CONFIRM);
    facts.width = 1024; /* a client does not decide of the size */
    share_caps_read(bytes, len, &facts);
    CU_ASSERT_TRUE(facts.width == 1024 && facts.fast_path_output && facts.no_bitmap_header && facts.refresh);
}

static void reads_nothing_past_a_cut(void)
{
    uint8_t bytes[256];
    size_t len = whole_write(bytes, sizeof bytes, DEMAND);
    for (size_t cut = 0; cut < len; cut++) {
        struct share_facts facts = {0};
        share_caps_read(bytes, cut, &facts);
        CU_ASSERT_EQUAL(facts.width, 0);
    }
}

SUITE("share_caps", TEST(reads_what_each_side_says), TEST(reads_nothing_past_a_cut),
      TEST(takes_the_flags_out_of_both_pdus), TEST(finds_it_behind_another_pdu),
      TEST(leaves_every_cut_and_other_pdus_alone))
