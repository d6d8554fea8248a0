#include "fuzz.h"

#include "ppm_png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ppm ppm;
    uint8_t *png = NULL;
    size_t len = 0;
    if (ppm_parse(data, size, &ppm))
        return 0;
    MUST(ppm.pixels >= data && (size_t)ppm.width * ppm.height * 3 <= size);
    touch(ppm.pixels, (size_t)ppm.width * ppm.height * 3);
    MUST(ppm_to_png(&ppm, &png, &len) == 0 && png_is(png, len));
    free(png);
    return 0;
}
