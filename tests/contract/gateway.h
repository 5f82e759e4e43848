/* A gateway between a store and the real S3 server that does its worst: it answers with errors itself, cuts answers
 * off, changes them, or does not listen. What it passes on reaches the real server unchanged. */
#ifndef CONTRACT_GATEWAY_H
#define CONTRACT_GATEWAY_H

#include <stddef.h>

struct gateway;

enum gateway_mode {
	GATEWAY_PASS,   /* passed on */
	GATEWAY_ANSWER, /* answered by `status` and `body` instead */
	GATEWAY_LOSE,   /* passed on, and then answered by `status` and `body` */
	GATEWAY_CUT,    /* the answer breaks off in the middle */
	GATEWAY_FLIP,   /* one bit of the answer's body is flipped */
};
enum { GATEWAY_ALWAYS = 1 << 30 };

/* Listens in front of the real server at "http://127.0.0.1:port"; *endpoint is the gateway's own address, which it
 * owns. */
struct gateway *gateway_start(const char *server, const char **endpoint);
/* Forgets all rules, and sets one for the next `times` requests. status is what follows "HTTP/1.1 ": code, reason,
 * and further header lines; NULL: no answer at all. Keeps both texts by pointer. */
void gateway_set(struct gateway *gateway, enum gateway_mode mode, int times, const char *status,
                 const char *body);
/* Adds a rule for the next `times` requests whose head matches the pattern: an extended regular expression in which
 * ^ matches at each line, ignoring case. The first matching rule that is not used up applies. */
void gateway_rule(struct gateway *gateway, const char *pattern, enum gateway_mode mode, int times, const char *status,
                  const char *body);
/* How many requests with a matching head have come since gateway_set. */
size_t gateway_count(struct gateway *gateway, const char *pattern);
/* Stop listening; listen again at the same address. */
void gateway_down(struct gateway *gateway);
void gateway_up(struct gateway *gateway);
void gateway_stop(struct gateway *gateway);

#endif
