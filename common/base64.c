#include "base64.h"

#include <sodium.h>
#include <string.h>

void base64_encode(const uint8_t *bytes, size_t len, char *ret)
{
    (void)sodium_bin2base64(ret, BASE64_SIZE(len), bytes, len, sodium_base64_VARIANT_ORIGINAL);
}

int base64_decode(const char *text, uint8_t *ret, size_t size, size_t *ret_len)
{
    size_t text_len = strlen(text);
    if (text_len / 4 * 3 > size + 2)
        return CE_LIMIT;
    return sodium_base642bin(ret, size, text, text_len, NULL, ret_len, NULL, sodium_base64_VARIANT_ORIGINAL)
               ? CE_BAD_INPUT
               : 0;
}
