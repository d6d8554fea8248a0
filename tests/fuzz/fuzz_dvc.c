#include "fuzz.h"

#include "dvc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dvc_create create;
    if (dvc_parse_create(data, size, &create) == 0) {
        MUST(create.name_len <= DVC_NAME_MAX && create.name_at + create.name_len < size);
        MUST(data[create.name_at + create.name_len] == 0 && data[0] >> 4 == DVC_CREATE);
        touch(data + create.name_at, create.name_len);
    }
    return 0;
}
