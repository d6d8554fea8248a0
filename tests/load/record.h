/* A record of TLS 1.3 without TLS: AES-128-GCM with the header as additional data. One key and one nonce for all, so
 * that a record can be made once and opened again and again; it measures, it protects nothing.
 */
#ifndef CARREL_LOAD_RECORD_H
#define CARREL_LOAD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_HEADER_LEN = 5,
    RECORD_TAG_LEN = 16,
};

struct record {
    struct evp_cipher_ctx_st *open, *seal;
};

bool record_init(struct record *r);
void record_finish(struct record *r);

/* SEALED has RECORD_TAG_LEN bytes more than CLEAR, and no header. */
bool record_seal(struct record *r, const uint8_t *clear, size_t len, uint8_t *sealed)
    __attribute__((warn_unused_result));
bool record_open(struct record *r, uint8_t *sealed, size_t len, uint8_t *clear)
    __attribute__((warn_unused_result));

#endif
