#include "fuzz.h"

#include <string.h>

#include <carrel/host_uri.h>

/* Whatever is let in names no program, and is opened with at most one more parameter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char uri[2 * HOST_URI_SIZE], opened[HOST_URI_OPEN_SIZE];
    struct error err = {0};
    if (size >= sizeof uri)
        return 0;
    memcpy(uri, data, size);
    uri[size] = 0;
    int rc = host_uri_check(uri, &err);
    MUST((rc == 0) == (err.code == 0));
    int opens = host_uri_for_libvirt(uri, opened, sizeof opened);
    if (rc)
        return 0;
    MUST(opens == 0);
    MUST(!strncmp(opened, uri, strlen(uri)));
    const char *query = strchr(uri, '?');
    if (query)
        MUST(strncmp(query, "?command=", 9) != 0 && !strstr(query, "&command=") &&
             !strstr(query, ";command="));
    return 0;
}
