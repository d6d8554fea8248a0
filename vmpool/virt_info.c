#include "virt_info.h"

#include <stdio.h>
#include <stdlib.h>

#include <libvirt/libvirt.h>

#include "virt_internal.h"

void virt_info_read(struct virt_conn *conn, struct virt_host_info *ret)
{
    unsigned long version = 0;
    if (!virConnectGetLibVersion(conn->conn, &version))
        snprintf(ret->libvirt_version, sizeof ret->libvirt_version, "%lu.%lu.%lu", version / 1000000,
                 version / 1000 % 1000, version % 1000);
    version = 0;
    const char *type = virConnectGetType(conn->conn);
    if (!virConnectGetVersion(conn->conn, &version))
        snprintf(ret->hypervisor_version, sizeof ret->hypervisor_version, "%.12s %lu.%lu.%lu",
                 type ? type : "", version / 1000000, version / 1000 % 1000, version % 1000);
    virNodeInfo node;
    if (!virNodeGetInfo(conn->conn, &node)) {
        ret->vcpus = node.cpus;
        ret->memory_mib = node.memory / 1024;
    }
    char *capabilities = virConnectGetCapabilities(conn->conn);
    if (capabilities)
        host_processor_read(capabilities, ret->processor);
    free(capabilities);
}
