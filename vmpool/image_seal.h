/* How a golden disk was when it was imported: its length and the time of its last change, in a file beside it. Every
 * overlay rests on that disk byte for byte, so a guest is not started from one that has been cut off or replaced since:
 * it would run, with a file system made of two. A copy that keeps its times (cp -a, rsync -a, a backup) is the same disk.
 * Calls the disk; any thread.
 */
#ifndef VMPOOL_IMAGE_SEAL_H
#define VMPOOL_IMAGE_SEAL_H

#include <carrel/error.h>

/* Of FOLDER/disk.qcow2, at the end of its import. */
int image_seal_write(const char *folder, struct error *err) MUST_CHECK;

/* DISK as it is now; "": there is none to look at. CE_NOT_FOUND: it is not there; CE_BAD_INPUT: it is another. A disk
 * without a seal, of an older import, is believed. */
int image_seal_check(const char *disk, struct error *err) MUST_CHECK;

#endif
