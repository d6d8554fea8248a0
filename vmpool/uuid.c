#include "uuid.h"

#include <sodium.h>

void uuid_from(const unsigned char bytes[16], char ret[UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *p = ret;
    for (int i = 0; i < 16; i++) {
        unsigned byte = bytes[i];
        if (i == 6)
            byte = 0x40 | (byte & 0x0f);
        if (i == 8)
            byte = 0x80 | (byte & 0x3f);
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[byte >> 4];
        *p++ = digits[byte & 15];
    }
    *p = 0;
}

void uuid_make(char ret[UUID_SIZE])
{
    unsigned char random[16];
    randombytes_buf(random, sizeof random);
    uuid_from(random, ret);
}
