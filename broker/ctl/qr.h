/* A text as a QR code of half blocks, for a phone to read from a terminal. The only file that calls libqrencode.
 */
#ifndef CARREL_CTL_QR_H
#define CARREL_CTL_QR_H

#include <stdio.h>

#include <carrel/error.h>

int qr_print(FILE *out, const char *text) MUST_CHECK;

#endif
