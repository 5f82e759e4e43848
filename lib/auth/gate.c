/* Checks passwords that people chose, and counts failures. */
#include "auth/gate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"

enum {
	CELLS = 1 << 16, /* in each row of a kind of counter */
	ROWS = 2,
	KNOWN = 1 << 14, /* passwords that are recognised without their slow hash */
	STRIPES = 64,    /* names whose passwords are checked at the same time */
	MINUTE = 60 * MICROSECONDS,
	MAC = HASH_SHA256_SIZE,
	ADDRESS_MAX = 64,
};

/* Counters that drain by themselves: GCRA (ITU-T I.371), the time at which each will be empty. One has a cell in each
 * row, and is the lowest of these: a name is only taken for others if others share all its cells (a count-min sketch
 * with conservative update: Estan and Varghese, New Directions in Traffic Measurement and Accounting, 2002). */
struct counters {
	int64_t cells[ROWS][CELLS];
};

struct known {
	uint64_t tag; /* from name and address; 0 = free */
	unsigned char mac[MAC];
};

struct gate {
	struct auth *auth;
	unsigned char key[MAC];
	int64_t rate;
	pthread_mutex_t checks[STRIPES]; /* one password of a name is checked at a time, so that its counts are exact */
	pthread_mutex_t lock;            /* protects the fields below */
	struct counters names, pairs, fresh, requests;
	struct known known[KNOWN];
};

int gate_open(struct gate **out, const char *json_user_dir, int64_t rate, struct err *err)
{
	struct gate *gate = memory_new(1, sizeof(*gate));
	if (getrandom(gate->key, sizeof(gate->key), 0) != (ssize_t)sizeof(gate->key))
		abort();
	gate->rate = rate;
	pthread_mutex_init(&gate->lock, NULL);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&gate->checks[i], NULL);
	if (auth_open_passwords(&gate->auth, json_user_dir, err) != 0) {
		gate_free(gate);
		return -1;
	}
	*out = gate;
	return 0;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	auth_free(gate->auth);
	pthread_mutex_destroy(&gate->lock);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&gate->checks[i]);
	explicit_bzero(gate, sizeof(*gate));
	free(gate);
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

static int64_t *gate_cell(struct counters *counters, uint64_t tag, int row)
{
	return &counters->cells[row][(size_t)(tag >> 16 * (row + 1)) % CELLS];
}

static int64_t empty_at(struct counters *counters, uint64_t tag)
{
	int64_t lowest = *gate_cell(counters, tag, 0);
	for (int row = 1; row < ROWS; row++) {
		int64_t at = *gate_cell(counters, tag, row);
		lowest = at < lowest ? at : lowest;
	}
	return lowest;
}

/* How many microseconds until the counter has room for one more of `limit` a `period`; 0: now. */
static int64_t wait_for(struct counters *counters, uint64_t tag, int64_t now, int64_t limit, int64_t period)
{
	int64_t at = empty_at(counters, tag), excess = (at > now ? at - now : 0) + period / limit - period;
	return excess > 0 ? excess : 0;
}

static void count(struct counters *counters, uint64_t tag, int64_t now, int64_t limit, int64_t period)
{
	int64_t at = empty_at(counters, tag), raised = (at > now ? at : now) + period / limit;
	for (int row = 0; row < ROWS; row++) {
		int64_t *cell = gate_cell(counters, tag, row);
		*cell = *cell > raised ? *cell : raised;
	}
}

/* --- names and addresses ------------------------------------------------------------------------------------------ */

static void mac_of(const struct gate *gate, const char *a, const char *b, const char *c, unsigned char mac[MAC])
{
	struct buf text;
	buf_init(&text, 2 * GATE_BASIC_MAX);
	buf_add(&text, a, strlen(a) + 1);
	buf_add(&text, b, strlen(b) + 1);
	buf_str(&text, c);
	hash_hmac_sha256(gate->key, sizeof(gate->key), buf_text(&text), text.len, mac);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
}

static uint64_t gate_tag(const struct gate *gate, const char *kind, const char *user, const char *address)
{
	unsigned char mac[MAC];
	uint64_t tag;
	mac_of(gate, kind, user, address, mac);
	memcpy(&tag, mac, sizeof(tag));
	return tag | 1;
}

/* The owner of an IPv6 address has all 2^64 of its network. */
static void network_of(const char *address, char out[ADDRESS_MAX])
{
	struct in6_addr in6;
	snprintf(out, ADDRESS_MAX, "%s", address);
	if (inet_pton(AF_INET6, address, &in6) != 1)
		return;
	memset(in6.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &in6, out, ADDRESS_MAX);
}

/* One attempt: what identifies it, and what is known about it. */
struct attempt {
	const char *user, *password;
	char hash[AUTH_HASH_MAX]; /* "": there is no such user */
	uint64_t name, pair;
	unsigned char mac[MAC];
	int64_t now;
	bool is_known; /* this user has logged in from this address before */
	bool is_same;  /* and with this password, which has not changed */
	bool is_fresh; /* allowed although the name has failed too often */
};

