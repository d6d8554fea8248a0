/* A host's processor, as far as guests on KVM see it. Pure; any thread. */
#ifndef VMPOOL_HOST_PROCESSOR_H
#define VMPOOL_HOST_PROCESSOR_H

#define HOST_PROCESSOR_SIZE 33

/* A hash of the architecture, vendor, model and features in libvirt's capabilities of a host, and of nothing that changes from
 * boot to boot; "" when they say nothing of a processor. */
void host_processor_read(const char *capabilities, char ret[HOST_PROCESSOR_SIZE]);

#endif
