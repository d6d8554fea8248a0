#include "fuzz.h"

#include "../../broker/spnego_offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* What is an offer has room for an OID of Kerberos. */
    if (spnego_offers_kerberos(data, size))
        MUST(size > 9);
    return 0;
}
