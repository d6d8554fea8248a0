/* Where OpenSSL's large buffers stand. OpenSSL 3 wants the payload of each record at a multiple of eight: behind
 * a record's header of five bytes it never is, so before each record it moves all that was read ahead, up to 64 KiB
 * for a PDU of 200 bytes. A buffer that itself begins three bytes behind a multiple of eight ends that, for then the
 * first record is where OpenSSL wants it and the others stay where they are.
 */
#ifndef CARREL_GATEWAY_TLS_MEMORY_H
#define CARREL_GATEWAY_TLS_MEMORY_H

/* Once, before OpenSSL is used. Where OpenSSL refuses, everything works as before. */
void tls_memory_init(void);

#endif
