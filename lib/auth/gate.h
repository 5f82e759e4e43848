/* Checks the passwords that people chose, and slows down those who guess them.
 *
 * nginx checks generated keys by itself; what it does not let in is asked here, whatever name it bears, so that
 * a wrong password is answered alike for all names. Failures are counted per name over all addresses: after
 * GATE_FAILURES a minute nothing more is checked for a while. That a stranger cannot lock a person out by it:
 *  - an address from which the person has come in before has a count of its own;
 *  - an address that has failed at no time lately is let try, GATE_FRESH of them a minute;
 *  - generated keys never come here.
 * A password that was right is known again by an HMAC under a key of this process, so that its slow hash is
 * computed once. All is in memory of fixed size, in which names and addresses are distinguished by keyed hashes:
 * no stranger can choose whose cell they share.
 *
 * Thread-safe. */
#ifndef AUTH_GATE_H
#define AUTH_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum {
	GATE_FAILURES = 10, /* a minute and name, or name and address: then it is too many */
	GATE_FRESH = 6,     /* a minute and name */
	GATE_BURST = 4,     /* seconds' worth of a person's rate that may come at once */
};

struct gate;

/* rate: requests a second of a user and address, where the password has a slow hash
 * (limits.human_requests_per_second). */
int gate_open(struct gate **out, const char *json_user_dir, int64_t rate, struct err *err);
void gate_free(struct gate *gate);

enum gate_answer {
	GATE_RIGHT,
	GATE_WRONG, /* or there is no such user, or the password is empty */
	GATE_SLOW,  /* too many failures, or too many requests: nothing was checked */
};

/* Whether the password is the user's. address: the client's, as text. now_us: of a clock that never goes back.
 * *wait_us: after which to ask again (GATE_SLOW). */
enum gate_answer gate_ask(struct gate *gate, const char *user, const char *password, const char *address,
                          int64_t now_us, int64_t *wait_us);

/* The name and password of an "Authorization: Basic" header, as nginx reads it (RFC 7617: up to the first colon is the
 * name). Both point into space, which holds GATE_BASIC_MAX bytes. false when it is none, or holds a NUL. */
enum { GATE_BASIC_MAX = 8192 };
bool gate_basic(const char *header, char space[GATE_BASIC_MAX], const char **user, const char **password);

#endif
