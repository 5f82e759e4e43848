/* A gateway between a store and the real S3 server that does its worst: it answers with errors itself, cuts
 * answers off, or does not listen. What it passes on reaches the real server unchanged. */
#ifndef CONTRACT_GATEWAY_H
#define CONTRACT_GATEWAY_H

struct gateway;

enum gateway_mode {
	GATEWAY_PASS,        /* everything is passed on */
	GATEWAY_ANSWER,      /* `status` and `body` to the next `times` requests, then pass */
	GATEWAY_CUT,         /* the answers to the next `times` requests break off in the middle, then pass */
	GATEWAY_CONDITIONAL, /* `status` and `body` to every request that has If-None-Match */
};

/* Begins to listen before "http://127.0.0.1:port" of the real server; *endpoint is its own address, owned
 * by it. */
struct gateway *gateway_start(const char *server, const char **endpoint);
/* status is what follows "HTTP/1.1 ": code, reason, and further header lines; NULL: no answer at all. Both
 * are kept by pointer. */
void gateway_set(struct gateway *gateway, enum gateway_mode mode, int times, const char *status,
                 const char *body);
/* Stops and begins to listen at the same address. */
void gateway_down(struct gateway *gateway);
void gateway_up(struct gateway *gateway);
void gateway_stop(struct gateway *gateway);

#endif
