/* What travels in a session under load: fast-path PDUs with a number in them, so that a lost, doubled,
 * reordered or altered byte is seen. Pure functions.
 *
 * Output (guest to client), any length from TRAFFIC_OUTPUT_MIN on: number, the tag of the input that it
 * answers, and then bytes of one fixed block of noise, from a place that the number says.
 * Input (client to guest): a QoE timestamp event with the tag and a mouse move, as clients send them.
 */
#ifndef CARREL_LOAD_TRAFFIC_H
#define CARREL_LOAD_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum {
    TRAFFIC_OUTPUT_MIN = 14,
    TRAFFIC_OUTPUT_MAX = 0x7fff,
    TRAFFIC_INPUT_LEN = 14,
    TRAFFIC_NO_TAG = 0, /* of output that answers nothing */
};

void traffic_init(void); /* makes the noise; once */

void traffic_write_output(uint8_t *pdu, size_t len, uint32_t number, uint32_t tag);
/* Compares every byte with what the PDU of this NUMBER must have. CE_BAD_INPUT. */
int traffic_check_output(const uint8_t *pdu, size_t len, uint32_t number, uint32_t *ret_tag) MUST_CHECK;

void traffic_write_input(uint8_t pdu[TRAFFIC_INPUT_LEN], uint32_t tag);
int traffic_check_input(const uint8_t *pdu, size_t len, uint32_t *ret_tag) MUST_CHECK;

#endif
