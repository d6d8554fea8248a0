/* Whose log-in it is: the user's name in NTLM's third message (MS-NLMP 2.2.1.3), raw or inside SPNEGO. The
 * name is only a question for the store: what proves it is the whole message, which WinPR checks with that
 * user's hash.
 *
 * Pure function, any thread.
 */
#ifndef CARREL_BROKER_NTLM_NAME_H
#define CARREL_BROKER_NTLM_NAME_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum { NTLM_NAME_SIZE = 256 };

struct ntlm_name {
    char user[NTLM_NAME_SIZE]; /* UTF-8, as the client sent it */
    char domain[NTLM_NAME_SIZE];
};

/* CE_NOT_FOUND where TOKEN holds no AUTHENTICATE_MESSAGE, CE_BAD_INPUT where it is broken, CE_UNSUPPORTED
 * where its texts are no UTF-16. RET is untouched on failure. */
int ntlm_name_parse(const uint8_t *token, size_t len, struct ntlm_name *ret_name) MUST_CHECK;

#endif
