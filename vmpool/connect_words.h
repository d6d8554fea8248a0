/* Why a host cannot be connected to, for whoever reads "host show": libvirt's words in one line, and behind them what
 * they mean where libvirt leaves that to its log. Pure; any thread.
 */
#ifndef VMPOOL_CONNECT_WORDS_H
#define VMPOOL_CONNECT_WORDS_H

#include <stddef.h>

/* SAID may have several lines, as those of ssh. What is too long for RET is cut. */
void connect_words(const char *said, char *ret, size_t size);

#endif
