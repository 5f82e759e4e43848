/* Writes and reads a backup's manifest and its parts. */
#include "backup_manifest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"

enum { FORMAT = 1, MANIFEST_MAX = 256 * 1024 * 1024 };

static const char *const kinds[BACKUP_KINDS] = {"dataset", "audit", "users", "config", "images", "failed"};

void backup_manifest_release(struct backup_manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++) {
		free(manifest->parts[i].name);
		free(manifest->parts[i].key);
	}
	free(manifest->parts);
	*manifest = (struct backup_manifest){.count = 0};
}

const struct backup_part *backup_manifest_find(const struct backup_manifest *manifest, enum backup_kind kind,
                                               const char *name)
{
	for (size_t i = 0; i < manifest->count; i++) {
		if (manifest->parts[i].kind == kind && (!name || strcmp(manifest->parts[i].name, name) == 0))
			return &manifest->parts[i];
	}
	return NULL;
}

static void manifest_add_part(struct backup_manifest *manifest, const struct backup_part *part)
{
	manifest->parts = memory_grow(manifest->parts, manifest->count + 1, sizeof(*manifest->parts));
	manifest->parts[manifest->count++] = *part;
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

static int part_put_file(struct backup_place *place, struct backup_part *part, int fd, const char *path,
                         struct err *err)
{
	unsigned char digest[64];
	struct stat st;

	if (fstat(fd, &st) != 0 || hash_file("sha256", fd, 0, st.st_size, digest) == 0)
		return err_errno(err, ERR_INTERNAL, "%s cannot be read", path);
	hash_hex(digest, HASH_SHA256_SIZE, part->sha256);
	part->bytes = st.st_size;
	/* the configuration's file is its owner's, who goes on writing it */
	const struct blob_put put = {.key = part->key,
	                             .type = "application/octet-stream",
	                             .sha256 = digest,
	                             .length = st.st_size,
	                             .fd = fd,
	                             .handover = part->kind != BACKUP_CONFIG};
	return blob_put(place->blobs, &put, err);
}

int backup_part_put(struct backup_place *place, struct backup_manifest *manifest, struct backup_part *part,
                    const char *path, struct err *err)
{
	int failed = 0;

	part->key = path ? memory_format(BACKUP_KEYS "%s/%06zu.%s", manifest->id, manifest->count, kinds[part->kind])
	                 : memory_text("");
	if (path) {
		int fd = file_open(path, err);

		failed = fd < 0 || part_put_file(place, part, fd, path, err);
		if (fd >= 0)
			close(fd);
	}
	manifest_add_part(manifest, part);
	return failed;
}

/* Reads the object piece by piece into the file, and hashes it. */
static int fetch_pieces(struct backup_place *place, const struct backup_part *part, int fd,
                        char sha256[HASH_SHA256_HEX], struct err *err)
{
	struct hash_stream *hash = hash_stream_new("sha256");
	char *piece = memory_raw(BLOB_READ_BYTES);
	unsigned char digest[64];
	size_t got = BLOB_READ_BYTES;
	int failed = 0;

	for (int64_t at = 0; !failed && got == BLOB_READ_BYTES; at += (int64_t)got) {
		failed = blob_read(place->blobs, part->key, at, piece, BLOB_READ_BYTES, &got, err);
		if (!failed && file_write(fd, piece, got))
			failed = err_errno(err, ERR_INTERNAL, "The backup's databases cannot be written to %s", place->work);
		if (!failed)
			hash_stream_update(hash, piece, got);
	}
	hash_stream_final(hash, digest);
	hash_hex(digest, HASH_SHA256_SIZE, sha256);
	free(piece);
	return failed;
}

int backup_part_fetch(struct backup_place *place, const struct backup_part *part, const char *path, struct err *err)
{
	char sha256[HASH_SHA256_HEX];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, ERR_INTERNAL, "%s cannot be written", path);
	int failed = fetch_pieces(place, part, fd, sha256, err);
	close(fd);
	if (failed)
		return err->code == ERR_NOT_FOUND ? err_set(err, ERR_UNPROCESSABLE, "%s is missing in the backup", part->key) : -1;
	return strcmp(sha256, part->sha256) == 0
	               ? 0
	               : err_set(err, ERR_UNPROCESSABLE, "%s is damaged: its SHA-256 is not that of the manifest", part->key);
}

