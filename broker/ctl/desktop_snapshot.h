/* carrelctl desktop snapshot: copies of a dedicated desktop's disk. */
#ifndef CARREL_CTL_DESKTOP_SNAPSHOT_H
#define CARREL_CTL_DESKTOP_SNAPSHOT_H

#include "ctl.h"
#include "field.h"

extern const struct field desktop_snapshot_fields[];
int desktop_snapshot(struct ctl *ctl) MUST_CHECK;

#endif
