/* Fuzzes what comes back from an image store or a folder that others can write to, by the input's first byte: the
 * manifest of a snapshot ('s'), of a backup ('b'), the compiled users and tokens (.grants).
 *
 * Parses: lib/fastcgi/manifest.c cgi/admin/backup_manifest.c lib/auth/auth.c lib/auth/token.c lib/auth/userfile.c */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "../../cgi/admin/backup_manifest.h"
#include "auth/auth.h"
#include "fastcgi/manifest.h"

/* In place of the real ones (Makefile). */
int __wrap_blob_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
                     struct err *err);
int __wrap_blob_fetch(struct blob_store *store, const char *key, struct buf *out, struct err *err);

static struct {
	const uint8_t *bytes;
	size_t len;
} stored;

int __wrap_blob_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len, size_t *got,
                     struct err *err)
{
	size_t from = (size_t)offset < stored.len ? (size_t)offset : stored.len;

	(void)store;
	(void)key;
	(void)err;
	*got = stored.len - from < len ? stored.len - from : len;
	memcpy(bytes, stored.bytes + from, *got);
	return 0;
}

int __wrap_blob_fetch(struct blob_store *store, const char *key, struct buf *out, struct err *err)
{
	(void)store;
	(void)key;
	return buf_add(out, stored.bytes, stored.len) ? err_set(err, ERR_TOO_LARGE, "too large") : 0;
}

static void check_snapshot(void)
{
	struct manifest_line line = {.id = 0};
	struct manifest manifest;
	struct err err = {0};
	bool more = true;
	int failed = 0;

	manifest_open(&manifest, NULL, "key");
	while (!failed && more) {
		failed = manifest_next(&manifest, &line, &more, &err);
		if (!failed && more)
			require(line.id >= 0 && line.version >= 0 && line.sha256 && line.filepath && line.label);
	}
	if (failed)
		require_told(&err);
	manifest_line_release(&line);
	manifest_close(&manifest);
}

static void check_backup(void)
{
	static char name[] = "the place";
	struct backup_place place = {.name = name};
	struct backup_manifest manifest;
	struct err err = {0};

	if (backup_manifest_read(&place, "20260131T123456Z", &manifest, &err)) {
		require_told(&err);
		return;
	}
	for (size_t i = 0; i < manifest.count; i++) {
		const struct backup_part *part = &manifest.parts[i];

		require(part->kind < BACKUP_KINDS && part->key && part->bytes >= 0);
		require(part->kind != BACKUP_DATASET || text_check_dataset_name(part->name, NULL) == 0);
	}
	cJSON_Delete(backup_manifest_json(&manifest));
	backup_manifest_release(&manifest);
}

static bool see_user(void *data, const struct user_file *user)
{
	struct auth *auth = data;

	require(user->user != NULL);
	auth_role(auth, user->user, "cats");
	return true;
}

static bool see_token(void *data, const struct token *token)
{
	struct auth *auth = data;
	char user[USERFILE_NAME_MAX + 1], hash[AUTH_HASH_MAX];
	bool read_only;

	if (auth_token(auth, token->id, user, &read_only))
		require(auth_role(auth, token->id, NULL) <= auth_role(auth, user, NULL));
	else
		require(auth_role(auth, token->id, NULL) == ROLE_NONE || auth_knows(auth, token->id));
	auth_hash(auth, token->id, hash);
	return true;
}

static void check_grants(void)
{
	char dir[] = "/dev/shm/grants-XXXXXX", *path = NULL;
	struct auth *auth;
	struct err err = {0};

	require(mkdtemp(dir) && asprintf(&path, "%s/.grants", dir) > 0);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, stored.bytes, stored.len) == (ssize_t)stored.len);
	close(fd);
	if (auth_open_passwords(&auth, dir, &err)) {
		require_told(&err);
	} else {
		auth_users(auth, "", see_user, auth);
		auth_tokens(auth, "", see_token, auth);
		auth_free(auth);
	}
	unlink(path);
	rmdir(dir);
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	stored.bytes = data + 1;
	stored.len = size - 1;
	switch (data[0]) {
	case 's': check_snapshot(); break;
	case 'b': check_backup(); break;
	default: check_grants();
	}
	return 0;
}
