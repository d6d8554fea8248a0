#include "qr.h"

#include <stdbool.h>
#include <string.h>

#include <qrencode.h>

#define QUIET 2 /* light modules around it; phones are content with less than the standard's four */

/* Terminals are mostly dark, so light modules are painted, and the code is the right way round on a light one too. */
static const char black_on_white[] = "\033[30;107m", usual[] = "\033[0m";

static bool is_dark(const QRcode *code, int x, int y)
{
    bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return inside && (code->data[y * code->width + x] & 1);
}

int qr_print(FILE *out, const char *text)
{
    static const char *const halves[] = {" ", "\u2584", "\u2580", "\u2588"};
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (!code)
        return CE_NOMEM;
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        fputs(black_on_white, out);
        for (int x = -QUIET; x < code->width + QUIET; x++)
            fputs(halves[2 * is_dark(code, x, y) + is_dark(code, x, y + 1)], out);
        fprintf(out, "%s\n", usual);
    }
    explicit_bzero(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return 0;
}
