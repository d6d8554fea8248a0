#include "uuid.h"

#include <sodium.h>

void uuid_make(char ret[UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[16];
    randombytes_buf(random, sizeof random);
    random[6] = (unsigned char)(0x40 | (random[6] & 0x0f));
    random[8] = (unsigned char)(0x80 | (random[8] & 0x3f));
    char *p = ret;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[random[i] >> 4];
        *p++ = digits[random[i] & 15];
    }
    *p = 0;
}
