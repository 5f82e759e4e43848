/* The one error value of the project: a code that says what kind, and a finished sentence for a person.
 *
 * Everywhere, a function that can fail takes `struct err *err` last and returns 0 on success, non-zero on failure
 * with *err set. A caller passes it up with `||`; the library never prints it. An err holds no memory and needs no
 * release; it belongs to one thread. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/banned.h"

enum err_code {
	ERR_NONE,
	ERR_BAD_REQUEST,     /* malformed input: 400 */
	ERR_FORBIDDEN,       /* this user may see it, but not change it: 403 */
	ERR_NOT_FOUND,       /* absent, or this user may not see it: 404 */
	ERR_METHOD,          /* the path does not have this method: 405 */
	ERR_CONFLICT,        /* another version, a lost lease, a taken name: 409 */
	ERR_LENGTH_REQUIRED, /* 411 */
	ERR_TOO_LARGE,       /* over a limit: 413 */
	ERR_MEDIA_TYPE,      /* a type that is not accepted: 415 */
	ERR_UNPROCESSABLE,   /* understood, but refused: 422 */
	ERR_INTERNAL,        /* a bug or a broken store: 500 */
	ERR_UPSTREAM,        /* a store answered with nonsense or an error: 502 */
	ERR_UNAVAILABLE,     /* a store is down: 503 */
	ERR_NO_SPACE,        /* disk or quota full: 507 */
	ERR_SLOW,            /* the body did not come in time: 408 */
	ERR_TOO_MANY,        /* this user asks for too much at once: 429 */
	ERR_GONE,            /* it was there, but is not kept any more: 410 */
};

/* Which part failed, where that is worth counting. */
enum err_origin { ERR_FROM_ANYWHERE, ERR_FROM_DATASETS, ERR_FROM_IMAGES, ERR_ORIGINS };

enum { ERR_TEXT_MAX = 512 }; /* bytes of a message with its NUL; longer ones are cut at a UTF-8 boundary */

struct err {
	enum err_code code;
	enum err_origin origin;
	bool exhausted; /* this process lacked memory or descriptors: that says nothing of what it was to look at */
	char text[ERR_TEXT_MAX];
};

/* Sets code and message; returns -1, so that `return err_set(…)` reads well. err may be NULL. */
int err_set(struct err *err, enum err_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set, with strerror appended: ENOSPC, EDQUOT and EFBIG (for a writer, a limit on file sizes is like a full
 * disk) become ERR_NO_SPACE. Where `code` is ERR_INTERNAL, what fails at this moment, not for good (EIO, EMFILE,
 * ENFILE, ENOMEM, EROFS), becomes ERR_UNAVAILABLE. Every other errno is `code`. EMFILE, ENFILE and ENOMEM set
 * `exhausted`. */
int err_errno(struct err *err, enum err_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether an errno means that this process, or the system, is out of memory or descriptors. */
bool err_exhausts(int number);

/* Whether the server failed, so that the same request may succeed later (500, 502, 503, 507). */
bool err_is_ours(const struct err *err);
/* Whether the error means that a store is down (502, 503), so that the next request to it will fail, too. */
bool err_is_down(const struct err *err);

/* Says that the error is a store's, if it is one of the server (err_is_ours); returns -1. err may be NULL. */
int err_from(struct err *err, enum err_origin origin);

/* Puts `prefix: ` before the message already there; returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
