#include "banner_picture.h"

#include <stdbool.h>

#include "banner_message.h"
#include "cursor.h"

static const uint8_t magic[4] = {'C', 'B', 'P', '1'};

void banner_picture_write(struct writer *w, const struct banner_picture *picture)
{
    writer_bytes(w, magic, sizeof magic);
    writer_u16_le(w, picture->width);
    writer_u16_le(w, picture->height);
    writer_u16_le(w, picture->depth);
    writer_u16_le(w, picture->count);
}

void banner_tile_write(struct writer *w, const struct banner_tile *tile)
{
    writer_u16_le(w, tile->x);
    writer_u16_le(w, tile->y);
    writer_u16_le(w, tile->width);
    writer_u16_le(w, tile->height);
    writer_u16_le(w, tile->flags);
    writer_u16_le(w, tile->len);
    writer_bytes(w, tile->bytes, tile->len);
}

static bool tile_read(struct cursor *c, struct banner_tile *ret)
{
    ret->x = cursor_u16_le(c);
    ret->y = cursor_u16_le(c);
    ret->width = cursor_u16_le(c);
    ret->height = cursor_u16_le(c);
    ret->flags = cursor_u16_le(c);
    ret->len = cursor_u16_le(c);
    ret->bytes = cursor_take(c, ret->len);
    return cursor_ok(c);
}

static bool tile_is_good(const struct banner_picture *p, const struct banner_tile *t)
{
    const unsigned row = t->width * ((p->depth + 7u) / 8);
    return t->width && t->height && t->width % 4 == 0 && t->width <= BANNER_TILE_WIDTH &&
           t->height <= BANNER_TILE_HEIGHT && t->x + t->width <= p->width && t->y + t->height <= p->height &&
           t->len && t->len <= BANNER_TILE_MAX_BYTES && t->flags <= BANNER_TILE_COMPRESSED &&
           ((t->flags & BANNER_TILE_COMPRESSED) || t->len == row * t->height);
}

int banner_picture_parse(const uint8_t *bytes, size_t len, struct banner_picture *ret_picture)
{
    struct cursor c = cursor_init(bytes, len);
    struct banner_picture p = {.width = 0};
    for (size_t i = 0; i < sizeof magic; i++)
        if (cursor_u8(&c) != magic[i])
            return CE_BAD_INPUT;
    p.width = cursor_u16_le(&c);
    p.height = cursor_u16_le(&c);
    p.depth = cursor_u16_le(&c);
    p.count = cursor_u16_le(&c);
    if (!cursor_ok(&c) || !p.width || p.width > BANNER_WIDTH_MAX || !p.height ||
        p.height > BANNER_HEIGHT_MAX || !p.count || p.count > BANNER_TILES_MAX ||
        !banner_depth_is_known(p.depth))
        return CE_BAD_INPUT;
    p.at = (size_t)(c.at - bytes);
    for (unsigned i = 0; i < p.count; i++) {
        struct banner_tile tile;
        if (!tile_read(&c, &tile) || !tile_is_good(&p, &tile))
            return CE_BAD_INPUT;
    }
    if (cursor_left(&c))
        return CE_BAD_INPUT;
    *ret_picture = p;
    return 0;
}

int banner_tile_next(const uint8_t *bytes, size_t len, size_t *at, struct banner_tile *ret)
{
    if (*at > len)
        return CE_BAD_INPUT;
    struct cursor c = cursor_init(bytes + *at, len - *at);
    if (!tile_read(&c, ret))
        return CE_BAD_INPUT;
    *at = (size_t)(c.at - bytes);
    return 0;
}
