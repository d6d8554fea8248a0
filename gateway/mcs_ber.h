/* MCS Connect-Initial and Connect-Response (T.125 section 7, BER), MS-RDPBCGR 2.2.1.3 and 2.2.1.4: the
 * envelope around the GCC conference request and response of gcc.h.
 *
 * Pure functions, any thread. Parsers take one whole TPKT packet, writers append one. Out-parameters are
 * untouched on failure; the pointers in them go into the caller's PDU.
 */
#ifndef CARREL_MCS_BER_H
#define CARREL_MCS_BER_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum {
    /* Known clients send 400 to 1,100 bytes: this leaves room for 16 monitors and 31 channels. */
    MCS_CONNECT_MAX_LEN = 8192,
};

struct mcs_domain_parameters {
    uint32_t max_channel_ids;
    uint32_t max_user_ids;
    uint32_t max_token_ids;
    uint32_t num_priorities;
    uint32_t min_throughput;
    uint32_t max_height;
    uint32_t max_mcs_pdu_size;
    uint32_t protocol_version;
};

struct mcs_connect_initial {
    struct mcs_domain_parameters target;
    struct mcs_domain_parameters minimum;
    struct mcs_domain_parameters maximum;
    const uint8_t *user_data; /* borrowed from the PDU: a GCC Conference Create Request */
    size_t user_data_len;
};

struct mcs_connect_response {
    uint8_t result; /* 0: rt-successful */
    struct mcs_domain_parameters parameters;
    const uint8_t *user_data; /* borrowed from the PDU: a GCC Conference Create Response */
    size_t user_data_len;
};

/* What Windows answers to every client, and what rdesktop and FreeRDP are happy with. */
extern const struct mcs_domain_parameters mcs_response_parameters;

int mcs_parse_connect_initial(const uint8_t *pdu, size_t len,
                              struct mcs_connect_initial *ret_initial) MUST_CHECK;
void mcs_write_connect_initial(struct writer *w, const struct mcs_connect_initial *initial);

int mcs_parse_connect_response(const uint8_t *pdu, size_t len,
                               struct mcs_connect_response *ret_response) MUST_CHECK;
void mcs_write_connect_response(struct writer *w, const struct mcs_connect_response *response);

#endif
