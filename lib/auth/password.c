/* Makes and checks the forms in which passwords are kept. */
#include "auth/password.h"

#include <crypt.h>
#include <ctype.h>
#include <errno.h>

#include "auth/apr1.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define SSHA "{SSHA}"
#define SHA "{SHA}"

enum { SALT_BYTES = 12, SALT_TEXT = 16, SALT_MAX = 128, KEY_TEXT = 22 };

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

void password_generate(char out[PASSWORD_KEY_MAX])
{
	char token[HASH_TOKEN_MAX];
	do
		hash_random_token(HASH_TOKEN_BYTES, token);
	while (token[0] == '-' || !password_is_key(token));
	snprintf(out, PASSWORD_KEY_MAX, "%.*s", PASSWORD_KEY_MAX - 1, token);
	explicit_bzero(token, sizeof(token));
}

/* Decodes the digest of {SHA} or {SSHA}, which the salt follows; -1 when the text is no such hash. */
static int password_decode(const char *base64, struct buf *out)
{
	buf_init(out, HASH_SHA1_SIZE + SALT_MAX);
	if (hash_base64_decode(base64, strlen(base64), out) == 0 && out->len >= HASH_SHA1_SIZE)
		return 0;
	buf_release(out);
	return -1;
}

static void password_digest(const char *password, const void *salt, size_t salt_len, unsigned char out[64])
{
	struct hash_stream *stream = hash_stream_new("sha1");
	hash_stream_update(stream, password, strlen(password));
	hash_stream_update(stream, salt, salt_len);
	hash_stream_final(stream, out);
}

static bool is_ssha_of(const char *hash, const char *password)
{
	struct buf raw;
	if (!starts_with(hash, SSHA) || password_decode(hash + strlen(SSHA), &raw) != 0)
		return false;
	unsigned char expected[64];
	password_digest(password, raw.data + HASH_SHA1_SIZE, raw.len - HASH_SHA1_SIZE, expected);
	bool same = hash_equal(expected, raw.data, HASH_SHA1_SIZE) != 0;
	buf_release(&raw);
	return same;
}

static void salted(const char *password, const char *salt, char out[PASSWORD_HASH_MAX])
{
	unsigned char raw[64 + HASH_TOKEN_MAX];
	password_digest(password, salt, strlen(salt), raw);
	memcpy(raw + HASH_SHA1_SIZE, salt, strlen(salt));

	struct buf text;
	buf_init(&text, PASSWORD_HASH_MAX - 1);
	buf_str(&text, SSHA);
	hash_base64(raw, HASH_SHA1_SIZE + strlen(salt), &text);
	snprintf(out, PASSWORD_HASH_MAX, "%s", buf_text(&text));
	buf_release(&text);
}

void password_ssha(const char *password, const char *before, char out[PASSWORD_HASH_MAX])
{
	if (before && strlen(before) < PASSWORD_HASH_MAX && is_ssha_of(before, password)) {
		snprintf(out, PASSWORD_HASH_MAX, "%s", before);
		return;
	}
	char salt[HASH_TOKEN_MAX];
	hash_random_token(SALT_BYTES, salt);
	salted(password, salt, out);
}

void password_ssha_of_chosen(const char *password, char out[PASSWORD_HASH_MAX])
{
	char salt[HASH_TOKEN_MAX];
	hash_random_token(SALT_BYTES, salt);
	salt[0] = '.'; /* no character of base64url */
	salted(password, salt, out);
}

int password_crypt(const char *password, char out[PASSWORD_HASH_MAX], struct err *err)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data data = {0};
	const char *hash = NULL;
	if (crypt_gensalt_rn("$6$", 0, NULL, 0, setting, sizeof(setting)))
		hash = crypt_r(password, setting, &data);
	if (!hash || hash[0] == '*')
		return err_errno(err, ERR_INTERNAL, "the password cannot be hashed");
	snprintf(out, PASSWORD_HASH_MAX, "%s", hash);
	explicit_bzero(&data, sizeof(data));
	return 0;
}

/* Whether crypt(3) made the hash. It accepts any two letters as a salt of DES, so a hash of DES is recognised by its
 * length. */
