/* Calls to the broker's API, one at a time: each runs the loop until its answer is there. A failed call has
 * complained in words (the problem document's detail where there is one) and returns the exit status.
 */
#ifndef CARREL_CTL_API_H
#define CARREL_CTL_API_H

#include <stdint.h>

#include "ctl.h"

struct ctl_option;

#define API_CALL_TIMEOUT_MS 30000
#define API_COMPLETE_TIMEOUT_MS 1500 /* completion: a silent broker must not hang the shell */
#define API_FOLLOW_SILENCE_MS 45000  /* three keep-alives of the event stream */

/* A path of the API: each %s of FORMAT becomes the next argument, percent-encoded. Never NULL (out of memory
 * ends the program); the caller frees it. */
char *api_path(const char *format, ...);

/* Calls METHOD PATH with BODY (stolen, may be NULL). *ret (may be NULL) is the answer, owned by the caller;
 * an empty answer is an empty object. */
int api_call(struct ctl *ctl, const char *method, const char *path, json_t *body, json_t **ret) MUST_CHECK;

/* Without complaints, for completion: the answer or NULL. */
json_t *api_ask(struct ctl *ctl, const char *path);

/* Calls EVENT for each object of the stream at PATH until it ends or EVENT returns false. */
int api_follow(struct ctl *ctl, const char *path, bool (*event)(void *arg, const json_t *event),
               void *arg) MUST_CHECK;

/* Lets MS pass between two looks at something that tells of its changes in no other way. */
int api_pause(struct ctl *ctl, uint64_t ms) MUST_CHECK;

/* A problem's DETAIL as it stands behind "carrelctl: ": a member of the request is called by the option that set it,
 * and the sentence looks as ours do. OPTIONS (may be NULL) are the command's. */
void api_put_complaint(const struct ctl_option *options, const char *detail, char *ret, size_t size);

void api_close(struct ctl *ctl);

/* --- reading answers ------------------------------------------------------------------------------------ */
const char *api_text(const json_t *object, const char *key); /* "" when it is absent or no string */
long long api_number(const json_t *object, const char *key); /* 0 when it is absent or no number */
bool api_flag(const json_t *object, const char *key);

/* The exit status for an HTTP status that is no success. */
enum ctl_exit api_exit_status(int http_status);

#endif
