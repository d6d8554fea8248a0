/* Questions to the person at the terminal: passwords without echo, and whether something may be destroyed.
 * Both are asked on /dev/tty, so that pipes stay free; without a terminal they are refused with a sentence
 * that names the option to use instead.
 */
#ifndef CARREL_CTL_ASK_H
#define CARREL_CTL_ASK_H

#include "ctl.h"
#include "secret.h"

/* CTL_OK when --yes was given or the answer is yes. QUESTION is a whole sentence with its question mark. */
int ask_confirm(struct ctl *ctl, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(2, 3);

/* A new password: the first line of FILE ("-" is the standard input), or with FILE NULL asked for twice. */
int ask_password(struct ctl *ctl, const char *for_whom, const char *file, struct secret *ret) MUST_CHECK;

#endif
