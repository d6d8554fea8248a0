#include "bitmap_planar.h"

enum {
    FORMAT_RLE_WITH_ALPHA = 0x10,
    OPAQUE = 0xff,
    RAW_MAX = 15, /* bytes behind one control byte */
    RUN_MIN = 3,  /* shorter runs cannot be said: 1 and 2 mean longer ones */
    RUN_SHORT_MAX = 15,
    RUN_MIDDLE_MIN = 16, /* run 1: 16 and what the upper half says */
    RUN_LONG_MIN = 32,   /* run 2: 32 and that */
    RUN_MAX = RUN_LONG_MIN + RAW_MAX,
};

static uint8_t *put_run(uint8_t *out, unsigned raw, unsigned run)
{
    *out++ = (uint8_t)(raw << 4 | run);
    return out;
}

/* A run behind no raw bytes; *RUN is what is left of it, which may be too short for one of its own. */
static uint8_t *put_long_run(uint8_t *out, unsigned *run)
{
    while (*run >= RUN_MIN) {
        unsigned n = *run < RUN_MAX ? *run : RUN_MAX;
        if (n >= RUN_LONG_MIN)
            *out++ = (uint8_t)((n - RUN_LONG_MIN) << 4 | 2);
        else if (n >= RUN_MIDDLE_MIN)
            *out++ = (uint8_t)((n - RUN_MIDDLE_MIN) << 4 | 1);
        else
            *out++ = (uint8_t)n;
        *run -= n;
    }
    return out;
}

static unsigned run_at(const uint8_t *v, unsigned at, unsigned width)
{
    const uint8_t before = at ? v[at - 1] : 0;
    unsigned i = at;
    while (i < width && v[i] == before)
        i++;
    return i - at;
}

/* A line is sequences of some bytes as they are and then a run of the last of them; in front of the first one stands
 * a zero. */
static uint8_t *put_line(uint8_t *out, const uint8_t *v, unsigned width)
{
    unsigned at = 0;
    while (at < width) {
        unsigned raw = 0, run = 0;
        while (at + raw < width && raw < RAW_MAX && (run = run_at(v, at + raw, width)) < RUN_MIN)
            raw++;
        if (at + raw == width || raw == RAW_MAX)
            run = 0;
        if (raw) {
            unsigned first = run < RUN_SHORT_MAX ? run : RUN_SHORT_MAX;
            out = put_run(out, raw, first);
            for (unsigned i = 0; i < raw; i++)
                *out++ = v[at + i];
            at += raw + first;
            run -= first;
        }
        at += run;
        out = put_long_run(out, &run);
        at -= run;
    }
    return out;
}

static uint8_t value(const uint32_t *row, unsigned x, unsigned shift)
{
    return (uint8_t)(shift == 24 ? OPAQUE : row[x] >> shift);
}

/* The difference with its sign in the lowest bit. */
static uint8_t difference(uint8_t now, uint8_t before)
{
    const uint8_t d = (uint8_t)(now - before);
    return (uint8_t)(d & 0x80 ? ((unsigned)(uint8_t)-d << 1) - 1 : (unsigned)d << 1);
}

size_t bitmap_planar_encode(const uint32_t *pixels, unsigned stride, unsigned width, unsigned height,
                            uint8_t *out)
{
    uint8_t line[BITMAP_PLANAR_WIDTH_MAX];
    uint8_t *to = out;
    *to++ = FORMAT_RLE_WITH_ALPHA;
    for (int shift = 24; shift >= 0; shift -= 8) { /* alpha, red, green, blue */
        const uint32_t *below = NULL;
        for (unsigned y = height; y-- > 0;) { /* the wire has the bottom line first */
            const uint32_t *row = pixels + (size_t)y * stride;
            for (unsigned x = 0; x < width; x++) {
                uint8_t now = value(row, x, (unsigned)shift);
                line[x] = below ? difference(now, value(below, x, (unsigned)shift)) : now;
            }
            to = put_line(to, line, width);
            below = row;
        }
    }
    return (size_t)(to - out);
}
