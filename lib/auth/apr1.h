/* Apache's MD5 of a password ($apr1$), as htpasswd writes it and nginx reads it. Written by hand: crypt(3) knows
 * only its sibling $1$, and OpenSSL has it only as a command. Thread-safe. */
#ifndef AUTH_APR1_H
#define AUTH_APR1_H

#define APR1 "$apr1$"

enum { APR1_MAX = 40 };

/* Hashes a password with the salt of `hash`, which begins with $apr1$. */
void apr1(const char *password, const char *hash, char out[APR1_MAX]);

#endif
