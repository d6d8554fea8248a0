#include "fuzz.h"

#include <string.h>

#include "serial_text.h"

/* What is left is not longer, has no control character but tabs and line feeds, and stays as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1), *again = malloc(size + 1);
    MUST(bytes && again);
    memcpy(bytes, data, size);
    size_t len = serial_text_clean(bytes, size);
    MUST(len <= size);
    for (size_t i = 0; i < len; i++)
        MUST((uint8_t)bytes[i] >= 0x20 || bytes[i] == '\n' || bytes[i] == '\t');
    memcpy(again, bytes, len);
    MUST(serial_text_clean(again, len) == len && !memcmp(again, bytes, len));
    free(bytes);
    free(again);
    return 0;
}
