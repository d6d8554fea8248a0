/* carrelctl session message: one text to one session, several, those of a pool, or all. */
#ifndef CARREL_CTL_SESSION_MESSAGE_H
#define CARREL_CTL_SESSION_MESSAGE_H

#include "command.h"

int session_message(struct ctl *ctl);

extern const struct ctl_option session_message_options[];

#endif