static struct known *known_of(struct gate *gate, uint64_t pair)
{
	return &gate->known[(size_t)(pair >> 16) % KNOWN];
}

/* --- one attempt -------------------------------------------------------------------------------------------------- */

/* How long the attempt must wait before it is checked. */
static int64_t brake(struct gate *gate, struct attempt *attempt)
{
	const struct known *known = known_of(gate, attempt->pair);
	attempt->is_known = known->tag == attempt->pair;
	attempt->is_same = attempt->is_known && hash_equal(known->mac, attempt->mac, MAC) != 0;
	int64_t pair = wait_for(&gate->pairs, attempt->pair, attempt->now, GATE_FAILURES, MINUTE);
	if (pair > 0 || attempt->is_known)
		return pair;
	int64_t name = wait_for(&gate->names, attempt->name, attempt->now, GATE_FAILURES, MINUTE);
	if (name == 0)
		return 0;
	attempt->is_fresh = empty_at(&gate->pairs, attempt->pair) <= attempt->now &&
	                    wait_for(&gate->fresh, attempt->name, attempt->now, GATE_FRESH, MINUTE) == 0;
	return attempt->is_fresh ? 0 : name;
}

static void gate_note(struct gate *gate, const struct attempt *attempt, bool right)
{
	if (right) {
		struct known *known = known_of(gate, attempt->pair);
		known->tag = attempt->pair;
		memcpy(known->mac, attempt->mac, MAC);
		return;
	}
	count(&gate->pairs, attempt->pair, attempt->now, GATE_FAILURES, MINUTE);
	if (attempt->is_fresh)
		count(&gate->fresh, attempt->name, attempt->now, GATE_FRESH, MINUTE);
	else if (!attempt->is_known)
		count(&gate->names, attempt->name, attempt->now, GATE_FAILURES, MINUTE);
}

static enum gate_answer gate_check(struct gate *gate, struct attempt *attempt, int64_t *wait_us)
{
	pthread_mutex_lock(&gate->lock);
	*wait_us = brake(gate, attempt);
	pthread_mutex_unlock(&gate->lock);
	if (*wait_us > 0)
		return GATE_SLOW;
	bool right = attempt->is_same || (attempt->hash[0] && password_matches(attempt->hash, attempt->password));
	pthread_mutex_lock(&gate->lock);
	gate_note(gate, attempt, right);
	pthread_mutex_unlock(&gate->lock);
	return right ? GATE_RIGHT : GATE_WRONG;
}

/* Limits how often a user who was let in may ask. */
static enum gate_answer limit_rate(struct gate *gate, const struct attempt *attempt, int64_t *wait_us)
{
	int64_t limit = GATE_BURST * gate->rate, period = GATE_BURST * MICROSECONDS;
	if (password_is_fast(attempt->hash))
		return GATE_RIGHT;
	pthread_mutex_lock(&gate->lock);
	*wait_us = wait_for(&gate->requests, attempt->pair, attempt->now, limit, period);
	if (*wait_us == 0)
		count(&gate->requests, attempt->pair, attempt->now, limit, period);
	pthread_mutex_unlock(&gate->lock);
	return *wait_us == 0 ? GATE_RIGHT : GATE_SLOW;
}

enum gate_answer gate_ask(struct gate *gate, const char *user, const char *password, const char *address,
                          int64_t now_us, int64_t *wait_us)
{
	char network[ADDRESS_MAX];
	struct attempt attempt = {.user = user, .password = password, .now = now_us};
	if (!*password)
		return GATE_WRONG;
	network_of(address, network);
	auth_hash(gate->auth, user, attempt.hash);
	attempt.name = gate_tag(gate, "name", user, "");
	attempt.pair = gate_tag(gate, "pair", user, network);
	mac_of(gate, user, attempt.hash, password, attempt.mac);

	pthread_mutex_t *one = &gate->checks[(attempt.name >> 8) % STRIPES];
	pthread_mutex_lock(one);
	enum gate_answer answer = gate_check(gate, &attempt, wait_us);
	pthread_mutex_unlock(one);
	if (answer == GATE_RIGHT)
		answer = limit_rate(gate, &attempt, wait_us);
	explicit_bzero(&attempt, sizeof(attempt));
	return answer;
}

bool gate_basic(const char *header, char space[GATE_BASIC_MAX], const char **user, const char **password)
{
	if (strncasecmp(header, "Basic ", 6) != 0)
		return false;
	header += 6 + strspn(header + 6, " ");
	struct buf text;
	buf_init(&text, GATE_BASIC_MAX - 1);
	bool whole = hash_base64_decode(header, strlen(header), &text) == 0 && text.len < GATE_BASIC_MAX &&
	             strlen(buf_text(&text)) == text.len;
	if (whole)
		memcpy(space, buf_text(&text), text.len + 1);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
	char *colon = whole ? strchr(space, ':') : NULL;
	if (!colon)
		return false;
	*colon = '\0';
	*user = space;
	*password = colon + 1;
	return true;
}
