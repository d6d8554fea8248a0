/* The recorded PDUs of captures.inc, and the two things that every parser must survive: a PDU cut off
 * anywhere, and a PDU with one byte changed. Each variant lies in memory of exactly its size, so that the
 * address sanitizer sees a read of even one byte too many.
 */
#ifndef CARREL_TESTS_CAPTURES_H
#define CARREL_TESTS_CAPTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

enum capture_side {
    CAPTURE_CLIENT,
    CAPTURE_SERVER,
};

struct capture_row {
    const char *pair; /* who talked with whom */
    const char *what;
    enum capture_side side;
    const char *hex;
};

static const struct capture_row capture_rows[] = {
#include "captures.inc"
};

enum { CAPTURE_COUNT = sizeof capture_rows / sizeof capture_rows[0] };

struct bytes {
    uint8_t *p; /* owned */
    size_t len;
};

static inline void bytes_free(struct bytes *b)
{
    free(b->p);
    b->p = NULL;
}

#define BYTES __attribute__((cleanup(bytes_free))) struct bytes

static inline struct bytes bytes_copy(const void *p, size_t len)
{
    struct bytes b = {.p = calloc(1, len ? len : 1), .len = len};
    if (!b.p)
        abort();
    if (len)
        memcpy(b.p, p, len);
    return b;
}

/* The same bytes with zeroes behind them. */
static inline struct bytes bytes_grown(const struct bytes *from, size_t len)
{
    struct bytes b = {.p = calloc(1, len), .len = len};
    if (!b.p || len < from->len)
        abort();
    memcpy(b.p, from->p, from->len);
    return b;
}

/* Where NEEDLE stands; a missing one is a mistake in the test and ends it. */
static inline uint8_t *bytes_find(const struct bytes *b, const void *needle, size_t len)
{
    uint8_t *p = memmem(b->p, b->len, needle, len);
    if (!p)
        abort();
    return p;
}

static inline struct bytes bytes_from_hex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    struct bytes b = {.p = calloc(1, len ? len : 1), .len = len};
    if (!b.p)
        abort();
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            abort();
        b.p[i] = (uint8_t)byte;
    }
    return b;
}

/* The capture WHAT that SIDE sent in PAIR; a missing one is a mistake in the test and ends it. */
static inline struct bytes capture(const char *pair, enum capture_side side, const char *what)
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        const struct capture_row *r = &capture_rows[i];
        if (strcmp(r->pair, pair) == 0 && strcmp(r->what, what) == 0 && r->side == side)
            return bytes_from_hex(r->hex);
    }
    fprintf(stderr, "no capture %s %s\n", pair, what);
    abort();
}

/* FEED calls a parser, reads all that a success returned, and passes the result on.
 *
 * Cuts the bytes at every length. Returns how many of the beginnings were taken for whole. */
static inline size_t feed_truncated(int (*feed)(const uint8_t *p, size_t len), const uint8_t *p, size_t len)
{
    size_t taken = 0;
    for (size_t n = 0; n < len; n++) {
        BYTES part = bytes_copy(p, n);
        taken += feed(part.p, part.len) == 0;
    }
    return taken;
}

/* Changes every byte in ten ways. Nothing is asked of the result but that nothing is read or written amiss.
 */
static inline void feed_mutated(int (*feed)(const uint8_t *p, size_t len), const uint8_t *p, size_t len)
{
    for (size_t at = 0; at < len; at++) {
        for (unsigned way = 0; way < 10; way++) {
            BYTES variant = bytes_copy(p, len);
            if (way < 8)
                variant.p[at] ^= (uint8_t)(1U << way);
            else
                variant.p[at] = way == 8 ? 0 : 0xff;
            (void)feed(variant.p, variant.len);
        }
    }
}

/* Reads every byte, for the sanitizer to look at. */
static inline unsigned sum_bytes(const uint8_t *p, size_t len)
{
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += p[i];
    return sum;
}

#endif
