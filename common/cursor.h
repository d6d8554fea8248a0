/* A read cursor over bytes that somebody else owns: the only way untrusted bytes are read.
 *
 * An overrun is sticky: after the first one every read returns zero and cursor_ok() is false, so a
 * parser reads a whole structure and asks once. The cursor neither owns nor copies the bytes.
 */
#ifndef CARREL_CURSOR_H
#define CARREL_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *at;  /* borrowed from the caller; the next byte to read */
    const uint8_t *end; /* one past the last byte */
    bool overrun;
};

static inline struct cursor cursor_init(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    return (struct cursor){.at = p, .end = p ? p + len : p, .overrun = false};
}

static inline bool cursor_ok(const struct cursor *c)
{
    return !c->overrun;
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* The next N bytes, or NULL (and overrun) where fewer are left. N may be 0. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
    if (c->overrun || n > cursor_left(c)) {
        c->overrun = true;
        c->at = c->end;
        return NULL;
    }
    const uint8_t *p = c->at;
    if (p)
        c->at = p + n;
    return p;
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
    (void)cursor_take(c, n);
}

/* Fences the next N bytes into a cursor of their own and steps over them here. Where fewer are left
 * both cursors are overrun. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
    const uint8_t *p = cursor_take(c, n);
    struct cursor sub = cursor_init(p, c->overrun ? 0 : n);
    sub.overrun = c->overrun;
    return sub;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);
    return p ? p[0] : 0;
}

static inline uint16_t cursor_u16_be(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    if (!p)
        return 0;
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint16_t cursor_u16_le(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    if (!p)
        return 0;
    return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t cursor_u32_be(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint32_t cursor_u32_le(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

/* The next byte without stepping over it; 0 (and no overrun) at the end. */
static inline uint8_t cursor_peek_u8(const struct cursor *c)
{
    return !c->overrun && c->at != c->end ? c->at[0] : 0;
}

#endif
