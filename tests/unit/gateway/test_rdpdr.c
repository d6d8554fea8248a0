#include "rdpdr.h"

#include <string.h>

#include "suite.h"
#include "writer.h"

static void device_write(struct writer *w, uint32_t type, uint32_t id, const char *name, uint32_t data_len)
{
    writer_u32_le(w, type);
    writer_u32_le(w, id);
    writer_bytes(w, name, strlen(name));
    writer_zero(w, 8 - strlen(name));
    writer_u32_le(w, data_len);
    for (uint32_t i = 0; i < data_len; i++)
        writer_u8(w, (uint8_t)(id + i));
}

static size_t list_write(uint8_t *bytes, size_t size)
{
    struct writer w = writer_init(bytes, size);
    writer_u32_le(&w, RDPDR_DEVICE_LIST);
    writer_u32_le(&w, 4);
    device_write(&w, RDPDR_DRIVE, 1, "C:", 5);
    device_write(&w, RDPDR_PRINTER, 2, "PRN1", 40);
    device_write(&w, RDPDR_SMARTCARD, 3, "SCARD", 0);
    device_write(&w, RDPDR_DRIVE, 4, "D:", 1);
    return writer_len(&w);
}

static bool keep_no_drive(void *arg, uint32_t type, uint32_t id)
{
    unsigned *asked = arg;
    *asked = *asked * 10 + id;
    return type != RDPDR_DRIVE;
}

static bool keep_all(void *arg, uint32_t type, uint32_t id)
{
    return true;
}

static bool keep_none(void *arg, uint32_t type, uint32_t id)
{
    return false;
}

static void takes_out_what_is_not_wanted(void)
{
    uint8_t bytes[256], wanted[256];
    size_t len = list_write(bytes, sizeof bytes);
    unsigned asked = 0;
    struct writer w = writer_init(wanted, sizeof wanted);
    writer_u32_le(&w, RDPDR_DEVICE_LIST);
    writer_u32_le(&w, 2);
    device_write(&w, RDPDR_PRINTER, 2, "PRN1", 40);
    device_write(&w, RDPDR_SMARTCARD, 3, "SCARD", 0);
    CU_ASSERT_EQUAL(rdpdr_keep_devices(bytes, &len, keep_no_drive, &asked), 0);
    CU_ASSERT_EQUAL(asked, 1234);
    CU_ASSERT_EQUAL_FATAL(len, writer_len(&w));
    CU_ASSERT_EQUAL(memcmp(bytes, wanted, len), 0);
    CU_ASSERT_EQUAL(rdpdr_keep_devices(bytes, &len, keep_none, NULL), 0);
    CU_ASSERT_EQUAL(len, 8);
    CU_ASSERT_EQUAL(memcmp(bytes, "rDAD\0\0\0\0", 8), 0);
}

static void a_list_of_which_all_is_wanted_stays_as_it_is(void)
{
    uint8_t bytes[256], before[256];
    size_t len = list_write(bytes, sizeof bytes), before_len = len;
    memcpy(before, bytes, len);
    CU_ASSERT_EQUAL(rdpdr_keep_devices(bytes, &len, keep_all, NULL), 0);
    CU_ASSERT_EQUAL(len, before_len);
    CU_ASSERT_EQUAL(memcmp(bytes, before, len), 0);
}

static void refuses_every_cut_and_a_length_past_the_end(void)
{
    uint8_t whole[256], bytes[256];
    size_t len = list_write(whole, sizeof whole);
    for (size_t cut = 0; cut < len; cut++) {
        size_t n = cut;
        memcpy(bytes, whole, sizeof whole);
        CU_ASSERT_EQUAL(rdpdr_keep_devices(bytes, &n, keep_all, NULL), CE_BAD_INPUT);
    }
    memset(whole + 8 + 16, 0xff, 4);
    CU_ASSERT_EQUAL(rdpdr_keep_devices(whole, &len, keep_all, NULL), CE_BAD_INPUT);
}

static void finds_kind_and_device_of_a_beginning(void)
{
    static const uint8_t request[] = {'r', 'D', 'R', 'I', 9, 1, 0, 0, 5};
    uint32_t id;
    CU_ASSERT_EQUAL(rdpdr_message_kind(request, 4), RDPDR_IO_REQUEST);
    CU_ASSERT_EQUAL(rdpdr_message_kind(request, 3), 0);
    CU_ASSERT_EQUAL(rdpdr_request_device(request, sizeof request, &id), 0);
    CU_ASSERT_EQUAL(id, 0x109);
    CU_ASSERT_EQUAL(rdpdr_request_device(request, 7, &id), CE_BAD_INPUT);
}

SUITE("rdpdr", TEST(takes_out_what_is_not_wanted), TEST(a_list_of_which_all_is_wanted_stays_as_it_is),
      TEST(refuses_every_cut_and_a_length_past_the_end), TEST(finds_kind_and_device_of_a_beginning))
