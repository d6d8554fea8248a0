/* X.224 class 0 as RDP uses it (MS-RDPBCGR 2.2.1.1, 2.2.1.2): Connection Request and Confirm with RDP's
 * negotiation, and the Data TPDU that carries everything after them.
 *
 * Pure functions, any thread. Parsers take one whole TPKT packet (as tpkt_frame() measured it), writers
 * append one; a writer that ran full is seen by writer_ok(). Out-parameters are untouched on failure.
 */
#ifndef CARREL_X224_H
#define CARREL_X224_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "cursor.h"
#include "writer.h"

enum {
    /* A Connection Request's length indicator is one byte, so no well-formed one is longer. */
    X224_REQUEST_MAX_LEN = 4 + 1 + 254,
    X224_CONFIRM_MAX_LEN = 4 + 1 + 254,
    X224_DATA_HEADER_LEN = 7, /* TPKT header and Data TPDU header */
    X224_LINE_MAX = 255,
};

/* requestedProtocols and selectedProtocol, MS-RDPBCGR 2.2.1.1.1 and 2.2.1.2.1 */
enum rdp_protocol {
    RDP_PROTOCOL_RDP = 0,
    RDP_PROTOCOL_SSL = 0x1,
    RDP_PROTOCOL_HYBRID = 0x2,
    RDP_PROTOCOL_RDSTLS = 0x4,
    RDP_PROTOCOL_HYBRID_EX = 0x8,
    RDP_PROTOCOL_RDSAAD = 0x10,
};

/* flags of RDP_NEG_REQ, 2.2.1.1.1 */
enum rdp_neg_request_flag {
    RDP_NEG_REQ_RESTRICTED_ADMIN = 0x01,
    RDP_NEG_REQ_REDIRECTED_AUTHENTICATION = 0x02,
    RDP_NEG_REQ_CORRELATION_INFO = 0x08,
};

/* flags of RDP_NEG_RSP, 2.2.1.2.1 */
enum rdp_neg_response_flag {
    RDP_NEG_RSP_EXTENDED_CLIENT_DATA =
        0x01, /* the server reads CS_MONITOR, CS_MCS_MSGCHANNEL and their kin */
    RDP_NEG_RSP_DYNVC_GFX = 0x02,
    RDP_NEG_RSP_RESTRICTED_ADMIN = 0x08,
    RDP_NEG_RSP_REDIRECTED_AUTHENTICATION = 0x10,
};

/* failureCode of RDP_NEG_FAILURE, 2.2.1.2.2 */
enum rdp_neg_failure {
    RDP_NEG_SSL_REQUIRED_BY_SERVER = 1,
    RDP_NEG_SSL_NOT_ALLOWED_BY_SERVER = 2,
    RDP_NEG_SSL_CERT_NOT_ON_SERVER = 3,
    RDP_NEG_INCONSISTENT_FLAGS = 4,
    RDP_NEG_HYBRID_REQUIRED_BY_SERVER = 5,
    RDP_NEG_SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER = 6,
};

struct x224_request {
    uint16_t source_ref;
    /* What a log may show: bytes outside printable ASCII became '?'. Empty where not sent. */
    char cookie_user[X224_LINE_MAX + 1]; /* the NAME of "Cookie: mstshash=NAME", often cut by the client */
    char routing_token[X224_LINE_MAX +
                       1]; /* the TOKEN of "Cookie: msts=TOKEN", or the whole line of any other token */
    bool has_negotiation;  /* without it the client knows standard RDP security only */
    uint8_t flags;         /* enum rdp_neg_request_flag */
    uint32_t protocols;    /* enum rdp_protocol, a set */
    bool has_correlation_id;
    uint8_t correlation_id[16];
};

struct x224_confirm {
    bool has_negotiation; /* without it the server chose standard RDP security */
    bool failed;          /* then failure_code holds, else flags and protocol */
    uint8_t flags;        /* enum rdp_neg_response_flag */
    uint32_t protocol;    /* enum rdp_protocol, one of them */
    uint32_t failure_code;
};

/* Connection Request: CE_BAD_INPUT where it is none. */
int x224_parse_request(const uint8_t *pdu, size_t len, struct x224_request *ret_request) MUST_CHECK;

/* COOKIE_USER and ROUTING_TOKEN may be NULL; at most one is sent (the token). PROTOCOLS of 0 leaves
 * RDP_NEG_REQ out. */
void x224_write_request(struct writer *w, const char *cookie_user, const char *routing_token, uint8_t flags,
                        uint32_t protocols);

int x224_parse_confirm(const uint8_t *pdu, size_t len, struct x224_confirm *ret_confirm) MUST_CHECK;
void x224_write_confirm(struct writer *w, uint8_t flags, uint32_t protocol);
void x224_write_failure(struct writer *w, enum rdp_neg_failure code);

/* The contents of a Data TPDU: what stands behind its seven bytes of headers. */
int x224_parse_data(const uint8_t *pdu, size_t len, struct cursor *ret_payload) MUST_CHECK;

/* Writes TPKT and Data TPDU headers; the payload follows; x224_data_end() fills in the length. */
size_t x224_data_begin(struct writer *w);
void x224_data_end(struct writer *w, size_t start);

#endif
