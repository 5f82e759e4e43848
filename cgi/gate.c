/* Answers nginx whether to let in a user whose password nginx does not check itself. */
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "program.h"

/* How long a refusal takes. Its time must not show whether a slow hash was computed, and so whether the user exists:
 * it is that of the slowest check so far, within bounds (sha512crypt: 3 ms). */
enum { REFUSED_MIN_US = 20 * 1000, REFUSED_MAX_US = 250 * 1000 };

static void refuse_at(int64_t begun)
{
	static _Atomic int64_t slowest = REFUSED_MIN_US;
	int64_t took = clock_us() - begun, so_far = slowest;
	while (took > so_far && took <= REFUSED_MAX_US && !atomic_compare_exchange_weak(&slowest, &so_far, took))
		;
	int64_t end = begun + slowest;
	struct timespec until = clock_timespec(end);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int gate_refuse(struct call *call, enum gate_answer answer, int64_t wait_us, struct err *err)
{
	char seconds[32];
	/* nginx accepts only 401 and 403 as refusals; it turns one with Retry-After into a 429. */
	reply_empty(call->reply, 401);
	if (answer != GATE_SLOW)
		return 0;
	snprintf(seconds, sizeof(seconds), "%lld", (long long)((wait_us + MICROSECONDS - 1) / MICROSECONDS));
	return reply_header(call->reply, "Retry-After", seconds, err);
}

/* Whom a proxy has let in need only be known here. */
static int let_in_by_proxy(struct call *call, const char *user)
{
	reply_empty(call->reply, auth_knows(call->app->auth, user) ? 204 : 401);
	return 0;
}

static int let_in(struct call *call, struct err *err)
{
	char space[GATE_BASIC_MAX];
	const char *header = request_header(call->request, "HTTP_AUTHORIZATION"), *user, *password;
	const char *address = request_header(call->request, "REMOTE_ADDR");
	const char *by_proxy = request_header(call->request, "PROXY_USER"); /* which nginx trusts */
	int64_t begun = clock_us(), wait_us = 0;
	enum gate_answer answer = GATE_WRONG;

	if (by_proxy && by_proxy[0])
		return let_in_by_proxy(call, by_proxy);
	/* The checked name must be the one that nginx passes to other programs. */
	if (header && gate_basic(header, space, &user, &password) && strcmp(user, call->request->user) == 0)
		answer = gate_ask(call->app->gate, user, password, address ? address : "", begun, &wait_us);
	explicit_bzero(space, sizeof(space));
	reply_empty(call->reply, 204);
	if (answer == GATE_RIGHT)
		return 0;
	if (answer == GATE_WRONG)
		refuse_at(begun);
	return gate_refuse(call, answer, wait_us, err);
}

static const struct route routes[] = {
	{"GET", "/.gate", ROLE_NONE, let_in, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "gate", .routes = routes, .threads = 64, .no_datasets = true, .passwords = true};

	return program_run(&program, argc, argv);
}