/* --- the manifest ------------------------------------------------------------------------------------------------- */

static cJSON *part_json(const struct backup_part *part)
{
	cJSON *tree = json_new_object();

	json_add_string(tree, "kind", kinds[part->kind]);
	json_add_string(tree, "name", part->name);
	json_add_string(tree, "key", part->key);
	json_add_int64(tree, "bytes", part->bytes);
	json_add_string(tree, "sha256", part->sha256);
	if (part->kind == BACKUP_DATASET) {
		json_add_int64(tree, "samples", part->samples);
		json_add_int64(tree, "images", part->images);
		json_add_int64(tree, "image_bytes", part->image_bytes);
		json_add_int64(tree, "missing", part->missing);
		json_add_int64(tree, "in_folder", part->in_folder);
		json_add_string(tree, "digest", part->digest);
	}
	return tree;
}

static cJSON *head_json(const struct backup_manifest *manifest)
{
	cJSON *tree = json_new_object();

	json_add_int64(tree, "format", FORMAT);
	json_add_string(tree, "version", version_text);
	json_add_string(tree, "id", manifest->id);
	json_add_int64(tree, "at", manifest->at);
	json_add_bool(tree, "users_in_store", manifest->users_in_store);
	json_add_int64(tree, "parts", (int64_t)manifest->count);
	return tree;
}

static void print_line(cJSON *tree, struct buf *out)
{
	json_print(tree, out);
	buf_char(out, '\n');
	cJSON_Delete(tree);
}

static char *manifest_key(const char *id)
{
	return memory_format(BACKUP_KEYS "%s/" BACKUP_MANIFEST, id);
}

int backup_manifest_put(struct backup_place *place, const struct backup_manifest *manifest, struct err *err)
{
	char *key = manifest_key(manifest->id);
	struct buf text;

	buf_init(&text, MANIFEST_MAX);
	print_line(head_json(manifest), &text);
	for (size_t i = 0; i < manifest->count; i++)
		print_line(part_json(&manifest->parts[i]), &text);
	const struct blob_put put = {
		.key = key, .type = "application/x-ndjson", .length = (int64_t)text.len, .bytes = buf_text(&text), .fd = -1};
	int failed = text.overflow ? err_set(err, ERR_TOO_LARGE, "The backup has too many datasets")
	                           : blob_put(place->blobs, &put, err);
	buf_release(&text);
	free(key);
	return failed;
}

static int take_kind(const char *name, enum backup_kind *kind, struct err *err)
{
	for (*kind = 0; *kind < BACKUP_KINDS; (*kind)++) {
		if (strcmp(kinds[*kind], name) == 0)
			return 0;
	}
	return err_set(err, ERR_UNPROCESSABLE, "there is a part of an unknown kind, %s: a newer version has written it", name);
}

static int manifest_take_part(struct backup_manifest *manifest, const cJSON *line, struct err *err)
{
	const char *kind = "", *name = "", *key = "", *sha256 = "", *digest = "";
	struct backup_part part = {.bytes = 0};

	if (json_string(line, "kind", true, &kind, err) || json_string(line, "name", true, &name, err) ||
	    json_string(line, "key", true, &key, err) || json_string(line, "sha256", true, &sha256, err) ||
	    json_int64(line, "bytes", true, 0, INT64_MAX, &part.bytes, err) || take_kind(kind, &part.kind, err) ||
	    json_int64(line, "samples", false, 0, INT64_MAX, &part.samples, err) ||
	    json_int64(line, "images", false, 0, INT64_MAX, &part.images, err) ||
	    json_int64(line, "image_bytes", false, 0, INT64_MAX, &part.image_bytes, err) ||
	    json_int64(line, "missing", false, 0, INT64_MAX, &part.missing, err) ||
	    json_int64(line, "in_folder", false, 0, INT64_MAX, &part.in_folder, err) ||
	    json_string(line, "digest", false, &digest, err))
		return -1;
	if (part.kind == BACKUP_DATASET && text_check_dataset_name(name, err))
		return -1;
	snprintf(part.sha256, sizeof(part.sha256), "%s", sha256);
	snprintf(part.digest, sizeof(part.digest), "%s", digest);
	part.name = memory_text(name);
	part.key = memory_text(key);
	manifest_add_part(manifest, &part);
	return 0;
}

