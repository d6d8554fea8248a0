#include "ppm_png.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "cursor.h"

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool png_is(const void *bytes, size_t len)
{
    return len > sizeof signature && !memcmp(bytes, signature, sizeof signature);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Blanks and comments, then a number of at most MAX and the one blank behind it; 0: there is none. */
static uint32_t read_number(struct cursor *c, uint32_t max)
{
    uint32_t number = 0;
    uint8_t byte = cursor_u8(c);
    while (cursor_ok(c) && (is_blank(byte) || byte == '#')) {
        while (byte == '#' && cursor_left(c) && cursor_peek_u8(c) != '\n')
            cursor_skip(c, 1);
        byte = cursor_u8(c);
    }
    for (; cursor_ok(c) && byte >= '0' && byte <= '9'; byte = cursor_u8(c)) {
        number = number * 10 + (uint32_t)(byte - '0');
        if (number > max)
            return 0;
    }
    return cursor_ok(c) && is_blank(byte) ? number : 0;
}

int ppm_parse(const void *bytes, size_t len, struct ppm *ret)
{
    struct cursor c = cursor_init(bytes, len);
    uint8_t first = cursor_u8(&c), second = cursor_u8(&c);
    if (first != 'P' || second != '6')
        return CE_BAD_INPUT;
    uint32_t width = read_number(&c, PICTURE_SIDE_MAX);
    uint32_t height = read_number(&c, PICTURE_SIDE_MAX);
    uint32_t depth = read_number(&c, 65535);
    if (!width || !height || depth != 255)
        return CE_BAD_INPUT;
    const uint8_t *pixels = cursor_take(&c, (size_t)width * height * 3);
    if (!pixels)
        return CE_BAD_INPUT;
    *ret = (struct ppm){.width = width, .height = height, .pixels = pixels};
    return 0;
}

/* --- PNG (ISO/IEC 15948), colour type 2 ---------------------------------------------------------------------
 */

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(value >> shift);
    return at;
}

/* The LEN bytes of data stand in their place already. */
static uint8_t *put_chunk(uint8_t *at, const char *type, uint32_t len)
{
    at = put_u32(at, len);
    memcpy(at, type, 4);
    uint32_t sum = (uint32_t)crc32(0, at, len + 4);
    return put_u32(at + 4 + len, sum);
}

/* Lines with the filter "sub" before them, which does well by the plain areas of a desktop. */
static uint8_t *filter_lines(const struct ppm *ppm, size_t *ret_len)
{
    size_t line = (size_t)ppm->width * 3;
    uint8_t *lines = malloc((line + 1) * ppm->height), *at = lines;
    if (!lines)
        return NULL;
    for (uint32_t y = 0; y < ppm->height; y++) {
        const uint8_t *from = ppm->pixels + line * y;
        *at++ = 1;
        for (size_t x = 0; x < line; x++)
            *at++ = (uint8_t)(from[x] - (x < 3 ? 0 : from[x - 3]));
    }
    *ret_len = (line + 1) * ppm->height;
    return lines;
}

int ppm_to_png(const struct ppm *ppm, uint8_t **ret, size_t *ret_len)
{
    enum { HEAD = sizeof signature + 12 + 13, TAIL = 12 };
    size_t lines_len = 0;
    uint8_t *lines = filter_lines(ppm, &lines_len);
    uLongf packed = compressBound((uLong)lines_len);
    uint8_t *png = lines ? malloc(HEAD + 12 + packed + TAIL) : NULL;
    if (!png || compress2(png + HEAD + 8, &packed, lines, (uLong)lines_len, 6) != Z_OK) {
        free(lines);
        free(png);
        return CE_NOMEM;
    }
    free(lines);
    memcpy(png, signature, sizeof signature);
    uint8_t *at = put_u32(put_u32(png + sizeof signature + 8, ppm->width), ppm->height);
    const uint8_t kind[] = {8, 2, 0, 0, 0}; /* 8 bits, red green blue, the only methods, not interlaced */
    memcpy(at, kind, sizeof kind);
    at = put_chunk(png + sizeof signature, "IHDR", 13);
    at = put_chunk(at, "IDAT", (uint32_t)packed);
    at = put_chunk(at, "IEND", 0);
    *ret = png;
    *ret_len = (size_t)(at - png);
    return 0;
}
