#include "ntlm_name.h"

#include <string.h>

#include "suite.h"
#include "writer.h"

/* An AUTHENTICATE_MESSAGE with these names (UTF-16) behind its 64 bytes of fields. */
static size_t message(uint8_t *buf, size_t capacity, const char *domain, size_t domain_len, const char *user,
                      size_t user_len, uint32_t flags)
{
    struct writer w = writer_init(buf, capacity);
    writer_bytes(&w, "NTLMSSP\0\3\0\0\0", 12);
    writer_zero(&w, 16);
    writer_u16_le(&w, (uint16_t)domain_len);
    writer_u16_le(&w, 0); /* MaxLen does not count */
    writer_u32_le(&w, 64);
    writer_u16_le(&w, (uint16_t)user_len);
    writer_u16_le(&w, 0xffff);
    writer_u32_le(&w, (uint32_t)(64 + domain_len));
    writer_zero(&w, 16);
    writer_u32_le(&w, flags);
    writer_bytes(&w, domain, domain_len);
    writer_bytes(&w, user, user_len);
    CU_ASSERT_TRUE(writer_ok(&w));
    return writer_len(&w);
}

static void reads_user_and_domain(void)
{
    uint8_t buf[256];
    struct ntlm_name name;
    size_t len = message(buf, sizeof buf, "L\0A\0B\0", 6, "z\0o\0\xeb\0", 6, 1);
    CU_ASSERT_EQUAL(ntlm_name_parse(buf, len, &name), 0);
    CU_ASSERT_STRING_EQUAL(name.user, "zo\xc3\xab");
    CU_ASSERT_STRING_EQUAL(name.domain, "LAB");
}

static void finds_it_behind_what_spnego_puts_before(void)
{
    uint8_t buf[256] = {0xa1, 0x50, 0x30, 0x4e, 0xa2, 0x4c, 0x04, 0x4a};
    struct ntlm_name name;
    size_t len = message(buf + 8, sizeof buf - 8, "", 0, "a\0", 2, 1);
    CU_ASSERT_EQUAL(ntlm_name_parse(buf, len + 8, &name), 0);
    CU_ASSERT_STRING_EQUAL(name.user, "a");
    CU_ASSERT_STRING_EQUAL(name.domain, "");
}

static void other_messages_have_no_name(void)
{
    static const uint8_t negotiate[] = "NTLMSSP\0\1\0\0\0\0\0\0\0";
    struct ntlm_name name;
    CU_ASSERT_EQUAL(ntlm_name_parse(negotiate, sizeof negotiate, &name), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(ntlm_name_parse(NULL, 0, &name), CE_NOT_FOUND);
}

static void refuses_a_message_cut_anywhere(void)
{
    uint8_t buf[256];
    struct ntlm_name name = {.user = "untouched"};
    size_t len = message(buf, sizeof buf, "L\0", 2, "a\0b\0", 4, 1);
    for (size_t n = 12; n < len; n++)
        CU_ASSERT_EQUAL(ntlm_name_parse(buf, n, &name), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(name.user, "untouched");
}

static void refuses_an_offset_past_its_end(void)
{
    uint8_t buf[256];
    struct ntlm_name name;
    size_t len = message(buf, sizeof buf, "", 0, "a\0", 2, 1);
    put_u32_le(buf + 40, 0xffffffff);
    CU_ASSERT_EQUAL(ntlm_name_parse(buf, len, &name), CE_BAD_INPUT);
}

static void refuses_names_that_no_one_has(void)
{
    static char longer[2 * NTLM_NAME_SIZE];
    uint8_t buf[1024];
    struct ntlm_name name;
    size_t len = message(buf, sizeof buf, "", 0, "a\0b", 3, 1); /* half a character */
    CU_ASSERT_EQUAL(ntlm_name_parse(buf, len, &name), CE_BAD_INPUT);
    for (size_t i = 0; i < sizeof longer; i += 2)
        longer[i] = 'a';
    len = message(buf, sizeof buf, "", 0, longer, sizeof longer, 1);
    CU_ASSERT_EQUAL(ntlm_name_parse(buf, len, &name), CE_BAD_INPUT);
    len = message(buf, sizeof buf, "", 0, "ab", 2, 2); /* OEM */
    CU_ASSERT_EQUAL(ntlm_name_parse(buf, len, &name), CE_UNSUPPORTED);
}

SUITE("ntlm_name", TEST(reads_user_and_domain), TEST(finds_it_behind_what_spnego_puts_before),
      TEST(other_messages_have_no_name), TEST(refuses_a_message_cut_anywhere),
      TEST(refuses_an_offset_past_its_end), TEST(refuses_names_that_no_one_has))
