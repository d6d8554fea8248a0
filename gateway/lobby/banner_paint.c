#include "banner_paint.h"

#include <stdlib.h>

#include <pango/pangocairo.h>

#include "banner_picture.h"
#include "bitmap_planar.h"
#include "bitmap_rle.h"

/* The design, in units. */
#define WIDTH 600.0
#define SIDE 16.0 /* kept free beside it */
#define PADDING 16.0
#define MARK 26.0
#define CROSS 12.0
#define GAP 14.0
#define EDGE 3.0
#define TEXT 16.0

/* Screens are looked at as a whole where the client says nothing about its scale. */
#define SCREEN_WIDTH 1280.0
#define SCREEN_HEIGHT 800.0
#define UNIT_MAX 3.4 /* so that the width stays below BANNER_WIDTH_MAX */

/* Room for what an encoder makes of a tile at the worst, before it is found to be longer than the pixels. */
enum { TILE_BYTES = BITMAP_RLE_MAX_BYTES };

_Static_assert(BITMAP_PLANAR_MAX_BYTES(BANNER_TILE_HEIGHT) <= TILE_BYTES, "a tile has room");
_Static_assert((int)BANNER_TILE_MAX_BYTES <= (int)TILE_BYTES, "the pixels have room");

struct box {
    double unit;
    int width, height; /* pixels */
    double text_width;
};

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static void layout_set(PangoLayout *layout, const struct box *b, const char *text)
{
    PangoFontDescription *font = pango_font_description_from_string("Sans");
    pango_font_description_set_absolute_size(font, TEXT * b->unit * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_width(layout, (int)(b->text_width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_layout_set_text(layout, text, -1);
}

/* As wide as the design says or the screen allows, as high as the text, within half of the screen. */
static struct box box_make(cairo_t *cairo, const struct banner_request *r)
{
    struct box b = {.unit = smaller(r->width / SCREEN_WIDTH, r->height / SCREEN_HEIGHT)};
    int text_height;
    if (b.unit < 1)
        b.unit = 1;
    if (b.unit < r->scale / 100.0)
        b.unit = r->scale / 100.0;
    b.unit = smaller(smaller(b.unit, UNIT_MAX), r->width / (WIDTH / 2));
    b.unit = smaller(b.unit, r->height / 2.0 / (2 * PADDING + EDGE + 1.5 * TEXT)); /* one line at least */
    b.width = (int)smaller(WIDTH * b.unit, r->width - 2 * SIDE) & ~3;
    b.text_width = b.width - (2 * PADDING + MARK + CROSS + 2 * GAP) * b.unit;
    const double most = smaller(r->height / 2.0, BANNER_HEIGHT_MAX) - (2 * PADDING + EDGE) * b.unit;
    PangoLayout *layout = pango_cairo_create_layout(cairo);
    layout_set(layout, &b, r->text);
    pango_layout_set_height(layout, (int)(most * PANGO_SCALE));
    pango_layout_get_pixel_size(layout, NULL, &text_height);
    g_object_unref(layout);
    b.height =
        (int)((text_height < MARK * b.unit ? MARK * b.unit : text_height) + (2 * PADDING + EDGE) * b.unit);
    return b;
}

static void fill(cairo_t *c, double x, double y, double width, double height)
{
    cairo_rectangle(c, x, y, width, height);
    cairo_fill(c);
}

/* The reading desk of the lobby's pages. */
static void mark_draw(cairo_t *c, double x, double y, double size)
{
    const double u = size / 44;
    cairo_set_source_rgb(c, 0.12, 0.44, 0.70);
    fill(c, x, y, size, size);
    cairo_set_source_rgb(c, 1, 1, 1);
    fill(c, x + 11 * u, y + 10 * u, 22 * u, 14 * u);
    fill(c, x + 7 * u, y + 27 * u, 30 * u, 3.5 * u);
    fill(c, x + 9 * u, y + 30 * u, 3 * u, 6 * u);
    fill(c, x + 32 * u, y + 30 * u, 3 * u, 6 * u);
}

static void cross_draw(cairo_t *c, double x, double y, double size, double unit)
{
    cairo_set_source_rgb(c, 0.36, 0.42, 0.48);
    cairo_set_line_width(c, 1.6 * unit);
    cairo_move_to(c, x, y);
    cairo_line_to(c, x + size, y + size);
    cairo_move_to(c, x + size, y);
    cairo_line_to(c, x, y + size);
    cairo_stroke(c);
}

/* At the origin of the cairo context. */
static void box_draw(cairo_t *c, const struct banner_request *r, const struct box *b)
{
    const double u = b->unit;
    int text_height;
    cairo_set_source_rgb(c, 0.71, 0.75, 0.80);
    fill(c, 0, 0, b->width, b->height);
    cairo_set_source_rgb(c, 1, 1, 1);
    fill(c, 1, 1, b->width - 2, b->height - 2);
    cairo_set_source_rgb(c, 0.12, 0.44, 0.70);
    fill(c, 0, b->height - EDGE * u, b->width, EDGE * u);
    mark_draw(c, PADDING * u, PADDING * u, MARK * u);
    cross_draw(c, b->width - (PADDING + CROSS) * u, PADDING * u, CROSS * u, u);

    PangoLayout *layout = pango_cairo_create_layout(c);
    layout_set(layout, b, r->text);
    const double room = b->height - (2 * PADDING + EDGE) * u;
    pango_layout_set_height(layout, (int)(room * PANGO_SCALE));
    pango_layout_get_pixel_size(layout, NULL, &text_height);
    cairo_set_source_rgb(c, 0.11, 0.15, 0.20);
    cairo_move_to(c, (PADDING + MARK + GAP) * u, (double)(long)(PADDING * u + (room - text_height) / 2));
    pango_cairo_show_layout(c, layout);
    g_object_unref(layout);
}

void banner_paint_onto(cairo_t *cairo, const struct banner_request *request)
{
    const struct box b = box_make(cairo, request);
    const int left = ((int)request->width - b.width) / 2;
    cairo_save(cairo);
    cairo_translate(cairo, left, SIDE * b.unit);
    box_draw(cairo, request, &b);
    cairo_restore(cairo);
}

/* ---- for a running session ---- */

static uint32_t at_depth(uint32_t pixel, unsigned depth)
{
    uint32_t red = pixel >> 16 & 0xff, green = pixel >> 8 & 0xff, blue = pixel & 0xff;
    if (depth == 16)
        return red >> 3 << 11 | green >> 2 << 5 | blue >> 3;
    if (depth == 15)
        return red >> 3 << 10 | green >> 3 << 5 | blue >> 3;
    return depth == 32 ? pixel | 0xff000000u : pixel;
}

static size_t raw_encode(const uint32_t *pixels, unsigned stride, const struct banner_tile *t, unsigned depth,
                         uint8_t *out)
{
    uint8_t *to = out;
    for (unsigned y = t->height; y-- > 0;) {
        for (unsigned x = 0; x < t->width; x++) {
            uint32_t pixel = at_depth(pixels[(size_t)y * stride + x], depth);
            for (unsigned bits = 0; bits < depth; bits += 8)
                *to++ = (uint8_t)(pixel >> bits);
        }
    }
    return (size_t)(to - out);
}

static void tile_put(struct writer *w, const uint32_t *pixels, unsigned stride, struct banner_tile *t,
                     unsigned depth)
{
    uint8_t bytes[TILE_BYTES];
    const size_t raw = (size_t)t->width * t->height * ((depth + 7) / 8);
    size_t len = depth == 32 ? bitmap_planar_encode(pixels, stride, t->width, t->height, bytes)
                             : bitmap_rle_encode(pixels, stride, t->width, t->height, depth, bytes);
    t->flags = BANNER_TILE_COMPRESSED;
    if (len >= raw) {
        len = raw_encode(pixels, stride, t, depth, bytes);
        t->flags = 0;
    }
    t->bytes = bytes;
    t->len = (uint16_t)len;
    banner_tile_write(w, t);
    t->bytes = NULL;
}

static int encode(cairo_surface_t *surface, const struct box *b, unsigned depth, uint8_t **ret_bytes,
                  size_t *ret_len)
{
    const uint32_t *pixels = (const uint32_t *)(const void *)cairo_image_surface_get_data(surface);
    const unsigned stride = (unsigned)cairo_image_surface_get_stride(surface) / 4;
    const unsigned width = (unsigned)b->width, height = (unsigned)b->height;
    const unsigned columns = (width + BANNER_TILE_WIDTH - 1) / BANNER_TILE_WIDTH,
                   rows = (height + BANNER_TILE_HEIGHT - 1) / BANNER_TILE_HEIGHT;
    const struct banner_picture picture = {.width = (uint16_t)width,
                                           .height = (uint16_t)height,
                                           .depth = (uint16_t)depth,
                                           .count = (uint16_t)(columns * rows)};
    const size_t room = 16 + (size_t)columns * rows * (BANNER_TILE_MAX_BYTES + 16);
    uint8_t *bytes = malloc(room);
    if (!bytes)
        return CE_NOMEM;
    struct writer w = writer_init(bytes, room);
    banner_picture_write(&w, &picture);
    for (unsigned i = 0; i < columns * rows; i++) {
        struct banner_tile t = {.x = (uint16_t)(i % columns * BANNER_TILE_WIDTH),
                                .y = (uint16_t)(i / columns * BANNER_TILE_HEIGHT)};
        t.width = (uint16_t)(width - t.x < BANNER_TILE_WIDTH ? width - t.x : BANNER_TILE_WIDTH);
        t.height = (uint16_t)(height - t.y < BANNER_TILE_HEIGHT ? height - t.y : BANNER_TILE_HEIGHT);
        tile_put(&w, pixels + (size_t)t.y * stride + t.x, stride, &t, depth);
    }
    if (!writer_ok(&w)) {
        free(bytes);
        return CE_LIMIT;
    }
    *ret_bytes = bytes;
    *ret_len = writer_len(&w);
    return 0;
}

int banner_paint(const struct banner_request *request, uint8_t **ret_bytes, size_t *ret_len)
{
    cairo_surface_t *small = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 4, 4);
    cairo_t *measure = cairo_create(small);
    const struct box b = box_make(measure, request);
    cairo_destroy(measure);
    cairo_surface_destroy(small);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, b.width, b.height);
    cairo_t *cairo = cairo_create(surface);
    int rc = CE_NOMEM;
    if (cairo_status(cairo) == CAIRO_STATUS_SUCCESS) {
        box_draw(cairo, request, &b);
        cairo_surface_flush(surface);
        rc = encode(surface, &b, request->depth, ret_bytes, ret_len);
    }
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return rc;
}
