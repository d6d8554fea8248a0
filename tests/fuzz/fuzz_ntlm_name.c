#include "fuzz.h"

#include <string.h>

#include "../../broker/ntlm_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ntlm_name name;
    if (ntlm_name_parse(data, size, &name) == 0)
        MUST(strlen(name.user) < NTLM_NAME_SIZE && strlen(name.domain) < NTLM_NAME_SIZE);
    return 0;
}
