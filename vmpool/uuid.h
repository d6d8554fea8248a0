/* Random UUIDs (RFC 9562, version 4) for domains. Any thread. */
#ifndef VMPOOL_UUID_H
#define VMPOOL_UUID_H

#define UUID_SIZE 37

void uuid_make(char ret[UUID_SIZE]);
/* The one that BYTES make, with version and variant set. */
void uuid_from(const unsigned char bytes[16], char ret[UUID_SIZE]);

#endif