static int take_head(struct backup_manifest *manifest, const cJSON *line, int64_t *parts, struct err *err)
{
	int64_t format = 0;

	if (json_int64(line, "format", true, 1, INT64_MAX, &format, err))
		return -1;
	if (format != FORMAT)
		return err_set(err, ERR_UNPROCESSABLE, "a newer version has written it");
	return json_int64(line, "at", true, 0, INT64_MAX, &manifest->at, err) ||
	       json_bool(line, "users_in_store", true, &manifest->users_in_store, err) ||
	       json_int64(line, "parts", true, 0, INT64_MAX, parts, err);
}

static int take_lines(struct backup_manifest *manifest, const char *text, struct err *err)
{
	int64_t parts = -1;

	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		cJSON *line = json_parse_object(text, (size_t)(end - text), err);
		int failed = !line || (parts < 0 ? take_head(manifest, line, &parts, err) : manifest_take_part(manifest, line, err));

		cJSON_Delete(line);
		if (failed)
			return -1;
	}
	return *text || parts != (int64_t)manifest->count ? err_set(err, ERR_UNPROCESSABLE, "it ends early") : 0;
}

int backup_manifest_read(struct backup_place *place, const char *id, struct backup_manifest *out, struct err *err)
{
	char *key = manifest_key(id);
	struct buf text;

	*out = (struct backup_manifest){.count = 0};
	snprintf(out->id, sizeof(out->id), "%s", id);
	buf_init(&text, MANIFEST_MAX);
	int failed = blob_fetch(place->blobs, key, &text, err);
	if (failed && err->code == ERR_NOT_FOUND)
		err_set(err, ERR_NOT_FOUND, "There is no complete backup %s in %s", id, place->name);
	else if (!failed && take_lines(out, buf_text(&text), err))
		failed = err_prefix(err, "The manifest of backup %s", id);
	buf_release(&text);
	free(key);
	if (failed)
		backup_manifest_release(out);
	return failed;
}

/* --- for people --------------------------------------------------------------------------------------------------- */

void backup_manifest_print(const struct backup_manifest *manifest)
{
	int64_t datasets = 0, samples = 0, images = 0, bytes = 0, failed = 0;

	for (size_t i = 0; i < manifest->count; i++) {
		const struct backup_part *part = &manifest->parts[i];

		datasets += part->kind == BACKUP_DATASET;
		failed += part->kind == BACKUP_FAILED;
		samples += part->samples;
		images += part->images;
		bytes += part->image_bytes + part->bytes;
	}
	printf("%s   %" PRId64 " dataset%s, %" PRId64 " samples, %" PRId64 " images, %.1f MB", manifest->id, datasets,
	       datasets == 1 ? "" : "s", samples, images, (double)bytes / 1e6);
	if (failed > 0)
		printf("; %" PRId64 " could not be read", failed);
	printf("\n");
}

cJSON *backup_manifest_json(const struct backup_manifest *manifest)
{
	cJSON *tree = head_json(manifest), *parts = json_new_array();

	cJSON_DeleteItemFromObjectCaseSensitive(tree, "at");
	json_add_time(tree, "at", manifest->at);
	for (size_t i = 0; i < manifest->count; i++)
		json_append(parts, part_json(&manifest->parts[i]));
	cJSON_ReplaceItemInObjectCaseSensitive(tree, "parts", parts);
	return tree;
}
