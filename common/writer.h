/* A write cursor over a fixed buffer of the caller: overrun is sticky, as in cursor.h, and nothing is
 * written past the end. Lengths that come before their contents are reserved with writer_take() and
 * filled with put_u16_be() and its kin once they are known. */
#ifndef CARREL_WRITER_H
#define CARREL_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
    uint8_t *start; /* borrowed from the caller */
    uint8_t *at;
    uint8_t *end;
    bool overrun;
};

static inline struct writer writer_init(void *bytes, size_t capacity)
{
    uint8_t *p = bytes;
    return (struct writer){.start = p, .at = p, .end = p + capacity, .overrun = false};
}

static inline bool writer_ok(const struct writer *w)
{
    return !w->overrun;
}

static inline size_t writer_len(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
    return (size_t)(w->end - w->at);
}

/* Room for N bytes that the caller fills, or NULL and overrun. */
static inline uint8_t *writer_take(struct writer *w, size_t n)
{
    if (w->overrun || n > writer_left(w)) {
        w->overrun = true;
        return NULL;
    }
    uint8_t *p = w->at;
    w->at += n;
    return p;
}

static inline void writer_bytes(struct writer *w, const void *bytes, size_t n)
{
    uint8_t *p = writer_take(w, n);
    if (p && n)
        memcpy(p, bytes, n);
}

static inline void writer_zero(struct writer *w, size_t n)
{
    uint8_t *p = writer_take(w, n);
    if (p && n)
        memset(p, 0, n);
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    uint8_t *p = writer_take(w, 1);
    if (p)
        p[0] = v;
}

static inline void put_u16_be(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put_u16_le(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void put_u32_le(uint8_t *p, uint32_t v)
{
    put_u16_le(p, (uint16_t)v);
    put_u16_le(p + 2, (uint16_t)(v >> 16));
}

static inline void put_u32_be(uint8_t *p, uint32_t v)
{
    put_u16_be(p, (uint16_t)(v >> 16));
    put_u16_be(p + 2, (uint16_t)v);
}

static inline void writer_u16_be(struct writer *w, uint16_t v)
{
    uint8_t *p = writer_take(w, 2);
    if (p)
        put_u16_be(p, v);
}

static inline void writer_u16_le(struct writer *w, uint16_t v)
{
    uint8_t *p = writer_take(w, 2);
    if (p)
        put_u16_le(p, v);
}

static inline void writer_u32_le(struct writer *w, uint32_t v)
{
    uint8_t *p = writer_take(w, 4);
    if (p)
        put_u32_le(p, v);
}

static inline void writer_u32_be(struct writer *w, uint32_t v)
{
    uint8_t *p = writer_take(w, 4);
    if (p)
        put_u32_be(p, v);
}

#endif
