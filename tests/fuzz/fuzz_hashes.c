/* Fuzzes hashes of passwords: the input's first line is the hash, the second the password. One that may be kept has no
 * character that ends a line or a field of nginx's file. crypt(3) itself, which takes as long as the hash says, is left
 * out.
 *
 * Parses: lib/auth/password.c lib/auth/apr1.c lib/base/hash.c */
#include "fuzz.h"

#include "auth/apr1.h"
#include "auth/password.h"
#include "base/hash.h"

static void check_base64(const char *text)
{
	struct buf bytes, again;

	buf_init(&bytes, SIZE_MAX / 4);
	buf_init(&again, SIZE_MAX / 4);
	if (hash_base64_decode(text, strlen(text), &bytes) == 0) {
		hash_base64(bytes.data, bytes.len, &again);
		require(strcmp(buf_text(&again), text) == 0);
	}
	buf_release(&again);
	buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *hash = fuzz_text(data, size), *password = strchr(hash, '\n'), made[PASSWORD_HASH_MAX];
	struct err err = {0};

	if (password)
		*password++ = '\0';
	else
		password = hash + strlen(hash);
	check_base64(hash);
	password_is_key(hash);
	if (password_check_hash(hash, &err)) {
		require_told(&err);
	} else {
		require(!strpbrk(hash, ":\n") && strlen(hash) < PASSWORD_HASH_MAX);
		if (hash[0] == '{' || strncmp(hash, APR1, strlen(APR1)) == 0)
			password_matches(hash, password);
	}
	password_ssha(password, hash, made);
	require(password_matches(made, password) && password_check_hash(made, NULL) == 0);
	free(hash);
	return 0;
}
