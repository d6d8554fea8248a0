#include "spnego_offer.h"

#include <string.h>

#include "suite.h"

/* NegTokenInit with mechTypes of one or two OIDs, as clients write it: all lengths of one byte. */
static uint8_t token[128];

static size_t init_make(const char *first, size_t first_len, const char *second, size_t second_len)
{
    static const uint8_t spnego[] = {0x06, 6, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
    uint8_t list = (uint8_t)(2 + first_len + (second ? 2 + second_len : 0));
    const uint8_t head[] = {0x60, (uint8_t)(sizeof spnego + 8 + list)},
                  inner[] = {0xa0, (uint8_t)(list + 6), 0x30, (uint8_t)(list + 4),
                             0xa0, (uint8_t)(list + 2), 0x30, list};
    size_t len = 0;
    memcpy(token, head, sizeof head);
    len += sizeof head;
    memcpy(token + len, spnego, sizeof spnego);
    len += sizeof spnego;
    memcpy(token + len, inner, sizeof inner);
    len += sizeof inner;
    token[len++] = 0x06;
    token[len++] = (uint8_t)first_len;
    memcpy(token + len, first, first_len);
    len += first_len;
    if (second) {
        token[len++] = 0x06;
        token[len++] = (uint8_t)second_len;
        memcpy(token + len, second, second_len);
        len += second_len;
    }
    return len;
}

#define KRB5 "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
#define MS_KRB5 "\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"
#define USER_TO_USER "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03"
#define NTLM "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"

static void finds_kerberos_as_the_first_choice(void)
{
    CU_ASSERT_TRUE(spnego_offers_kerberos(token, init_make(KRB5, 9, NTLM, 10)));
    CU_ASSERT_TRUE(spnego_offers_kerberos(token, init_make(MS_KRB5, 9, NTLM, 10)));
    CU_ASSERT_TRUE(spnego_offers_kerberos(token, init_make(USER_TO_USER, 10, KRB5, 9)));
    CU_ASSERT_TRUE(spnego_offers_kerberos(token, init_make(KRB5, 9, NULL, 0)));
}

static void leaves_ntlm_to_ntlm(void)
{
    static const uint8_t raw[] = "NTLMSSP\0\1\0\0";
    CU_ASSERT_FALSE(spnego_offers_kerberos(token, init_make(NTLM, 10, NULL, 0)));
    CU_ASSERT_FALSE(spnego_offers_kerberos(token, init_make(NTLM, 10, KRB5, 9)));
    CU_ASSERT_FALSE(spnego_offers_kerberos(raw, sizeof raw));
    CU_ASSERT_FALSE(spnego_offers_kerberos(NULL, 0));
}

static void takes_kerberos_without_spnego(void)
{
    static const uint8_t bare[] = "\x60\x0d\x06\x09" KRB5 "\x01";
    CU_ASSERT_TRUE(spnego_offers_kerberos(bare, sizeof bare));
}

/* A beginning is no offer, wherever it ends, and a length never reaches past its parent. */
static void refuses_what_is_cut_off_or_too_long(void)
{
    size_t len = init_make(KRB5, 9, NULL, 0);
    for (size_t i = 0; i < len; i++)
        CU_ASSERT_FALSE(spnego_offers_kerberos(token, i));
    for (size_t at = 11; at <= 17; at += 2) {
        init_make(KRB5, 9, NULL, 0);
        token[at]++;
        CU_ASSERT_FALSE(spnego_offers_kerberos(token, len));
    }
}

SUITE("spnego_offer", TEST(finds_kerberos_as_the_first_choice), TEST(leaves_ntlm_to_ntlm),
      TEST(takes_kerberos_without_spnego), TEST(refuses_what_is_cut_off_or_too_long))
