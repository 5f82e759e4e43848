/* Passwords as they are kept: {SSHA} for generated keys, sha512crypt for what a person chose. Thread-safe.
 *
 * nginx checks a password inside its worker, so a slow hash stalls everyone (measured with sha512crypt: 65
 * requests/s instead of 76,000). A generated key of 128 bits needs no slow hash; passwords that people chose are
 * checked by the program gate (auth/gate.h). */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include <stdbool.h>

#include "base/err.h"

enum { PASSWORD_HASH_MAX = 512, PASSWORD_KEY_MAX = 32 };

/* A generated key: 128 random bits as 22 characters of base64url, not beginning with '-' (which would look like an
 * option on a command line). */
void password_generate(char out[PASSWORD_KEY_MAX]);

/* {SSHA}base64(SHA-1(password salt) salt), as nginx reads it. If `before` is such a hash of the same password, its
 * salt is kept, so that nothing changes. before may be NULL. */
void password_ssha(const char *password, const char *before, char out[PASSWORD_HASH_MAX]);

/* The same for a password that a person may have chosen: password_is_ssha_of_ours returns false for it. */
void password_ssha_of_chosen(const char *password, char out[PASSWORD_HASH_MAX]);

/* sha512crypt, 5000 rounds. */
int password_crypt(const char *password, char out[PASSWORD_HASH_MAX], struct err *err);

/* Checks that passwords can be checked against this hash: {SSHA}, {SHA}, $apr1$ and what crypt(3) knows.
 * ERR_BAD_REQUEST. */
int password_check_hash(const char *hash, struct err *err);

/* Whether it is the hash of this password. */
bool password_matches(const char *hash, const char *password);

/* Whether it is fast to check, so that its user's rate needs no limit. */
bool password_is_fast(const char *hash);

/* Whether the text looks like a generated key, and whether password_ssha made the hash (by its salt): what a person
 * chose can be guessed, however it is hashed. */
bool password_is_key(const char *password);
bool password_is_ssha_of_ours(const char *hash);

#endif
