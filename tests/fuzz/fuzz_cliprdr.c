#include "fuzz.h"

#include <string.h>

#include "cliprdr.h"

/* The first byte chooses long or short names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cliprdr_header header;
    struct cliprdr_formats removed;
    uint32_t flags;
    if (!size)
        return 0;
    bool long_names = data[0] & 1;
    size_t len = --size, left = len;
    uint8_t *message = malloc(size + 1);
    MUST(message);
    memcpy(message, data + 1, size);
    MUST((cliprdr_parse(message, len, &header) == 0) == (len >= CLIPRDR_HEADER_LEN));
    if (cliprdr_remove_files(message, &left, long_names, &removed) == 0) {
        size_t same = left;
        MUST(left <= len && left >= CLIPRDR_HEADER_LEN && removed.count <= CLIPRDR_FILE_FORMATS_MAX);
        MUST(cliprdr_remove_files(message, &same, long_names, &removed) == 0);
        MUST(same == left && removed.count == 0);
    }
    memcpy(message, data + 1, size);
    if (cliprdr_caps_change(message, len, CLIPRDR_CAPS_OF_FILES, &flags) == 0) {
        MUST(cliprdr_caps_change(message, len, 0, &flags) == 0);
        MUST(!(flags & CLIPRDR_CAPS_OF_FILES));
    }
    free(message);
    return 0;
}
