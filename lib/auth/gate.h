/* Checks the passwords that people chose, and slows down those who guess them.
 *
 * nginx checks generated keys itself; every other password comes here, whatever the name, so that a wrong password
 * gets the same answer for all names. Failures are counted per name over all addresses: after GATE_FAILURES a minute
 * nothing more is checked for a while. So that a stranger cannot lock a person out this way:
 *  - an address from which the person has logged in before has a count of its own;
 *  - an address that has not failed lately may try, GATE_FRESH of them a minute;
 *  - generated keys never come here.
 * A right password is recognised again by an HMAC under a key of this process, so that its slow hash is computed
 * once. Everything is in memory of fixed size, in which names and addresses are distinguished by keyed hashes: no
 * stranger can choose whose cell they share.
 *
 * Thread-safe. */
#ifndef AUTH_GATE_H
#define AUTH_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum {
	GATE_FAILURES = 10, /* the limit a minute for a name, or for a name and address */
	GATE_FRESH = 6,     /* a minute for a name */
	GATE_BURST = 4,     /* seconds' worth of a person's rate that may come at once */
};

struct gate;

/* rate: requests a second that a user may make from one address, where the password has a slow hash
 * (limits.human_requests_per_second). */
int gate_open(struct gate **out, const char *json_user_dir, int64_t rate, struct err *err);
void gate_free(struct gate *gate);

enum gate_answer {
	GATE_RIGHT,
	GATE_WRONG, /* or there is no such user, or the password is empty */
	GATE_SLOW,  /* too many failures, or too many requests: nothing was checked */
};

/* Checks whether the password is the user's. address: the client's, as text. now_us: from a clock that never goes
 * back. *wait_us: how long to wait before asking again (GATE_SLOW). */
enum gate_answer gate_ask(struct gate *gate, const char *user, const char *password, const char *address,
                          int64_t now_us, int64_t *wait_us);

/* Reads the name and password from an "Authorization: Basic" header, as nginx does (RFC 7617: the name ends at the
 * first colon). Both point into space, which holds GATE_BASIC_MAX bytes. False when the header is another one, or
 * holds a NUL. */
enum { GATE_BASIC_MAX = 8192 };
bool gate_basic(const char *header, char space[GATE_BASIC_MAX], const char **user, const char **password);

#endif
