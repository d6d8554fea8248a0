/* What a client's first token offers: whether Kerberos is its first choice. SPNEGO's NegTokenInit (RFC 4178 4.2.1) inside
 * the frame of RFC 2743 3.1, or a Kerberos token without SPNEGO. Only a question of which library reads the token; that
 * library parses all of it again.
 *
 * Pure function, any thread.
 */
#ifndef CARREL_BROKER_SPNEGO_OFFER_H
#define CARREL_BROKER_SPNEGO_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False for whatever is broken. */
bool spnego_offers_kerberos(const uint8_t *token, size_t len);

#endif