static bool is_crypt(const char *hash)
{
	if (hash[0] != '$' && hash[0] != '_')
		return strlen(hash) == 13 && crypt_checksalt(hash) != CRYPT_SALT_INVALID;
	int answer = crypt_checksalt(hash);
	return answer != CRYPT_SALT_INVALID && answer != CRYPT_SALT_METHOD_DISABLED;
}

static bool password_is_known(const char *hash)
{
	const char *base64 = starts_with(hash, SSHA)  ? hash + strlen(SSHA)
	                     : starts_with(hash, SHA) ? hash + strlen(SHA)
	                                              : NULL;
	if (!base64)
		return starts_with(hash, APR1) || is_crypt(hash);
	struct buf raw;
	if (password_decode(base64, &raw) != 0)
		return false;
	bool whole = starts_with(hash, SSHA) || raw.len == HASH_SHA1_SIZE;
	buf_release(&raw);
	return whole;
}

int password_check_hash(const char *hash, struct err *err)
{
	bool fits = strlen(hash) < PASSWORD_HASH_MAX && !strchr(hash, ':') && !text_has_control(hash);
	if (!fits || !password_is_known(hash))
		return err_set(err, ERR_BAD_REQUEST,
		               "the key \"password_hash\" has no hash that can be checked ({SSHA}…, $6$…, …)");
	return 0;
}

bool password_is_fast(const char *hash)
{
	return starts_with(hash, SSHA);
}

static bool is_sha_of(const char *hash, const char *password)
{
	struct buf raw;
	if (password_decode(hash + strlen(SHA), &raw) != 0)
		return false;
	unsigned char expected[64];
	password_digest(password, "", 0, expected);
	bool same = raw.len == HASH_SHA1_SIZE && hash_equal(expected, raw.data, HASH_SHA1_SIZE) != 0;
	buf_release(&raw);
	return same;
}

static bool same_text(const char *a, const char *b)
{
	size_t len = strlen(a);
	return len == strlen(b) && hash_equal(a, b, len) != 0;
}

/* Without memory for a hash the program ends: a refusal would say that the password is wrong. */
bool password_matches(const char *hash, const char *password)
{
	if (starts_with(hash, SSHA))
		return is_ssha_of(hash, password);
	if (starts_with(hash, SHA))
		return is_sha_of(hash, password);
	if (starts_with(hash, APR1)) {
		char made[APR1_MAX];
		apr1(password, hash, made);
		return same_text(made, hash);
	}
	struct crypt_data data = {0};
	errno = 0;
	const char *made = crypt_r(password, hash, &data);
	if (errno == ENOMEM)
		memory_must(NULL);
	bool same = made && made[0] != '*' && same_text(made, hash);
	explicit_bzero(&data, sizeof(data));
	return same;
}

static size_t base64url_span(const char *text, size_t max)
{
	size_t len = 0;
	while (len < max && (isalnum((unsigned char)text[len]) || text[len] == '-' || text[len] == '_'))
		len++;
	return len;
}

/* 128 bits are 21 characters and two bits of the 22nd, which is therefore one of four letters. A text without
 * letters of both cases was chosen by a person (one in 50,000 keys would lack them, and is not given out). */
bool password_is_key(const char *password)
{
	bool upper = false, lower = false;
	for (const char *at = password; *at; at++) {
		upper = upper || isupper((unsigned char)*at);
		lower = lower || islower((unsigned char)*at);
	}
	return upper && lower && strlen(password) == KEY_TEXT && base64url_span(password, KEY_TEXT) == KEY_TEXT &&
	       strchr("AQgw", password[KEY_TEXT - 1]);
}

bool password_is_ssha_of_ours(const char *hash)
{
	struct buf raw;
	if (!starts_with(hash, SSHA) || password_decode(hash + strlen(SSHA), &raw) != 0)
		return false;
	bool ours = raw.len == HASH_SHA1_SIZE + SALT_TEXT &&
	            base64url_span(raw.data + HASH_SHA1_SIZE, SALT_TEXT) == SALT_TEXT;
	buf_release(&raw);
	return ours;
}
