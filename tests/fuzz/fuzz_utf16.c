#include "fuzz.h"

#include <string.h>

#include "utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = 2 * size + 4, len, back_len;
    uint8_t *utf16 = malloc(room);
    char *text = malloc(room);
    MUST(utf16 && text);
    if (utf16_from_utf8((const char *)data, size, utf16, room, &len) == 0) {
        MUST(utf16_to_utf8(utf16, len, text, room, &back_len) == 0);
        MUST(back_len == size && memcmp(text, data, size) == 0 && strlen(text) == size);
    }
    if (utf16_to_utf8(data, size, text, room, &len) == 0) {
        MUST(utf16_from_utf8(text, len, utf16, room, &back_len) == 0);
        MUST(back_len == size && memcmp(utf16, data, size) == 0);
    }
    free(utf16);
    free(text);
    return 0;
}
