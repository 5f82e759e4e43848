/* A gateway between a store and the real S3 server that does its worst: it answers with errors itself, cuts
 * answers off, changes them, or does not listen. What it passes on reaches the real server unchanged. */
#ifndef CONTRACT_GATEWAY_H
#define CONTRACT_GATEWAY_H

#include <stddef.h>

struct gateway;

enum gateway_mode {
	GATEWAY_PASS,   /* passed on */
	GATEWAY_ANSWER, /* answered by `status` and `body` instead */
	GATEWAY_LOSE,   /* passed on, and then answered by `status` and `body` */
	GATEWAY_CUT,    /* the answer breaks off in the middle */
	GATEWAY_FLIP,   /* one bit of the answer's body is another one */
};
enum { GATEWAY_ALWAYS = 1 << 30 };

/* Begins to listen before "http://127.0.0.1:port" of the real server; *endpoint is its own address, owned
 * by it. */
struct gateway *gateway_start(const char *server, const char **endpoint);
/* Forgets all rules, and gives the next `times` requests this one. status is what follows "HTTP/1.1 ": code, reason,
 * and further header lines; NULL: no answer at all. Both texts are kept by pointer. */
void gateway_set(struct gateway *gateway, enum gateway_mode mode, int times, const char *status,
                 const char *body);
/* Adds one for the next `times` requests whose head matches the pattern: an extended regular expression of which ^
 * matches at each line, in either case of letters. The first rule that matches, and is not used up, holds. */
void gateway_rule(struct gateway *gateway, const char *pattern, enum gateway_mode mode, int times, const char *status,
                  const char *body);
/* How many requests whose head matches have come since gateway_set. */
size_t gateway_count(struct gateway *gateway, const char *pattern);
/* Stops and begins to listen at the same address. */
void gateway_down(struct gateway *gateway);
void gateway_up(struct gateway *gateway);
void gateway_stop(struct gateway *gateway);

#endif
