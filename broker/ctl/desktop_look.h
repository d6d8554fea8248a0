/* carrelctl desktop log, screenshot, console: looking into a guest. The console is virsh's, started with the host's URI;
 * log and screenshot come through the API.
 */
#ifndef CARREL_CTL_DESKTOP_LOOK_H
#define CARREL_CTL_DESKTOP_LOOK_H

#include "ctl.h"

struct field;

/* GET PATH and its fields, and below them the last lines of what the guest that failed wrote to its serial port: in the
 * object itself, or in its member WHERE. */
int desktop_show_with_words(struct ctl *ctl, const char *path, const struct field *fields,
                            const char *where) MUST_CHECK;

int desktop_log(struct ctl *ctl) MUST_CHECK;
int desktop_screenshot(struct ctl *ctl) MUST_CHECK;
int desktop_console(struct ctl *ctl) MUST_CHECK;

#endif
