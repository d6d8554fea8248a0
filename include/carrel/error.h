/* Error codes of library code, and a place for their words.
 *
 * Functions return 0 or one of these negative codes; where a sentence helps, the caller passes a
 * struct error and the callee fills it. The place that decides what to do logs once.
 */
#ifndef CARREL_ERROR_H
#define CARREL_ERROR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum carrel_error {
    CE_NOMEM = -1,
    CE_IO = -2,        /* a system call failed; the text has errno's words */
    CE_BAD_INPUT = -3, /* bytes or values from outside are not of the form asked for */
    CE_NOT_FOUND = -4,
    CE_EXISTS = -5,   /* a name or id is taken */
    CE_CONFLICT = -6, /* the object is not in the state that the call needs */
    CE_BUSY = -7,     /* try again: a lock or resource is held */
    CE_TIMEOUT = -8,
    CE_UNREACHABLE = -9, /* a peer, a daemon or the store cannot be had now */
    CE_REFUSED = -10,    /* policy says no */
    CE_LIMIT = -11,      /* a named limit is reached */
    CE_NO_SPACE = -12,   /* disk full */
    CE_UNSUPPORTED = -13,
    CE_CANCELLED = -14, /* the owner is closing */
    CE_INTERNAL = -15,  /* a bug; never the peer's fault */
    CE_NEED_MORE = -16, /* parsers: the bytes so far are a proper beginning */
};

/* One sentence about a failure, without a final full stop and without secrets. */
struct error {
    int code; /* enum carrel_error, 0 while unset */
    char text[400];
};

/* Fills E (may be NULL) and returns CODE, so that `return error_set(err, CE_IO, ...)` reads well. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The code's name ("not found"), never NULL. */
const char *error_name(int code);

#endif
