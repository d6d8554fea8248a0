/* The relay's I/O: decrypt what came, up to 64 KiB, then write once; back-pressure; the last bytes. One
 * direction is read on one endpoint and written on the other. On the session's thread; nothing here allocates
 * per PDU.
 */
#ifndef CARREL_GATEWAY_PUMP_H
#define CARREL_GATEWAY_PUMP_H

struct session;

void pump_begin(struct session *s);
void pump_front(struct session *s, int events); /* the client's socket is ready */
void pump_back(struct session *s, int events);
void pump_continue(struct session *s); /* decrypted bytes were left behind */
void pump_rested(struct session *s);   /* a direction was left alone for a moment, which is over */

#endif
